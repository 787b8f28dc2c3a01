"""Readers' copies in a JupyterLab: numbers as in the paper, formulas set, judges and solutions folded."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from urllib.error import URLError

import nbformat
import pytest

from book.address import ROOT
from book.reader import Numbers
from commands.reading import write
from tests.browser.visits import needs_chromium

SETTINGS = "lab/user-settings/@jupyterlab/{}.jupyterlab-settings"
WITHOUT = {"notebook-extension/tracker": '{"windowingMode": "none"}',  # all cells are drawn, not those in sight alone
           "apputils-extension/notification": '{"fetchNews": "false"}'}  # fmt: skip
SEEN = """() => {
    const texts = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent);
    return {
        raw: document.querySelectorAll(".jp-MarkdownCell:not(.jp-mod-rendered)").length,
        numbers: texts(".jp-MarkdownCell .katex .tag"),
        counted: texts(".jp-MarkdownCell a").filter((text) => /^\\(\\d+\\)$/.test(text)),
        errors: texts(".katex-error"),
        unknown: texts(".jp-MarkdownCell").filter((text) => /Unknown (Directive|Role)/i.test(text)),
        judges: texts(".jp-CodeCell").filter((text) => /def judge_/.test(text)).length,
        hidden: texts(".jp-showHiddenCellsButton").length,
    };
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab with the copies."""
    folder, settings = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("settings")
    write(folder)
    for name, text in WITHOUT.items():
        file = settings / SETTINGS.format(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token="]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options], cwd=folder, stderr=subprocess.DEVNULL,
        env=os.environ | {"JUPYTER_CONFIG_DIR": str(settings)},
    )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}/lab"
        for _ in range(120):
            try:
                urllib.request.urlopen(address).close()
                break
            except URLError:
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait()


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("name", ["02_bipartite_graph", "12_probabilistic_pca"])
def test_a_chapter_reads_like_its_page(lab, browser, name):
    page = browser.new_page()
    page.goto(f"{lab}/tree/{name}.ipynb?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
    cells = nbformat.read(ROOT / "chapters" / f"{name}.ipynb", as_version=4).cells
    source = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    numbers = Numbers(ROOT / "chapters")
    expected = [f"({numbers.of[label]})" for label in re.findall(r"\$\$\s*\((eq-[\w-]+)\)", source)]
    numbered = "(wanted) => document.querySelectorAll('.katex .tag').length >= wanted"
    page.wait_for_function(numbered, arg=len(expected), timeout=120_000)
    seen = page.evaluate(SEEN)
    page.close()
    assert seen["numbers"] == expected
    assert [seen[what] for what in ("raw", "counted", "errors", "unknown", "judges")] == [0, [], [], [], 0]
    assert seen["hidden"] == len(re.findall(r"\{solution(?:-start)?\}", source))
