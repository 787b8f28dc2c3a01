"""Links from the pages to what `make site` publishes beside them: the notebook in the browser, the book as PDF.

They are there when the pages are built with SRBM_SITE=1, as `make site` does; in other builds there is nothing behind
them.
"""

import os
from pathlib import Path

LITE = "lite"  # the folder of the JupyterLite site, beside the pages


def add_links(app, pagename, templatename, context, doctree):
    """A button that opens the page's notebook in the browser; the whole book as PDF among the downloads."""
    if doctree is None:
        return
    buttons, pathto = context["header_buttons"], context["pathto"]
    for group in buttons:
        if group.get("label") == "download-buttons":
            group["buttons"].append({"type": "link", "url": pathto("srbm.pdf", 1), "text": "the book as .pdf",
                                     "icon": "fas fa-file-pdf", "label": "download-book-button"})  # fmt: skip
    if context.get("page_source_suffix") == ".ipynb":
        buttons.append({
            "type": "link",
            "url": pathto(f"{LITE}/lab/index.html", 1) + f"?path={Path(pagename).name}.ipynb",
            "tooltip": "Run this chapter in the browser",
            "text": "Run",
            "icon": "fas fa-play",
            "label": "lite-button",
            "classes": "pst-navbar-icon",
        })  # fmt: skip


def setup(app):
    if os.environ.get("SRBM_SITE") == "1":
        app.connect("html-page-context", add_links, priority=600)  # after the theme has made its buttons
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
