"""The JavaScript of live figures in one piece: an ES module for a widget, classic scripts for pages.

A widget gets its module as text, from which it cannot import another, and a page that is opened from disk may load no
modules at all. So the sources, which import each other as modules do, become functions that hand over what they export:
`modules.base = (() => {...; return {live, slider}; })();`. They keep to four forms, each on lines of its own::

    import * as d3 from "d3";
    import { live, slider } from "./base.js";
    export function f(x) {           export const g = ...
    export default live({...});

The data of a figure, ``NAME.json``, are part of the module of a widget. A page loads them when the figure comes near,
and as a script, since a page from disk may read no other file.
"""

import re
from functools import cache
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
BASE = "base"
D3 = 'import * as d3 from "d3";'
IMPORT = re.compile(r'^import (\{\s*\w+(?:,\s*\w+)*,?\s*\}) from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export (function|const) (\w+)", re.MULTILINE)
DEFAULT = re.compile(r"^export default ", re.MULTILINE)
COMMENT = re.compile(r"^ *(?://|/\*\*| \*).*\n", re.MULTILINE)
"""A line that is a comment, or of one: the browser is not sent these."""
INDENT = re.compile(r"^ +", re.MULTILINE)
REMARK = re.compile(r" */\*.*?\*/", re.DOTALL)
"""A comment of the style sheet."""
OTHER = re.compile(r"^\s*(?:import|export)\b.*", re.MULTILINE)
ORDER = ("internmap", "array", "color", "interpolate", "format", "scale", "path", "shape", "selection", "axis")
"""The parts of D3, each after those that it requires. (The scales of time are not used and have parts of their own.)"""


def inlined(name: str, source: str) -> str:
    """The module `name` as a statement that puts what it exports into ``modules``.

    Parameters
    ----------
    name : str
        What the others import it by.
    source : str
        Its text, with imports and exports of the forms above.

    Returns
    -------
    str
        JavaScript that needs ``modules`` and ``d3``.

    Raises
    ------
    ValueError
        For an import or export of another form, or a text that goes over several lines.
    """
    exported = [found[2] for found in EXPORT.finditer(source)]
    if any(line.count("`") % 2 for line in source.splitlines()):
        raise ValueError(f"{name}.js: a text between backticks goes over several lines, and would lose its indentation")
    body = INDENT.sub("", IMPORT.sub(r"const \1 = modules.\2;", COMMENT.sub("", source).replace(D3, "")))
    body = EXPORT.sub(r"\1 \2", body)
    if DEFAULT.search(body):
        body = DEFAULT.sub("const module = ", body)
        exported.append("default: module")
    if wrong := OTHER.search(body):
        raise ValueError(f"{name}.js: {wrong[0].strip()!r} is of no form that srbm_book.live.bundle knows")
    return f"modules.{name} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();\n"


@cache
def d3() -> str:
    """The parts of D3 as one object ``d3``: each is given it as what it exports to and as all that it requires."""
    parts = [next((HERE / "vendor").glob(f"*{part}-[0-9]*.min.js")).read_text(encoding="utf-8") for part in ORDER]
    return "const d3 = {};\n" + "".join(
        f"{{ const exports = d3, module = {{}}, require = () => d3;\n{part}}}\n" for part in parts
    )


def _source(name: str) -> str:
    return inlined(name, (HERE / f"{name}.js").read_text(encoding="utf-8"))


def data(name: str) -> str:
    """The data of the figure `name` in JSON, which its function ``load`` is given before it is shown; "" for most."""
    path = HERE / f"{name}.json"
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def module(name: str) -> str:
    """The figure `name` as one ES module whose default export has ``render({model, el})``."""
    given = data(name)
    load = f"modules.{name}.default.load({given});\n" if given else ""
    sources = f"{d3()}const modules = {{}};\n{_source(BASE)}{_source(name)}"
    return f"{sources}{load}export default modules.{name}.default;\n"


def library() -> str:
    """The script that a page loads before those of its figures."""
    body = f"{d3()}const modules = {{}};\n{_source(BASE)}return modules;"
    return f'"use strict";\nconst srbmLive = (() => {{\n{body}\n}})();\n'


def script(name: str) -> str:
    """The script that brings the figures `name` of a page to life."""
    given = data(name)
    apart = f', "{name}.data.js?v={sha256(given.encode()).hexdigest()[:8]}"' if given else ""
    return (
        f'"use strict";\n((modules) => {{\n{_source(name)}'
        f'modules.{BASE}.mount("{name}", modules.{name}.default{apart});\n}})(srbmLive);\n'
    )


def scripts(name: str) -> dict[str, str]:
    """All scripts of the figure `name` by the names of their files: `script`, and that of its data."""
    given = data(name)
    apart = {f"{name}.data.js": f'srbmLive.{BASE}.arrived("{name}", {given});\n'} if given else {}
    return {f"{name}.js": script(name)} | apart


def style() -> str:
    """The style sheet of all figures, without what only its authors read."""
    return INDENT.sub("", REMARK.sub("", (HERE / "live.css").read_text(encoding="utf-8")))
