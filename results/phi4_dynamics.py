"""Remake srbm_book/data/phi4_dynamics.json, samplers of phi^4 at its transition: python -m results.phi4_dynamics

Four samplers of the theory of Chapter 15 at m^2 = -1.27: the machine with a hidden node on every link and mu^2 =
kappa_max; hybrid Monte Carlo; hybrid Monte Carlo whose mass matrix is the kernel of a free field with the measured
susceptibility (Fourier acceleration); and the machine whose signs are updated by clusters after every sweep. Stored is,
for each chain, the autocovariance of M^2 summed up to a window and at zero, and what an update takes: seconds of
processor time for a site, the least of several runs, with the kind of machine. Takes five minutes of one core.
"""

import json
from functools import partial
from pathlib import Path

import numpy as np

from results.over_relaxation import accelerated, lattice_momenta, least, truncated
from results.phi4_scan import COUPLING, CRITICAL, action, force, trajectory
from srbm import FreeScalarField
from srbm._support.files import write_text
from srbm._support.runtime import processor
from srbm.clusters import Links, flip_clusters
from srbm.phi4 import quartic_sites

DATA = Path(__file__).parent.parent / "srbm_book" / "data" / "phi4_dynamics.json"
SUSCEPTIBILITY = {4: 9.3, 8: 29.0, 16: 94.0}  # N <M^2> at the transition
CHAINS, TIMED = 64, 5
RUNS = {  # of each size: the window of the autocovariance, at least five times tau, and the number of updates
    "machine": {4: (160, 16_000), 8: (600, 20_000), 16: (2_500, 30_000)},
    "hybrid": {4: (25, 2_000), 8: (50, 2_000), 16: (150, 3_000)},
    "Fourier, hybrid": {4: (25, 2_000), 8: (25, 1_500), 16: (25, 800)},
    "machine and clusters": {4: (150, 4_000), 8: (150, 4_000), 16: (150, 3_000), 32: (150, 1_500), 64: (200, 900)},
}


def machine(phi, links, rng):
    """A sweep of the machine that has a hidden node on each link, W = 1 for its two ends: all links, then all sites."""
    ends = np.stack([phi + np.roll(phi, -1, axis) for axis in (1, 2)])
    h = ends + rng.standard_normal(ends.shape)
    source = sum(link + np.roll(link, 1, axis) for axis, link in zip((1, 2), h, strict=True))
    return quartic_sites(source, CRITICAL + 8, COUPLING, rng)


def clusters(phi, links, rng):
    """A sweep of the machine, and an update of the signs by clusters."""
    phi = machine(phi, links, rng)
    return flip_clusters(phi.reshape(len(phi), -1), links, rng).reshape(phi.shape)


def hybrid(phi, links, rng):
    """A trajectory of hybrid Monte Carlo."""
    return trajectory(phi, CRITICAL, COUPLING, rng)[0]


def leapfrog_steps(size):
    """As many as keep the softest mode stable, whose frequency grows like the root of the susceptibility."""
    return round(8 * np.sqrt(SUSCEPTIBILITY[size] / SUSCEPTIBILITY[8]))


def fourier(phi, links, rng):
    """A trajectory whose mass matrix is the kernel of a free field."""
    size = phi.shape[1]
    mass = lattice_momenta(size) + 1 / SUSCEPTIBILITY[size]
    potential, slope = (partial(one, mass_squared=CRITICAL, coupling=COUPLING) for one in (action, force))
    return accelerated(phi, potential, slope, mass, leapfrog_steps(size), rng)


SAMPLERS = {
    "machine": machine,
    "hybrid": hybrid,
    "Fourier, hybrid": fourier,
    "machine and clusters": clusters,
}


def lattice_links(size):
    return Links.of(FreeScalarField((size, size), CRITICAL).kernel)


def squares(name, size, updates, seed, chains=CHAINS):
    """M^2 after each of `updates` updates, (updates, chains); a fifth as many go before."""
    rng, links, phi = np.random.default_rng(seed), lattice_links(size), np.zeros((chains, size, size))
    series = np.empty((updates, chains))
    for n in range(-updates // 5, updates):
        phi = SAMPLERS[name](phi, links, rng)
        if n >= 0:
            series[n] = phi.mean(axis=(1, 2)) ** 2
    return series


def sums(name, size):
    """The autocovariance of M^2 of each chain up to the window, summed and at zero (2, chains); the mean of M^2."""
    window, updates = RUNS[name][size]
    series = squares(name, size, updates, [list(SAMPLERS).index(name), size])
    return truncated(series - series.mean(), window), series.mean()


def seconds(name, size, repeat=TIMED, updates=10):
    """Processor time of an update for each site, the least of several runs."""
    rng, links = np.random.default_rng(0), lattice_links(size)
    phi = SAMPLERS[name](np.zeros((CHAINS, size, size)), links, rng)
    return least(lambda: SAMPLERS[name](phi, links, rng), repeat, updates) / phi.size


def main() -> None:
    rows = []
    for name, runs in RUNS.items():
        for size, (window, _) in runs.items():
            (total, norm), mean = sums(name, size)
            rows.append(
                {
                    "sampler": name,
                    "size": size,
                    "window": window,
                    "sums": [total.tolist(), norm.tolist()],
                    "mean": mean,
                    "seconds": seconds(name, size),
                }
            )
            print(name, size, total.sum() / norm.sum(), mean, rows[-1]["seconds"], flush=True)
    write_text(DATA, json.dumps({"on": processor(), "chains": CHAINS, "rows": rows}))
    print(f"{DATA.name}: {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main()
