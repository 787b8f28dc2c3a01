"""Chapters beside the installed wheel alone: ``python -m commands.anywhere [02_bipartite_graph ...]`` (all without).

Outside the repository, in an environment of its own, the wheel is installed as a reader installs it, with the extra
`book` (a download), and each chapter is executed in an empty folder. What its cells print has to be what is stored.
Cells that need the MNIST images are left out.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import nbformat

from commands.dist import build_wheel
from commands.execute import ChapterError, execute
from commands.wasm import NEEDS_MNIST, shown

CHAPTERS = Path(__file__).parent.parent / "chapters"


def without_images(notebook):
    """A copy of a notebook without the cells that need the MNIST images."""
    notebook = nbformat.from_dict(notebook)
    notebook.cells = [cell for cell in notebook.cells if NEEDS_MNIST not in cell.metadata.get("tags", [])]
    return notebook


def differences(notebook, folder: Path, python=sys.executable) -> list[str]:
    """Execute a notebook in an empty `folder`; the first lines of the cells that show other text than is stored."""
    again = execute(notebook, folder, python)[0]
    pairs = zip(notebook.cells, again.cells, strict=True)
    return [
        old.source.partition("\n")[0]
        for old, new in pairs
        if old.cell_type == "code" and shown(old.outputs) != shown(new.outputs)
    ]


def install(folder: Path) -> Path:
    """Make an environment in `folder` with the wheel and its extra `book`; the Python of it."""
    wheel = build_wheel(folder)
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", f"{wheel}[book]"], check=True)
    subprocess.run([python, "-c", "import matplotlib.font_manager"], check=True, capture_output=True)
    return python


def main():
    parser = argparse.ArgumentParser(prog="python -m commands.anywhere", description=__doc__.partition("\n")[0])
    parser.add_argument("chapter", nargs="*", help="name of a notebook in chapters/, without .ipynb")
    chapters = parser.parse_args().chapter or sorted(path.stem for path in CHAPTERS.glob("*.ipynb"))
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        python = install(Path(name))
        for chapter in chapters:
            notebook = without_images(nbformat.read(CHAPTERS / f"{Path(chapter).stem}.ipynb", as_version=4))
            with tempfile.TemporaryDirectory() as folder:
                try:
                    found = [f"other text: {line}" for line in differences(notebook, Path(folder), python)]
                except ChapterError as error:
                    found = [str(error)]
            print("\n  ".join([f"{chapter}: {'different' if found else 'as stored'}", *found]), flush=True)
            failed += bool(found)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
