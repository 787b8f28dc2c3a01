"""What the judges of the book say of the answers in a copy."""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from unittest import mock

import nbformat

from book.exercises import (
    FOLDED,
    NEEDED,
    NO_ANSWER,
    RIGHT,
    Exercise,
    code_cells,
    exercises_of,
    in_reading_order,
    number_of,
)
from commands.grading.handins import chosen
from commands.grading.host import UNCONTAINED, Ended, Guest, containment
from commands.grading.values import clean
from srbm_book import selfcheck

SECONDS = 60.0  # that a cell may run while it is graded; the slowest of the book takes eight
LARGEST = 64 * 2**20  # bytes of a notebook
COULD_NOT = "It could not be graded"  # how a verdict begins that says nothing of the answer
PATIENCE = 5  # cells that end their process before no more of a notebook is tried than the book asks for


@dataclass(frozen=True)
class Verdict:
    """What the judge said of one answer, or why it could not be asked."""

    label: str
    text: str

    @property
    def right(self) -> bool:
        return self.text == RIGHT


@dataclass(frozen=True)
class Cell:
    """A code cell that was handed in; TypeError for one that no notebook can hold."""

    source: str
    tags: frozenset[str]

    @classmethod
    def read(cls, cell):
        tags = cell.get("metadata", {}).get("tags", [])
        if not isinstance(cell["source"], str) or not all(isinstance(tag, str) for tag in tags):
            raise TypeError("the source of a cell and its tags are text")
        return cls(cell["source"], frozenset(tags))

    def answers(self, exercise: Exercise) -> bool:
        return {"answer", exercise.label} <= self.tags

    def asks(self, exercise: Exercise) -> bool:
        """Whether it calls the judge of an exercise."""
        return re.search(rf"(?<!def )\b{exercise.judge}\s*\(", self.source) is not None

    def tagged(self, *tags: str) -> "Cell":
        return replace(self, tags=self.tags | {*tags})


