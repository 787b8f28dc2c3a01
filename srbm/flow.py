"""Learning in continuous time (Sec. IV): the gradient flow of W and mu^2, and its closed form mode by mode.

    dW/dt    = sigma_h^2 (<phi phi^T>_target - K^-1) W                (26)
    dmu^2/dt = -(1/2) tr <phi phi^T>_target + (1/2) tr K^-1           (27)

Flow time is the sum of the learning rates: n updates at rate eta correspond to t = n eta. `gradient_flow` integrates
the matrices themselves, not singular values and angles, which are singular where two singular values meet. Where there
is a closed form, `trajectories` has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ._support.checks import (
    Floats,
    LearntMass,
    correlation_matrix,
    finite,
    learnt_mass,
    require_instance,
)
from ._support.runtime import progress_bar, single_threaded
from .chains.stack import Ensemble
from .errors import NotNormalizableError
from .model import ScalarRBM


@dataclass(frozen=True, eq=False, repr=False)
class Flow:
    """A solution of the gradient flow: `times` (T,), `weights` (T, N_v, N_h), `mass_squared` (T,)."""

    times: Floats
    weights: Floats
    mass_squared: Floats
    hidden_variance: float

    def __repr__(self) -> str:
        return f"<Flow: {len(self.times)} times up to t = {self.times[-1]:.6g}>"

    @cached_property
    def singular_values(self) -> Floats:
        """xi_alpha, descending, shape (T, min(N_v, N_h))."""
        return np.linalg.svd(self.weights, compute_uv=False)

    @cached_property
    def eigenvalues(self) -> Floats:
        """lambda_alpha, ascending, shape (T, N_v)."""
        reached = self.mass_squared[:, None] - self.hidden_variance * self.singular_values**2
        rest = self.weights.shape[1] - reached.shape[1]
        return np.concatenate([reached, np.repeat(self.mass_squared[:, None], rest, axis=1)], axis=1)

    @property
    def model(self) -> ScalarRBM:
        """The model at the last time."""
        return ScalarRBM(self.weights[-1], self.mass_squared[-1], self.hidden_variance)


def gradient_flow(rbm: ScalarRBM, correlation: ArrayLike, times: ArrayLike, learn_mass: LearntMass = False,
                  *, progress: bool = False) -> Flow:
    """Integrate Eq. (26), with `learn_mass` also that of the mass, from `rbm` at the first of `times`.

    With learn_mass=True mu^2 follows Eq. (27). With learn_mass="mu" the parameter that ascends is mu, dmu/dt = dL/dmu,
    and mu^2 moves 4 mu^2 times as fast:

        dmu^2/dt = 4 mu^2 x (27)

    For N_h >= N_v either flow conserves a function of the start, which says where on the flat maximum it ends:
    2 sigma_h^2 mu^2 + ln det(W W^T) / 2 the first, sigma_h^2 ln mu + ln det(W W^T) / 2 the second.

    Parameters
    ----------
    rbm : ScalarRBM
        The start; one mu^2 for all nodes, no hidden bias.
    correlation : array (N_v, N_v)
        <phi phi^T>_target; may be singular.
    times : array (T,)
        Increasing flow times at which the solution is wanted; the first is that of `rbm`.
    learn_mass : bool or "mu"
        Whether the mass is learnt, and as which parameter: True is mu^2, "mu" is mu.
    progress : bool
        Whether to show a progress bar, which counts the times (on stderr; needs tqdm).

    Raises
    ------
    NotNormalizableError
        When the start is not normalisable, or the integrator could not stay on the physical side of the pole
        lambda = 0; `.last_good` is the Flow up to there. (The exact flow never crosses it; an integrator that steps
        over it would go on, with all invariants intact, on a branch without meaning.)
    """
    require_instance(rbm, "rbm", ScalarRBM)
    if np.ndim(rbm.mass_squared) or rbm.source.any():
        raise ValueError("gradient_flow needs one mass_squared for all nodes and no hidden_bias")
    correlation = correlation_matrix(correlation, rbm.n_visible)
    times, learn_mass = finite(times, "times"), learnt_mass(learn_mass)
    if times.ndim != 1 or not times.size or (np.diff(times) <= 0).any():
        raise ValueError("times must be a non-empty, strictly increasing, one-dimensional array")
    shape, variance = rbm.weights.shape, rbm.hidden_variance
    initial = Ensemble(rbm.weights[None], np.array([[rbm.mass_squared]]), variance)
    if not initial.normalizable()[0]:  # as judged below: from a start that fails there, the integrator never returns
        raise NotNormalizableError("the initial model is not normalisable; start from smaller weights or a larger mu^2")
    half_trace = np.trace(correlation) / 2

    reached = 0

    def velocity(time: float, state: Floats) -> Floats:
        nonlocal reached
        passed = int(np.searchsorted(times, time, side="right"))
        if passed > reached:
            advance(passed - reached)
            reached = passed
        weights = state[:-1].reshape(shape)
        ensemble = Ensemble(weights[None], state[None, -1:], variance)
        if not ensemble.normalizable()[0]:
            return np.full_like(state, np.nan)  # the step-size control rejects the step and tries a smaller one
        propagator = np.linalg.inv(ensemble.kernel[0])
        mass = np.trace(propagator) / 2 - half_trace if learn_mass else 0.0
        if learn_mass == "mu":
            mass *= 4 * state[-1]
        return np.append(variance * ((correlation - propagator) @ weights).ravel(), mass)

    start = np.append(rbm.weights.ravel(), rbm.mass_squared)
    scale = np.append(np.full(rbm.weights.size, np.sqrt(rbm.mass_squared / variance)), rbm.mass_squared)
    if len(times) == 1:
        return Flow(times, rbm.weights[None], start[-1:], variance)
    stiff = learn_mass and _explicit_steps(initial, correlation, times, learn_mass) > _MANY
    integrator: Any = {"method": "Radau", "rtol": 1e-8} if stiff else {"method": "DOP853", "rtol": 1e-10}
    with single_threaded(rbm.n_visible), np.errstate(all="ignore"), \
            progress_bar(progress, len(times), "time") as advance:
        solution = scipy.integrate.solve_ivp(velocity, (times[0], times[-1]), start, t_eval=times, atol=1e-12 * scale,
                                             **integrator)
    states = solution.y.T
    flow = Flow(solution.t, states[:, :-1].reshape(len(states), *shape), states[:, -1], variance)
    crossed = np.any(flow.eigenvalues <= 0, axis=1)
    if not solution.success or crossed.any():
        good = int(np.argmax(crossed)) if crossed.any() else len(flow.times)
        flow = Flow(flow.times[:good], flow.weights[:good], flow.mass_squared[:good], variance)
        reason = "an eigenvalue became negative" if crossed.any() else solution.message
        raise NotNormalizableError(f"the flow could not be followed beyond t = {flow.times[-1]:g}: {reason}",
                                   last_good=flow)
    return flow


_MANY = 50_000
"""Steps of the explicit integrator beyond which the implicit one is the faster."""


def _explicit_steps(initial: Ensemble, correlation: Floats, times: Floats, learn_mass: LearntMass) -> float:
    """How many steps an explicit integrator would need to stay stable.

    The mass relaxes at the rate tr K^-2 / 2, W at the largest eigenvalue of the correlation matrix: in large fields the
    mass is by far the faster and follows W as its slave, which forces an explicit integrator to small steps.
    """
    propagator = np.linalg.inv(initial.kernel[0])
    rate = max(float((propagator**2).sum()), float((correlation**2).sum())) / 2
    if learn_mass == "mu":
        rate *= 4 * float(initial.mass_squared[0, 0])
    return rate * float(times[-1] - times[0]) / 6
