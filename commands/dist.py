"""The wheel and the sdist of `srbm` and `srbm_book`: ``python -m commands.dist [folder]``, without a network.

They are built from a copy of the sources, so that nothing of an older build gets in, and their metadata lead to the
address of the repository where it has one.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from book.address import ROOT, Address
from commands.address import metadata, readme

PACKAGES = ("srbm", "srbm_book")
TESTS = ("tests/srbm", "results")  # of the package, and what they look at
FILES = (
    "tests/fuzz.py",
    "pyproject.toml",
    "MANIFEST.in",
    "README.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "LICENSE",
    "LICENSE-TEXT",
)
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


def lay_out(folder: Path, address: Address):
    """Copy to `folder` what the distributions are made from."""
    for name in (*PACKAGES, *TESTS):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copyfile(ROOT / name, folder / name)
    for name, rewrite in (("pyproject.toml", metadata), ("README.md", readme)):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(rewrite(text, address), encoding="utf-8", newline="\n")


def build(folder: Path, *kinds: str, address: Address | None = None) -> list[Path]:
    """Build a "wheel", a "sdist" or both into `folder`; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "source")
        lay_out(source, Address.of() if address is None else address)
        files = []
        for kind in kinds:
            command = [sys.executable, "-c", BUILD, f"build_{kind}", str(folder.resolve())]
            done = subprocess.run(command, cwd=source, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"the {kind} could not be built:\n{done.stdout}{done.stderr}")
            files.append(next(folder.glob({"wheel": "srbm-*.whl", "sdist": "srbm-*.tar.gz"}[kind])))
    return files


def build_wheel(folder: Path) -> Path:
    """The wheel alone."""
    return build(folder, "wheel")[0]


def main():
    parser = argparse.ArgumentParser(prog="python -m commands.dist", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist", help="which is emptied (dist)")
    folder = parser.parse_args().folder
    shutil.rmtree(folder, ignore_errors=True)
    for path in build(folder, "sdist", "wheel"):
        print(path)


if __name__ == "__main__":
    main()
