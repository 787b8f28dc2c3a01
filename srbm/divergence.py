"""Kullback-Leibler divergences between Gaussians without linear terms (Appendix B), in nats."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ._support.checks import Floats, finite, kernel_eigenvalues, number, positive_spectrum, symmetric
from ._support.modes import lighter
from ._support.range import in_extended_range, in_range

_SINGULAR = 1e14
"""From this condition number on the smallest eigenvalue of an inverse is rounding."""


def _relative_entropy(ratio: Floats, excess: Floats) -> Floats:
    """x - ln r of the ratio r = b/a > 0 and its excess x = r - 1, to rounding in all of the range.

    For small x, where the two terms cancel, it is x y - 2 (y^3/3 + y^5/5 + ...) with y = x / (2 + x): the series of
    ln(1 + x) = 2 artanh y, whose first term makes x - 2 y = x y.
    """
    near = np.abs(excess) < 0.5
    result = np.empty_like(excess)
    result[~near] = excess[~near] - np.log(ratio[~near])
    x = excess[near]
    y = x / (2 + x)
    series = np.zeros_like(y)
    for power in range(37, 1, -2):  # y^2 <= 1/9
        series = y**2 * (series + 1 / power)
    result[near] = y * (x - 2 * series)
    return result


def _ratios(target: Floats, model: Floats) -> tuple[Floats, Floats]:
    """The generalised eigenvalues b/a of the two kernels, ascending, and b/a - 1, each as accurate as it can be had.

    An eigenvalue of a pencil is found to the rounding of the largest one. Ratios close to 1 are therefore taken from
    the difference of the kernels, which is exact where they are close, and those that are closer to the smallest one
    than to the largest from the inverse problem.
    """
    ratio: Floats = scipy.linalg.eigh(model, target, eigvals_only=True)
    if (ratio < 0.5).any():
        inverse = scipy.linalg.eigh(target, model, eigvals_only=True)[::-1]
        ratio = np.where(ratio < np.sqrt(ratio[-1] / inverse[0]), 1 / inverse, ratio)
    excess = ratio - 1
    if (np.abs(excess) < 0.5).any():
        difference = scipy.linalg.eigh(model - target, target, eigvals_only=True)
        excess = np.where(np.abs(excess) < 0.5, difference, excess)
    return ratio, excess


@in_range
def kl_divergence(target_kernel: ArrayLike, model_kernel: ArrayLike) -> float:
    """The Kullback-Leibler divergence KL(p || q) of the Gaussian q from the Gaussian p, in nats.

    The kernels K_p and K_q may have any pair of eigenbases. The ratios of eigenvalues b_i / a_i in Eq. (B7) become the
    generalised eigenvalues of

    .. math:: K_q v = (b/a) K_p v

    Parameters
    ----------
    target_kernel : array (N, N)
        K_p, positive. For data with second moments C it is C^-1, if no direction is without variance; else the
        divergence is infinite. Then compare by differences of `log_likelihood`, or let `recommend` choose a machine for
        the other directions.
    model_kernel : array (N, N)
        K_q, positive.

    Returns
    -------
    float
        The divergence, >= 0.

    Raises
    ------
    NotNormalizableError
        When a kernel is not positive.
    ValueError
        When the inverse of the target's kernel is beyond double precision.
    TypeError
        For a model in place of its kernel.

    Examples
    --------
    >>> from srbm import FreeScalarField, ScalarRBM, kl_divergence
    >>> start = ScalarRBM.random(10, 10, mass_squared=9.0, scale=0.0)
    >>> round(kl_divergence(FreeScalarField(10).kernel, start.kernel), 3)
    0.783
    """
    for name, kernel in (("target_kernel", target_kernel), ("model_kernel", model_kernel)):
        if hasattr(kernel, "kernel"):
            raise TypeError(f"{name} must be a matrix, got a {type(kernel).__name__}: pass its .kernel")
    target = symmetric(target_kernel, "target_kernel")
    model = symmetric(model_kernel, "model_kernel", len(target))
    spectrum = positive_spectrum(target, "target_kernel")
    if len(spectrum) and spectrum[-1] / spectrum[0] > _SINGULAR:
        raise ValueError(
            f"target_kernel has the condition number {spectrum[-1] / spectrum[0]:.1g}, as the inverse of "
            "a correlation matrix has when the data do not vary in some direction: the divergence is "
            "then infinite. Compare models by differences of their log_likelihood, or leave out what does "
            "not vary"
        )
    positive_spectrum(model, "model_kernel")
    return float(_relative_entropy(*_ratios(target, model)).sum() / 2)


@in_extended_range
def truncated_kl(eigenvalues: ArrayLike, n_hidden: ArrayLike, mass_squared: float) -> Any:
    r"""The Kullback-Leibler divergence left at the optimum with N_h hidden nodes and RBM mass mu^2, in nats.

    It is Eq. (B8) with the mass cutoff: modes with kappa < mu^2 are learnt in ascending order, at most N_h of them, and
    every other mode contributes

    .. math:: \tfrac12 \left(-1 + \mu^2/\kappa - \ln(\mu^2/\kappa)\right),

    where (B8) as printed assumes that the first N_h are all below mu^2.

    Parameters
    ----------
    eigenvalues : array (N_v,)
        Target eigenvalues kappa > 0 in any order, as `kernel_spectrum` gives them for data; a null direction (kappa
        infinite) makes the result infinite.
    n_hidden : int or array of int
        N_h.
    mass_squared : float
        mu^2.

    Returns
    -------
    float or array
        Nats for each N_h.

    Raises
    ------
    ValueError
        For eigenvalues that are not positive, or an `n_hidden` that is no whole number.

    Examples
    --------
    >>> from srbm import FreeScalarField, truncated_kl
    >>> truncated_kl(FreeScalarField(10).eigenvalues, [0, 5, 10], mass_squared=8.0).round(3)
    array([0.488, 0.02 , 0.   ])
    """
    kappa = kernel_eigenvalues(eigenvalues)
    mass_squared = number(mass_squared, "mass_squared", above=0)
    hidden = finite(n_hidden, "n_hidden")
    if (hidden < 0).any() or (hidden != np.floor(hidden)).any():
        raise ValueError(f"n_hidden must be non-negative integers, got {n_hidden!r}")
    varies = kappa[np.isfinite(kappa)]
    cost = np.full(kappa.shape, np.inf)
    cost[: len(varies)] = _relative_entropy(mass_squared / varies, (mass_squared - varies) / varies) / 2
    left = np.concatenate([np.cumsum(cost[::-1])[::-1], [0.0]])
    kept = np.minimum(hidden, len(lighter(kappa, mass_squared))).astype(int)
    return left[kept] if kept.ndim else float(left[kept])
