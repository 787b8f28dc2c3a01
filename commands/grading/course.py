"""Grading a class: a gradebook for the lecturer, and a page of feedback for each student.

Chapter by chapter the judges of the book run once, and are asked about the answers of all students. What no judge
decides waits for a person: the gradebook says so, and says where to look.
"""

import contextlib
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import nbformat

import srbm
from book.exercises import NO_ANSWER, Exercise, exercises_of, in_reading_order
from book.reader import HEADING
from commands.grading import gradebook
from commands.grading.gradebook import BY_HAND, EMPTY, MISSING, NOT_GRADED, Gradebook, Row, read_number, shown
from commands.grading.handins import HandIn, file_name, hand_ins, is_one_copy
from commands.grading.host import UNCONTAINED, containment
from commands.grading.judging import (
    COULD_NOT,
    SECONDS,
    Verdict,
    cells_of,
    grade_all,
    read_notebook,
    report,
    why_not,
)
from commands.grading.values import clean
from srbm._support.files import write_text

FLEETING = ("It ran longer", "It started too", "It used too", "It ended")  # what depends on the day as well
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#$|~&!])")


@dataclass
class Marks:
    """What came of the hand-in of one student: in each column of the gradebook, in words, and remarks."""

    cells: dict[str, str]
    texts: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def judged(self, exercise: Exercise, verdict: Verdict, points: float):
        """Enter what a judge said of an answer."""
        could_not = verdict.text.startswith(COULD_NOT)
        self.cells[exercise.number] = NOT_GRADED if could_not else shown(points if verdict.right else 0.0)
        self.texts[exercise.number] = verdict.text

    def by_hand(self, exercise: Exercise, where: list[int] | None, name: str):
        """Enter where a person finds an answer: `where` are cells; None if the exercise itself was not found."""
        self.cells[exercise.number] = EMPTY if where == [] else BY_HAND
        if where:
            cells = ("cell " if len(where) == 1 else "cells ") + ", ".join(map(str, where))
            self.texts[exercise.number] = f"Your answer is in {cells} of {name}."
        elif where is None:
            self.texts[exercise.number] = f"The heading of the exercise was not found in {name}."
        else:
            self.texts[exercise.number] = NO_ANSWER


def answer_of(cells, untouched: set[str], number: str) -> list[int] | None:
    """Which cells of a copy, counted from 1, answer an exercise without a judge, which its heading names.

    They are those below the heading, up to that of another section, which are not `untouched`, sources that the copy
    came with. None where there is no such heading.
    """
    inside, found = False, None
    for count, cell in enumerate(cells, 1):
        if cell["cell_type"] == "markdown":
            if headings := HEADING.findall(cell["source"]):
                inside = headings[-1] == number
                found = (found or []) if inside else found
            elif re.match(r"#{1,2} ", cell["source"]):
                inside = False
        if inside and found is not None and (source := cell["source"].strip()) and source not in untouched:
            found.append(count)
    return found


def grade_class(
    folder: Path,
    chapters: Path,
    copies: Mapping[str, list],
    points: dict[str, float],
    into: Path,
    seconds: float = SECONDS,
    due: datetime | None = None,
) -> Gradebook:
    """Grade what a class handed in, and write `gradebook.csv` and the folder `feedback` into `into`.

    Parameters
    ----------
    folder : Path
        With a folder or a file for each student (`handins`).
    chapters : Path
        Of the book, whose exercises and judges count.
    copies : dict of lists
        By chapter the cells of the student copy as it is given out, in which nothing is answered.
    points : dict of float
        By the numbers of the exercises that count.
    into : Path
        Where a gradebook may lie already: what a person wrote in it stays.
    due : datetime, optional
        With a time zone. The gradebook then says how late each hand-in is; that costs no points.
    """  # fmt: skip
    books = {path.stem: nbformat.read(path, as_version=4) for path in in_reading_order(chapters)}
    exercises = [
        exercise
        for chapter, notebook in books.items()
        for exercise in exercises_of(notebook, chapter)
        if exercise.number in points
    ]
    judged = [exercise.number for exercise in exercises if exercise.judged]
    file = into / "gradebook.csv"
    gradebook.read(file, points, judged)  # before anything takes long
    known = _Known.read(into / "verdicts.json")
    found = {one.student: one for one in hand_ins(folder, books)}
    marks = {
        one.student: Marks({exercise.number: "0" if exercise.judged else MISSING for exercise in exercises},
                           remarks=list(one.remarks))
        for one in found.values()
    }  # fmt: skip
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as nothing:
        for chapter in dict.fromkeys(exercise.chapter for exercise in exercises):
            asked = [exercise for exercise in exercises if exercise.chapter == chapter]
            untouched = {cell["source"].strip() for cell in copies[chapter]}
            handed_in = _chapter(chapter, asked, found, marks, untouched, Path(nothing))
            _judge(handed_in, books[chapter], asked, marks, points, chapters, known, seconds)
    late = {student: gradebook.late(one.when(), due) for student, one in found.items()}
    rows = {student: Row(one.cells, late[student], "; ".join(one.remarks)) for student, one in marks.items()}
    book = gradebook.read(file, points, judged).merged(rows, judged)  # which a person may have changed meanwhile
    gradebook.write(file, book)
    _write_feedback(into / "feedback", book, exercises, marks)
    return book


