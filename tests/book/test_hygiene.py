"""The stored chapters keep every rule of `commands.hygiene`, and every rule finds the defect it is there for."""

import re
from pathlib import Path

import pytest
from nbformat import v4

from book.pages import EQUATIONS, FIGURES
from commands import hygiene
from commands.hygiene import Book
from commands.normalise import dumps, normalise
from commands.symbols import symbols

ROOT = Path(__file__).parents[2]
PNG = "iVBORw0KGgo="


@pytest.fixture(scope="module")
def book():
    return Book.read(ROOT)


@pytest.mark.parametrize("rule", hygiene.RULES, ids=lambda rule: rule.__name__)
def test_chapters(book, rule):
    assert list(rule(book)) == []


def test_requirements_are_locked():
    name_and_pin = re.compile(r"^([\w.-]+)(?:==(\S+))?", re.MULTILINE)
    locked = dict(name_and_pin.findall((ROOT / "requirements.txt").read_text()))
    wanted = name_and_pin.findall((ROOT / "requirements.in").read_text())
    assert len(wanted) > 10
    for name, pin in wanted:
        assert locked.get(name), f"{name} is not locked: run `make lock`"
        assert pin in ("", locked[name])


def sound():
    """A book of one chapter that keeps every rule."""

    def record(key):
        return {"srbm": {"key": key, "verdict": "reproduced", "twin": "a wrong one"}}

    notebook = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Title\n\n" + "\n\n".join(f"$$ x = 1 $$ ({key})" for key in EQUATIONS)),
            v4.new_code_cell(
                "\n".join(f'check("{key}", paper=1, ours=1, origin="a count")' for key in EQUATIONS + FIGURES),
                metadata={"tags": [*EQUATIONS, *FIGURES, "hide-input"]},
                outputs=[
                    v4.new_output("display_data", {"text/plain": "reproduced"}, metadata=record(key))
                    for key in EQUATIONS + FIGURES
                ],
                execution_count=1,
            ),
            *(v4.new_markdown_cell(f"```{{figure}} a.png\n:name: {key}\n```") for key in FIGURES[1:]),
            v4.new_code_cell(
                "plot()",
                metadata={"mystnb": {"figure": {"name": "fig-1", "caption": "A."}, "image": {"alt": "A line."}}},
                outputs=[v4.new_output("display_data", {"image/png": PNG})],
                execution_count=2,
            ),
        ]
    )
    entry = {"section": "IV", "chapter": "04_flow", "statement": "x is 1.", "kind": "test", "verdict": "reproduced"}
    ledger = {key: dict(entry) for key in EQUATIONS + FIGURES}
    return finished(Book({}, {"04_flow": normalise(notebook)}, ledger, ["04_flow"]))


def finished(book):
    book.texts |= {name: dumps(notebook) for name, notebook in book.notebooks.items()}
    return book


@pytest.mark.parametrize("rule", hygiene.RULES, ids=lambda rule: rule.__name__)
def test_a_sound_book_passes(rule):
    assert list(rule(sound())) == []


