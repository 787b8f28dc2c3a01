"""The search of the book: what it finds, written at the end of a build as a script that a page loads when it searches.

Sphinx's own index knows pages. This one has an entry of its own for each page, section, equation, figure, exercise,
entry of the ledger and public name of the package, with the text of it: what a reader can be led to. Formulas in the
text are written out in Unicode, so that an excerpt reads as prose. `static/search.js` ranks. It is a script and not
JSON, because a page that is opened from disk may load the one and not the other.

`search.toml` says in which words readers ask for a page, where the page itself uses others.
"""

import html
import json
import re
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx import addnodes

from book.exercises import exercises_of
from book.extension import chapter_number
from book.pages import read_records
from book.plain import plain, raised
from srbm_book.typeset import typeset

HERE = Path(__file__).parent
INDEX = Path("_static") / "search-index.js"
LEFT_OUT = (
    nodes.literal_block, nodes.raw, nodes.comment, nodes.image, nodes.section, nodes.title, nodes.figure,
    addnodes.toctree, addnodes.index, addnodes.desc,
)  # fmt: skip
NUMBERED = ("eq", "numref")
LONGEST = 1500  # characters of a section that are kept; what it is about stands at its beginning


def text_of(node: nodes.Node) -> str:
    """The words below `node`, formulas in Unicode, without code, outputs and sections within it."""
    if isinstance(node, nodes.Text):
        return str(node)
    if isinstance(node, (nodes.math, nodes.math_block)):
        return f" {plain(node.astext())} "
    if isinstance(node, addnodes.pending_xref) and (node["reftype"] in NUMBERED or node.get("refdomain") == "cite"):
        return ""  # a number or a label, not yet resolved
    if isinstance(node, LEFT_OUT) or "cell" in node.get("classes", []):
        return ""
    text = "".join(text_of(child) for child in node.children)
    return text if isinstance(node, nodes.TextElement) and isinstance(node.parent, nodes.TextElement) else f"{text} "


def tidy(text: str) -> str:
    """Words with single spaces between them, and none before punctuation, where a formula or a link had one."""
    return re.sub(r"\s+([,.;:)])", r"\1", " ".join(text.split()))


def _title(section: nodes.Node) -> str:
    """The words of a section's heading, without the chapter's number."""
    title = section.next_node(nodes.title)
    numbers = list(title.findall(lambda node: isinstance(node, nodes.inline) and "chapter-number" in node["classes"]))
    return tidy("".join(text_of(child) for child in title.children if child not in numbers))


def entries_of(docname: str, doctree: nodes.document, figures: dict[str, tuple]) -> list[list[str]]:
    """What a page offers: [kind, anchor, title, text] of the page, its sections, equations, figures and names.

    `figures` are the numbers of its figures by their names.
    """
    found = []
    for section in doctree.findall(lambda node: isinstance(node, nodes.section) and node.next_node(nodes.title)):
        page = not isinstance(section.parent, nodes.section)
        title = _title(section)
        anchor = "" if page else section["ids"][0]
        found.append(["page" if page else "section", anchor, title, tidy(text_of_section(section))[:LONGEST]])
        for child in section.children:
            found += _things(child, title, figures)
    return found


def text_of_section(section: nodes.section) -> str:
    """The words of a section without those of the sections in it."""
    return " ".join(text_of(child) for child in section.children)


def _things(node, title, figures):
    """The equations, figures and names of the package below `node`, down to the next section."""
    if isinstance(node, nodes.section) or not isinstance(node, nodes.Element):
        return
    if isinstance(node, nodes.math_block) and node.get("number"):
        yield ["equation", node["ids"][0], f"({node['number']})", tidy(f"{title}: {plain(node.astext())}")]
    elif isinstance(node, nodes.figure) and (name := next((one for one in node["ids"] if one in figures), None)):
        caption = node.next_node(nodes.caption)
        number = ".".join(map(str, figures[name]))
        yield ["figure", name, f"Fig. {number}", tidy(text_of(caption)) if caption else ""]
    elif isinstance(node, addnodes.desc):
        signature, content = node.next_node(addnodes.desc_signature), node.next_node(addnodes.desc_content)
        if signature["ids"]:
            first = content.next_node(nodes.paragraph)
            name = signature["ids"][0].removeprefix("srbm.")
            yield ["name", signature["ids"][0], name, tidy(text_of(first)) if first else ""]
    for child in node.children:
        yield from _things(child, title, figures)


def of_the_ledger(records: dict[str, dict]) -> dict[str, list[list[str]]]:
    """From each page to the entries of the ledger that it decides: the statement is the title."""
    found: dict[str, list[list[str]]] = {}
    for key, record in records.items():
        statement = re.sub(
            "<sup>(.*?)</sup>", lambda m: raised(m[1]), typeset(record["statement"]).replace("<sub>", "_")
        )
        statement = html.unescape(re.sub(r"<[^>]+>", "", statement))
        text = f"{key}: {record['verdict']}"
        found.setdefault(f"chapters/{record['chapter']}", []).append(["check", f"check-{key}", statement, text])
    return found


def of_the_exercises(chapters: Path) -> dict[str, list[list[str]]]:
    """From each page to its exercises."""
    found = {}
    for path in sorted(chapters.glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        found[f"chapters/{path.stem}"] = [
            ["exercise", one.label, f"Exercise {one.number}", f"{one.kind}: {one.title}"]
            for one in exercises_of(notebook, path.stem)
        ]
    return found


def write_index(app, exception):
    """Write the index beside the built pages."""
    if exception or app.builder.format != "html":
        return
    asked = tomllib.loads((HERE / "search.toml").read_text(encoding="utf-8"))
    chapters = Path(app.srcdir) / "chapters"
    elsewhere = [of_the_ledger(read_records(chapters)), of_the_exercises(chapters)]
    pages = []
    for docname in sorted(app.env.found_docs):
        doctree = app.env.get_doctree(docname)
        figures = app.env.toc_fignumbers.get(docname, {}).get("figure", {})
        entries = entries_of(docname, doctree, figures)
        for more in elsewhere:
            entries += more.get(docname, [])
        pages.append({
            "url": f"{docname}.html",
            "chapter": chapter_number(docname) or "",
            "asked": asked.get(Path(docname).name, ""),
            "entries": entries,
        })  # fmt: skip
    text = json.dumps(pages, ensure_ascii=False, separators=(",", ":"))
    (Path(app.outdir) / INDEX).write_text(f"window.srbmIndex = {text};\n", encoding="utf-8")


def setup(app):
    app.add_js_file("search.js", loading_method="defer")
    app.connect("build-finished", write_index)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
