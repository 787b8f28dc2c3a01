"""An assignment for nbgrader has the metadata that it needs, and both graders give the same points."""

import copy
import os
from datetime import UTC, datetime

import nbformat
import pytest
from nbformat import v4

from book.exercises import exercises_of, in_reading_order
from book.graders import differences, lines
from book.reader import Numbers
from commands import graders
from commands.collect import collect
from commands.grading.nbgrader import checksum, mended
from commands.student import ANSWER, CHAPTERS, solutions, solve, student_copy, write
from srbm_book import judge, require
from tasks import NBGRADER, program

NAMES = [path.stem for path in in_reading_order(CHAPTERS)]
NUMBERS = Numbers(CHAPTERS)


def assignment(name):
    """A chapter as an assignment in which all exercises count half a point, and its exercises."""
    book = nbformat.read(CHAPTERS / f"{name}.ipynb", as_version=4)
    exercises = exercises_of(book, name)
    return student_copy(book, name, NUMBERS, {exercise.number: 0.5 for exercise in exercises}), exercises


def marks(cells):
    return {cell.metadata.nbgrader.grade_id: cell for cell in cells if "nbgrader" in cell.metadata}


@pytest.mark.parametrize("name", NAMES)
def test_every_exercise_counts_once(name):
    made, exercises = assignment(name)
    marked = marks(made.cells)
    assert len(marked) == sum("nbgrader" in cell.metadata for cell in made.cells)  # no two have one name
    counting = {key: cell for key, cell in marked.items() if "points" in cell.metadata.nbgrader}
    assert list(counting) == [f"points-{e.label}" if e.judged else e.label for e in exercises]
    for exercise in exercises:
        if exercise.judged:
            answer, counts = marked[exercise.label], counting[f"points-{exercise.label}"]
            assert made.cells.index(counts) == made.cells.index(answer) + 1
            call = answer.source.splitlines()[-1]
            assert call == counts.source.splitlines()[-1].removeprefix("require(").replace(", ", "(", 1)
            its = answer.metadata.nbgrader
            assert (its.solution, its.grade, its.locked) == (True, False, False)
        else:
            its = counting[exercise.label].metadata.nbgrader
            by_person = (its.solution, its.grade, its.locked, "task" in its)
            written = (
                (True, True, False, False) if counting[exercise.label].source == ANSWER else (False, False, True, True)
            )
            assert by_person == written


def test_checksum():
    """Those of two cells in the documentation of nbgrader."""
    by_hand = {"grade": True, "solution": True, "locked": False}
    answer = v4.new_markdown_cell("YOUR ANSWER HERE")
    answer.metadata.nbgrader = by_hand | {"grade_id": "sum_of_squares_equation", "points": 1}
    code = v4.new_code_cell("# YOUR CODE HERE\nraise NotImplementedError()")
    code.metadata.nbgrader = by_hand | {"grade_id": "sum_of_squares_application", "points": 2}
    assert checksum(answer) == "f3cc38a3e522c0be10852ebbe2a638b7"
    assert checksum(code) == "5a96910dbc324f5565edf92f5c98af1b"


def judge_9_9(answer):
    judge(answer, 2, pitfalls={"twice too much": 4})


@pytest.mark.parametrize(
    ("answer", "says"), [(4, "Not yet: twice too much"), (..., "No answer yet"), (3, "Not yet: the")]
)
def test_what_is_not_right_raises(answer, says, capsys):
    require(judge_9_9, 2)
    with pytest.raises(AssertionError, match=says):
        require(judge_9_9, answer)
    with pytest.raises(AssertionError, match="The judge was not asked"):
        require(lambda answer: print(end=""), answer)
    assert not capsys.readouterr().out
    judge_9_9(2)
    assert capsys.readouterr().out == "Right.\n"


@pytest.mark.parametrize("name", NAMES)
def test_lost_metadata_are_found_again(name):
    """Of an answered copy without any; and a cell that was deleted is put back where it was."""
    made, exercises = assignment(name)
    book = nbformat.read(CHAPTERS / f"{name}.ipynb", as_version=4)
    answered = solve(copy.deepcopy(made), solutions(book))
    for cell in answered.cells:
        cell.source = "So it is." if cell.source == ANSWER else cell.source
    lost = copy.deepcopy(answered.cells)
    for cell in lost:
        cell.metadata = nbformat.from_dict({})
    lost.insert(1, v4.new_code_cell("mine = 1"))
    found = [cell for cell in mended(lost, made.cells) if cell.source != "mine = 1"]
    wanted = {key: (cell.source, cell.metadata.nbgrader) for key, cell in marks(answered.cells).items()}
    assert {key: (cell.source, cell.metadata.nbgrader) for key, cell in marks(found).items()} == wanted
    assert mended(found, made.cells) == found
    for label in (f"points-{next(e.label for e in exercises if e.judged)}", "needed-2"):
        less = [cell for cell in found if cell.metadata.get("nbgrader", {}).get("grade_id") != label]
        assert list(marks(mended(less, made.cells))) == list(wanted)


