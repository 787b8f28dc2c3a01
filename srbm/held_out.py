"""Log-likelihoods of rows that were not seen, under machines with 0, 1, ... hidden nodes: for cross-validation.

For machines with one mass a single diagonalisation of the fitted rows serves all numbers of nodes; with a mass per node
each number is a factor analysis.
"""

from __future__ import annotations

import numpy as np

from ._support.arrays import add_to_diagonal
from ._support.checks import Floats, varying_nodes
from .latent import fit_factors
from .model import ScalarRBM

LEAST_NOISE = 0.005
"""Least share of noise in the variance of a node, for machines that are to describe rows they have not seen."""
PATIENCE = 3
"""So many nodes more than the best are tried before a search for the number of nodes ends."""


SHRINKAGES = {
    "one": (0.0, 0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5),
    "node": (0.0, 0.02, 0.1),
}
"""Shares of the moments that are given up, which cross-validation tries; a mass per node takes much longer."""


def shrunken(moments: Floats, masses: str, share: float) -> Floats:
    """Second moments of which a share has been replaced by moments without correlations.

    They are those of white noise of the same variance for machines with one mass, whose early-stopped natural gradient
    ends there, and the variances of the nodes for a mass per node.
    """
    goal = np.diag(moments) if masses == "node" else np.trace(moments) / len(moments)
    return add_to_diagonal((1 - share) * moments, share * goal)


def centred_moments(rows: Floats, noise: float = 0.0) -> tuple[Floats, Floats]:
    """Mean (N_v,) and second moments around it (N_v, N_v) of rows to which `noise` has been added."""
    mean = rows.mean(axis=0)
    deviation = rows - mean
    return mean, add_to_diagonal(deviation.T @ deviation / len(rows), noise)


def one_mass(fitted: Floats, unseen: Floats, noise: float = 0.0, share: float = 0.0) -> Floats:
    """Log-likelihood, in nats, of each unseen row under the best machines of the fitted rows, shape (N_v, n).

    They are fitted to `shrunken` moments. Row k belongs to k hidden nodes, and is -infinity where k nodes leave no
    variance for the noise of the machine. The unseen rows are averaged over `noise` as well.
    """
    mean, moments = centred_moments(fitted)
    variances, modes = np.linalg.eigh(add_to_diagonal(shrunken(moments, "one", share), noise))
    variances, modes = np.maximum(variances[::-1], 0), modes[:, ::-1]
    squares = ((unseen - mean) @ modes).T ** 2 + noise
    left = np.arange(len(variances), 0, -1)
    floor = np.cumsum(variances[::-1])[::-1] / left
    usable = floor > 1e-12 * variances[0]
    floor, variances = (np.where(usable, values, 1.0) for values in (floor, variances))
    each = np.log(variances)[:, None] + squares / variances[:, None]
    kept = np.cumsum(each, axis=0) - each
    rest = np.cumsum(squares[::-1], axis=0)[::-1] / floor[:, None] + (left * np.log(floor))[:, None]
    return np.where(usable[:, None], -(kept + rest + len(left) * np.log(2 * np.pi)) / 2, -np.inf)


def log_densities(model: ScalarRBM, deviations: Floats, noise: float = 0.0) -> Floats:
    """Log-likelihood, in nats, of rows (n, N_v) given as deviations from the mean and averaged over `noise`, (n,)."""
    kernel = model.kernel
    squares = ((deviations @ kernel) * deviations).sum(axis=1) + noise * np.trace(kernel)
    return -squares / 2 - model.log_partition


def node_masses(fitted: Floats, unseen: Floats, n_hidden: int, noise: float = 0.0, share: float = 0.0) -> Floats:
    """Log-likelihood, in nats, of each unseen row under the machine with a mass per node, shape (n,).

    A node that does not vary in the fitted rows cannot have a mass: the likelihood is -infinity.
    """
    mean, moments = centred_moments(fitted)
    moments = add_to_diagonal(shrunken(moments, "node", share), noise)
    if not varying_nodes(np.diag(moments)).all():
        return np.full(len(unseen), -np.inf)
    model = fit_factors(moments, n_hidden, least_noise=LEAST_NOISE, starts=1).model
    return log_densities(model, unseen - mean, noise)