def _chapter(chapter, asked, found: dict[str, HandIn], marks: dict[str, Marks], untouched, nothing: Path):
    """The code cells of a chapter from all students, with the folder of each; what has no judge is looked up."""
    handed_in = {}
    for student, one in found.items():
        mine, path = marks[student], one.notebooks.get(chapter)
        if path is None:
            mine.texts |= {exercise.number: f"The notebook {chapter}.ipynb was not handed in." for exercise in asked}
            continue
        name = clean(path.name)
        try:
            notebook = read_notebook(path)
            cells = cells_of(notebook)
            places = {e: answer_of(notebook["cells"], untouched, e.number) for e in asked if not e.judged}
        except Exception as error:
            why = f"{name} is not a notebook ({why_not(error)})"
            mine.remarks.append(why)
            mine.texts |= {exercise.number: f"{why}." for exercise in asked}
            mine.cells |= {exercise.number: BY_HAND for exercise in asked if not exercise.judged}
            continue
        for exercise, where in places.items():
            mine.by_hand(exercise, where, name)
        handed_in[student] = cells, path.parent if one.has_folder else nothing
    return handed_in


def _judge(handed_in, notebook, asked, marks, points, chapters, known, seconds):
    """Have the judges of a chapter judge the answers that they do not know, and say how many of all are right."""
    by_label = {exercise.label: exercise for exercise in asked if exercise.judged}
    if not by_label or not handed_in:
        return
    right, new = dict.fromkeys(by_label, 0), {}
    keys = {student: _fingerprint(notebook, *copy) for student, copy in handed_in.items()}

    def enter(student, verdict):
        exercise = by_label[verdict.label]
        marks[student].judged(exercise, verdict, points[exercise.number])
        right[verdict.label] += verdict.right

    for student, key in keys.items():
        verdicts = known.verdicts(key)
        if by_label.keys() <= verdicts.keys():
            for label in by_label:
                enter(student, Verdict(label, verdicts[label]))
        else:
            new[student] = handed_in[student]
    if new:
        chapter, wanted = asked[0].chapter, set(by_label.values())
        for student, verdict in grade_all(new, notebook, chapter, chapters, seconds, wanted.__contains__):
            enter(student, verdict)
            known.add(keys[student], verdict)
        known.write()
    for label, count in right.items():
        print(f"{by_label[label].number:5} {count} of {len(handed_in)} are right", flush=True)


def _fingerprint(notebook, cells, folder: Path) -> str:
    """What a verdict depends on: the chapter of the book, the cells that were handed in, and the files beside them."""
    beside = []
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in sorted(names) if not name.endswith(".ipynb")):
            with contextlib.suppress(OSError):  # it is gone
                status = path.lstat()
                beside.append([str(path.relative_to(folder)), status.st_size, status.st_mtime_ns])
    theirs = [[cell.source, sorted(cell.tags)] for cell in cells]
    text = json.dumps([srbm.__version__, notebook, theirs, sorted(beside)], sort_keys=True)
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()


