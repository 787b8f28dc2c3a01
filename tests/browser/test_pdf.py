"""Two chapters printed as the whole book is: pages, bookmarks, links, formulas and figures."""

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from commands import pdf
from tests.browser.visits import PAGES, needs_book, needs_chromium

pytestmark = [needs_chromium, needs_book]
TWO = [("02_bipartite_graph", "Part I: the paper"), ("03_training", None)]


@pytest.fixture(scope="module")
def printed(browser, tmp_path_factory):
    """The document, and what was too wide for the paper."""
    file = tmp_path_factory.mktemp("pdf") / "two.pdf"
    too_wide = pdf.make(PAGES, file, browser, TWO)
    return PdfReader(file), too_wide


def links(page):
    """The annotations of a page that are links."""
    entries = [annotation.get_object() for annotation in page.get("/Annots", [])]
    return [entry for entry in entries if entry.get("/Subtype") == "/Link"]


def fonts(page):
    """The names of the fonts of a page, whatever kind they are of."""
    found = [font.get_object() for font in page["/Resources"].get("/Font", {}).values()]
    described = [font["/FontDescriptor"].get_object() for font in found if "/FontDescriptor" in font]
    return {str(font.get("/BaseFont")) for font in found} | {str(font.get("/FontName")) for font in described}


def test_nothing_is_too_wide(printed):
    assert printed[1] == []


def test_pages_and_bookmarks(printed):
    document, _ = printed
    assert 15 < len(document.pages) < 60
    chapters = [item for item in document.outline if not isinstance(item, list)]
    for item, title in zip(chapters, ("Scalar fields on a bipartite graph", "Training RBM parameters"), strict=True):
        assert item.title.count(title) == 1
    first, second = (document.get_destination_page_number(item) for item in chapters)
    assert first == 2  # after the title page and the contents
    assert "Training RBM parameters" in document.pages[second].extract_text()
    assert document.page_labels[:3] == ["i", "ii", "1"]


def test_the_contents_lead_to_the_chapters(printed):
    document, _ = printed
    text = document.pages[1].extract_text()
    targets = [document.get_page_number(link["/Dest"][0].get_object()) for link in links(document.pages[1])]
    chapters = [item for item in document.outline if not isinstance(item, list)]
    assert targets == [document.get_destination_page_number(item) for item in chapters]
    assert all(document.page_labels[target] in text for target in targets)


def test_no_link_leads_to_a_file(printed):
    addresses = [str(link["/A"].get("/URI", "")) for page in printed[0].pages for link in links(page) if "/A" in link]
    within = [address for address in addresses if address.startswith("file:")]
    assert all("02_" not in address and "03_" not in address for address in within)  # the other pages were left out
    assert any("/Dest" in link for page in printed[0].pages[2:] for link in links(page))


def test_formulas_figures_and_solutions_are_there(printed):
    document, _ = printed
    texts = [page.extract_text() for page in document.pages]
    for shown in ("(19)", "(x3.1)", "eq-19", "Solution to Exercise", "reproduced"):
        assert any(shown in text for text in texts), shown
    numbered = [page for page, text in zip(document.pages, texts, strict=True) if "\n(19)" in text]
    assert all(any("STIX" in name for name in fonts(page)) for page in numbered)
    page = BeautifulSoup((PAGES / "chapters" / "03_training.html").read_text(), "html.parser")
    figures = page.select("article img[src$=png]")  # an SVG is printed as lines
    assert sum(len(page.images) for page in document.pages) >= len(figures)
