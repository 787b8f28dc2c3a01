"""What is claimed as new is checked, derived and searched for, and nobody is said to have known it."""

import re
import tomllib
from pathlib import Path

import pytest

from book.pages import OurClaims, ledger_of, read_claims, read_records

CHAPTERS = Path(__file__).parents[2] / "chapters"
CLAIMS = read_claims(CHAPTERS)
RECORDS = read_records(CHAPTERS)


@pytest.mark.parametrize("key", CLAIMS)
def test_a_claim_can_be_followed(key):
    claim = CLAIMS[key]
    for one in (key, *claim.get("also", ())):
        assert RECORDS[one]["verdict"] == "confirmed"
    labels = "".join(path.read_text(encoding="utf-8") for path in CHAPTERS.glob("*.ipynb"))
    for label in claim["where"]:
        assert f"({label})" in labels, f"there is no equation {label}"
    assert claim["searched"], "say what was searched"
    assert all(re.match("(pages|docs|issues|code): .{20,}", query) for query in claim["searched"])
    assert claim["standing"] in ("claimed", "demoted")


def test_nobody_is_said_to_have_known_what_is_claimed():
    ledger = tomllib.loads(ledger_of(CHAPTERS).read_text(encoding="utf-8"))
    claimed = [key for key, claim in CLAIMS.items() if claim["standing"] == "claimed"]
    assert not [key for key in claimed if "known" in ledger[key]]
    assert len(claimed) >= 8


def test_what_is_cited_is_in_the_bibliography():
    entries = re.findall(r"@\w+\{(\w+),", (CHAPTERS / "references.bib").read_text(encoding="utf-8"))
    for claim in CLAIMS.values():
        for cited in re.findall(r"\{cite\}`([^`]+)`", claim["nearest"]):
            assert set(cited.split(",")) <= set(entries)


def test_an_entry_shows_check_neighbour_and_query():
    claim = {"claim": "mu^2 is best", "where": ["eq-x-a"], "searched": ["pages: a b_c"], "nearest": "{cite}`d`"}
    record = {"key": "x-1", "chapter": "12_a", "verdict": "confirmed"}
    page = type("Page", (), {"arguments": ["claimed"]})()
    source = {"x-1": record}, {"x-1": claim | {"standing": "claimed"}, "x-2": claim | {"standing": "demoted"}}
    text = "\n".join(OurClaims.markdown(page, source))
    assert text.startswith("1. **\u03bc<sup>2</sup> is best**")
    assert "{eq}`eq-x-a`" in text
    assert "12_a.html#check-x-1" in text
    assert r"*Searched* pages: a b\_c" in text
    assert "2." not in text


def test_the_page_builds(build, tmp_path, monkeypatch):
    """All entries as they are, with their equations on one page; citations need the bibliography, and are cut out."""
    cut = {
        key: claim | {"nearest": re.sub(r" ?\{cite\}`[^`]+`", "", claim["nearest"])} for key, claim in CLAIMS.items()
    }
    monkeypatch.setattr("book.pages.read_records", lambda _: RECORDS)
    monkeypatch.setattr("book.pages.read_claims", lambda _: cut)
    labels = dict.fromkeys(label for claim in CLAIMS.values() for label in claim["where"])
    page = "# Ours\n\n" + "".join(f"$$ x = 1 $$ ({label})\n\n" for label in labels)
    page += "".join(f"```{{our-claims}} {standing}\n```\n\n" for standing in ("claimed", "demoted"))
    moved = tmp_path / "book"
    moved.mkdir()
    texts, warnings, html = build(moved, **{"02_flow": page})
    assert warnings == ""
    assert html["02_flow"].count("Searched</em> pages") >= 15
    assert 'href="12_probabilistic_pca.html#check-x-12-index"' in html["02_flow"]
    assert all(query.partition(": ")[2] in texts["02_flow"] for query in CLAIMS["x-12-index"]["searched"])
