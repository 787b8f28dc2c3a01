"""The gradebook of a class: which exercises count for how much, and a CSV file that a lecturer fills in, too.

A row is a student, a column an exercise, ``2.3 (of 2)``. What a judge found is written anew in each run. Points that a
person gave stay: those in the column of an exercise without a judge, those in the column `overruled`, written
``2.3=1``, the column `comment`, and any column of the person's own. So do the rows of students who handed in nothing.
Where there is a deadline the column `late` has hours; what that costs is for a person to say.
"""

import csv
import io
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from book.exercises import Exercise
from srbm._support.files import replacing

BY_HAND, EMPTY, MISSING, NOT_GRADED = "by hand", "no answer", "not handed in", "not graded"
LATE = "late"
OURS = ("total", "of", "waiting", LATE)
THEIRS = ("overruled", "comment")
REMARKS = "remarks"
COLUMN = re.compile(r"([0-9A-Z]+\.[0-9]+)(?: \(of (.+)\))?")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")  # what a spreadsheet would compute, and the sign that it is text


def choose(words: Iterable[str], exercises: Iterable[Exercise]) -> dict[str, float]:
    """The points of each exercise that counts, by number, in the order of the book.

    A word is the number of an exercise or of a chapter, ``2.3`` or ``2``, with its points, ``2.3=2``, or without, which
    is one; or the name of a TOML file with a table `points`, ``"2.3" = 2``. What is said last of an exercise counts.
    """
    numbers = [exercise.number for exercise in exercises]
    points: dict[str, float] = {}
    for word in _spelt_out(words):
        name, _, value = word.partition("=")
        named = [number for number in numbers if name in (number, number.partition(".")[0])]
        if not named:
            raise ValueError(f"there is no exercise {name}: write 2.3, 2.3=2 for two points, 2 for a whole chapter")
        points |= dict.fromkeys(named, _points(value, word) if value else 1.0)
    return {number: points[number] for number in numbers if number in points}


def _spelt_out(words: Iterable[str]):
    for word in words:
        if not word.endswith(".toml"):
            yield word
            continue
        try:
            table = tomllib.loads(Path(word).expanduser().read_text(encoding="utf-8"))["points"]
            yield from (f"{name}={value}" for name, value in table.items())
        except (KeyError, AttributeError, ValueError) as error:
            raise ValueError(f'{word} needs a table [points] with lines like "2.3" = 2 ({error})') from None


def _points(text: str, where: str) -> float:
    if (number := read_number(text)) is None or number < 0:
        raise ValueError(f"{where!r} should end with a number of points, like 2.3=2")
    return number


def read_number(text: str) -> float | None:
    """A finite number, with a point or a comma in it, or None."""
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def late(handed_in: datetime | None, due: datetime | None) -> str:
    """By how many hours, rounded up to a hundredth, a deadline was missed; empty where there is none, or no hand-in."""
    if handed_in is None or due is None:
        return ""
    return shown(max(math.ceil((handed_in - due).total_seconds() / 36), 0) / 100)


def shown(points: float) -> str:
    return f"{points:.10g}"


@dataclass(frozen=True)
class Row:
    """One student: what stands in the column of each exercise, what a person wrote, and what is to be said."""

    cells: dict[str, str] = field(default_factory=dict)
    late: str = ""
    remarks: str = ""
    overruled: str = ""
    comment: str = ""
    own: dict[str, str] = field(default_factory=dict)

    def overrules(self) -> dict[str, float]:
        """The points that a person wrote in place of a judge's."""
        found = {}
        for word in re.split(r"[\s;]+", self.overruled.strip()):
            number, _, value = word.partition("=")
            if (points := read_number(value)) is not None:
                found[number] = points
        return found

    @property
    def total(self) -> float:
        return math.fsum(points for cell in self.cells.values() if (points := read_number(cell)) is not None)

    @property
    def waiting(self) -> int:
        """The number of exercises that a person has to look at."""
        return sum(read_number(cell) is None and cell not in (EMPTY, MISSING) for cell in self.cells.values())


