"""The direct requirements: what each is for, its version and its licence, read from what is installed.

When each was released last is asked for by `commands.releases`.
"""

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILE = Path("book") / "dependencies.toml"
PERMITTED = {"MIT", "BSD", "Apache-2.0", "MPL-2.0", "PSF", "ISC", "0BSD", "Zlib", "CC0-1.0"}
"""Licences under which a package can be used by one that is under the MIT licence: none asks for more than a notice."""
NAMES = {
    r"MIT\b": "MIT", r"(?<!0)BSD": "BSD", r"0BSD": "0BSD", r"Apache": "Apache-2.0", r"MPL|Mozilla": "MPL-2.0",
    r"Python Software Foundation|PSF": "PSF", r"ISC\b": "ISC", r"Zlib": "Zlib", r"CC0": "CC0-1.0", r"GPL": "GPL",
}  # fmt: skip


@dataclass(frozen=True)
class Requirement:
    """One line of requirements.in and what `dependencies.toml` says about it."""

    name: str
    purpose: str
    file: str
    text: str
    released: date
    """When its newest version was published, whether or not it is the one that is used."""

    @property
    def version(self) -> str:
        return metadata.version(self.name)

    @property
    def licences(self) -> list[str]:
        """Its licences by short names; an empty list when its metadata name none that is known."""
        about = metadata.metadata(self.name)
        stated = [about.get("License-Expression") or ""]
        if not stated[0]:
            stated = [entry for entry in about.get_all("Classifier", []) if entry.startswith("License")]
            stated = stated or [(about.get("License") or "").partition("\n")[0]]
        return sorted({name for entry in stated for pattern, name in NAMES.items() if re.search(pattern, entry)})


def requirements(root: Path = ROOT) -> list[str]:
    """The names in requirements.in."""
    lines = (root / "requirements.in").read_text(encoding="utf-8").splitlines()
    return [re.match(r"[\w.-]+", line)[0] for line in lines if line and not line.startswith("#")]


def declared(root: Path = ROOT) -> list[Requirement]:
    """The entries of `dependencies.toml`."""
    entries = tomllib.loads((root / FILE).read_text(encoding="utf-8"))
    return [Requirement(name, entry["for"], *entry["used"].split(": ", 1), entry["released"])
            for name, entry in entries.items() if name != "asked"]


def asked(root: Path = ROOT) -> date:
    """The day on which the index was asked for the releases."""
    return tomllib.loads((root / FILE).read_text(encoding="utf-8"))["asked"]
