"""The student copy: nothing is solved in it, and with the solutions put in everything is right."""

import contextlib
import copy
import io
import re
import subprocess
import sys
from types import ModuleType

import nbformat
import pytest
from nbformat import v4

import selfcheck
from book.exercises import in_reading_order, read_exercises
from book.student import (
    ANSWER,
    CHAPTERS,
    Numbers,
    grade,
    main,
    needed,
    plain,
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


@pytest.fixture
def probed(monkeypatch):
    """Import `judge` from a module that gives each pitfall for an answer once, and keeps what is said of it."""
    probe, said = ModuleType("probe"), {}

    def judge(yours, right, *, pitfalls, **options):
        for explanation, mistake in pitfalls.items():
            if explanation not in said:
                with contextlib.redirect_stdout(io.StringIO()) as printed:
                    selfcheck.judge(mistake, right, pitfalls=pitfalls, **options)
                said[explanation] = printed.getvalue().strip()
        selfcheck.judge(yours, right, pitfalls=pitfalls, **options)

    probe.judge = judge
    monkeypatch.setitem(sys.modules, "probe", probe)
    return said


@pytest.mark.parametrize("name", NAMES)
def test_unsolved_then_solved(folder, exercises, name, probed):
    """Every answer is judged twice, as the copy has it and then solved: the chapter before it runs only once."""
    notebook, answers = read(folder, name), solutions(read(CHAPTERS, name))
    expected = [exercise.label for exercise in exercises if exercise.chapter == name and exercise.judged]
    assert expected
    assert list(answers) == expected
    cells = []
    for cell in notebook.cells:
        cell.source = cell.source.replace("from selfcheck import judge", "from probe import judge")
        cells += [cell]
        if "answer" in cell.metadata.get("tags", []):
            solved = copy.deepcopy(cell)
            solved.id += "-solved"
            cells += solve(v4.new_notebook(cells=[solved]), answers).cells
    verdicts = grade(v4.new_notebook(cells=cells), name, folder)
    assert [verdict.label for verdict in verdicts] == [label for label in expected for _ in range(2)]
    assert [verdict.text for verdict in verdicts] == ["No answer yet.", "Right."] * len(expected)
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


def one_exercise(answer, before="x = 2"):
    return v4.new_notebook(cells=[
        v4.new_code_cell(before),
        v4.new_code_cell("from selfcheck import judge\ndef judge_2_1(a):\n    judge(a, x, hint='think')"),
        v4.new_code_cell(answer, metadata={"tags": ["answer", "ex-2-1"]}),
    ])  # fmt: skip


@pytest.mark.parametrize(("answer", "before", "text"), [
    ("print('Hm')\njudge_2_1(2)", "x = 2", "Right."),
    ("judge_2_1(...)", "x = 2", "No answer yet."),
    ("judge_2_1(3)", "x = 2", "Not yet: the value is not the right one.\nHint: think"),
    ("a = 2", "x = 2", "The judge was not asked."),
    ("judge_2_1(2", "x = 2", "Code cell 3 raised SyntaxError"),
    ("judge_2_1(y)", "x = 2", "Code cell 3 raised NameError"),
    ("judge_2_1(2)", "x = 1 / 0", "Code cell 1 raised ZeroDivisionError"),
])  # fmt: skip
def test_grading(tmp_path, answer, before, text):
    (verdict,) = grade(one_exercise(answer, before), "02_flow", tmp_path)
    assert verdict.text.startswith(text)
    assert verdict.right == (text == "Right.")


def test_answers_are_never_overwritten(folder):
    with pytest.raises(FileExistsError, match="TO="):
        write(folder)


@pytest.mark.parametrize(("answer", "code"), [("judge_2_1(2)", 0), ("judge_2_1(...)", 1)])
def test_the_exit_status_says_whether_all_is_right(tmp_path, monkeypatch, capsys, answer, code):
    (tmp_path / "02_flow.ipynb").write_text(nbformat.writes(one_exercise(answer)))
    monkeypatch.setattr(sys, "argv", ["student", "--grade", str(tmp_path)])
    assert main() == code
    assert f"{1 - code} of 1 are right" in capsys.readouterr().out


def test_make_student(tmp_path):
    """The command as typed; the copy of a short chapter then runs from top to bottom, in its own folder."""
    root = CHAPTERS.parent
    subprocess.run([sys.executable, "-m", "book.student", tmp_path / "copy"], cwd=root, check=True, capture_output=True)
    assert {path.name for path in (tmp_path / "copy").iterdir()} >= {"selfcheck.py", "ledger.py", "ledger.toml", "data"}
    run = [sys.executable, "-m", "jupyter", "execute", "02_bipartite_graph.ipynb"]
    subprocess.run(run, cwd=tmp_path / "copy", check=True, capture_output=True)
