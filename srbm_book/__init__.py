"""What the chapters of the book import: the lines of verdicts, the judges of answers, their drawings, and stored data.

A chapter starts with ``from srbm_book import check, judge, table``, and with `drawings` where it has some of its
own. It is installed with the package `srbm`, which knows nothing of it, so that a chapter runs wherever
``pip install "srbm[book]"`` does.
"""

from pathlib import Path

from .ledger import check
from .selfcheck import judge, require
from .tables import table

__all__ = ["check", "judge", "require", "stored_file", "table"]


def stored_file(name: str) -> Path:
    """The path of a stored result that is too long for a chapter to make; `results` says how each was made."""
    folder = Path(__file__).with_name("data")
    path = folder / name
    if not path.is_file():
        there = ", ".join(sorted(file.name for file in folder.iterdir() if file.is_file()))
        raise FileNotFoundError(f"there is no stored {name!r}; there are {there}")
    return path
