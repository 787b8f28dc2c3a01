"""Numbers that cannot be: each is refused with the name of its argument and its bound, and the bound itself is taken.

A call that is refused says nothing about the code behind it, so what is written here is a table: what takes the
number, the name that the message begins with, and what it must be.
"""

import re

import numpy as np
import pytest

from srbm import (
    CD,
    PCD,
    FreeScalarField,
    GaussianBernoulliRBM,
    Phi4RBM,
    ScalarRBM,
    StepDecay,
    autocorrelation_time,
    cholesky_solution,
    eigenvalue_relaxation,
    factor_analysis,
    from_latent,
    gradient_flow,
    kl_divergence,
    leading_modes,
    learning_rate_limit,
    maximum_likelihood,
    mode_trajectory,
    natural_gradient_flow,
    noise_floor,
    recommend,
    relaxation_rates,
    standard_error,
    sweep,
    sweeps_needed,
    symmetric_solution,
    train,
    train_bernoulli,
    truncated_kl,
)

FIELD = FreeScalarField(4, 2.0)
C, KAPPA = FIELD.propagator, FIELD.eigenvalues
RBM = ScalarRBM.random(4, 3, 9.0, rng=0)
BERNOULLI, QUARTIC = GaussianBernoulliRBM(RBM.weights, 9.0), Phi4RBM(RBM.weights, 9.0, 1.0)
ROWS = FIELD.sample(12, rng=0)
MODES = leading_modes(ROWS, 2)

POSITIVE = {
    "initial": [lambda x: StepDecay(x)],
    "factor": [lambda x: StepDecay(0.1, x)],
    "mass_squared": [
        lambda x: GaussianBernoulliRBM(RBM.weights, x),
        lambda x: Phi4RBM(RBM.weights, x, 1.0),
        lambda x: Phi4RBM.on_lattice(FIELD.kernel, 1.0, x),
        lambda x: symmetric_solution(FIELD.kernel, x),
        lambda x: cholesky_solution(FIELD.kernel, x),
        lambda x: maximum_likelihood(C, 2, x),
        lambda x: truncated_kl(KAPPA, 1, x),
        lambda x: learning_rate_limit(KAPPA, x),
        lambda x: relaxation_rates(KAPPA, x),
        lambda x: eigenvalue_relaxation(KAPPA, x),
        lambda x: sweeps_needed(KAPPA, x),
        lambda x: noise_floor(KAPPA, x, 0.1, 10),
        lambda x: mode_trajectory(1.0, x, 1.0, 1.0),
        lambda x: MODES.log_likelihood(2, x),
    ],
    "hidden_variance": [
        lambda x: ScalarRBM(RBM.weights, 9.0, x),
        lambda x: Phi4RBM(RBM.weights, 9.0, 1.0, x),
        lambda x: symmetric_solution(FIELD.kernel, 9.0, x),
        lambda x: cholesky_solution(FIELD.kernel, 9.0, x),
        lambda x: maximum_likelihood(C, 2, 9.0, x),
        lambda x: from_latent(np.ones((3, 1)), 1.0, x),
        lambda x: factor_analysis(C, 1, x),
        lambda x: learning_rate_limit(KAPPA, 9.0, x),
        lambda x: relaxation_rates(KAPPA, 9.0, x),
        lambda x: eigenvalue_relaxation(KAPPA, 9.0, x),
        lambda x: noise_floor(KAPPA, 9.0, 0.1, 10, 1, x),
        lambda x: mode_trajectory(1.0, 9.0, 1.0, 1.0, x),
    ],
    "least_noise": [lambda x: factor_analysis(C, 1, least_noise=x)],
    "learning_rate": [
        lambda x: train(RBM, C, 1, x),
        lambda x: train_bernoulli(BERNOULLI, ROWS, 1, x),
        lambda x: noise_floor(KAPPA, 9.0, x, 10),
    ],
    "until": [lambda x: train(RBM, C, 1, 0.1, until=x)],
    "step": [lambda x: FIELD.metropolis(1, 0, step=x)],
    "tolerance": [lambda x: recommend(C, x)],
}

