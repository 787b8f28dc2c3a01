"""How long the modes of a ring remember: the numbers of the live figure ``gibbs_sampling.js`` from `srbm`.

The chain is written out with the random numbers of the browser; tests compare its sweep with the machine's.
"""

import math
from functools import cache

import numpy as np

from srbm import FreeScalarField, ScalarRBM

from .generator import Generator
from .one_spectrum import waves

START = {"m2": 0.1, "mode": 16, "sweeps": 200, "seed": 1}
SITES = 64
SWEEPS = 600
PAST = 100
"""How many sweeps are shown of the two modes."""
AGO = 10
"""How many sweeps lie between the two fields."""
LAGS = np.array([1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200, 256, 320, 400])
"""Distances in sweeps at which the autocorrelation is shown."""


def machine(m2: float) -> ScalarRBM:
    """The machine of the ring with mu^2 = kappa_max: a hidden node on each link, with W = 1 for its two ends."""
    ends = np.eye(SITES)
    return ScalarRBM(ends + np.roll(ends, 1, axis=0), m2 + 4)


def sweep(rbm: ScalarRBM, phi: np.ndarray, above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """A block Gibbs sweep: all hidden nodes given the field, then the field, with standard normal noise for either."""
    mu2 = rbm.mass_squared
    return (phi @ rbm.weights + above) @ rbm.weights.T / mu2 + below / np.sqrt(mu2)


@cache
def _noise(seed: int) -> np.ndarray:
    random = Generator(seed)
    return np.array([random.normals(SITES) for _ in range(2 * SWEEPS + 1)])


def path(m2: float, seed: int) -> np.ndarray:
    """The fields along a chain that starts in equilibrium, shape (SWEEPS + 1, SITES)."""
    start, *later = _noise(seed)
    rbm, fields = machine(m2), [waves(SITES) @ (start / np.sqrt(FreeScalarField(SITES, m2).eigenvalues))]
    for above, below in zip(later[::2], later[1::2], strict=True):
        fields.append(sweep(rbm, fields[-1], above, below))
    return np.array(fields)


def autocorrelation(series: np.ndarray) -> np.ndarray:
    """rho(t) of series (several, n) that have one law and the mean zero, at all distances t < n."""
    n = series.shape[-1]
    power = abs(np.fft.rfft(series, 2 * n)) ** 2
    covariance = np.fft.irfft(power)[:, :n].sum(axis=0)
    return covariance / covariance[0]


def numbers(m2: float, mode: int, sweeps: int, seed: int) -> dict:
    """Autocorrelations of the modes, in closed form and along one chain.

    Parameters
    ----------
    m2 : float
        Mass of the field; the machine has mu^2 = m^2 + 4.
    mode : int
        k of the heavier mode: its momentum is 2 pi k / 64.
    sweeps : int
        How many have passed.
    seed : int
        Of the chain.

    Returns
    -------
    dict
        By momentum ``kappa``, ``tau`` and the measured ``times``; the ``field`` and that some sweeps ``before``; and of
        the lightest and the heavier mode the ``past`` in standard deviations, and the autocorrelation at LAGS,
        ``remembered`` by the formula and ``measured``, NaN for distances that no pair has.
    """
    kappa = FreeScalarField(SITES, m2).eigenvalues[[0, *range(1, SITES, 2)]]
    tau = (2 * (m2 + 4) - kappa) / kappa
    fields = path(m2, seed)[: sweeps + 1]
    modes = [waves(SITES)[:, [0] if k == 0 else slice(2 * k - 1, 2 * k + 1)] for k in range(len(kappa))]
    series = [(fields @ each).T for each in modes]
    rho = [autocorrelation(each) for each in series]
    padded = [np.append(rho[k], np.full(LAGS[-1], math.nan)) for k in (0, mode)]
    return {
        "kappa": kappa,
        "tau": tau,
        "field": fields[-1],
        "before": fields[max(sweeps - AGO, 0)],
        "past": [series[k][0, -PAST - 1 :] * np.sqrt(kappa[k]) for k in (0, mode)],
        "remembered": [(1 - kappa[k] / (m2 + 4)) ** LAGS for k in (0, mode)],
        "measured": [each[LAGS] for each in padded],
        "times": [1 + 2 * each[1 : round(5 * t) + 1].sum() for each, t in zip(rho, tau, strict=True)],
    }
