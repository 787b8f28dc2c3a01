"""What comes late to a page has its space before it is there: pictures, and formulas until MathJax has set them.

A picture has its width and height. A formula has about its width where it stands in a line, and about its height where
it is displayed. So the text does not jump under a reader's eyes.

In the dark a figure is shown with its lightness turned round. Where a colour stands for a number that would make its
caption false: what a cell draws with one of `COLOUR_MAPS` stays as it was drawn.
"""

import html
import re
from pathlib import Path

from docutils import nodes

from book.extension import DOTS_PER_INCH, size_of
from book.plain import plain

COLOUR_MAPS = re.compile(r"\b(?:matrix|images|heatmap|landscape|density|imshow|pcolormesh|contourf)\(")
IMAGE = re.compile(r'<img\b(?P<attributes>[^>]*\bsrc="[^"]*/(?P<name>[^"/]+\.(?:png|svg))"[^>]*?)(?P<end> ?/?>)')


OPENING = '<span class="math notranslate nohighlight">'
LETTER = 0.57  # width of a letter of a formula
INLINE = re.compile(OPENING + r"\\\((.*?)\\\)</span>", re.DOTALL)
DISPLAYED = re.compile(r'<div class="math notranslate nohighlight"(?P<name>[^>]*)>(?P<tex>.*?)</div>', re.DOTALL)
TALL = re.compile(r"\\[dt]?frac|\\sum|\\int|\\prod|\\underbrace|\\begin\{")
ROW, TALL_ROW = 2.6, 3.6  # heights of a displayed formula, in letters


def keep_colours(app, doctree):
    """Mark the cells that draw a colour map."""
    for cell in doctree.findall(nodes.container):
        if "cell" in cell["classes"] and any(
            COLOUR_MAPS.search(block.astext())
            for source in cell.findall(nodes.container)
            if "cell_input" in source["classes"]
            for block in source.findall(nodes.literal_block)
        ):
            cell["classes"].append("colour-map")


def reserve_space(app, pagename, templatename, context, doctree):
    """Give each picture its width and height as attributes, read off its file; an SVG those of its PNG."""
    files = {name: Path(app.srcdir) / source for source, name in app.builder.images.items()}

    def sized(found):
        file = files.get(found["name"])
        if file is None or re.search(r'\s(?:width|height)="', found["attributes"]):
            return found[0]
        width, height = (round(inches * DOTS_PER_INCH) for inches in size_of(file))
        return f'<img{found["attributes"]} width="{width}" height="{height}"{found["end"]}'

    if "body" in context:
        context["body"] = reserve_formulas(IMAGE.sub(sized, context["body"]))


def reserve_formulas(body: str) -> str:
    """The page with the width of each formula in a line, and the height of each displayed one, until they are set."""

    def in_line(found):
        letters = len(re.sub(r"[_^\s]", "", plain(html.unescape(found[1]))))
        return f'{OPENING[:-1]} style="--until-set: {letters * LETTER:.1f}em">{found[0].removeprefix(OPENING)}'

    def displayed(found):
        rows = found["tex"].split(r"\\")
        height = sum(TALL_ROW if TALL.search(row) else ROW for row in rows)
        return (
            f'<div class="math notranslate nohighlight"{found["name"]} style="--until-set: {height:.1f}em">'
            f"{found['tex']}</div>"
        )

    return DISPLAYED.sub(displayed, INLINE.sub(in_line, body))


def setup(app):
    app.connect("doctree-read", keep_colours, priority=440)  # before code is cut into pieces
    app.connect("html-page-context", reserve_space)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
