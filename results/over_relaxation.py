"""Remake srbm_book/data/over_relaxation.json, large lattices: python -m results.over_relaxation

A free field on L x L sites with L = 4 xi, sampled by the machine with mu^2 = kappa_max that has one hidden node on
every link, W = 1 for its two ends: W W^T = mu^2 - K, so that a sweep costs a few additions a site. Stored is, for
heat bath and over-relaxation, 1 + 2 sum rho(t) up to a window, of the zero mode and of the action density, for each
chain. The chains start in equilibrium and run in blocks with seeds of their own. Takes two minutes of one core.
"""

import json
from pathlib import Path

import numpy as np

from srbm import FreeScalarField
from srbm._support.files import write_text

DATA = Path(__file__).parent.parent / "srbm_book" / "data" / "over_relaxation.json"
SIZES = (16, 32, 64)
BLOCK, BLOCKS, SWEEPS, WINDOW = 8, 4, 2000, 60


def mass_squared(size):
    """m^2 at which the correlation length is a quarter of the lattice."""
    return (4 / size) ** 2


def best_omega(size):
    """omega* of the zero mode at mu^2 = kappa_max."""
    m2 = mass_squared(size)
    return 2 / (1 + np.sqrt(m2 / (m2 + 8)))


def sweep(phi, h, mu2, omega, rng):
    """One over-relaxed update of the links h (2, chains, L, L), then of the sites phi (chains, L, L)."""
    keep = np.sqrt(omega * (2 - omega))
    ends = np.stack([phi + np.roll(phi, -1, axis) for axis in (1, 2)])
    h = (1 - omega) * h + omega * ends + keep * rng.standard_normal(h.shape)
    source = sum(link + np.roll(link, 1, axis) for axis, link in zip((1, 2), h, strict=True))
    return (1 - omega) * phi + omega * source / mu2 + keep / np.sqrt(mu2) * rng.standard_normal(phi.shape), h


def truncated(series, window):
    """C(0) + 2 sum C(t), 1 <= t <= window, and C(0), of each centred `series` (n, chains): the autocovariance C."""
    power = np.abs(np.fft.rfft(series, 2 * len(series), axis=0)) ** 2
    covariance = np.fft.irfft(power, axis=0)[: window + 1] / (len(series) - np.arange(window + 1))[:, None]
    return 2 * covariance.sum(axis=0) - covariance[0], covariance[0]


def block(size, omega, seed):
    """Sums of the autocovariance up to the window and at zero, (2 observables, 2, BLOCK)."""
    field = FreeScalarField((size, size), mass_squared(size))
    mu2, rng = field.mass_squared + 8, np.random.default_rng(seed)
    phi = field.sample(BLOCK, rng).reshape(BLOCK, size, size)
    h = np.stack([phi + np.roll(phi, -1, axis) for axis in (1, 2)]) + rng.standard_normal((2, BLOCK, size, size))
    series = np.empty((2, SWEEPS, BLOCK))
    for n in range(SWEEPS):
        phi, h = sweep(phi, h, mu2, omega, rng)
        series[:, n] = phi.mean(axis=(1, 2)), field.action_density(phi.reshape(BLOCK, -1))
    series[1] -= 0.5  # equipartition
    return np.array([truncated(one, WINDOW) for one in series])


def jobs():
    """From (size, sampler) to omega."""
    for size in SIZES:
        for sampler, omega in (("heat bath", 1.0), ("over-relaxed", best_omega(size))):
            yield size, sampler, omega


def main() -> None:
    rows = []
    for size, sampler, omega in jobs():
        sums = np.concatenate([block(size, omega, [size, int(omega > 1), k]) for k in range(BLOCKS)], axis=2)
        rows.append({"size": size, "sampler": sampler, "omega": omega, "sums": sums.tolist()})
        print(size, sampler, flush=True)
    DATA.parent.mkdir(exist_ok=True)
    write_text(DATA, json.dumps({"window": WINDOW, "rows": rows}))
    print(f"{DATA.name}: {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main()
