"""Running one row: what computes is asked first, then pytest runs and is counted."""

import json
import os
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from commands.everywhere.environments import NotRun, interpreter
from commands.everywhere.rows import CORETYPE, DISABLED, ROOT, THREADS, Row

PROBE = Path(__file__).with_name("probe.py")
PARTS = ("tests", "chapters")


@dataclass(frozen=True)
class Count:
    """What came of the tests of one part of a row."""

    passed: int
    failed: int
    skipped: int
    seconds: int
    failures: tuple[str, ...]
    """The names of those that failed."""


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process, with these variables and none that would change the arithmetic beside them."""
    ours = {CORETYPE, DISABLED, *THREADS}
    return {name: value for name, value in os.environ.items() if name not in ours} | dict(variables)


def probe(python: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """What computes in a process of this interpreter with these variables."""
    done = subprocess.run([python, str(PROBE)], env=environment(variables), capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise NotRun(f"the interpreter cannot say what computes: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def verified(row: Row) -> tuple[str, dict[str, str], dict[str, Any]]:
    """The interpreter of a row, its variables and what was found to compute; NotRun when that is something else."""
    python = interpreter(row)
    plain = probe(python, dict.fromkeys(THREADS, "1"))
    variables = row.variables(plain)
    found = probe(python, variables)
    if reason := row.refusal(found, plain):
        raise NotRun(reason)
    return python, variables, found


def run(row: Row, parts: Mapping[str, Sequence[str]], jobs: int) -> dict[str, Any]:
    """The entry of a row to store: what computed and the count of each part, or why it was not run.

    `parts` are the arguments of pytest by part; `jobs` processes run at once, and one where each has several threads.
    """
    try:
        python, variables, found = verified(row)
        counts = {
            name: asdict(count_tests(python, arguments, variables, jobs if row.threads == 1 else 1))
            for name, arguments in parts.items()
        }
    except NotRun as error:
        return {"why_not": str(error)}
    return {"found": found, **counts}


def count_tests(python: str, arguments: Sequence[str], variables: Mapping[str, str], jobs: int) -> Count:
    """Run pytest with these arguments and count."""
    processes = ["-n", str(jobs), "--dist", "loadfile"] if jobs > 1 else []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}", *processes]
        command = [python, "-m", "pytest", *options, *arguments]
        code = subprocess.run(command, env=environment(variables), cwd=ROOT).returncode
        if code not in (0, 1) or not report.exists():
            raise NotRun(f"pytest ended with code {code}")
        return read_report(report)


def read_report(path: Path) -> Count:
    """The count of a report that pytest wrote (JUnit's XML)."""
    root = ElementTree.parse(path).getroot()
    cases = list(root.iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = [case for case in cases if case.find("skipped") is not None]
    seconds = sum(float(suite.get("time", 0)) for suite in root.iter("testsuite"))
    names = tuple(f"{case.get('classname')}::{case.get('name')}" for case in failed)
    return Count(len(cases) - len(failed) - len(skipped), len(failed), len(skipped), round(seconds), names)
