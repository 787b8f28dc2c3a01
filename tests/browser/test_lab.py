"""A live figure in JupyterLab: the same program, over the traits of a widget."""

import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from commands.normalise import METADATA
from tests.browser.visits import needs_chromium

ROOT = Path(__file__).parents[2]
SOURCES = (
    'from srbm_book.live import live\n\nfigure = live("one_spectrum", mu2=3.0)\nfigure',
    "figure.widget().n_hidden = 2",
    "print(round(figure.widget().mu2, 6))",
)


@pytest.fixture
def lab(tmp_path):
    """The address of a notebook in JupyterLab."""
    pytest.importorskip("anywidget")
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for source in SOURCES], metadata=METADATA)
    nbformat.write(notebook, tmp_path / "live.ipynb")
    with (tmp_path / "log").open("w+") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root",
             "--IdentityProvider.token=", f"--ServerApp.root_dir={tmp_path}"],
            cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)  # fmt: skip
        try:
            found = None
            until = time.monotonic() + 120
            while not found and time.monotonic() < until:
                time.sleep(0.5)
                found = re.search(r"http://127\.0\.0\.1:\d+/", (tmp_path / "log").read_text())
            assert found, (tmp_path / "log").read_text()
            yield f"{found[0]}lab/tree/live.ipynb"
        finally:
            server.terminate()
            server.wait(60)


@needs_chromium
@pytest.mark.slow
def test_a_figure_moves_in_jupyterlab(browser, lab):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(120_000)
    page.goto(lab)
    cells = page.locator(".jp-CodeCell")
    cells.first.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    figure = cells.first.locator(".live.is-live")
    figure.locator("svg").first.wait_for()
    assert figure.evaluate("(el) => el.live.state().mu2") == 3.0
    page.keyboard.press("Shift+Enter")  # Python moves the figure
    page.wait_for_function("document.querySelector('.live.is-live').live.state().n_hidden === 2")
    figure.locator("input[name=mu2]").focus()  # the hand moves what Python knows
    page.keyboard.press("ArrowRight")
    cells.nth(2).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    printed = cells.nth(2).locator(".jp-OutputArea-output pre")
    printed.wait_for()
    assert printed.inner_text().strip() == "3.05"
    page.close()