def test_an_assignment_has_the_chapters_that_were_chosen(tmp_path):
    written = write(tmp_path / "week1", words=["2.1", "B=2"])
    assert [path.stem for path in written] == ["02_bipartite_graph", "B_kullback_leibler"]
    points = {key: cell.metadata.nbgrader.get("points") for path in written
              for key, cell in marks(nbformat.read(path, 4).cells).items() if "ex-" in key}  # fmt: skip
    assert points["points-ex-2-1"] == 1
    assert points["points-ex-B-3"] == 2
    assert "ex-2-2" not in points


def test_hand_ins_go_where_nbgrader_looks(tmp_path, capsys):
    folder, course = tmp_path / "hand ins", tmp_path / "course"
    with pytest.raises(FileNotFoundError, match="generate_assignment"):
        collect(folder, course, "week1")
    write(course / "release" / "week1", words=["2.1"])
    text = (course / "release" / "week1" / "02_bipartite_graph.ipynb").read_text(encoding="utf-8")
    for name, content in {
        "Ada_7_assignsubmission_file/work/02_bipartite_graph (1).ipynb": text,
        "Ada_7_assignsubmission_file/work/mine.csv": "1",
        "zoe_02_bipartite_graph.ipynb": text,
        "Broken/02_bipartite_graph.ipynb": "<<<<<<< HEAD",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    moment = datetime(2026, 11, 30, 18, tzinfo=UTC)
    os.utime(folder / "zoe_02_bipartite_graph.ipynb", (moment.timestamp(),) * 2)
    (folder / "Empty").mkdir()
    assert collect(folder, course, "week1") == 4
    submitted = course / "submitted"
    assert {path.relative_to(submitted).as_posix() for path in submitted.rglob("*") if path.is_file()} == {
        "Ada/week1/02_bipartite_graph.ipynb", "Ada/week1/mine.csv", "Ada/week1/timestamp.txt",
        "zoe/week1/02_bipartite_graph.ipynb", "zoe/week1/timestamp.txt",
        "Broken/week1/02_bipartite_graph.ipynb", "Broken/week1/timestamp.txt",
    }  # fmt: skip
    assert (submitted / "zoe/week1/timestamp.txt").read_text() == "2026-11-30 18:00:00.000000 UTC\n"
    assert "Broken: 02_bipartite_graph.ipynb is not a notebook" in capsys.readouterr().out
    (submitted / "zoe/week1/02_bipartite_graph.ipynb").write_text("mine")
    collect(folder, course, "week1")
    assert (submitted / "zoe/week1/02_bipartite_graph.ipynb").read_text() == "mine"


def given(points, late=0.0):
    return {"points": points, "waiting": [], "late": late}


def test_a_difference_is_seen():
    one = {
        "name": "Ada",
        "what": "this",
        "nbgrader": given({"2.1": 1.0, "2.3": 2.0}),
        "ours": given({"2.1": 1.0, "2.3": 2.0}),
    }
    assert differences(one) == []
    assert lines(None) == ["○ not yet run: `make nbgrader`"]
    one["ours"] = given({"2.1": 1.0, "2.3": 1.5}, late=48.0)
    assert differences(one) == ["Ada: 2 and 1.5 points for 2.3", "Ada: 0 and 48 hours late"]
    shown = "\n".join(
        lines({"nbgrader": "1", "points": {"2.1": 1, "2.3": 2}, "judged": ["2.1", "2.3"], "hand_ins": [one]})
    )
    assert "| this; 48 hours late to both | 2.1: 1, 2.3: 2 | 2.1: 1, 2.3: 1.5 |" in shown


@pytest.mark.slow
@pytest.mark.skipif(not program(NBGRADER).exists(), reason="no nbgrader: python tasks.py prepare nbgrader")
def test_both_graders_give_the_same_points(tmp_path):
    """To nbgrader's own release, with its database and its export; what it releases is the student copy as it is."""
    record = {one["name"]: one for one in graders.compare(tmp_path)["hand_ins"]}
    assert [differences(record[name]) for name in graders.CASES] == [[]] * len(graders.CASES)
    total = {name: sum(one["nbgrader"]["points"].values()) for name, one in record.items()}
    assert total == {
        "right": 3, "wrong": 0, "late": 3, "broken": 0, "hostile": 0, "tags lost": 3, "ended": 0, "patched": 3,
    }  # fmt: skip
    assert sum(record["ended"]["ours"]["points"].values()) == 1
    assert sum(record["patched"]["ours"]["points"].values()) == 0
    assert all("2.2" in one["nbgrader"]["waiting"] and one["ours"]["waiting"] == ["2.2"] for one in record.values())
    source, release = (tmp_path / "course" / step / graders.ASSIGNMENT for step in ("source", "release"))
    (name,) = (path.name for path in source.glob("*.ipynb"))
    assert nbformat.read(release / name, 4) == nbformat.read(source / name, 4)
