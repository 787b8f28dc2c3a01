"""What the theme leaves out for readers who do not use a mouse, or do not see the page.

The rest is in the pages themselves (alt texts, headings in order) and in `static/book.css` (contrast);
`tests/browser/test_access.py` runs axe-core over every page.
"""

from pathlib import Path

from docutils import nodes

HERE = Path(__file__).parent


def add_templates(app, config):
    """Put our templates before those of the theme; they wrap the ones that they replace."""
    config.templates_path.insert(0, str(HERE / "templates"))


def name_folded_cells(app, pagename, templatename, context, doctree):
    """Let folded cells be called what they show; MyST-NB names them all "Toggle hidden content"."""
    if "body" in context:
        context["body"] = context["body"].replace('<summary aria-label="Toggle hidden content">', "<summary>")


def visit_citation(writer, node):
    """An entry of the bibliography as an item of a list: the role that docutils gives it is deprecated."""
    if not isinstance(node.previous_sibling(), nodes.citation):
        writer.body.append('<div role="list" class="citation-list">\n')
    writer.body.append(writer.starttag(node, "div", classes=["citation"], role="listitem"))


def depart_citation(writer, node):
    writer.body.append("</div>\n")
    if not isinstance(node.next_node(descend=False, siblings=True), nodes.citation):
        writer.body.append("</div>\n")


def setup(app):
    app.connect("config-inited", add_templates)
    app.connect("html-page-context", name_folded_cells)
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
    app.add_js_file("formulas.js", loading_method="defer")
    app.add_js_file("reach.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
