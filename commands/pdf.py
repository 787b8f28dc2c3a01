"""The whole book as one PDF: ``python -m commands.pdf HTML OUTPUT`` prints the built pages with Chromium.

The articles of all pages are put into one document, so that references from chapter to chapter become links inside
the PDF and the headings become its bookmarks. The contents with page numbers are printed afterwards, when the numbers
are known, and put in front. Without the scripts of the theme the solutions of exercises stand open.
"""

import argparse
import html
import io
import logging
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, NameObject, TextStringObject

ROOT = Path(__file__).parent.parent
TITLE = "Scalar field RBM as an ultraviolet regulator"
SUBTITLE = "The executable edition of G. Aarts, B. Lucini and C. Park, Phys. Rev. D 109, 034521 (2024)"
LICENCE = "Text and figures: CC BY 4.0. Code: MIT."
PAPER = {"format": "A4", "scale": 0.74, "print_background": True, "tagged": True,
         "margin": {"top": "17mm", "bottom": "19mm", "left": "20mm", "right": "20mm"}}  # fmt: skip
WIDTH = round((210 - 2 * 20) / 25.4 * 96 / PAPER["scale"])  # of the text, in CSS pixels
NUMBER = ('<div style="width: 100%; text-align: center; font: 9px sans-serif; color: #444">'
          '<span class="pageNumber"></span></div>')  # fmt: skip
PLACE = "https://srbm.invalid/#"  # what the contents link to until the pages are joined
STYLE = """
body { font-size: 16px; }
article.bd-article { break-before: page; padding: 0 !important; max-width: none; }
article.bd-article:first-of-type { break-before: auto; }
article.bd-article h1:first-of-type { display: block !important; margin-top: 0; }
article.bd-article pre { color: #080808; }
a.headerlink, button.copybtn { display: none !important; }
div.cell_input, div.cell_output, figure, tr { break-inside: avoid; }
article.bd-article div.cell_input pre { font-size: 13px; }
div.admonition.dropdown { opacity: 1; }
figure img, div.cell_output img { max-height: 900px; object-fit: contain; }
"""
# Every span of code becomes a tag in the PDF, and they would make up most of the file: drop those that colour nothing.
PLAIN_CODE = """() => {
    const look = ({color, fontWeight, fontStyle}) => [color, fontWeight, fontStyle].join();
    const plain = [...document.querySelectorAll("pre span")].filter((span) =>
        !span.textContent.trim() || look(getComputedStyle(span)) === look(getComputedStyle(span.closest("pre"))));
    plain.forEach((span) => span.replaceWith(...span.childNodes));
    document.querySelectorAll("pre").forEach((code) => code.normalize());
}"""
# Formulas wider than the text are drawn smaller; everything else wraps. MathJax has measured them by now.
SHRINK = """() => {
    for (const formula of document.querySelectorAll("mjx-container[display]")) {
        const box = formula.parentElement.closest("div.math, p, li, dd, td, article");
        const room = box.getBoundingClientRect().width;
        if (formula.scrollWidth > room + 1) {
            const size = parseFloat(getComputedStyle(formula).fontSize);
            formula.style.fontSize = `${(size * room) / formula.scrollWidth * 0.98}px`;
        }
    }
}"""
# What still sticks out of the text, as sentences.
TOO_WIDE = """(width) => [...document.querySelectorAll("article :is(img, table, pre, mjx-container[display])")]
    .filter((element) => element.getBoundingClientRect().right > width + 1 || element.scrollWidth > width + 1)
    .map((element) => `${element.closest("article").id}: ${element.outerHTML.slice(0, 100)}`)"""


@dataclass(frozen=True)
class Page:
    """One page of the book: its name in `chapters/`, its title, and the part that it opens, if it opens one."""

    name: str
    title: str
    part: str | None


def contents(toc: dict) -> list[tuple[str, str | None]]:
    """(name, caption of the part that begins here or None) of the pages, in the order of `_toc.yml`."""
    listed = [(toc["root"], None)]
    for part in toc["parts"]:
        for number, entry in enumerate(part["chapters"]):
            listed.append((entry["file"], part["caption"] if number == 0 else None))
    return [(Path(file).name, part) for file, part in listed]


