"""The student copy: nothing is solved in it, and with the solutions put in everything is right."""

import copy
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import nbformat
import pytest
from nbformat import v4

import srbm_book
from book.exercises import in_reading_order, read_exercises
from book.reader import Numbers, plain
from commands.grading.judging import cells_of, grade
from commands.student import ANSWER, CHAPTERS, main, solutions, solve, student_copy, write
from srbm_book import selfcheck

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
    """Let `judge` give each pitfall for an answer once, and keep what is said of it."""
    right_judge, said = srbm_book.judge, {None: []}  # and what is said of the answers

    def judge(yours, right, *, pitfalls, **options):
        for explanation, mistake in pitfalls.items():
            if explanation not in said:
                with mock.patch.object(selfcheck, "_show", lambda text, key=explanation: said.update({key: text})):
                    right_judge(mistake, right, pitfalls=pitfalls, **options)
        with mock.patch.object(selfcheck, "_show", said[None].append):
            right_judge(yours, right, pitfalls=pitfalls, **options)
        selfcheck._show(said[None][-1])

    monkeypatch.setattr(srbm_book, "judge", judge)
    return said


@pytest.mark.parametrize("name", NAMES)
def test_unsolved_then_solved(folder, exercises, name, probed):
    """Every answer is judged twice, as the copy has it and then solved: the chapter before it runs only once."""
    notebook, chapter = read(folder, name), read(CHAPTERS, name)
    answers = solutions(chapter)
    expected = [exercise.label for exercise in exercises if exercise.chapter == name and exercise.judged]
    assert expected
    assert list(answers) == expected
    cells = []
    for cell in notebook.cells:
        cells += [cell]
        if "answer" in cell.metadata.get("tags", []):
            solved = copy.deepcopy(cell)
            solved.id += "-solved"
            cells += solve(v4.new_notebook(cells=[solved]), answers).cells
    solved = cells_of(v4.new_notebook(cells=cells))
    assert {one.label: one.text for one in grade(solved, chapter, name, folder, CHAPTERS)} == dict.fromkeys(
        expected, "Right."
    )
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
    assert "\\begin{equation*} x = 1 \\tag{33}\\end{equation*}" in text
    assert "\\begin{equation*}\nx = 2\n\\tag{x2.1}\\end{equation*}" in text
    cells = student_copy(nbformat.read(tmp_path / "02_flow.ipynb", 4), "02_flow", numbers).cells
    assert cells[-1].source == "**Fig. 12.** As (33)."


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
    assert {path.name for path in folder.iterdir()} == {"README.md", *(f"{name}.ipynb" for name in NAMES)}
    run = [sys.executable, "-m", "jupyter", "execute", "02_bipartite_graph.ipynb"]
    subprocess.run(run, cwd=folder, check=True, capture_output=True)
    for name in NAMES:
        if name != "02_bipartite_graph":
            (folder / f"{name}.ipynb").unlink()
    graded = subprocess.run([*student, "--grade", folder], cwd=root, check=True, capture_output=True, text=True)
    judged = [exercise for exercise in read_exercises(CHAPTERS) if exercise.judged]
    assert graded.stdout.count("No answer yet.") == sum(e.chapter == "02_bipartite_graph" for e in judged)
    assert f"0 of {len(judged)} are right" in graded.stdout
