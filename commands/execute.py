"""Execute chapters and store their outputs: ``python -m commands.execute [03_training ...]`` (all, when none is named).

Each notebook runs from top to bottom in a fresh kernel whose working directory is `chapters/`. An error, or anything
on stderr, fails the chapter and leaves its file as it was. What a run took goes to `chapters/costs.json`.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbclient.util import run_sync

from commands.machine import environment
from commands.normalise import dumps, normalise
from srbm._support.files import write_text

CHAPTERS = Path(__file__).parent.parent / "chapters"
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# Peak memory of the kernel in bytes; ru_maxrss counts kilobytes, but bytes on macOS. Windows does not say.
PEAK = (
    "0 if __import__('sys').platform == 'win32' else "
    "__import__('resource').getrusage(0).ru_maxrss * (1 if __import__('sys').platform == 'darwin' else 1024)"
)


class ChapterError(Exception):
    """A chapter that did not run cleanly; the message names the cell."""


def execute(notebook, folder, python=sys.executable):
    """Execute `notebook` in `folder`; return it normalised, with the seconds and the peak bytes it took.

    The kernel is that of `python`, which may belong to another environment.
    """
    notebook = nbformat.from_dict(notebook)
    notebook.metadata.pop("widgets", None)
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--log-level=50"],
        resources={"metadata": {"path": str(folder)}},
    )
    client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = str(python)
    client.reset_execution_trackers()
    start = time.monotonic()
    with client.setup_kernel(env=os.environ | ONE_THREAD):
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
                _execute_cell(client, cell, index)
        seconds = time.monotonic() - start
        client.set_widgets_metadata()
        peak = _evaluate(client, PEAK)
    return normalise(notebook), seconds, int(peak)


def _execute_cell(client, cell, index):
    where = f"cell {index + 1} ({cell.source.strip().partition(chr(10))[0]!r})"
    try:
        client.execute_cell(cell, index)
    except CellExecutionError as error:
        raise ChapterError(f"{where} raised {error.ename}:\n{error.traceback}") from None
    stderr = "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stderr")
    if stderr:
        raise ChapterError(f"{where} wrote to stderr:\n{stderr}")


def _evaluate(client, expression) -> str:
    """The value of `expression` in the kernel, without a trace in the notebook."""

    async def ask():
        return await client.kc.execute("", silent=True, user_expressions={"value": expression}, reply=True)

    reply = run_sync(ask)()
    return reply["content"]["user_expressions"]["value"]["data"]["text/plain"]


def update_cost(old, seconds, peak, on):
    """The entry to store: `old` stays unless it was made `on` something else or the new figures differ.

    They differ when they do so by more than a quarter (and by 2 s).
    """
    new = {"memory": round(peak / 1e7) * 10, "on": on, "seconds": round(seconds)}
    if old is None or old.get("on") != on:
        return new
    slower = abs(new["seconds"] - old["seconds"]) > max(2, 0.25 * old["seconds"])
    larger = abs(new["memory"] - old["memory"]) > 0.25 * old["memory"]
    return new if slower or larger else old


def execute_chapter(path):
    """Execute the notebook at `path`, store it, and record what it took."""
    notebook, seconds, peak = execute(nbformat.read(path, as_version=4), path.parent)
    write_text(path, dumps(notebook))
    file = path.with_name("costs.json")
    costs = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    costs[path.stem] = update_cost(costs.get(path.stem), seconds, peak, environment())
    write_text(file, json.dumps(costs, indent=1, sort_keys=True) + "\n")
    return seconds, peak


def main():
    parser = argparse.ArgumentParser(prog="python -m commands.execute", description=__doc__.partition("\n")[0])
    parser.add_argument("chapter", nargs="*", help="name of a notebook in chapters/, without .ipynb")
    chapters = parser.parse_args().chapter or sorted(path.stem for path in CHAPTERS.glob("*.ipynb"))
    failed = 0
    for chapter in chapters:
        path = CHAPTERS / f"{Path(chapter).stem}.ipynb"
        if not path.exists():
            parser.error(f"there is no {path.name} in chapters/")
        try:
            seconds, peak = execute_chapter(path)
        except ChapterError as error:
            failed += 1
            print(f"{path.stem}: {error}", file=sys.stderr)
        else:
            print(f"{path.stem}: {seconds:.0f} s, {peak / 1e6:.0f} MB", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
