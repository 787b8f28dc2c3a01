"""Remake srbm_book/data/phi4_scan.npz, lattice phi^4 theory across its transition: python -m results.phi4_scan

Two independent samplers of the same theory on L x L lattices: the block Gibbs sampler of `srbm.Phi4RBM`, and hybrid
Monte Carlo (Duane et al. 1987), which shares no line with it. Stored are the averages of M, |M|, M^2 and M^4 over
each Markov chain, M being the mean of the field, so that errors come from the scatter of independent chains.

The chains run in blocks with seeds of their own, so that a test can remake one of them. A chain with rejections
amplifies rounding: where the arithmetic is that of the machine that stored the scan, which `fingerprint` tells, the
same bits come out; elsewhere the same law. Takes ten minutes of one core.
"""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from srbm import FreeScalarField, Phi4RBM

COUPLING = 0.25
MASSES = (-1.6, -1.45, -1.35, -1.3, -1.27, -1.2, -1.1, -1.0, -0.8)
SIZES = (8, 16)
CRITICAL = -1.27
BLOCKS, CRITICAL_BLOCKS, BLOCK = 2, 8, 32  # of chains at a point, and chains in a block
SWEEPS, TRAJECTORIES, BURN_IN = {8: 8_000, 16: 10_000}, {8: 2_000, 16: 1_500}, 3_000
CRITICAL_SWEEPS = {4: 10_000, 6: 10_000, 8: 20_000, 12: 30_000}
CRITICAL_BURN_IN = {4: 2_000, 6: 2_000, 8: 3_000, 12: 6_000}
DATA = Path(__file__).parent.parent / "srbm_book" / "data" / "phi4_scan.npz"


def powers(magnetisation):
    """(..., 4): M, |M|, M^2, M^4."""
    M = magnetisation[..., None]
    return np.concatenate([M, np.abs(M), M**2, M**4], axis=-1)


def gibbs(size, mass_squared, chains, sweeps, burn_in, rng):
    """Averages (chains, 4) over `sweeps` sweeps of the machine at mu^2 = kappa_max."""
    kernel = FreeScalarField((size, size), mass_squared).kernel
    rbm = Phi4RBM.on_lattice(kernel, COUPLING, mass_squared + 8)
    rng = np.random.default_rng(rng)
    phi = rbm.gibbs(np.zeros((chains, size**2)), burn_in, rng)
    total = np.zeros((chains, 4))
    for _ in range(sweeps):
        phi = rbm.gibbs(phi, 1, rng)
        total += powers(phi.mean(axis=1))
    return total / sweeps


def force(phi, mass_squared, coupling):
    """dS / dphi for fields (chains, L, ..., L)."""
    axes = range(1, phi.ndim)
    result = (mass_squared + 2 * len(axes)) * phi + 4 * coupling * phi**3
    for axis in axes:
        result -= np.roll(phi, 1, axis) + np.roll(phi, -1, axis)
    return result


def action(phi, mass_squared, coupling):
    """S for fields (chains, L, ..., L)."""
    axes = tuple(range(1, phi.ndim))
    density = mass_squared * phi**2 / 2 + coupling * phi**4
    for axis in axes:
        density += (np.roll(phi, 1, axis) - phi) ** 2 / 2
    return density.sum(axis=axes)


def trajectory(phi, mass_squared, coupling, rng, length=1.5, steps=10):
    """One hybrid Monte Carlo update: the new fields, and dH of the proposal for each chain."""
    axes = tuple(range(1, phi.ndim))
    step = length / steps
    momentum = rng.standard_normal(phi.shape)
    start = action(phi, mass_squared, coupling) + (momentum**2).sum(axis=axes) / 2
    proposal = phi
    momentum = momentum - step / 2 * force(proposal, mass_squared, coupling)
    for k in range(steps):
        proposal = proposal + step * momentum
        kick = step if k < steps - 1 else step / 2
        momentum = momentum - kick * force(proposal, mass_squared, coupling)
    change = action(proposal, mass_squared, coupling) + (momentum**2).sum(axis=axes) / 2 - start
    accepted = rng.exponential(size=len(phi)) > change
    return np.where(accepted.reshape(-1, *[1] * len(axes)), proposal, phi), change


def hybrid(size, mass_squared, chains, trajectories, burn_in, rng):
    """Averages (chains, 4) over hybrid Monte Carlo trajectories, and the mean of exp(-dH) in each chain (chains,)."""
    rng = np.random.default_rng(rng)
    phi = np.zeros((chains, size, size))
    total, boltzmann = np.zeros((chains, 4)), np.zeros(chains)
    for n in range(burn_in + trajectories):
        phi, change = trajectory(phi, mass_squared, COUPLING, rng)
        if n >= burn_in:
            total += powers(phi.mean(axis=(1, 2)))
            boltzmann += np.exp(-change)
    return total / trajectories, boltzmann / trajectories


def fingerprint():
    """A field after two thousand sweeps (2, 64), in which every difference of the arithmetic has grown large."""
    rbm = Phi4RBM.on_lattice(FreeScalarField((8, 8), CRITICAL).kernel, COUPLING, CRITICAL + 8)
    return rbm.gibbs(np.zeros((2, 64)), 2_000, 0)


def scan_block(point, block):
    """The averages (BLOCK, 4) of one block of chains at a point (size, mass) of the scan, by the Gibbs sampler."""
    size, mass_squared = point
    seed = [1, size, MASSES.index(mass_squared), block]
    return gibbs(size, mass_squared, BLOCK, SWEEPS[size], BURN_IN, seed)


def critical_block(size, block):
    """The averages (BLOCK, 4) of one block of chains at the transition."""
    return gibbs(size, CRITICAL, BLOCK, CRITICAL_SWEEPS[size], CRITICAL_BURN_IN[size], [3, size, block])


def hybrid_point(point, index):
    """Averages and <exp(-dH)> of all chains at a point, by hybrid Monte Carlo."""
    size, mass_squared = point
    return hybrid(size, mass_squared, BLOCKS * BLOCK, TRAJECTORIES[size], 300, [2, index])


def _run(job):
    function, *arguments = job
    return function(*arguments)


def main() -> None:
    points = [(size, mass) for size in SIZES for mass in MASSES]
    jobs = [(hybrid_point, point, index) for index, point in enumerate(points)]
    jobs += [(scan_block, point, block) for point in points for block in range(BLOCKS)]
    jobs += [(critical_block, size, block) for size in CRITICAL_SWEEPS for block in range(CRITICAL_BLOCKS)]
    with ProcessPoolExecutor() as pool:
        results = list(pool.map(_run, jobs))
    n, blocks = len(points), len(points) * BLOCKS
    grid = (len(SIZES), len(MASSES), BLOCKS * BLOCK)
    DATA.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        DATA,
        coupling=COUPLING,
        masses=MASSES,
        sizes=SIZES,
        gibbs=np.reshape(results[n : n + blocks], (*grid, 4)),
        hybrid=np.reshape([averages for averages, _ in results[:n]], (*grid, 4)),
        boltzmann=np.reshape([boltzmann for _, boltzmann in results[:n]], grid),
        critical_mass=CRITICAL,
        critical_sizes=list(CRITICAL_SWEEPS),
        critical_sweeps=list(CRITICAL_SWEEPS.values()),
        critical=np.reshape(results[n + blocks :], (len(CRITICAL_SWEEPS), -1, 4)),
        fingerprint=fingerprint(),
    )
    print(f"{DATA.name}: {n} points, {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main()
