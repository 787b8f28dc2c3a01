"""Lines of Markdown that a directive makes of stored results, as part of a page."""

from collections.abc import Iterable
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


def generated(
    directive: SphinxDirective, files: Iterable[Path], lines: list[str], classes: Iterable[str] = ("generated",)
) -> nodes.container:
    """These lines as the page has them; they are made anew where one of `files` has changed."""
    for file in files:
        directive.env.note_dependency(str(file))
    container = nodes.container(classes=list(classes))
    directive.state.nested_parse(StringList(lines, source="generated"), 0, container)
    return container
