"""The chapters as they are read in Jupyter, in a folder of their own: ``python -m commands.reading [folder]``.

Each is a reader's copy (`book.reader`), which may be changed: one that is already there stays as it is.
"""

import argparse
import tempfile
from pathlib import Path

from book.address import ROOT
from book.reader import write_copies


def write(folder: Path, chapters: Path = ROOT / "chapters") -> list[Path]:
    """Write the copies that `folder` does not have; the paths of these."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        new = [path for path in write_copies(chapters, Path(name)) if not (folder / path.name).exists()]
        for path in new:
            (folder / path.name).write_bytes(path.read_bytes())
    return [folder / path.name for path in new]


def main():
    parser = argparse.ArgumentParser(prog="python -m commands.reading", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "lab", help="where the copies are or go (lab)")
    folder = parser.parse_args().folder.expanduser()
    new = write(folder)
    print(f"{len(new)} new copies in {folder}; what was there was not touched: remove a file to have it anew")


if __name__ == "__main__":
    main()