def cells_of(notebook) -> list[Cell]:
    """The code cells of a notebook, in order."""
    return [Cell.read(cell) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def judged(notebook, chapter: str) -> list[Exercise]:
    """The exercises of a chapter whose answers a cell judges."""
    return [exercise for exercise in exercises_of(notebook, chapter) if exercise.judged]


def restored(cells: list[Cell], notebook, chapter: str) -> list[Cell]:
    """The cells of a copy with the tags that Google Colab and others lose.

    An exercise of which no cell has the tags is answered where its judge is called; what answers need are the cells
    that are as they were.
    """
    needed = {cell.source.strip() for cell, _ in code_cells(notebook) if NEEDED in Cell.read(cell).tags}
    cells = [cell.tagged(NEEDED) if _unfolded(cell.source).strip() in needed else cell for cell in cells]
    for exercise in judged(notebook, chapter):
        if not any(cell.answers(exercise) for cell in cells):
            cells = [cell.tagged("answer", exercise.label) if cell.asks(exercise) else cell for cell in cells]
    return cells


def _unfolded(source: str) -> str:
    return source.removeprefix(f"{FOLDED}\n")


def grade(copy: list[Cell], notebook, chapter: str, folder: Path, chapters: Path, seconds: float = SECONDS):
    """Judge the answers in the copy of a chapter, a `Verdict` for each exercise."""
    for _, verdict in grade_all({"": (copy, folder)}, notebook, chapter, chapters, seconds):
        yield verdict


def grade_all(
    copies: Mapping[str, tuple[list[Cell], Path]],
    notebook,
    chapter: str,
    chapters: Path,
    seconds: float = SECONDS,
    wanted=lambda exercise: True,
) -> Iterator[tuple[str, Verdict]]:
    """Judge the answers in many copies of a chapter: the key of a copy and a `Verdict`, exercise by exercise.

    The exercises and their judges are those of `notebook`, the chapter of the book, and run in `chapters`, once for
    all copies; what a copy says of them is not looked at. The answers in a copy run elsewhere, where the files in the
    folder that comes with it were copied.
    """  # fmt: skip
    theirs = {
        key: _Copy(restored(cells, notebook, chapter), notebook, chapter, partial(Guest, folder, seconds=seconds))
        for key, (cells, folder) in copies.items()
    }
    for exercise, judge in _judges(notebook, chapter, chapters):
        for key, copy in theirs.items() if wanted(exercise) else ():
            try:
                text = copy.verdict(exercise, judge)
            except Exception as error:  # of the system: one answer that cannot be graded costs no other
                text = f"{COULD_NOT} ({clean(f'{type(error).__name__}: {error}')})"
            yield key, Verdict(exercise.label, text)


def _judges(notebook, chapter, chapters) -> Iterator[tuple[Exercise, Callable]]:
    """Each exercise and its judge: the cells of the book that they need are executed here, in one namespace."""
    namespace: dict = {"__name__": "__main__"}
    exercises = judged(notebook, chapter)
    for number, (cell, solution) in enumerate(code_cells(notebook), 1):
        cell = Cell.read(cell)
        for exercise in exercises:
            if cell.answers(exercise):
                yield exercise, namespace[exercise.judge]
        if solution is None and NEEDED in cell.tags:
            with contextlib.chdir(chapters), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
                exec(compile(cell.source, f"{chapter}, code cell {number}", "exec"), namespace)


class _Copy:
    """The cells of a copy, of which those that end their process are not executed again for other answers."""

    def __init__(self, cells: list[Cell], notebook, chapter: str, guest: Callable):
        self._cells, self._chapter, self._guest = cells, chapter, guest
        self._of_the_book = {cell.source for cell, _ in code_cells(notebook)}
        self._broken: dict[int, str] = {}

    def verdict(self, exercise: Exercise, judge: Callable) -> str:
        """Have an answer judged with no cell but those that the book says answers need, so that no other can harm it.

        Where that does not make it right, those before it that are the student's own are executed as well: other
        answers, new cells and changed ones. Where a name is missing still, all cells are.
        """
        answers = [index for index, cell in enumerate(self._cells) if cell.answers(exercise)]
        if not answers:
            return "Its cell was not found."
        text, executed = "", None
        for wanted in (self._needed, self._own, self._any):
            cells = [index for index in range(answers[-1] + 1) if index in answers or wanted(self._cells[index])]
            if cells == executed or (wanted == self._any and "NameError" not in text):
                continue
            text, executed = self._try(cells, answers, exercise, judge), cells
            if text in (RIGHT, NO_ANSWER) or self._broken.keys() & set(answers) or len(self._broken) > PATIENCE:
                break
        return text

    def _needed(self, cell):
        return NEEDED in cell.tags

    def _own(self, cell):
        return {NEEDED, "answer"} & cell.tags or _unfolded(cell.source) not in self._of_the_book

    def _any(self, cell):
        return True

    def _try(self, cells, answers, exercise, judge):
        """The verdict when these cells are executed; again without one that ends the process before the answer."""
        while True:
            at, said, raised = cells[0], [], []
            try:
                with self._guest(judge=exercise.judge) as guest:
                    for at in (index for index in cells if index not in self._broken):
                        if error := self._execute(guest, at, partial(_ask, judge, said.append)):
                            raised.append(f"Code cell {at + 1} raised {error}")
                            if at in answers:
                                return ". ".join(dict.fromkeys([raised[0], raised[-1]]))
                return said[-1] if said else "The judge was not asked."
            except Ended as ended:
                self._broken[at] = str(ended)
                if at in answers or len(self._broken) > PATIENCE:
                    return str(ended)

    def _execute(self, guest, at, ask):
        try:
            return guest.execute(self._cells[at].source, f"{self._chapter}, code cell {at + 1}", ask)
        except Exception as error:  # of the judge, called in a way that it is not made for
            return clean(f"{type(error).__name__}: {error}")


def _ask(judge, hear, *answers, **named):
    """Have `judge` say to `hear` what it would show."""
    with mock.patch.object(selfcheck, "_show", hear):
        judge(*answers, **named)


def read_notebook(path: Path):
    """A notebook that was handed in; any error if the file is none."""
    if not path.exists():
        raise FileNotFoundError(path)
    if not path.is_file():  # reading a pipe would not end
        raise OSError("no regular file")
    if path.stat().st_size > LARGEST:
        raise OSError(f"larger than {LARGEST // 2**20} MB")
    return nbformat.read(path, as_version=4)


def why_not(error: Exception) -> str:
    """One line that says why a file is no notebook: it can be wrong in many ways."""
    return clean(f"{type(error).__name__}: {error}".splitlines()[0])


def report(folder: Path, chapters: Path, seconds: float = SECONDS):
    """Grade the copy of one student and print a line for each answer, as soon as it is judged, and for what is no copy.

    All exercises of the book count, whether or not there is an answer.
    """
    paths = {path.stem: path for path in in_reading_order(chapters)}
    notebooks, remarks = chosen(sorted(folder.glob("*.ipynb")), paths)
    for remark in remarks:
        print(remark)
    asked, handed_in = 0, {}
    for chapter, path in paths.items():
        notebook = nbformat.read(path, as_version=4)
        numbers = [exercise.number for exercise in judged(notebook, chapter)]
        asked += len(numbers)
        without = f"its exercises ({', '.join(numbers)}) are not graded"
        try:
            handed_in[chapter] = cells_of(read_notebook(notebooks.get(chapter, folder / path.name))), notebook
        except FileNotFoundError:
            print(f"{path.name} was not found: {without}")
        except Exception as error:
            print(f"{path.name} is not a notebook ({why_not(error)}): {without}")
    if what_is_not := UNCONTAINED[containment()]:
        print(what_is_not, file=sys.stderr)
    solved = 0
    for chapter, (copy, notebook) in handed_in.items():
        for verdict in grade(copy, notebook, chapter, folder, chapters, seconds):
            print(f"{number_of(verdict.label):5} {verdict.text}", flush=True)
            solved += verdict.right
    print(f"{solved} of {asked} are right")
