"""Icons: the theme loads 1.5 MB of them on every page, a page shows a dozen. The others are cut out of its script."""

import re
from pathlib import Path

from sphinx.util import logging

SCRIPT = Path("_static/scripts/fontawesome.js")
ICON = re.compile(r'(?:"([\w-]+)"|(\w+)):\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?')
USED = re.compile(r"\bfa-([a-z0-9-]+)")
logger = logging.getLogger(__name__)


def trim(script: str, used: set[str]) -> str:
    """The script without the icons of which neither the name nor an alias is in `used`."""

    def keep(icon):
        names = {icon[1] or icon[2], *re.findall(r'"([^"]+)"', icon[3])}
        return icon[0] if names & used else ""

    return ICON.sub(keep, script)


def trim_icons(app, exception):
    """Cut the script of the built pages down to the icons that they, or the scripts of the theme, name."""
    script = Path(app.outdir) / SCRIPT
    if exception or not script.is_file():
        return
    pages = [*Path(app.outdir).rglob("*.html"), *(Path(app.outdir) / "_static").glob("**/*.js")]
    used = {name for page in pages if page != script for name in USED.findall(page.read_text(encoding="utf-8"))}
    text = script.read_text(encoding="utf-8")
    short = trim(text, used)
    if len(short) > len(text) / 2:
        logger.warning("no icons were found in %s: the theme writes them in another way, see book/icons.py", SCRIPT)
    script.write_text(short, encoding="utf-8")


def setup(app):
    app.connect("build-finished", trim_icons)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
