"""How the book was made: the commit, the versions, and what executing each chapter took and on what.

What belongs to the execution was recorded by `commands.execute` in `chapters/costs.json` when it happened. What belongs
to the build, the commit and the versions of its tools, is asked for when the page is built; nothing in it depends on
the time, so that the same commit gives the same page.
"""

import contextlib
import importlib.metadata
import json
import platform
import re
import subprocess
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


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