FINITE = {
    "mass_squared": [lambda x: FreeScalarField(4, x)],
    "quartic": [lambda x: Phi4RBM(RBM.weights, 9.0, x)],
    "scale": [lambda x: ScalarRBM.random(2, 2, 4.0, x, rng=0), lambda x: GaussianBernoulliRBM.random(2, 2, 4.0, x)],
    "log_partition": [lambda x: BERNOULLI.log_density(np.ones(4), x), lambda x: RBM.log_density(np.ones(4), x)],
    "noise": [lambda x: recommend(C, 0.1, noise=x)],
}

COUNTS = {
    ("every", 1): [lambda n: StepDecay(0.1, 0.9, n)],
    ("chains", 1): [
        lambda n: CD(n),
        lambda n: PCD(n),
        lambda n: FIELD.metropolis(1, 0, chains=n),
        lambda n: QUARTIC.sample(1, 0, chains=n),
        lambda n: train_bernoulli(BERNOULLI, ROWS, 1, 0.1, n, rng=0),
        lambda n: noise_floor(KAPPA, 9.0, 0.1, n),
    ],
    ("chains", 2): [lambda n: BERNOULLI.annealed_log_partition(n, 3, 0)],
    ("temperatures", 1): [lambda n: BERNOULLI.annealed_log_partition(3, n, 0)],
    ("steps", 1): [
        lambda n: CD(8, n),
        lambda n: PCD(8, n),
        lambda n: train_bernoulli(BERNOULLI, ROWS, 1, 0.1, 4, n, rng=0),
        lambda n: noise_floor(KAPPA, 9.0, 0.1, 10, n),
    ],
    ("steps", 0): [
        lambda n: RBM.gibbs(np.ones(4), n, 0),
        lambda n: BERNOULLI.gibbs(np.ones(4), n, 0),
        lambda n: QUARTIC.gibbs(np.ones(4), n, 0),
    ],
    ("draws", 0): [lambda n: RBM.trace(n, np.ones(4), 0)],
    ("burn_in", 0): [
        lambda n: RBM.trace(2, np.ones(4), 0, burn_in=n),
        lambda n: QUARTIC.sample(1, 0, burn_in=n),
        lambda n: FIELD.metropolis(1, 0, burn_in=n),
    ],
    ("sweeps", 1): [
        lambda n: RBM.trace(2, np.ones(4), 0, sweeps=n),
        lambda n: QUARTIC.sample(1, 0, sweeps=n),
        lambda n: FIELD.metropolis(1, 0, sweeps=n),
    ],
    ("n", 0): [
        lambda n: RBM.sample(n, 0),
        lambda n: BERNOULLI.sample(n, 0),
        lambda n: QUARTIC.sample(n, 0),
        lambda n: FIELD.sample(n, 0),
        lambda n: FIELD.metropolis(n, 0),
    ],
    ("n_visible", 1): [lambda n: ScalarRBM.random(n, 2, 4.0, rng=0)],
    ("n_hidden", 0): [
        lambda n: ScalarRBM.random(2, n, 4.0, rng=0),
        lambda n: GaussianBernoulliRBM.random(2, n, 4.0, rng=0),
        lambda n: maximum_likelihood(C, n),
        lambda n: factor_analysis(C, n),
        lambda n: eigenvalue_relaxation(KAPPA, 9.0, n_hidden=n),
        lambda n: MODES.log_likelihood(n),
        lambda n: MODES.discarded(n),
    ],
    ("n_modes", 1): [lambda n: leading_modes(ROWS, n)],
    ("passes", 2): [lambda n: leading_modes(ROWS, 1, passes=n)],
    ("starts", 1): [lambda n: factor_analysis(C, 1, starts=n)],
    ("folds", 2): [lambda n: recommend(data=ROWS, folds=n)],
    ("epoch", 0): [lambda n: noise_floor(KAPPA, 9.0, StepDecay(0.1), 10, epoch=n)],
    ("epochs", 0): [
        lambda n: train(RBM, C, n, 0.1),
        lambda n: train(RBM, C, 0, 0.1).resume(n),
        lambda n: train_bernoulli(BERNOULLI, ROWS, n, 0.1),
        lambda n: train_bernoulli(BERNOULLI, ROWS, 0, 0.1).resume(n),
    ],
    ("runs", 1): [lambda n: train(RBM, C, 1, 0.1, runs=n), lambda n: train_bernoulli(BERNOULLI, ROWS, 1, 0.1, runs=n)],
    ("record_every", 1): [
        lambda n: train(RBM, C, 1, 0.1, record_every=n),
        lambda n: train_bernoulli(BERNOULLI, ROWS, 1, 0.1, record_every=n),
    ],
    ("batch", 1): [lambda n: train_bernoulli(BERNOULLI, ROWS, 1, 0.1, batch=n, rng=0)],
    ("checkpoint_every", 1): [
        lambda n: train(RBM, C, 1, 0.1, checkpoint_every=n),
        lambda n: train_bernoulli(BERNOULLI, ROWS, 1, 0.1, checkpoint_every=n),
    ],
    ("n_jobs", 1): [lambda n: sweep(None, [], seed=0, n_jobs=n)],
}

