"""Learning in continuous time (Sec. IV): the gradient flow of W and mu^2, and its closed form mode by mode.

    dW/dt    = sigma_h^2 (<phi phi^T>_target - K^-1) W                (26)
    dmu^2/dt = -(1/2) tr <phi phi^T>_target + (1/2) tr K^-1           (27)

Flow time is the sum of the learning rates: n updates at rate eta correspond to t = n eta. `gradient_flow` integrates
the matrices themselves, not singular values and angles, which are singular where two singular values meet. When the
eigenbases are aligned every mode obeys Eq. (81) by itself, and `mode_trajectory` solves that in closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ._progress import progress_bar
from ._range import in_extended_range, in_range
from ._threads import single_threaded
from ._validation import (
    Floats,
    LearntMass,
    correlation_matrix,
    count,
    finite,
    floats,
    kernel_eigenvalues,
    learnt_mass,
    number,
    require_instance,
)
from .errors import NotNormalizableError
from .gradient import Ensemble
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
        rate *= 4 * float(initial.mass[0, 0])
    return rate * float(times[-1] - times[0]) / 6


@in_range
def mode_trajectory(kappa: ArrayLike, mass_squared: float, initial_eigenvalue: ArrayLike, times: ArrayLike,
                    hidden_variance: float = 1.0) -> Floats:
    """lambda(t) of an aligned mode at fixed mu^2: the closed, implicit solution of Eq. (81).

    For kappa != mu^2 the solution satisfies

        kappa^2 ln[(lambda - kappa) / (lambda_0 - kappa)] - kappa mu^2 ln[(mu^2 - lambda) / (mu^2 - lambda_0)]
            = -2 sigma_h^2 (mu^2 - kappa) t,

    which is inverted here by Newton iterations in variables in which both ends of the trajectory are at infinity and
    the equation is convex or concave, so that they converge monotonically. lambda ends at min(kappa, mu^2).

    Parameters
    ----------
    kappa : array (...)
        Target eigenvalues > 0; infinity for directions in which the data do not vary.
    initial_eigenvalue : array (...)
        lambda(0) with 0 < lambda(0) <= mu^2, broadcast against `kappa`; a mode that starts at mu^2 (xi = 0) stays.
    times : array (T...)
        Flow times >= 0.

    Returns
    -------
    array (T..., ...) of lambda.
    """
    mu2 = number(mass_squared, "mass_squared", above=0)
    s2 = number(hidden_variance, "hidden_variance", above=0)
    times = finite(times, "times")
    if (times < 0).any():
        raise ValueError(f"times must be >= 0, got {times.min():g}")
    kappa = floats(kappa, "kappa")
    if np.isnan(kappa).any() or (kappa <= 0).any():
        raise ValueError("kappa must be positive (infinite for null directions of the data)")
    kappa, initial = np.broadcast_arrays(kappa, finite(initial_eigenvalue, "initial_eigenvalue"))
    if (initial <= 0).any() or (initial > mu2).any():
        raise ValueError("initial_eigenvalue must lie in (0, mu^2]: it is mu^2 - sigma_h^2 xi^2 of a normalisable "
                         "model")

    shape = times.shape + kappa.shape
    elapsed = 2 * s2 * np.broadcast_to(times.reshape(times.shape + (1,) * kappa.ndim), shape).flatten()
    kappa = np.broadcast_to(kappa, shape).ravel()
    initial = np.broadcast_to(initial, shape).ravel()
    result = initial.copy()
    moving = (elapsed > 0) & (initial < mu2) & (initial != kappa)
    near_pole = moving & (4 * initial < np.minimum(kappa, mu2))
    result[near_pole], elapsed[near_pole] = _leaving_the_pole(
        kappa[near_pole], mu2, initial[near_pole], elapsed[near_pole])
    initial, moving = result.copy(), moving & (elapsed > 0)
    for branch, select in ((_falling, (kappa < mu2) & (initial > kappa)),
                           (_rising, (kappa < mu2) & (initial < kappa)),
                           (_decoupling, kappa >= mu2)):
        chosen = moving & select
        result[chosen] = branch(kappa[chosen], mu2, initial[chosen], elapsed[chosen])
    return result.reshape(shape)


def _newton(equation: Callable[..., tuple[Floats, Floats]], guess: Floats, *parameters: Floats,
            scale: float = 1.0) -> Floats:
    """Roots of equation(x, *parameters) -> (value, slope), from guesses from which Newton's iteration is monotone.

    A root x is found to 1e-14 (scale + |x|).
    """
    root = guess.copy()
    active = np.arange(root.size)
    for _ in range(200):
        value, slope = equation(root[active], *(p[active] for p in parameters))
        step = value / slope
        root[active] -= step
        active = active[np.abs(step) > 1e-14 * (scale + np.abs(root[active]))]
        if not active.size:
            break
    return root


def _leaving_the_pole(kappa: Floats, mu2: float, initial: Floats, elapsed: Floats) -> tuple[Floats, Floats]:
    """lambda of modes that start at lambda_0 < min(kappa, mu^2) / 4, until half that minimum, and the time left then.

    Close to the pole lambda^2 grows linearly in time, and lambda itself cannot be had from its distance to kappa or
    mu^2 without losing digits. In w = lambda^2 the time that has passed is

        2 sigma_h^2 t = F(lambda) - F(lambda_0),    F = w / mu^2 sum_k (lambda/mu^2, lambda/kappa)_k / (k + 2),

    (x, y)_k being x^k + x^(k-1) y + ... + y^k: the expansion of (81), convex in w, of positive terms only.
    """
    def passed(lam: Floats, kappa: Floats) -> Any:
        x, y = lam / mu2, lam / kappa
        powers, last, total = np.ones_like(x), np.ones_like(x), np.full_like(x, 0.5)
        for k in range(1, 60):  # x, y <= 1/2
            last *= y
            powers = x * powers + last
            total += powers / (k + 2)
        return lam**2 / mu2 * total

    half = np.minimum(kappa, mu2) / 2
    begun = passed(initial, kappa)
    left = elapsed - (passed(half, kappa) - begun)
    lam: Floats = half.copy()
    within = left <= 0
    kappa, begun, elapsed, half, initial = (of[within] for of in (kappa, begun, elapsed, half, initial))

    def equation(w: Floats, kappa: Floats, begun: Floats, elapsed: Floats) -> tuple[Floats, Floats]:
        lam = np.sqrt(w)
        return passed(lam, kappa) - begun - elapsed, 1 / (2 * (mu2 - lam) * (1 - lam / kappa))

    tangent = initial**2 + 2 * elapsed * (mu2 - initial) * (1 - initial / kappa)
    w = _newton(equation, np.minimum(tangent, half**2), kappa, begun, elapsed, scale=0.0)
    lam[within] = np.sqrt(w)
    return lam, np.maximum(left, 0)


def _log_expm1(u: Floats) -> Floats:
    return u + np.log(-np.expm1(-u))


def _falling(kappa: Floats, mu2: float, initial: Floats, elapsed: Floats) -> Floats:
    """kappa < lambda_0 < mu^2, in u = ln[(mu^2 - lambda) / (lambda - kappa)]: increasing and concave."""
    start = np.log(mu2 - initial) - np.log(initial - kappa)

    def equation(u: Floats, kappa: Floats, start: Floats, elapsed: Floats) -> tuple[Floats, Floats]:
        value = (kappa**2 * (np.logaddexp(0, u) - np.logaddexp(0, start))
                 + kappa * mu2 * (np.logaddexp(0, -start) - np.logaddexp(0, -u)) - (mu2 - kappa) * elapsed)
        right = scipy.special.expit(u)
        return value, kappa**2 * right + kappa * mu2 * (1 - right)

    u = _newton(equation, start, kappa, start, elapsed)
    return kappa + (mu2 - kappa) * scipy.special.expit(-u)


def _rising(kappa: Floats, mu2: float, initial: Floats, elapsed: Floats) -> Floats:
    """lambda_0 < kappa < mu^2, in u = ln[(mu^2 - lambda) / (kappa - lambda)] > 0: increasing and convex."""
    start = np.log1p((mu2 - kappa) / (kappa - initial))

    def equation(u: Floats, kappa: Floats, start: Floats, elapsed: Floats) -> tuple[Floats, Floats]:
        stretch = mu2 / (mu2 - kappa)
        value = kappa * (stretch * (u - start) - (_log_expm1(u) - _log_expm1(start))) - elapsed
        return value, kappa * (stretch + 1 / np.expm1(-u))

    # The slope grows with u, so the tangent at the start overshoots. A second bound beyond the root, from
    # ln(e^u - 1) < u, keeps that overshoot small where the slope at the start is nearly zero.
    gap = mu2 - kappa
    overshoot = start + elapsed / np.maximum(equation(start, kappa, start, elapsed)[1], 1e-300)
    bound = start + (elapsed / kappa + start - _log_expm1(start)) * gap / kappa
    u = _newton(equation, np.minimum(overshoot, bound), kappa, start, elapsed, scale=0.0)  # u ~ gap is tiny near mu^2
    return kappa + gap * np.exp(-u) / np.expm1(-u)


def _decoupling(kappa: Floats, mu2: float, initial: Floats, elapsed: Floats) -> Floats:
    """kappa >= mu^2, in v = ln[(mu^2 - lambda_0) / (mu^2 - lambda)] >= 0: increasing, convex; lambda -> mu^2."""
    c = 1 / kappa
    delta = np.maximum(1 - c * mu2, 1e-30)  # zero at kappa = mu^2, where the limit delta -> 0 of the solution holds

    def equation(v: Floats, c: Floats, delta: Floats, initial: Floats, elapsed: Floats) -> tuple[Floats, Floats]:
        depth = mu2 - initial
        lam = mu2 - depth * np.exp(-v)
        beta = c * depth
        value = np.empty_like(v)
        near = delta < 0.5  # kappa close to mu^2: a form without cancellation as delta -> 0
        x = np.log(delta[near] / (delta[near] + beta[near])) + _log_expm1(v[near])
        value[near] = (np.logaddexp(0, x) / delta[near] - v[near]) / c[near]
        far = ~near  # up to kappa infinite: a form without cancellation as c -> 0
        moved = (lam[far] - initial[far]) / (1 - c[far] * initial[far])
        y = c[far] * moved
        ratio = np.ones_like(y)
        np.divide(-np.log1p(-y), y, out=ratio, where=y > 0)
        value[far] = (mu2 * v[far] - moved * ratio) / delta[far]
        return value - elapsed, lam / (delta + beta * np.exp(-v))

    # Two bounds beyond the root: the slope is smallest at v = 0, and it is at least mu^2 (1 - e^-v).
    guess = np.minimum(elapsed * (1 - c * initial) / initial, elapsed / mu2 + 1)
    v = _newton(equation, guess, c, delta, initial, elapsed)
    return mu2 - (mu2 - initial) * np.exp(-v)


@in_range
def natural_gradient_flow(rbm: ScalarRBM, correlation: ArrayLike, times: ArrayLike) -> Floats:
    """<phi phi^T> of the model under natural-gradient flow for N_h >= N_v, shape (T, N_v, N_v).

    In the Fisher metric of Gaussians the gradient flow of the likelihood is dK/dt = K - K C* K with C* the
    `correlation`, which is linear in the propagator C = K^-1: dC/dt = C* - C. Every mode relaxes at the same rate, one,

        C(t) = C* + (C(0) - C*) e^-t,

    so that learning the infrared first is a property of the Euclidean metric of W, not of the model. The flow in the
    space of kernels is one of weights as long as C(t) exceeds 1 / mu^2, which holds if both ends do; `ValueError`
    otherwise, or for N_h < N_v.
    """
    require_instance(rbm, "rbm", ScalarRBM)
    if np.ndim(rbm.mass_squared) or rbm.source.any():
        raise ValueError("natural_gradient_flow needs one mass_squared for all nodes and no hidden_bias")
    if rbm.n_hidden < rbm.n_visible:
        raise ValueError(f"natural_gradient_flow needs n_hidden >= N_v = {rbm.n_visible}, got {rbm.n_hidden}: with "
                         "fewer nodes the reachable propagators are not a convex set")
    target = correlation_matrix(correlation, rbm.n_visible)
    lowest = np.linalg.eigvalsh(target)[0]
    if lowest * rbm.mass_squared < 1 - 1e-12:
        raise ValueError(f"the largest kappa of the target, {1 / lowest if lowest > 0 else np.inf:.6g}, lies above "
                         f"mu^2 = {rbm.mass_squared:g}: the flow would leave the model. Raise mu^2")
    decay = np.exp(-finite(times, "times"))[..., None, None]
    return target + (rbm.propagator - target) * decay


@in_range
def relaxation_rates(eigenvalues: ArrayLike, mass_squared: float, hidden_variance: float = 1.0) -> Floats:
    """How fast K approaches the target near the optimum: rate of its (i, j) component in the target's eigenbasis.

    `eigenvalues` are those of the target's kernel, kappa = 1 / eigvalsh(correlation), in any order.

    The matrix sigma_h^2 (2 mu^2 - kappa_i - kappa_j) / (kappa_i kappa_j), shape (n, n), for the n modes with
    kappa < mu^2 (ascending). In the notation of Eq. (67), with time in units of 1 / sigma_h^2, the diagonal is
    2 gamma_i, the rate of lambda_i while its mode is aligned with the target's, and the off-diagonal entry is
    gamma_Dtheta, that of the angle between modes i and j. What lambda_i does in the end, angles included, is
    `eigenvalue_relaxation`.
    """
    kappa = _learnable(eigenvalues, mass_squared)
    total = 2 * mass_squared - kappa[:, None] - kappa[None, :]
    return number(hidden_variance, "hidden_variance", above=0) * total / np.outer(kappa, kappa)


@in_range
def eigenvalue_relaxation(eigenvalues: ArrayLike, mass_squared: float, hidden_variance: float = 1.0,
                          n_hidden: int | None = None) -> Floats:
    """How fast each learnt lambda_i approaches kappa_i in the end, from a start that is not aligned with the target.

    Shape (n,), for the n lightest modes with kappa < mu^2 (ascending); n is at most `n_hidden`, if that is given.

    lambda_i has two clocks. Its own deviation decays at the rate gamma_ii = 2 sigma_h^2 (mu^2 - kappa_i) / kappa_i^2.
    The angle between mode i and any other mode j decays at a rate gamma_ij, and its square feeds lambda_i, which
    therefore relaxes at

        min(gamma_ii, 2 min_j gamma_ij)

    with gamma_ij = sigma_h^2 (2 mu^2 - kappa_i - kappa_j) / (kappa_i kappa_j) where j is learnt (`relaxation_rates`)
    and sigma_h^2 (1 / kappa_i - 1 / kappa_j) where it is not. The slowest angle is that to the heaviest mode, so the
    last digits of light modes wait for heavy ones. Of a degenerate level this is the slowest eigenvalue.

    These are rates close to the optimum. A mode that is still to be learnt counts as one that is not: from a small
    start the light modes first relax at the rates with `n_hidden` set to the number of modes learnt so far.
    """
    kappa = kernel_eigenvalues(eigenvalues)
    rates = relaxation_rates(kappa, mass_squared, hidden_variance)
    n = len(rates) if n_hidden is None else min(len(rates), count(n_hidden, "n_hidden"))
    apart = (1 / kappa[:n, None] - 1 / kappa[n:]) * kappa[:n, None]
    lost = np.where(apart > 1e-9, hidden_variance * apart / kappa[:n, None], np.inf)  # within a level nothing is fed
    feeds = 2 * np.concatenate([rates[:n, :n], lost], axis=1)
    feeds[np.arange(n), np.arange(n)] /= 2
    return feeds.min(axis=1, initial=np.inf)


@in_extended_range
def learning_rate_limit(eigenvalues: ArrayLike, mass_squared: float, hidden_variance: float = 1.0) -> float:
    """The largest stable learning rate of exact gradient ascent at fixed mu^2.

    It is kappa_min^2 / (sigma_h^2 (mu^2 - kappa_min)); `eigenvalues` are those of the target's kernel,
    kappa = 1 / eigvalsh(correlation), in any order.

    The fastest rate of `relaxation_rates` times the learning rate must stay below 2. It is the limit close to the
    optimum; sampling noise, and a start far away, ask for less. Somewhat beyond it the lightest mode never settles, but
    the model goes on existing, and nothing stops the training. Infinite when no mode lies below mu^2.
    """
    rates = relaxation_rates(eigenvalues, mass_squared, hidden_variance)
    return float(2 / rates.max()) if rates.size else float("inf")


def _learnable(eigenvalues: ArrayLike, mass_squared: float) -> Floats:
    kappa = kernel_eigenvalues(eigenvalues)
    return kappa[kappa < number(mass_squared, "mass_squared", above=0)]
