"""Explicit Markov chains in single precision, for models too large for Gram matrices (N_v N_h above a few thousand).

The weights stay in double precision; only the B fields and the products with them are single. Rounding moves a field by
1e-7 of itself, and the variance 1 / lambda of a mode near the pole by 1e-7 mu^2 / lambda, against sampling noise of
(2 / B)^1/2. The small updates of W, which single precision would lose, are not rounded.

In units of the noise, f = phi mu and g = h / sigma_h, the model has one matrix, w = sigma_h W / mu, and a sweep is

    g = f w + N(0, 1),      f = g w^T + N(0, 1).

Chains that persist in phi need four products with w per update: f w for the sweep, g w^T, then f w and f^T (f w) for
the gradient. Chains that persist in h need three, since f w of the gradient is also the mean of the next g. But that g
was drawn with the weights from before the update: the two laws differ by O(learning rate).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from .._support.checks import Floats
from .normals import single_normals
from .stack import Ensemble, ModelTerm


@dataclass(frozen=True)
class SingleChains:
    """`chains` explicit chains (B) with `steps` sweeps (k) per update, float32.

    With `persistent` "visible" the law is that of `PCD(chains, steps)` with explicit chains, up to the rounding of
    fields; with "hidden" that of `PCD(chains, steps, persistent="hidden")`.
    """

    chains: int
    steps: int = 1
    persistent: Literal["visible", "hidden"] = "visible"

    in_eigenbasis: ClassVar[bool] = True

    def start(self, ensemble: Ensemble, correlation: Floats, rng: np.random.Generator) -> np.ndarray:
        """phi (runs, B, N_v), or h / sigma_h (runs, B, N_h), drawn from the model."""
        runs, n_visible = ensemble.weights.shape[:2]
        root = np.linalg.inv(np.linalg.cholesky(ensemble.kernel)).astype(np.float32)
        phi = single_normals(rng, (runs, self.chains, n_visible)) @ root
        return phi if self.persistent == "visible" else _hidden(phi, _coupling(ensemble), rng)

    def model_term(
        self, ensemble: Ensemble, memory: np.ndarray, rng: np.random.Generator
    ) -> tuple[ModelTerm, np.ndarray]:
        """The average over the chains after `steps` more sweeps."""
        unit = (1 / np.sqrt(ensemble.mass_squared)).astype(np.float32)  # of phi
        coupling = _coupling(ensemble)  # of g to phi
        w = coupling * unit[:, :, None]  # of g to f
        g = _hidden(memory, coupling, rng) if self.persistent == "visible" else memory
        for step in range(self.steps):
            f = g @ w.swapaxes(-1, -2)
            f += single_normals(rng, f.shape)
            if step < self.steps - 1:
                g = _hidden(f, w, rng)
        mean = f @ w
        correlation_weights = f.swapaxes(-1, -2) @ mean
        correlation_weights *= unit[:, :, None] / np.float32(self.chains * np.sqrt(ensemble.hidden_variance))
        variances = np.einsum("rbi,rbi->ri", f, f) / ensemble.mass_squared / self.chains
        if self.persistent == "hidden":
            mean += single_normals(rng, mean.shape)
            return ModelTerm(correlation_weights, variances), mean
        f *= unit[:, None, :]
        return ModelTerm(correlation_weights, variances), f


def _coupling(ensemble: Ensemble) -> np.ndarray:
    """sigma_h W in single precision."""
    coupling = ensemble.weights.astype(np.float32)
    coupling *= np.float32(np.sqrt(ensemble.hidden_variance))
    return coupling


def _hidden(fields: np.ndarray, coupling: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """g given the visible fields."""
    g = fields @ coupling
    g += single_normals(rng, g.shape)
    return g
