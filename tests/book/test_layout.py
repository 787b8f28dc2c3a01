"""Each folder holds what its name says, and imports go one way: the commands use the book, and all use the package."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import commands
import results

ROOT = Path(__file__).parents[2]
KNOWN = {
    "srbm": {"srbm"},
    "srbm_book": {"srbm_book", "srbm"},
    "results": {"results", "srbm"},
    "benchmarks": {"benchmarks", "srbm", "srbm_book"},
    "book": {"book", "benchmarks", "srbm", "srbm_book"},
    "commands": {"commands", "book", "srbm", "srbm_book"},
}
"""By folder: which of our own its modules may import."""
OURS = {*KNOWN, "chapters", "tests"}
LOADED = """
import sys, tempfile
from pathlib import Path
from sphinx.application import Sphinx
with tempfile.TemporaryDirectory() as name:
    Path(name, "index.md").write_text("# Title")
    Sphinx(name, None, f"{name}/html", f"{name}/doctrees", "html", status=None,
           confoverrides={"extensions": ["myst_nb", "book.extension"]})
print(*(name for name in sys.modules if name.partition(".")[0] in ("book", "commands", "results")))
"""


def modules(folder: str) -> set[str]:
    """The names of all modules below a folder of the repository."""
    files = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / folder).rglob("*.py")]
    return {".".join(file.parts).removesuffix(".__init__") for file in files}


def imported(source: str) -> set[str]:
    """The top-level packages that a source names in its imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("folder", KNOWN)
def test_imports_go_one_way(folder):
    for path in (ROOT / folder).rglob("*.py"):
        others = imported(path.read_text(encoding="utf-8")) & OURS - KNOWN[folder]
        assert not others, f"{path.relative_to(ROOT)} imports {', '.join(sorted(others))}"


def test_an_import_is_seen_wherever_it_stands():
    assert imported("import a.b as c\ndef f():\n    from d.e import g\n    from . import h") == {"a", "d"}


def test_the_book_is_what_sphinx_loads():
    loaded = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(loaded.split()) == modules("book")


def test_every_command_is_listed():
    listed = commands.__doc__
    for name in modules("commands") - {"commands", "commands.machine"}:
        assert f"`{name.split('.')[1]}`" in listed, f"{name} is not in the docstring of commands"


def test_every_script_is_listed_with_the_file_that_it_makes():
    lines = [line.split() for line in results.__doc__.splitlines() if line.startswith("`")]
    listed = {name.strip("`"): file for name, file, *_ in lines}
    assert {f"results.{name}" for name in listed} == modules("results") - {"results"}
    stored = {path.relative_to(ROOT).as_posix() for path in (ROOT / "srbm_book" / "data").iterdir()}
    assert stored <= set(listed.values())
    for name, file in listed.items():
        assert (ROOT / file).is_file()
        module = import_module(f"results.{name}")
        assert callable(module.main)
        assert Path(file).name in Path(module.__file__).read_text(encoding="utf-8")
