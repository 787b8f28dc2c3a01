"""Time to a given Kullback-Leibler divergence from one start: exact gradient, PCD, natural gradient, closed form."""

import numpy as np

from benchmarks.timing import timed
from benchmarks.trainer import Trainer
from srbm import (
    PCD,
    Exact,
    FreeScalarField,
    ScalarRBM,
    learning_rate_limit,
    maximum_likelihood,
    mnist_correlation,
    mode_trajectory,
    natural_gradient_flow,
    symmetric_solution,
    train,
)

LATTICE_GOAL, MNIST_GOAL = 0.05, 1.0


def best(work, calls=5):
    """The shortest of several times."""
    return min(timed(work) for _ in range(calls))


def lattice():
    """(method, updates, seconds) for ten sites; PCD is the median of nine seeds."""
    field, mass = FreeScalarField(10, 4.0), 9.0
    C, start = field.propagator, ScalarRBM.random(10, 10, mass, rng=0)
    exact_solution = symmetric_solution(field.kernel, mass)
    highest = exact_solution.log_likelihood(C)
    limit = learning_rate_limit(field.eigenvalues, mass)

    def gradient(strategy, rate, seed=0):
        training = train(start, C, 6000, rate, strategy, rng=seed)
        updates = int(np.argmax(highest - training.log_likelihood <= LATTICE_GOAL))
        assert updates, f"{strategy} did not reach {LATTICE_GOAL} nats"
        return updates, best(lambda: train(start, C, updates, rate, strategy, rng=seed, record_every=updates))

    exact = gradient(Exact(), limit / 2)
    sampled = sorted(gradient(PCD(512, 1), 0.05, seed) for seed in range(9))[4]
    times = np.linspace(0, 10, 1001)
    propagators = natural_gradient_flow(start, C, times)
    divergence = [highest - _log_likelihood(np.linalg.inv(propagator), C) for propagator in propagators]
    arrival = times[np.argmax(np.array(divergence) <= LATTICE_GOAL)]
    natural = best(lambda: natural_gradient_flow(start, C, [arrival]))
    return [
        ("exact gradient", *exact),
        ("PCD, B = 512", *sampled),
        (f"natural gradient flow to t = {arrival:.2f}", 1, natural),
        ("closed form", 1, best(lambda: symmetric_solution(field.kernel, mass))),
    ]


def _log_likelihood(kernel, correlation):
    return (np.linalg.slogdet(kernel / (2 * np.pi))[1] - np.trace(kernel @ correlation)) / 2


def mnist():
    """Times to accuracy for MNIST, N_h = 784, mu^2 = 100, as nats below the best likelihood.

    The start is W = 0.1, in which every mode follows Eq. (81) by itself. Updates of the exact gradient are counted by
    that exact trajectory, and its time is this number times the measured time of one.
    """
    C, mass, first = mnist_correlation(), 100.0, 0.1
    variances = np.linalg.eigvalsh(C).clip(0)
    kappa = np.divide(1, variances, out=np.full_like(variances, np.inf), where=variances > 1e-15)
    optimum = np.minimum(kappa, mass)
    start = ScalarRBM(first * np.eye(784), mass)
    rate = learning_rate_limit(kappa, mass) / 2

    def missing(eigenvalues):
        return ((eigenvalues - optimum) * variances - np.log(eigenvalues / optimum)).sum() / 2

    def arrival(eigenvalues, until):
        low, high = 0.0, until
        while high - low > 1e-6 * high:
            middle = (low + high) / 2
            low, high = (low, middle) if missing(eigenvalues(middle)) <= MNIST_GOAL else (middle, high)
        return high

    time = arrival(lambda t: mode_trajectory(kappa, mass, mass - first**2, [t])[0], 1e6)
    natural = arrival(lambda t: 1 / (1 / optimum + (1 / (mass - first**2) - 1 / optimum) * np.exp(-t)), 100.0)
    updates = int(np.ceil(time / rate))
    best_model = maximum_likelihood(C, 784, mass)
    rows = []
    for name, strategy in (("exact gradient", Exact()), ("PCD, B = 512, if it were as good", PCD(512, 1))):
        trainer = Trainer(start, C, rate, strategy, rng=0)
        trainer.updates(2)
        rows.append((name, updates, updates * best(lambda trainer=trainer: trainer.updates(2)) / 2))
    rows.append(
        (
            f"natural gradient flow to t = {natural:.2f}",
            1,
            best(lambda: natural_gradient_flow(start, best_model.propagator, [natural]), 3),
        )
    )
    rows.append(("closed form", 1, best(lambda: maximum_likelihood(C, 784, mass), 3)))
    return rows


def run():
    """Rows of both targets, and the divergences to be reached."""
    return {"lattice": {"goal": LATTICE_GOAL, "rows": lattice()}, "mnist": {"goal": MNIST_GOAL, "rows": mnist()}}
