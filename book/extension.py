"""Sphinx extension: the paper's numbers, the cost of a chapter, and browser assets that need no network.

Numbers are read off the labels, so that "(33)" and "Fig. 12" mean the same in the paper and in the book:

==============  =======================  =============================================================
label           shown as                 meaning
==============  =======================  =============================================================
``eq-33``       (33)                     Eq. (33) of the paper; likewise ``eq-A1``, ``eq-B7``
``eq-x-flow``   (x2.1)                   ours: the first such equation of the chapter ``02_...``
``fig-12``      Fig. 12                  Fig. 12 of the paper
``fig-x-flow``  Fig. x2.1                ours: the first such figure of the chapter ``02_...``
==============  =======================  =============================================================

The chapter's own number is read off its file name too.
"""

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

HERE = Path(__file__).parent
COSTS = "chapters/costs.json"  # written by commands.execute
CSS_PIXELS_PER_INCH = 85  # at which letters of 12 points are as large as those of a caption
DOTS_PER_INCH = 160  # of the PNGs, see srbm.figures.panel
logger = logging.getLogger(__name__)


def chapter_number(docname: str) -> str | None:
    """ "4" for a page named 04_learning_dynamics, "A" for A_algorithm, None for a page without a number."""
    prefix = re.match(r"0*(\d{1,2}|[A-Z])_", Path(docname).name)
    return prefix[1] if prefix else None


class Numbering:
    """The numbers of one page's labels of one kind ("eq" or "fig"), asked for in reading order."""

    def __init__(self, kind: str, docname: str):
        self.kind = kind
        self.chapter = chapter_number(docname)
        self.ours = 0

    def __call__(self, label: str) -> str:
        """The number shown for `label`; ValueError for a label that follows no convention."""
        if paper := re.fullmatch(rf"{self.kind}-([A-Z]?\d+[a-z]?)", label):
            return paper[1]
        if not label.startswith(f"{self.kind}-x-"):
            raise ValueError(
                f"the label {label!r} is neither {self.kind}-N with the paper's number N "
                f"nor {self.kind}-x-name for one of ours"
            )
        if self.chapter is None:
            raise ValueError(f"{label!r} needs a chapter to be numbered by: name the file like 02_name or A_name")
        self.ours += 1
        return f"x{self.chapter}.{self.ours}"


def number_equations(app, doctree):
    """Replace Sphinx's running count by the number of the label, at the equation and where it is cited."""
    equations = app.env.get_domain("math").equations
    numbering = Numbering("eq", app.env.docname)
    for node in doctree.findall(nodes.math_block):
        if label := node.get("label"):
            try:
                node["number"] = numbering(label)
            except ValueError as error:
                logger.warning(str(error), location=node)
                continue
            equations[label] = (app.env.docname, node["number"])


def number_figures(app, env):
    """Replace the running count of figures; the captions and ``{numref}`` both read `toc_fignumbers`."""
    renumber(env, "figure", lambda docname: Numbering("fig", docname))
    return []  # no page has to be read again


def renumber(env, kind, numbering_of):
    """Replace Sphinx's running count of one kind of things; `numbering_of(page)` gives the number of a label there."""
    for docname, numbers in env.toc_fignumbers.items():
        numbering = numbering_of(docname)
        for name in numbers.get(kind, {}):
            try:
                numbers[kind][name] = (numbering(name),)
            except ValueError as error:
                logger.warning(str(error), location=docname)


def number_chapters(app, doctree):
    """Show the chapter's number before its title, on the page and in the sidebar; links go by the title alone."""
    number = chapter_number(app.env.docname)
    title = doctree.next_node(nodes.title)
    if number is None or title is None:
        return
    title.insert(0, nodes.inline("", f"{number} ", classes=["chapter-number"]))
    entry = app.env.tocs[app.env.docname].next_node(nodes.reference)
    entry.insert(0, nodes.Text(f"{number} "))


def size_figures(app, doctree):
    """Show figures drawn by cells at one scale, so that letters are equally large whatever the number of panels."""
    for node in doctree.findall(nodes.image):
        file = Path(app.srcdir) / node["uri"]
        if file.suffix in (".png", ".svg") and "jupyter_execute" in file.parts and "width" not in node:
            node["width"] = f"{round(size_of(file)[0] * CSS_PIXELS_PER_INCH)}px"


def size_of(picture: Path) -> tuple[float, float]:
    """Width and height in inches: of a PNG from its header, of an SVG by matplotlib from its points."""
    if picture.suffix == ".svg":
        head = picture.read_text(encoding="utf-8")[:2000]
        points = {name: float(value) for name, value in re.findall(r'\b(width|height)="([\d.]+)pt"', head)}
        return points["width"] / 72, points["height"] / 72
    header = picture.read_bytes()[16:24]
    return int.from_bytes(header[:4]) / DOTS_PER_INCH, int.from_bytes(header[4:]) / DOTS_PER_INCH


class Cost(SphinxDirective):
    """``{cost}``: one sentence on what the last execution of this chapter took."""

    def run(self):
        self.env.note_dependency(COSTS)
        file = Path(self.env.srcdir) / COSTS
        costs = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        chapter = Path(self.env.docname).name
        if chapter in costs:
            sentence = "Executing this chapter took {seconds} s and at most {memory} MB of memory.".format(
                **costs[chapter]
            )
        else:
            sentence = "What executing this chapter costs has not been recorded yet."
        return [nodes.paragraph("", sentence, classes=["cost"])]


def add_assets(app, config):
    """Copy `static/` and `vendor/` next to the pages.

    They are not kept in the book's `_static/`: jupyter-book loads every script found there on every page.
    """
    config.html_static_path += [str(HERE / "static"), str(HERE / "vendor")]


def drop_thebe(app, pagename, templatename, context, doctree):
    """Leave out the scripts of sphinx-thebe, which jupyter-book adds although no page uses them (and adds twice)."""
    context["script_files"] = [
        script
        for script in context["script_files"]
        if "thebe" not in f"{script.filename} {script.attributes.get('body')}".lower()
    ]


def setup(app):
    app.connect("config-inited", add_assets)
    app.connect("doctree-read", number_equations)
    app.connect("doctree-read", size_figures)
    app.connect("doctree-read", number_chapters, priority=900)  # after Sphinx has collected the titles
    app.connect("env-get-updated", number_figures, priority=900)  # after Sphinx has counted them
    app.connect("html-page-context", drop_thebe, priority=900)
    app.add_directive("cost", Cost)
    app.add_css_file("book.css", priority=900)
    app.setup_extension("book.pages")
    app.setup_extension("book.reference")
    app.setup_extension("book.sliders")
    app.setup_extension("book.live")
    app.setup_extension("book.exercises")
    app.setup_extension("book.access")
    app.setup_extension("book.answers")
    app.setup_extension("book.colophon")
    app.setup_extension("book.folds")
    app.setup_extension("book.graders")
    app.setup_extension("book.fonts")
    app.setup_extension("book.head")
    app.setup_extension("book.icons")
    app.setup_extension("book.pictures")
    app.setup_extension("book.search")
    app.setup_extension("book.site_links")
    app.setup_extension("book.verified")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
