"""``python -m commands.everywhere``: all rows; a row that was run at this commit is not run again.

python -m commands.everywhere --rows Prescott Haswell
python -m commands.everywhere --rows Prescott --chapters 05_two_nodes      # these alone; nothing is stored
python -m commands.everywhere --rows Nehalem --tests tests/srbm/test_model.py
python -m commands.everywhere --rows newest --mended                       # the files alone in which something failed
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from book import verified
from commands.everywhere import records
from commands.everywhere.environments import NotRun, interpreter
from commands.everywhere.rows import NBVAL, ROWS, Row
from commands.everywhere.running import PARTS, run
from commands.everywhere.running import verified as verify


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m commands.everywhere", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows",
        nargs="+",
        choices=ROWS,
        default=[name for name, row in ROWS.items() if row.run],
        metavar="ROW",
        help=f"of {', '.join(ROWS)}; all, when none is named",
    )
    parser.add_argument("--chapters", nargs="+", metavar="CHAPTER", help="only these chapters; nothing is stored")
    parser.add_argument("--tests", nargs="+", metavar="FILE", help="only these files of unit tests; nothing is stored")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once (2)")
    parser.add_argument("--again", action="store_true", help="also rows that were run at this commit")
    parser.add_argument(
        "--mended",
        action="store_true",
        help="run the files again in which something failed; what passes now has passed",
    )
    given = parser.parse_args(arguments)
    selected = selection(given.tests, given.chapters)
    failed = 0
    for name in given.rows:
        row = ROWS[name]
        if not row.run:
            parser.error(f"the row {name} is run by another command, see CONTRIBUTING.md")
        if given.mended:
            before, remark = verified.read()["rows"][name], " (mended)"
            entry = mended(before, run(row, failing(before), given.jobs))
            records.store("rows", name, entry)
        elif not selected and not given.again and records.is_done("rows", name):
            entry, remark = verified.read()["rows"][name], " (run before, at this commit)"
        else:
            entry = None if selected or given.again else shared(row)
            remark = f" (the same as {entry['run_as']})" if entry else ""
            entry = entry or run(row, selected or row.parts(), given.jobs)
            if not selected:
                records.store("rows", name, entry)
        print(f"{name}: {summary(entry)}{remark}", flush=True)
        failed += sum(entry[part]["failed"] for part in PARTS if part in entry)
    return int(failed > 0)


def shared(row: Row) -> dict[str, Any] | None:
    """The results of another row, run at this commit by the same interpreter, in which the very same computes."""
    done = {
        name: entry
        for name, entry in verified.read()["rows"].items()
        if name in ROWS and ROWS[name] != row and ROWS[name].parts() == row.parts()
        if "run_as" not in entry and records.is_done("rows", name)
    }
    if not done:
        return None  # nothing has to be started to know that
    try:
        python, _, found = verify(row)
    except NotRun:
        return None
    for name, entry in done.items():
        if entry["found"] == found and interpreter(ROWS[name]) == python:
            return {part: entry[part] for part in ("found", *PARTS) if part in entry} | {"run_as": name}
    return None


def failing(entry: dict[str, Any]) -> dict[str, list[str]]:
    """The arguments of pytest for the files in which something failed, by part."""
    wanted = {}
    for part in PARTS:
        names = sorted({name.partition("::")[0] for name in entry.get(part, {}).get("failures", ())})
        if names and part == "tests":
            wanted[part] = [f"{name.replace('.', '/')}.py" for name in names]
        elif names:
            wanted[part] = [*NBVAL, *(f"{name.removesuffix('.ipynb').replace('.', '/')}.ipynb" for name in names)]
    return wanted


def mended(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The results of a row after the files in which something failed were run again, and the commit of that."""
    if "why_not" in now:
        raise NotRun(now["why_not"])
    after = dict(before)
    for part in PARTS:
        if part in now:
            failures, changed = now[part]["failures"], now[part]["failed"] - before[part]["failed"]
            counts = {"failed": now[part]["failed"], "passed": before[part]["passed"] - changed, "failures": failures}
            after[part] = before[part] | counts
    return after | {"again": records.commit()}


def selection(tests, chapters) -> dict[str, list[str]]:
    """The arguments of pytest for what was asked for; nothing stands for all."""
    asked = {"tests": tests} if tests else {}
    if chapters:
        files = [f"chapters/{Path(chapter).stem}.ipynb" for chapter in chapters]
        asked["chapters"] = [*NBVAL, *files]
    return asked


def summary(entry) -> str:
    """What came of a row, in one line and one more for each failure."""
    if "why_not" in entry:
        return f"not run, {entry['why_not']}"
    counts = {part: entry[part] for part in PARTS if part in entry}
    lines = [
        ", ".join(
            f"{part}: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped "
            f"in {count['seconds']} s"
            for part, count in counts.items()
        )
    ]
    return "\n    ".join(lines + [name for count in counts.values() for name in count["failures"]])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NotRun as error:
        sys.exit(f"not run: {error}")
