"""Chains represented in the space of the hidden nodes, for fewer hidden than visible nodes: N_h <= N_v, B >= 2 N_h.

In units of the noise, f = phi mu and g = h / sigma_h, a sweep is g = f w + N(0, 1) and f = g w^T + N(0, 1) with
w = sigma_h W / mu, an N_v x N_h matrix. Write w = Q F with orthonormal columns Q. All that f knows of g lies along Q;
across Q it is fresh noise. And the law of the B chains does not change when they are rotated among each other. So let
the N_h directions of chain space that u = f Q spans come first:

    f = [ L Q^T + Y^T ]   N_h rows,            L^T L = u^T u, rows of Y^T ~ N(0, 1) across Q
        [     Z       ]   B - N_h rows         ~ N(0, 1) across Q,

and the gradient needs only the upper rows R, since the lower ones are orthogonal to w: f^T f w = R^T L F. The lower
rows matter once, when the update has turned w to w' and Q no longer spans it: there Z w' has the Gram matrix of a
Wishart distribution with B - N_h degrees of freedom and covariance w'^T (1 - Q Q^T) w', drawn by Bartlett's
decomposition, as is the Gram matrix of g from that of its mean. This is equal in law to B explicit chains that persist
in phi, for any learning rate, at a cost that does not depend on B. Chains that persist in h need only the Gram matrix
of g from one update to the next.

Between the updates the sweeps are an autoregression of g, g' = g w^T w + N(0, 1 + w^T w): k of them are one matrix
power. The products with N_v rows are in single precision, which moves the variance 1 / lambda of a mode near the pole
by 1e-7 mu^2 / lambda of itself; Gram matrices are in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import scipy

from .._support.arrays import add_to_diagonal
from .._support.checks import Floats
from .gram import bartlett, repeated
from .normals import single_normals
from .stack import Ensemble, ModelTerm

_SINGLE, _DOUBLE = 1e3, 1e4
"""Up to these condition numbers Q = w F^-1 with Cholesky's F is orthonormal enough when it is multiplied in this
precision: what rounding moves, 1e-4 of the noise at most, is the part of f along the most weakly coupled directions.
Beyond the second w is decomposed as Q R."""


@dataclass(frozen=True)
class HiddenChains:
    """`chains` chains (B) with `steps` sweeps (k) per update, at fixed mu^2, N_h <= N_v and B >= 2 N_h.

    With `persistent` "visible" the law is that of `PCD(chains, steps)`, with "hidden" that of
    `PCD(chains, steps, persistent="hidden")`. The diagonal of C is not estimated: `ModelTerm.variances` is NaN.
    """

    chains: int
    steps: int = 1
    persistent: Literal["visible", "hidden"] = "visible"

    in_eigenbasis: ClassVar[bool] = True

    def start(self, ensemble: Ensemble, correlation: Floats, rng: np.random.Generator) -> np.ndarray:
        """Chains drawn from the model, in the representation that `model_term` returns.

        For "visible" (runs, N_v + N_h, 2 N_h): R^T and A in the first N_v rows, G below A, where Q = A G; for "hidden"
        (runs, N_h, N_h), a root of g^T g.
        """
        _, gram, basis, triangle = _decompose(ensemble)
        inverse = np.linalg.inv(add_to_diagonal(-gram, 1))  # the covariance of g is (1 - w^T w)^-1
        root = np.linalg.cholesky(inverse).swapaxes(-1, -2)
        g = bartlett(root.shape[0], root.shape[1], self.chains, rng, root).swapaxes(-1, -2) @ root
        factor, fields = self._visible(g, basis, triangle, rng)
        return self._store(factor, fields, basis, triangle, rng)

    def model_term(
        self, ensemble: Ensemble, memory: np.ndarray, rng: np.random.Generator
    ) -> tuple[ModelTerm, np.ndarray]:
        """The average over the chains after `steps` more sweeps."""
        single, gram, basis, triangle = _decompose(ensemble)
        g = self._hidden(memory, single, gram, rng) if self.persistent == "visible" else memory
        if self.steps > 1:
            power, noise = repeated(gram, add_to_diagonal(gram.copy(), 1), self.steps - 1)
            g = self._root(g @ power, rng, noise, everywhere=True)
        factor, fields = self._visible(g, basis, triangle, rng)
        moved = (factor @ triangle / (self.chains * np.sqrt(ensemble.hidden_variance))).astype(np.float32)
        correlation_weights = fields @ moved
        correlation_weights /= np.sqrt(ensemble.mass_squared).astype(np.float32)[:, :, None]
        variances = np.full(fields.shape[:2], np.nan)
        return ModelTerm(correlation_weights, variances), self._store(factor, fields, basis, triangle, rng)

    def _hidden(self, memory: np.ndarray, single: np.ndarray, gram: Floats, rng: np.random.Generator) -> Floats:
        """A root of g^T g, g drawn given f with the weights of now."""
        n_visible, n_hidden = single.shape[1:]
        products = (memory[:, :n_visible].swapaxes(-1, -2) @ single).astype(np.float64)
        inside, overlap = products[:, :n_hidden], products[:, n_hidden:]
        along = memory[:, n_visible:, n_hidden:].swapaxes(-1, -2) @ overlap
        across = gram - along.swapaxes(-1, -2) @ along
        return self._root(inside, rng, add_to_diagonal(across, 1))

    def _visible(
        self, g: Floats, basis: _Basis, triangle: Floats, rng: np.random.Generator
    ) -> tuple[Floats, np.ndarray]:
        """L (runs, N_h, N_h) and R^T (runs, N_v, N_h) of f, drawn given a root of g^T g."""
        factor = self._root(g @ triangle.swapaxes(-1, -2), rng)
        fields = single_normals(rng, basis.spanning.shape)
        overlap = basis.spanning.swapaxes(-1, -2) @ fields
        along = factor.swapaxes(-1, -2) - basis.mixing.swapaxes(-1, -2) @ overlap
        fields += basis.spanning @ (basis.mixing @ along).astype(np.float32)
        return factor, fields

    def _store(
        self, factor: Floats, fields: Floats, basis: _Basis, triangle: Floats, rng: np.random.Generator
    ) -> np.ndarray:
        if self.persistent == "hidden":
            return self._root(factor @ triangle, rng)
        runs, n_visible, n_hidden = fields.shape
        memory = np.zeros((runs, n_visible + n_hidden, 2 * n_hidden), dtype=np.float32)
        memory[:, :n_visible, :n_hidden] = fields
        memory[:, :n_visible, n_hidden:] = basis.spanning
        memory[:, n_visible:, n_hidden:] = basis.mixing
        return memory

    def _root(
        self, mean: Floats, rng: np.random.Generator, noise: Floats | None = None, everywhere: bool = False
    ) -> Floats:
        """A root (runs, N_h, N_h) of x^T x for B rows x: noise around `mean` in N_h rows, around zero in the others.

        `noise` is the covariance of the noise in the other rows, with `everywhere` in all; it is 1 where not given.
        """
        runs, size = mean.shape[:2]
        inside, below = single_normals(rng, (2, runs, size, size)).astype(np.float64)
        outside = bartlett(runs, size, self.chains - size, rng, below, below).swapaxes(-1, -2)
        if noise is not None:
            root = np.linalg.cholesky(noise).swapaxes(-1, -2)
            outside = outside @ root
            if everywhere:
                inside = inside @ root
        inside += mean
        total = inside.swapaxes(-1, -2) @ inside + outside.swapaxes(-1, -2) @ outside
        return np.linalg.cholesky(total).swapaxes(-1, -2)


class _Basis(NamedTuple):
    """Q = A G, not multiplied out: A (runs, N_v, N_h) in single precision, G (runs, N_h, N_h)."""

    spanning: np.ndarray
    mixing: Floats


def _decompose(ensemble: Ensemble) -> tuple[np.ndarray, Floats, _Basis, Floats]:
    """w in single precision, w^T w, Q, and F with w = Q F."""
    scale = ensemble.hidden_variance / ensemble.mass_squared
    w = np.sqrt(scale)[:, :, None] * ensemble.weights
    gram = scale[:, :, None] * ensemble.hidden_gram if scale.shape[1] == 1 else w.swapaxes(-1, -2) @ w
    single = w.astype(np.float32)
    try:
        triangle = np.linalg.cholesky(gram).swapaxes(-1, -2)
        inverse = np.stack([scipy.linalg.lapack.dtrtri(one)[0] for one in triangle])
        condition = np.linalg.norm(triangle, axis=(-1, -2)) * np.linalg.norm(inverse, axis=(-1, -2))
        if (condition < _SINGLE).all():
            return single, gram, _Basis(single, inverse), triangle
        orthonormal = w @ inverse if (condition < _DOUBLE).all() else None
    except np.linalg.LinAlgError:
        orthonormal = None  # w has, up to rounding, not full rank
    if orthonormal is None:
        orthonormal, triangle = np.linalg.qr(w)
    one = np.broadcast_to(np.eye(w.shape[-1]), gram.shape)
    return single, gram, _Basis(orthonormal.astype(np.float32), one), triangle
