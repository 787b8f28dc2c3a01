"""Environments for rows with another Python or other versions; they lie in `.venv/everywhere` and are kept."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from commands.everywhere.rows import ROOT, Row, oldest

FOLDER = ROOT / ".venv" / "everywhere"
ARRAYS = ("torch==2.13.0", "jax", "array-api-compat", "polars")


class NotRun(Exception):
    """A row that cannot be run here; the message says why."""


def interpreter(row: Row) -> str:
    """The Python of a row, in an environment with its packages, which is made where there is none."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if row.packages == "pinned" and row.python in (None, here):
        return sys.executable
    folder = FOLDER / row.name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / ".ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _uv("venv", "-q", "--python", find_python(row.python or here), str(folder))
        for arguments in _installations(row):
            _uv("pip", "install", "-q", "--python", str(python), *arguments)
        if row.packages == "arrays":  # pip has what is configured where PyTorch is large
            _call(sys.executable, "-m", "pip", f"--python={python}", "install", "-q", *ARRAYS)
        (folder / ".ready").touch()
    return str(python)


def _installations(row: Row) -> list[list[str]]:
    """The arguments of each installation."""
    package = ["--no-deps", "-e", "."]
    if row.packages == "oldest":  # of NumPy and SciPy; the rest is what goes with them
        versions = oldest()
        lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
        others = [
            line for line in lines if line and not line.startswith("#") and line.partition("==")[0] not in versions
        ]
        return [[*others, *(f"{name}=={version}" for name, version in versions.items())], package]
    steps = [["-r", "requirements.txt"], package]
    if row.packages == "newest":
        steps.insert(1, ["--upgrade", "numpy", "scipy"])
    return steps


def find_python(version: str) -> str:
    """An interpreter of this version: on the path, among those of pyenv, or installed by uv."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in [shutil.which(name), *sorted(pyenv.glob(f"{version}.*/bin/{name}"), reverse=True)]:
        if candidate and _answers(candidate, version):
            return str(candidate)
    try:
        _uv("python", "install", version)
        return _uv("python", "find", "--managed-python", version).strip()
    except NotRun as error:
        raise NotRun(f"there is no Python {version} here, and it could not be installed ({error})") from None


def _answers(python, version) -> bool:
    """Whether this is an interpreter of that version; a shim of pyenv may be none."""
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", question], capture_output=True, text=True)
    except OSError:
        return False
    return done.stdout.strip() == version


def _uv(*arguments: str) -> str:
    return _call(sys.executable, "-m", "uv", *arguments)


def _call(*command: str) -> str:
    """What a command prints; NotRun with its last words when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        words = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise NotRun(words[-1] if words else f"{command[2]} failed with code {done.returncode}")
    return done.stdout
