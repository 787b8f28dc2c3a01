"""Block Gibbs sampling written the obvious way: `chains` fields phi, swept one by one. The definition of the others.

A sweep draws all hidden nodes given the visible ones, and then all visible nodes given the hidden ones,

    h = sigma_h^2 W^T phi + N(0, sigma_h^2),      phi = W h / mu^2 + N(0, 1 / mu^2).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np

from .._support.arrays import like, namespace
from .._support.checks import Floats
from .stack import Ensemble, ModelTerm, average, data_root, equilibrium_root


@dataclass(frozen=True)
class ExplicitChains:
    """`chains` chains (B) with `steps` sweeps (k) per update; `persistent` is what they keep between updates.

    "visible" keeps phi; "hidden" keeps h, drawn with the weights from before the update; None keeps nothing, every
    update starts from the data. What is carried on is phi (runs, B, N_v), h (runs, B, N_h), or a root of the data's
    <phi phi^T>.
    """

    chains: int
    steps: int = 1
    persistent: Literal["visible", "hidden"] | None = "visible"

    def start(self, ensemble: Ensemble, correlation: Floats, rng: np.random.Generator) -> Floats:
        """What the first update goes on from; chains that persist start in equilibrium with the model."""
        if self.persistent is None:
            return data_root(ensemble, correlation)
        phi = self._draw(equilibrium_root(ensemble), rng)
        return phi if self.persistent == "visible" else hidden_given(ensemble, phi, rng)

    def model_term(self, ensemble: Ensemble, memory: Floats, rng: np.random.Generator) -> tuple[ModelTerm, Floats]:
        """The average over the chains after `steps` more sweeps, and what to go on from."""
        if self.persistent == "hidden":
            phi = explicit_sweeps(ensemble, visible_given(ensemble, memory, rng), self.steps - 1, rng)
            return average(ensemble, phi, self.chains), hidden_given(ensemble, phi, rng)
        phi = explicit_sweeps(ensemble, self._draw(memory, rng) if self.persistent is None else memory, self.steps, rng)
        return average(ensemble, phi, self.chains), memory if self.persistent is None else phi

    def _draw(self, root: Floats, rng: np.random.Generator) -> Floats:
        """phi = z M with rows z ~ N(0, 1)."""
        shape = (root.shape[0], self.chains, root.shape[-1])
        return like(rng.standard_normal(shape), root) @ root


def explicit_sweeps(ensemble: Ensemble, phi: Floats, steps: int, rng: np.random.Generator) -> Floats:
    """phi (runs, B, N_v) after `steps` block-Gibbs sweeps."""
    for _ in range(steps):
        phi = visible_given(ensemble, hidden_given(ensemble, phi, rng), rng)
    return phi


def hidden_given(ensemble: Ensemble, phi: Floats, rng: np.random.Generator) -> Floats:
    """h (runs, B, N_h) drawn given phi (runs, B, N_v)."""
    hidden = ensemble.hidden_variance * (phi @ ensemble.weights)
    hidden += sqrt(ensemble.hidden_variance) * like(rng.standard_normal(hidden.shape), phi)
    return hidden


def visible_given(ensemble: Ensemble, hidden: Floats, rng: np.random.Generator) -> Floats:
    """phi (runs, B, N_v) drawn given h (runs, B, N_h)."""
    mass = ensemble.mass_squared[:, None, :]
    phi = hidden @ ensemble.weights.mT / mass
    phi += like(rng.standard_normal(phi.shape), hidden) / namespace(mass).sqrt(mass)
    return phi
