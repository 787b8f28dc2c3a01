"""The pages are joined into one document in which every reference still leads where it did."""

import pytest
from bs4 import BeautifulSoup

from commands import pdf

PAGE = """<html><head><link rel="stylesheet" href="../_static/a.css"><script src="../_static/theme.js"></script>
<script src="../_static/mathjax/startup.js"></script></head><body><nav>aside</nav>
<article class="bd-article"><section id="{id}"><h1>{title}<a class="headerlink" href="#{id}">#</a></h1>{text}
</section></article></body></html>"""
TOC = {"root": "chapters/index", "parts": [
    {"caption": "Part I", "chapters": [{"file": "chapters/01_a"}, {"file": "chapters/02_b"}]},
    {"caption": "Part II", "chapters": [{"file": "chapters/03_c"}]},
]}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "01_a.html").write_text(
        PAGE.format(
            id="top",
            title="A",
            text=(
                '<p id="eq">x</p><a class="ref" href="02_b.html#eq">b</a><a class="ref" href="#eq">own</a>'
                '<a class="ref" href="02_b.html">page</a><a class="ref" href="03_c.html">left out</a>'
                '<a class="ref" href="https://example.org/02_b.html">outside</a><details><p>folded</p></details>'
                '<div class="slider"><img src="frame.png"></div>'
            ),
        )
    )
    (tmp_path / "02_b.html").write_text(PAGE.format(id="top", title="B", text='<h2 id="sub">S</h2><p id="eq">y</p>'))
    return tmp_path


def test_references_stay_inside(folder):
    document, pages, headings = pdf.join(folder, [("01_a", "Part I"), ("02_b", None)])
    soup = BeautifulSoup(document, "html.parser")
    leads = [link["href"] for link in soup.select("a.ref")]
    assert leads == ["#02_b--eq", "#01_a--eq", "#02_b--start", "03_c.html", "https://example.org/02_b.html"]
    identifiers = [element["id"] for element in soup.find_all(id=True)]
    assert len(set(identifiers)) == len(identifiers)
    assert {"02_b--eq", "01_a--eq", "02_b--start"} <= set(identifiers)
    assert headings == ["A", "B", "S"]
    assert [(page.name, page.title, page.part) for page in pages] == [("01_a", "A", "Part I"), ("02_b", "B", None)]


def test_only_the_articles_and_what_sets_formulas(folder):
    document, _, _ = pdf.join(folder, [("01_a", None)])
    soup = BeautifulSoup(document, "html.parser")
    assert [script["src"] for script in soup.find_all("script")] == ["../_static/mathjax/startup.js"]
    assert "aside" not in soup.get_text()
    assert not soup.select("a.headerlink, .slider, img")
    assert soup.details.has_attr("open")


def test_the_order_is_that_of_the_contents():
    assert pdf.contents(TOC) == [("index", None), ("01_a", "Part I"), ("02_b", None), ("03_c", "Part II")]


def test_the_table_of_contents():
    pages = [pdf.Page("01_a", "A & B", "Part I"), pdf.Page("02_b", "C", None)]
    text = BeautifulSoup(pdf.front_matter(pages, {"01_a": 1, "02_b": 17}), "html.parser").nav.get_text(" ")
    assert text.split() == ["Part", "I", "A", "&", "B", "1", "C", "17"]
