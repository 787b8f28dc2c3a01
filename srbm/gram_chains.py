"""The Gram chains of `PCD` for small lattices, where what costs is the calls and not the arithmetic.

The same random numbers in the same order as `gram_sweeps` of the module `gradient`, which is the definition. A single
run is computed with matrices in place of stacks of one, and LAPACK is called directly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
import scipy

from ._validation import Floats
from .gradient import PCD, Ensemble, ModelTerm, _repeated


@dataclass(frozen=True)
class GramChains:
    """`chains` chains (B >= 2 N_v) with `steps` sweeps (k) per update: the fields of `PCD(chains, steps)`."""

    chains: int
    steps: int = 1

    def start(self, ensemble: Ensemble, correlation: Floats, rng: np.random.Generator) -> Floats:
        """R (runs, N_v, N_v) with R^T R = phi^T phi, drawn from the model."""
        return PCD(self.chains, self.steps).start(ensemble, correlation, rng)

    def model_term(self, ensemble: Ensemble, chains: Floats, rng: np.random.Generator) -> tuple[ModelTerm, Floats]:
        """The average over the chains after `steps` more sweeps."""
        runs, one_mass = len(chains), ensemble.mass.shape[1] == 1
        weights, mass, factor = ensemble.weights, ensemble.mass, chains
        if runs == 1:
            weights, mass, factor = weights[0], mass[0], factor[0]
            if one_mass:
                mass = mass.item()
        row, column = (mass, mass) if isinstance(mass, float) else (mass[..., None, :], mass[..., :, None])
        transition: Floats = weights @ weights.swapaxes(-1, -2)
        transition *= ensemble.hidden_variance / row
        noise: Floats = transition / column
        _diagonal(noise)[...] += 1 / mass
        transition, noise = (_repeated_commuting if one_mass else _repeated)(transition, noise, self.steps)
        root = _cholesky(noise).swapaxes(-1, -2)
        inside = factor @ transition
        inside += rng.standard_normal(factor.shape) @ root
        outside = self._bartlett(factor.shape, rng).swapaxes(-1, -2) @ root
        gram = inside.swapaxes(-1, -2) @ inside
        gram += outside.swapaxes(-1, -2) @ outside
        factor = _cholesky(gram).swapaxes(-1, -2)
        correlation_weights = gram @ weights
        correlation_weights /= self.chains
        variances = _diagonal(gram) / self.chains
        if runs == 1:
            return ModelTerm(correlation_weights[None], variances[None]), factor[None]
        return ModelTerm(correlation_weights, variances), factor

    def _bartlett(self, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
        """Lower triangular T with T T^T ~ Wishart(B - N_v, 1)."""
        below, degrees = _bartlett_constants(shape[-1], self.chains - shape[-1])
        lower = rng.standard_normal(shape) * below
        _diagonal(lower)[...] = np.sqrt(2 * rng.standard_gamma(degrees, size=shape[:-1]))
        return lower


def _repeated_commuting(transition: Floats, noise: Floats, steps: int) -> tuple[Floats, Floats]:
    """`_repeated` for A = A^T and S that commute, as they do with one mu^2: A S A = A^2 S."""
    total: tuple[Floats, Floats] | None = None
    square: Floats | None = None
    while True:
        if steps & 1:
            if total is None:
                total = transition, noise
            else:
                square = transition @ transition
                total = total[0] @ transition, square @ total[1] + noise
        steps >>= 1
        if not steps:
            return cast("tuple[Floats, Floats]", total)  # set at the highest bit, steps being at least one
        if square is None:
            square = transition @ transition
        transition, noise, square = square, square @ noise + noise, None


@lru_cache(maxsize=16)
def _bartlett_constants(size: int, degrees: int) -> tuple[Floats, Floats]:
    """What selects the part below the diagonal, and half the degrees of freedom on it."""
    return np.tri(size, k=-1), (degrees - np.arange(size, dtype=float)) / 2


def _diagonal(matrices: Floats) -> Floats:
    """A view of the diagonals of contiguous matrices."""
    size = matrices.shape[-1]
    return matrices.reshape(*matrices.shape[:-2], size * size)[..., ::size + 1]


def _cholesky(matrices: Floats) -> Floats:
    if matrices.ndim > 2:
        return np.linalg.cholesky(matrices)
    root, info = scipy.linalg.lapack.dpotrf(matrices.T, lower=0, clean=1)
    if info:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    return root.T
