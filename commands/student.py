"""A copy of the chapters for a course, without the solutions: ``python -m commands.student [folder]``.

The copy is made from the chapters themselves; nothing is kept twice. Solutions go, what they leave open is marked, and
the directives and roles of the book become plain Markdown, so that a notebook reads well in JupyterLab alone. It runs
in any folder; all it needs is the installed `srbm`, with what the chapters import (`srbm_book`), and a README in the
copy says how that is installed.

``python -m commands.student folder 2.1 2.3=2`` makes an assignment for nbgrader: the chapters of these exercises, with
what nbgrader has to know of each cell (`commands.grading.nbgrader`).

``python -m commands.student --grade [folder]`` executes the answers in a copy and says what the judge says of each one
(`commands.grading`). What is asked and the judges come from the book, only the answers from the copy. Where the folder
holds a folder or a file for each student of a class, a gradebook and pages of feedback are written.
"""

import argparse
import os
import shlex
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import nbformat

import srbm
from book.address import Address
from book.exercises import code_cells, exercises_of, in_reading_order, parts
from book.reader import Numbers, code_cell, heading_of, markdown_cell, quoted
from commands.grading import gradebook, nbgrader
from commands.grading.course import grade_folder
from commands.grading.judging import SECONDS, judged
from commands.normalise import dumps, normalise

CHAPTERS = Path(__file__).parent.parent / "chapters"
ANSWER = "*Your answer:*"
PREFACE = """*Student copy, without the solutions. Answer in the cells that say "your answer"; where they hold code,
running one has it judged. The folded cells are the judges: opening one is allowed, and spoils the exercise.*"""
README = """# Student copy

## Once, to install

With Python 3.11 or newer, in an environment of its own or in that of your Jupyter:

    python -m venv srbm-course
    srbm-course/bin/python -m pip install {requirement} jupyterlab

On Windows type `srbm-course\\Scripts\\python` in place of `srbm-course/bin/python`, here and below; where there is no
`python`, its name is `python3`, or `py` on Windows. {source}

## Each time

    srbm-course/bin/python -m jupyterlab

opens JupyterLab; open a notebook of this folder in it. In Google Colab and the like put
`%pip install {requirement}` into a first cell{upload}.

## What to hand in

Write your answers where the notebook says "your answer", execute it once from top to bottom, and hand in the notebooks
that you were asked for. Keep the headings of the exercises, the names of the files and of what you are asked to write,
and the line at the end of an answer that has it judged: your answers are found by them. Files that an answer reads go
into the same folder.
"""


def student_copy(notebook, chapter: str, numbers: Numbers, points: dict[str, float] | None = None):
    """The notebook of a chapter without its solutions, with marked places for the answers and without outputs.

    With `points`, by the numbers of exercises, it is an assignment for nbgrader.
    """
    exercises = {exercise.label: exercise for exercise in exercises_of(notebook, chapter)}
    cells, in_solution = [], False
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if not in_solution:
                cells += code_cell(cell, numbers)
            continue
        text = ""
        for part in parts(cell.source):
            if isinstance(part, str):
                text += "" if in_solution else part
            elif part.name in ("solution-start", "solution-end"):
                in_solution = part.name == "solution-start"
            elif part.name == "exercise":
                exercise = exercises[part.options["label"]]
                text += heading_of(exercise)
                if not exercise.judged:
                    cells += [markdown_cell(text, numbers), *_room(exercise)]
                    text = ""
            elif part.name not in ("solution", "cost"):
                text += quoted(part)
        cells.append(markdown_cell(text, numbers))
    title, *rest = [cell for cell in cells if cell.cell_type == "code" or cell.source]
    copy = nbformat.v4.new_notebook(cells=[title, markdown_cell(PREFACE, numbers), *rest])
    if points:
        copy.cells = nbgrader.assignment(copy.cells, exercises.values(), points)
    copy.metadata = normalise(copy).metadata
    return copy


def _room(exercise):
    """Empty cells for an answer that nothing judges."""
    text = nbformat.v4.new_markdown_cell(ANSWER)
    if exercise.kind not in ("compute", "explore"):
        return [text]
    return [nbformat.v4.new_code_cell("# your code"), text]


def readme(address: Address) -> str:
    """What the copy says of installing and handing in; without an address of the book a wheel has to come with it."""
    if address:
        return README.format(requirement=f'"{address.requirement}"', source="This needs git.", upload="")
    wheel = f"srbm-{srbm.__version__}-py3-none-any.whl"
    source = f"The file `{wheel}` comes from whoever gave you this folder; put it where you type this."
    return README.format(requirement=f'"./{wheel}[book]"', source=source, upload=", and upload that file")


