"""All chapters with every seed shifted: ``python -m commands.reseed --shift 1 --chapters 05_two_nodes``.

Nothing that a chapter concludes may hang on the seeds that it happens to use: no cell may fail, no verdict of `check`
or of an exercise change. Printed numbers may. A statement with a 99.9 % interval fails once in a thousand shifts.
Nothing of a chapter is stored. Run for all chapters, a shift goes into the table of the page "Where this was verified";
one that was run at this commit is not run again. Chapters that were mended since are run alone with ``--mended``.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from book import verified
from commands.everywhere import records
from commands.execute import CHAPTERS, ONE_THREAD

HERE = Path(__file__).parent / "reseeding"
SHIFTS = (1, 2, 3, 4, 5)


def reseeded(path: Path, shift: int) -> list[str]:
    """What goes wrong in the notebook when all seeds are shifted, one line each (see `changes`)."""
    again = nbformat.read(path, as_version=4)
    again.metadata.pop("widgets", None)
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | ONE_THREAD | {"SRBM_SEED_SHIFT": str(shift), "PYTHONPATH": os.pathsep.join(paths)}
    client = NotebookClient(
        again,
        timeout=None,
        kernel_name="python3",
        allow_errors=True,
        extra_arguments=["--log-level=50"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute(env=environment)
    return changes(nbformat.read(path, as_version=4), again)


def changes(stored, again) -> list[str]:
    """What is wrong with the outputs of `again`, in one line each: other errors, warnings, other verdicts."""
    found = []
    for number, (before, after) in enumerate(zip(stored.cells, again.cells, strict=True), 1):
        if after.cell_type != "code":
            continue
        for output in after.outputs:
            if output.output_type == "error" and output.ename not in _raised(before):
                found.append(f"cell {number} raised {output.ename}: {_first_line(output.evalue)}")
            elif output.output_type == "stream" and output.name == "stderr":
                found.append(f"cell {number} wrote to stderr: {_first_line(output.text)}")
        found += [f"cell {number} no longer raises {name}" for name in _raised(before) if not _raised(after)]
        was, now = verdicts(before), verdicts(after)
        found += [
            f"cell {number}, {key}: {was.get(key, 'no verdict')} became {now.get(key, 'no verdict')}"
            for key in was | now
            if was.get(key) != now.get(key)
        ]
    return found


def _raised(cell) -> set[str]:
    """The names of the exceptions that a cell is there to raise."""
    return {output.ename for output in cell.outputs if output.output_type == "error"}


def verdicts(cell) -> dict[str, str]:
    """The verdicts that a cell shows: those of `check` by key, those of exercises by their order."""
    found = {}
    for output in cell.outputs:
        if record := output.get("metadata", {}).get("srbm"):
            found[record["key"]] = record["verdict"]
        elif 'class="judged' in output.get("data", {}).get("text/html", ""):
            found[f"exercise {len(found) + 1}"] = output.data["text/plain"]
    return found


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m commands.reseed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shift", nargs="+", type=int, default=SHIFTS, help="one or more; 1 to 5 when none is given")
    parser.add_argument("--chapters", nargs="+", metavar="CHAPTER", help="only these; nothing is stored")
    parser.add_argument(
        "--mended", action="store_true", help="what these chapters give takes the place of what is stored"
    )
    parser.add_argument("--again", action="store_true", help="also shifts that were run at this commit")
    given = parser.parse_args(arguments)
    chapters = given.chapters or sorted(path.stem for path in CHAPTERS.glob("*.ipynb"))
    wrong = 0
    for shift in given.shift:
        if not given.chapters and not given.again and records.is_done("reseeds", str(shift)):
            print(f"shift {shift}: already run at this commit", flush=True)
            continue
        found = {}
        for chapter in chapters:
            start = time.monotonic()
            found[chapter] = reseeded(CHAPTERS / f"{Path(chapter).stem}.ipynb", shift)
            wrong += len(found[chapter])
            lines = found[chapter] or ["no verdict changes"]
            print(f"shift {shift}, {chapter} ({time.monotonic() - start:.0f} s): " + "\n    ".join(lines), flush=True)
        if given.mended:
            stored = verified.read()["reseeds"][str(shift)]
            again = stored.get("again", {}) | dict.fromkeys(found, records.commit())
            records.store("reseeds", str(shift), stored | {"chapters": stored["chapters"] | found, "again": again})
        elif not given.chapters:
            records.store("reseeds", str(shift), {"chapters": found})
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
