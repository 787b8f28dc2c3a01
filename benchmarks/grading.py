"""A class is graded by the command that a lecturer types: sixty hand-ins to two exercises of a chapter, of all kinds.

Nearly all of the work is done in processes of their own, some for each answer, which leave no trace in the processor
time of the command. ``python -m benchmarks.grading COMMAND ...`` runs a command of the repository and prints the
processor time of all that was started with it; `run` asks that.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parent.parent
SUBREAPER = 36  # of prctl: who inherits the processes whose parent has ended
CHAPTER, EXERCISES = "02_bipartite_graph", ("2.1", "2.3")
RIGHT = {
    "ex-2-1": "def coefficient(w, mu2):\n    return w**2 / (mu2 - w**2)\n\njudge_2_1(coefficient)",
    "ex-2-3": "def weights(kernel, mu2, s2):\n    kappa, modes = np.linalg.eigh(kernel)\n"
              "    return modes * np.sqrt((mu2 - kappa) / s2)\n\njudge_2_3(weights)",
}  # fmt: skip
WRONG = RIGHT | {"ex-2-1": "def coefficient(w, mu2):\n    return w / mu2\n\njudge_2_1(coefficient)"}
RAISES = RIGHT | {"ex-2-3": "def weights(kernel, mu2, s2):\n    return matrix_root(kernel)\n\njudge_2_3(weights)"}
KINDS = (RIGHT, RIGHT, RIGHT, WRONG, RIGHT, RAISES, RIGHT, {}, WRONG, RIGHT)
"""What the students of a class hand in, in turn: six of ten are right, one has answered nothing."""


def run(hand_ins: int = 60) -> dict:
    """Seconds to grade a class, and again when points were filled in by hand: of processors, and by the clock."""
    with tempfile.TemporaryDirectory() as name:
        folder, student = Path(name, "class"), Path(name, "student")
        command("student", student)
        notebook = json.loads((student / f"{CHAPTER}.ipynb").read_text(encoding="utf-8"))
        for number in range(hand_ins):
            path = folder / f"student {number}" / f"{CHAPTER}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(answered(notebook, KINDS[number % len(KINDS)])), encoding="utf-8")
        times, load = {}, os.getloadavg()[0]
        for which in ("the first time", "again, with points filled in by hand"):
            start = perf_counter()
            times[which] = command("student", "--grade", folder, *EXERCISES), perf_counter() - start
        table = (Path(name) / "class-graded" / "gradebook.csv").read_text(encoding="utf-8-sig").splitlines()
    return {"hand_ins": hand_ins, "exercises": list(EXERCISES), "times": times, "load": load, "graded": len(table) - 1}


def command(*words) -> float:
    """Run a command of the repository; the processor time that it took, with all that it started."""
    run = [sys.executable, "-m", "benchmarks.grading", *map(str, words)]
    done = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True, encoding="utf-8")
    return float(done.stdout.split()[-1])


def main(name: str, *words: str):
    """Run a command in a process of which this one inherits what it leaves behind, and print the time of them all."""
    if sys.platform == "linux":  # elsewhere the command waits for each process that it starts
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    subprocess.run([sys.executable, "-m", f"commands.{name}", *words], cwd=ROOT, check=True)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(usage.ru_utime + usage.ru_stime)


def answered(notebook: dict, answers: dict[str, str]) -> dict:
    """A copy of a student copy with these answers, by the labels of the exercises."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        for tag in cell["metadata"].get("tags", []):
            if tag in answers and "answer" in cell["metadata"]["tags"]:
                cell["source"] = answers[tag]
    return notebook


if __name__ == "__main__":
    main(*sys.argv[1:])
