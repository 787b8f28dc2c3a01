"""A tiny book is built, and its pages carry the paper's numbers."""

import io
import json
import re

import pytest
from sphinx.application import Sphinx

from book.extension import Numbering

FIGURE = """```{{figure}} dot.png
:name: {name}
:alt: A dot.
Caption.
```
"""
FLOW = f"""# Flow

$$ x = 1 $$ (eq-33)

$$ x = 2 $$ (eq-x-first)

$$ x = 3 $$ (eq-x-second)

{FIGURE.format(name="fig-x-ours")}
{FIGURE.format(name="fig-12")}
See {{eq}}`eq-33`, {{eq}}`eq-x-second`, {{eq}}`eq-A1`, {{numref}}`fig-12` and {{numref}}`fig-x-ours`.

```{{cost}}
```
"""
APPENDIX = "# Appendix\n\n$$ y = 1 $$ (eq-A1)\n\n$$ y = 2 $$ (eq-x-end)\n\nSee {eq}`eq-33`.\n\n```{cost}\n```\n"


def build(folder, **pages):
    """Build pages given by name; the text of each page without markup, and the warnings."""
    chapters = folder / "chapters"
    chapters.mkdir()
    (chapters / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (chapters / "costs.json").write_text(json.dumps({"02_flow": {"seconds": 12, "memory": 340}}))
    names = "\n".join(f"chapters/{name}" for name in pages)
    (folder / "index.md").write_text(f"# Index\n\n```{{toctree}}\n{names}\n```\n")
    for name, text in pages.items():
        (chapters / f"{name}.md").write_text(text)
    warnings = io.StringIO()
    config = {
        "extensions": ["myst_parser", "book.extension"],
        "myst_enable_extensions": ["dollarmath"],
        "numfig": True,
        "math_numfig": False,
        "mathjax_path": "mathjax/tex-chtml.js",
    }
    output = folder / "html"
    Sphinx(
        folder, None, output, folder / "doctrees", "html",
        confoverrides=config, status=None, warning=warnings, freshenv=True,
    ).build()  # fmt: skip
    html = {name: (output / "chapters" / f"{name}.html").read_text() for name in pages}
    texts = {name: re.sub(r"<[^>]*>", "", text) for name, text in html.items()}
    return texts, warnings.getvalue(), html


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("book"), **{"02_flow": FLOW, "A_end": APPENDIX})


def test_no_warnings(built):
    assert built[1] == ""


def test_equations_carry_their_numbers(built):
    flow, appendix = built[0]["02_flow"], built[0]["A_end"]
    for number, formula in (("33", "x = 1"), ("x2.1", "x = 2"), ("x2.2", "x = 3")):
        assert re.search(rf"\({number}\)\W*\\\[\s*{formula}", flow), number
    assert re.search(r"\(A1\)\W*\\\[\s*y = 1", appendix)
    assert re.search(r"\(xA\.1\)\W*\\\[\s*y = 2", appendix)


def test_references_carry_the_same_numbers(built):
    assert "See (33), (x2.2), (A1), Fig. 12 and Fig. x2.1." in built[0]["02_flow"]
    assert "See (33)." in built[0]["A_end"]


def test_captions_carry_the_same_numbers(built):
    captions = re.findall(r"Fig\. (\S+)\s+Caption", built[0]["02_flow"])
    assert captions == ["x2.1", "12"]


def test_cost(built):
    assert "took 12 s and at most 340 MB" in built[0]["02_flow"]
    assert "has not been recorded yet" in built[0]["A_end"]


def test_mathjax_is_ours(built):
    (script,) = re.findall(r'src="([^"]*mathjax[^"]*?)(?:\?[^"]*)?"', built[2]["02_flow"])
    assert script == "../_static/mathjax/tex-chtml.js"


@pytest.mark.parametrize("label", ["eq-thirty", "33"])
def test_a_label_without_convention_warns(tmp_path, label):
    assert "is neither" in build(tmp_path, **{"02_flow": f"# Flow\n\n$$ x = 1 $$ ({label})\n"})[1]


def test_numbering():
    numbering = Numbering("eq", "chapters/10_interactions")
    assert [numbering(label) for label in ("eq-B7", "eq-x-b", "eq-88", "eq-x-a")] == ["B7", "x10.1", "88", "x10.2"]
    with pytest.raises(ValueError, match="name the file"):
        Numbering("eq", "chapters/notation")("eq-x-a")
