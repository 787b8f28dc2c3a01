"""The student copy: nothing is solved in it, and with the solutions put in everything is right."""

import copy
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

import nbformat
import pytest
from nbformat import v4

import selfcheck
from book.exercises import in_reading_order, read_exercises
from commands.student import (
    ANSWER,
    CHAPTERS,
    Numbers,
    Verdict,
    grade,
    grade_apart,
    main,
    needed,
    plain,
    report,
    solutions,
    solve,
    student_copy,
    write,
)

NAMES = [path.stem for path in in_reading_order(CHAPTERS)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("student")
    write(folder)
    return folder


@pytest.fixture(scope="module")
def exercises():
    return read_exercises(CHAPTERS)


def read(folder, name):
    return nbformat.read(folder / f"{name}.ipynb", as_version=4)


def verdicts(*arguments):
    """What is said of each exercise, by its label."""
    return {verdict.label: verdict.text for verdict in grade(*arguments) if verdict}


@pytest.fixture
def probed(monkeypatch):
    """Import `judge` from a module that gives each pitfall for an answer once, and keeps what is said of it."""
    probe, said = ModuleType("probe"), {None: []}  # and what is said of the answers

    def judge(yours, right, *, pitfalls, **options):
        for explanation, mistake in pitfalls.items():
            if explanation not in said:
                with mock.patch("selfcheck._show", lambda text, key=explanation: said.update({key: text})):
                    selfcheck.judge(mistake, right, pitfalls=pitfalls, **options)
        with mock.patch("selfcheck._show", said[None].append):
            selfcheck.judge(yours, right, pitfalls=pitfalls, **options)
        selfcheck._show(said[None][-1])

    probe.judge = judge
    monkeypatch.setitem(sys.modules, "probe", probe)
    return said


@pytest.mark.parametrize("name", NAMES)
def test_unsolved_then_solved(folder, exercises, name, probed):
    """Every answer is judged twice, as the copy has it and then solved: the chapter before it runs only once."""
    notebook, chapter = read(folder, name), read(CHAPTERS, name)
    answers = solutions(chapter)
    expected = [exercise.label for exercise in exercises if exercise.chapter == name and exercise.judged]
    assert expected
    assert list(answers) == expected
    for cell in chapter.cells:
        cell.source = cell.source.replace("from selfcheck import judge", "from probe import judge")
    cells = []
    for cell in notebook.cells:
        cells += [cell]
        if "answer" in cell.metadata.get("tags", []):
            solved = copy.deepcopy(cell)
            solved.id += "-solved"
            cells += solve(v4.new_notebook(cells=[solved]), answers).cells
    assert verdicts(v4.new_notebook(cells=cells), chapter, name, folder) == dict.fromkeys(expected, "Right.")
    assert probed.pop(None) == ["No answer yet.", "Right."] * len(expected)
    assert probed, "no pitfall was tried"
    for explanation, text in probed.items():
        assert text == f"Not yet: {explanation}.", f"{explanation!r} is answered by {text!r}"


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_has_no_solutions_and_no_trace_of_the_book(folder, exercises, name):
    notebook = read(folder, name)
    solved = "\n".join(solutions(read(CHAPTERS, name)).values())
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert not re.search(r"^[`:]{3,}\{", text, re.MULTILINE)
    assert not re.search(r"\{\w+\}`", text)
    assert "$$ (eq" not in text
    assert not any(cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    answers = [cell.source for cell in notebook.cells if "answer" in cell.metadata.get("tags", [])]
    assert all("# your answer" in answer for answer in answers)
    assert not any(cell.source in solved for cell in notebook.cells if cell.cell_type == "code")
    asked = [exercise for exercise in exercises if exercise.chapter == name]
    assert text.count(ANSWER) + len(answers) == len(asked)
    for exercise in asked:
        assert f"### Exercise {exercise.number} ({exercise.kind}): " in text


def test_folded_cells_hold_the_judges(folder):
    for name in NAMES:
        for cell in read(folder, name).cells:
            if "def judge_" in cell.source:
                assert cell.metadata.jupyter.source_hidden


BOOK = r"""# Flow

By {eq}`eq-33`, {eq}`eq-x-flow`, {numref}`fig-12`, {ref}`ex-4-2`, {cite}`aarts2024` and [](03_training).

$$ x = 1 $$ (eq-33)

$$
x = 2
$$ (eq-x-flow)
"""


def test_roles_become_plain(tmp_path):
    (tmp_path / "02_flow.ipynb").write_text(nbformat.writes(v4.new_notebook(cells=[
        v4.new_markdown_cell(BOOK),
        v4.new_code_cell("plot()", metadata={"mystnb": {"figure": {"name": "fig-12", "caption": "As {eq}`eq-33`."}}}),
    ])))  # fmt: skip
    (tmp_path / "03_training.ipynb").write_text(nbformat.writes(v4.new_notebook(
        cells=[v4.new_markdown_cell("# Training")])))  # fmt: skip
    numbers = Numbers(tmp_path)
    text = plain(BOOK, numbers)
    assert "By (33), (x2.1), Fig. 12, Exercise 4.2, [aarts2024] and [Training](03_training.ipynb)." in text
    assert "x = 1 \\tag{33}\n$$" in text
    assert "x = 2\n\\tag{x2.1}\n$$" in text
    cells = student_copy(nbformat.read(tmp_path / "02_flow.ipynb", 4), "02_flow", numbers).cells
    assert cells[-1].source == "**Fig. 12.** As (33)."


@pytest.mark.parametrize(("cells", "expected"), [
    (["import numpy as np", "x = 1", "y = 2", "np.abs(x)"], [0, 1, 3]),
    (["x = 1", "x = 2", "print(x)"], [1, 2]),  # the latest
    (["x = 1", "x += 1", "print(x)"], [0, 1, 2]),
    (["import numpy as np", "y = np.append([], 1)", "print(np.pi)"], [0, 2]),
    (["x = []", "x.append(1)", "x[0] = 2", "print(x)"], [0, 1, 2, 3]),
    (["x = 1", "if True:\n    x = 2", "print(x)"], [0, 1, 2]),
    (["x = 1", "y = 2\ndef f(y):\n    return x", "x = 3", "print(f(0))"], [0, 1, 2, 3]),  # x as f is called
    (["x = 1", "f = lambda: x", "y = f()", "x = 3", "print(y)"], [0, 1, 2, 4]),  # x as f was called
    (["x = 1", "print([x for x in range(3)])"], [1]),
    (["x = 1", "print([y + x for y in range(3)])"], [0, 1]),
    (["x = 1", "for x in range(3):\n    pass", "print(x)"], [1, 2]),
    (["x = 1", "def x():\n    pass\nx()"], [1]),
    (["x = 1", "x = x + 1", "print(x)"], [0, 1, 2]),
    (["f = abs", "def f():\n    return g()\ndef g():\n    return 1", "g = abs", "f()"], [1, 2, 3]),
    (["x = 1", "this is no Python"], [1]),
])  # fmt: skip
def test_what_a_cell_depends_on(cells, expected):
    assert needed(cells, len(cells) - 1) == expected


def test_a_given_name_needs_no_cell():
    assert needed(["x = 1", "def f():\n    return x", "y = f()\nx"], 2, {"x"}) == [1, 2]


EXERCISE = """```{{exercise}} *compute*: Twice
:label: {0}
```"""
SOLUTION = """```{{solution-start}} {0}
```"""
SOLUTION_END = """```{solution-end}
```"""


def a_chapter(*labels):
    """A chapter of the book whose judges find 2 right; its solutions would spoil the number that they use."""
    cells = [v4.new_code_cell("x = 2")]
    for label in labels:
        judge = label.replace("ex", "judge").replace("-", "_")
        cells += [
            v4.new_markdown_cell(EXERCISE.format(label)),
            v4.new_code_cell(f"from selfcheck import judge\ntwo = 2\ndef {judge}(a):\n    judge(a, x, hint='think')",
                             metadata={"tags": ["hide-input"]}),
            v4.new_code_cell(f"{judge}(...)  # your answer", metadata={"tags": ["answer", label]}),
            v4.new_markdown_cell(SOLUTION.format(label)),
            v4.new_code_cell(f"{judge}(x)\nx = 5"),
            v4.new_markdown_cell(SOLUTION_END),
        ]  # fmt: skip
    return v4.new_notebook(cells=cells)


def handed_in(chapter, *answers, before="x = 2", judge=None):
    """A copy of that chapter with answers, code in the order of the exercises; None deletes the cell."""
    copied = student_copy(chapter, "02_flow", Numbers(Path("no other chapters")))
    first, *rest = [cell for cell in copied.cells if cell.cell_type == "code"]
    first.source = before
    for judged, cell, answer in zip(rest[::2], rest[1::2], answers, strict=True):
        judged.source = judge or judged.source
        cell.source = answer
    copied.cells = [cell for cell in copied.cells if cell.source is not None]
    return copied


@pytest.mark.parametrize(("answer", "before", "text"), [
    ("print('Hm')\njudge_2_1(2)", "x = 2", "Right."),
    ("judge_2_1(a=2)", "x = 2", "Right."),
    ("judge_2_1(y)", "y = 2", "Right."),  # from a cell of their own
    ("judge_2_1(two)", "x = 2", "Right."),  # from that of the judge, which may not replace the judge of the book
    ("judge_2_1(x)", "x = 3", "Not yet: the value is not the right one.\nHint: think"),
    ("judge_2_1(...)", "x = 2", "No answer yet."),
    ("a = 2", "x = 2", "The judge was not asked."),
    ("judge_2_1(2", "x = 2", "Code cell 3 raised SyntaxError"),
    ("judge_2_1(z)", "x = 2", "Code cell 3 raised NameError"),
    ("raise SystemExit", "x = 2", "Code cell 3 raised SystemExit"),
    ("judge_2_1(x)", "x = 1 / 0", "Code cell 1 raised ZeroDivisionError"),
    ("judge_2_1(2)", "x = 1 / 0", "Right."),  # which does not depend on x
    (None, "x = 2", "Its cell was not found."),
])  # fmt: skip
def test_grading(tmp_path, answer, before, text):
    book = a_chapter("ex-2-1")
    (verdict,) = filter(None, grade(handed_in(book, answer, before=before), book, "02_flow", tmp_path))
    assert verdict.text.startswith(text)
    assert verdict.right == (text == "Right.")


@pytest.mark.parametrize(("answer", "before"), [
    ("print('Right.')", "x = 2"),
    ("def judge_2_1(a):\n    print('Right.')\njudge_2_1(3)", "x = 2"),
    ("judge_2_1(3)", "def judge_2_1(a):\n    print('Right.')"),
    ("two\njudge_2_1(3)", "x = 2"),  # the cell of the judge has to run
    ("judge_2_1(3)", "x = 3"),  # what the judge of the copy would compare with
    ("class A:\n    def __array__(*a, **k):\n        print('Right.')\n        return 1 / 0\njudge_2_1(A())", "x = 2"),
    ("from selfcheck import judge\njudge(1, 1)", "x = 2"),
])  # fmt: skip
def test_only_the_judge_of_the_book_is_believed(tmp_path, answer, before):
    book = a_chapter("ex-2-1")
    copied = handed_in(book, answer, before=before, judge="two = 2\ndef judge_2_1(a):\n    print('Right.')")
    (verdict,) = filter(None, grade(copied, book, "02_flow", tmp_path))
    assert verdict.text.startswith(("Not yet: ", "The judge was not asked.", "Code cell 3 raised")), verdict


def test_the_judge_of_one_exercise_says_nothing_of_another(tmp_path):
    book = a_chapter("ex-2-1", "ex-2-3")
    copied = handed_in(book, "judge_2_1(2)", "judge_2_3(3)\njudge_2_1(2)")
    said = verdicts(copied, book, "02_flow", tmp_path)
    assert said["ex-2-1"] == "Right."
    assert said["ex-2-3"].startswith("Not yet")


def test_a_cell_runs_once(tmp_path):
    """An answer may use an earlier one, which is executed again where only the later one is left to judge."""
    book, log = a_chapter("ex-2-1", "ex-2-3"), tmp_path / "log"
    copied = handed_in(book, "y = x\njudge_2_1(y)", "judge_2_3(y)", before="x = open('log', 'a').write('ab')")
    assert verdicts(copied, book, "02_flow", tmp_path) == {"ex-2-1": "Right.", "ex-2-3": "Right."}
    assert log.read_text() == "ab"
    assert verdicts(copied, book, "02_flow", tmp_path, CHAPTERS, ["ex-2-3"]) == {"ex-2-3": "Right."}
    assert log.read_text() == "abab"


def test_an_answer_finds_the_files_beside_it(tmp_path):
    (tmp_path / "mine.py").write_text("two = int(open('two.txt').read())\n")
    (tmp_path / "two.txt").write_text("2")
    book = a_chapter("ex-2-1")
    path = list(sys.path)
    copied = handed_in(book, "import mine\njudge_2_1(mine.two)")
    assert verdicts(copied, book, "02_flow", tmp_path) == {"ex-2-1": "Right."}
    assert sys.path == path


def test_no_answer_stops_the_others(tmp_path):
    """One that never ends, in a way that no exception interrupts, and one that ends Python; nor does a false module."""
    (tmp_path / "selfcheck.py").write_text("1 / 0")
    first, second = a_chapter("ex-2-1", "ex-2-2", "ex-2-3"), a_chapter("ex-3-1")
    notebooks = {
        "02_flow": (handed_in(first, "sum(iter(int, 1))", "import os\nos._exit(0)", "judge_2_3(2)"), first),
        "03_training": (handed_in(second, "judge_3_1(2)"), second),
    }
    said = {verdict.label: verdict.text for verdict in grade_apart(notebooks, tmp_path, seconds=0.5)}
    assert said == {
        "ex-2-1": "It ran longer than 0.5 s.",
        "ex-2-2": "It ended Python.",
        "ex-2-3": "Right.",
        "ex-3-1": "Right.",
    }


@pytest.fixture
def book(tmp_path):
    """The chapters of a small book, beside which a folder was handed in with one right answer."""
    chapters, folder = tmp_path / "chapters", tmp_path / "handed in"
    for number, name in enumerate(["02_flow", "03_training", "A_algorithm"], 2):
        label = "ex-A-1" if name[0] == "A" else f"ex-{number}-1"
        save(chapters / f"{name}.ipynb", a_chapter(label))
    save(folder / "02_flow.ipynb", handed_in(a_chapter("ex-2-1"), "judge_2_1(2)"))
    return chapters, folder


def save(path, notebook):
    path.parent.mkdir(exist_ok=True)
    path.write_text(nbformat.writes(notebook))


def printed_lines(capsys, folder, chapters):
    report(folder, chapters)
    return capsys.readouterr().out.splitlines()


def test_a_report(book, capsys):
    """All exercises count; a notebook that cannot be read costs its own, and one without a chapter is named."""
    chapters, folder = book
    (folder / "A_algorithm.ipynb").write_text("<<<<<<< HEAD")
    save(folder / "Untitled.ipynb", v4.new_notebook())
    assert printed_lines(capsys, folder, chapters) == [
        "Untitled.ipynb has the name of no chapter: it is not graded",
        "03_training.ipynb was not found: its exercises (3.1) are not graded",
        "A_algorithm.ipynb is not a notebook (NotJSONError: Notebook does not appear to be JSON: '<<<<<<< HEAD'): "
        "its exercises (A.1) are not graded",
        "2.1   Right.",
        "1 of 3 are right",
    ]


def test_a_verdict_is_shown_before_the_next_is_known(book, monkeypatch, capsys):
    def slow(*arguments):
        yield Verdict("ex-2-1", "Right.")
        assert "2.1   Right." in capsys.readouterr().out
        yield Verdict("ex-A-1", "No answer yet.")

    monkeypatch.setattr("commands.student.grade_apart", slow)
    chapters, folder = book
    assert printed_lines(capsys, folder, chapters) == ["A.1   No answer yet.", "1 of 3 are right"]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff\xfe", b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}']
)
@pytest.mark.filterwarnings("ignore")  # nbformat's, on what it reads
def test_what_is_no_notebook(book, capsys, content):
    chapters, folder = book
    (folder / "02_flow.ipynb").unlink()
    (folder / "03_training.ipynb").write_bytes(content)
    (line,) = [line for line in printed_lines(capsys, folder, chapters) if "03_training" in line]
    assert re.fullmatch(r"03_training.ipynb is not a notebook \(\w+: .*\): its exercises \(3.1\) are not graded", line)


def command(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["student", *map(str, arguments)])
    main()


@pytest.mark.parametrize(("name", "why"), [("nothing", "there is no folder"), ("chapters", "the name of a chapter")])
def test_without_a_chapter_nothing_is_graded(tmp_path, monkeypatch, capsys, name, why):
    (tmp_path / "chapters").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SystemExit) as stopped:
        command(monkeypatch, "--grade", f"~/{name}")
    assert stopped.value.code
    error = capsys.readouterr().err
    assert why in error
    assert str(tmp_path / name) in error


