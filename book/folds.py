"""Two layers of a page: what is read, and the code behind it that one opens.

Of a code cell those statements are folded away that carry no idea of the chapter: imports, the calls of `check` and of
`table`. One line stands for them and says what they do. For a check it is its statement with the mark of the verdict,
and what was compared opens with it; a statement that fails, or holds under a condition, keeps its line. Each equation
whose check came out well has the mark beside its number, as a link. ``static/folds.js`` opens all of it at once.

The notebooks are as they were: only what is made of their stored cells differs.
"""

import ast
import html
import re
from dataclasses import dataclass, field
from pathlib import Path

from docutils import nodes

from book.pages import MARKS, OUR_MARKS, read_records

FOLDED_CALLS = ("check", "table")
SHORTEST = 2  # lines of imports or tables that are worth folding
TABLE = re.compile(r"\btable\(")
VERDICT = re.compile(r'<div class="verdict (?P<css>[\w-]+)" id="check-(?P<key>[^"]+)">(?P<line>.*)</div>', re.DOTALL)
PARTS = re.compile(r"(?P<says>.*?) <span>(?P<how>.*)</span> <b>(?P<verdict>.*)</b>", re.DOTALL)
NUMBER = re.compile(r'(id="equation-(?P<key>eq-[^"]+)">\n<span class="eqno">)(?P<number>\([^)]*\))')


@dataclass
class Piece:
    """Consecutive lines of a cell: the kind of their statements (None for those that are read), and what is checked."""

    kind: str | None
    lines: list[str]
    keys: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip("\n")


def pieces(source: str) -> list[Piece]:
    """The cell cut where code that is read and code that is folded meet; comments belong to what follows them."""
    lines, found, begun = source.splitlines(), [], 0
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return [Piece(None, lines)]
    kinds = [_kind(statement) for statement in body]
    for index in reversed(range(len(body) - 1)):  # where a tolerance comes from, said before its check
        if _is_text(body[index]) and kinds[index + 1] == "check":
            kinds[index] = "check"
    for statement, kind in zip(body, kinds, strict=True):
        if not found or found[-1].kind != kind:
            found.append(Piece(kind, []))
        found[-1].lines += lines[begun : statement.end_lineno]
        found[-1].keys += _keys(statement) if kind == "check" else []
        found[-1].columns += _columns(statement) if kind == "table" else []
        begun = statement.end_lineno
    if found:
        found[-1].lines += lines[begun:]
    short = [one for one in found if one.kind in ("import", "table") and len(one.text.splitlines()) < SHORTEST]
    for one in short:
        one.kind = None
    merged: list[Piece] = []
    for one in found:
        if merged and merged[-1].kind is one.kind is None:
            merged[-1].lines += one.lines
        else:
            merged.append(one)
    return merged or [Piece(None, lines)]


def _kind(statement: ast.stmt) -> str | None:
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return "import"
    called = getattr(getattr(getattr(statement, "value", None), "func", None), "id", None)
    return called if isinstance(statement, ast.Expr) and called in FOLDED_CALLS else None


def _is_text(statement: ast.stmt) -> bool:
    value = getattr(statement, "value", None)
    return isinstance(statement, ast.Assign) and isinstance(value, ast.Constant) and isinstance(value.value, str)


def _keys(statement) -> list[str]:
    first = statement.value.args[:1] if isinstance(statement, ast.Expr) else []
    return [one.value for one in first if isinstance(one, ast.Constant)]


def _columns(statement) -> list[str]:
    tables = [one for one in statement.value.args[:1] if isinstance(one, ast.Dict)]
    return [key.value for one in tables for key in one.keys if isinstance(key, ast.Constant)]


def fold_cells(app, doctree):
    """Cut the cells of a page, and let verdicts that came out well be lines that open."""
    for cell in list(_boxes(doctree, "cell")):
        verdicts = _verdicts(cell)
        fine = {key: raw for key, raw in verdicts.items() if VERDICT.match(raw.astext())["css"] == "reproduced"}
        folded: set[str] = set()
        source = next(_boxes(cell, "cell_input"), None)
        block = next(source.findall(nodes.literal_block), None) if source is not None else None
        if block is not None and TABLE.search(block.astext()):
            cell["classes"].append("has-table")  # its columns keep their places, see book.css
        if block is not None and "hide_mode" not in cell and block.get("language") == "python":
            folded = _fold(block, fine, verdicts)
        for key, raw in fine.items():
            if key in folded:
                _drop(raw)
            else:
                line = _line_that_opens(key, raw.astext())
                raw.children = []
                raw += nodes.Text(line)


