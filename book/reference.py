"""The API reference: docstrings of `srbm` through autodoc and numpydoc, with their sources and their formulas.

Names of the package lead to their entries wherever they stand: `train` in a chapter, in another docstring, as a type.
What numpydoc shows of a docstring are its sections as they are written; types are words and no references, so that a
strict build has nothing to look for on the network.
"""

import inspect
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.ext.autosummary import autosummary_table
from sphinx.transforms import SphinxTransform
from sphinx.util.nodes import make_refnode

from book.formulas import pieces

PACKAGE = "srbm"
UNTOUCHED = (
    nodes.FixedTextElement,
    nodes.literal,
    nodes.math,
    nodes.strong,
    nodes.raw,
    nodes.reference,
    addnodes.pending_xref,
    addnodes.desc_signature,
    nodes.rubric,
    nodes.field_name,
)
"""What holds no formulas in ASCII: code, names, headings, and formulas that are in TeX already."""
SETTINGS = {
    "autodoc_typehints": "none",  # the types are in the docstrings, with shapes and units
    "autodoc_member_order": "bysource",
    "autodoc_class_signature": "mixed",
    "autosummary_generate": False,
    "copybutton_prompt_text": ">>> |\\.\\.\\. ",
    "copybutton_prompt_is_regexp": True,
    "default_role": "code",  # what docstrings have in backticks
    "toc_object_entries_show_parents": "hide",
    "numpydoc_show_class_members": False,  # autodoc does
    "viewcode_line_numbers": True,
}


class Formulas(SphinxTransform):
    """Sets the formulas of docstrings, and of the summaries of them in tables."""

    default_priority = 700  # before quotation marks and dots become typographic

    def apply(self, **_):
        for place in [*self.document.findall(addnodes.desc_content), *self.document.findall(autosummary_table)]:
            for text in list(place.findall(nodes.Text)):
                if text.parent is not None and not _inside(text, UNTOUCHED, place):
                    _set_formulas(text)


def _inside(node: nodes.Node, kinds: tuple[type, ...], top: nodes.Node | None = None) -> bool:
    """Whether a node is, below `top`, inside one of these kinds."""
    if node.parent is None or node.parent is top:
        return False
    return isinstance(node.parent, kinds) or _inside(node.parent, kinds, top)


def _set_formulas(text: nodes.Text):
    found = pieces(text.astext())
    if any(is_formula for _, is_formula in found):
        text.parent.replace(
            text, [nodes.math(piece, piece) if is_formula else nodes.Text(piece) for piece, is_formula in found]
        )


def public_names(objects: dict) -> dict[str, str]:
    """From what names are called in text to the objects of the Python domain.

    A name may be given with or without the package in front, and without its module. Only the functions of figures,
    which are words like "curves", want theirs.
    """
    names = {}
    for full, entry in objects.items():
        if entry.aliased or not full.startswith(f"{PACKAGE}."):
            continue
        names[full] = names[full.removeprefix(f"{PACKAGE}.")] = full
        owner, _, name = full.rpartition(".")
        if entry.objtype in ("class", "exception") or (entry.objtype == "function" and owner != f"{PACKAGE}.figures"):
            names[name] = full
    return names


def link_names(app, doctree, docname):
    """Make a link of every public name: all that is code in the text, and classes among the types of docstrings."""
    objects = app.env.get_domain("py").objects
    names = public_names(objects)

    def link(name: str, shown: nodes.Node) -> nodes.Node:
        entry = objects[names[name]]
        return make_refnode(app.builder, docname, entry.docname, entry.node_id, shown, names[name])

    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext()
        if (
            name in names
            and not _inside(literal, (nodes.reference, nodes.title, addnodes.desc_signature))
            and names[name] not in _described(literal)
        ):
            literal.replace_self(link(name, literal.deepcopy()))
    for content in doctree.findall(addnodes.desc_content):
        for place in [*content.findall(nodes.term), *content.findall(nodes.classifier)]:
            own = _described(place)
            for text in list(place.findall(nodes.Text)):
                if text.parent is place:
                    parts = re.split(r"\b([A-Z]\w+)\b", text.astext())
                    linked = [
                        link(part, nodes.inline("", part))
                        if part in names and names[part] not in own
                        else nodes.Text(part)
                        for part in parts
                        if part
                    ]
                    place.replace(text, nodes.inline("", "", *linked))  # one box: the theme drops spaces between boxes


def _described(node: nodes.Node) -> set[str]:
    """The objects whose entries a node is part of."""
    found = set()
    while node.parent is not None:
        node = node.parent
        if isinstance(node, addnodes.desc):
            found |= {
                name
                for signature in node.findall(addnodes.desc_signature)
                if signature.parent is node
                for name in signature["ids"]
            }
    return found


def mend_ways_back(app, pagename, templatename, context, doctree):
    """Let a source lead back to its entry, which has the name by which users import the thing.

    Sphinx knows one such name for a module, but of `srbm.moments` the one is `srbm.second_moment` and another
    `srbm.moments.IntegerMoments`.
    """
    if not pagename.startswith(f"_modules/{PACKAGE}/"):
        return
    module = pagename.removeprefix("_modules/").replace("/", ".")
    objects = app.env.get_domain("py").objects

    def mended(link: re.Match) -> str:
        name = link[2].removeprefix(module).removeprefix(PACKAGE).lstrip(".")
        entry = next(
            (objects[full] for full in (link[2], f"{module}.{name}", f"{PACKAGE}.{name}") if full in objects), None
        )
        return f'{link[1]}#{entry.node_id}"' if entry else link[0]

    context["body"] = re.sub(r'(class="viewcode-back" href="[^"#]*)#([\w.]+)"', mended, context["body"])


def leave_out_fields(app, what, name, member, skip, options):
    """Fields of named tuples, which are among the attributes of the class already."""
    return True if (inspect.getdoc(member) or "").startswith("Alias for field number") else None


def hide_private_parameters(app, what, name, member, options, signature, returned):
    """Show no signature for a class that is made by the package alone, as its private parameters tell."""
    made_here = what == "class" and any(name.startswith("_") for name in inspect.signature(member).parameters)
    if what == "exception" or made_here:
        return "", None
    return None


def apply_settings(app, config):
    for name, value in SETTINGS.items():
        config[name] = value


def setup(app):
    for extension in ("sphinx.ext.autodoc", "sphinx.ext.viewcode", "numpydoc"):
        app.setup_extension(extension)
    app.connect("config-inited", apply_settings, priority=100)
    app.connect("autodoc-skip-member", leave_out_fields)
    app.connect("autodoc-process-signature", hide_private_parameters, priority=100)
    app.add_transform(Formulas)
    app.connect("doctree-resolved", link_names)
    app.connect("html-page-context", mend_ways_back)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
