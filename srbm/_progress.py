"""Progress bars of long work: tqdm's, on stderr, and only where they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(wanted: bool, total: float | None, unit: str, done: float = 0) -> Iterator[Callable[..., object]]:
    """A function advance(n=1) that moves the bar, or does nothing where none is wanted.

    `total` is the number of units to do in all, None when it is not known, and `done` of them are already.
    """
    if not wanted:
        yield lambda n=1: None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install tqdm, or leave progress out") from error
    with tqdm(total=total, initial=done, unit=unit) as bar:
        yield bar.update
