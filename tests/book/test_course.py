"""A class is graded: every hand-in counts for itself alone, and what a person writes into the gradebook stays."""

import csv
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import nbformat
import pytest
from nbformat import v4

from book.address import Address
from book.exercises import exercises_of
from book.reader import Numbers
from commands.grading.course import answer_of, grade_class, grade_folder
from commands.grading.gradebook import Gradebook, Row, choose, late, read, write
from commands.grading.handins import STAMP, chosen, hand_ins, is_one_copy
from commands.grading.host import Guest
from commands.student import ANSWER, main, readme, student_copy, typed
from tests.book.test_grading import a_chapter, save

CHAPTERS = ["02_bipartite_graph", "03_training", "12_flow", "A_algorithm"]
DERIVE = "```{exercise} *derive*: Half\n:label: ex-2-2\n\nShow it.\n```\n\n```{solution} ex-2-2\nSo.\n```"
POINTS = {"2.1": 2.0, "2.2": 3.0}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The chapters of a book with one short chapter: an exercise with a judge, and one without."""
    chapters = tmp_path_factory.mktemp("book") / "chapters"
    notebook = a_chapter("ex-2-1")
    notebook.cells.append(v4.new_markdown_cell(DERIVE))
    save(chapters / "02_flow.ipynb", notebook)
    return chapters


def copy_of(book):
    return student_copy(nbformat.read(book / "02_flow.ipynb", 4), "02_flow", Numbers(book))


def untouched(chapters):
    return {"02_flow": copy_of(chapters).cells}


def answered(book, judged="judge_2_1(2)", derived="Half of two.", tags=True):
    """A copy with these answers; without `tags`, as Google Drive gives it back."""
    copied = copy_of(book)
    for cell in copied.cells:
        if "answer" in cell.metadata.get("tags", []):
            cell.source = judged
        elif cell.source == ANSWER:
            cell.source = derived
        if not tags:
            cell.metadata = {}
    return copied


@pytest.fixture
def handed_in(tmp_path, book):
    """Right, wrong, broken, hostile, without tags and renamed, empty, and as files without a folder."""
    folder = tmp_path / "handed in"
    for name, notebook in {
        "Right Ada/02_flow.ipynb": answered(book),
        "Wrong Bob/02_flow.ipynb": answered(book, "judge_2_1(3)"),
        "Untagged Eve_77_assignsubmission_file/work/02_flow (1).ipynb": answered(book, "x\njudge_2_1(x)", tags=False),
        "=Hostile()/02_flow.ipynb": answered(
            book, "import os\nprint('Right.')\nos._exit(0)", "![](x) <script>alert(1)</script>"
        ),
        "Lazy/02_flow.ipynb": answered(book, "judge_2_1(...)", ANSWER),
        "flat_zoe_02_flow.ipynb": answered(book, tags=False),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        save(folder / name, notebook)
    (folder / "Broken").mkdir()
    (folder / "Broken" / "02_flow.ipynb").write_text("<<<<<<< HEAD")
    (folder / "Nothing").mkdir()
    (folder / "Linking").mkdir()
    (folder / "Linking" / "02_flow.ipynb").symlink_to(folder / "Right Ada" / "02_flow.ipynb")
    return folder


def rows_of(file):
    with open(file, encoding="utf-8-sig", newline="") as lines:
        return {row["student"]: row for row in csv.DictReader(lines)}


class Executed(Guest):
    """A process for answers that leaves a trace of whose they were."""

    folders: ClassVar[set] = set()

    def __init__(self, folder, **options):
        self.folders.add(folder)
        super().__init__(folder, **options)


def test_a_class(handed_in, book, tmp_path, capsys, monkeypatch):
    """Each gets what is due; points by hand are on the page and in the table after another run."""
    into = tmp_path / "graded"
    grade_class(handed_in, book, untouched(book), POINTS, into, seconds=5.0)
    rows = rows_of(into / "gradebook.csv")
    given = {student: (row["2.1 (of 2)"], row["2.2 (of 3)"], row["total"]) for student, row in rows.items()}
    assert given == {
        "Right Ada": ("2", "by hand", "2"),
        "Wrong Bob": ("0", "by hand", "0"),
        "Untagged Eve": ("2", "by hand", "2"),
        "'=Hostile()": ("0", "by hand", "0"),
        "Lazy": ("0", "no answer", "0"),
        "flat_zoe": ("2", "by hand", "2"),
        "Broken": ("0", "by hand", "0"),
        "Nothing": ("0", "not handed in", "0"),
        "Linking": ("0", "not handed in", "0"),
    }
    assert "2.1   3 of 6 are right" in capsys.readouterr().out
    assert "not a notebook" in rows["Broken"]["remarks"]
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (into / "feedback").iterdir()}
    assert len(pages) == len(rows)
    assert "## Exercise 2.1, Twice: 2 of 2\n\nRight." in pages["Right Ada"]
    assert "Not yet: the value is not the right one.\n\nHint: think" in pages["Wrong Bob"]
    assert "It ended Python." in pages["_Hostile()"]
    assert "## Exercise 2.2, Half: by hand\n\nYour answer is in cell" in pages["flat_zoe"]
    assert "1 of the exercises below is still to be graded" in pages["Right Ada"]

    right = handed_in / "Right Ada" / "02_flow.ipynb"
    save(right, answered(book, "judge_2_1(5)"))
    monkeypatch.setattr("commands.grading.judging.Guest", Executed)
    text = (into / "gradebook.csv").read_text(encoding="utf-8-sig")
    lines = text.replace("Right Ada,2,by hand,", 'Right Ada,2,"2,5",').splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("Wrong Bob"))
    lines[at] = "Wrong Bob,0,1,0,5,1,2.1=0.5,*nearly*,"
    (into / "gradebook.csv").write_text("\n".join(lines), encoding="cp1252")  # as a spreadsheet might
    shutil.rmtree(handed_in / "Lazy")
    grade_class(handed_in, book, untouched(book), POINTS, into, seconds=5.0)
    rows = rows_of(into / "gradebook.csv")
    assert Executed.folders == {right.parent, handed_in / "=Hostile()"}  # what has changed, and what failed
    assert (rows["Right Ada"]["2.2 (of 3)"], rows["Right Ada"]["total"]) == ("2.5", "2.5")
    assert (rows["Wrong Bob"]["2.1 (of 2)"], rows["Wrong Bob"]["total"]) == ("0.5", "1.5")
    assert rows["Lazy"]["remarks"] == "nothing handed in"
    page = (into / "feedback" / "Wrong Bob.md").read_text(encoding="utf-8")
    assert "1.5 of 5 points.\n\n\\*nearly\\*" in page
    assert "These points were given by a person." in page
    assert not list(into.rglob("*.partial"))


def test_a_system_that_fails_costs_one_answer(handed_in, book, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("the process for the answers did not start")

    monkeypatch.setattr("commands.grading.judging.Guest", fail)
    graded = grade_class(handed_in, book, untouched(book), POINTS, tmp_path / "graded")
    row = graded.rows["Right Ada"]
    assert (row.cells["2.1"], row.total, row.waiting) == ("not graded", 0.0, 2)


def test_a_folder_is_a_class_or_a_copy(handed_in, book, tmp_path, capsys):
    assert is_one_copy(handed_in / "Right Ada", ["02_flow"])
    with pytest.raises(ValueError, match="copy of one student"):
        grade_folder(handed_in / "Right Ada", book, untouched, ["2.1"])
    with pytest.raises(ValueError, match="choose a folder outside"):
        grade_folder(handed_in, book, untouched, [], handed_in / "graded")
    with pytest.raises(ValueError, match=r"there is no exercise 9\.1"):
        grade_folder(handed_in, book, untouched, ["9.1"])
    grade_folder(handed_in, book, untouched, ["2.2=4"])  # nothing that is executed
    rows = rows_of(tmp_path / "handed in-graded" / "gradebook.csv")
    assert rows["Right Ada"]["2.2 (of 4)"] == "by hand"
    assert "6 answers wait for points" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "student", "chapter"), [
    ("02_bipartite_graph_noether.ipynb", "noether", "02_bipartite_graph"),
    ("noether 02_bipartite_graph (1).ipynb", "noether", "02_bipartite_graph"),
    ("Copy of noether-02_bipartite_graph.ipynb", "noether", "02_bipartite_graph"),
    ("noether_A_Algorithm-Copy2.IPYNB", "noether", "A_algorithm"),
    ("Emmy Noether_4711_assignsubmission_file_03_training.ipynb", "Emmy Noether", "03_training"),
    ("noetheremmy_LATE_4711_815_02_bipartite_graph-1.ipynb", "noetheremmy", "02_bipartite_graph"),
    ("Noe\u0308ther-12-flow.ipynb", "Noëther", "12_flow"),
    ("Müller, Änne 3_03_training.ipynb", "Müller, Änne 3", "03_training"),
])  # fmt: skip
def test_names_of_files(tmp_path, name, student, chapter):
    (tmp_path / name).touch()
    (found,) = hand_ins(tmp_path, CHAPTERS)
    assert (found.student, list(found.notebooks), found.remarks) == (student, [chapter], ())
    assert not is_one_copy(tmp_path, CHAPTERS)


@pytest.mark.parametrize("name", ["02_bipartite_graph.ipynb", "02_bipartite_graph (1).ipynb", "03_training-Copy1.ipynb",
                                  "Kopie von 03_training.ipynb", "03 training - Copy (2).ipynb"])  # fmt: skip
def test_names_of_files_of_nobody(tmp_path, name):
    (tmp_path / name).touch()
    assert is_one_copy(tmp_path, CHAPTERS)


def test_the_latest_copy_counts():
    names = ["12_flow.ipynb", "12_flow (10).ipynb", "12_flow (9).ipynb", "anna_algorithm.ipynb"]
    notebooks, remarks = chosen(map(Path, names), CHAPTERS)
    assert notebooks == {"12_flow": Path("12_flow (10).ipynb")}
    assert remarks[0].startswith("anna_algorithm.ipynb has the name of no chapter")
    assert remarks[1] == "12_flow (10).ipynb counts, not 12_flow.ipynb, 12_flow (9).ipynb"


def test_students_with_one_name_are_two(tmp_path):
    for name in ("Li Wei_1_assignsubmission_file", "Li Wei_2_assignsubmission_file", "Ada_3_assignsubmission_file"):
        (tmp_path / name).mkdir()
    (tmp_path / "__MACOSX").mkdir()
    assert [one.student for one in hand_ins(tmp_path, CHAPTERS)] == ["Ada", "Li Wei 1", "Li Wei 2"]


def test_points(book, tmp_path):
    exercises = exercises_of(nbformat.read(book / "02_flow.ipynb", 4), "02_flow")
    assert choose(["2"], exercises) == {"2.1": 1.0, "2.2": 1.0}
    assert choose(["2.2=1.5", "2.1"], exercises) == {"2.1": 1.0, "2.2": 1.5}
    file = tmp_path / "points.toml"
    file.write_text('[points]\n"2.1" = 3\n')
    assert choose([str(file)], exercises) == {"2.1": 3.0}
    for wrong in ("2.1=many", "2.1=-1", "2.1=inf", "ex-2-1"):
        with pytest.raises(ValueError, match=r"write 2\.3|like 2\.3=2"):
            choose([wrong], exercises)
    file.write_text("points = 3\n")
    with pytest.raises(ValueError, match=r"table \[points\]"):
        choose([str(file)], exercises)


def test_what_a_person_wrote_is_never_lost(tmp_path):
    file = tmp_path / "gradebook.csv"
    file.write_text("Name;Punkte\nAda;3\n")
    with pytest.raises(ValueError, match="no column 'student'"):
        read(file, POINTS)
    file.write_text("student;2.1 (of 2);2.2 (of 3);group\nAda;0;1,5;\u00fc\nNew;;;B\n", encoding="cp1252")
    with pytest.raises(ValueError, match=r"points by hand for 2\.2"):
        read(file, {"2.1": 2.0}, judged=["2.1"])
    new = {"Ada": Row({"2.1": "2", "2.2": "by hand"}), "Zoe": Row({"2.1": "0", "2.2": "no answer"})}
    write(file, read(file, POINTS, ["2.1"]).merged(new, ["2.1"]))
    rows = rows_of(file)
    assert [rows["Ada"][name] for name in ("2.1 (of 2)", "2.2 (of 3)", "total", "of", "group")] == [
        "2", "1.5", "3.5", "5", "ü",
    ]  # fmt: skip
    assert rows["New"]["2.2 (of 3)"] == "not handed in"
    assert rows["New"]["group"] == "B"
    assert read(file, POINTS).rows["Ada"].own == {"group": "ü"}
    before = file.read_bytes()
    with pytest.raises(KeyError):  # a row that cannot be written
        write(file, Gradebook(POINTS, {"Ada": Row({})}))
    assert file.read_bytes() == before


ON_TIME = "2026-11-30 17:59:59.5 UTC"


@pytest.mark.parametrize(("stamp", "file", "hours"), [
    (None, "2026-11-30T18:00:00+00:00", "0"),
    (None, "2026-11-30T18:00:01+00:00", "0.01"),  # rounded up: late is late
    (None, "2026-12-01T19:30:00+00:00", "25.5"),
    (ON_TIME, "2026-12-01T19:30:00+00:00", "0"),  # nbgrader knows better
    ("2026-11-30 13:30:00.0 America/New_York", "2026-11-30T17:00:00+00:00", "0.5"),
    ("2026-11-30 20:00:00 +01:00", "2026-11-30T17:00:00+00:00", "1"),
    ("2026-11-30 19:00:00", "2026-11-30T17:00:00+00:00", "1"),
    ("yesterday", "2026-11-30T20:00:00+00:00", "2"),
    ("2026-11-30 19:00:00 Nowhere/Land", "2026-11-30T20:00:00+00:00", "2"),
])  # fmt: skip
def test_hours_after_the_deadline(tmp_path, stamp, file, hours):
    path = tmp_path / "Ada" / "02_flow.ipynb"
    path.parent.mkdir()
    path.touch()
    os.utime(path, (datetime.fromisoformat(file).timestamp(),) * 2)
    if stamp:
        (path.parent / STAMP).write_text(f"{stamp}\n")
    (one,) = hand_ins(tmp_path, ["02_flow"])
    due = datetime.fromisoformat("2026-11-30T18:00+00:00")
    assert late(one.when(), due) == hours
    assert late(one.when(), None) == late(None, due) == ""


def test_who_was_late_is_in_the_gradebook_and_loses_nothing(handed_in, book, tmp_path, monkeypatch):
    into = tmp_path / "graded"
    for path in handed_in.rglob("*.ipynb"):
        os.utime(path, (1e9, 1e9), follow_symlinks=False)
    os.utime(handed_in / "Right Ada" / "02_flow.ipynb", (1e9 + 5400, 1e9 + 5400))
    os.utime(handed_in / "flat_zoe_02_flow.ipynb", (1e9 - 1, 1e9 - 1))
    (handed_in / STAMP).write_text("2030-01-01 00:00:00 UTC")  # of nobody's folder
    words = [str(handed_in), "--due", datetime.fromtimestamp(1e9, UTC).isoformat(), "2.2", "--into", str(into)]
    monkeypatch.setattr("commands.student.CHAPTERS", book)
    monkeypatch.setattr("commands.student.untouched", untouched)
    monkeypatch.setattr("sys.argv", ["student", "--grade", *words])
    main()
    rows = rows_of(into / "gradebook.csv")
    assert {student: row["late"] for student, row in rows.items() if row["late"]} == {
        "Right Ada": "1.5", "Wrong Bob": "0", "Untagged Eve": "0", "'=Hostile()": "0", "Lazy": "0", "flat_zoe": "0",
        "Broken": "0",
    }  # fmt: skip
    page = (into / "feedback" / "Right Ada.md").read_text(encoding="utf-8")
    assert "Handed in 1.5 hours after the deadline." in page
    assert "deadline" not in (into / "feedback" / "flat_zoe.md").read_text(encoding="utf-8")
    grade_class(handed_in, book, untouched(book), {"2.2": 1.0}, into)
    assert "late" not in rows_of(into / "gradebook.csv")["Right Ada"]


def test_a_gradebook_that_is_open_elsewhere(book, tmp_path, monkeypatch):
    """As on Windows, where a file cannot be replaced while a spreadsheet has it open."""
    handed_in, into = tmp_path / "class", tmp_path / "graded"
    (handed_in / "Right Ada").mkdir(parents=True)
    save(handed_in / "Right Ada" / "02_flow.ipynb", answered(book))
    grade_class(handed_in, book, untouched(book), POINTS, into)
    before, replace = (into / "gradebook.csv").read_bytes(), os.replace

    def refused(source, target):
        if Path(target).name == "gradebook.csv":
            raise PermissionError(13, "Access is denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refused)
    monkeypatch.setattr("commands.grading.course.grade_all", lambda *_: pytest.fail("an answer is judged again"))
    with pytest.raises(PermissionError, match=r"gradebook\.csv could not be replaced: close it where it is open"):
        grade_class(handed_in, book, untouched(book), POINTS, into)
    assert (into / "gradebook.csv").read_bytes() == before


def test_where_an_answer_is(book):
    cells = copy_of(book).cells
    known = {cell.source.strip() for cell in cells}
    assert answer_of(cells, known, "2.2") == []
    assert answer_of(cells, known, "2.9") is None
    cells.append(v4.new_code_cell("1 / 2"))
    assert answer_of(cells, known, "2.2") == [len(cells)]
    heading = next(cell for cell in cells if "Exercise 2.2" in cell.source)
    heading.source += "\nBelow the question."
    assert answer_of(cells, known, "2.2") == [cells.index(heading) + 1, len(cells)]


def test_a_copy_says_how_to_install():
    assert '"srbm[book] @ git+https://github.com/a/b" jupyterlab' in readme(Address.parse("https://github.com/a/b"))
    assert "py3-none-any.whl" in readme(Address())
    assert "git+" not in readme(Address())
    assert r"type `srbm-course\Scripts\python` in place of `srbm-course/bin/python`" in readme(Address())


def test_a_command_is_shown_as_it_is_typed():
    assert typed(r".venv\Scripts\jupyter", "lab", "a class", windows=True) == r'.venv\Scripts\jupyter lab "a class"'
    assert typed(".venv/bin/jupyter", "lab", "a class", windows=False) == ".venv/bin/jupyter lab 'a class'"
