"""Learning in continuous time in closed form: single modes, Eq. (81), and the natural gradient.

When the eigenbases of the model and the target are aligned, every mode obeys Eq. (81) by itself. `flow` integrates what
has no closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ._support.checks import Floats, correlation_matrix, finite, floats, number, require_instance
from ._support.range import in_range
from .model import ScalarRBM


@in_range
def mode_trajectory(
    kappa: ArrayLike, mass_squared: float, initial_eigenvalue: ArrayLike, times: ArrayLike, hidden_variance: float = 1.0
) -> Floats:
    r"""The eigenvalue lambda of an aligned mode at fixed mu^2 in time, from the closed solution of its equation.

    Unless kappa = mu^2, the solution of Eq. (81) satisfies

    .. math::

       \kappa^2 \ln\frac{\lambda - \kappa}{\lambda_0 - \kappa}
       - \kappa \mu^2 \ln\frac{\mu^2 - \lambda}{\mu^2 - \lambda_0} = -2 \sigma_h^2 (\mu^2 - \kappa) t,

    which is inverted here by Newton iterations in variables in which both ends of the trajectory are at infinity and
    the equation is convex or concave, so that they converge monotonically. The mode ends at the smaller of kappa and
    mu^2.

    Parameters
    ----------
    kappa : array (...)
        Target eigenvalues > 0; infinity for directions in which the data do not vary.
    mass_squared : float
        mu^2.
    initial_eigenvalue : array (...)
        lambda_0 > 0, at most mu^2, broadcast against `kappa`; a mode that starts at mu^2 (xi = 0) stays.
    times : array (T...)
        Flow times >= 0.
    hidden_variance : float
        sigma_h^2.

    Returns
    -------
    array (T..., ...)
        lambda at every time for every mode.

    Raises
    ------
    ValueError
        When an argument is outside these ranges.

    Examples
    --------
    >>> from srbm import mode_trajectory
    >>> mode_trajectory([4.0, 8.0, 12.0], 9.0, 8.9, [0.0, 10.0, 1000.0]).round(3)
    array([[8.9  , 8.9  , 8.9  ],
           [7.598, 8.872, 8.944],
           [4.   , 8.   , 9.   ]])
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
        raise ValueError(
            "initial_eigenvalue must lie in (0, mu^2]: it is mu^2 - sigma_h^2 xi^2 of a normalisable model"
        )

    shape = times.shape + kappa.shape
    elapsed = 2 * s2 * np.broadcast_to(times.reshape(times.shape + (1,) * kappa.ndim), shape).flatten()
    kappa = np.broadcast_to(kappa, shape).ravel()
    initial = np.broadcast_to(initial, shape).ravel()
    result = initial.copy()
    moving = (elapsed > 0) & (initial < mu2) & (initial != kappa)
    near_pole = moving & (4 * initial < np.minimum(kappa, mu2))
    result[near_pole], elapsed[near_pole] = _leaving_the_pole(
        kappa[near_pole], mu2, initial[near_pole], elapsed[near_pole]
    )
    initial, moving = result.copy(), moving & (elapsed > 0)
    for branch, select in (
        (_falling, (kappa < mu2) & (initial > kappa)),
        (_rising, (kappa < mu2) & (initial < kappa)),
        (_decoupling, kappa >= mu2),
    ):
        chosen = moving & select
        result[chosen] = branch(kappa[chosen], mu2, initial[chosen], elapsed[chosen])
    return result.reshape(shape)


def _newton(
    equation: Callable[..., tuple[Floats, Floats]], guess: Floats, *parameters: Floats, scale: float = 1.0
) -> Floats:
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
    lam[within] = np.maximum(np.sqrt(w), initial)  # the root of a square is not always the number
    return lam, np.maximum(left, 0)


def _log_expm1(u: Floats) -> Floats:
    return u + np.log(-np.expm1(-u))


def _change_of_log(u: Floats, start: Floats) -> Floats:
    """ln(1 - e^-u) - ln(1 - e^-start): where both are small, where both are large, and where they hardly differ."""
    small = np.log(np.expm1(-u) / np.expm1(-start))
    return np.where(start < 1, small, np.log1p(-np.exp(-u)) - np.log1p(-np.exp(-start)))


