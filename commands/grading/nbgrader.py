"""A student copy as an assignment for nbgrader: the metadata of its cells, as its own release writes them.

Of a judged exercise the answer is a solution, and a locked cell behind it counts: it raises unless the judge finds the
answer right. The judge and whatever else answers need are locked, so that nbgrader puts back what a student changed.
Other exercises wait for a person: a text is a solution with points, and where code is asked for as well the exercise
itself is a task, so that a cell that was left empty costs nothing. `mended` gives a hand-in back the metadata that
Google Colab and others lose.
"""

import hashlib
import re
from collections.abc import Iterable

from nbformat import v4

from book.exercises import NEEDED, Exercise, judge_of, number_of
from book.reader import HEADING

SCHEMA = 3  # the version of nbgrader's metadata, of its releases since 0.6
COUNTED = """# Exercise {number} counts for nbgrader if this cell raises nothing
from srbm_book import require

require({judge}, {answers})"""


def assignment(cells: list, exercises: Iterable[Exercise], points: dict[str, float]) -> list:
    """The cells of the student copy of a chapter with nbgrader's metadata, and with the cells that count.

    Parameters
    ----------
    cells : list
        Of `commands.student.student_copy`; they are changed.
    exercises : iterable of Exercise
        Those of the chapter.
    points : dict of float
        By the numbers of the exercises that count.
    """  # fmt: skip
    chosen = {exercise.label: exercise for exercise in exercises if exercise.number in points}
    written = {exercise.number: exercise for exercise in chosen.values() if not exercise.judged}
    depends = any(exercise.judged for exercise in chosen.values())
    marked, needed = [], 0
    for index, cell in enumerate(cells):
        marked.append(cell)
        tags = cell.metadata.get("tags", [])
        label = next((tag for tag in tags if tag in chosen and "answer" in tags), None)
        if label:
            _mark(cell, label, solution=True)
            marked.append(_counted(cell, chosen[label], points))
        elif NEEDED in tags and depends:
            needed += 1
            _mark(cell, f"needed-{needed}", locked=True)
        elif (number := _asked(cell)) in written:
            label, room = written[number].label, cells[index + 1]
            if room.cell_type == "markdown":
                _mark(room, label, grade=True, solution=True, points=points[number])
            else:
                _mark(cell, label, locked=True, task=True, points=points[number])
    return marked


def _asked(cell) -> str | None:
    """The exercise whose heading stands last in a cell."""
    headings = HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
    return headings[-1] if headings else None


def _counted(answer, exercise: Exercise, points):
    """The locked cell that has the judge judge what the last line of an answer gives to it."""
    last = answer.source.strip().splitlines()[-1]
    answers = re.fullmatch(rf"{exercise.judge}\((.*)\)", last)[1]
    source = COUNTED.format(number=exercise.number, judge=exercise.judge, answers=answers)
    cell = v4.new_code_cell(source, metadata={"tags": ["raises-exception"]})  # after which a notebook goes on
    cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
    return _mark(cell, f"points-{exercise.label}", grade=True, locked=True, points=points[exercise.number])


def _mark(cell, grade_id: str, *, grade=False, solution=False, locked=False, task=False, points: float | None = None):
    metadata = {"grade": grade, "grade_id": grade_id, "locked": locked, "schema_version": SCHEMA, "solution": solution}
    if points is not None:
        metadata["points"] = int(points) if points == int(points) else points
    if task:
        metadata["task"] = True
    cell.metadata["nbgrader"] = metadata | {"cell_type": cell.cell_type}
    cell.metadata["nbgrader"]["checksum"] = checksum(cell)
    cell.metadata["deletable"] = False
    if locked:
        cell.metadata["editable"] = False
    return cell


def checksum(cell) -> str:
    """By which nbgrader sees that a cell is as it was given out."""
    its = cell.metadata["nbgrader"]
    is_locked = not its["solution"] and (its["grade"] or its["locked"])
    parts = [cell.source, cell.cell_type, str(its["grade"]), str(its["solution"]), str(is_locked), its["grade_id"]]
    if its["grade"]:
        parts.append(str(float(its["points"])))
    return hashlib.md5("".join(parts).encode(errors="backslashreplace"), usedforsecurity=False).hexdigest()


def mended(cells: list, given_out: list) -> list:
    """The cells of a hand-in with nbgrader's metadata where they were lost.

    An answer is found by its judge or by the heading above it, any other cell by what stands in it. One that is not
    found is put back, behind that which came before it where the notebook was given out.
    """
    cells, before = list(cells), -1
    there = {_grade_id(cell) for cell in cells}
    for original in given_out:
        if not (its := original.metadata.get("nbgrader")):
            continue
        if its["grade_id"] in there:
            before = next(i for i, cell in enumerate(cells) if _grade_id(cell) == its["grade_id"])
            continue
        at = _place(cells, original)
        if at is None:
            at = before + 1
            cells.insert(at, v4.new_code_cell() if original.cell_type == "code" else v4.new_markdown_cell())
            cells[at].source = original.source
        kept = {"nbgrader", "tags"} & original.metadata.keys()
        cells[at].metadata |= {name: original.metadata[name] for name in kept}
        before = at
    return cells


def _grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _place(cells, original) -> int | None:
    """Where in a hand-in a cell is that was given out; the last such place."""
    its = original.metadata["nbgrader"]
    places = [at for at, cell in enumerate(cells) if cell.cell_type == original.cell_type and not _grade_id(cell)]
    if its["solution"] and original.cell_type == "code":
        found = [at for at in places if re.search(rf"\b{judge_of(its['grade_id'])}\s*\(", cells[at].source)]
    elif its["solution"]:
        number, inside, found = number_of(its["grade_id"]), False, []
        for at in (at for at, cell in enumerate(cells) if cell.cell_type == "markdown"):
            if _asked(cells[at]) or re.match(r"#{1,2} ", cells[at].source):
                inside = _asked(cells[at]) == number
            elif inside and at in places:
                found.append(at)
    else:
        found = [at for at in places if cells[at].source.strip() == original.source.strip()]
        if its.get("task") and not found:
            found = [at for at in places if _asked(cells[at]) == _asked(original)]
    return found[-1] if found else None
