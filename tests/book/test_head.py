"""What the head of a page says, and the space that its pictures take."""

from pathlib import Path
from types import SimpleNamespace

from docutils import nodes
from matplotlib.figure import Figure

from book.head import STATIC, description_of
from book.pictures import keep_colours, reserve_formulas, reserve_space

OPENING = "A restricted Boltzmann machine describes the probability of a visible field with the help of a hidden one. "


def page(*texts):
    document = nodes.document(None, None)
    for text in texts:
        document += nodes.paragraph("", "", text if isinstance(text, nodes.Node) else nodes.Text(text))
    return document


def test_the_description_is_the_first_sentences_of_the_text():
    remark = nodes.emphasis("", "Section II of the paper; " + "equations " * 20)
    assert description_of(page(remark, "Short.", OPENING + "More of it. " * 20)).startswith(OPENING.strip())
    assert len(description_of(page(OPENING + "More of it. " * 20))) <= 200
    assert description_of(page("words and " * 50)).endswith(" …")
    assert description_of(page("Short.")) == ""


def test_pictures_have_their_size(tmp_path):
    Figure((3, 2), dpi=100).savefig(tmp_path / "a.png")
    app = SimpleNamespace(srcdir=tmp_path, builder=SimpleNamespace(images={"a.png": "a.png"}))
    context = {"body": '<img alt="x" src="../_images/a.png"/><img src="../_images/a.png" width="1" height="1"/>'}
    reserve_space(app, "page", None, context, None)
    assert context["body"] == (
        '<img alt="x" src="../_images/a.png" width="300" height="200"/>'
        '<img src="../_images/a.png" width="1" height="1"/>'
    )


def test_formulas_have_their_space():
    body = (
        r'<span class="math notranslate nohighlight">\(\mu^2 &lt; 1\)</span>'
        '<div class="math notranslate nohighlight" id="a">\n\\[x = 1\\]</div>'
        '<div class="math notranslate nohighlight">\n\\[\\frac12\\]</div>'
    )
    made = reserve_formulas(body)
    assert r'style="--until-set: 2.3em">\(\mu^2 &lt; 1\)</span>' in made
    assert 'id="a" style="--until-set: 2.6em">' in made
    assert made.count("--until-set: 3.6em") == 1


def test_colour_maps_are_marked():
    def cell(source):
        block = nodes.literal_block(source, source)
        return nodes.container("", nodes.container("", block, classes=["cell_input"]), classes=["cell"])

    document = page()
    document += [cell("figures.matrix(K)"), cell("figures.curves(x)")]
    keep_colours(None, document)
    assert ["colour-map" in one["classes"] for one in document.children] == [True, False]


def test_the_card_is_as_large_as_messengers_want_it():
    header = Path(STATIC / "card.png").read_bytes()[16:24]
    assert (int.from_bytes(header[:4]), int.from_bytes(header[4:])) == (1200, 630)