def _boxes(node, name):
    """The containers below `node` that have the class `name`."""
    return (box for box in node.findall(nodes.container) if name in box["classes"])


def _verdicts(cell) -> dict[str, nodes.raw]:
    raws = [raw for raw in cell.findall(nodes.raw) if VERDICT.match(raw.astext())]
    return {VERDICT.match(raw.astext())["key"]: raw for raw in raws}


def _fold(block, fine, verdicts) -> set[str]:
    """Put the pieces of a cell in place of its code; the keys whose verdicts now stand with their checks."""
    found = pieces(block.astext())
    if all(piece.kind is None for piece in found):
        return set()
    made, folded = [], set()
    for piece in found:
        code = block.copy()
        code.rawsource = piece.text  # by which Sphinx knows that it may colour it
        code += nodes.Text(piece.text)
        if piece.kind is None:
            made += [code] if piece.text.strip() else []
            continue
        shown = [key for key in piece.keys if key in fine]
        folded.update(shown)
        lines = [VERDICT.match(fine[key].astext()) for key in shown]
        summary = "".join(_summary(key, _parts(line)) for key, line in zip(shown, lines, strict=True))
        rest = [key for key in piece.keys if key in verdicts and key not in fine]
        if not shown:
            summary = _name(piece, rest)
        compared = "".join(_compared(_parts(line)) for line in lines)
        made += [_raw(f'<details class="fold"><summary>{summary}</summary>'), code, _raw(f"{compared}</details>")]
    block.replace_self(made)
    return folded


def _name(piece: Piece, keys: list[str]) -> str:
    if piece.kind == "check":
        return "the comparison of " + ", ".join(f"<code>{key}</code>" for key in keys or piece.keys)
    if piece.kind == "import":
        return "imports"
    return "a table" + (f": {html.escape(', '.join(piece.columns))}" if piece.columns else "")


def _summary(key: str, parts) -> str:
    return f'<span class="verdict reproduced" id="check-{key}">{parts["says"]}</span>'


def _compared(parts) -> str:
    return f'<p class="compared">{parts["how"]}: <b>{parts["verdict"]}</b></p>'


def _parts(line) -> dict[str, str]:
    return PARTS.match(line["line"]).groupdict()


def _line_that_opens(key: str, text: str) -> str:
    parts = _parts(VERDICT.match(text))
    return (
        f'<details class="verdict reproduced" id="check-{key}"><summary>{parts["says"]}</summary>'
        f"{_compared(parts)}</details>"
    )


def _raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def _drop(raw):
    """Take an output from the page, and with the last one the box around them."""
    bundle = raw
    while bundle.get("nb_element") != "mime_bundle":
        bundle = bundle.parent
    outputs = bundle.parent
    outputs.remove(bundle)
    if not outputs.children:
        outputs.parent.remove(outputs)


def mark_equations(app, pagename, templatename, context, doctree):
    """Set the mark of its verdict beside the number of each equation of the paper."""
    if "body" not in context or 'class="eqno"' not in context["body"]:
        return
    chapters = Path(app.srcdir) / "chapters"
    records = read_records(chapters)

    def marked(found):
        record = records.get(found["key"])
        if record is None:
            return found[0]
        where = "" if pagename == f"chapters/{record['chapter']}" else f"{record['chapter']}.html"
        mark = (MARKS | OUR_MARKS)[record["verdict"]]
        says = f"{found['number']} is {record['verdict']}: how it was checked"
        link = f'class="verdict-mark" href="{where}#check-{found["key"]}" title="{says}" aria-label="{says}"'
        return f"{found[1]}<a {link}>{mark}</a>{found['number']}"

    context["body"] = NUMBER.sub(marked, context["body"])


def add_switch(app, pagename, templatename, context, doctree):
    """A button in the head of a page with code: show all of it."""
    if doctree is None or "header_buttons" not in context or 'class="fold"' not in context.get("body", ""):
        return
    context["header_buttons"].append({
        "type": "javascript", "javascript": "srbmFolds()", "tooltip": "Show all code", "icon": "fas fa-code",
        "label": "code-button",
    })  # fmt: skip
    app.add_js_file("folds.js", loading_method="defer")


def setup(app):
    app.connect("doctree-read", fold_cells, priority=450)
    app.connect("html-page-context", mark_equations)
    app.connect("html-page-context", add_switch, priority=610)  # after the theme has made its buttons
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