@dataclass(frozen=True)
class Gradebook:
    """The points that exercises have, and the rows by student."""

    points: dict[str, float]
    rows: dict[str, Row] = field(default_factory=dict)

    def merged(self, new: Mapping[str, Row], judged: Iterable[str]) -> "Gradebook":
        """With the rows of a new run, in which what a person wrote here stays; `judged` are exercises with a judge."""
        judged, rows = set(judged), {}
        for student in sorted({*self.rows, *new}, key=str.casefold):
            old = self.rows.get(student, Row())
            row = new.get(student) or Row(dict.fromkeys(self.points, MISSING), remarks="nothing handed in")
            cells = {}
            for number in self.points:
                cells[number] = row.cells[number]
                written = old.cells.get(number, "").strip()
                if number not in judged and written not in ("", BY_HAND, EMPTY, MISSING, NOT_GRADED):
                    points = read_number(written)
                    cells[number] = written if points is None else shown(points)
            overrules = old.overrules()
            cells |= {number: shown(overrules[number]) for number in overrules if number in cells}
            rows[student] = replace(old, cells=cells, late=row.late, remarks=row.remarks)
        return Gradebook(self.points, rows)


def read(path: Path, points: dict[str, float], judged: Iterable[str] = ()) -> Gradebook:
    """The gradebook in a file, which may not exist, for the exercises in `points`; ValueError where it is none.

    Spreadsheets may have stored it with semicolons, decimal commas and in the code page of Windows.
    """
    if not path.exists():
        return Gradebook(points)
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    first = text.partition("\n")[0]
    table = list(csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count)))
    names = [name.strip() for name in table[0]] if table else []
    if "student" not in names:
        raise ValueError(f"{path} is no gradebook, it has no column 'student': move it, or choose another folder")
    rows: dict[str, Row] = {}
    for values in table[1:]:
        given = dict(zip(names, map(_as_written, values), strict=False))
        if not (student := given.pop("student", "").strip()):
            continue
        if student in rows:
            raise ValueError(f"{path} has two rows for {student}: remove one")
        rows[student] = _row(given)
    kept = {number for row in rows.values() for number, cell in row.cells.items() if read_number(cell) is not None}
    if lost := sorted(kept - {*points, *judged}):
        raise ValueError(
            f"{path} has points by hand for {', '.join(lost)}, which you did not name: "
            "name them, or choose another folder for the gradebook"
        )
    return Gradebook(points, rows)


def _row(given: dict[str, str]) -> Row:
    cells, own = {}, {}
    for name, value in given.items():
        if column := COLUMN.fullmatch(name):
            cells[column[1]] = value
        elif name not in (*OURS, *THEIRS, REMARKS):
            own[name] = value
    return Row(cells, overruled=given.get("overruled", ""), comment=given.get("comment", ""), own=own)


def write(path: Path, book: Gradebook):
    """Write a gradebook; the file is replaced when all of it is written.

    Raises PermissionError where it cannot be, as on Windows while a spreadsheet has it open.
    """
    own = list(dict.fromkeys(name for row in book.rows.values() for name in row.own))
    columns = [f"{number} (of {shown(points)})" for number, points in book.points.items()]
    possible = shown(math.fsum(book.points.values()))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    ours = OURS if any(row.late for row in book.rows.values()) else OURS[:-1]
    writer.writerow(["student", *columns, *ours, *THEIRS, *own, REMARKS])
    for student, row in book.rows.items():
        counted = [shown(row.total), possible, str(row.waiting), row.late][: len(ours)]
        theirs = [row.overruled, row.comment, *(row.own.get(name, "") for name in own)]
        values = [student, *(row.cells[number] for number in book.points), *counted, *theirs, row.remarks]
        writer.writerow(map(_as_text, values))
    try:
        with replacing(path) as file:
            file.write(text.getvalue().encode("utf-8-sig"))  # by its mark a spreadsheet knows the encoding
    except PermissionError:
        raise PermissionError(
            f"{path} could not be replaced: close it where it is open, and grade again; nothing is judged twice"
        ) from None


def _as_text(value: str) -> str:
    """A value that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(FORMULA) and read_number(value) is None else value


def _as_written(value: str) -> str:
    return value[1:] if value.startswith("'") and value[1:].startswith(FORMULA) else value
