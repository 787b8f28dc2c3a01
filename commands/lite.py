"""The chapters in the browser: ``python -m commands.lite OUTPUT`` builds a JupyterLite site with the `srbm` wheel.

The site holds the same notebooks, with one cell put before each that installs the wheel; Python itself (Pyodide, with
NumPy, SciPy and Matplotlib) is fetched by the reader's browser from the address that JupyterLite names, so the site
needs a web server and the network. What links to it from the rendered pages is `book.site_links`.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import nbformat

from book.reader import write_copies
from commands.dist import build_wheel

ROOT = Path(__file__).parent.parent
INSTALL = "# In the browser only: the wheel of srbm is part of this site, the rest comes from Pyodide.\n%pip install -q"
OPTIONAL = {
    "sklearn": "scikit-learn", "load_digits": "scikit-learn", "widgets.slider": "ipywidgets",
    "array_api_strict": "array-api-strict", "srbm_book.live": "anywidget",
}  # fmt: skip


def for_the_browser(notebook):
    """A copy of `notebook` that starts with a cell which installs what its other cells import."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    wanted = sorted({package for name, package in OPTIONAL.items() if name in code})
    notebook = nbformat.from_dict(notebook)
    cell = nbformat.v4.new_code_cell(" ".join([INSTALL, '"srbm[plot]"', *wanted]), id="in-the-browser")
    notebook.cells = [notebook.cells[0], cell, *notebook.cells[1:]]  # after the title
    return notebook


def write_contents(chapters: Path, folder: Path):
    """Write the readers' copies of the notebooks to `folder`, made ready for the browser."""
    write_copies(chapters, folder, for_the_browser)


def build(jupyter_lite: Path, output: Path):
    """Build the site into the folder `output`, which is replaced."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        write_contents(ROOT / "chapters", work / "contents")
        shutil.rmtree(output, ignore_errors=True)
        subprocess.run(
            [jupyter_lite.resolve(), "build", "--contents", work / "contents", "--piplite-wheels", build_wheel(work),
             "--output-dir", output.resolve(), "--apps", "lab", "--no-sourcemaps", "--log-level", "WARN"],
            check=True, cwd=work, env=os.environ | {"SOURCE_DATE_EPOCH": "1704067200"},
        )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(prog="python -m commands.lite", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="the folder of the site")
    parser.add_argument("--jupyter-lite", type=Path, required=True, help="the program that builds it")
    arguments = parser.parse_args()
    build(arguments.jupyter_lite, arguments.output)


if __name__ == "__main__":
    main()
