"""Two graders, one class: ``python -m commands.graders`` has the same hand-ins graded by nbgrader and by us.

nbgrader is its own release, in an environment of its own (``python tasks.py prepare nbgrader``), and does what a
department would have it do: it makes an assignment of the student copy, grades what was collected, and exports its
database to a table. Its kernel is the Python of the book. What came of each hand-in is stored in
`chapters/graders.json`, which the page on courses shows.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from datetime import datetime
from io import StringIO
from pathlib import Path

import nbformat

from book.exercises import exercises_of
from book.graders import FILE, differences
from book.reader import Numbers
from commands.collect import collect
from commands.grading.course import grade_class
from commands.grading.gradebook import choose, read_number
from commands.normalise import dumps
from commands.student import ANSWER, CHAPTERS, solutions, solve, student_copy, untouched, write
from srbm._support.files import write_text
from tasks import NBGRADER, ROOT, program

CHAPTER, WORDS = "02_bipartite_graph", ["2.1", "2.2=3", "2.3=2"]
FIRST, SECOND = "ex-2-1", "ex-2-3"  # those with a judge
ASSIGNMENT = "week1"
DUE, ON_TIME, TOO_LATE = (datetime.fromisoformat(f"2026-11-{day}T18:00+00:00") for day in ("10", "09", "12"))
SECONDS = 15.0  # that a cell may run
CASES = {
    "right": "all answers are right",
    "wrong": "two wrong answers",
    "late": "all answers are right, two days after the deadline",
    "broken": "the file has the marks of a merge in it, and is no notebook",
    "hostile": "an answer that never ends, another judge, tests that ask nothing and are worth a hundred times more",
    "tags lost": "all answers are right, and the metadata of all cells are lost, as by Google Colab",
}
"""What students handed in for which both graders give the same points."""
DIFFERENT = {
    "ended": "one answer is right, another ends the process in which it runs",
    "patched": "two wrong answers, of which one has changed `srbm_book`",
}
"""And for which they do not."""
ANSWERS = {
    "wrong": {FIRST: "def coefficient(w, mu2):\n    return w / mu2\n\njudge_2_1(coefficient)",
              SECOND: "def weights(kernel, mu2, s2):\n    return kernel\n\njudge_2_3(weights)"},
    "hostile": {FIRST: "while True: pass",
                SECOND: "def judge_2_3(answer):\n    print('Right.')\n\nweights = 0\njudge_2_3(weights)"},
    "ended": {SECOND: "import os\nos._exit(0)"},
    "patched": {FIRST: "import srbm_book\nsrbm_book.require = print\ncoefficient = 0\njudge_2_1(coefficient)",
                SECOND: "weights = 0\njudge_2_3(weights)"},
}  # fmt: skip
"""Code by the label of the exercise, where it is not that of the book."""
NBGRADERS = """
import json, sys
from nbgrader import __version__
from nbgrader.api import Gradebook

with Gradebook("sqlite:///gradebook.db") as book:
    found = {}
    for one in book.assignment_submissions(sys.argv[1]):
        grades = [grade for notebook in one.notebooks for grade in notebook.grades]
        found[one.student.id] = {
            "points": {grade.cell.name: grade.auto_score or 0.0 for grade in grades},
            "waiting": sorted(grade.cell.name for grade in grades if grade.needs_manual_grade),
            "late": one.total_seconds_late / 3600,
        }
    print(json.dumps([__version__, found]))
