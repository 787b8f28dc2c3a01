"""Lattice phi^4 in two dimensions, while it is sampled: the numbers of the live figure ``lattice_phi4.js`` from `srbm`.

The machine has mu^2 = kappa_max = m^2 + 8 and a hidden node on each link of the lattice, with W = 1 for its two ends.
Its block Gibbs sweep is written out with the random numbers of the browser, by sums, products, quotients and roots.
These are rounded alike everywhere, so that the chain, which would enlarge any difference, is the same on every machine.
Tests compare the machine and its sweep with `srbm`.
"""

import math
from functools import cache
from types import SimpleNamespace

import numpy as np

from srbm import FreeScalarField
from srbm_book import stored_file

from .generator import Lanes, _ln_each

SIDE = 32
LEAST = 100
"""Sweeps below which a run gets no point of its own."""
EDGES = np.linspace(-2, 2, 81)
"""Of the bins of the magnetisation."""
NEWTON = 8
"""Steps that find the mode of a site to rounding."""


def binder(second: float, fourth: float) -> float:
    """The cumulant U_4 of Eq. (x15.12) from the averages of M^2 and M^4."""
    return 1 - fourth / (3 * second * second)


@cache
def _scan() -> dict[str, list]:
    """U_4 of 8^2 and 16^2 lattices at lambda = 0.25, from the stored chains of hybrid Monte Carlo."""
    with np.load(stored_file("phi4_scan.npz")) as scan:
        averages = scan["hybrid"].mean(axis=2)
        curves = [[round(binder(second, fourth), 4) for *_, second, fourth in size] for size in averages]
        return {"scanned": scan["masses"].tolist(), "smaller": curves}


START = {"m2": -1.27, "coupling": 0.25, "sweeps": 300, "seed": 1, "past": [], "longest": 4000, **_scan()}


def random_data(rng: np.random.Generator) -> dict[str, list]:
    """Up to two runs at other masses and couplings that went before; none is long, for the sake of those who wait."""
    couplings = (0.25, rng.uniform(0.02, 0.5))
    before = [[rng.uniform(-2.5, 0.5), rng.choice(couplings), int(rng.integers(LEAST - 30, LEAST + 30))]
              for _ in range(rng.integers(0, 3))]  # fmt: skip
    return {"past": before, "longest": 60}


def mode(source: np.ndarray, mu2: float, coupling: float) -> np.ndarray:
    """The root x of mu^2 x + 4 lambda x^3 = s, by Newton's steps from s / mu^2."""
    x = source / mu2
    for _ in range(NEWTON):
        square = x * x
        x = (source + 8 * coupling * square * x) / (mu2 + 12 * coupling * square)
    return x


def sweep(field: np.ndarray, m2: float, coupling: float, random: Lanes) -> np.ndarray:
    """A block Gibbs sweep of the machine.

    Parameters
    ----------
    field : array (L, L)
        phi before it.
    m2, coupling : float
        m^2 and lambda.
    random : Lanes
        A lane for each site.

    Returns
    -------
    array (L, L)
        phi after it.
    """
    mu2, sites = m2 + 8, np.arange(field.size)
    noise = random.pairs(sites).reshape(2, *field.shape)
    across, along = (field + np.roll(field, -1, axis) + z for axis, z in zip((1, 0), noise, strict=True))
    source = (across + np.roll(across, 1, 1) + along + np.roll(along, 1, 0)).ravel()
    x0 = mode(source, mu2, coupling)
    width = 1 / np.sqrt(mu2 + 4 * coupling * x0 * x0)
    drawn = np.empty(field.size)

    def tried(left: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Draw these sites from their Gaussians; which of them are rejected, by (x15.4)."""
        y = width[left] * z
        both = y * (y + 2 * x0[left])
        drawn[left] = x0[left] + y
        return -_ln_each(random.uniform(left)) <= coupling * both * both

    left = sites
    while left.size:
        first, second = random.pairs(left)
        again = tried(left, first)
        left = left[again]
        left = left[tried(left, second[again])]
    return drawn.reshape(field.shape)


def start(seed: int, shape: tuple[int, int] = (SIDE, SIDE)) -> tuple[np.ndarray, Lanes]:
    """A field of independent normal numbers, and the lanes of what follows."""
    random = Lanes(seed, math.prod(shape))
    return random.pairs(np.arange(math.prod(shape)))[0].reshape(shape), random


def run(field: np.ndarray, m2: float, coupling: float, sweeps: int, random: Lanes) -> tuple[np.ndarray, np.ndarray]:
    """The field after so many sweeps, and M before the first and after each."""
    series = [field.mean()]
    for _ in range(sweeps):
        field = sweep(field, m2, coupling, random)
        series.append(field.mean())
    return field, np.array(series)


def averages(series: np.ndarray) -> SimpleNamespace:
    """What a run says of M: its first fifth is left out."""
    counted = series[(len(series) - 1) // 5 :]
    second, fourth = (counted**2).mean(), (counted**4).mean()
    return SimpleNamespace(
        counted=counted,
        order=abs(counted).mean(),
        second=second,
        cumulant=binder(second, fourth),
    )


def numbers(
    m2: float,
    coupling: float,
    sweeps: int,
    seed: int,
    past: list,
    longest: int,
    scanned: list[float],
    smaller: list[list[float]],
) -> dict[str, object]:
    """The field, and what a run since the last change says of its magnetisation.

    Parameters
    ----------
    m2, coupling : float
        m^2 and lambda of the run.
    sweeps : int
        How many have passed since it began.
    seed : int
        Of all runs.
    past : list of (m2, coupling, sweeps)
        The runs before, each beginning with the field that the last one left.
    longest, scanned, smaller
        How many sweeps a run may have; masses, and U_4 at them on smaller lattices. No number depends on them.

    Returns
    -------
    dict
        The ``field`` and its ``action`` per site; M along the run, ``series``, and its ``density`` in the bins EDGES;
        ``order``, <|M|>; ``chi``; the ``cumulant`` U_4; the bound (x15.11) on the autocorrelation time of M,
        ``least``; of the runs before at this coupling, and of this one, ``masses``, ``cumulants`` and ``lengths``.
    """
    field, random = start(seed)
    before = []
    for mass, strength, length in past:
        field, series = run(field, mass, strength, length, random)
        if length >= LEAST and strength == coupling:
            before.append((mass, averages(series).cumulant, length))
    field, series = run(field, m2, coupling, sweeps, random)
    found = averages(series)
    before.append((m2, found.cumulant, sweeps))
    phi, chi = field.ravel(), field.size * found.second
    return {
        "field": phi,
        "action": (FreeScalarField(field.shape, m2).action(phi) + coupling * (phi**4).sum()) / field.size,
        "series": series,
        "density": np.histogram(found.counted, EDGES)[0] / len(found.counted) / (EDGES[1] - EDGES[0]),
        "order": found.order,
        "chi": chi,
        "cumulant": found.cumulant,
        "least": 2 * (m2 + 8) * chi - 1,
        **{name: [each[i] for each in before] for i, name in enumerate(("masses", "cumulants", "lengths"))},
    }
