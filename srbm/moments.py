"""Second moments <phi phi^T> of data in one pass, with memory that does not depend on the number of samples.

Integer data (bytes of images) are summed exactly. Their products run through floating-point matrix multiplication,
which is fast, in blocks so short that no partial sum can leave the range in which floats count exactly. The origin is
moved to the middle of the range first: 1024 rows of bytes then fit into float32, since 1024 x 128^2 = 2^24.

Moments of parts of the data add up to those of the whole, `block_moments(a) + block_moments(b)`, so that blocks can be
summed wherever they lie: by several processes, or on a GPU. Integer sums are exact, hence the same in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ._support.arrays import Array, is_numpy, namespace, to_numpy
from ._support.blocks import sample_blocks
from ._support.checks import (
    Floats,
    correlation_matrix,
    finite,
    null_variance,
    product_type,
    varying_nodes,
)
from ._support.range import in_extended_range, in_range
from ._support.runtime import progress_bar

_PIECE = 2**22
"""Numbers that are worked on at once, so that data on disk are never copied whole to double precision.

Of more than 2^11 columns they are up to eight times as many, and up to as many rows as columns: a piece should not be
smaller than the moments that it adds to.
"""
_SPACING = 4 * float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class IntegerMoments:
    """Exact sums over integer data.

    Parameters
    ----------
    n : int
        Number of samples.
    sums : array (N,) of int64
        Sum of phi over the samples.
    products : array (N, N) of int64
        Sum of phi phi^T over the samples.

    Examples
    --------
    >>> from srbm import block_moments
    >>> moments = block_moments([[1, 2], [3, 5]]) + block_moments([[0, 1]])
    >>> moments.n, moments.sums.tolist()
    (3, [4, 8])
    >>> moments.products.tolist()
    [[10, 17], [17, 30]]
    """

    n: int
    sums: np.ndarray
    products: np.ndarray

    def __add__(self, other: Any) -> Any:
        """Sums over both sets of samples, exactly; with `FloatMoments` the result is one of these.

        Parameters
        ----------
        other : IntegerMoments or FloatMoments
            Moments of other samples of the same nodes.

        Returns
        -------
        IntegerMoments or FloatMoments
            Moments of all samples.

        Raises
        ------
        ValueError
            Where the sums would not fit into 64 bits, or the numbers of nodes differ.
        """
        if isinstance(other, FloatMoments):
            return self.as_floats() + other
        if not isinstance(other, IntegerMoments):
            return NotImplemented
        _same_width(self.sums, other.sums)
        # No entry of a sum of outer products exceeds the largest one on its diagonal (Cauchy and Schwarz).
        largest = sum(int(part.products.diagonal().max(initial=0)) for part in (self, other))
        if largest >= 2**63:
            raise ValueError(
                f"the sums over {self.n + other.n} samples are too large for 64 bits; convert the blocks to float64"
            )
        return IntegerMoments(self.n + other.n, self.sums + other.sums, self.products + other.products)

    def as_floats(self) -> FloatMoments:
        """These moments in the form of those of real data.

        Returns
        -------
        FloatMoments
            Mean and scatter, rounded to double precision.
        """
        if not self.n:
            return FloatMoments(0, self.sums.astype(float), self.products.astype(float))
        return FloatMoments(self.n, self.sums / self.n, self.n * self.correlation(center=True))

    @in_range
    def correlation(self, center: bool = False, scale: float = 1.0) -> Floats:
        """Second moments of the data.

        Parameters
        ----------
        center : bool
            Whether to subtract the mean: <phi phi^T> - <phi><phi>^T.
        scale : float
            What the data are multiplied by first.

        Returns
        -------
        array (N, N)
            <phi phi^T>, or its centred version.
        """
        if not center:
            return self.products / self.n * scale**2
        # Moving the origin to the rounded mean is exact in integers (an intermediate overflow wraps around and back),
        # and leaves a mean below 1/2, so that nothing is lost where the mean is large.
        origin = np.rint(self.sums / self.n).astype(np.int64)
        products = self.products - np.outer(origin, self.sums) - np.outer(self.sums, origin)
        products += self.n * np.outer(origin, origin)
        mean = (self.sums - self.n * origin) / self.n
        return (products / self.n - np.outer(mean, mean)) * scale**2


@dataclass(frozen=True, eq=False)
class FloatMoments:
    """Moments of real data.

    They add up by the formula of Chan, Golub and LeVeque, so that a large mean does not cost digits. Sums of floats are
    rounded: the same blocks give the same bits only if they are added in the same order.

    Parameters
    ----------
    n : int
        Number of samples.
    mean : array (N,)
        Mean of phi.
    scatter : array (N, N)
        Sum of the outer products of phi minus its mean.

    Examples
    --------
    >>> from srbm import block_moments
    >>> moments = block_moments([[0.5, 1.0], [1.5, 3.0]])
    >>> moments.mean
    array([1., 2.])
    >>> moments.correlation(center=True)
    array([[0.25, 0.5 ],
           [0.5 , 1.  ]])
    """

    n: int
    mean: Floats
    scatter: Floats

    def __add__(self, other: FloatMoments | IntegerMoments) -> FloatMoments:
        """Moments of both sets of samples.

        Parameters
        ----------
        other : FloatMoments or IntegerMoments
            Moments of other samples of the same nodes.

        Returns
        -------
        FloatMoments
            Moments of all samples.

        Raises
        ------
        ValueError
            When the numbers of nodes differ.
        """
        if isinstance(other, IntegerMoments):
            other = other.as_floats()
        if not isinstance(other, FloatMoments):
            return NotImplemented
        _same_width(self.mean, other.mean)
        if not (self.n and other.n):
            return self if self.n else other
        n = self.n + other.n
        shift = other.mean - self.mean
        between = shift[:, None] * shift[None, :] * (self.n * other.n / n)
        return FloatMoments(n, self.mean + shift * (other.n / n), self.scatter + (other.scatter + between))

    @in_range
    def correlation(self, center: bool = False, scale: float = 1.0) -> Floats:
        """Second moments of the data.

        Parameters
        ----------
        center : bool
            Whether to subtract the mean: <phi phi^T> - <phi><phi>^T.
        scale : float
            What the data are multiplied by first.

        Returns
        -------
        array (N, N)
            <phi phi^T>, or its centred version.
        """
        second = self.scatter / self.n
        if not center:
            return (second + self.mean[:, None] * self.mean[None, :]) * scale**2
        xp = namespace(second)
        # A column whose deviations are no larger than the spacing of floats at its mean does not vary.
        varies = xp.linalg.diagonal(second) > (_SPACING * self.mean) ** 2
        together = varies[:, None] & varies[None, :]
        return xp.where(together, second, xp.zeros_like(second)) * scale**2


def _same_width(a: Array, b: Array) -> None:
    if a.shape != b.shape:
        raise ValueError(
            f"moments of {a.shape[0]} and of {b.shape[0]} nodes cannot be added: the blocks must agree "
            "in the number of columns"
        )


def block_moments(block: Array, dtype: DTypeLike = np.float64) -> IntegerMoments | FloatMoments:
    """Moments of one block of samples: exact for integers, on the device where the block is.

    A block of floats is worked on in pieces, so that one that is mapped from a file is never in memory as a whole.

    Parameters
    ----------
    block : array (n, N)
        A sample in each row.
    dtype : data type
        That of products of floats, float64 or float32: pieces of rows, less their mean, are multiplied in it, which in
        single precision takes half the time, and added up in double precision.

    Returns
    -------
    IntegerMoments or FloatMoments
        Moments that can be added to those of other blocks.

    Raises
    ------
    ValueError
        For a wrong shape or values that are not finite.

    Examples
    --------
    >>> from srbm import block_moments
    >>> (block_moments([[1, 2]]) + block_moments([[3, 5]])).correlation()
    array([[ 5. ,  8.5],
           [ 8.5, 14.5]])
    """
    real = product_type(dtype)
    block = next(sample_blocks(iter([block])))
    if not _is_integer(block):
        return _float_moments([block], real) if block.shape[0] else _float_block(block, real)
    if not block.shape[0]:
        width = block.shape[1]
        return IntegerMoments(0, np.zeros(width, dtype=np.int64), np.zeros((width, width), dtype=np.int64))
    return integer_moments([block])


@in_range
def second_moment(
    chunks: Array | Iterable[Array], center: bool = False, *, dtype: DTypeLike = np.float64, progress: bool = False
) -> Floats:
    """Second moments <phi phi^T> of data, or their covariance, in one pass.

    They are the target of Eq. (21).

    Parameters
    ----------
    chunks : array (n, N), list of its rows, or iterable of such arrays
        Samples in rows; the blocks may have different numbers of rows, and are read once, one at a time. Integer
        blocks are summed exactly. Arrays of another library are multiplied by it, on the device where they are, and
        so is the result its array.
    center : bool
        Whether to subtract the mean: <phi phi^T> - <phi><phi>^T (divided by n, not n - 1).
    dtype : data type
        That of products of floats, float64 or float32; see `block_moments`.
    progress : bool
        Whether to show a progress bar, which counts samples (on stderr; needs tqdm).

    Returns
    -------
    array (N, N)
        float64.

    Raises
    ------
    ValueError
        When there are no samples, a block has the wrong shape, or a value is not finite.

    Examples
    --------
    >>> from srbm import second_moment
    >>> second_moment([[1.0, 2.0], [3.0, 5.0]])
    array([[ 5. ,  8.5],
           [ 8.5, 14.5]])
    >>> second_moment([[1.0, 2.0], [3.0, 5.0]], center=True)
    array([[1.  , 1.5 ],
           [1.5 , 2.25]])
    """
    real = product_type(dtype)
    with progress_bar(progress, None, "sample") as advance:
        blocks = _counted(sample_blocks(chunks), advance)
        first = next(blocks, None)
        if first is None:
            raise ValueError("second_moment needs at least one sample, got none")
        if not is_numpy(first) and not _is_integer(first):
            return _float_moments(_chain(first, blocks), real).correlation(center)
        result = _moments(_chain(first, blocks), real).correlation(center)
    return result if is_numpy(first) else namespace(first).asarray(result, device=first.device)


@in_extended_range
def kernel_spectrum(correlation: ArrayLike) -> Floats:
    """The spectrum of the target's kernel: kappa = 1 / (eigenvalues of <phi phi^T>).

    Parameters
    ----------
    correlation : array (N_v, N_v)
        <phi phi^T> of the data.

    Returns
    -------
    array (N_v,)
        kappa, ascending. It is infinite in directions in which the data do not vary, that is, where the variance is no
        more than rounding: below 1e-12 of the largest one, below what single precision resolves where `correlation` is
        of that type, or of the size of its negative eigenvalues.

    Examples
    --------
    >>> from srbm import kernel_spectrum
    >>> kernel_spectrum([[0.5, 0.0, 0.0], [0.0, 0.25, 0.0], [0.0, 0.0, 0.0]])
    array([ 2.,  4., inf])
    """
    variances = np.linalg.eigvalsh(correlation_matrix(correlation))[::-1]
    varies = variances > null_variance(correlation, variances)
    return np.divide(1, variances, out=np.full(len(variances), np.inf), where=varies)


class Standardized(NamedTuple):
    """Second moments of fields that are measured in units of their own standard deviations.

    Attributes
    ----------
    correlation : array (n, n)
        <phi phi^T> with ones on the diagonal, for the n nodes that vary.
    scale : array (n,)
        The standard deviations of these nodes: what a sample is multiplied by to be in the old units.
    varies : array (N_v,) of bool
        Which of the nodes vary.

    Examples
    --------
    >>> from srbm import standardize
    >>> standardize([[4.0, 1.0], [1.0, 1.0]]).scale
    array([2., 1.])
    """

    correlation: Floats
    scale: Floats
    varies: np.ndarray


@in_range
def standardize(correlation: ArrayLike) -> Standardized:
    """Second moments in units of each node's standard deviation, without the nodes that do not vary.

    Columns of a table that are measured in different units are compared so. A node that does not vary has no unit of
    its own (its standard deviation is 0, or a rounding error) and is left out.

    Parameters
    ----------
    correlation : array (N_v, N_v)
        <phi phi^T> of the data, centred where their mean is not zero.

    Returns
    -------
    Standardized
        The second moments, the units, and which nodes were kept.

    Raises
    ------
    ValueError
        When no node varies.

    Examples
    --------
    >>> from srbm import standardize
    >>> correlation, scale, varies = standardize([[4.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    >>> correlation
    array([[1. , 0.5],
           [0.5, 1. ]])
    >>> scale, varies
    (array([2., 1.]), array([ True,  True, False]))
    """
    matrix = correlation_matrix(correlation)
    variances = np.diag(matrix)
    varies = varying_nodes(variances)
    if not varies.any():
        raise ValueError("the data do not vary in any node: there is nothing to measure them with")
    scale = np.sqrt(variances[varies])
    return Standardized(matrix[np.ix_(varies, varies)] / np.outer(scale, scale), scale, varies)


def _counted(blocks: Iterable[Array], advance: Callable[[int], object]) -> Iterator[Array]:
    """Pass the blocks on, and tell how many rows have been worked on."""
    for block in blocks:
        yield block
        advance(block.shape[0])


def integer_moments(chunks: Array | Iterable[Array]) -> IntegerMoments:
    """Exact sums over integer data, in one pass; see `second_moment`.

    Parameters
    ----------
    chunks : array (n, N), list of its rows, or iterable of such arrays
        Samples in rows, all of an integer type.

    Returns
    -------
    IntegerMoments
        The sums.

    Raises
    ------
    ValueError
        For values that are no integers or too large for 64 bits, and when there are no samples.

    Examples
    --------
    >>> from srbm.moments import integer_moments
    >>> integer_moments([[1, 2], [3, 5]]).products.tolist()
    [[10, 17], [17, 29]]
    """
    n, bound = 0, 0
    sums, products = np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.int64)
    for block in sample_blocks(chunks):
        if not _is_integer(block):
            raise ValueError(f"all blocks must be integers to be summed exactly, got one of type {block.dtype}")
        if len(sums) != block.shape[1]:
            sums = np.zeros(block.shape[1], dtype=np.int64)
            products = np.zeros((block.shape[1],) * 2, dtype=np.int64)
        n += block.shape[0]
        bound += block.shape[0] * _largest(block) ** 2
        if bound >= 2**63:
            raise ValueError(
                f"integers up to {_largest(block)} are too large to be summed exactly over {n} samples in "
                "64 bits; convert the blocks to float64"
            )
        if not block.shape[0]:
            continue
        xp = namespace(block)
        numbers = block if is_numpy(block) else xp.astype(block, xp.int64)
        here = to_numpy(xp.sum(numbers, axis=0, dtype=xp.int64))
        sums += here
        products += _integer_product(block, here)
    if n == 0:
        raise ValueError("integer_moments needs at least one sample, got none")
    return IntegerMoments(n, sums, products)


def _largest(block: Array) -> int:
    if not block.shape[0]:
        return 0
    if is_numpy(block):
        return max(abs(int(block.max(initial=0))), abs(int(block.min(initial=0))))
    xp = namespace(block)
    wide = xp.astype(block, xp.int64)
    return max(abs(int(xp.max(wide))), abs(int(xp.min(wide))))


def _is_integer(block: Array) -> bool:
    return bool(namespace(block).isdtype(block.dtype, ("bool", "integral")))


def _integer_product(block: Array, sums: np.ndarray) -> np.ndarray:
    """block^T block, exactly; `sums` are those of the columns. Intermediate overflows wrap around and back."""
    if not is_numpy(block):
        return _integer_product_of_library(block, sums)
    low, high = int(block.min()), int(block.max())
    origin = (low + high + 1) // 2
    reach = max(high - origin, origin - low, 1)
    for real, mantissa in ((np.float32, 24), (np.float64, 53)):
        rows = 2**mantissa // reach**2
        if rows >= min(len(block), 64) and max(high, -low) <= 2**mantissa:
            total = np.zeros((block.shape[1],) * 2, dtype=np.int64)
            for start in range(0, len(block), rows):
                part: Any = block[start : start + rows].astype(real)
                part -= real(origin)
                total += (part.T @ part).astype(np.int64)
            return total + origin * np.add.outer(sums, sums) - len(block) * origin**2
    wide: np.ndarray = block.astype(np.int64)
    return wide.T @ wide


def _integer_product_of_library(block: Array, sums: np.ndarray) -> np.ndarray:
    """block^T block by the matrix multiplication of the block's library, in float64, and exact."""
    xp = namespace(block)
    largest = max(_largest(block), 1)
    rows = 2**53 // largest**2
    if rows == 0:
        return _integer_product(to_numpy(block), sums)
    total = np.zeros((block.shape[1],) * 2, dtype=np.int64)
    for start in range(0, block.shape[0], rows):
        part = xp.astype(block[start : min(start + rows, block.shape[0]), :], xp.float64)
        total += to_numpy(xp.astype(part.mT @ part, xp.int64))
    return total


def _moments(blocks: Iterable[Array], real: np.dtype[Any]) -> IntegerMoments | FloatMoments:
    """Moments of all blocks, added in their order: exact as long as all of them are integers.

    A file read in pieces may well begin with integers and go on with fractions.
    """
    total: Any = None
    for integer, group in groupby(blocks, key=_is_integer):
        rows = (block for block in group if block.shape[0])
        first = next(rows, None)
        if first is not None:
            some = _chain(first, rows)
            here = integer_moments(some) if integer else _float_moments(some, real)
            total = here if total is None else total + here
    if total is None:
        raise ValueError("second_moment needs at least one sample, got none")
    return total


def _float_moments(blocks: Iterable[Array], real: np.dtype[Any]) -> FloatMoments:
    """Moments of all blocks, added in their order."""
    moments: FloatMoments | None = None
    for block in blocks:
        width = max(block.shape[1], 1)
        rows = max(_PIECE // width, min(width, 8 * _PIECE // width), 1)
        for start in range(0, block.shape[0], rows):
            here = _float_block(block[start : min(start + rows, block.shape[0]), ...], real)
            moments = here if moments is None else moments + here
    if moments is None:
        raise ValueError("second_moment needs at least one sample, got none")
    return moments


def _float_block(block: Array, real: np.dtype[Any]) -> FloatMoments:
    xp = namespace(block)
    if is_numpy(block):
        block = finite(block, "a block of samples")
    else:
        block = xp.astype(block, xp.float64)
        if not bool(xp.isfinite(xp.sum(block))):  # one number comes from the device, not the block
            bad = int(xp.sum(xp.astype(~xp.isfinite(block), xp.int64)))
            what = (
                f"{bad} of its {block.shape[0] * block.shape[1]} entries are NaN or infinite"
                if bad
                else ("their sum is too large for double precision")
            )
            raise ValueError(f"a block of samples must be finite, but {what}")
    if not block.shape[0]:
        return FloatMoments(0, xp.sum(block, axis=0), block.mT @ block)
    mean = xp.mean(block, axis=0)
    deviation = block - mean
    rest = xp.mean(deviation, axis=0)  # the rounding error of the mean, which grows with the number of rows
    deviation -= rest
    if real == np.float32:
        single = xp.astype(deviation, xp.float32)
        return FloatMoments(block.shape[0], mean + rest, xp.astype(single.mT @ single, xp.float64))
    return FloatMoments(block.shape[0], mean + rest, deviation.mT @ deviation)


def _chain(first: Array, rest: Iterable[Array]) -> Iterator[Array]:
    yield first
    yield from rest