"""


def asked():
    """The chapter, its exercises, and the points of those that count."""
    book = nbformat.read(CHAPTERS / f"{CHAPTER}.ipynb", as_version=4)
    exercises = exercises_of(book, CHAPTER)
    return book, exercises, choose(WORDS, exercises)


def handed_in(name: str) -> str:
    """The text of the notebook that a student handed in: a whole one, or one without the cells that nothing needs."""
    book, _, points = asked()
    copy = student_copy(book, CHAPTER, Numbers(CHAPTERS), points)
    if name != "right":
        copy.cells = [cell for cell in copy.cells if cell.cell_type == "markdown" or "nbgrader" in cell.metadata]
    for cell in solve(copy, solutions(book) | ANSWERS.get(name, {})).cells:
        if cell.source == ANSWER:
            cell.source = "By completing the square."
        elif name == "hostile" and cell.metadata.get("nbgrader", {}).get("grade"):
            cell.source = "pass"
            cell.metadata["nbgrader"]["points"] *= 100
        if name == "tags lost":
            cell.metadata = nbformat.from_dict({})
    return f"<<<<<<< HEAD\n{dumps(copy)}" if name == "broken" else dumps(copy)


def write_class(folder: Path):
    """A folder with a folder for each student."""
    for name in (*CASES, *DIFFERENT):
        file = folder / name / f"{CHAPTER}.ipynb"
        file.parent.mkdir(parents=True)
        file.write_text(handed_in(name), encoding="utf-8")
        stamp = (TOO_LATE if name == "late" else ON_TIME).timestamp()
        os.utime(file, (stamp, stamp))


def by_us(folder: Path, into: Path, seconds: float = SECONDS) -> dict:
    """By student the points, what waits for a person, and the hours after the deadline."""
    graded = grade_class(folder, CHAPTERS, untouched(), asked()[2], into, seconds, DUE)
    return {
        student: {
            "points": {number: read_number(cell) or 0.0 for number, cell in row.cells.items()},
            "waiting": [number for number, cell in row.cells.items() if read_number(cell) is None],
            "late": read_number(row.late),
        }
        for student, row in graded.rows.items()
    }


class NoNbgrader(RuntimeError):
    """Its environment is missing."""


def by_nbgrader(folder: Path, course: Path, seconds: float = SECONDS) -> tuple[str, dict]:
    """The version of nbgrader, and the same from it: its database and its table have to agree."""
    python = program(NBGRADER)
    if not python.exists():
        raise NoNbgrader("there is no environment with nbgrader: python tasks.py prepare nbgrader")
    kernel = course / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    private = {f"JUPYTER_{name}_DIR": str(course / "jupyter" / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    private |= {"JUPYTER_PATH": str(course / "jupyter"), "IPYTHONDIR": str(course / "ipython")}
    private["PATH"] = os.pathsep.join([str(python.parent), os.environ["PATH"]])  # nbgrader calls alembic by its name

    def run(*words, check=True):
        done = subprocess.run([python, *words], cwd=course, env=os.environ | private, capture_output=True, text=True)
        if check and done.returncode:
            raise RuntimeError(f"nbgrader failed ({' '.join(words)}): {done.stderr}")
        return done.stdout

    write(course / "source" / ASSIGNMENT, words=WORDS)
    # The copy has no solutions: clearing them would take the places for the answers.
    run("-m", "nbgrader", "generate_assignment", ASSIGNMENT, "--ClearSolutions.enabled=False")
    due = f"{DUE:%Y-%m-%d %H:%M:%S} UTC"
    run("-m", "nbgrader", "db", "assignment", "add", ASSIGNMENT, f"--duedate={due}")
    with redirect_stdout(StringIO()):
        collect(folder, course, ASSIGNMENT)
    # It ends with an error where one hand-in was no notebook, after it has graded the others.
    limits = (f"--Execute.timeout={round(seconds)}", f"--Execute.startup_timeout={round(60 + seconds)}")
    run("-m", "nbgrader", "autograde", ASSIGNMENT, *limits, check=False)
    run("-m", "nbgrader", "export", "--to=grades.csv")
    version, found = json.loads(run("-c", NBGRADERS, ASSIGNMENT))
    numbers = {cell: cell.rpartition("ex-")[2].replace("-", ".") for one in found.values() for cell in one["points"]}
    with open(course / "grades.csv", encoding="utf-8", newline="") as lines:
        totals = {row["student_id"]: float(row["score"]) for row in csv.DictReader(lines)}
    for student, one in found.items():
        if sum(one["points"].values()) != totals[student]:
            raise RuntimeError(f"nbgrader's database and its table differ for {student}")
        one["points"] = {number: one["points"][cell] for cell, number in sorted(numbers.items(), key=lambda it: it[1])}
        one["waiting"] = [numbers[cell] for cell in one["waiting"]]
    return version, found


def compare(folder: Path, seconds: float = SECONDS) -> dict:
    """Grade the class twice, in a folder that may be removed: what is recorded."""
    _, exercises, points = asked()
    for name in ("hand-ins", "course", "graded"):
        (folder / name).mkdir()
    write_class(folder / "hand-ins")
    version, theirs = by_nbgrader(folder / "hand-ins", folder / "course", seconds)
    ours = by_us(folder / "hand-ins", folder / "graded", seconds)
    return {
        "nbgrader": version,
        "points": points,
        "judged": [exercise.number for exercise in exercises if exercise.judged and exercise.number in points],
        "hand_ins": [
            {"name": name, "what": what, "nbgrader": theirs[name], "ours": ours[name]}
            for name, what in (CASES | DIFFERENT).items()
        ],
    }


def main():
    parser = argparse.ArgumentParser(prog="python -m commands.graders", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="that a cell may run; more on a busy machine")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        record = compare(Path(folder), seconds)
    write_text(ROOT / FILE, json.dumps(record, indent=1) + "\n")
    for one in record["hand_ins"]:
        print(f"{one['name']:10} {'; '.join(differences(one)) or 'the same points'}")
    return int(any(differences(one) for one in record["hand_ins"] if one["name"] in CASES))


if __name__ == "__main__":
    sys.exit(main())
