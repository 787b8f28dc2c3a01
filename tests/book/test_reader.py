"""Readers' copies: the cells of the chapter in plain Markdown, with its numbers; judges and solutions are folded."""

import re

import nbformat
import pytest
from nbformat import v4

from book.address import ROOT
from book.exercises import FOLDED, code_cells
from book.reader import Numbers, plain, readers_copy
from commands.reading import write

CHAPTERS = ROOT / "chapters"
NAMES = sorted(path.stem for path in CHAPTERS.glob("*.ipynb"))
COLLAPSED = "jp-MarkdownHeadingCollapsed"


@pytest.fixture(scope="module")
def numbers():
    return Numbers(CHAPTERS)


@pytest.fixture(params=NAMES)
def pair(request, numbers):
    """A chapter and its copy."""
    chapter = nbformat.read(CHAPTERS / f"{request.param}.ipynb", as_version=4)
    return chapter, readers_copy(chapter, request.param, numbers)


def markdown(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def level(cell):
    """Of the first heading of a cell; none for code and for other text."""
    found = re.match(r"(#+) ", cell.source) if cell.cell_type == "markdown" else None
    return len(found[1]) if found else None


def test_the_code_and_what_it_shows_are_those_of_the_chapter(pair):
    chapter, copy = ([cell for cell in one.cells if cell.cell_type == "code"] for one in pair)
    assert [cell.source.removeprefix(f"{FOLDED}\n") for cell in copy] == [cell.source for cell in chapter]
    assert [cell.outputs for cell in copy] == [cell.outputs for cell in chapter]
    assert pair[1].metadata == pair[0].metadata


def test_nothing_is_left_that_jupyter_does_not_know(pair):
    text = markdown(pair[1])
    assert not re.search(r"^[`:]{3,}\{", text, re.MULTILINE)
    assert not re.search(r"\{\w+\}`", text)
    assert "$$" not in text
    assert not re.search(r"\b(eq|fig|ex|sec)-(x-)?\w", re.sub(r"`[^`]*`", "", text)), "a label in place of its number"


def test_every_equation_has_the_number_of_the_page_once(pair, numbers):
    chapter, copy = map(markdown, pair)
    labels = re.findall(r"\$\$\s*\((eq-[\w-]+)\)", chapter)
    assert re.findall(r"\\tag\{(.*?)\}", copy) == [numbers.of[label] for label in labels]
    assert len(re.findall(r"\\begin\{equation\*\}", copy)) == chapter.count("$$") // 2


def test_every_figure_has_its_caption(pair, numbers):
    chapter, copy = pair
    names = [cell.metadata.mystnb.figure.name for cell in chapter.cells if "figure" in cell.metadata.get("mystnb", {})]
    assert re.findall(r"^\*\*Fig\. (.*?)\.\*\* \S", markdown(copy), re.MULTILINE) == [numbers.of[one] for one in names]


def test_judges_and_solutions_are_folded_and_nothing_else(pair):
    chapter, copy = pair
    solved = [cell.source for cell, label in code_cells(chapter) if label]
    folded, hidden = False, []
    for cell in copy.cells:
        if (depth := level(cell)) and depth <= 4:
            folded = cell.metadata.get(COLLAPSED, False)
            assert folded == bool(re.fullmatch(r"#### Solution of Exercise \S+", cell.source))
        if cell.cell_type == "code" and folded:
            hidden.append(cell.source)
            assert cell.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}
        if "def judge_" in cell.source and not folded:
            assert cell.metadata.jupyter.source_hidden
            assert cell.source.startswith(FOLDED)
        assert not re.search(r"\n#{1,4} ", cell.source) or not folded, "a heading would be hidden"
    assert hidden == solved


def test_every_exercise_is_there_with_its_solution(pair):
    chapter, copy = map(markdown, pair)
    asked = re.findall(r"^### Exercise (\S+) ", copy, re.MULTILINE)
    assert len(asked) == len(re.findall(r"^`{3,}\{exercise\}", chapter, re.MULTILINE))
    assert re.findall(r"^#### Solution of Exercise (\S+)$", copy, re.MULTILINE) == asked


def test_ids_are_unique_and_always_the_same(pair, numbers):
    _, copy = pair
    ids = [cell.id for cell in copy.cells]
    assert len(set(ids)) == len(ids)
    nbformat.validate(copy)


BOOK = r"""$$ x = \mathbb 1 $$ (eq-33)

> $$
> y = 2
> $$

Then {eq}`eq-33`."""


def test_formulas_are_environments(tmp_path):
    (tmp_path / "02_flow.ipynb").write_text(nbformat.writes(v4.new_notebook(cells=[v4.new_markdown_cell(BOOK)])))
    text = plain(BOOK, Numbers(tmp_path))
    assert text == (
        "\\begin{equation*} x = \\mathbf{1} \\tag{33}\\end{equation*}\n\n"
        "> \\begin{equation*}\n> y = 2\n> \\end{equation*}\n\nThen (33)."
    )


def test_a_copy_that_was_changed_stays(tmp_path):
    assert len(write(tmp_path)) == len(NAMES)
    changed, removed = (tmp_path / f"{name}.ipynb" for name in NAMES[:2])
    changed.write_text("mine")
    before = removed.read_bytes()
    removed.unlink()
    assert write(tmp_path) == [removed]
    assert removed.read_bytes() == before
    assert changed.read_text() == "mine"
