"""The one address: where it is read, and what is made of it; nothing leads to a repository that has no address."""

import re
from pathlib import Path

import nbformat
import pytest

from book.address import HINT, ROOT, Address, with_hint

GITHUB = Address.parse("https://github.com/Somebody/a-book.git")
GITLAB = Address.parse("https://gitlab.com/somebody/book/", "stable")


@pytest.mark.parametrize(("address", "name", "expected"), [
    (GITHUB, "url", "https://github.com/Somebody/a-book"),
    (GITHUB, "site", "https://somebody.github.io/a-book/"),
    (GITHUB, "issues", "https://github.com/Somebody/a-book/issues"),
    (GITHUB, "requirement", "srbm[book] @ git+https://github.com/Somebody/a-book"),
    (GITLAB, "url", "https://gitlab.com/somebody/book"),
    (GITLAB, "site", "https://somebody.gitlab.io/book/"),
    (GITLAB, "issues", "https://gitlab.com/somebody/book/-/issues"),
    (Address.parse("https://github.com/a/A.github.io"), "site", "https://a.github.io/"),
    (Address(), "url", ""),
    (Address(), "site", ""),
    (Address(), "requirement", ".[book]"),
])  # fmt: skip
def test_what_follows_from_an_address(address, name, expected):
    assert getattr(address, name) == expected


@pytest.mark.parametrize(("address", "kind", "expected"), [
    (GITHUB, "file", "https://github.com/Somebody/a-book/blob/main/a/b.md"),
    (GITHUB, "raw", "https://github.com/Somebody/a-book/raw/main/a/b.md"),
    (GITHUB, "edit", "https://github.com/Somebody/a-book/edit/main/a/b.md"),
    (GITHUB, "issue", "https://github.com/Somebody/a-book/issues/new?title=On%20the%20page%20a%2Fb.md&body="
                      "What%20is%20wrong%2C%20and%20what%20you%20expected."),
    (GITHUB, "binder", "https://mybinder.org/v2/gh/Somebody/a-book/main?urlpath=lab/tree/a/b.md"),
    (GITHUB, "colab", "https://colab.research.google.com/github/Somebody/a-book/blob/main/a/b.md"),
    (GITLAB, "file", "https://gitlab.com/somebody/book/-/blob/stable/a/b.md"),
    (GITLAB, "raw", "https://gitlab.com/somebody/book/-/raw/stable/a/b.md"),
    (GITLAB, "edit", "https://gitlab.com/somebody/book/-/edit/stable/a/b.md"),
    (GITLAB, "binder", "https://mybinder.org/v2/gl/somebody%2Fbook/stable?urlpath=lab/tree/a/b.md"),
    (GITLAB, "colab", ""),
])  # fmt: skip
def test_what_leads_to_a_file(address, kind, expected):
    assert getattr(address, kind)("a/b.md") == expected


@pytest.mark.parametrize("url", [
    "http://github.com/a/b", "github.com/a/b", "https://github.com/a", "https://example.org/a/b",
    "https://github.com/a/b/tree/main", "https://github.com/a/b?x", " https://github.com/a/b",
])  # fmt: skip
def test_another_form_is_refused(url):
    with pytest.raises(ValueError, match=rf"https://github\.com/owner/name .* got {re.escape(repr(url))}; correct"):
        Address.parse(url)


def test_the_environment_goes_before_the_file(tmp_path):
    assert not Address.of(tmp_path, {})
    (tmp_path / "_config.yml").write_text("repository:\n  url: https://github.com/a/b\n  branch: devel\n")
    assert Address.of(tmp_path, {}).file("x") == "https://github.com/a/b/blob/devel/x"
    other = {"SRBM_REPOSITORY": "https://github.com/c/d"}
    assert Address.of(tmp_path, other).url == "https://github.com/c/d"
    assert Address.of(tmp_path, {"SRBM_REPOSITORY": ""}).url == "https://github.com/a/b"


@pytest.mark.parametrize("path", sorted((ROOT / "chapters").glob("*.ipynb")), ids=lambda path: path.stem)
def test_chapters_say_what_to_install_from_the_address_of_the_book(path):
    """`python tasks.py address` writes it."""
    text = path.read_text(encoding="utf-8")
    assert text.count(HINT) == 1
    assert with_hint(text, Address.of(ROOT, {})) == text
    moved = with_hint(text, GITHUB)
    cell = next(cell for cell in nbformat.reads(moved, 4).cells if cell.cell_type == "code")
    assert cell.source.splitlines()[0] == f'# If this fails: %pip install "{GITHUB.requirement}"'
    assert with_hint(moved, Address()) == with_hint(text, Address())


PAGE = "# Flow\n\n```{published}\nIt is at [this place](REPOSITORY).\n```\n\nMore.\n"


def built(build, folder, monkeypatch, address, settled=""):
    """A chapter that is a notebook, and a page: their text and their HTML, with an address and without."""
    monkeypatch.setenv("SRBM_REPOSITORY", address)
    (folder / "srbm_book").mkdir()
    (folder / "srbm_book" / "ledger.toml").touch()
    (folder / "_config.yml").write_text(f"repository:\n  url: '{settled}'\n")
    cells = [nbformat.v4.new_markdown_cell(PAGE), nbformat.v4.new_code_cell(f"{Address().hint}\nimport numpy")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    _, warnings, html = build(folder, ".ipynb", **{"02_flow": nbformat.writes(notebook)}, theme="sphinx_book_theme")
    assert not warnings
    (source,) = (folder / "html" / "_sources").rglob("*.ipynb")
    return html["02_flow"], source.read_text()


def links(html):
    return set(re.findall(r'href="(https?://[^"]*)"', html))


def test_without_an_address_no_page_leads_to_a_repository(build, tmp_path, monkeypatch):
    html, source = built(build, tmp_path, monkeypatch, "")
    assert not [target for target in links(html) if re.search(r"github\.com|gitlab|mybinder|colab", target)]
    assert "this place" not in html
    assert "canonical" not in html
    assert r"# If this fails, in the folder of the book: pip install \".[book]\"" in source  # there is no other place


@pytest.mark.parametrize("settled", ["", GITHUB.url], ids=["from the environment", "in the file as well"])
def test_with_an_address_the_pages_lead_there(build, tmp_path, monkeypatch, settled):
    html, source = built(build, tmp_path, monkeypatch, GITHUB.url, settled)
    path = "chapters/02_flow.ipynb"
    expected = {GITHUB.file(path), GITHUB.edit(path), GITHUB.issue(path), GITHUB.url,
                GITHUB.binder("lab/02_flow.ipynb"), f"{GITHUB.site}chapters/02_flow.html"}  # fmt: skip
    assert expected <= links(html)
    assert (GITHUB.colab(path) in links(html)) == bool(settled)  # whose file would not say what to install
    assert f'<a class="reference external" href="{GITHUB.url}">this place</a>' in html
    assert re.findall('rel="canonical" href="(.*?)"', html) == [f"{GITHUB.site}chapters/02_flow.html"]
    assert rf"{HINT}: %pip install \"{GITHUB.requirement}\"" in source


def test_texts_do_not_promise_an_address():
    """What names the place of the repository stands in `published`."""
    for path in [*(ROOT / "chapters").glob("*.md"), *(ROOT / "chapters").glob("*.ipynb")]:
        text = re.sub(
            r"^```\{published\}.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
        )
        assert "REPOSITORY" not in text
        assert "mybinder" not in text
        assert Path(path).suffix != ".md" or "Colab" not in text
