"""Which other arithmetics and seeds gave the same, how many digits are right, and what the tests notice.

`chapters/verified.json` is written by `commands.everywhere`, `commands.reseed` and `commands.wasm`, entry by entry,
`chapters/accuracy.json` by `results.accuracy`, and `chapters/mutation.json` by `tests.mutation`.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sphinx.util.docutils import SphinxDirective

from benchmarks.tables import table
from book.generated import generated

FILE = Path(__file__).parent.parent / "chapters" / "verified.json"
KERNELS = ("Prescott", "Nehalem", "Sandybridge", "Haswell", "Zen", "SkylakeX")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
TITLES = {name: f"OpenBLAS kernel {name}" for name in KERNELS} | {
    "numpy-v3": "NumPy without AVX-512",
    "numpy-baseline": "NumPy with its baseline instructions only",
    "two-threads": "two threads for linear algebra",
} | {f"python-{minor}": f"Python {minor}" for minor in PYTHONS} | {
    "newest": "newest NumPy and SciPy",
    "oldest": "oldest NumPy and SciPy",
    "arrays": "PyTorch, JAX and polars on the CPU",
    "wasm32": "WebAssembly, 32 bits",
}  # fmt: skip
"""The lines of the page, by the name of a row of `commands.everywhere`; they are there whether or not a row was run."""


def read(file: Path = FILE) -> dict[str, Any]:
    """The stored results: entries of "rows" by name, of "reseeds" by shift, and of "wasm32" by chapter."""
    stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {"rows": {}, "reseeds": {}, "wasm32": {}} | stored


def rows_table(results: dict[str, Any]) -> list[str]:
    """One line for each row, whether or not it was run."""
    lines = []
    for name, title in TITLES.items():
        entry = results["rows"].get(name)
        if entry is None or "why_not" in entry:
            reason = "not yet run" if entry is None else f"not run: {entry['why_not']}"
            lines.append([title, f"○ {reason}", "", "", "", _when(entry) if entry else ""])
            continue
        counts = [_count(entry[part]) if part in entry else "not asked for" for part in ("tests", "chapters")]
        failed = sum(entry[part]["failed"] for part in ("tests", "chapters") if part in entry)
        result = "✗ some fail" if failed else "✓ all pass"
        if "run_as" in entry:
            result += f", in the run of “{TITLES[entry['run_as']]}”, where the same computes"
        lines.append([title, result, *counts, _found(entry["found"]), _when(entry)])
    machines = sorted({entry["on"] for entry in results["rows"].values()})
    return [
        *table(["arithmetic", "result", "unit tests", "cells", "what ran", "commit and day"], lines),
        *([f"Run on: {'; '.join(machines)}."] if machines else []),
    ]


def _when(entry: dict[str, Any]) -> str:
    """The commit and the day of a run, and the commit at which what had failed was run again."""
    again = entry.get("again", {})
    commits = sorted(set(again.values())) if isinstance(again, dict) else [again]
    parts = ", ".join(sorted(again)) if isinstance(again, dict) else "what failed"
    after = f"; {parts} again after mending, `{'`, `'.join(commits)}`" if again else ""
    return f"`{entry['commit']}`, {entry['date']}{after}"


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
        lines.append(
            [
                shift,
                "✗ " + "; ".join(changed) if changed else "✓ no verdict changes, no assertion fails",
                str(len(entry["chapters"])),
                _when(entry),
            ]
        )
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


def accuracy_table(results: dict[str, Any]) -> list[str]:
    """One line for each quantity, with its worst case."""
    lines = [
        [
            entry["what"],
            entry["over"],
            *(f"{entry[name]:.0e}" for name in ("median", "worst", "unavoidable")),
            entry["where"],
            f"{max(entry['share'], 1):.0f}",
        ]
        for entry in results.values()
    ]
    head = ["quantity", "range", "median", "worst", "last bits there", "where", "at most, of last bits"]
    return table(head, lines)


def mutation_table(results: dict[str, Any]) -> list[str]:
    """One line for each module of srbm, whether or not its mutants were run."""
    lines = []
    for module, entry in results.items():
        if "killed" not in entry:
            lines.append([f"`{module}`", "○ not run", "", "", ""])
            continue
        noticed, lived = entry["killed"], len(entry["survived"])
        unexplained = sum(not one["reason"] for one in entry["survived"])
        mark = "✓" if noticed >= 0.95 * (noticed + unexplained) else "✗"
        share = f"{mark} {100 * noticed / max(noticed + lived, 1):.0f} %"
        tried = f"{noticed + lived} of {entry['mutants']}"
        lines.append([f"`{module}`", share, tried, f"{lived}, {unexplained} of them unexplained", _when(entry)])
    return table(["module", "noticed", "mutants tried", "lived", "commit and day"], lines)


def survivors_table(results: dict[str, Any]) -> list[str]:
    """Each mutant that lived, and why it may."""
    lines = [
        [f"`{module}`", f"`` {one['change']} ``".replace("|", "\\|"), one["reason"] or "✗ a gap in the tests"]
        for module, entry in results.items()
        for one in entry.get("survived", [])
    ]
    return table(["module", "change", "why it lives"], lines or [["", "none", ""]])


def _skipped(number: int) -> str:
    return str(number) if number else ""


class Verified(SphinxDirective):
    """``{verified} rows`` and the like: a table of `TABLES`, of the file that it is stored in."""

    required_arguments = 1

    def run(self):
        make, name = TABLES[self.arguments[0]]
        file = Path(self.env.srcdir) / "chapters" / name
        results = read(file) if name == FILE.name else json.loads(file.read_text(encoding="utf-8"))
        return generated(self, [file], make(results)).children


TABLES: dict[str, tuple[Callable[[dict[str, Any]], list[str]], str]] = {
    "rows": (rows_table, FILE.name),
    "reseeds": (reseeds_table, FILE.name),
    "wasm32": (wasm_table, FILE.name),
    "accuracy": (accuracy_table, "accuracy.json"),
    "mutation": (mutation_table, "mutation.json"),
    "survivors": (survivors_table, "mutation.json"),
}


def setup(app):
    app.add_directive("verified", Verified)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
