"""Live figures on a page: the scripts of `srbm_book.live`, on the pages that have one.

A cell that shows a live figure stores the HTML of it (see `srbm_book.live.LiveFigure`). A page without cells has the
directive, with the start of the figure as options and, inside, what stands for it on paper and without scripts::

    ```{live} one_spectrum
    :mu2: 5
    ![What the picture shows.](../book/static/headline.png)
    ```
"""

import json
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from srbm_book.live import bundle, figures, live

FOLDER = "live"


class live_figure(nodes.General, nodes.Element):
    """The live figure "figure" (a `LiveFigure`); its children are what stands for it."""


class Live(SphinxDirective):
    """``{live} name`` with options ``:name: value`` of its state, in JSON."""

    required_arguments = 1
    has_content = True

    option_spec: ClassVar = dict.fromkeys([option for name in figures() for option in live(name).state], json.loads)

    def run(self):
        try:
            figure = live(self.arguments[0], **self.options)
        except ValueError as error:
            raise self.error(str(error)) from None
        node = live_figure("", figure=figure)
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


def write_scripts(app):
    """The scripts and the style sheet of all figures, next to those of the pages."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"live.css": bundle.style(), "live.js": bundle.library()}
    for name in figures():
        texts |= bundle.scripts(name)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def load_scripts(app, pagename, templatename, context, doctree):
    """A page loads the scripts of the figures that it has, once each."""
    shown = [name for name in figures() if f'<div class="live" data-figure="{name}"' in context.get("body", "")]
    if shown:
        app.add_css_file(f"{FOLDER}/live.css", priority=800)
        for script in ("live", *shown):
            app.add_js_file(f"{FOLDER}/{script}.js", loading_method="defer", priority=800)


def visit(self, node):
    self.body.append(node["figure"].html("|").partition("|")[0])


def depart(self, node):
    self.body.append(node["figure"].html("|").partition("|")[2])


def only_children(self, node):
    """Outside HTML there is what stands for the figure."""


def setup(app):
    app.add_node(live_figure, html=(visit, depart),
                 **dict.fromkeys(("latex", "text", "man", "texinfo"), (only_children, only_children)))  # fmt: skip
    app.add_directive("live", Live)
    app.connect("builder-inited", write_scripts)
    app.connect("html-page-context", load_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
