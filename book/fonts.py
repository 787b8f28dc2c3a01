"""The letters of the pages: `fonts.css`, with those that every page shows at once written into it.

A browser asks for a font when it finds text that needs it, and sets the text anew when it has come. Loading ahead would
spare the reader that, but a browser refuses it for pages that are opened from disk. A style sheet it waits for.
"""

import base64
import re
from pathlib import Path

HERE = Path(__file__).parent
SHEET = HERE / "fonts.css"
AT_ONCE = ("latin-400-normal", "latin-600-normal")
ADDRESS = re.compile(r'url\("(?P<file>stix-two-text/stix-two-text-(?P<face>[\w-]+)\.woff2)"\)')


def style() -> str:
    """The style sheet with the faces of `AT_ONCE` as data and the others as files."""

    def written(found):
        if found["face"] not in AT_ONCE:
            return found[0]
        data = (HERE / "vendor" / found["file"]).read_bytes()
        return f'url("data:font/woff2;base64,{base64.b64encode(data).decode()}")'

    return ADDRESS.sub(written, SHEET.read_text(encoding="utf-8"))


def write_style(app):
    """Write the style sheet next to those of the pages."""
    if app.builder.format == "html":
        folder = Path(app.outdir) / "_static"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SHEET.name).write_text(style(), encoding="utf-8")


def setup(app):
    app.connect("builder-inited", write_style)
    app.add_css_file(SHEET.name, priority=850)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
