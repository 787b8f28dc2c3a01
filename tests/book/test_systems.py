"""What Windows lacks is asked for only where it is there: a simulation, which is no run on Windows."""

import subprocess
import sys

import pytest

from tasks import ROOT

UNIX = {"fcntl", "grp", "pwd", "resource", "termios"}
CONTAINED = {"commands.grading.confine"}  # which is imported on POSIX alone
WITHIN = {"commands.reseeding.sitecustomize", "commands.wasm_guest"}  # programs that run in another process
AGAIN = """
import importlib, sys

own, without = sys.argv[1].split(), sys.argv[2].split()
for name in own:  # with all of other people's code
    importlib.import_module(name)
for name in own:
    del sys.modules[name]
sys.modules.update(dict.fromkeys(without))
for name in own:
    importlib.import_module(name)
"""


def modules(*folders):
    paths = (path.relative_to(ROOT).with_suffix("") for folder in folders for path in (ROOT / folder).rglob("*.py"))
    names = {".".join(path.parts).removesuffix(".__init__") for path in paths}
    return sorted(name for name in names - CONTAINED - WITHIN if not name.endswith("__main__"))


def imported_again(own):
    """What Python says when `own` are imported without what only Unix has; nothing if that goes well."""
    words = [sys.executable, "-W", "ignore", "-c", AGAIN, " ".join(own), " ".join(UNIX)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, encoding="utf-8").stderr


@pytest.mark.slow
def test_no_module_needs_what_only_unix_has():
    own = modules("srbm", "srbm_book", "book", "commands")
    assert "commands.grading.guest" in own
    assert imported_again(own) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has what it needs")
def test_one_that_needs_it_is_noticed():
    assert "import of resource halted" in imported_again(CONTAINED)
