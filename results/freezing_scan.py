"""Remake srbm_book/data/freezing_scan.npz, where a decaying rate leaves a learnt mass: python -m results.freezing_scan

Figure 19 of the paper for a grid of initial learning rates and numbers of chains: 60000 updates by persistent
contrastive divergence from `RUNS` random starts with mu^2(0) = 6, one sweep per update, the rate multiplied by 0.99
every 128 updates.
All rates and runs are one stack of matrices, and the chains are carried by their Gram matrix, as in Appendix A. Stored
are eigenvalues, singular values and mu^2 at the end.
"""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from srbm import FreeScalarField, ScalarRBM, StepDecay

RATES = (0.05, 0.1, 0.2, 0.32, 0.5, 1.0)
CHAINS = (128, 2048, 32768)
RUNS, EPOCHS, START, N = 6, 60_000, 6.0, 10
DATA = Path(__file__).parent.parent / "srbm_book" / "data" / "freezing_scan.npz"


def frozen(chains):
    """The end of the trainings at all rates: eigenvalues and singular values (rates, runs, N), mu^2 (rates, runs)."""
    rng = np.random.default_rng(chains)
    start = np.stack([ScalarRBM.random(N, N, START, rng=seed).weights for seed in range(RUNS)])
    W = np.tile(start, (len(RATES), 1, 1))
    mass = np.full((len(W), 1, 1), START)
    initial = np.repeat(RATES, RUNS)[:, None, None]
    fall = StepDecay(1.0, 0.99, 128)
    C, unit = FreeScalarField(N, 4.0).propagator, np.eye(N)
    below, degrees = np.tri(N, k=-1), chains - N - np.arange(N)
    R = np.sqrt(chains) * np.linalg.cholesky(np.linalg.inv(mass * unit - W @ W.mT)).mT  # R^T R = phi^T phi
    for epoch in range(EPOCHS):
        A = W @ W.mT / mass
        root = np.linalg.cholesky((unit + A) / mass).mT
        T = rng.standard_normal(W.shape) * below + unit * np.sqrt(rng.chisquare(degrees, (len(W), N)))[:, None]
        inside, outside = R @ A + rng.standard_normal(W.shape) @ root, T.mT @ root
        gram = inside.mT @ inside + outside.mT @ outside
        R = np.linalg.cholesky(gram).mT
        step = initial * fall(epoch) * (C - gram / chains)
        W = W + step @ W
        mass = mass - step.trace(axis1=1, axis2=2)[:, None, None] / 2
    eigenvalues = np.linalg.eigvalsh(mass * unit - W @ W.mT)
    if eigenvalues.min() <= 0:
        raise ValueError("a training has left the models that exist: remove the largest rate")
    singular_values, grid = np.linalg.svd(W, compute_uv=False), (len(RATES), RUNS)
    return eigenvalues.reshape(*grid, N), singular_values.reshape(*grid, N), mass.reshape(grid)


def main() -> None:
    with ProcessPoolExecutor() as pool:
        ends = list(pool.map(frozen, CHAINS))
    eigenvalues, singular_values, mass_squared = (np.stack(stored, axis=1) for stored in zip(*ends, strict=True))
    DATA.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        DATA,
        rates=RATES,
        chains=CHAINS,
        eigenvalues=eigenvalues,
        singular_values=singular_values,
        mass_squared=mass_squared,
    )
    print(f"{DATA.name}: {len(RATES)} rates, {len(CHAINS)} numbers of chains, {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main()
