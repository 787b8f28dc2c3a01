"""Second moments <phi phi^T> of data in one pass, with memory that does not depend on the number of samples.

Integer data (bytes of images) are summed exactly. Their products run through floating-point matrix multiplication,
which is fast, in blocks so short that no partial sum can leave the range in which floats count exactly. The origin is
moved to the middle of the range first: 1024 rows of bytes then fit into float32, since 1024 x 128^2 = 2^24.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._progress import progress_bar
from ._range import in_range, members_in_range
from ._validation import Floats, finite


@members_in_range
@dataclass(frozen=True, eq=False)
class IntegerMoments:
    """Exact sums over integer data: `n` samples, sum phi (N,), sum phi phi^T (N, N), all int64."""

    n: int
    sums: np.ndarray
    products: np.ndarray

    def correlation(self, center: bool = False, scale: float = 1.0) -> Floats:
        """<phi phi^T> of data times `scale`, or its centred version <phi phi^T> - <phi><phi>^T."""
        if not center:
            return self.products / self.n * scale**2
        # Moving the origin to the rounded mean is exact in integers (an intermediate overflow wraps around and back),
        # and leaves a mean below 1/2, so that nothing is lost where the mean is large.
        origin = np.rint(self.sums / self.n).astype(np.int64)
        products = self.products - np.outer(origin, self.sums) - np.outer(self.sums, origin)
        products += self.n * np.outer(origin, origin)
        mean = (self.sums - self.n * origin) / self.n
        return (products / self.n - np.outer(mean, mean)) * scale**2


@in_range
def second_moment(chunks: np.ndarray | Iterable[ArrayLike], center: bool = False, *, progress: bool = False) -> Floats:
    """<phi phi^T> of Eq. (21), or with `center` the covariance <phi phi^T> - <phi><phi>^T (divided by n, not n - 1).

    Parameters
    ----------
    chunks : array (n, N) or iterable of such arrays
        Samples in rows; the blocks may have different numbers of rows, and are read once, one at a time. Integer
        blocks are summed exactly.
    progress : bool
        Whether to show a progress bar, which counts samples (on stderr; needs tqdm).

    Returns
    -------
    array (N, N), float64. Raises `ValueError` when there are no samples, a block has the wrong shape, or a value is
    not finite.
    """
    with progress_bar(progress, None, "sample") as advance:
        blocks = _counted(_blocks(chunks), advance)
        first = next(blocks, None)
        if first is None:
            raise ValueError("second_moment needs at least one sample, got none")
        if np.issubdtype(first.dtype, np.integer) or first.dtype == bool:
            return integer_moments(_chain(first, blocks)).correlation(center)
        return _float_moment(_chain(first, blocks), center)


def _counted(blocks: Iterable[np.ndarray], advance: Callable[[int], object]) -> Iterator[np.ndarray]:
    """The same blocks; tells how many rows have been worked on."""
    for block in blocks:
        yield block
        advance(len(block))


def integer_moments(chunks: np.ndarray | Iterable[ArrayLike]) -> IntegerMoments:
    """Exact sums over integer blocks (n, N); see `second_moment`."""
    n, bound = 0, 0
    sums, products = np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.int64)
    for block in _blocks(chunks):
        if not (np.issubdtype(block.dtype, np.integer) or block.dtype == bool):
            raise ValueError(f"all blocks must be integers to be summed exactly, got one of type {block.dtype}")
        if len(sums) != block.shape[1]:
            sums = np.zeros(block.shape[1], dtype=np.int64)
            products = np.zeros((block.shape[1],) * 2, dtype=np.int64)
        n += len(block)
        bound += len(block) * _largest(block) ** 2
        if bound >= 2**63:
            raise ValueError(f"integers up to {_largest(block)} are too large to be summed exactly over {n} samples in "
                             "64 bits; convert the blocks to float64")
        if len(block):
            here = block.sum(axis=0, dtype=np.int64)
            sums += here
            products += _integer_product(block, here)
    if n == 0:
        raise ValueError("integer_moments needs at least one sample, got none")
    return IntegerMoments(n, sums, products)


def _largest(block: np.ndarray) -> int:
    return max(abs(int(block.max(initial=0))), abs(int(block.min(initial=0))))


def _integer_product(block: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """block^T block, exactly; `sums` are those of the columns. Intermediate overflows wrap around and back."""
    low, high = int(block.min()), int(block.max())
    origin = (low + high + 1) // 2
    reach = max(high - origin, origin - low, 1)
    for real, mantissa in ((np.float32, 24), (np.float64, 53)):
        rows = 2**mantissa // reach**2
        if rows >= min(len(block), 64) and max(high, -low) <= 2**mantissa:
            total = np.zeros((block.shape[1],) * 2, dtype=np.int64)
            for start in range(0, len(block), rows):
                part: Any = block[start:start + rows].astype(real)
                part -= real(origin)
                total += (part.T @ part).astype(np.int64)
            return total + origin * np.add.outer(sums, sums) - len(block) * origin**2
    wide = block.astype(np.int64)
    return wide.T @ wide


def _float_moment(blocks: Iterable[np.ndarray], center: bool) -> Floats:
    """Running mean and scatter (Chan, Golub and LeVeque), so that a large mean does not cost digits."""
    n, mean, scatter = 0, np.zeros(0), np.zeros((0, 0))
    for block in blocks:
        if not len(block):
            continue
        block = finite(block, "a block of samples")
        here = block.mean(axis=0)
        deviation = block - here
        if not n:
            mean, scatter = np.zeros(block.shape[1]), np.zeros((block.shape[1],) * 2)
        shift = here - mean
        total = n + len(block)
        scatter += deviation.T @ deviation + np.outer(shift, shift) * (n * len(block) / total)
        mean = mean + shift * (len(block) / total)
        n = total
    if not n:
        raise ValueError("second_moment needs at least one sample, got none")
    second: Floats = scatter / n
    if not center:
        second = second + np.outer(mean, mean)
    return second


def _blocks(chunks: np.ndarray | Iterable[ArrayLike]) -> Iterator[np.ndarray]:
    """Blocks (n, N) of one width, from an array or an iterable."""
    width = None
    for block in [chunks] if isinstance(chunks, np.ndarray) else chunks:
        block = np.asarray(block)
        if block.ndim != 2:
            raise ValueError(f"each block must have shape (n, N), a sample in each row, got shape {block.shape}"
                             + ("; wrap one sample as sample[None]" if block.ndim == 1 else ""))
        if width not in (None, block.shape[1]):
            raise ValueError(f"blocks must agree in the number of columns, got {width} and {block.shape[1]}")
        if block.dtype.kind not in "biuf":
            raise ValueError(f"blocks must hold real numbers, got type {block.dtype}")
        width = block.shape[1]
        yield block


def _chain(first: np.ndarray, rest: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest
