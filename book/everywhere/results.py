"""The stored table, `chapters/verified.json`, and the tables of the page that is made from it."""

import datetime
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.tables import table
from book.colophon import machine
from book.everywhere.rows import ROOT, ROWS
from srbm._support.files import replacing

FILE = ROOT / "chapters" / "verified.json"
CHANGED = " and uncommitted changes"


def read(file: Path = FILE) -> dict[str, Any]:
    """The stored results: entries of "rows" by name, of "reseeds" by shift, and of "wasm32" by chapter."""
    stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {"rows": {}, "reseeds": {}, "wasm32": {}} | stored


def store(kind: str, name: str, entry: dict[str, Any], file: Path = FILE) -> None:
    """Put the entry of one row or one reseeding in its place, with the day, the commit and the machine."""
    results = read(file)
    stamp = {"date": f"{datetime.date.today()}", "commit": commit(), "on": machine()}
    results[kind] = dict(sorted((results[kind] | {name: stamp | entry}).items()))
    with replacing(file) as new:
        new.write((json.dumps(results, indent=1) + "\n").encode())


def commit(root: Path = ROOT) -> str:
    """The commit of the sources, with a remark when something but the stored results has changed since."""
    def git(*arguments):
        done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    own = [f":!{name}" for name in ("chapters/verified.json", "chapters/costs.json")]
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", *own)
    return git("rev-parse", "--short=12", "HEAD") + (CHANGED if changed else "")


def is_done(kind: str, name: str, file: Path = FILE) -> bool:
    """Whether this was run at the commit that the sources are at, and nothing has changed since."""
    entry, now = read(file)[kind].get(name, {}), commit()
    return "why_not" not in entry and entry.get("commit") == now and CHANGED not in now


def rows_table(results: dict[str, Any]) -> list[str]:
    """One line for each row, whether or not it was run."""
    lines = []
    for row in ROWS.values():
        entry = results["rows"].get(row.name)
        if entry is None or "why_not" in entry:
            reason = "not yet run" if entry is None else f"not run: {entry['why_not']}"
            lines.append([row.title, f"○ {reason}", "", "", "", _when(entry) if entry else ""])
            continue
        counts = [_count(entry[part]) if part in entry else "not asked for" for part in ("tests", "chapters")]
        failed = sum(entry[part]["failed"] for part in ("tests", "chapters") if part in entry)
        result = "✗ some fail" if failed else "✓ all pass"
        lines.append([row.title, result, *counts, _found(entry["found"]), _when(entry)])
    machines = sorted({entry["on"] for entry in results["rows"].values()})
    return [*table(["arithmetic", "result", "unit tests", "cells", "what ran", "commit and day"], lines),
            *([f"Run on: {'; '.join(machines)}."] if machines else [])]


def _when(entry: dict[str, Any]) -> str:
    return f"`{entry['commit']}`, {entry['date']}"


def _count(count: dict[str, Any]) -> str:
    parts = [f"{count[kind]} {kind}" for kind in ("passed", "failed", "skipped") if count[kind] or kind == "passed"]
    return ", ".join(parts)


def _found(found: dict[str, Any]) -> str:
    """The versions, and what computes, as `probe` found it."""
    kernels = sorted({kernel for kernels in found.get("kernels", {}).values() for kernel in kernels})
    parts = [f"Python {found['python']}, NumPy {found['numpy']}, SciPy {found['scipy']}"]
    if kernels:
        parts.append("kernel " + ", ".join(kernels))
    if "features" in found:
        parts.append(", ".join(found["features"]) or "baseline")
    return "; ".join(parts)


def reseeds_table(results: dict[str, Any]) -> list[str]:
    """One line for each shift of the seeds."""
    lines = []
    for shift, entry in results["reseeds"].items():
        changed = [f"{chapter}: {one}" for chapter, found in entry["chapters"].items() for one in found]
        lines.append([shift, "✗ " + "; ".join(changed) if changed else "✓ no verdict changes, no assertion fails",
                      str(len(entry["chapters"])), _when(entry)])
    return table(["shift", "result", "chapters", "commit and day"], lines or [["", "○ not yet run", "", ""]])


def wasm_table(results: dict[str, Any]) -> list[str]:
    """One line for each chapter, and one for the unit tests, under WebAssembly."""
    lines = []
    for name, entry in results["wasm32"].items():
        cells = Counter(entry.get("reasons", {}).values())
        reasons = "; ".join(f"{number}: {reason}" for reason, number in cells.items()) or _skipped(entry["skipped"])
        failures = f"✗ {'; '.join(entry['failures'])}" if entry["failed"] else "✓ none"
        lines.append([name, str(entry["passed"]), failures, reasons, f"{entry['seconds']} s", f"{entry['memory']} MB"])
    head = ["chapter", "as stored", "different", "skipped", "processor time", "memory"]
    return table(head, lines or [["", "○ not yet run", "", "", "", ""]])


def _skipped(number: int) -> str:
    return str(number) if number else ""
