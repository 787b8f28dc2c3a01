"""Links from the pages: to what `make site` publishes beside them, and to where the book comes from (`book.address`).

The notebook in the browser and the book as PDF are there when the pages are built with SRBM_SITE=1, as `make site`
does; in other builds there is nothing behind them. The repository, Binder and Colab are there when the book has
an address.
"""

import os
from pathlib import Path

from sphinx.util.docutils import SphinxDirective

from book.address import Address, setting, with_hint
from book.reader import write_copies

LITE = "lite"  # the folder of the JupyterLite site, beside the pages
PLACE = "REPOSITORY"  # in the text of `published`, the address


def has_lite() -> bool:
    """Whether the notebook in the browser is built beside the pages."""
    return os.environ.get("SRBM_SITE") == "1"


def link(label: str, text: str, icon: str, url: str, **more) -> dict:
    """A button, or an entry of a menu, as the theme takes it."""
    return {"type": "link", "label": label, "text": text, "icon": f"fas fa-{icon}", "url": url, **more}


def menu(label: str, text: str, icon: str, entries: list[dict]) -> dict:
    """A button that opens a menu."""
    return {"type": "group", "label": label, "tooltip": text, "icon": f"fas fa-{icon}", "buttons": entries}


def add_site_links(app, pagename, templatename, context, doctree):
    """A button that opens the page's notebook in the browser; the whole book as PDF among the downloads."""
    if doctree is None:
        return
    buttons, pathto = context["header_buttons"], context["pathto"]
    for group in buttons:
        if group.get("label") == "download-buttons":
            group["buttons"].append(link("download-book-button", "the book as .pdf", "file-pdf", pathto("srbm.pdf", 1)))
    if context.get("page_source_suffix") == ".ipynb":
        url = pathto(f"{LITE}/lab/index.html", 1) + f"?path={Path(pagename).name}.ipynb"
        more = {"tooltip": "Run this chapter in the browser", "classes": "pst-navbar-icon"}
        buttons.append(link("lite-button", "Run", "play", url, **more))


def add_address_links(app, pagename, templatename, context, doctree):
    """Menus: the page's notebook at Binder and Colab; its source, an edit of it, an issue with it.

    Colab opens the file of the repository, which says what to install only where `_config.yml` has the address.
    """
    address, buttons, suffix = app.config.srbm_address, context["header_buttons"], context.get("page_source_suffix")
    if doctree is None or not suffix:
        return
    path = f"{pagename}{suffix}"
    if suffix == ".ipynb":
        places = [
            ("Binder", address.binder(f"lab/{Path(path).name}")),
            ("Colab", app.config.srbm_settled and address.colab(path)),
        ]
        entries = [link(f"{name.lower()}-button", f"Run at {name}", "rocket", url) for name, url in places if url]
        buttons.append(menu("launch-buttons", "Run this chapter elsewhere", "rocket", entries))
    entries = [
        link("source-file-button", "The source of this page", "code", address.file(path)),
        link("source-edit-button", "Suggest an edit", "pencil", address.edit(path)),
        link("source-issues-button", "Report an issue", "lightbulb", address.issue(path)),
        link("source-repository-button", "The repository", "code-branch", address.url),
    ]
    buttons.append(menu("source-buttons", "Where this page comes from", "code-branch", entries))


def offer_copies(app, exception):
    """The notebooks that the pages offer are readers' copies, and say what to install from the address."""
    folder = Path(app.outdir, "_sources", "chapters")
    if exception is None and list(folder.glob("*.ipynb")):
        for path in write_copies(Path(app.srcdir, "chapters"), folder):
            text = with_hint(path.read_text(encoding="utf-8"), app.config.srbm_address)
            path.write_text(text, encoding="utf-8", newline="\n")


class Published(SphinxDirective):
    """```{published}```: text that stands on the page only where the book has an address, which replaces REPOSITORY."""

    has_content = True

    def run(self):
        address = self.config.srbm_address
        if not address:
            return []
        self.content.data = [line.replace(PLACE, address.url) for line in self.content.data]
        return self.parse_content_to_nodes()


def set_address(app, config):
    """Read the address, and connect what needs one."""
    config.srbm_address = address = Address.of(Path(app.srcdir))
    if not address:
        return
    config.srbm_settled = bool(setting(Path(app.srcdir)).get("url"))
    app.connect("html-page-context", add_address_links, priority=601)


def setup(app):
    app.add_config_value("srbm_address", Address(), "env")
    app.add_config_value("srbm_settled", False, "html")
    app.add_directive("published", Published)
    app.connect("config-inited", set_address)
    app.connect("build-finished", offer_copies)
    if has_lite():
        app.connect("html-page-context", add_site_links, priority=600)  # after the theme has made its buttons
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
