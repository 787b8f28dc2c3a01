"""The infrared end of a spectrum, from rows that are read a few times and never multiplied into an N_v x N_v matrix.

The machine of maximum likelihood with N_h hidden nodes needs of the second moments C only their N_h largest
eigenvalues with their modes, and the trace: what is discarded counts by its mean. Products of C with a block of l
vectors, C Q = sum of phi (phi^T Q) / n, cost O(n N_v l) in one pass through the rows and O(N_v l) memory, whatever n
is. Some passes make a subspace in which the leading modes lie to a known accuracy (block Lanczos, see
`_support.krylov`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ._support.arrays import Array, to_numpy
from ._support.blocks import sample_blocks
from ._support.checks import (
    NULL_VARIANCE,
    Floats,
    Seed,
    count,
    described,
    finite,
    number,
    numpy_generator,
    product_type,
)
from ._support.krylov import ritz_pairs, upper_bounds
from ._support.modes import kept
from ._support.range import in_extended_range, in_range
from ._support.runtime import progress_bar

_SPARE = 10
"""Vectors of a block beyond the modes that are wanted."""
_PIECE, _ROWS = 2**20, 256
"""Numbers that are multiplied at once, and rows at least: fewer would be outweighed by the sums (N_v, l) they go to."""


@dataclass(frozen=True, eq=False)
class LeadingModes:
    """The largest variances of data and their modes, with what is known of the rest.

    `maximum_likelihood` makes a machine of them. The variances are Rayleigh quotients of the modes, so that the
    likelihood of that machine is exact, whether the modes are or not; `deficit` bounds how much better the best is.

    Parameters
    ----------
    variances : array (K,)
        u^T C u of each mode u, descending; none exceeds the eigenvalue of C that it stands for.
    modes : array (N_v, K)
        The modes, orthonormal columns.
    trace : float
        The trace of C, the sum of all N_v eigenvalues.
    residuals : array (K,)
        The norm of C u - v u, of each mode: so close to its variance v is an eigenvalue of C.
    upper : array (K,)
        Bounds of the eigenvalues from above. They suppose that no mode was missed that exceeds the largest Ritz value
        beyond these by more than its residual; a block with random columns to spare finds degenerate levels, too.
    unseen : float
        For certain nothing was missed that is larger than this, the trace that the subspace does not contain.
    n : int
        Number of samples.
    mean : array (N_v,)
        Mean of the data; zero where it was not subtracted.
    passes : int
        How often the rows were read.

    Examples
    --------
    >>> from srbm import FreeScalarField, leading_modes
    >>> found = leading_modes(FreeScalarField(12, 0.5).sample(500, rng=0), n_modes=3)
    >>> found
    <LeadingModes: 3 of N_v = 12, n = 500, passes = 1>
    """

    variances: Floats
    modes: Floats
    trace: float
    residuals: Floats
    upper: Floats
    unseen: float
    n: int
    mean: Floats
    passes: int

    @property
    def n_visible(self) -> int:
        """Number of visible nodes, N_v."""
        return len(self.modes)

    @in_range
    def log_likelihood(self, n_hidden: int, mass_squared: float | None = None) -> float:
        """The average of ln p(phi) over the data under the machine that `maximum_likelihood` makes of these modes.

        Parameters
        ----------
        n_hidden : int
            N_h, at most K.
        mass_squared : float, optional
            mu^2; the best one when None.

        Returns
        -------
        float
            Nats per configuration.

        Examples
        --------
        >>> from srbm import FreeScalarField, leading_modes, maximum_likelihood, second_moment
        >>> rows = FreeScalarField(12, 0.5).sample(500, rng=0)
        >>> found = leading_modes(rows, n_modes=3)
        >>> round(found.log_likelihood(3), 3)
        -13.104
        >>> round(maximum_likelihood(found, 3).log_likelihood(second_moment(rows)), 3)
        -13.104
        """
        return self._log_likelihood(self.variances, n_hidden, mass_squared)

    @in_extended_range
    def deficit(self, n_hidden: int, mass_squared: float | None = None) -> float:
        """How much better the best machine with so many nodes is at most.

        The likelihood grows with every variance that is kept, at a given trace: the bound is its value at the bounds
        `upper` of the variances, less that at the variances.

        Parameters
        ----------
        n_hidden : int
            N_h, at most K.
        mass_squared : float, optional
            mu^2; the best one when None.

        Returns
        -------
        float
            Nats per configuration; infinite where the bounds exhaust the trace.

        Examples
        --------
        >>> from srbm import FreeScalarField, leading_modes
        >>> found = leading_modes(FreeScalarField((8, 8), 0.5).sample(500, rng=0), n_modes=3)
        >>> found.deficit(3) < 0.01
        True
        """
        if self._rest(self.upper, self._checked(n_hidden)) <= 0:
            return np.inf
        best = self._log_likelihood(self.upper, n_hidden, mass_squared)
        return max(best - self._log_likelihood(self.variances, n_hidden, mass_squared), 0.0)

    @in_extended_range
    def held_out(self, rows: Any) -> Floats:
        """The average of ln p over rows that the modes were not made of, under the best machines of each size.

        One pass serves all sizes, and costs 2 n N_v K operations: the place of the maximum is the number of hidden
        nodes that describes new data best, for data whose spectrum nobody knows. `recommend` asks the same of data
        whose second moments can be made.

        Parameters
        ----------
        rows : array (n, N_v), collection of such blocks, or callable
            Other samples, in any form that `leading_modes` takes; of their deviations from `mean`.

        Returns
        -------
        array (K + 1,)
            Nats per configuration for N_h = 0, 1, ..., K nodes, or up to N_v - 1; -infinity where so many nodes leave
            no variance for the mass.

        Raises
        ------
        ValueError
            When there are no rows, or they have other columns.

        Examples
        --------
        >>> from srbm import FreeScalarField, leading_modes
        >>> field = FreeScalarField((8, 8), 0.1)
        >>> found = leading_modes(field.sample(300, rng=0), n_modes=40)
        >>> unseen = found.held_out(field.sample(3000, rng=1))
        >>> unseen.shape, bool(5 < unseen.argmax() < 30)
        ((41,), True)
        """
        size = self.n_visible
        squares, total, n = np.zeros(len(self.variances)), 0.0, 0
        for part in _pieces(_reader(rows)(), size):
            deviation = finite(part, "a block of samples") - self.mean
            squares += ((deviation @ self.modes) ** 2).sum(axis=0)
            total += float(np.vdot(deviation, deviation))
            n += len(deviation)
        if not n:
            raise ValueError("held_out needs at least one sample, got none")
        nodes = np.arange(min(len(squares), size - 1) + 1)
        rest = np.array([self.discarded(k) for k in range(len(nodes))])
        usable = rest > 0
        variances = np.where(usable, np.append(self.variances, 1.0)[: len(nodes)], 1.0)
        squares, rest = np.append(squares, 0.0)[: len(nodes)] / n, np.where(usable, rest, 1.0)
        before, seen, logs = (np.cumsum(x) - x for x in (squares / variances, squares, np.log(variances)))
        action = before + (total / n - seen) / rest
        logs = logs + (size - nodes) * np.log(rest) + size * np.log(2 * np.pi)
        return np.where(usable, -(action + logs) / 2, -np.inf)

    def discarded(self, n_hidden: int) -> float:
        """The mean variance of all modes but the first, which is 1 / mu^2 of the best machine.

        Parameters
        ----------
        n_hidden : int
            N_h, at most K and below N_v.

        Returns
        -------
        float
            The mean of what is left of the trace; zero where that is only rounding.
        """
        n_hidden = self._checked(n_hidden)
        rest = self._rest(self.variances, n_hidden)
        return max(rest, 0.0) if rest > NULL_VARIANCE * float(self.variances.max(initial=0.0)) else 0.0

    def _checked(self, n_hidden: int) -> int:
        n_hidden = count(n_hidden, "n_hidden")
        if n_hidden > len(self.variances):
            raise ValueError(
                f"n_hidden = {n_hidden} needs as many modes, and there are {len(self.variances)}: pass leading_modes a "
                "larger n_modes"
            )
        return n_hidden

    def _rest(self, variances: Floats, n_hidden: int) -> float:
        return float(self.trace - variances[:n_hidden].sum()) / max(self.n_visible - n_hidden, 1)

    def _log_likelihood(self, variances: Floats, n_hidden: int, mass_squared: float | None) -> float:
        n_hidden = self._checked(n_hidden)
        if mass_squared is None:
            mass_squared = 1 / self._rest(variances, n_hidden)
        mass_squared = number(mass_squared, "mass_squared", above=0)
        light = variances[kept(variances, mass_squared, n_hidden)]
        idle = self.n_visible - len(light)
        # tr(K C) is one for every mode that is kept, and mu^2 times what is left of the trace.
        action = len(light) + mass_squared * (self.trace - light.sum())
        return (
            float(idle * np.log(mass_squared) - np.log(light).sum() - action - self.n_visible * np.log(2 * np.pi)) / 2
        )

    def __repr__(self) -> str:
        return f"<LeadingModes: {len(self.variances)} of N_v = {self.n_visible}, n = {self.n}, passes = {self.passes}>"


@in_range
def leading_modes(
    rows: Any,
    n_modes: int,
    center: bool = False,
    *,
    passes: int = 6,
    dtype: DTypeLike = np.float64,
    rng: Seed = 0,
    progress: bool = False,
) -> LeadingModes:
    """The largest eigenvalues of <phi phi^T> and their modes, without that matrix.

    The rows are read `passes` times (fewer where that is enough to have everything), a block at a time. A pass costs
    4 n N_v l operations with l = `n_modes` + 10, and there is memory for 2 l `passes` vectors of length N_v, a block of
    the data, and a piece of it with 2^20 numbers or 256 rows. Three passes do for what stands out of its surroundings;
    modes in the bulk of a noise take more, and make little difference (`LeadingModes.deficit`).

    Parameters
    ----------
    rows : array (n, N_v), collection of such blocks, or callable
        Samples in rows: an array, which may be mapped from a file (`np.load(path, mmap_mode="r")`); a Dask array, of
        which one block of rows is computed at a time; a list or another collection of blocks; or a function without
        arguments that returns the blocks anew each time, for those of a generator.
    n_modes : int
        K, how many modes; at least the number of hidden nodes.
    center : bool
        Whether to subtract the mean: modes of <phi phi^T> - <phi><phi>^T. It is subtracted from the rows themselves, so
        that a large one costs no digits.
    passes : int
        How often the rows are read, at least twice.
    dtype : data type
        That of the products with rows, float64 or float32, which takes half the time. Sums over pieces of the data and
        all small matrices are float64 always. In single precision variances below 1e-6 of the largest are lost.
    rng : numpy.random.Generator or int, optional
        Random numbers of the first block, or their seed.
    progress : bool
        Whether to show a progress bar, which counts samples (on stderr; needs tqdm).

    Returns
    -------
    LeadingModes
        The modes, their variances, the trace, and bounds of the errors.

    Raises
    ------
    TypeError
        For an iterator, which can be read only once.
    ValueError
        When there are no samples, a block has the wrong shape, a value is not finite, or a pass finds other rows than
        the first.

    Examples
    --------
    >>> from srbm import FreeScalarField, leading_modes, maximum_likelihood
    >>> field = FreeScalarField(200, 0.01)
    >>> found = leading_modes(lambda: (field.sample(100, rng=k) for k in range(20)), n_modes=4)
    >>> found
    <LeadingModes: 4 of N_v = 200, n = 2000, passes = 6>
    >>> maximum_likelihood(found, 4)
    <ScalarRBM: N_v = 200, N_h = 4, mu^2 = 0.308241, sigma_h^2 = 1>
    """
    n_modes, passes = count(n_modes, "n_modes", least=1), count(passes, "passes", least=2)
    real = product_type(dtype)
    read = _reader(rows)
    with progress_bar(progress, None, "sample") as advance:
        stream = _Stream(read, bool(center), real, advance)
        size = len(stream.origin)
        if n_modes > size:
            raise ValueError(f"n_modes must be at most N_v = {size}, got {n_modes}")
        start = numpy_generator(rng).standard_normal((size, min(n_modes + _SPARE, size)))
        found = ritz_pairs(stream.multiply, start, n_modes + 2 * _SPARE, passes)
    values = np.maximum(found.values, 0)
    return LeadingModes(
        values[:n_modes],
        found.vectors[:, :n_modes],
        stream.trace,
        found.residuals[:n_modes],
        upper_bounds(values, found.residuals, stream.trace)[:n_modes],
        max(stream.trace - float(values.sum()), 0.0),
        stream.n,
        stream.mean,
        found.products,
    )


class _Stream:
    """Products of the second moments with blocks of vectors, each by one pass through the rows.

    With the deviations d = phi - o from an origin o, s = <d> and the mean o + s, the centred product is exactly
    <d d^T> Q - s s^T Q. The origin is the mean of the first rows at first and the mean of all after the first pass, so
    that s is small and nothing cancels; without centring it is zero, and so is what is taken for s.
    """

    def __init__(
        self,
        read: Callable[[], Iterator[Array]],
        center: bool,
        real: np.dtype[Any],
        advance: Callable[[int], object],
    ) -> None:
        self._read, self._center, self._real, self._advance = read, center, real, advance
        first = next((block for block in read() if block.shape[0]), None)
        if first is None:
            raise ValueError("leading_modes needs at least one sample, got none")
        some = finite(to_numpy(first[:_ROWS]), "a block of samples")
        self.origin = (some.mean(axis=0) if center else np.zeros(some.shape[1])).astype(real)
        self.n, self.trace = 0, 0.0
        self.mean = np.zeros(some.shape[1])

    def multiply(self, block: Floats) -> Floats:
        """C Q (N_v, l) for Q (N_v, l); the first call also finds the number of rows, their mean and the trace of C."""
        first = self.n == 0
        size = len(self.origin)
        basis = np.ascontiguousarray(block, dtype=self._real)
        piece = np.empty((_piece_rows(size), size), dtype=self._real)
        product, sums = np.zeros((size, basis.shape[1])), np.zeros(size)
        n, squares = 0, 0.0
        for part in _pieces(self._read(), size):
            if first:
                finite(part, "a block of samples")
            deviation = np.subtract(part, self.origin, out=piece[: len(part)], casting="same_kind")
            product += deviation.T @ (deviation @ basis)
            if first:
                sums += np.ones(len(part), dtype=self._real) @ deviation
                squares += float(np.einsum("ij,ij->i", deviation, deviation).sum(dtype=float))
            n += len(part)
            self._advance(len(part))
        if first:
            shift = sums / n if self._center else np.zeros(size)
            self.n, self.mean = n, self.origin + shift
            self.trace = squares / n - float(shift @ shift)
        elif n != self.n:
            raise ValueError(
                f"the rows changed while they were read: {self.n} in the first pass, {n} in a later one; a function "
                "has to return the same blocks each time"
            )
        else:
            shift = self.mean - self.origin
        product = product / n - np.outer(shift, shift @ basis)
        self.origin = self.mean.astype(self._real)
        return finite(product, "the rows of a later pass")


def _piece_rows(size: int) -> int:
    """How many rows of N_v numbers are multiplied at once."""
    return max(_PIECE // size, _ROWS)


def _pieces(blocks: Iterable[Array], size: int) -> Iterator[np.ndarray]:
    """The rows of the blocks, in NumPy's arrays of that many rows at most; they have `size` columns."""
    rows = _piece_rows(size)
    for block in blocks:
        if block.shape[1] != size:
            raise ValueError(f"rows must have N_v = {size} columns, got {block.shape[1]}")
        for start in range(0, block.shape[0], rows):
            yield to_numpy(block[start : start + rows])


def _reader(rows: Any) -> Callable[[], Iterator[Array]]:
    """A function that returns the blocks of `rows` from the beginning, checked."""
    if isinstance(rows, Iterator):
        raise TypeError(
            f"rows can be read only once, being {described(rows)}, and are needed several times: pass a function that "
            "returns the blocks anew, such as lambda: read(path), or a list of them"
        )
    if callable(rows) and not isinstance(rows, type):
        return lambda: sample_blocks(rows())
    if hasattr(rows, "dask") and hasattr(rows, "chunks"):
        return lambda: sample_blocks(_computed(rows))
    return lambda: sample_blocks(rows)


def _computed(rows: Any) -> Iterable[Array]:
    """The blocks of rows of a Dask array, one at a time."""
    stops = np.cumsum(rows.chunks[0])
    return (rows[stop - length : stop].compute() for stop, length in zip(stops, rows.chunks[0], strict=True))
