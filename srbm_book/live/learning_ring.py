"""Learning a ring, exactly, in steps and with chains: the numbers of the live figure ``learning_ring.js`` from `srbm`.

All modes are aligned with the target, and sigma_h = 1. The steps are written out here, operation by operation as in the
browser, since beyond the limit an orbit doubles every rounding error; tests compare a step with `srbm`.
"""

import math
from functools import reduce
from operator import add

import numpy as np

from srbm import FreeScalarField, learning_rate_limit, mode_trajectory, noise_floor

from .generator import Generator

LEVELS = FreeScalarField(10, 4.0).eigenvalues[[0, 1, 3, 5, 7, 9]].round(9)  # stored, and so the same everywhere
START = {"levels": LEVELS.tolist(), "mu2": 9.0, "eta": 1.6, "t": 120.0, "noisy": False, "chains": 32, "seed": 1}
FIRST = 0.1
"""mu^2 - lambda at the start."""
END = 120.0
"""The flow time at the end."""


def update(lam: float, kappa: float, mu2: float, eta: float, square: float) -> float:
    """lambda after one update with the average <phi^2>: Eq. (20) for one mode."""
    growth = 1 + eta * (1 / kappa - square)
    return mu2 - (mu2 - lam) * growth * growth


def sweep(phi: np.ndarray, lam: float, mu2: float, noise: np.ndarray) -> np.ndarray:
    """The chains of one mode after a Gibbs sweep of the machine with this lambda."""
    a = (mu2 - lam) / mu2
    return a * phi + math.sqrt((1 + a) / mu2) * noise


def orbit(kappa: float, mu2: float, eta: float, chains: int, random: Generator) -> list[float]:
    """lambda after every update; NaN once it has been lost. Without chains the averages are exact."""
    lams = [mu2 - FIRST]
    phi = random.normals(chains) / math.sqrt(lams[0])
    for _ in range(math.floor(END / eta)):
        lam = lams[-1]
        if not lam > 0:
            lams.append(math.nan)
            continue
        phi = sweep(phi, lam, mu2, random.normals(chains))
        square = reduce(add, (phi * phi).tolist(), 0.0) / chains if chains else 1 / lam
        lams.append(update(lam, kappa, mu2, eta, square))
    return lams


def numbers(
    levels: list[float], mu2: float, eta: float, t: float, noisy: bool, chains: int, seed: int
) -> dict[str, object]:
    """Trajectories, orbits, the limit of the learning rate and the noise floor.

    Parameters
    ----------
    levels : list of float
        kappa of the levels, ascending.
    mu2, eta, t : float
        Mass, learning rate, and the flow time that is looked at.
    noisy : bool
        Whether averages are those of persistent chains.
    chains, seed : int
        Their number, and the seed of their random numbers.

    Returns
    -------
    dict
        ``lines`` and ``now``, in closed form; ``orbits``; ``limit``; ``spread``, relative; and where ``places`` are
        ``next``, after a step of the lightest level.
    """
    kappa = np.array(levels)
    learnt = kappa[kappa < mu2]
    spread = np.zeros(len(kappa))
    if noisy:
        floor = np.diag(noise_floor(learnt, mu2, eta, chains))
        spread = np.concatenate([floor, np.full(len(kappa) - len(learnt), np.nan)])
    random = Generator(seed)
    places = [mu2 * (i + 5) / 100 for i in range(96)]
    return {
        "lines": mode_trajectory(kappa, mu2, mu2 - FIRST, np.linspace(0, END, 61)).T,
        "now": mode_trajectory(kappa, mu2, mu2 - FIRST, t),
        "orbits": [orbit(level, mu2, eta, chains if noisy else 0, random) for level in levels],
        "limit": learning_rate_limit(kappa, mu2),
        "spread": spread,
        "places": places,
        "next": [update(lam, levels[0], mu2, eta, 1 / lam) for lam in places],
    }