def plant(book, defect):
    text, check, *_, figure = book.notebooks["04_flow"].cells
    match defect:
        case "plain_python":
            figure.source = "%matplotlib inline"
        case "executed_in_order":
            figure.execution_count = None
        case "clean_outputs":
            figure.outputs.append(v4.new_output("stream", name="stderr", text="warning"))
        case "no_rounding_is_printed":
            figure.outputs.append(v4.new_output("stream", name="stdout", text="difference -3.33e-16\n"))
        case "alt_texts":
            del figure.metadata["mystnb"]["image"]
        case "captions_name_the_letters":
            figure.outputs[0].data["text/plain"] = "<figure of 2 panels>"
        case "normal_form":
            figure.metadata["execution"] = {"start": "12:00"}
        case "no_machine_in_text":
            text.source = "see " + "/home" + "/someone/file"
        case "checks_are_in_the_ledger":
            del book.ledger["eq-33"]
        case "entries_name_their_chapter":
            book.ledger["eq-33"]["chapter"] = "05_other"
        case "entries_are_complete":
            book.ledger["eq-33"]["verdict"] = "probably"
        case "checks_are_tagged":
            check.metadata["tags"] = []
        case "entries_are_checked_once":
            check.source += "\n" + check.source
        case "verdicts_are_as_expected":
            check.outputs[0].metadata.srbm.verdict = "not reproduced"
        case "checks_can_fail":
            del check.outputs[0].metadata.srbm["twin"]
        case "labels_are_unique":
            text.source += "\n\n$$ x = 2 $$ (eq-33)"
        case "contents_are_the_files":
            book.contents.append("05_missing")
        case "the_whole_paper_is_there":
            text.source = text.source.replace("eq-B7", "eq-x-b7")
        case "titles_have_no_formulas":
            text.source = text.source.replace("# Title", "# The field $\\phi$")
        case "shared_symbols_are_in_the_notation":
            text.source += "\n\nThe shared $y$."
            book.notebooks["05_other"] = v4.new_notebook(cells=[v4.new_markdown_cell("Again $y^2$.")])
            book.texts["notation"] = "Here $x$ has a row, and $z_y$."
        case "code_fits_the_page":
            figure.source = "plot()" + " " * 80 + "# wide"
        case "cells_are_short":
            figure.source = "\n".join(f"x_{n} = {n}" for n in range(26))
        case "checks_show_their_numbers":
            check.source += '\ncheck("eq-33", paper=True, ours=bool(0.5 < 1))'
        case "exercises_keep_the_pattern":
            text.source += "\n\n```{exercise} *derive*: A title\n:label: ex-4-1\nNo solution.\n```"
        case "answers_are_judged_on_request":
            figure.source = "judge(answer, 2)"
        case "answers_find_what_they_need":
            check.source += "\nx = 1\ny = 2"
            figure.source, figure.metadata["tags"] = "plot(lambda z: x)", ["answers-need"]
        case _:
            raise AssertionError(f"no defect is planted for {defect}")
    return finished(book)


@pytest.mark.parametrize("rule", hygiene.RULES, ids=lambda rule: rule.__name__)
def test_a_planted_defect_is_found(rule):
    assert list(rule(plant(sound(), rule.__name__)))


def test_a_key_must_be_written_out():
    book = sound()
    book.notebooks["04_flow"].cells[1].source = "check(key, paper=1, ours=1)"
    assert list(hygiene.checks_are_in_the_ledger(book))


def test_symbols_of_formulas():
    text = r"""The field $\phi_i$ and $\mathcal K=W W^T$, a cost of \$5 and a $\text{word}$.

$$
\int\!D\phi\,e^{-S_{ab}}=\det\mathbb 1,\qquad x_{i_j}^{T}
$$ (eq-1)
"""
    assert symbols(text) == {r"\phi", r"\mathcal K", "W", "D", "e", "S", "x"}


def test_a_condition_without_its_bare_statement_is_found():
    book = sound()
    book.notebooks["04_flow"].cells[1].outputs[0].metadata.srbm["condition"] = "N_h = N_v"
    assert list(hygiene.checks_can_fail(book))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mu^2 = 0.30000000000000004", True),
        ("[1.0, 8.88e-16]", True),
        ("0.158653 and 9e-36", False),
        ("all 40 values agree to within 1.1e-14", False),
        ("we find 0.5, expected is 0.5, give or take 1.1e-14", False),
        ("version 3.11.7, 2026-11-29", False),
        ("epsilon = 1e-16", False),
        ("60000 images, 1234567890123", False),
        ("1 - 2.2204e-16", True),
    ],
)
def test_rounding_is_recognised(text, found):
    book = sound()
    book.notebooks["04_flow"].cells[-1].outputs = [v4.new_output("stream", name="stdout", text=text)]
    assert bool(list(hygiene.no_rounding_is_printed(book))) == found


