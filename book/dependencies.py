"""The direct requirements: what each is for, its version and its licence, read from what is installed.

When each was released last is asked for by `commands.releases`.
"""

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILE = Path("book") / "dependencies.toml"
LICENCES = (sys.executable, "-m", "piplicenses", "--from=mixed", "--with-system")


@dataclass(frozen=True)
class Requirement:
    """One line of requirements.in and what `dependencies.toml` says about it."""

    name: str
    purpose: str
    released: date
    """When its newest version was published, whether or not it is the one that is used."""
    used: str | None
    """"file: text found in it", for one that no code imports."""

    @property
    def version(self) -> str:
        """The one that is installed; empty for a requirement of other systems than this one."""
        try:
            return metadata.version(self.name)
        except metadata.PackageNotFoundError:
            return ""


@dataclass(frozen=True)
class Vendored:
    """A package of npm whose files are kept in the repository."""

    name: str
    version: str
    licence: str
    folder: str
    """Where its files lie."""
    purpose: str


def requirements(file: str = "requirements.in", root: Path = ROOT) -> list[str]:
    """The names in requirements.in, or in requirements.txt."""
    return re.findall(r"^[\w.-]+", (root / file).read_text(encoding="utf-8"), re.MULTILINE)


def declared(root: Path = ROOT) -> list[Requirement]:
    """The entries of `dependencies.toml`."""
    entries = tomllib.loads((root / FILE).read_text(encoding="utf-8"))
    return [
        Requirement(name, entry["for"], entry["released"], entry.get("used"))
        for name, entry in entries.items()
        if name not in ("asked", "vendored")
    ]


def vendored(root: Path = ROOT) -> list[Vendored]:
    """What `dependencies.toml` says is vendored."""
    entries = tomllib.loads((root / FILE).read_text(encoding="utf-8"))["vendored"]
    return [Vendored(each["name"], each["version"], each["licence"], each["folder"], each["for"]) for each in entries]


def asked(root: Path = ROOT) -> date:
    """The day on which the index was asked for the releases."""
    return tomllib.loads((root / FILE).read_text(encoding="utf-8"))["asked"]


def licences() -> dict[str, str]:
    """From each installed package to what its metadata call its licence."""
    done = subprocess.run([*LICENCES, "--format=json"], capture_output=True, text=True, check=True)
    return {re.sub(r"[-_.]+", "-", entry["Name"]).lower(): entry["License"] for entry in json.loads(done.stdout)}
