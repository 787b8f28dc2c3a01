"""A copy of the chapters for a course, without the solutions: ``python -m commands.student [folder]``.

The copy is made from the chapters themselves; nothing is kept twice. Solutions go, what they leave open is marked, and
the directives and roles of the book become plain Markdown, so that a notebook reads well in JupyterLab alone. It runs
in any folder; all it needs is the installed `srbm`, with what the chapters import (`srbm_book`).

``python -m commands.student --grade [folder]`` executes the answers in a copy and says what the judge says of each one
(`commands.grading`). What is asked and the judges come from the book, only the answers from the copy.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path

import nbformat

from book.exercises import code_cells, exercises_of, in_reading_order, parts
from book.reader import Numbers, code_cell, heading_of, markdown_cell, quoted
from commands.grading.judging import judged, report
from commands.normalise import dumps, normalise

CHAPTERS = Path(__file__).parent.parent / "chapters"
ANSWER = "*Your answer:*"
PREFACE = """*Student copy, without the solutions. Answer in the cells that say "your answer"; where they hold code,
running one has it judged. The folded cells are the judges: opening one is allowed, and spoils the exercise.*"""


def student_copy(notebook, chapter: str, numbers: Numbers):
    """The notebook of a chapter without its solutions, with marked places for the answers and without outputs."""
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
    copy.metadata = normalise(copy).metadata
    return copy


def _room(exercise):
    """Empty cells for an answer that nothing judges."""
    text = nbformat.v4.new_markdown_cell(ANSWER)
    if exercise.kind not in ("compute", "explore"):
        return [text]
    return [nbformat.v4.new_code_cell("# your code"), text]


def write(folder: Path, chapters: Path = CHAPTERS) -> list[Path]:
    """Write the student copy of all chapters into `folder`; a notebook that is already there is never overwritten."""
    numbers, written = Numbers(chapters), []
    taken = [path.name for path in in_reading_order(chapters) if (folder / path.name).exists()]
    if taken:
        raise FileExistsError(
            f"{folder} already holds {', '.join(taken)}, perhaps with answers in them: "
            "choose another folder (make student TO=folder) or remove them"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path in in_reading_order(chapters):
        copy = student_copy(nbformat.read(path, as_version=4), path.stem, numbers)
        (folder / path.name).write_text(dumps(copy), encoding="utf-8")
        written.append(folder / path.name)
    return written


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


def main():
    parser = argparse.ArgumentParser(prog="python -m commands.student", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("student"), help="where the copy is or goes")
    parser.add_argument("--grade", action="store_true", help="judge the answers in an existing copy")
    arguments = parser.parse_args()
    folder = arguments.folder.expanduser()  # the Makefile quotes it
    try:
        if arguments.grade:
            report(folder.resolve(), CHAPTERS)
        else:
            written = write(folder)
            jupyter = os.path.relpath(Path(sys.executable).with_name("jupyter"))  # nobody has to activate anything
            print(f"{len(written)} notebooks in {folder}: open them with {shlex.join([jupyter, 'lab', str(folder)])}")
    except (FileExistsError, FileNotFoundError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
