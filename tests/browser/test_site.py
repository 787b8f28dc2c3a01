"""The built book as a site: links, downloads, weight, search, and any place on any web server."""

import gzip
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from book.address import Address, with_hint
from book.reader import Numbers, readers_copy
from tests.browser.visits import PAGES, needs_book, needs_chromium, pages

pytestmark = needs_book
MEGABYTE = 1e6
COMPRESSED = {".html", ".css", ".js", ".svg", ".json"}  # web servers send these compressed
FIGURES = "[...document.querySelectorAll('img')].filter((image) => !image.closest('.slider'))"
LOAD_FIGURES = f"{FIGURES}.forEach((image) => {{ image.loading = 'eager'; }})"
FIGURES_LOADED = f"{FIGURES}.every((image) => image.complete)"
ICONS_NOT_DRAWN = """[...document.querySelectorAll("i[class*='fa-'], svg.svg-inline--fa:not(:has(path[d^='M']))")]
    .map((icon) => icon.getAttribute("class"))"""


class Links(HTMLParser):
    """What a page links to, the anchors that it offers, and the files that it loads."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.anchors, self.loads = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors.update(filter(None, (attributes.get("id"), tag == "a" and attributes.get("name"))))
        if tag == "a" and attributes.get("href"):
            self.targets.append(attributes["href"])
        loaded = attributes.get("href") if tag == "link" else attributes.get("src")
        if loaded and attributes.get("rel") not in ("index", "search", "next", "prev"):
            self.loads.append(loaded)


def broken_links(root: Path):
    """Every link and every loaded file of the HTML pages below `root` that leads nowhere."""
    read = {path.resolve(): Links(path.read_text(encoding="utf-8")) for path in root.rglob("*.html")
            if "_static" not in path.parts}  # fmt: skip
    for page, links in sorted(read.items()):
        for target in dict.fromkeys(links.targets + links.loads):
            url = urlsplit(target)
            if url.scheme or url.netloc:
                continue
            file = (page.parent / unquote(url.path)).resolve() if url.path else page
            if not file.is_file():
                yield f"{page.name}: {target} is not there"
            elif url.fragment and file in read and unquote(url.fragment) not in read[file].anchors:
                yield f"{page.name}: {target} has no such anchor"


def test_every_link_leads_somewhere():
    assert list(broken_links(PAGES)) == []


def test_broken_links_are_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#here">x</a><a href="c.html">x</a><a href="b.html#gone">x</a>'
                                     '<img src="d.png"><a href="https://example.org">x</a>')  # fmt: skip
    (tmp_path / "b.html").write_text('<p id="here">x</p>')
    assert len(list(broken_links(tmp_path))) == 3


@pytest.mark.parametrize("name", [name for name in pages if (PAGES / "_sources" / name).with_suffix(".ipynb").exists()])
def test_a_chapter_offers_its_notebook(name):
    """The download is the reader's copy; its first cell says what to install from the address of the pages."""
    source = Path(name).with_suffix(".ipynb").as_posix()
    links = Links((PAGES / name).read_text(encoding="utf-8")).targets
    assert f"../_sources/{source}" in links
    root = PAGES.parents[1]
    copy = readers_copy(nbformat.read(root / source, 4), Path(name).stem, Numbers(root / "chapters"))
    assert nbformat.read(PAGES / "_sources" / source, 4) == nbformat.reads(
        with_hint(nbformat.writes(copy), Address.of()), 4
    )


def test_the_book_is_below_60_megabytes():
    """Without what is only deployed beside it: the PDF and the JupyterLite site."""
    own = [path for path in PAGES.rglob("*") if path.is_file() and path.suffix != ".pdf"
           and "lite" not in path.relative_to(PAGES).parts]  # fmt: skip
    assert sum(path.stat().st_size for path in own) < 60 * MEGABYTE


def sent(file: Path) -> int:
    """The bytes that a web server sends for a file."""
    content = file.read_bytes()
    return len(gzip.compress(content, 6) if file.suffix in COMPRESSED else content)


@needs_chromium
@pytest.mark.parametrize("name", pages)
def test_from_a_folder_of_a_web_server(visit, server, name):
    """Nothing is missing wherever the book lies, and a page weighs less than 3 MB without the frames of sliders."""
    host = server[: server.index("/", len("http://"))]
    visited = visit(f"{server}/{name}", home=host)
    visited.page.evaluate(LOAD_FIGURES)
    visited.page.wait_for_function(FIGURES_LOADED)
    assert visited.complaints == []
    assert visited.outside == []
    assert visited.page.evaluate(ICONS_NOT_DRAWN) == []
    frames = set(visited.page.evaluate("[...document.querySelectorAll('.slider img')].map((frame) => frame.src)"))
    files = {
        PAGES / unquote(urlsplit(url).path).removeprefix(urlsplit(server).path + "/")
        for url in visited.asked
        if url.startswith(host) and url not in frames
    }
    assert sum(sent(file) for file in files) < 3 * MEGABYTE
