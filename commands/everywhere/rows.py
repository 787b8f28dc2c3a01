"""The rows of the table: what each one sets, and what must be found running before it counts."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from book.verified import KERNELS, PYTHONS

ROOT = Path(__file__).parent.parent.parent
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
NBVAL = ("--nbval", "--nbval-current-env")
CORETYPE, DISABLED = "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES"


@dataclass(frozen=True)
class Row:
    """One arithmetic. What is None is left as it is found."""

    name: str
    """As it is asked for on the command line; `book.verified` has the title of its line on the page."""
    kernel: str | None = None
    """The kernel that OpenBLAS is told to take."""
    known_as: tuple[str, ...] = ()
    """Other names under which OpenBLAS reports this kernel."""
    features: tuple[str, ...] | None = None
    """The vector instructions beyond its baseline that NumPy may use."""
    threads: int = 1
    python: str | None = None
    """Major and minor version, as in "3.12"."""
    packages: str = "pinned"
    """"pinned" to requirements.txt, "arrays" (with PyTorch, JAX and polars), "newest" or "oldest" NumPy and SciPy."""
    tests: tuple[str, ...] = ("tests/srbm",)
    """The files or folders of the unit tests to run."""
    chapters: bool = True
    run: bool = True
    """False for a row whose results another tool stores."""

    def parts(self) -> dict[str, list[str]]:
        """The arguments of pytest for each part of the row."""
        return {"tests": [*self.tests]} | ({"chapters": [*NBVAL, "chapters"]} if self.chapters else {})

    def variables(self, found: Mapping[str, Any]) -> dict[str, str]:
        """The environment variables to set, on a machine where the plain environment is as `found` (by `probe`)."""
        chosen = dict.fromkeys(THREADS, str(self.threads))
        if self.kernel:
            chosen[CORETYPE] = self.kernel
        if self.features is not None:
            chosen[DISABLED] = " ".join(name for name in found["features"] if name not in self.features)
        return chosen

    def refusal(self, found: Mapping[str, Any], plain: Mapping[str, Any]) -> str | None:
        """Why a process that is as `found` must not be counted as this row; None when it may be.

        `plain` is how the environment is without the row's variables.
        """
        if self.kernel:
            for library, kernels in found["kernels"].items():
                if not set(kernels) <= {self.kernel, *self.known_as}:
                    return f"the library of {library} takes the kernel {', '.join(kernels) or 'of no BLAS we know'}"
        if self.features is not None:
            if not set(plain["features"]) - set(self.features):
                return "NumPy would use no other vector instructions here anyway"
            if too_many := [name for name in found["features"] if name not in self.features]:
                return f"NumPy still uses {', '.join(too_many)}"
        if found["threads"] != [self.threads]:
            return f"the libraries use {', '.join(map(str, found['threads'])) or 'an unknown number of'} threads"
        if self.python and found["python"].split(".")[:2] != self.python.split("."):
            return f"Python {found['python']} runs"
        for name, version in WANTED[self.packages]().items():
            if found[name] not in (version, f"{version}.0"):
                return f"{name} {found[name]} is installed, not {version}"
        return None


def pinned() -> dict[str, str]:
    """The versions of NumPy and SciPy in requirements.txt."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return {name: re.search(rf"^{name}==([\w.]+)", text, re.MULTILINE)[1] for name in ("numpy", "scipy")}


def oldest() -> dict[str, str]:
    """The oldest versions of NumPy and SciPy that pyproject.toml declares."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    return {
        name: re.fullmatch(r">=([\d.]+)", rest)[1]
        for name, rest in (re.match(r"(\w+)(.*)", line).groups() for line in declared)
    }


def newest() -> dict[str, str]:
    """Nothing: whatever the index calls newest."""
    return {}


WANTED = {"pinned": pinned, "arrays": pinned, "newest": newest, "oldest": oldest}

ROWS: Mapping[str, Row] = MappingProxyType({row.name: row for row in [
    *(Row(name, kernel=name, known_as=("Katmai",) if name == "Prescott" else ()) for name in KERNELS),
    Row("numpy-v3", features=("X86_V3",)),
    Row("numpy-baseline", features=()),
    Row("two-threads", threads=2),
    *(Row(f"python-{minor}", python=minor) for minor in PYTHONS),
    Row("newest", packages="newest", python="3.13"),
    Row("oldest", packages="oldest", python="3.11", chapters=False),
    Row("arrays", packages="arrays", chapters=False,
        tests=("tests/srbm/test_arrays.py", "tests/srbm/test_estimator.py", "tests/book/test_accelerators.py")),
    Row("wasm32", run=False),
]})  # fmt: skip