def join(folder: Path, listed: list[tuple[str, str | None]]) -> tuple[str, list[Page], list[str]]:
    """One HTML document out of the articles of the pages in `folder`, what they are called, and all headings."""
    first = BeautifulSoup((folder / f"{listed[0][0]}.html").read_text(encoding="utf-8"), "html.parser")
    names = [name for name, _ in listed]
    pages, articles, headings = [], [], []
    for name, part in listed:
        soup = BeautifulSoup((folder / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        article = soup.select_one("article.bd-article")
        for element in article.select("a.headerlink, .slider, .live script"):  # for paper there are figures
            element.decompose()
        headings += [" ".join(heading.get_text().split()) for heading in article.find_all(re.compile("^h[1-6]$"))]
        pages.append(Page(name, " ".join(article.h1.get_text().split()), part))
        for element in article.find_all(id=True):
            element["id"] = _anchor(name, element["id"])
        article["id"] = _anchor(name, "start")
        for link in article.find_all("a", href=True):
            link["href"] = _within(link["href"], name, names)
        for details in article.find_all("details"):
            details["open"] = ""
        articles.append(str(article))
    styles = "".join(str(link) for link in first.find_all("link", rel="stylesheet"))
    scripts = "".join(str(script) for script in first.find_all("script")
                      if "mathjax" in f"{script.get('src')} {script.string}".lower())  # fmt: skip
    document = (f'<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
                f"<title>{html.escape(TITLE)}</title>{styles}{scripts}"
                f"<style>{STYLE}</style></head>"
                f'<body><div class="bd-main"><div class="bd-content">'
                f'<div class="bd-article-container" style="max-width: none">{"".join(articles)}</div></div></div>'
                f"</body></html>")  # fmt: skip
    return document, pages, headings


def _anchor(name: str, identifier: str) -> str:
    return f"{name}--{identifier}"


def _within(href: str, name: str, names: list[str]) -> str:
    """A link of the page `name` as a link inside the joined document, where it stays inside the book."""
    url = urlsplit(href)
    if url.scheme or url.netloc:
        return href
    target = Path(unquote(url.path)).stem if url.path else name
    return f"#{_anchor(target, unquote(url.fragment) or 'start')}" if target in names else href


def front_matter(pages: list[Page], starts: dict[str, int]) -> str:
    """The title page and the table of contents; `starts` gives the page number of each chapter."""
    lines = []
    for page in pages:
        if page.part:
            lines.append(f'<p class="part">{html.escape(page.part)}</p>')
        lines.append(f'<p><a href="{PLACE}{page.name}"><span>{html.escape(page.title)}</span>'
                     f"<span>{starts[page.name]}</span></a></p>")  # fmt: skip
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(TITLE)}</title><style>
        body {{ font: 16px/1.5 sans-serif; color: #111; }}
        header {{ break-after: page; padding-top: 320px; text-align: center; }}
        h1 {{ font-size: 40px; }}
        .part {{ font-weight: 600; margin: 18px 0 4px; }}
        nav p {{ margin: 3px 0; }}
        a {{ color: inherit; display: flex; justify-content: space-between; text-decoration: none; }}
        </style></head><body><header><h1>{html.escape(TITLE)}</h1><p>{html.escape(SUBTITLE)}</p><p>{LICENCE}</p>
        </header><h2>Contents</h2><nav>{"".join(lines)}</nav></body></html>"""


def chapter_starts(pdf: PdfReader, pages: list[Page]) -> dict[str, int]:
    """The page number, counted from 1, on which each chapter begins: the bookmarks of the first level, in order."""
    titles = [item for item in pdf.outline if not isinstance(item, list)]
    if len(titles) != len(pages):
        raise ValueError(f"expected a bookmark for each of {len(pages)} pages of the book, found {len(titles)}")
    return {page.name: pdf.get_destination_page_number(item) + 1
            for page, item in zip(pages, titles, strict=True)}  # fmt: skip


def _bookmarks(parent):
    """The entries below `parent` in reading order."""
    entry = parent.get("/First")
    while entry is not None:
        yield entry.get_object()
        yield from _bookmarks(entry.get_object())
        entry = entry.get_object().get("/Next")


def assemble(front: Path, body: Path, starts: dict[str, int], headings: list[str], output: Path):
    """Put the front matter before the body, its links leading to the chapters; number the front in Roman numerals.

    The bookmarks get the `headings` as their text, because Chromium repeats parts of those that it moves to a new page.
    """
    writer = PdfWriter(clone_from=body)
    bookmarks = list(_bookmarks(writer.root_object["/Outlines"]))
    if len(bookmarks) != len(headings):
        raise ValueError(f"expected a bookmark for each of {len(headings)} headings, found {len(bookmarks)}")
    for bookmark, heading in zip(bookmarks, headings, strict=True):
        bookmark[NameObject("/Title")] = TextStringObject(heading)
    n_front = len(PdfReader(front).pages)
    writer.merge(0, front, import_outline=False)
    for page in writer.pages[:n_front]:
        for annotation in page.get("/Annots", []):
            entry = annotation.get_object()
            uri = str(entry.get("/A", {}).get("/URI", ""))
            if uri.startswith(PLACE):
                del entry["/A"]
                target = writer.pages[n_front + starts[uri.removeprefix(PLACE)] - 1]
                entry[NameObject("/Dest")] = ArrayObject([target.indirect_reference, NameObject("/Fit")])
    writer.set_page_label(0, n_front - 1, style="/r")
    writer.set_page_label(n_front, len(writer.pages) - 1, style="/D")
    writer.add_metadata({"/Title": TITLE, "/Author": "the srbm authors, after G. Aarts, B. Lucini and C. Park"})
    joined = io.BytesIO()
    writer.write(joined)
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        import pikepdf
    except ImportError:  # not installed everywhere, see requirements.in: the file is twice as large
        output.write_bytes(joined.getvalue())
        return
    with pikepdf.open(joined) as document:  # which packs the tags, half of the file
        document.save(output, object_stream_mode=pikepdf.ObjectStreamMode.generate, recompress_flate=True)


def make(site: Path, output: Path, browser, listed: list[tuple[str, str | None]]) -> list[str]:
    """Print the pages `listed` of the built book in `site` to the file `output`; return what is too wide for it.

    `browser` is a running Chromium of Playwright.
    """
    folder = site / "chapters"
    document, pages, headings = join(folder, listed)
    joined = folder.resolve() / "all-pages.html"  # beside the pages, so that their figures are found
    front, body = (output.with_suffix(f".{name}.pdf") for name in ("front", "body"))
    output.parent.mkdir(parents=True, exist_ok=True)
    page = browser.new_page(viewport={"width": WIDTH, "height": 1200}, color_scheme="light")
    try:
        joined.write_text(document, encoding="utf-8")
        page.set_default_timeout(0)
        page.emulate_media(media="print")
        page.goto(joined.as_uri())
        page.evaluate("window.MathJax?.startup.promise.then(() => null)")
        page.evaluate("document.querySelectorAll('img').forEach((image) => { image.loading = 'eager'; })")
        page.wait_for_function("[...document.images].every((image) => image.complete)")
        page.evaluate(PLAIN_CODE)
        page.evaluate(SHRINK)
        too_wide = page.evaluate(TOO_WIDE, WIDTH)
        page.pdf(path=body, outline=True, display_header_footer=True, header_template="<span></span>",
                 footer_template=NUMBER, **PAPER)  # fmt: skip
        starts = chapter_starts(PdfReader(body), pages)
        page.set_content(front_matter(pages, starts))
        page.pdf(path=front, **PAPER)
        assemble(front, body, starts, headings, output)
    finally:
        page.close()
        for file in (joined, front, body):
            file.unlink(missing_ok=True)
    return too_wide


def main():
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it remarks on how Chromium counts objects
    parser = argparse.ArgumentParser(prog="python -m commands.pdf", description=__doc__.partition("\n")[0])
    parser.add_argument("html", type=Path, help="the built book, as in _build/html")
    parser.add_argument("output", type=Path, help="the PDF file")
    parser.add_argument("--pages", nargs="*", help="only these pages, as in 03_training (all, when not given)")
    arguments = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        parser.error("the PDF is printed by Chromium, and there is none on the PATH: install it, or open a page "
                     "in any browser and print that")  # fmt: skip
    if not (arguments.html / "chapters").is_dir():
        parser.error(f"there is no built book in {arguments.html}: run `make book`")
    listed = contents(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
    if arguments.pages:
        listed = [(name, part) for name, part in listed if name in arguments.pages]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for element in make(arguments.html, arguments.output, browser, listed):
            print(f"wider than the paper: {element}", file=sys.stderr)
        browser.close()
    print(f"{arguments.output}: {len(PdfReader(arguments.output).pages)} pages")


if __name__ == "__main__":
    main()
