"""Whether a kernel that changes a little at every update is still positive, without decomposing it each time.

K = mu^2 - sigma_h^2 W W^T is positive when the norm of W is below mu / sigma_h. After one Cholesky decomposition that
is known of the updates that follow from how far W has moved, up to a margin that is tiny where an eigenvalue of K is:
in the few directions U of the largest singular values. So U^T W is looked at every time, and the rest of W is bounded,

    |(1 - U U^T) W| <= |(1 - U U^T) W_0| + |W - W_0|_F,

W_0 being the weights at the last decomposition. In the two blocks that U and its complement make of W W^T, the first
is known, the second bounded, and the coupling of the two is known: K > 0 follows when the Schur complement is positive.
That is a proof, not an estimate. Where it fails, a Cholesky decomposition of K decides, and U and W_0 are renewed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import scipy

from .._support.arrays import add_to_diagonal, is_numpy
from .._support.checks import Floats
from ..chains.stack import Ensemble
from ..stability import slowest_sweeps, stable_rate
from .history import Settings
from .strategies import CD, PCD

_SMALL = 128
"""Up to this min(N_v, N_h) a Cholesky decomposition is cheaper than U^T W, and the whole of W is bounded at once."""
_SHORT, _PAUSE = 8, 32
"""A bound of a small model that held for fewer updates than `_SHORT` is not renewed for the next `_PAUSE`."""
_ITERATIONS = 2
_SLACK = 1e-9
"""Relative distance from the pole below which rounding could spoil the proof, so that Cholesky decides."""


@dataclass(frozen=True)
class _Bound:
    """|(1 - U U^T) M| <= `rest` and |M| <= `norm` at M = `matrix` (n, m), n <= m; U is `directions` (n, p)."""

    matrix: Floats
    directions: Floats
    rest: float
    norm: float

    def proves(self, matrix: Floats, limit: float) -> bool:
        """Whether this bound proves |M|^2 < `limit`."""
        limit *= 1 - _SLACK
        moved = float(np.linalg.norm(matrix - self.matrix))
        if (self.norm + moved)**2 < limit:
            return True
        rest = limit - (self.rest + moved)**2
        if not rest > 0:
            return False
        rows = self.directions.T @ matrix
        product = matrix @ rows.T
        inside = rows @ rows.T
        coupling = np.linalg.norm(product - self.directions @ inside)
        largest = limit - np.linalg.eigvalsh(inside)[-1]
        return bool(largest > 0 and rest * largest > coupling**2)


@dataclass
class PositivityGuard:
    """Tells after every update which runs still have a positive kernel; remembers a bound for each run."""

    directions: int = 8
    _bounds: dict[int, _Bound] = field(default_factory=dict, init=False)
    _small: tuple[Floats, Floats] | None = field(default=None, init=False)
    _held: int = field(default=0, init=False)
    _pause: int = field(default=0, init=False)

    def __call__(self, ensemble: Ensemble) -> np.ndarray:
        """The same as `ensemble.normalizable()`, shape (runs,)."""
        if ensemble.mass.shape[1] > 1 or min(ensemble.weights.shape[1:]) == 0 or not is_numpy(ensemble.weights):
            return ensemble.normalizable()
        if min(ensemble.weights.shape[1:]) <= _SMALL:
            return self._all_small(ensemble)
        return np.array([self._positive(run, ensemble) for run in range(len(ensemble.weights))])

    def _all_small(self, ensemble: Ensemble) -> np.ndarray:
        """For all runs at once: |W| <= |W_0| + |W - W_0|_F."""
        weights = ensemble.weights
        if self._small is not None:
            reference, norms = self._small
            moved = weights - reference
            if len(moved) == 1:  # floats: arrays of one cost as much as a small model
                largest = float(norms[0]) + math.sqrt(np.vdot(moved, moved))
                proved = ensemble.hidden_variance * largest * largest < (1 - _SLACK) * ensemble.mass.item()
            else:
                bounds = norms + np.sqrt(np.einsum("rij,rij->r", moved, moved))
                proved = (ensemble.hidden_variance * bounds**2 < (1 - _SLACK) * ensemble.mass[:, 0]).all()
            if proved:
                self._held += 1
                return np.ones(len(weights), dtype=bool)
            self._small, self._pause = None, _PAUSE if self._held < _SHORT else 0
        good = ensemble.normalizable()
        if self._pause:
            self._pause -= 1
        elif good.all():
            self._small, self._held = (weights, np.linalg.norm(weights, 2, axis=(-2, -1))), 0
        return good

    def _positive(self, run: int, ensemble: Ensemble) -> bool:
        weights, mass = ensemble.weights[run], float(ensemble.mass[run, 0])
        matrix = weights if weights.shape[0] <= weights.shape[1] else weights.T
        limit = mass / ensemble.hidden_variance
        if run in self._bounds and self._bounds[run].proves(matrix, limit):
            return True
        if not (limit > 0 and np.isfinite(matrix).all()):
            return False
        gram = matrix @ matrix.T
        root = _root_below(gram, limit)
        previous = self._bounds.pop(run, None)
        if root is None:
            return False
        directions = self._start(len(gram)) if previous is None else previous.directions
        bound = _new_bound(matrix, gram, limit, root, directions)
        if bound is not None:
            self._bounds[run] = bound
        return True

    def _start(self, size: int) -> Floats:
        directions = np.random.default_rng(0).standard_normal((size, self.directions))
        return np.linalg.qr(directions)[0]


def _new_bound(matrix: Floats, gram: Floats, limit: float, root: Floats, directions: Floats) -> _Bound | None:
    """A bound at `matrix`, with directions improved by inverse iteration; None where there is none to be had."""
    for _ in range(_ITERATIONS):
        directions = np.linalg.qr(scipy.linalg.cho_solve((root, True), directions, check_finite=False))[0]
    product = gram @ directions
    inside = directions.T @ product
    values = np.linalg.eigvalsh(inside)
    mixed = product - directions @ inside
    level = (max(values[0], 0) + limit) / 2
    if _root_below(gram - mixed @ directions.T - directions @ product.T, level) is None:
        return None
    mean, half = (values[-1] + level) / 2, (values[-1] - level) / 2
    return _Bound(matrix, directions, np.sqrt(level), np.sqrt(mean + np.hypot(half, np.linalg.norm(mixed))))


def _root_below(gram: Floats, limit: float) -> Floats | None:
    """The Cholesky root of `limit` - `gram`, or None where an eigenvalue of `gram` reaches `limit`."""
    try:
        root = np.linalg.cholesky(add_to_diagonal(-gram, limit))
    except np.linalg.LinAlgError:
        return None
    return root if np.isfinite(root).all() else None


def advice(settings: Settings, ensemble: Ensemble, run: int) -> str:
    """What keeps a run normalisable, with numbers where kappa_min of the target is to be had for little."""
    learns_mu = settings.learn_mass == "mu"  # which asks for smaller rates than W and mu^2 do
    limit = " (below what learning_rate_limit tells, as mu is learnt)" if learns_mu else \
        " (learning_rate_limit tells what is stable)"
    sweeps = np.inf
    spectrum, mass = settings.target.spectrum, ensemble.mass[run]
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