def test_answers_are_never_overwritten(folder, monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        command(monkeypatch, folder)
    assert stopped.value.code
    assert "TO=" in capsys.readouterr().err


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
@pytest.mark.parametrize("target", ["student", "grade"])
@pytest.mark.parametrize("arguments", [[], ["TO=../my course"]])
def test_a_folder_may_have_a_space_in_its_name(target, arguments):
    run = ["make", "--no-print-directory", "-n", target, *arguments]
    shown = subprocess.run(run, cwd=CHAPTERS.parent, check=True, capture_output=True, text=True).stdout
    assert shlex.split(shown.splitlines()[-1])[-1] == ("../my course" if arguments else "student")


def test_make_student(tmp_path):
    """The commands as typed; the copy of a short chapter runs from top to bottom, in its own folder, and is graded."""
    root, folder = CHAPTERS.parent, tmp_path / "my copy"
    student = [sys.executable, "-m", "commands.student"]
    made = subprocess.run([*student, folder], cwd=root, check=True, capture_output=True, text=True)
    jupyter, lab, where = shlex.split(made.stdout.partition("with ")[2])
    assert shutil.which(root / jupyter), made.stdout
    assert (lab, Path(where)) == ("lab", folder)
    assert {path.name for path in folder.iterdir()} >= {"selfcheck.py", "ledger.py", "ledger.toml", "data"}
    run = [sys.executable, "-m", "jupyter", "execute", "02_bipartite_graph.ipynb"]
    subprocess.run(run, cwd=folder, check=True, capture_output=True)
    for name in NAMES:
        if name != "02_bipartite_graph":
            (folder / f"{name}.ipynb").unlink()
    graded = subprocess.run([*student, "--grade", folder], cwd=root, check=True, capture_output=True, text=True)
    judged = [exercise for exercise in read_exercises(CHAPTERS) if exercise.judged]
    assert graded.stdout.count("No answer yet.") == sum(e.chapter == "02_bipartite_graph" for e in judged)
    assert f"0 of {len(judged)} are right" in graded.stdout
