"""Probabilistic PCA in two dimensions: the numbers of the live figure ``line_and_noise.js`` from `srbm`."""

import numpy as np

from srbm import maximum_likelihood, truncated_kl

START = {
    "points": [
        [-2.1, -1.35], [-1.6, -0.6], [-1.2, -1.15], [-0.9, -0.25], [-0.55, -0.7], [-0.2, 0.2], [0.05, -0.4],
        [0.4, 0.55], [0.75, -0.05], [1.0, 0.95], [1.45, 0.5], [1.9, 1.4],
    ],
    "chosen": 1,
    "mu2": 4.0,
    "node": True,
}  # fmt: skip


def random_data(rng: np.random.Generator) -> dict[str, list]:
    """Other points."""
    return {"points": rng.uniform(-3, 3, (rng.integers(3, 20), 2)).tolist()}


def numbers(points: list[list[float]], mu2: float, node: bool, chosen: int) -> dict[str, object]:
    """The machine of maximum likelihood for points in the plane, about their mean, and what it loses.

    Parameters
    ----------
    points : list of pairs
        The data.
    mu2 : float
        Mass of the machine.
    node : bool
        Whether there is a hidden node.
    chosen : int
        The point that is moved; no number depends on it.

    Returns
    -------
    dict
        ``mean``; the second moments ``C``, ``kernel`` and ``propagator`` of the machine, each as (11, 12, 22);
        ``variances``, the larger one first; ``nats`` lost, the same as a ``curve`` over masses, and the ``best`` mass.
    """
    data, n_hidden = np.array(points), int(node)
    C = np.cov(data.T, bias=True)
    machine = maximum_likelihood(C, n_hidden, mu2)
    variances = np.linalg.eigvalsh(C)[::-1]
    masses = np.geomspace(0.1, 100, 61)
    parts = np.triu_indices(2)
    return {
        "mean": data.mean(axis=0),
        "C": C[parts],
        "variances": variances,
        "kernel": machine.kernel[parts],
        "propagator": machine.propagator[parts],
        "curve": [truncated_kl(1 / variances, n_hidden, mass) for mass in masses],
        "nats": truncated_kl(1 / variances, n_hidden, mu2),
        "best": maximum_likelihood(C, n_hidden).mass_squared,
    }
