"""Remake srbm_book/data/over_relaxation.json, large lattices: python -m results.over_relaxation

A free field on L x L sites with L = 4 xi, sampled by the machine with mu^2 = kappa_max that has one hidden node on
every link, W = 1 for its two ends: W W^T = mu^2 - K, so that a sweep costs a few additions a site. Stored is, for
heat bath and over-relaxation, 1 + 2 sum rho(t) up to a window, of the zero mode and of the action density, for each
chain. The chains start in equilibrium and run in blocks with seeds of their own. Stored is, too, what a sweep, a
trajectory of Fourier-accelerated hybrid Monte Carlo and an exact draw take of processor time for a site, with the kind
of machine. Takes two minutes of one core.
"""

import json
import time
from pathlib import Path

import numpy as np

from srbm import FreeScalarField
from srbm._support.files import write_text
from srbm._support.runtime import processor

DATA = Path(__file__).parent.parent / "srbm_book" / "data" / "over_relaxation.json"
SIZES = (16, 32, 64)
BLOCK, BLOCKS, SWEEPS, WINDOW = 8, 4, 2000, 60
STEPS = 15  # of a trajectory on the largest lattice, at <dH> = 0.02


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


def lattice_momenta(size):
    """4 sum sin^2(p / 2) of the momenta that `numpy.fft.rfft2` has, (size, size // 2 + 1)."""
    p2 = 2 - 2 * np.cos(2 * np.pi * np.fft.fftfreq(size))
    return (p2[:, None] + p2)[:, : size // 2 + 1]


def filtered(x, function):
    """Fields (chains, L, L) times a function of the momenta."""
    return np.fft.irfft2(np.fft.rfft2(x) * function, s=x.shape[1:])


def accelerated(phi, action, force, mass, steps, rng):
    """Hybrid Monte Carlo of fields (chains, L, L), a quarter of a period of the free field with the kernel `mass`.

    That kernel, a function of the momenta, is the mass matrix (Fourier acceleration).
    """
    e = np.pi / 2 / steps

    def energy(x, p):
        return action(x) + (p * filtered(p, 1 / mass)).sum(axis=(1, 2)) / 2

    momentum = filtered(rng.standard_normal(phi.shape), np.sqrt(mass))
    x, p = phi, momentum - e / 2 * force(phi)
    with np.errstate(over="ignore", invalid="ignore"):  # a trajectory that has left the finite numbers is refused
        for step in range(steps):
            x = x + e * filtered(p, 1 / mass)
            p = p - (e if step < steps - 1 else e / 2) * force(x)
        accepted = rng.exponential(size=len(phi)) > energy(x, p) - energy(phi, momentum)
    return np.where(accepted[:, None, None], x, phi)


def trajectory(phi, kappa, steps, rng):
    """Of the free field itself, with its kernel as mass matrix."""

    def force(x):
        return filtered(x, kappa)

    return accelerated(phi, lambda x: (x * force(x)).sum(axis=(1, 2)) / 2, force, kappa, steps, rng)


def least(update, repeat=7, updates=10):
    """Processor time of one update in seconds, the least of several runs."""
    taken = []
    for _ in range(repeat):
        start = time.process_time()
        for _ in range(updates):
            update()
        taken.append(time.process_time() - start)
    return min(taken) / updates


def seconds(size=SIZES[-1], chains=BLOCK):
    """What an update takes for each site of a lattice: a sweep of the links, a trajectory, an exact draw."""
    field, rng = FreeScalarField((size, size), mass_squared(size)), np.random.default_rng(0)
    kappa = field.mass_squared + lattice_momenta(size)
    phi = field.sample(chains, rng).reshape(chains, size, size)
    h = rng.standard_normal((2, *phi.shape))
    taken = {
        "sweep": least(lambda: sweep(phi, h, field.mass_squared + 8, best_omega(size), rng)),
        "trajectory": least(lambda: trajectory(phi, kappa, STEPS, rng)),
        "exact draw": least(lambda: field.sample(chains, rng)),
    }
    return {name: value / phi.size for name, value in taken.items()}


def main() -> None:
    rows = []
    for size, sampler, omega in jobs():
        sums = np.concatenate([block(size, omega, [size, int(omega > 1), k]) for k in range(BLOCKS)], axis=2)
        rows.append({"size": size, "sampler": sampler, "omega": omega, "sums": sums.tolist()})
        print(size, sampler, flush=True)
    DATA.parent.mkdir(exist_ok=True)
    timed = {"on": processor(), "steps": STEPS, "seconds": seconds()}
    write_text(DATA, json.dumps({"window": WINDOW, "rows": rows} | timed))
    print(f"{DATA.name}: {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main()
