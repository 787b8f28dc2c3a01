"""What the search knows of the book: formulas in plain text, and an entry for each thing that can be led to."""

import re
import tomllib
from pathlib import Path

import pytest
from docutils import nodes

from book.extension import chapter_number
from book.plain import plain
from book.search import entries_of, of_the_exercises, of_the_ledger
from srbm_book.typeset import GREEK

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("tex", "text"), [
    (r"\mu^2-\kappa_\alpha", "μ²−κ_α"),
    (r"\frac1{2\sigma_h^2}", "1/2σ_h²"),
    (r"\frac{a+b}{\bar{V}}", "(a+b)/V"),
    (r"\mathrm{KL}_{\text{unseen}}(N_h)\simeq\frac{d(N_h)}n", "KL_unseen(N_h)≃d(N_h)/n"),
    (r"\langle\phi\phi^T\rangle_{\text{model}}", "⟨ϕϕᵀ⟩_model"),
])  # fmt: skip
def test_a_formula_in_plain_text(tex, text):
    assert plain(tex) == text


def test_no_formula_of_the_book_keeps_its_tex():
    for path in sorted((ROOT / "chapters").glob("*.md")):
        for formula in re.findall(r"(?<!\$)\$([^$\n]+)\$(?!\$)", path.read_text(encoding="utf-8")):
            assert not set("\\{}$") & set(plain(formula)), formula


def test_the_entries_of_a_page():
    part = nodes.section("", nodes.title("", "Part"), nodes.paragraph("", "Words of the part."), ids=["part"])
    part += nodes.math_block("", r"\mu^2", number="33", ids=["equation-eq-33"])
    title = nodes.title("", "", nodes.inline("", "4 ", classes=["chapter-number"]), nodes.Text("Page"))
    page = nodes.section("", title, nodes.paragraph("", "Opening."), part, ids=["page"])
    document = nodes.document(None, None)
    document += page
    assert entries_of("04_page", document, {}) == [
        ["page", "", "Page", "Opening."],
        ["section", "part", "Part", "Words of the part. μ²"],
        ["equation", "equation-eq-33", "(33)", "Part: μ²"],
    ]


def test_entries_of_the_ledger_and_exercises():
    record = {"statement": "mu^2 >= kappa_max", "chapter": "02_x", "verdict": "reproduced"}
    found = of_the_ledger({"eq-9": record})
    assert found == {"chapters/02_x": [["check", "check-eq-9", f"{GREEK['mu']}² ≥ κ_max", "eq-9: reproduced"]]}
    assert ["exercise", "ex-2-1"] in [
        one[:2] for one in of_the_exercises(ROOT / "chapters")["chapters/02_bipartite_graph"]
    ]


def test_what_readers_ask_for_names_pages():
    asked = tomllib.loads((ROOT / "book" / "search.toml").read_text(encoding="utf-8"))
    names = {path.stem for path in (ROOT / "chapters").iterdir()}
    assert set(asked) <= names
    assert {name for name in names if chapter_number(name)} - {"01_introduction", "11_conclusion"} <= set(asked)
