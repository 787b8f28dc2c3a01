"""What goes into the JupyterLite site, and when the pages link to it."""

from types import SimpleNamespace

import nbformat
import pytest

from book import site_links
from commands import lite


def notebook(*sources):
    title = nbformat.v4.new_markdown_cell("# Title")
    return nbformat.v4.new_notebook(cells=[title, *(nbformat.v4.new_code_cell(source) for source in sources)])


@pytest.mark.parametrize(
    ("source", "installed"),
    [
        ("import numpy", '%pip install -q "srbm[plot]"'),
        ("from sklearn import datasets", '%pip install -q "srbm[plot]" scikit-learn'),
        ("widgets.slider(draw, {})", '%pip install -q "srbm[plot]" ipywidgets'),
        ("digits = load_digits()", '%pip install -q "srbm[plot]" scikit-learn'),
        ("from srbm_book.live import live", '%pip install -q "srbm[plot]" anywidget'),
        ("import array_api_strict", '%pip install -q "srbm[plot]" array-api-strict'),
    ],
)
def test_one_cell_is_added_after_the_title(source, installed):
    chapter = notebook(source)
    copy = lite.for_the_browser(chapter)
    assert copy.cells[1].source.splitlines()[-1] == installed
    assert [copy.cells[0], *copy.cells[2:]] == chapter.cells
    assert len(chapter.cells) == 2  # untouched


def test_contents_are_the_notebooks(tmp_path):
    chapters, folder = tmp_path / "chapters", tmp_path / "contents"
    (chapters / ".ipynb_checkpoints").mkdir(parents=True)
    nbformat.write(notebook("1 + 1"), chapters / "02_flow.ipynb")
    for name in ("conftest.py", "costs.json", "index.md", ".ipynb_checkpoints/02_flow.ipynb"):
        (chapters / name).write_text("")
    lite.write_contents(chapters, folder)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {"02_flow.ipynb"}


@pytest.mark.parametrize(("site", "connected"), [("1", 1), ("", 0), (None, 0)])
def test_pages_link_to_it_only_where_it_is_published(monkeypatch, site, connected):
    monkeypatch.delenv("SRBM_SITE", raising=False)
    if site is not None:
        monkeypatch.setenv("SRBM_SITE", site)
    events = []
    register = SimpleNamespace(connect=lambda event, *_, **__: events.append(event))
    register.add_config_value = register.add_directive = lambda *_: None
    site_links.setup(register)
    assert events.count("html-page-context") == connected


@pytest.mark.parametrize(("suffix", "links"), [(".ipynb", ["../lite/lab/index.html?path=02_flow.ipynb"]), (".md", [])])
def test_the_links_of_a_page(suffix, links):
    downloads = {"type": "group", "label": "download-buttons", "buttons": []}
    context = {"header_buttons": [downloads], "page_source_suffix": suffix, "pathto": lambda file, _: f"../{file}"}
    site_links.add_site_links(None, "chapters/02_flow", "page.html", context, object())
    assert [button["url"] for button in context["header_buttons"][1:]] == links
    assert [button["url"] for button in downloads["buttons"]] == ["../srbm.pdf"]