FRACTIONS = {
    ("momentum", "1"): [
        lambda x: train(RBM, C, 1, 0.1, momentum=x),
        lambda x: train_bernoulli(BERNOULLI, ROWS, 1, 0.1, momentum=x),
    ],
    ("weight_decay", "inf"): [lambda x: train(RBM, C, 1, 0.1, weight_decay=x)],
}

ARRAYS = {
    "mass_squared": [lambda x: ScalarRBM(np.ones((2, 1)), x * 9)],
    "times": [
        lambda x: gradient_flow(RBM, C, x),
        lambda x: natural_gradient_flow(ScalarRBM(np.zeros((4, 4)), 9.0), C, x),
        lambda x: mode_trajectory(1.0, 9.0, 1.0, x),
    ],
    "initial_eigenvalue": [lambda x: mode_trajectory(1.0, 9.0, x, 1.0)],
    "n_hidden": [lambda x: truncated_kl(KAPPA, x, 9.0)],
    "series": [lambda x: autocorrelation_time(np.tile(x, 60)), lambda x: standard_error(np.tile(x, 60))],
    "noise": [lambda x: from_latent(np.ones((2, 1)), x)],
    "loadings": [lambda x: from_latent(x[:, None], 1.0)],
    "data": [lambda x: recommend(data=x * ROWS[:, :2])],
    "start": [lambda x: train_bernoulli(BERNOULLI, ROWS, 1, 0.1, start=[[*x, 0.0, 0.0]])],
}

SQUARE = {
    "kernel": [
        lambda x: symmetric_solution(x, 9.0),
        lambda x: cholesky_solution(x, 9.0),
        lambda x: Phi4RBM.on_lattice(x, 1.0, 9.0),
    ],
    "correlation": [
        lambda x: RBM.log_likelihood(x),
        lambda x: maximum_likelihood(x, 2),
        lambda x: factor_analysis(x, 1),
        lambda x: train(RBM, x, 1, 0.1),
        lambda x: gradient_flow(RBM, x, [0.0]),
        lambda x: recommend(x, 0.1),
    ],
    "target_kernel": [lambda x: kl_divergence(x, FIELD.kernel)],
    "model_kernel": [lambda x: kl_divergence(FIELD.kernel, x)],
}


def each(table):
    """A row of a test for every call of a table: its key and the call."""
    rows = [(name, call) for name, calls in table.items() for call in calls]
    return pytest.mark.parametrize(("name", "call"), rows, ids=[str(name) for name, _ in rows])


