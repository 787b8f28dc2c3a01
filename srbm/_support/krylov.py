"""The largest eigenvalues of a matrix, where they are few: by Lanczos, with bounds of what the rest may be.

A matrix that is at hand goes to ARPACK, and a Cholesky decomposition proves that no mode was missed. One that is known
by its products with blocks of vectors only, because it is too large to be written down, goes to block Lanczos: a block
of vectors, orthonormal and random at first, is multiplied again and again; each time what the product has that is new
joins a subspace, and the matrix within the subspace is diagonalised (Ritz). A single vector sees one mode of a
degenerate level; a block sees as many as it has vectors. Golub and Underwood (1977); Musco and Musco, NIPS 2015, for
how few products are enough from a random start.

With the Ritz vectors U (m of them), C is [[Theta, R^T], [R, C']] in U and its complement. If no eigenvalue of C'
exceeds beta, then (Schur complement, and Weyl)

    0 <= v_i - theta_i <= |R|^2 / (theta_i - beta)   where theta_i > beta,   v_i <= max(theta_i, beta) + |R|   always,

for the eigenvalues v of C in their order, and |R|^2 is at most the sum of the squared residuals |C u - theta u|^2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy

from .arrays import LARGE, add_to_diagonal, cholesky
from .checks import Floats

SHARE = 16
"""Modes are few where at most one in so many is wanted, of a matrix that is large."""
_SLACK = 1e-8
"""Of the smallest of these eigenvalues: a missing mode that exceeds it by less makes no difference."""
_RESTARTS = 100
"""Restarts of Lanczos' method before a full diagonalisation is thought to be faster."""
_NOTHING = 1e-13
"""Of the largest eigenvalue: what a product has no more of than this in a new direction is rounding."""


class Ritz(NamedTuple):
    """Approximate eigenpairs of a symmetric matrix C, the largest first."""

    values: Floats
    """theta_i = u_i^T C u_i (k,), which are never above the eigenvalues v_i of C in their order."""
    vectors: Floats
    """u_i, orthonormal, (N, k)."""
    residuals: Floats
    """|C u_i - theta_i u_i| (k,): so close to theta_i is an eigenvalue."""
    products: int
    """How often C was multiplied by a block."""


def are_few(n_modes: int, size: int) -> bool:
    """Whether so few modes of a matrix of this size are wanted that it should not be diagonalised."""
    return size > LARGE and SHARE * n_modes <= size


def ritz_pairs(multiply: Callable[[Floats], Floats], start: Floats, n_pairs: int, products: int) -> Ritz:
    """The `n_pairs` largest pairs within the span of `start` (N, l) and its images, by block Lanczos.

    `multiply`, which takes Q (N, l) to C Q, is called `products` times at most, fewer times where nothing new is found.
    """
    size, width = start.shape
    room = min(products * width, size)
    basis, images = np.empty((2, room, size))  # rows, which are contiguous: v_j, and C v_j
    within = np.zeros((room, room))
    block = _orthonormal(start, 0.0)
    used = calls = 0
    while True:
        old, used = used, used + block.shape[1]
        known, new = basis[:used], slice(old, used)
        known[new] = block.T
        images[new] = multiply(block).T
        calls += 1
        across = known @ images[new].T
        within[:used, new] = across
        within[new, :old] = across[:old].T
        if calls == products or used == room:
            break
        fresh = images[new].T - known.T @ across
        fresh -= known.T @ (known @ fresh)
        block = _orthonormal(fresh, _NOTHING * float(np.abs(within[:used, :used]).max()))
        # What is new is small beside what was taken away, and orthogonal to it in all digits only after this.
        block = _orthonormal(block - known.T @ (known @ block), 0.0)[:, : room - used]
        if not block.shape[1]:
            break
    values, turn = np.linalg.eigh((within[:used, :used] + within[:used, :used].T) / 2)
    values, turn = values[::-1][:n_pairs], turn[:, ::-1][:, :n_pairs]
    vectors = basis[:used].T @ turn
    residuals = np.linalg.norm(images[:used].T @ turn - vectors * values, axis=0)
    return Ritz(values, vectors, residuals, calls)


def _orthonormal(vectors: Floats, least: float) -> Floats:
    """An orthonormal basis (N, r) of the columns, without directions in which they are no larger than `least`."""
    basis, triangle, _ = scipy.linalg.qr(vectors, mode="economic", pivoting=True, check_finite=False)
    return basis[:, : int((np.abs(np.diag(triangle)) > least).sum())]


def upper_bounds(values: Floats, residuals: Floats, trace: float) -> Floats:
    """Bounds of the eigenvalues v_i from above (k,), from Ritz pairs of a positive semidefinite C with this trace.

    What is left of C beside the first m Ritz vectors is taken to be no larger than the next Ritz value and its
    residual. For certain it is no larger than the trace that is left, which is taken where that is less.
    """
    k = len(values)
    left = np.maximum(trace - np.cumsum(values), 0)
    bound = np.full(k, np.inf)
    for m in range(1, k + 1):
        rest = left[m - 1] if m == k else min(values[m] + residuals[m], left[m - 1])
        square = float((residuals[:m] ** 2).sum())
        gap = values[:m] - rest
        quadratic = np.divide(square, gap, out=np.full(m, np.inf), where=gap > 0)
        here = np.minimum(values[:m] + quadratic, np.maximum(values[:m], rest) + np.sqrt(square))
        bound[:m] = np.minimum(bound[:m], here)
    return bound


def leading_pairs(matrix: Floats, n_modes: int) -> Ritz | None:
    """The `n_modes` largest pairs of a positive semidefinite matrix where they are few, checked; otherwise None.

    Lanczos' method goes on until the residuals are rounding errors. That no mode is missing is proved: without those
    found the matrix stays below the last of them and 1e-8 of it, or the Cholesky decomposition of the difference would
    fail. None says that `numpy.linalg.eigh` is to do it: where the matrix is small or the modes are many, or where this
    did not work.
    """
    size = len(matrix)
    if not n_modes or not are_few(n_modes, size):
        return None
    start = np.random.default_rng(0).standard_normal(size)  # no symmetry of a lattice is left in it
    try:
        values, vectors = scipy.sparse.linalg.eigsh(matrix, n_modes, v0=start, maxiter=_RESTARTS)
    except scipy.sparse.linalg.ArpackNoConvergence:
        return None
    values, vectors = values[::-1], vectors[:, ::-1]
    if not values[-1] > 0:
        return None
    residuals = np.linalg.norm(matrix @ vectors - vectors * values, axis=0)
    above = (vectors * values) @ vectors.T
    above -= matrix
    add_to_diagonal(above, (1 + _SLACK) * values[-1])
    return None if cholesky(above) is None else Ritz(values, vectors, residuals, 1)
