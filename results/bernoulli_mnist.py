"""Remake srbm_book/data/bernoulli_mnist.npz, binary hidden nodes trained on MNIST: python -m results.bernoulli_mnist

Up to 16 hidden nodes the gradient and the likelihood are enumerated; with 64 nodes training is by persistent chains
and ln Z by annealed importance sampling. Weights are rounded to half precision, and everything stored refers to the
rounded models. Takes about ten minutes; needs the images.
"""

from pathlib import Path

import numpy as np

from srbm import GaussianBernoulliRBM, StepDecay, load_mnist, maximum_likelihood, second_moment, train_bernoulli

STORED = Path(__file__).parent.parent / "srbm_book" / "data" / "bernoulli_mnist.npz"
ENUMERATED = (4, 8, 16)
SAMPLED = 64
ANNEALINGS = ((100, 1000), (100, 10_000))


def centred_images() -> tuple[np.ndarray, np.ndarray]:
    """Training and test images minus the mean training image."""
    train, test = load_mnist("train"), load_mnist("test")
    mean = train.mean(axis=0)
    train -= mean
    test -= mean
    return train, test


def rounded(rbm: GaussianBernoulliRBM) -> GaussianBernoulliRBM:
    """The model as it is stored."""
    return GaussianBernoulliRBM(np.float16(rbm.weights), np.float32(rbm.mass_squared), np.float32(rbm.hidden_bias))


def stored_model(stored, n_hidden: int) -> GaussianBernoulliRBM:
    """The model with `n_hidden` nodes from the stored arrays."""
    return GaussianBernoulliRBM(*(stored[f"{name}_{n_hidden}"] for name in ("weights", "mass_squared", "hidden_bias")))


def enumerated_training(train, n_hidden: int, seed: int) -> GaussianBernoulliRBM:
    start = GaussianBernoulliRBM.random(784, n_hidden, 20.0, 0.3, rng=seed)
    return train_bernoulli(
        start, train, 1600, StepDecay(0.2, 0.5, 400), batch=2000, learn_mass=True, momentum=0.8, rng=seed
    ).model


def sampled_training(train, n_hidden: int, seed: int, updates: int = 12_000, every: int = 2500):
    start = GaussianBernoulliRBM.random(784, n_hidden, 35.0, 0.2, rng=seed)
    return train_bernoulli(
        start, train, updates, StepDecay(0.1, 0.5, every), 512, batch=512, learn_mass=True, momentum=0.5, rng=seed
    )


def free_fields(train, test) -> dict[str, np.ndarray]:
    """Log-likelihood of training and test images under the best Gaussian RBM of each size."""
    moments = second_moment(train), second_moment(test)
    return {
        f"free_{n}": np.array([maximum_likelihood(moments[0], n).log_likelihood(moment) for moment in moments])
        for n in (*ENUMERATED, SAMPLED)
    }


def main() -> None:
    train, test = centred_images()
    arrays = free_fields(train, test)
    for n in (*ENUMERATED, SAMPLED):
        if n in ENUMERATED:  # the better of two starts
            starts = [rounded(enumerated_training(train, n, seed)) for seed in range(2)]
            rbm = max(starts, key=lambda model: model.log_likelihood(train))
            arrays[f"log_partition_{n}"] = np.array([[rbm.log_partition, 0.0]])
        else:
            training = sampled_training(train, n, seed=0)
            rbm = rounded(training.model)
            phi = rbm.gibbs(training.chains, 1000, rng=1)
            arrays["spins"] = np.packbits(drawn_spins(rbm, phi, rng=2), axis=1)
            second = np.zeros((784, 784))
            for sweep in range(200):
                phi = rbm.gibbs(phi, 10, rng=10 + sweep)
                second += phi.T @ phi / len(phi) / 200
            arrays["variances_64"] = np.linalg.eigvalsh(second)[::-1]
            arrays[f"log_partition_{n}"] = np.array([rbm.annealed_log_partition(*shape, rng=3) for shape in ANNEALINGS])
        log_z = arrays[f"log_partition_{n}"][-1, 0]
        arrays |= {
            f"weights_{n}": np.float16(rbm.weights),
            f"mass_squared_{n}": np.float32(rbm.mass_squared),
            f"hidden_bias_{n}": np.float32(rbm.hidden_bias),
            f"log_likelihood_{n}": np.array([rbm.log_likelihood(train, log_z), rbm.log_likelihood(test, log_z)]),
        }
        print(n, rbm.mass_squared, arrays[f"log_partition_{n}"].tolist(), arrays[f"log_likelihood_{n}"], flush=True)
    STORED.parent.mkdir(exist_ok=True)
    np.savez_compressed(STORED, **arrays)
    print(f"{STORED.name}: {STORED.stat().st_size} bytes")


def drawn_spins(rbm: GaussianBernoulliRBM, phi, rng) -> np.ndarray:
    """A state of the hidden layer for each row of phi, True where h = 1."""
    return np.random.default_rng(rng).random((len(phi), rbm.n_hidden)) < (1 + rbm.hidden_mean(phi)) / 2


if __name__ == "__main__":
    main()
