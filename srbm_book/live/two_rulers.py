"""Nats against variance, seen through a blur: the numbers of the live figure ``two_rulers.js`` from `srbm`.

The spectra of images are stored (see `results.two_rulers`).
"""

import json
from functools import cache

import numpy as np

from srbm import FreeScalarField, recommend

from . import bundle

START = {"s": 0.1, "nats": 10.0}
NODES = {"lattice": 784, "digits": 64, "mnist": 784}
"""N_v; of images more than modes that vary."""
BLURS = 10.0 ** (np.arange(-40, 1) / 10)
"""Blurs at which the number of nodes is shown."""


@cache
def variances() -> dict[str, np.ndarray]:
    """The variances of all N_v modes of each, descending."""
    stored = json.loads((bundle.HERE / "two_rulers.json").read_text(encoding="utf-8"))
    stored["lattice"] = 1 / FreeScalarField((28, 28), 4.0).eigenvalues
    return {name: np.pad(stored[name], (0, n - len(stored[name]))) for name, n in NODES.items()}


@cache
def needed(name: str, nats: float) -> list[int]:
    """The smallest N_h that loses no more nats than that, at each of BLURS."""
    return [recommend(variances()[name], nats, noise=s * s).n_hidden for s in BLURS]


def numbers(s: float, nats: float) -> dict[str, object]:
    """Two rulers for the best machines of every N_h, and how many nodes are needed.

    Parameters
    ----------
    s : float
        The blur through which data and machine are compared, s^2 its variance.
    nats : float
        How many may be lost.

    Returns
    -------
    dict
        Of the lattice, the digits and MNIST in turn: the nats lost for N_h = 0, 1, ..., ``kl``; the share of the
        variance that is left out, ``shares``; the smallest sufficient N_h, ``nodes``, the ``masses`` mu^2 of those
        machines, and the share that they leave out, ``left``; and the same N_h at each of BLURS, ``needed``.
    """
    found = {name: recommend(v, nats, noise=s * s) for name, v in variances().items()}
    machines = [(advice, variances()[name]) for name, advice in found.items()]
    blurred = [1 / advice.mass_squared - s * s for advice, _ in machines]  # 1 / mu^2 of the machine that is not blurred
    return {
        "kl": np.concatenate([advice.kl for advice, _ in machines]),
        "shares": np.concatenate([1 - np.append(0, np.cumsum(v))[:-1] / v.sum() for _, v in machines]),
        "nodes": [advice.n_hidden for advice, _ in machines],
        "masses": [1 / variance if variance > 1e-12 else np.inf for variance in blurred],
        "left": [1 - advice.variance_kept for advice, _ in machines],
        "needed": np.concatenate([needed(name, nats) for name in NODES]),
    }
