"""Entries of the stored table, `chapters/verified.json`, which `book.verified` shows."""

import datetime
import json
import subprocess
from pathlib import Path
from typing import Any

from book.verified import FILE, read
from commands.everywhere.rows import ROOT
from commands.machine import machine
from srbm._support.files import write_text

CHANGED = " and uncommitted changes"


def store(kind: str, name: str, entry: dict[str, Any], file: Path = FILE) -> None:
    """Put the entry of one row or one reseeding in its place, with the day, the commit and the machine."""
    stored = read(file)
    stamp = {"date": f"{datetime.date.today()}", "commit": commit(), "on": machine()}
    stored[kind] = dict(sorted((stored[kind] | {name: stamp | entry}).items()))
    write_text(file, json.dumps(stored, indent=1) + "\n")


def commit(root: Path = ROOT) -> str:
    """The commit of the sources, with a remark when something but the stored results has changed since."""

    def git(*arguments):
        done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    own = [f":!{name}" for name in ("chapters/verified.json", "chapters/costs.json", "chapters/mutation.json")]
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", *own)
    return git("rev-parse", "--short=12", "HEAD") + (CHANGED if changed else "")


def is_done(kind: str, name: str, file: Path = FILE) -> bool:
    """Whether this was run at the commit that the sources are at, and nothing has changed since."""
    entry, now = read(file)[kind].get(name, {}), commit()
    return "why_not" not in entry and entry.get("commit") == now and CHANGED not in now
