"""A downloaded chapter runs wherever the wheel is installed, outside the repository and with nothing beside it.

The imports of all chapters, and short chapters whole; ``python -m commands.anywhere`` executes all of them, in an
environment into which pip has installed the wheel with its extra `book`.
"""

import json
import re
import subprocess
import sys

import nbformat
import pytest

from book.address import ROOT, Address
from commands.anywhere import CHAPTERS, differences, without_images
from commands.dist import build_wheel
from srbm_book import stored_file

NAMES = sorted(path.stem for path in CHAPTERS.glob("*.ipynb"))
IMPORTS = """
import json, sys
from pathlib import Path
import srbm, srbm_book
for module in (srbm, srbm_book):
    assert Path(module.__file__).is_relative_to(sys.argv[1]), module.__file__
for name, source in json.load(sys.stdin).items():
    try:
        exec(source, {"__name__": "__main__"})
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """The folder in which the wheel is installed; what it requires is taken from the environment of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", folder, wheel]
    subprocess.run(pip, check=True)
    return folder


@pytest.fixture
def outside(elsewhere, tmp_path, monkeypatch):
    """Processes find the installed wheel, and start in an empty folder."""
    monkeypatch.setenv("PYTHONPATH", str(elsewhere))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(name):
    return nbformat.read(CHAPTERS / f"{name}.ipynb", as_version=4)


def first_cell(name):
    return next(cell.source for cell in read(name).cells if cell.cell_type == "code")


def test_imports_of_all_chapters(outside, elsewhere):
    sources = json.dumps({name: first_cell(name) for name in NAMES})
    run = [sys.executable, "-c", IMPORTS, str(elsewhere)]
    done = subprocess.run(run, input=sources, capture_output=True, text=True, check=True, cwd=outside)
    assert "Error" not in done.stdout, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["02_bipartite_graph", "10_interactions"])
def test_a_whole_chapter(outside, name):
    assert differences(without_images(read(name)), outside) == []


def test_stored_results_are_those_of_the_package():
    code = "\n".join(cell.source for name in NAMES for cell in read(name).cells if cell.cell_type == "code")
    assert not re.search(r'load\("(?!run|model)', code)  # but what a cell has written
    assert set(re.findall(r'stored_file\("(.*?)"\)', code)) == {
        path.name for path in (ROOT / "srbm_book" / "data").iterdir()
    }
    with pytest.raises(FileNotFoundError, match=r"no stored 'phi5_scan\.npz'; there are .*phi4_scan\.npz"):
        stored_file("phi5_scan.npz")


@pytest.mark.parametrize("name", NAMES)
def test_the_first_cell_says_what_to_install(name):
    first, *_ = first_cell(name).splitlines()
    assert first == Address.of(ROOT, {}).hint
