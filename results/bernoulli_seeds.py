"""Remake srbm_book/data/bernoulli_seeds.json, 64 spins on MNIST from five seeds: python -m results.bernoulli_seeds

The training of `bernoulli_mnist` with 64 nodes, an eighth as long, from five seeds, which draw start, minibatches
and chains. Stored is, for each seed, ln Z by annealing, the log-likelihood of training and test images, mu^2, and
mu^2 after the first updates, by which a test recognises the training. Takes four minutes of one core; needs the images.
"""

import json
from pathlib import Path

from results.bernoulli_mnist import SAMPLED, centred_images, rounded, sampled_training
from srbm._support.files import write_text

STORED = Path(__file__).parent.parent / "srbm_book" / "data" / "bernoulli_seeds.json"
SEEDS, UPDATES, EVERY = 5, 1500, 312
FIRST = 40
ANNEALING = (100, 2000)


def first_mass(train, seed: int) -> float:
    """mu^2 after the first updates of a training."""
    return sampled_training(train, SAMPLED, seed, FIRST, EVERY).model.mass_squared


def one_seed(train, test, seed: int) -> dict:
    """What is stored of one training."""
    rbm = rounded(sampled_training(train, SAMPLED, seed, UPDATES, EVERY).model)
    log_z, error = rbm.annealed_log_partition(*ANNEALING, rng=100 + seed)
    return {
        "seed": seed,
        "first_mass": first_mass(train, seed),
        "mass_squared": rbm.mass_squared,
        "log_partition": [log_z, error],
        "log_likelihood": [rbm.log_likelihood(train, log_z), rbm.log_likelihood(test, log_z)],
    }


def main() -> None:
    train, test = centred_images()
    rows = []
    for seed in range(SEEDS):
        rows.append(one_seed(train, test, seed))
        print(rows[-1], flush=True)
    write_text(STORED, json.dumps({"updates": UPDATES, "annealing": ANNEALING, "rows": rows}))
    print(f"{STORED.name}: {STORED.stat().st_size} bytes")


if __name__ == "__main__":
    main()
