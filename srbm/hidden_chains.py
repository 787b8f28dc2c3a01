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

import numpy as np
import scipy

from ._normals import single_normals
from ._validation import Floats
from .gradient import Ensemble, ModelTerm, _bartlett, _repeated

_CONDITIONS = {np.float32: 1e3, np.float64: 1e4}
"""Up to here Q = w F^-1 with Cholesky's F is orthonormal enough when w F^-1 is formed in this precision: what rounding
moves, 1e-4 of the noise at most, is the part of f along the most weakly coupled directions. Beyond the last w is
decomposed as Q R."""


@dataclass(frozen=True)
class HiddenChains:
    """`chains` chains (B) with `steps` sweeps (k) per update, at fixed mu^2, N_h <= N_v and B >= 2 N_h.

    With `persistent` "visible" the law is that of `PCD(chains, steps)`, with "hidden" that of
    `PCD(chains, steps, persistent="hidden")`. The diagonal of C is not estimated: `ModelTerm.variances` is NaN.
    """

    chains: int
    steps: int = 1
    persistent: str = "visible"

    def start(self, ensemble: Ensemble, correlation: Floats, rng: np.random.Generator) -> np.ndarray:
        """Chains drawn from the model, in the representation that `model_term` returns.

        For "visible" (runs, N_v, 2 N_h), columns R^T and Q; for "hidden" (runs, N_h, N_h), a root of g^T g.
        """
        _, gram, basis, triangle = _decompose(ensemble)
        inverse = np.linalg.inv(_plus_identity(-gram))  # the covariance of g is (1 - w^T w)^-1
        root = np.linalg.cholesky(inverse).swapaxes(-1, -2)
        g = _bartlett(root.shape[0], root.shape[1], self.chains, rng, root).swapaxes(-1, -2) @ root
        factor, fields = self._visible(g, basis, triangle, rng)
        return self._store(factor, fields, basis, triangle, rng)

    def model_term(self, ensemble: Ensemble, chains: np.ndarray, rng: np.random.Generator) -> tuple[ModelTerm,
                   np.ndarray]:
        """The average over the chains after `steps` more sweeps."""
        single, gram, basis, triangle = _decompose(ensemble)
        g = self._hidden(chains, single, gram, rng) if self.persistent == "visible" else chains
        if self.steps > 1:
            power, noise = _repeated(gram, _plus_identity(gram), self.steps - 1)
            g = self._root(g @ power, rng, noise, everywhere=True)
        factor, fields = self._visible(g, basis, triangle, rng)
        moved = (factor @ triangle / (self.chains * np.sqrt(ensemble.hidden_variance))).astype(np.float32)
        correlation_weights = fields @ moved
        correlation_weights /= np.sqrt(ensemble.mass).astype(np.float32)[:, :, None]
        variances = np.full(fields.shape[:2], np.nan)
        return ModelTerm(correlation_weights, variances), self._store(factor, fields, basis, triangle, rng)

    def _hidden(self, chains: np.ndarray, single: np.ndarray, gram: Floats, rng: np.random.Generator) -> Floats:
        """A root of g^T g, g drawn given f with the weights of now."""
        products = (chains.swapaxes(-1, -2) @ single).astype(np.float64)
        inside, along = np.split(products, 2, axis=1)
        across = gram - along.swapaxes(-1, -2) @ along
        return self._root(inside, rng, _plus_identity(across))

    def _visible(self, g: Floats, basis: np.ndarray, triangle: Floats, rng: np.random.Generator) -> tuple[Floats,
                 np.ndarray]:
        """L (runs, N_h, N_h) and R^T (runs, N_v, N_h) of f, drawn given a root of g^T g."""
        factor = self._root(g @ triangle.swapaxes(-1, -2), rng)
        fields = single_normals(rng, basis.shape)
        along = factor.swapaxes(-1, -2).astype(np.float32) - basis.swapaxes(-1, -2) @ fields
        fields += basis @ along
        return factor, fields

    def _store(self, factor: Floats, fields: Floats, basis: Floats, triangle: Floats,
               rng: np.random.Generator) -> np.ndarray:
        if self.persistent == "visible":
            return np.concatenate([fields, basis], axis=2)
        return self._root(factor @ triangle, rng)

    def _root(self, mean: Floats, rng: np.random.Generator, noise: Floats | None = None,
              everywhere: bool = False) -> Floats:
        """A root (runs, N_h, N_h) of x^T x for B rows x: noise around `mean` in N_h rows, around zero in the others.

        `noise` is the covariance of the noise in the other rows, with `everywhere` in all; it is 1 where not given.
        """
        runs, size = mean.shape[:2]
        inside, below = single_normals(rng, (2, runs, size, size)).astype(np.float64)
        outside = _bartlett(runs, size, self.chains - size, rng, below, below).swapaxes(-1, -2)
        if noise is not None:
            root = np.linalg.cholesky(noise).swapaxes(-1, -2)
            outside = outside @ root
            if everywhere:
                inside = inside @ root
        inside += mean
        total = inside.swapaxes(-1, -2) @ inside + outside.swapaxes(-1, -2) @ outside
        return np.linalg.cholesky(total).swapaxes(-1, -2)


def _plus_identity(matrices: Floats) -> Floats:
    result = matrices.copy()
    diagonal = np.arange(matrices.shape[-1])
    result[:, diagonal, diagonal] += 1
    return result


def _decompose(ensemble: Ensemble) -> tuple[Floats, Floats, np.ndarray, Floats]:
    """w in single precision, w^T w, Q in single precision, and F with w = Q F."""
    scale = ensemble.hidden_variance / ensemble.mass
    w = np.sqrt(scale)[:, :, None] * ensemble.weights
    gram = scale[:, :, None] * ensemble.hidden_gram if scale.shape[1] == 1 else w.swapaxes(-1, -2) @ w
    single = w.astype(np.float32)
    try:
        triangle = np.linalg.cholesky(gram).swapaxes(-1, -2)
        inverse = np.stack([scipy.linalg.lapack.dtrtri(one)[0] for one in triangle])
        condition = np.linalg.norm(triangle, axis=(-1, -2)) * np.linalg.norm(inverse, axis=(-1, -2))
        for precision, limit in _CONDITIONS.items():
            if (condition < limit).all():
                basis = (single if precision is np.float32 else w) @ inverse.astype(precision)
                return single, gram, basis.astype(np.float32, copy=False), triangle
    except np.linalg.LinAlgError:
        pass  # w has, up to rounding, not full rank
    basis, triangle = np.linalg.qr(w)
    return single, gram, basis.astype(np.float32), triangle