@dataclass
class _Known:
    """The verdicts of earlier runs: who fills in points by hand need not wait for the same answers again."""

    file: Path
    texts: dict[str, dict[str, str]]

    @classmethod
    def read(cls, file: Path) -> "_Known":
        try:
            return cls(file, dict(json.loads(file.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError):  # there is none, or it was cut off: all is judged again
            return cls(file, {})

    def verdicts(self, key: str) -> dict[str, str]:
        return self.texts.get(key, {})

    def add(self, key: str, verdict: Verdict):
        """Keep a verdict, unless another run on another day might end differently."""
        if not verdict.text.startswith((COULD_NOT, *FLEETING)):
            self.texts.setdefault(key, {})[verdict.label] = verdict.text

    def write(self):
        write_text(self.file, json.dumps(self.texts))


def _write_feedback(folder: Path, book: Gradebook, exercises: list[Exercise], marks: dict[str, Marks]):
    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    for student, row in book.rows.items():
        page = feedback(student, row, book.points, exercises, marks.get(student))
        write_text(folder / f"{file_name(student, taken)}.md", page)


def feedback(student: str, row: Row, points: dict[str, float], exercises: list[Exercise], marks: Marks | None) -> str:
    """The page for one student, in Markdown: nothing that was handed in is more than text in it."""
    possible = shown(sum(points.values()))
    waiting = f", and {row.waiting} of the exercises below {'is' if row.waiting == 1 else 'are'} still to be graded"
    lines = [f"# {_text(student)}", f"{shown(row.total)} of {possible} points{waiting if row.waiting else ''}."]
    if read_number(row.late):
        lines.append(f"Handed in {row.late} hours after the deadline.")
    if row.comment:
        lines.append(_text(row.comment))
    overrules = row.overrules()
    for exercise in exercises:
        number, cell = exercise.number, row.cells[exercise.number]
        is_number = read_number(cell) is not None
        got = f"{cell} of {shown(points[number])}" if is_number else cell
        said = [] if marks is None else marks.texts.get(number, "").splitlines()
        if number in overrules:
            said.append("These points were given by a person.")
        lines.append(f"## Exercise {number}, {exercise.title}: {_text(got)}")
        lines += [_text(line) for line in said]
    if row.remarks:
        lines += ["## Your files", _text(row.remarks)]
    return "\n\n".join(lines) + "\n"


def _text(line: str) -> str:
    """A line without what Markdown, or HTML in it, would make of it."""
    return MARKDOWN.sub(r"\\\1", clean(line, 1000))


def grade_folder(
    folder: Path,
    chapters: Path,
    untouched: Callable[[Path], dict[str, list]],
    words: list[str],
    into: Path | None = None,
    seconds: float = SECONDS,
    due: datetime | None = None,
):
    """Grade the copy of one student, or what a class handed in, and print what came of it.

    A folder is a copy if one of its files has the name of a chapter, with nobody's name in it. Of a class all
    exercises of the chapters that somebody handed in count, unless `words` name others (`gradebook.choose`);
    `untouched` gives the cells of the student copies.
    """  # fmt: skip
    paths = {path.stem: path for path in in_reading_order(chapters)}
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}: give that of a student copy, or of a class's")
    if is_one_copy(folder, paths):
        if words or into or due:
            raise ValueError(f"{folder} is the copy of one student, of which all exercises are graded: give a class's")
        return report(folder, chapters, seconds)
    found = hand_ins(folder, paths)
    chapters_found = {chapter for one in found for chapter in one.notebooks}
    if not chapters_found:
        raise FileNotFoundError(
            f"{folder} and the folders in it hold no notebook with the name of a chapter, like {min(paths)}.ipynb: "
            "give the folder of a student copy, or one with a folder or a file for each student"
        )
    exercises = [e for stem, path in paths.items() for e in exercises_of(nbformat.read(path, as_version=4), stem)]
    words = words or [exercise.number for exercise in exercises if exercise.chapter in chapters_found]
    into = into or folder.with_name(f"{folder.name}-graded")
    if into.resolve() == folder.resolve() or folder.resolve() in into.resolve().parents:
        raise ValueError(f"{into} is among what was handed in: choose a folder outside of {folder}")
    if what_is_not := UNCONTAINED[containment()]:
        print(what_is_not, file=sys.stderr)
    book = grade_class(folder, chapters, untouched(chapters), gradebook.choose(words, exercises), into, seconds, due)
    waiting = sum(row.waiting for row in book.rows.values())
    print(f"{len(found)} hand-ins: {into / 'gradebook.csv'}, with a page for each student in {into / 'feedback'}")
    if waiting:
        print(f"{waiting} answers wait for points: write them over what is no number in the gradebook, and grade again")
