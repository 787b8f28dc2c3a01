"""A class is graded by the command that a lecturer types: sixty hand-ins to two exercises of a chapter, of all kinds.

Times are those of a clock: nearly all of the work is done in processes of their own, one for each answer.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parent.parent
CHAPTER, EXERCISES = "02_bipartite_graph", ("2.1", "2.3")
RIGHT = {
    "ex-2-1": "def coefficient(w, mu2):\n    return w**2 / (mu2 - w**2)\n\njudge_2_1(coefficient)",
    "ex-2-3": "def weights(kernel, mu2, s2):\n    kappa, modes = np.linalg.eigh(kernel)\n"
              "    return modes * np.sqrt((mu2 - kappa) / s2)\n\njudge_2_3(weights)",
}  # fmt: skip
WRONG = RIGHT | {"ex-2-1": "def coefficient(w, mu2):\n    return w / mu2\n\njudge_2_1(coefficient)"}
RAISES = RIGHT | {"ex-2-3": "def weights(kernel, mu2, s2):\n    return root(kernel)\n\njudge_2_3(weights)"}
KINDS = (RIGHT, RIGHT, RIGHT, WRONG, RIGHT, RAISES, RIGHT, {}, WRONG, RIGHT)
"""What the students of a class hand in, in turn: six of ten are right, one has answered nothing."""


def run(hand_ins: int = 60) -> dict:
    """Seconds to grade a class, and to grade it again when points were filled in by hand."""
    with tempfile.TemporaryDirectory() as name:
        folder, student = Path(name, "class"), Path(name, "student")
        command("student", student)
        notebook = json.loads((student / f"{CHAPTER}.ipynb").read_text(encoding="utf-8"))
        for number in range(hand_ins):
            path = folder / f"student {number}" / f"{CHAPTER}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(answered(notebook, KINDS[number % len(KINDS)])), encoding="utf-8")
        times = {}
        for which in ("the first time", "again, with points filled in by hand"):
            start = perf_counter()
            command("student", "--grade", folder, *EXERCISES)
            times[which] = perf_counter() - start
        table = (Path(name) / "class-graded" / "gradebook.csv").read_text(encoding="utf-8-sig").splitlines()
    return {"hand_ins": hand_ins, "exercises": list(EXERCISES), "times": times, "graded": len(table) - 1}


def command(*words) -> None:
    """Run a command of the repository."""
    name, *rest = map(str, words)
    subprocess.run([sys.executable, "-m", f"commands.{name}", *rest], cwd=ROOT, check=True, capture_output=True)


def answered(notebook: dict, answers: dict[str, str]) -> dict:
    """A copy of a student copy with these answers, by the labels of the exercises."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        for tag in cell["metadata"].get("tags", []):
            if tag in answers and "answer" in cell["metadata"]["tags"]:
                cell["source"] = answers[tag]
    return notebook
