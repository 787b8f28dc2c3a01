"""How fast training settles, what learning rate it survives, and what sampling noise leaves of a trained kernel.

`relaxation_rates` and what follows from them are exact gradients close to the optimum. `noise_floor` is the stationary
state of training with persistent chains:

Near the optimum write K = D^(1/2) (1 + Y) D^(1/2) in the eigenbasis of the target, D = diag(kappa), and c_ij for the
relative error of what the chains report of C_ij. Each pair (y, c) = (Y_ij, c_ij) is a linear Gaussian system of its
own,

    y' = y + e c',    c' = rho c - (1 - rho) y + noise,

with e = learning rate times `relaxation_rates`, rho = (1 - kappa_i / mu^2)^k (1 - kappa_j / mu^2)^k the memory of the
chains from one update to the next, and a noise that keeps Var c = (1 + delta_ij) / B when nothing is learnt. Without c
it is the heavy ball with momentum rho and step (1 - rho) e.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ._support.checks import Floats, count, kernel_eigenvalues, number
from ._support.modes import lighter
from ._support.range import in_extended_range, in_range

if TYPE_CHECKING:  # the messages of training use the formulas of this module
    from .training.schedules import StepDecay


@in_range
def relaxation_rates(eigenvalues: ArrayLike, mass_squared: float, hidden_variance: float = 1.0) -> Floats:
    r"""How fast each component of the kernel approaches its target near the optimum, in the target's eigenbasis.

    For the n modes with kappa < mu^2, ascending, it is the matrix

    .. math:: \sigma_h^2 \, \frac{2 \mu^2 - \kappa_i - \kappa_j}{\kappa_i \kappa_j}.

    In the notation of Eq. (67), with time in units of 1 / sigma_h^2, the diagonal is 2 gamma_i, the rate of lambda_i
    while its mode is aligned with the target's, and the off-diagonal entry is :math:`\gamma_{\Delta\theta}`, that of
    the angle between modes i and j. What lambda_i does in the end, angles included, is `eigenvalue_relaxation`.

    Parameters
    ----------
    eigenvalues : array (N_v,)
        Those of the target's kernel, kappa, in any order: `kernel_spectrum(correlation)`.
    mass_squared : float
        mu^2.
    hidden_variance : float
        sigma_h^2.

    Returns
    -------
    array (n, n)
        Rates in inverse flow time; divided by the learning rate, in updates.

    Examples
    --------
    >>> from srbm import relaxation_rates
    >>> relaxation_rates([4.0, 5.0, 12.0], mass_squared=9.0)
    array([[0.625, 0.45 ],
           [0.45 , 0.32 ]])
    """
    kappa = _learnable(eigenvalues, mass_squared)
    return _rates(kappa, mass_squared, number(hidden_variance, "hidden_variance", above=0))


@in_range
def eigenvalue_relaxation(
    eigenvalues: ArrayLike, mass_squared: float, hidden_variance: float = 1.0, n_hidden: int | None = None
) -> Floats:
    r"""How fast each learnt lambda_i approaches kappa_i in the end, from a start that is not aligned with the target.

    lambda_i has two clocks. Its own deviation decays at the rate gamma_ii. The angle between mode i and any other mode
    j decays at a rate gamma_ij, and its square feeds lambda_i, which therefore relaxes at

    .. math:: \min(\gamma_{ii}, \; 2 \min_j \gamma_{ij}).

    Where j is learnt, gamma_ij is that of `relaxation_rates`; where it is not,

    .. math:: \gamma_{ij} = \sigma_h^2 (1 / \kappa_i - 1 / \kappa_j).

    The slowest angle is that to the heaviest mode, so the last digits of light modes wait for heavy ones. Of a
    degenerate level this is the slowest eigenvalue.

    These are rates close to the optimum. A mode that is still to be learnt counts as one that is not: from a small
    start the light modes first relax at the rates with `n_hidden` set to the number of modes learnt so far.

    Parameters
    ----------
    eigenvalues : array (N_v,)
        Those of the target's kernel, kappa, in any order.
    mass_squared : float
        mu^2.
    hidden_variance : float
        sigma_h^2.
    n_hidden : int, optional
        At most so many modes are learnt; all with kappa < mu^2 when None.

    Returns
    -------
    array (n,)
        Rates of the n lightest modes with kappa < mu^2, ascending in kappa, in inverse flow time.

    Examples
    --------
    >>> from srbm import eigenvalue_relaxation
    >>> eigenvalue_relaxation([4.0, 5.0, 12.0], mass_squared=9.0).round(4)
    array([0.3333, 0.2333])
    """
    kappa = kernel_eigenvalues(eigenvalues)
    rates = relaxation_rates(kappa, mass_squared, hidden_variance)
    n = len(rates) if n_hidden is None else min(len(rates), count(n_hidden, "n_hidden"))
    apart = 1 - kappa[:n, None] / kappa[n:]
    near = apart < 0.5
    apart[near] = ((kappa[n:] - kappa[:n, None])[near]) / np.broadcast_to(kappa[n:], apart.shape)[near]
    lost = np.where(apart > 1e-9, hidden_variance * apart / kappa[:n, None], np.inf)  # within a level nothing is fed
    feeds = 2 * np.concatenate([rates[:n, :n], lost], axis=1)
    feeds[np.arange(n), np.arange(n)] /= 2
    return feeds.min(axis=1, initial=np.inf)


@in_extended_range
def learning_rate_limit(eigenvalues: ArrayLike, mass_squared: float, hidden_variance: float = 1.0) -> float:
    r"""The largest stable learning rate of exact gradient ascent at fixed mu^2.

    It is

    .. math:: \frac{\kappa_\min^2}{\sigma_h^2 (\mu^2 - \kappa_\min)}:

    the fastest rate of `relaxation_rates` times the learning rate must stay below 2. It is the limit close to the
    optimum; sampling noise, and a start far away, ask for less. Somewhat beyond it the lightest mode never settles, but
    the model goes on existing, and nothing stops the training.

    Parameters
    ----------
    eigenvalues : array (N_v,)
        Those of the target's kernel, kappa, in any order: `kernel_spectrum(correlation)`.
    mass_squared : float
        mu^2.
    hidden_variance : float
        sigma_h^2.

    Returns
    -------
    float
        The limit; infinite when no mode lies below mu^2.

    Examples
    --------
    >>> from srbm import FreeScalarField, learning_rate_limit
    >>> round(learning_rate_limit(FreeScalarField(10).eigenvalues, mass_squared=9.0), 3)
    3.2
    """
    kappa = _learnable(eigenvalues, mass_squared)
    return stable_rate(kappa, mass_squared, number(hidden_variance, "hidden_variance", above=0))


@in_extended_range
def sweeps_needed(eigenvalues: ArrayLike, mass_squared: float) -> int:
    r"""Gibbs sweeps per update that let chains follow the training.

    It is mu^2 / (2 kappa_min), rounded up, and at least 1. A sweep multiplies a mode of the model by 1 - lambda / mu^2
    and adds noise. The gradient needs the square of the mode, whose memory falls by

    .. math:: (1 - \lambda / \mu^2)^2 < e^{-2 \lambda / \mu^2}

    per sweep, that is, by a factor 2.718... within :math:`\mu^2 / (2 \lambda)` sweeps. The lightest mode takes longest,
    once it is learnt, with lambda = kappa_min. With fewer sweeps the chains lag behind the model, and the training is
    stable up to smaller rates only.

    Parameters
    ----------
    eigenvalues : array (N_v,)
        Those of the target's kernel, kappa, in any order, as `kernel_spectrum` gives them for data; infinite where the
        data do not vary.
    mass_squared : float
        mu^2 of the model.

    Returns
    -------
    int
        Number of sweeps, as in `PCD`.

    Raises
    ------
    ValueError
        For eigenvalues or a mass that are not positive.

    Examples
    --------
    >>> from srbm import FreeScalarField, sweeps_needed
    >>> sweeps_needed(FreeScalarField(10, 0.25).eigenvalues, 4.25)
    9
    """
    kappa = kernel_eigenvalues(eigenvalues)
    return int(slowest_sweeps(kappa.min(initial=np.inf), number(mass_squared, "mass_squared", above=0)))


def stable_rate(kappa: Floats, mass_squared: float, hidden_variance: float) -> float:
    """What `learning_rate_limit` gives, without looking at the arguments.

    Parameters
    ----------
    kappa : array (n,)
        The modes with kappa < mu^2, ascending.
    mass_squared : float
        mu^2.
    hidden_variance : float
        sigma_h^2.

    Returns
    -------
    float
        The limit.
    """
    return float(2 / _rates(kappa, mass_squared, hidden_variance).max()) if kappa.size else float("inf")


def slowest_sweeps(kappa_min: float, mass_squared: float) -> float:
    """What `sweeps_needed` gives for the lightest mode, without looking at the arguments.

    Parameters
    ----------
    kappa_min : float
        The smallest kappa.
    mass_squared : float
        mu^2.

    Returns
    -------
    float
        A whole number of sweeps.
    """
    return max(1.0, float(np.ceil(mass_squared / (2 * kappa_min))))


def _rates(kappa: Floats, mass_squared: float, hidden_variance: float) -> Floats:
    missing = mass_squared - kappa  # exact where it is small
    total = missing[:, None] + missing[None, :]
    return hidden_variance * total / np.outer(kappa, kappa)


def _learnable(eigenvalues: ArrayLike, mass_squared: float) -> Floats:
    return lighter(kernel_eigenvalues(eigenvalues), number(mass_squared, "mass_squared", above=0))


@in_extended_range
def noise_floor(
    eigenvalues: ArrayLike,
    mass_squared: float,
    learning_rate: float | StepDecay,
    chains: int,
    steps: int = 1,
    hidden_variance: float = 1.0,
    *,
    epoch: int | None = None,
) -> Floats:
    r"""Relative errors of the kernel that sampling noise leaves in the stationary state of training with PCD.

    In the eigenbasis of the target write

    .. math:: K = D^{1/2} (1 + Y) D^{1/2}, \qquad D = \mathrm{diag}(\kappa).

    For a fixed learning rate Y has the variances

    .. math::

       \mathrm{Var}\, Y_{ij} = \frac{1 + \delta_{ij}}{B} \, \frac{e \tau^2}{2 \tau - e}, \qquad
       \tau = \frac{1 + \rho}{1 - \rho}, \qquad \rho = (1 - \kappa_i / \mu^2)^k (1 - \kappa_j / \mu^2)^k,

    e being the learning rate times `relaxation_rates`, B the number of chains and k that of sweeps per update. A rate
    that decays slowly leaves a residue behind, which does not decay: with the number :math:`N_r` of epochs in which the
    rate falls by a factor 2.718...,

    .. math:: \frac{1 + \delta_{ij}}{B} \, \frac{\tau}{4 N_r}

    is added. The diagonal holds the relative standard deviations of single levels lambda_i / kappa_i. On a level that
    the target has g times, Y is a matrix of the Gaussian orthogonal ensemble: its g eigenvalues repel each other, and
    their mean has the standard deviation of the diagonal divided by the root of g. The mean of the Kullback-Leibler
    divergence is `sum(noise_floor**2) / 4` nats. All this is to first order in 1 / B.

    Parameters
    ----------
    eigenvalues : array (N_v,)
        Those of the target's kernel, kappa; the n modes with kappa < mu^2 are kept, in ascending order.
    mass_squared : float
        mu^2.
    learning_rate : float or StepDecay
        A fixed one, > 0, or one that decays, and then at `epoch`.
    chains : int
        B, as in `PCD`.
    steps : int
        k, Gibbs sweeps per update, as in `PCD`.
    hidden_variance : float
        sigma_h^2.
    epoch : int, optional
        Where the learning rate decays, the epoch whose rate counts.

    Returns
    -------
    array (n, n)
        Standard deviations of Y_ij; infinite where there is no stationary state.

    Raises
    ------
    ValueError
        For a rate that decays without an `epoch`.

    Examples
    --------
    >>> from srbm import noise_floor
    >>> noise_floor([4.0, 5.0, 12.0], mass_squared=9.0, learning_rate=0.1, chains=128).round(4)
    array([[0.0307, 0.0172],
           [0.0172, 0.0194]])
    """
    kappa = _learnable(eigenvalues, mass_squared)
    residue = 0.0
    if callable(learning_rate) and hasattr(learning_rate, "factor"):
        if epoch is None:
            raise ValueError("the learning rate decays: say at which epoch=")
        residue = -np.log(learning_rate.factor) / (4 * learning_rate.every)
        learning_rate = learning_rate(count(epoch, "epoch"))
    rate = number(learning_rate, "learning_rate", above=0)
    chains, steps = count(chains, "chains", least=1), count(steps, "steps", least=1)
    step = rate * relaxation_rates(kappa, mass_squared, hidden_variance)
    forgetting = -steps * np.log1p(-kappa / mass_squared)  # light modes: of the order of rounding in 1 - rho
    forgetting = forgetting[:, None] + forgetting
    tau = (1 + np.exp(-forgetting)) / -np.expm1(-forgetting)
    stable = step < 2 * tau
    variance = np.full(step.shape, np.inf)
    np.divide(step * tau**2, 2 * tau - step, out=variance, where=stable)
    return np.sqrt((1 + np.eye(len(kappa))) * (variance + tau * residue) / chains)
