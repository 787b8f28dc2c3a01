"""The head of each page, what search engines, messengers and tabs show of it; and the page for a wrong address.

The description is the beginning of the page's text. A picture needs a whole address, so the card of a link has one
where the book has an address (`book.address`); a page then says where it belongs, too.
"""

from pathlib import Path

from docutils import nodes

from book.search import text_of, tidy

STATIC = Path(__file__).parent / "static"
LONGEST = 200  # characters of a description, of which most places show fewer
CARD = "_static/card.png"  # drawn by results/headline.py
FAVICON = "favicon.svg"


def description_of(doctree: nodes.document) -> str:
    """The first paragraph of a page that is more than a remark on where it belongs, cut between sentences or words."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = tidy(text_of(paragraph))
        if len(text) > 80 and not isinstance(paragraph.children[0], nodes.emphasis):
            break
    else:
        return ""
    if len(text) <= LONGEST:
        return text
    sentences = text[:LONGEST].rpartition(". ")[0]
    return f"{sentences}." if len(sentences) > LONGEST / 2 else f"{text[:LONGEST].rpartition(' ')[0]} …"


def add_head(app, pagename, templatename, context, doctree):
    """What the template layout.html puts into the head."""
    site = app.config.srbm_address.site
    context["book_site"] = site
    context["book_card"] = f"{site}{CARD}" if site else context["pathto"](CARD, 1)
    context["book_here"] = f"{site}{pagename}.html" if site else ""
    if doctree is not None:
        context["book_description"] = description_of(app.env.get_doctree(pagename))


def configure(app, config):
    config.html_favicon = str(STATIC / FAVICON)
    config.html_additional_pages["404"] = "404.html"


def setup(app):
    app.connect("config-inited", configure)
    app.connect("html-page-context", add_head)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
