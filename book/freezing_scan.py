"""Remake chapters/data/freezing_scan.npz, where a decaying learning rate leaves a learnt mass: python -m book.freezing_scan

Figure 19 of the paper for a grid of initial learning rates and numbers of chains: 60000 updates by persistent contrastive
divergence from `RUNS` random starts with mu^2(0) = 6, one sweep per update, the rate multiplied by 0.99 every 128 updates.
Stored are eigenvalues, singular values and mu^2 at the end.
"""

from pathlib import Path

import numpy as np

from srbm import PCD, FreeScalarField, ScalarRBM, StepDecay, train

RATES = (0.05, 0.1, 0.2, 0.32, 0.5, 0.7, 1.0)
CHAINS = (128, 512, 2048, 8192, 32768)
RUNS, EPOCHS, START = 6, 60_000, 6.0
DATA = Path(__file__).parent.parent / "chapters" / "data" / "freezing_scan.npz"


def frozen(rate, chains):
    """The end of `RUNS` trainings: eigenvalues (runs, 10), singular values (runs, 10), mu^2 (runs,)."""
    starts = [ScalarRBM.random(10, 10, START, rng=seed) for seed in range(RUNS)]
    training = train(starts, FreeScalarField(10, 4.0).propagator, EPOCHS, StepDecay(rate, 0.99, 128), PCD(chains, 1),
                     learn_mass=True, record_every=EPOCHS, rng=[int(1000 * rate), chains])
    return training.eigenvalues[-1], training.singular_values[-1], training.mass_squared[-1]


def main() -> None:
    ends = [[frozen(rate, chains) for chains in CHAINS] for rate in RATES]
    eigenvalues, singular_values, mass_squared = (np.array([[end[i] for end in row] for row in ends]) for i in range(3))
    DATA.parent.mkdir(exist_ok=True)
    np.savez_compressed(DATA, rates=RATES, chains=CHAINS, eigenvalues=eigenvalues, singular_values=singular_values,
                        mass_squared=mass_squared)
    print(f"{DATA.name}: {len(RATES)} rates, {len(CHAINS)} numbers of chains, {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main()
