"""From the README to a chapter that runs in JupyterLab, with make and without, in a clone of the repository.

The environment is the present one: making it is what the workflow does. What is not tested anywhere: a Jupyter that the
reader had before.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from tests.book.test_routes import DOWNLOADED, INLINE, ROOT
from tests.browser.visits import needs_chromium

LAB = next(line for line in INLINE if line == "make lab")
WITHOUT_MAKE = next(line for line in INLINE if line == "python tasks.py book").replace("book", "lab")
SERVER = {"ServerApp": {"open_browser": False, "port": 0, "ip": "127.0.0.1", "allow_root": True},
          "IdentityProvider": {"token": ""}}  # fmt: skip
LAST = 'import sys; print("failed" if hasattr(sys, "last_value") else f"{len(In) - 2} executed")'
pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture
def clone(tmp_path):
    """What git knows, in a folder with a difficult name, with the environment of the tests in place of its own."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no repository of git")
    folder = tmp_path / "a clöne"
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in ("requirements.txt", "pyproject.toml"):
        os.utime(folder / name, (0, 0))  # older than the environment: nothing is installed into it
    (folder / ".venv").symlink_to(sys.prefix)
    if not (folder / ".venv" / ".ready").exists():
        pytest.skip("the tests run in another environment than that of tasks.py")
    return folder


@pytest.fixture
def lab(clone, request, tmp_path):
    """The address of JupyterLab after a command of the README was typed in the clone."""
    if request.param.startswith("make") and not shutil.which("make"):
        pytest.skip("there is no make")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.json").write_text(json.dumps(SERVER))
    words = request.param.split()
    words[0] = sys.executable if words[0] == "python" else words[0]
    environment = os.environ | {"PYTHONPATH": str(clone), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            words, cwd=clone, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            found, until = None, time.monotonic() + 300
            while not found and server.poll() is None and time.monotonic() < until:
                time.sleep(0.5)
                found = re.search(r"http://127\.0\.0\.1:\d+/", (tmp_path / "log").read_text())
            assert found, (tmp_path / "log").read_text()
            yield found[0]
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(60)


@pytest.mark.parametrize("lab", [LAB, WITHOUT_MAKE], indirect=True)
def test_a_chapter_runs_in_jupyterlab(browser, lab, clone):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(300_000)
    page.goto(f"{lab}lab/tree/{DOWNLOADED}.ipynb")
    page.locator(".jp-Notebook .jp-MarkdownCell h1").first.wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")  # a cell below the last one, executed after all the others
    page.keyboard.press("Enter")
    page.keyboard.type(LAST)
    page.keyboard.press("Shift+Enter")
    said = page.locator(".jp-OutputArea-output pre", has_text=re.compile("^(failed|\\d+ executed)"))
    said.wait_for()
    cells = nbformat.read(clone / "lab" / f"{DOWNLOADED}.ipynb", as_version=4).cells
    count = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in cells)
    assert said.inner_text().strip() == f"{count} executed"
    assert Path(clone, "lab").is_dir()
    page.close()
