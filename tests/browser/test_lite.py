"""The JupyterLite site, where it has been built: it opens, lists the chapters, and holds the wheel.

Executing a chapter there needs Pyodide with NumPy and SciPy, which the reader's browser fetches from the network; no
test does.
"""

import json
import zipfile

import nbformat
import pytest

from tests.browser.server import serving
from tests.browser.visits import PAGES, needs_chromium

SITE = next((path for path in (PAGES.parent / "lite", PAGES / "lite") if (path / "lab").is_dir()), None)
CHAPTERS = sorted((PAGES.parents[1] / "chapters").glob("*.ipynb"))
pytestmark = pytest.mark.skipif(SITE is None, reason="there is no JupyterLite site: run `make lite`")


@pytest.fixture(scope="module")
def lite():
    """The address of the site on a web server."""
    with serving(SITE) as address:
        yield address


def test_the_wheel_is_in_the_index():
    indices = [json.loads(path.read_text(encoding="utf-8")) for path in SITE.rglob("pypi/all.json")]
    (index,) = [index for index in indices if "srbm" in index]
    (release,) = index["srbm"]["releases"].values()
    wheel = SITE / "pypi" / release[0]["filename"]
    names = zipfile.ZipFile(wheel).namelist()
    package = PAGES.parents[1] / "srbm"
    assert {path.relative_to(package.parent).as_posix() for path in package.rglob("*.py")} == {
        name for name in names if name.startswith("srbm/") and name.endswith(".py")
    }
    assert "srbm/data/mnist_moments.npz" in names


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_chapters_are_the_same_but_for_one_cell(path):
    chapter, copy = (nbformat.read(file, as_version=4) for file in (path, SITE / "files" / path.name))
    (added,) = [cell for cell in copy.cells if cell.id == "in-the-browser"]
    assert "srbm" in added.source
    assert [cell for cell in copy.cells if cell is not added] == chapter.cells


@needs_chromium
def test_the_site_opens_and_lists_the_chapters(browser, lite):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.route(lambda url: not url.startswith((lite, "data:", "blob:")), lambda route: route.abort())
    page.goto(f"{lite}/lab/index.html?path=03_training.ipynb")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=120_000)
    page.wait_for_selector(".jp-DirListing-itemText", timeout=60_000)
    listed = {text.strip() for text in page.locator(".jp-DirListing-itemText").all_inner_texts()}
    assert {path.name for path in CHAPTERS} <= listed
    assert page.locator(".jp-NotebookPanel h1").first.inner_text().startswith("Training")
    page.close()