def _falling(kappa: Floats, mu2: float, initial: Floats, elapsed: Floats) -> Floats:
    """kappa < lambda_0 < mu^2, in u = ln[(mu^2 - lambda) / (lambda - kappa)]: increasing and concave."""
    start = np.log(mu2 - initial) - np.log(initial - kappa)

    def equation(u: Floats, kappa: Floats, start: Floats, elapsed: Floats) -> tuple[Floats, Floats]:
        value = (
            kappa**2 * (np.logaddexp(0, u) - np.logaddexp(0, start))
            + kappa * mu2 * (np.logaddexp(0, -start) - np.logaddexp(0, -u))
            - (mu2 - kappa) * elapsed
        )
        right = scipy.special.expit(u)
        return value, kappa**2 * right + kappa * mu2 * (1 - right)

    u = _newton(equation, start, kappa, start, elapsed)
    return kappa + (mu2 - kappa) * scipy.special.expit(-u)


def _rising(kappa: Floats, mu2: float, initial: Floats, elapsed: Floats) -> Floats:
    """lambda_0 < kappa < mu^2, in u = ln[(mu^2 - lambda) / (kappa - lambda)] > 0: increasing and convex."""
    start = np.log1p((mu2 - kappa) / (kappa - initial))

    def equation(u: Floats, kappa: Floats, start: Floats, elapsed: Floats) -> tuple[Floats, Floats]:
        stretch = mu2 / (mu2 - kappa)
        value = kappa * (kappa / (mu2 - kappa) * (u - start) - _change_of_log(u, start)) - elapsed
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
    r"""The <phi phi^T> of the model under natural-gradient flow, in which every mode relaxes at the same rate.

    In the Fisher metric of Gaussians the gradient flow of the likelihood is

    .. math:: \frac{dK}{dt} = K - K C_* K

    with the `correlation` :math:`C_*`, which is linear in the propagator C = K^-1: it relaxes at the rate one,

    .. math:: C(t) = C_* + (C(0) - C_*)\, e^{-t},

    so that learning the infrared first is a property of the Euclidean metric of W, not of the model. The flow in the
    space of kernels is one of weights as long as :math:`C(t)` exceeds 1 / mu^2, which holds if both ends do.

    Parameters
    ----------
    rbm : ScalarRBM
        The start, with N_h >= N_v, one mu^2 for all nodes and no hidden bias.
    correlation : array (N_v, N_v)
        <phi phi^T>_target; all its kappa are at most mu^2.
    times : array (T,)
        Flow times.

    Returns
    -------
    array (T, N_v, N_v)
        The propagator of the model at each time.

    Raises
    ------
    ValueError
        For a start or a target that is not as said above.

    Examples
    --------
    >>> from srbm import FreeScalarField, ScalarRBM, natural_gradient_flow
    >>> start = ScalarRBM.random(4, 4, mass_squared=9.0, scale=0.0)
    >>> natural_gradient_flow(start, FreeScalarField(4).propagator, [0.0, 1.0, 20.0])[:, 0, 0].round(4)
    array([0.1111, 0.1528, 0.1771])
    """
    require_instance(rbm, "rbm", ScalarRBM)
    if np.ndim(rbm.mass_squared) or rbm.source.any():
        raise ValueError("natural_gradient_flow needs one mass_squared for all nodes and no hidden_bias")
    if rbm.n_hidden < rbm.n_visible:
        raise ValueError(
            f"natural_gradient_flow needs n_hidden >= N_v = {rbm.n_visible}, got {rbm.n_hidden}: with "
            "fewer nodes the reachable propagators are not a convex set"
        )
    target = correlation_matrix(correlation, rbm.n_visible)
    lowest = np.linalg.eigvalsh(target)[0]
    if lowest * rbm.mass_squared < 1 - 1e-12:
        raise ValueError(
            f"the largest kappa of the target, {1 / lowest if lowest > 0 else np.inf:.6g}, lies above "
            f"mu^2 = {rbm.mass_squared:g}: the flow would leave the model. Raise mu^2"
        )
    decay = np.exp(-finite(times, "times"))[..., None, None]
    return target + (rbm.propagator - target) * decay