@pytest.mark.parametrize(("lines", "tags", "found"), [(25, [], False), (26, [], True), (26, ["hide-input"], False)])
def test_a_cell_is_long_where_it_is_read(lines, tags, found):
    book = sound()
    figure = book.notebooks["04_flow"].cells[-1]
    figure.source, figure.metadata["tags"] = "\n".join(["plot()"] * lines), tags
    assert bool(list(hygiene.cells_are_short(book))) == found


def test_a_bool_within_a_twin_is_found():
    book = sound()
    book.notebooks["04_flow"].cells[1].source += '\ncheck("eq-33", paper=1, ours=1, twin=dict(ours=[bool(2 < 1)]))'
    assert list(hygiene.checks_show_their_numbers(book))
    book.notebooks["04_flow"].cells[1].source = 'print(bool(1))\ncheck("eq-33", above=0, ours=1)'
    assert not list(hygiene.checks_show_their_numbers(book))


@pytest.mark.parametrize(("sources", "tags", "found"), [
    (["x = 1", "plot(x)"], [True, True], False), (["x = 1", "plot(x)"], [False, False], False),
    (["x = 1", "plot([x for x in y])"], [False, True], False), (["x = 1", "x = 2\nplot(x)"], [False, True], False),
    (["x = 1", "def f():\n    return [x for y in x]"], [False, True], True),
])  # fmt: skip
def test_the_cells_that_answers_need_are_tagged(sources, tags, found):
    book = sound()
    cells = book.notebooks["04_flow"].cells
    for source, tag in zip(sources, tags, strict=True):
        cells.append(v4.new_code_cell(source, metadata={"tags": ["answers-need"] if tag else []}))
    assert bool(list(hygiene.answers_find_what_they_need(book))) == found


def test_an_error_is_found():
    book = sound()
    error = v4.new_output("error", ename="ValueError", evalue="", traceback=[])
    book.notebooks["04_flow"].cells[-1].outputs = [error]
    assert list(hygiene.clean_outputs(book))


def test_an_error_that_is_asked_for_has_to_come():
    book = sound()
    cell = book.notebooks["04_flow"].cells[-1]
    cell.metadata["tags"] = [hygiene.RAISES]
    assert list(hygiene.clean_outputs(book))
    cell.outputs = [v4.new_output("error", ename="ValueError", evalue="too small", traceback=[])]
    assert not list(hygiene.clean_outputs(book))


def test_a_verdict_that_is_not_stored_is_found():
    book = sound()
    book.notebooks["04_flow"].cells[1].outputs = []
    assert list(hygiene.verdicts_are_as_expected(book))


@pytest.mark.parametrize(("caption", "panels", "problems"), [
    ("(a) One. (b) Two.", "2", 0), ("One: (a, b) this; (c–e) that.", "2 + 3", 0), ("(a) One.", "2", 1),
    ("(a) One. (b) Two. Left: three.", "2", 1), ("(a) One, (b) two (right).", "2", 1), ("Of two.", "1", 0),
    ("(a) One, in the upper row. (b) Two.", "2", 1), ("(a) One is right, (b) two at the left end.", "2", 0),
    ("Left: one.", "2", 2),
])  # fmt: skip
def test_a_caption_names_the_letters_of_its_figure(caption, panels, problems):
    book = sound()
    figure = book.notebooks["04_flow"].cells[-1]
    figure.metadata["mystnb"]["figure"]["caption"] = caption
    figure.outputs[0].data["text/plain"] = f"<figure of {panels} panel{'' if panels == '1' else 's'}>"
    assert len(list(hygiene.captions_name_the_letters(book))) == problems


def test_rows_of_images_have_no_letters():
    book = sound()
    figure = book.notebooks["04_flow"].cells[-1]
    figure.outputs[0].data["text/plain"] = "<figure of 2 panels>"
    book.notebooks["04_flow"].cells.append(v4.new_code_cell("def digits(n):\n    return figures.images(n)"))
    figure.source = "digits(1) | digits(2)"
    assert not list(hygiene.captions_name_the_letters(book))
    figure.source += " | figures.curves(x)"
    assert list(hygiene.captions_name_the_letters(book))
