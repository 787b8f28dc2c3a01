"""A tiny book to try the extension on."""

import io
import json
import re

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils


@pytest.fixture(scope="session")
def build():
    """The function that builds pages given by name."""
    return _build


def _build(folder, suffix=".md", extensions=(), theme="alabaster", **pages):
    """Build pages given by name, all in files of one kind; the text of each page without markup, and the warnings."""
    chapters = folder / "chapters"
    chapters.mkdir()
    (chapters / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (chapters / "costs.json").write_text(json.dumps({"02_flow": {"seconds": 12, "memory": 340}}))
    names = "\n".join(f"chapters/{name}" for name in pages)
    (folder / "index.md").write_text(f"# Index\n\n```{{toctree}}\n{names}\n```\n")
    for name, text in pages.items():
        (chapters / f"{name}{suffix}").write_text(text)
    warnings = io.StringIO()
    config = {
        "extensions": ["myst_nb", "book.extension", *extensions],
        "nb_execution_mode": "off",
        "nb_ipywidgets_js": {},
        "myst_enable_extensions": ["dollarmath"],
        "numfig": True,
        "math_numfig": False,
        "mathjax_path": "mathjax/startup.js",
        "nitpicky": True,
        "html_theme": theme,
    }
    output = folder / "html"
    with patch_docutils(), docutils_namespace():  # several apps in one process
        Sphinx(
            folder, None, output, folder / "doctrees", "html",
            confoverrides=config, status=None, warning=warnings, freshenv=True,
        ).build()  # fmt: skip
    html = {name: (output / "chapters" / f"{name}.html").read_text() for name in pages}
    texts = {name: re.sub(r"<[^>]*>", "", text) for name, text in html.items()}
    return texts, warnings.getvalue(), html
