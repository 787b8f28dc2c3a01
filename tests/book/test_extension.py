"""A tiny book is built, and its pages carry the paper's numbers."""

import re
from types import SimpleNamespace

import pytest
from docutils import nodes

from book.extension import Numbering, chapter_number, size_figures
from srbm import figures

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
Also see [](A_end).

```{{cost}}
```
"""
APPENDIX = "# Appendix\n\n$$ y = 1 $$ (eq-A1)\n\n$$ y = 2 $$ (eq-x-end)\n\nSee {eq}`eq-33`.\n\n```{cost}\n```\n"


@pytest.fixture(scope="module")
def built(build, tmp_path_factory):
    return build(tmp_path_factory.mktemp("book"), **{"02_flow": FLOW, "A_end": APPENDIX})


def test_no_warnings(built):
    assert built[1] == ""


def test_equations_carry_their_numbers(built):
    flow, appendix = built[0]["02_flow"], built[0]["A_end"]
    for number, formula in (("33", "x = 1"), ("x2.1", "x = 2"), ("x2.2", "x = 3")):
        assert re.search(rf"\({number}\)\W*\\\[\s*{formula}", flow), number
    assert re.search(r"\(A1\)\W*\\\[\s*y = 1", appendix)
    assert re.search(r"\(xA\.1\)\W*\\\[\s*y = 2", appendix)


def test_chapters_carry_their_numbers(built):
    assert re.search(r"<h1><span[^>]*>2 </span>Flow", built[2]["02_flow"])
    assert "<title>Flow" in built[2]["02_flow"]  # links and search go by the title alone
    assert "A Appendix" in built[0]["02_flow"]  # in the sidebar
    assert "see Appendix" in built[0]["02_flow"]


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
    assert script == "../_static/mathjax/startup.js"


@pytest.mark.parametrize("label", ["eq-thirty", "33"])
def test_a_label_without_convention_warns(build, tmp_path, label):
    assert "is neither" in build(tmp_path, **{"02_flow": f"# Flow\n\n$$ x = 1 $$ ({label})\n"})[1]


def test_numbering():
    numbering = Numbering("eq", "chapters/10_interactions")
    assert [numbering(label) for label in ("eq-B7", "eq-x-b", "eq-88", "eq-x-a")] == ["B7", "x10.1", "88", "x10.2"]
    with pytest.raises(ValueError, match="name the file"):
        Numbering("eq", "chapters/notation")("eq-x-a")


def test_figures_of_cells_are_shown_at_one_scale(tmp_path):
    folder = tmp_path / "jupyter_execute"
    folder.mkdir()
    panel = figures.curves([0, 1], {"": [0, 1]}, xlabel="x", ylabel="y")
    for name, drawn in (("one", panel), ("two", panel | panel)):
        (folder / f"{name}.png").write_bytes(drawn._png())
        (folder / f"{name}.svg").write_text(drawn._repr_svg_())
    uris = [f"jupyter_execute/{name}.{kind}" for name in ("one", "two") for kind in ("png", "svg")]
    uris.append("elsewhere/one.png")
    images = [nodes.image(uri=uri) for uri in uris]
    doctree = nodes.container("", *images)
    size_figures(SimpleNamespace(srcdir=tmp_path), doctree)
    one, sharp, two, sharp_two, other = (image.get("width") for image in images)
    assert int(two.removesuffix("px")) == 2 * int(one.removesuffix("px"))
    assert (sharp, sharp_two) == (one, two)
    assert other is None


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("chapters/04_learning_dynamics", "4"),
        ("chapters/18_scaling_up", "18"),
        ("chapters/A_algorithm", "A"),
        ("chapters/ten_minutes", None),
        ("chapters/equation_map", None),
        ("chapters/index", None),
    ],
)
def test_only_chapters_have_numbers(name, number):
    assert chapter_number(name) == number