def write(folder: Path, chapters: Path = CHAPTERS, words: list[str] | None = None) -> list[Path]:
    """Write the student copy of all chapters into `folder`; a notebook that is already there is never overwritten.

    Where `words` choose exercises (`gradebook.choose`), it is one of their chapters, and an assignment for nbgrader.
    """
    numbers, written = Numbers(chapters), []
    books = {path: nbformat.read(path, as_version=4) for path in in_reading_order(chapters)}
    exercises = {path: exercises_of(book, path.stem) for path, book in books.items()}
    points = gradebook.choose(words or [], [exercise for some in exercises.values() for exercise in some])
    if points:
        books = {path: book for path, book in books.items() if {e.number for e in exercises[path]} & points.keys()}
    taken = [path.name for path in books if (folder / path.name).exists()]
    if taken:
        raise FileExistsError(
            f"{folder} already holds {', '.join(taken)}, perhaps with answers in them: "
            "choose another folder (make student TO=folder) or remove them"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path, book in books.items():
        copy = student_copy(book, path.stem, numbers, points)
        (folder / path.name).write_text(dumps(copy), encoding="utf-8")
        written.append(folder / path.name)
    (folder / "README.md").write_text(readme(Address.of()), encoding="utf-8")
    return written


def untouched(chapters: Path = CHAPTERS) -> dict[str, list]:
    """By chapter the cells of the student copy, in which nothing is answered."""
    numbers = Numbers(chapters)
    return {
        path.stem: student_copy(nbformat.read(path, as_version=4), path.stem, numbers).cells
        for path in in_reading_order(chapters)
    }


def solutions(notebook) -> dict[str, str]:
    """From the label of each judged exercise to the code of its solution."""
    found = {}
    labels = {exercise.label for exercise in judged(notebook, "")}
    for cell, label in code_cells(notebook):
        if label in labels:
            found.setdefault(label, cell.source)
    return found


def solve(copy, answers: dict[str, str]):
    """Put `answers`, code by label, into the answer cells of a student copy."""
    for cell in copy.cells:
        for label in _labels(cell):
            cell.source = answers.get(label, cell.source)
    return copy


def _labels(cell) -> list[str]:
    """The exercise that a cell is the answer to: one label, or none."""
    tags = cell.metadata.get("tags", [])
    return [tag for tag in tags if tag.startswith("ex-")] if "answer" in tags else []


def typed(*words: str, windows=os.name == "nt") -> str:
    """A command as it is typed, where quotation marks are those of a shell, or of Windows."""
    return subprocess.list2cmdline(words) if windows else shlex.join(words)


def _moment(text: str) -> datetime:
    """A date and time; of this machine's time zone where it names none."""
    return datetime.fromisoformat(text).astimezone()


def main():
    parser = argparse.ArgumentParser(prog="python -m commands.student", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("student"), help="where the copy is or goes")
    parser.add_argument(
        "exercises",
        nargs="*",
        metavar="exercise",
        help="of a class: 2.3, 2.3=2 for two points, 2 for a chapter, or a TOML file with a table [points]; "
        "without --grade those of an assignment for nbgrader",
    )
    parser.add_argument("--grade", action="store_true", help="judge the answers in an existing copy, or in a class's")
    parser.add_argument("--into", type=Path, help="where gradebook and feedback go (folder-graded)")
    parser.add_argument(
        "--due", type=_moment, help="the deadline of a class, 2026-11-30T18:00: the gradebook tells who was late"
    )
    parser.add_argument("--seconds", type=float, default=SECONDS, help="that a cell may run while it is graded")
    arguments = parser.parse_intermixed_args()  # fmt: skip
    folder = arguments.folder.expanduser()  # the Makefile quotes it
    try:
        if arguments.grade:
            into = arguments.into and arguments.into.expanduser().resolve()
            grade_folder(
                folder.resolve(), CHAPTERS, untouched, arguments.exercises, into, arguments.seconds, arguments.due
            )
        else:
            written = write(folder, words=arguments.exercises)
            jupyter = os.path.relpath(Path(sys.executable).with_name("jupyter"))  # nobody has to activate anything
            print(f"{len(written)} notebooks in {folder}: open them with {typed(jupyter, 'lab', str(folder))}")
    except (FileExistsError, FileNotFoundError, PermissionError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
