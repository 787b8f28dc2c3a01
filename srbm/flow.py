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
    Frozen,
    LearntMass,
    correlation_matrix,
    finite,
    frozen,
    learnt_mass,
    require_instance,
)
from ._support.runtime import progress_bar, single_threaded
from .chains.stack import Ensemble
from .errors import NotNormalizableError
from .model import ScalarRBM
from .stability import eigenvalue_relaxation, learning_rate_limit, relaxation_rates  # noqa: F401  old place
from .trajectories import mode_trajectory, natural_gradient_flow  # noqa: F401  old place


@dataclass(frozen=True, eq=False, repr=False)
class Flow(Frozen):
    """A solution of the gradient flow.

    Attributes
    ----------
    times : array (T,)
        Flow times, the sum of the learning rates up to there.
    weights : array (T, N_v, N_h)
        W at these times.
    mass_squared : array (T,)
        mu^2 at these times.
    hidden_variance : float
        sigma_h^2, which stays.

    Examples
    --------
    >>> from srbm import FreeScalarField, ScalarRBM, gradient_flow
    >>> flow = gradient_flow(ScalarRBM.random(4, 4, 9.0, rng=0), FreeScalarField(4).propagator, [0.0, 1000.0])
    >>> flow
    <Flow: 2 times up to t = 1000>
    >>> flow.eigenvalues[-1].round(3)
    array([4., 6., 6., 8.])
    """

    times: Floats
    weights: Floats
    mass_squared: Floats
    hidden_variance: float

    def __post_init__(self) -> None:
        for name in ("times", "weights", "mass_squared"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def __repr__(self) -> str:
        return f"<Flow: {len(self.times)} times up to t = {self.times[-1]:.6g}>"

    @cached_property
    def singular_values(self) -> Floats:
        """Singular values xi_alpha of W, descending, of shape (T, min(N_v, N_h))."""
        return frozen(np.linalg.svd(self.weights, compute_uv=False))

    @cached_property
    def eigenvalues(self) -> Floats:
        """Eigenvalues lambda_alpha of the kernel, ascending, of shape (T, N_v)."""
        reached = self.mass_squared[:, None] - self.hidden_variance * self.singular_values**2
        rest = self.weights.shape[1] - reached.shape[1]
        return frozen(np.concatenate([reached, np.repeat(self.mass_squared[:, None], rest, axis=1)], axis=1))

    @property
    def model(self) -> ScalarRBM:
        """Model at the last time, a `ScalarRBM`."""
        return ScalarRBM(self.weights[-1], self.mass_squared[-1], self.hidden_variance)


def gradient_flow(
    rbm: ScalarRBM, correlation: ArrayLike, times: ArrayLike, learn_mass: LearntMass = False, *, progress: bool = False
) -> Flow:
    r"""Integrate gradient ascent in continuous time.

    W follows Eq. (26), and with `learn_mass` the mass its own equation. With `learn_mass=True` that is Eq. (27). With
    `learn_mass="mu"` the parameter that ascends is mu, and mu^2 moves 4 mu^2 times as fast:

    .. math:: \frac{d\mu^2}{dt} = 4 \mu^2 \cdot (27)

    For N_h >= N_v either flow conserves a function of the start, which says where on the flat maximum it ends:

    .. math::

       2 \sigma_h^2 \mu^2 + \tfrac12 \ln\det(W W^T) \quad\text{(True)}, \qquad
       \sigma_h^2 \ln\mu + \tfrac12 \ln\det(W W^T) \quad\text{("mu")}

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

    Returns
    -------
    Flow
        The solution at `times`.

    Raises
    ------
    NotNormalizableError
        When the start is not normalisable, or the integrator could not stay on the physical side of the pole
        lambda = 0; `.last_good` is the Flow up to there. (The exact flow never crosses it; an integrator that steps
        over it would go on, with all invariants intact, on a branch without meaning.)
    ValueError
        For a mass per node, a hidden bias, or times that do not increase; also where the flow would take hours, since
        it has more than a thousand variables and modes that relax in a millionth of the time asked for.

    Examples
    --------
    >>> from srbm import FreeScalarField, ScalarRBM, gradient_flow
    >>> start = ScalarRBM.random(4, 4, mass_squared=9.0, rng=0)
    >>> flow = gradient_flow(start, FreeScalarField(4).propagator, [0.0, 10.0, 1000.0])
    >>> flow.model.kernel.round(3) + 0.0
    array([[ 6., -1.,  0., -1.],
           [-1.,  6., -1.,  0.],
           [ 0., -1.,  6., -1.],
           [-1.,  0., -1.,  6.]])
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

    def velocity(time: float, states: Floats) -> Floats:  # a state in each column: a Jacobian needs many at once
        nonlocal reached
        passed = int(np.searchsorted(times, time, side="right"))
        if passed > reached:
            advance(passed - reached)
            reached = passed
        weights, mass = states[:-1].T.reshape(states.shape[1], *shape), states[-1:].T
        ensemble = Ensemble(weights, mass, variance)
        good = ensemble.normalizable()
        kernel = ensemble.kernel
        kernel[~good] = np.nan  # the step-size control rejects the step and tries a smaller one
        propagator = np.linalg.inv(kernel)
        drift = np.zeros_like(mass)
        if learn_mass:
            drift[:, 0] = np.trace(propagator, axis1=1, axis2=2) / 2 - half_trace
        if learn_mass == "mu":
            drift *= 4 * mass
        climb = variance * ((correlation - propagator) @ weights)
        return np.concatenate([climb.reshape(len(climb), rbm.weights.size), drift], axis=1).T

    start = np.append(rbm.weights.ravel(), rbm.mass_squared)
    scale = np.append(np.full(rbm.weights.size, np.sqrt(rbm.mass_squared / variance)), rbm.mass_squared)
    if len(times) == 1:
        return Flow(times, rbm.weights[None], start[-1:], variance)
    integrator: dict[str, Any] = {"vectorized": True}  # velocities of many states at once
    integrator |= _integrator(_explicit_steps(initial, correlation, times, learn_mass), len(start), times)
    with (
        single_threaded(rbm.n_visible),
        np.errstate(all="ignore"),
        progress_bar(progress, len(times), "time") as advance,
    ):
        solution = scipy.integrate.solve_ivp(
            velocity, (times[0], times[-1]), start, t_eval=times, atol=1e-12 * scale, **integrator
        )
    states = solution.y.T
    flow = Flow(solution.t, states[:, :-1].reshape(len(states), *shape), states[:, -1], variance)
    crossed = np.any(flow.eigenvalues <= 0, axis=1)
    if not solution.success or crossed.any():
        good = int(np.argmax(crossed)) if crossed.any() else len(flow.times)
        flow = Flow(flow.times[:good], flow.weights[:good], flow.mass_squared[:good], variance)
        reason = "an eigenvalue became negative" if crossed.any() else solution.message
        raise NotNormalizableError(
            f"the flow could not be followed beyond t = {flow.times[-1]:g}: {reason}", last_good=flow
        )
    return flow


_MOST = 1e6
"""Steps beyond which an explicit integrator would take hours."""


def _integrator(steps: float, size: int, times: Floats) -> dict[str, Any]:
    """What integrates `size` variables the faster, if the explicit integrator needs so many `steps`.

    Each step of the explicit one costs twelve velocities. The implicit one needs few steps, but factorises matrices of
    this size, some hundred times: from a thousand variables on that takes minutes.
    """
    if size <= 1000 and steps > 2000 + 20 * size + 12_000 * (size / 400) ** 3:
        return {"method": "Radau", "rtol": 1e-8}
    if steps > _MOST:
        raise ValueError(
            f"the lightest modes relax so fast that the flow to t = {times[-1]:g} would take {steps:.1g} steps, hours: "
            f"ask for times up to {times[0] + (times[-1] - times[0]) * _MOST / steps:.2g}, take maximum_likelihood for "
            "the end of the flow, mode_trajectory for a start that is aligned with the target, or measure the fields "
            "in other units"
        )
    return {"method": "DOP853", "rtol": 1e-10}


def _explicit_steps(initial: Ensemble, correlation: Floats, times: Floats, learn_mass: LearntMass) -> float:
    """How many steps an explicit integrator needs to stay stable, near the end of the flow or at its start.

    A mode that has been learnt relaxes at the rate 2 sigma_h^2 (mu^2 - kappa) / kappa^2. The mass relaxes at the rate
    tr K^-2 / 2: in large fields it is by far the faster and follows W as its slave. The integrator's own step does not
    help, it has to be shorter than six times the shortest of these times.
    """
    variances, mass = np.linalg.eigvalsh(correlation), float(initial.mass_squared[0, 0])
    rate = float((2 * initial.hidden_variance * variances * (mass * variances - 1)).max())
    if learn_mass:
        propagator = np.linalg.inv(initial.kernel[0])
        slave = max(float((propagator**2).sum()), float((variances**2).sum())) / 2
        rate = max(rate, slave * (4 * mass if learn_mass == "mu" else 1))
    return max(rate, 0.0) * float(times[-1] - times[0]) / 6
