"""The pages of the API reference: every public name has an entry, with its source, and names in the text lead to it."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import srbm
from srbm import figures

CHAPTERS = Path(__file__).parents[2] / "chapters"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(CHAPTERS.glob("api*.md"))}
FIGURES = [
    f"figures.{name}"
    for name, thing in vars(figures).items()
    if not name.startswith("_") and getattr(thing, "__module__", "").startswith("srbm.figures.")
]
NAMES = [*srbm.__all__, *FIGURES, "estimator.ScalarRBMEstimator"]
CHAPTER = """# Of `train`

Here `train`, `srbm.train`, `ScalarRBM.gibbs`, `noise_floor`, `figures.curves`, `TorchGenerator` and `mnist_moments`
are links, and `train(rbm)`, `curves`, `gibbs`, `trainer`, [`train`](https://example.org) are not.

## And `sweep`
"""


class Anchors(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        if tag == "a":
            self.links.append(attributes.get("href"))


@pytest.fixture(scope="module")
def built(build, tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    _, warnings, html = build(folder, troubleshooting="# Errors\n", **{"02_flow": CHAPTER}, **PAGES)
    return folder / "html", warnings, html


@pytest.fixture(scope="module")
def entries(built):
    """From each name to the page that has its entry."""
    return {
        anchor: page
        for page in PAGES
        for anchor in Anchors(built[2][page]).ids
        if anchor and anchor.startswith("srbm.")
    }


def test_no_warnings(built):
    assert built[1] == ""


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_has_an_entry_and_is_in_the_index(built, entries, name):
    page = entries[f"srbm.{name}"]
    assert f'href="chapters/{page}.html#srbm.{name}"' in (built[0] / "genindex.html").read_text()
    assert f'href="{page}.html#srbm.{name}"' in built[2]["api"]  # in the overview


def test_the_index_is_reachable(built):
    assert 'href="../genindex.html"' in built[2]["api"]


def test_every_entry_has_its_source_and_the_source_leads_back(built, entries):
    pages = {page: Anchors(built[2][page]) for page in PAGES}
    sources = {link for page in pages.values() for link in page.links if link and "/_modules/" in link}
    assert len(sources) > len(NAMES)
    for link in sources:
        file, anchor = (built[0] / "chapters" / link).resolve().as_posix().split("#")
        assert anchor in Anchors(Path(file).read_text()).ids, link
    back = [
        link.split("#")
        for file in (built[0] / "_modules" / "srbm").rglob("*.html")
        for link in Anchors(file.read_text()).links
        if link and "chapters/api" in link and "#" in link
    ]
    assert len(back) > len(NAMES)
    for page, anchor in back:
        assert anchor in pages[Path(page).stem].ids, anchor


def test_names_in_a_chapter_lead_to_their_entries(built, entries):
    flow = built[2]["02_flow"]
    article = flow[flow.index("<h1>") : flow.rindex("<h2>")]
    found = re.findall(r'href="(?!#)([^"#]*)#?([^"]*)"', article)
    wanted = [
        f"srbm.{name}"
        for name in (
            "train",
            "train",
            "ScalarRBM.gibbs",
            "noise_floor",
            "figures.curves",
            "random.TorchGenerator",
            "datasets.mnist_moments",
        )
    ]
    assert found == [*((f"{entries[name]}.html", name) for name in wanted), ("https://example.org", "")]
    assert "srbm.sweep" not in flow  # nor is a heading a link


def test_an_entry_does_not_lead_to_itself(built):
    for page in PAGES:
        for entry in re.findall(r'<dt class="sig [^>]*id="(srbm\.\w+)">(.*?)</dd></dl>', built[2][page], re.DOTALL):
            assert f'href="#{entry[0]}" title="{entry[0]}"' not in entry[1]


def test_types_and_formulas_of_docstrings(built, entries):
    text = built[2][entries["srbm.train"]]
    assert re.search(r'<strong>rbm</strong>.{0,150}api_machines.html#srbm.ScalarRBM"', text, re.DOTALL)
    assert r"\(\langle \phi \phi^{T} \rangle_{\mathrm{target}}\)" in text
    assert "srbm.Training" in entries
    assert "_settings" not in text  # what only the package itself makes has no signature
