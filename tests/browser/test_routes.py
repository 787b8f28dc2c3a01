"""From the README to a chapter that runs in JupyterLab, by the command that it names, in a clone of the repository.

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

import nbformat
import pytest

from commands.wasm import shown
from tests.book.test_routes import DOWNLOADED, INLINE, ROOT
from tests.browser.visits import needs_chromium

(MAKE,) = {line for line in INLINE if line == "make lab"}
(WITHOUT_MAKE,) = {line.replace("book", "lab") for line in INLINE if line == "python tasks.py book"}
CONFIG = {
    "jupyter_server_config": {
        "ServerApp": {"open_browser": False, "port": 0, "ip": "127.0.0.1", "allow_root": True},
        "IdentityProvider": {"token": ""},
    },
    "jupyter_lab_config": {"LabApp": {"expose_app_in_browser": True}},  # to look at what it holds, drawn or not
}
CELLS = "jupyterapp.shell.currentWidget.content.model.toJSON().cells"
READY = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
DONE = f"""() => {{
    const cells = {CELLS}.filter((cell) => cell.cell_type === "code" && cell.source.trim());
    const failed = cells.some((cell) => cell.outputs.some((output) => output.output_type === "error"));
    const idle = jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === "idle";
    return idle && (failed || cells.every((cell) => cell.execution_count));
}}"""
pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture
def clone(tmp_path):
    """What git knows, in a folder with a difficult name, with the environment of the tests in place of its own."""
    if not (ROOT / ".venv" / ".ready").exists() or not os.path.samefile(sys.prefix, ROOT / ".venv"):
        pytest.skip("the tests run in another environment than that of tasks.py")
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
    return folder


@pytest.fixture
def lab(clone, tmp_path):
    """The address of JupyterLab after a command of the README was typed in the clone; make calls the other one."""
    words = MAKE.split() if shutil.which("make") else [sys.executable, *WITHOUT_MAKE.split()[1:]]
    (tmp_path / "config").mkdir()
    for name, settings in CONFIG.items():
        (tmp_path / "config" / f"{name}.json").write_text(json.dumps(settings))
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


def test_a_chapter_runs_in_jupyterlab(browser, lab, clone):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(300_000)
    page.goto(f"{lab}lab/tree/{DOWNLOADED}.ipynb")
    page.wait_for_function(READY, polling=300)
    page.evaluate("jupyterapp.commands.execute('editmenu:clear-all')")  # the copy comes with the outputs of its page
    assert not any(cell.get("outputs") for cell in page.evaluate(CELLS))
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(DONE, polling=300)
    stored = nbformat.read(clone / "chapters" / f"{DOWNLOADED}.ipynb", as_version=4).cells
    found = [nbformat.from_dict(cell) for cell in page.evaluate(CELLS)]
    assert [shown(cell.outputs) for cell in found if cell.cell_type == "code" and cell.source.strip()] == [
        shown(cell.outputs) for cell in stored if cell.cell_type == "code"
    ]
    page.close()