def refused(call, value, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        call(value)


@each(POSITIVE)
def test_a_number_that_must_be_positive(name, call):
    refused(call, 0.0, f"{name} must be greater than 0, got 0")
    refused(call, np.inf, f"{name} must be finite, got inf")
    refused(call, "x", f"{name} must be a number, got 'x'")


@each(FINITE)
def test_a_number_that_must_be_finite(name, call):
    refused(call, np.nan, f"{name} must be finite, got nan")
    call(0.5)


@each(COUNTS)
def test_a_number_that_counts(name, call):
    name, least = name
    refused(call, least - 1, f"{name} must be an integer of at least {least}, got {least - 1}")
    refused(call, least + 0.5, f"{name} must be an integer of at least {least}, got {least + 0.5}")
    call(least)
    call(np.float64(least + 1))


@each(FRACTIONS)
def test_a_number_that_is_a_fraction(name, call):
    name, limit = name
    refused(call, -0.1, f"{name} must lie in [0, {limit}), got -0.1")
    refused(call, np.nan, f"{name} must be finite, got nan")
    refused(call, float(limit), f"{name} must {'lie in [0, 1), got 1' if limit == '1' else 'be finite, got inf'}")
    call(0.0)
    call(0.5)


@each(ARRAYS)
def test_an_array_that_must_be_finite(name, call):
    refused(call, np.array([1.0, np.nan]), f"{name} must be finite, but ")
    call(np.array([1.0, 2.0]))


@each(SQUARE)
def test_a_matrix_that_must_be_symmetric(name, call):
    advice = "; pass second_moment(data) for samples in rows" if name == "correlation" else ""
    with pytest.raises(ValueError, match=re.escape(f"{name} must be a square matrix, got shape (4, 3){advice}") + "$"):
        call(np.ones((4, 3)))
    refused(call, np.eye(4) + np.triu(np.ones((4, 4)), 1), f"{name} must be symmetric, but differs from its transpose")
    refused(call, np.full((4, 4), np.nan), f"{name} must be finite, but 16 of its 16 entries")


@pytest.mark.parametrize(
    "of",
    [
        lambda *s2: ScalarRBM(RBM.weights, 9.0, *s2),
        lambda *s2: Phi4RBM(RBM.weights, 9.0, 1.0, *s2),
        lambda *s2: Phi4RBM.on_lattice(FIELD.kernel, 1.0, 9.0, *s2),
        lambda *s2: ScalarRBM.random(4, 3, 9.0, 0.1, *s2, rng=0),
        lambda *s2: symmetric_solution(FIELD.kernel, 9.0, *s2),
        lambda *s2: cholesky_solution(FIELD.kernel, 9.0, *s2),
        lambda *s2: maximum_likelihood(C, 2, None, *s2),
        lambda *s2: from_latent(np.ones((3, 1)), 1.0, *s2),
        lambda *s2: factor_analysis(C, 1, *s2),
        lambda *s2: learning_rate_limit(KAPPA, 9.0, *s2),
        lambda *s2: relaxation_rates(KAPPA, 9.0, *s2),
        lambda *s2: eigenvalue_relaxation(KAPPA, 9.0, *s2),
        lambda *s2: noise_floor(KAPPA, 9.0, 0.1, 10, 1, *s2),
        lambda *s2: mode_trajectory(1.0, 9.0, 2.0, 0.1, *s2),
    ],
)
def test_the_variance_of_the_hidden_nodes_is_one_unless_it_is_given(of):
    unsaid, one, two = (np.asarray(getattr(found, "weights", found)) for found in (of(), of(1.0), of(2.0)))
    np.testing.assert_array_equal(unsaid, one)
    noise = [getattr(found, "hidden_variance", None) for found in (of(), of(1.0), of(2.0))]
    assert noise in ([1.0, 1.0, 2.0], [None] * 3)
    assert noise[0] or np.abs(two - one).max() > 1e-6
