"""How the book was made: the commit, the versions, and what executing each chapter took and on what.

What belongs to the execution was recorded by `book.execute` in `chapters/costs.json` when it happened. What belongs to
the build, the commit and the versions of its tools, is asked for when the page is built; nothing in it depends on the
time, so that the same commit gives the same page.
"""

import contextlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

COMPUTING = {"NumPy": "numpy", "SciPy": "scipy", "Matplotlib": "matplotlib"}


def environment() -> str:
    """One line on what chapters are executed with: the machine and the versions that compute."""
    versions = ", ".join(f"{name} {importlib.metadata.version(package)}" for name, package in COMPUTING.items())
    return f"{machine()}; Python {platform.python_version()}, {versions}"


def machine() -> str:
    """The kind of processor, its cores, the memory and the system."""
    cores = os.cpu_count()
    memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    return f"{_processor()}, {cores} core{'s' if cores != 1 else ''}, {memory} GB; {_system()}"


def _processor() -> str:
    """The model that the system names, as in "AMD EPYC 7B13", or else the architecture."""
    try:
        model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        model = None
    return " ".join(model[1].split()) if model else platform.processor() or platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"


def commit(root: Path) -> str | None:
    """The commit that the sources are at, with a remark when they were changed since; None outside of git."""
    describe = ["describe", "--always", "--exclude=*", "--abbrev=12", "--dirty= and uncommitted changes"]
    try:
        found = subprocess.run(["git", "-C", root, *describe], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def versions(requirements: str) -> dict[str, str]:
    """The version of each package that the text of a requirements.in names, as far as they are installed."""
    found = {}
    for name in re.findall(r"^([A-Za-z0-9][\w.-]*)", requirements, re.MULTILINE):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def execution(costs: dict[str, dict]) -> list[str]:
    """A Markdown table of what each chapter took, and below it on what."""
    machines = list(dict.fromkeys(cost["on"] for cost in costs.values() if "on" in cost))
    lines = ["| chapter | seconds | peak memory / MB | executed on |", "|---|--:|--:|:-:|"]
    for name, cost in sorted(costs.items()):
        where = chr(ord("a") + machines.index(cost["on"])) if "on" in cost else "not recorded"
        lines.append(f"| [](/chapters/{name}) | {cost['seconds']} | {cost['memory']} | {where} |")
    total, peak = (f(cost[key] for cost in costs.values()) for f, key in ((sum, "seconds"), (max, "memory")))
    lines += [f"| **all, one after the other** | **{total}** | **{peak}** | |", ""]
    lines += [f"{chr(ord('a') + number)}: {machine}.\n" for number, machine in enumerate(machines)]
    return lines


class Colophon(SphinxDirective):
    """``{colophon} commit``, ``{colophon} execution`` or ``{colophon} versions``."""

    required_arguments = 1

    def run(self):
        root = Path(self.env.srcdir)
        part = self.arguments[0]
        if part == "commit":
            self.env.note_reread()
            name = commit(root)
            lines = [f"These pages were built from commit `{name}`." if name else
                     "These pages were built from sources without a git history."]  # fmt: skip
        elif part == "execution":
            self.env.note_dependency("chapters/costs.json")
            lines = execution(json.loads((root / "chapters" / "costs.json").read_text(encoding="utf-8")))
        elif part == "versions":
            self.env.note_dependency("requirements.in")
            found = versions((root / "requirements.in").read_text(encoding="utf-8"))
            lines = [f"Python {platform.python_version()}; " +
                     ", ".join(f"{name} {version}" for name, version in found.items()) + "."]  # fmt: skip
        else:
            raise self.error(f"a colophon tells of commit, execution or versions, not of {part!r}")
        container = nodes.container()
        self.state.nested_parse(StringList(lines, source="colophon"), 0, container)
        return container.children


def setup(app):
    app.add_directive("colophon", Colophon)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
