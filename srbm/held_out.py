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
from .moments import FloatMoments, block_moments

LEAST_NOISE = 0.005
"""Least share of noise in the variance of a node, for machines that are to describe rows they have not seen."""
PATIENCE = 3
"""So many nodes more than the best are tried before a search for the number of nodes ends."""
OUTLYING = 50
"""Of so many rows the one that is described worst counts no less than the next."""

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
    goals = {"node": np.diag(moments), "one": np.trace(moments) / len(moments)}
    return add_to_diagonal((1 - share) * moments, share * goals[masses])


def centred_moments(rows: Floats, noise: float = 0.0) -> tuple[Floats, Floats]:
    """Mean (N_v,) and second moments around it (N_v, N_v) of rows to which `noise` has been added."""
    found = block_moments(rows)
    found = found if isinstance(found, FloatMoments) else found.as_floats()
    return found.mean, add_to_diagonal(found.correlation(center=True), noise)


def winsorised(scores: Floats) -> Floats:
    """Log-likelihoods of rows (..., n) of which the lowest fiftieth is raised to the next one.

    A row that lies far off all others would decide alone which machine has the highest mean. Among rows to come there
    is none like it as a rule, and if there is one, hardly a machine is prepared for it. What is impossible stays so.
    """
    worst = scores.shape[-1] // OUTLYING
    raised = np.maximum(scores, np.partition(scores, worst, axis=-1)[..., worst : worst + 1])
    return np.where(np.isfinite(scores), raised, scores)


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


def log_densities(model: ScalarRBM, deviations: Floats, noise: float | Floats = 0.0) -> Floats:
    """Log-likelihood, in nats, of rows (n, N_v) given as deviations from the mean and averaged over `noise`, (n,)."""
    kernel = model.kernel
    squares = ((deviations @ kernel) * deviations).sum(axis=1) + (noise * np.diag(kernel)).sum()
    return -squares / 2 - model.log_partition


def node_masses(fitted: Floats, unseen: Floats, n_hidden: int, noise: float = 0.0, share: float = 0.0) -> Floats:
    """Log-likelihood, in nats, of each unseen row under the machine with a mass per node, shape (n,).

    A node that does not vary in the fitted rows cannot have a mass: the likelihood is -infinity. Of one that hardly
    varies the mass is so large that the kernel is resolved only where every node is measured in its own spread.
    """
    mean, moments = centred_moments(fitted)
    moments = add_to_diagonal(shrunken(moments, "node", share), noise)
    if not varying_nodes(np.diag(moments)).all():
        return np.full(len(unseen), -np.inf)
    spread = np.sqrt(np.diag(moments))
    model = fit_factors(moments / np.outer(spread, spread), n_hidden, least_noise=LEAST_NOISE, starts=1).model
    return log_densities(model, (unseen - mean) / spread, noise / spread**2) - np.log(spread).sum()
