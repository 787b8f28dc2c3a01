"""Whether a kernel that changes a little at every update is still positive, without decomposing it each time.

K = mu^2 - sigma_h^2 W W^T is positive when the norm of W is below mu / sigma_h. Once the norm of W_0 is known, that of
the weights that follow is bounded by how far they have moved,

    |W| <= |W_0| + |W - W_0|_F.

That is a proof, not an estimate. Where it fails, a Cholesky decomposition of K decides, and W_0 is renewed. (A bound
that follows the few largest singular values was no faster at any size, and slower near the optimum.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .._support.arrays import is_numpy
from .._support.checks import Floats
from ..chains.stack import Ensemble
from ..stability import slowest_sweeps, stable_rate
from .history import Settings
from .strategies import CD, PCD

_SHORT, _PAUSE = 32, 32
"""A bound that held for fewer updates than `_SHORT` is not renewed for the next `_PAUSE`: it costs as much as they."""
_SLACK = 1e-9
"""Relative distance from the pole below which rounding could spoil the proof, so that Cholesky decides."""


@dataclass
class PositivityGuard:
    """Tells after every update which runs still have a positive kernel; remembers a bound for all runs."""

    _reference: tuple[Floats, Floats, np.ndarray] | None = field(default=None, init=False)
    """W_0 (runs, N_v, N_h), |W_0| (runs,), and the answer as long as the bound holds, True (runs,)."""
    _held: int = field(default=0, init=False)
    _pause: int = field(default=0, init=False)

    def __call__(self, ensemble: Ensemble) -> np.ndarray:
        """Which runs `ensemble.normalizable()` holds for, shape (runs,)."""
        if self._reference is not None:
            if self._proves(ensemble):
                self._held += 1
                return self._reference[2]
            self._reference, self._pause = None, _PAUSE if self._held < _SHORT else 0
        good = ensemble.normalizable()
        if self._pause:
            self._pause -= 1
        elif good.all() and _has_bound(ensemble):
            self._reference, self._held = (ensemble.weights, _norms(ensemble), good), 0
        return good

    def _proves(self, ensemble: Ensemble) -> bool:
        """Whether the bound shows that all runs are positive."""
        assert self._reference is not None
        reference, norms, _ = self._reference
        moved = ensemble.weights - reference
        if len(moved) == 1:  # floats: arrays of one cost as much as a small model
            largest = float(norms[0]) + math.sqrt(np.vdot(moved, moved))
            return ensemble.hidden_variance * largest * largest < (1 - _SLACK) * ensemble.mass_squared.item()
        bounds = norms + np.sqrt(np.einsum("rij,rij->r", moved, moved))
        return bool((ensemble.hidden_variance * bounds**2 < (1 - _SLACK) * ensemble.mass_squared[:, 0]).all())


def _has_bound(ensemble: Ensemble) -> bool:
    """Whether the bound is one of these models, and cheaper than what it saves."""
    return is_numpy(ensemble.weights) and ensemble.mass_squared.shape[1] == 1 and min(ensemble.weights.shape[1:]) > 0


def _norms(ensemble: Ensemble) -> Floats:
    """The largest singular value of each W, shape (runs,)."""
    weights = ensemble.weights
    wide = weights.shape[1] < weights.shape[2]
    gram = weights @ weights.swapaxes(-1, -2) if wide else ensemble.hidden_gram
    return np.sqrt(np.linalg.eigvalsh(gram)[:, -1])


def advice(settings: Settings, ensemble: Ensemble, run: int) -> str:
    """What keeps a run normalisable, with numbers where kappa_min of the target is to be had for little."""
    learns_mu = settings.learn_mass == "mu"  # which asks for smaller rates than W and mu^2 do
    limit = (
        " (below what learning_rate_limit tells, as mu is learnt)"
        if learns_mu
        else " (learning_rate_limit tells what is stable)"
    )
    sweeps = np.inf
    spectrum, mass = settings.target.spectrum, ensemble.mass_squared[run]
    if len(mass) == 1 and spectrum is not None:
        mass_squared, kappa_min = float(mass[0]), 1 / spectrum.max()
        if 0 < kappa_min < mass_squared:
            # Not learning_rate_limit itself: no range of numbers is to hide the error that is being told.
            stable = stable_rate(np.array([kappa_min]), mass_squared, ensemble.hidden_variance)
            if not learns_mu:
                limit = f" (stable up to about {stable:.2g} with exact gradients, see learning_rate_limit)"
            sweeps = slowest_sweeps(kappa_min, mass_squared)
    advice = f"reduce the learning rate{limit}"
    if isinstance(settings.gradient, (CD, PCD)):
        advice += f", or use more than {settings.gradient.chains} chains"
        if settings.gradient.steps < sweeps:
            wanted = f"{sweeps:.0f}" if sweeps < np.inf else "mu^2 / (2 kappa_min)"
            advice += f" and about {wanted} sweeps per update, not {settings.gradient.steps}"
    return advice
