"""The generated pages say what the executed notebooks say."""

import json

import pytest

from book.pages import EQUATIONS, FIGURES, OurStatements, cited_equations, documented_names, read_records

ENTRY = (
    '[{key}]\nsection = "II"\nchapter = "02_flow"\nstatement = "A < b & x_1 * y."\nkind = "identity"\n'
    'verdict = "{verdict}"\n'
)


def record(key, verdict, **more):
    return {"key": key, "verdict": verdict, "paper": "289", "ours": "251", "tolerance": 0, "origin": "counting"} | more


def notebook(*records):
    outputs = [{"output_type": "display_data", "data": {}, "metadata": {"srbm": r}} for r in records]
    return json.dumps({"cells": [{"cell_type": "code", "outputs": outputs}, {"cell_type": "markdown"}]})


@pytest.fixture
def chapters(tmp_path):
    folder, ledger = tmp_path / "chapters", tmp_path / "srbm_book" / "ledger.toml"
    folder.mkdir()
    ledger.parent.mkdir()
    ledger.write_text(
        ENTRY.format(key="eq-33", verdict="reproduced")
        + ENTRY.format(key="sec-6-modes", verdict="not reproduced")
        + ENTRY.format(key="eq-34", verdict="reproduced")
        + ENTRY.format(key="x-rate", verdict="confirmed")
    )
    (folder / "02_flow.ipynb").write_text(
        notebook(
            record("eq-33", "reproduced"),
            record("sec-6-modes", "not reproduced"),
            record("x-rate", "confirmed", exact="2.5"),
        )
    )
    return folder


def test_records_join_the_declaration_and_the_run(chapters):
    records = read_records(chapters)
    assert list(records) == ["eq-33", "sec-6-modes", "x-rate"]  # eq-34 was declared and not run
    assert records["sec-6-modes"]["ours"] == "251"
    assert records["sec-6-modes"]["section"] == "II"


def test_the_directives(build, tmp_path, monkeypatch, chapters):
    moved = tmp_path / "book"
    moved.mkdir()
    monkeypatch.setattr("book.pages.read_records", lambda _: read_records(chapters))
    page = "# Flow\n\n$$ x = 1 $$ (eq-33)\n\n" + "".join(
        f"```{{{name}}}\n```\n\n"
        for name in ("ledger-summary", "ledger", "deviations", "equation-map", "our-statements")
    )
    texts, warnings, html = build(moved, **{"02_flow": page})
    assert warnings == ""
    assert "A &lt; b &amp; x<sub>1</sub> * y." in html["02_flow"]  # formulas are typeset, plain text stays plain
    assert html["02_flow"].count('href="02_flow.html#check-sec-6-modes"') == 2  # in the ledger and as a deviation
    assert html["02_flow"].count('href="02_flow.html#check-x-rate"') == 1  # ours stands apart
    assert "Chapter 2: Flow" in texts["02_flow"]
    assert "2.5 / 251" in texts["02_flow"]
    assert "1 of the 105 numbered equations" in texts["02_flow"]
    assert "0 of its 19 figures" in texts["02_flow"]


def test_our_statements_stand_by_chapter_with_those_who_knew_them():
    entry = {"statement": "s", "kind": "test", "ours": "1", "verdict": "confirmed", "tolerance": 0, "origin": "c"}
    records = {
        f"x-{n}": entry | {"key": f"x-{n}", "chapter": f"{n}_name", "exact": exact} | more
        for n, exact, more in ((17, "1", {}), (12, "2", {"known": "tipping1999"}))
    }
    text = "\n".join(OurStatements.markdown(None, records))
    assert text.index("Chapter 12") < text.index("x-12") < text.index("Chapter 17") < text.index("x-17")
    assert text.count("{cite}`tipping1999`") == 1
    assert "| 2 / 1 |" in text
    assert "| 1 |" in text  # said once if it is twice the same


def test_recorded_values_in_prose(build, tmp_path, monkeypatch, chapters):
    moved = tmp_path / "book"
    moved.mkdir()
    monkeypatch.setattr("book.pages.read_records", lambda _: read_records(chapters))
    page = "# Flow\n\nThere are {ours}`sec-6-modes` modes, not {paper}`sec-6-modes`, and {ours}`eq-34`.\n"
    texts, warnings, html = build(moved, **{"02_flow": page})
    assert "There are 251 modes, not 289, and ." in texts["02_flow"]
    assert html["02_flow"].count('href="02_flow.html#check-sec-6-modes"') == 2
    assert "no executed cell has decided 'eq-34'" in warnings


def test_there_are_105_equations_and_19_figures():
    assert (len(set(EQUATIONS)), len(set(FIGURES))) == (105, 19)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("K = mu^2 - s2 W W^T: Eq. (9).", ["eq-9"]),
        ("Eqs. (20)-(22) and Eq. (A1)", ["eq-20", "eq-21", "eq-22", "eq-A1"]),
        ("(Eqs. 76, 77 and 83)", ["eq-76", "eq-77", "eq-83"]),
        ("Eq. (B7) in any pair of bases", ["eq-B7"]),
        ("no equation, Sec. 5, (33)", []),
        ("Eq. (333)", []),
    ],
)
def test_citations_in_docstrings(text, keys):
    assert cited_equations(text) == keys


def test_names_are_read_off_docstrings(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a.py").write_text(
        'class A:\n    """Eq. (7)."""\n    def k(self):\n        """Eq. (9)."""\ndef hidden():\n    """Eq. (9)."""\n'
    )
    assert documented_names(tmp_path, ["A"]) == {"eq-7": ["A"], "eq-9": ["A.k"]}
