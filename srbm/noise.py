"""What sampling noise leaves of a trained kernel: the stationary fluctuations of training with persistent chains.

Near the optimum write K = D^(1/2) (1 + Y) D^(1/2) in the eigenbasis of the target, D = diag(kappa), and c_ij for the
relative error of what the chains report of C_ij. Each pair (y, c) = (Y_ij, c_ij) is a linear Gaussian system of its
own,

    y' = y + e c',    c' = rho c - (1 - rho) y + noise,

with e = learning rate times `relaxation_rates`, rho = (1 - kappa_i / mu^2)^k (1 - kappa_j / mu^2)^k the memory of the
chains from one update to the next, and a noise that keeps Var c = (1 + delta_ij) / B when nothing is learnt. Without c
it is the heavy ball with momentum rho and step (1 - rho) e.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._range import in_extended_range
from ._validation import Floats, count, number
from .flow import _learnable, relaxation_rates
from .schedules import StepDecay


@in_extended_range
def noise_floor(eigenvalues: ArrayLike, mass_squared: float, learning_rate: float | StepDecay, chains: int,
                steps: int = 1, hidden_variance: float = 1.0, *, epoch: int | None = None) -> Floats:
    """Standard deviations of Y_ij, the relative error of the kernel, in the stationary state of PCD; shape (n, n).

    In the eigenbasis of the target K = D^(1/2) (1 + Y) D^(1/2) with D = diag(kappa). For a fixed learning rate

        Var Y_ij = (1 + delta_ij) / B  e tau^2 / (2 tau - e),

    e being the learning rate times `relaxation_rates`, tau = (1 + rho) / (1 - rho) and rho = (1 - kappa_i / mu^2)^k
    (1 - kappa_j / mu^2)^k. A rate that decays slowly leaves a residue behind, which does not decay:
    (1 + delta_ij) / B  tau / (4 N_r) is added, N_r being the number of epochs in which the rate falls by a factor e.

    The diagonal holds the relative standard deviations of single levels lambda_i / kappa_i. On a level that the target
    has g times, Y is a matrix of the Gaussian orthogonal ensemble: its g eigenvalues repel each other, and their mean
    has the standard deviation of the diagonal divided by sqrt(g). The mean of KL is sum(noise_floor**2) / 4 nats.
    All this is to first order in 1 / B.

    Parameters
    ----------
    eigenvalues : array
        kappa of the target; the n modes with kappa < mu^2 are kept, in ascending order.
    learning_rate : float or StepDecay
        A fixed one, eta_n > 0, or one that decays, and then at `epoch`.
    chains, steps : int
        B, and k Gibbs sweeps per update, as in `PCD`.

    Infinite entries have no stationary state: there e >= 2 tau.
    """
    kappa = _learnable(eigenvalues, mass_squared)
    residue = 0.0
    if isinstance(learning_rate, StepDecay):
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
