"""The Gaussian-Bernoulli RBM against quadrature and a literal enumeration of its hidden layer, and its training."""

import re
from itertools import product

import numpy as np
import pytest
from scipy import stats

from results import bernoulli_mnist
from srbm import (
    GaussianBernoulliRBM,
    NotNormalizableError,
    ScalarRBM,
    StepDecay,
    TrainingInterrupted,
    bernoulli_gradient,
    train_bernoulli,
)
from srbm.training.bernoulli import model_statistics, sample_statistics
from tests.srbm.helpers import RARE, numerical_gradient, same_law_p_value


def machine(n_visible=3, n_hidden=4, mass_squared=2.0, scale=0.8, rng=1):
    rng = np.random.default_rng(rng)
    return GaussianBernoulliRBM(
        scale * rng.standard_normal((n_visible, n_hidden)), mass_squared, 0.5 * rng.standard_normal(n_hidden)
    )


def action(rbm, phi, h):
    """Eq. (88), term by term."""
    return rbm.mass_squared / 2 * phi @ phi - phi @ rbm.weights @ h + rbm.hidden_bias @ h


def spins(n):
    return np.array(list(product((-1.0, 1.0), repeat=n)))


@pytest.fixture(scope="module")
def plane():
    """A model of two visible nodes, and its density on a grid whose sums are exact to rounding."""
    rbm = machine(2, 4)
    axis = np.arange(-9, 9.01, 0.1)
    phi = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    weight = sum(
        np.exp(-rbm.mass_squared * (phi**2).sum(axis=1) / 2 + phi @ rbm.weights @ h - rbm.hidden_bias @ h)
        for h in spins(4)
    )
    return rbm, phi, weight * 0.01


def test_hidden_states_are_all_different():
    states = machine(n_hidden=5).hidden_states
    assert {tuple(row) for row in states} == {tuple(row) for row in spins(5)}


def test_partition_and_moments_by_quadrature(plane):
    rbm, phi, weight = plane
    assert rbm.log_partition == pytest.approx(np.log(weight.sum()), abs=1e-12)
    p = weight / weight.sum()
    mean = p @ phi
    np.testing.assert_allclose(rbm.mean, mean, rtol=0, atol=1e-12)
    np.testing.assert_allclose(rbm.propagator, (phi.T * p) @ phi - np.outer(mean, mean), rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.exp(-rbm.effective_action(phi) - rbm.log_partition) * 0.01, p, rtol=0, atol=1e-14)


def test_effective_action_is_the_sum_over_spins():
    rbm = machine()
    for phi in np.random.default_rng(2).standard_normal((20, 3)):
        direct = -np.log(sum(np.exp(-action(rbm, phi, h)) for h in spins(4)))
        assert rbm.effective_action(phi) == pytest.approx(direct, abs=1e-12)
    assert rbm.effective_action(np.zeros((2, 5, 3))).shape == (2, 5)
    assert np.isfinite(rbm.effective_action(np.full(3, 1e6)))


def test_mixture_is_the_same_density():
    rbm = machine()
    weights, means = rbm.mixture
    assert weights.sum() == pytest.approx(1, abs=1e-14)
    phi = np.random.default_rng(3).standard_normal((50, 3))
    density = sum(
        w * stats.multivariate_normal(m, np.eye(3) / rbm.mass_squared).pdf(phi)
        for w, m in zip(weights, means, strict=True)
    )
    np.testing.assert_allclose(np.exp(-rbm.effective_action(phi) - rbm.log_partition), density, rtol=1e-12)
    assert rbm.log_likelihood(phi) == pytest.approx(np.log(density).mean(), abs=1e-12)
    scatter = (means - weights @ means).T * weights @ (means - weights @ means)
    np.testing.assert_allclose(rbm.propagator, np.eye(3) / 2 + scatter, rtol=0, atol=1e-14)


def test_one_spin_without_bias_is_fair():
    rbm = GaussianBernoulliRBM(np.array([[1.0]]), 3.0)
    np.testing.assert_allclose(rbm.propagator, [[1 / 3 + 1 / 9]], rtol=1e-15)


def test_moments_of_the_spins():
    rbm = machine()
    P = np.array([np.exp((rbm.weights @ h) @ (rbm.weights @ h) / 4 - rbm.hidden_bias @ h) for h in spins(4)])
    P /= P.sum()
    np.testing.assert_allclose(rbm.hidden_moments[0], P @ spins(4), rtol=0, atol=1e-14)
    np.testing.assert_allclose(rbm.hidden_moments[1], (spins(4).T * P) @ spins(4), rtol=0, atol=1e-14)
    np.testing.assert_allclose(np.diag(rbm.hidden_moments[1]), 1, rtol=0, atol=1e-14)


def test_orthogonal_columns_have_free_spins():
    basis, _ = np.linalg.qr(np.random.default_rng(4).standard_normal((6, 3)))
    xi = np.array([2.0, 1.0, 0.5])
    rbm = GaussianBernoulliRBM(basis * xi, 2.0)
    np.testing.assert_allclose(rbm.hidden_probabilities, 1 / 8, rtol=1e-13)
    variances = np.linalg.eigvalsh(rbm.propagator)[::-1]
    np.testing.assert_allclose(variances, [*(0.5 + xi**2 / 4), 0.5, 0.5, 0.5], rtol=1e-12)


def test_no_hidden_nodes_is_white_noise():
    rbm = GaussianBernoulliRBM(np.zeros((2, 0)), 3.0)
    assert rbm.log_partition == pytest.approx(np.log(2 * np.pi / 3), abs=1e-14)
    np.testing.assert_allclose(rbm.propagator, np.eye(2) / 3, rtol=1e-14)


def features(samples):
    return np.column_stack([samples, np.abs(samples)])


def test_exact_samples(plane):
    rbm, phi, weight = plane
    grid = np.random.default_rng(5).choice(len(phi), 40_000, p=weight / weight.sum())
    jitter = np.random.default_rng(6).uniform(-0.05, 0.05, (40_000, 2))
    assert same_law_p_value(features(rbm.sample(40_000, rng=7)), features(phi[grid] + jitter)) > RARE


@pytest.mark.parametrize("steps", [1, 3])
def test_gibbs_leaves_the_distribution_alone(steps):
    rbm = machine(3, 4, scale=1.0)
    moved = rbm.gibbs(rbm.sample(40_000, rng=8), steps, rng=9)
    assert same_law_p_value(features(moved), features(rbm.sample(40_000, rng=10))) > RARE


def test_gibbs_finds_the_distribution():
    rbm = machine()
    moved = rbm.gibbs(np.full((40_000, 3), 2.0), 60, rng=11)
    assert same_law_p_value(features(moved), features(rbm.sample(40_000, rng=12))) > RARE


def test_a_wrong_model_is_noticed():
    """The negative control: the sign of the bias, and a hidden variance that is not one."""
    rbm = machine()
    for wrong in (
        GaussianBernoulliRBM(rbm.weights, 2.0, -rbm.hidden_bias),
        GaussianBernoulliRBM(1.1 * rbm.weights, 2.0, rbm.hidden_bias),
    ):
        moved = rbm.gibbs(wrong.sample(40_000, rng=8), 0, rng=9)
        assert same_law_p_value(features(moved), features(rbm.sample(40_000, rng=10))) < RARE


def test_gibbs_shapes():
    rbm = machine()
    assert rbm.gibbs(np.zeros(3), 2, rng=0).shape == (3,)
    assert rbm.gibbs(np.zeros((2, 5, 3)), 2, rng=0).shape == (2, 5, 3)
    np.testing.assert_array_equal(rbm.gibbs(np.ones(3), 0), np.ones(3))


def test_annealing_agrees_with_enumeration():
    rbm = GaussianBernoulliRBM.random(8, 10, 2.0, 0.6, rng=13)
    estimates = np.array([rbm.annealed_log_partition(100, 300, rng=seed) for seed in range(30)])
    z = (estimates[:, 0] - rbm.log_partition) / estimates[:, 1]
    assert abs(z.mean()) < 5 / np.sqrt(30)
    assert 0.6 < z.std() < 1.5
    ratio = np.exp(estimates[:, 0] - rbm.log_partition)  # the estimate of Z itself is unbiased
    assert abs(ratio.mean() - 1) < 5 * ratio.std() / np.sqrt(30)


def test_annealing_in_one_step_is_importance_sampling_and_without_weights_exact():
    rbm = GaussianBernoulliRBM(np.zeros((3, 2)), 2.0, [0.3, -1.0])
    value, error = rbm.annealed_log_partition(5, 3, rng=0)
    assert (value, error) == (pytest.approx(rbm.log_partition, abs=1e-12), pytest.approx(0, abs=1e-12))
    weak = machine(scale=0.2)
    value, error = weak.annealed_log_partition(100_000, 1, rng=0)
    assert abs(value - weak.log_partition) < 5 * error


def test_gradient_is_that_of_the_likelihood():
    rbm, data = machine(), np.random.default_rng(14).standard_normal((30, 3))
    weights, bias, mass = bernoulli_gradient(rbm, data)
    for gradient, make, x in (
        (weights, lambda w: GaussianBernoulliRBM(w, 2.0, rbm.hidden_bias), rbm.weights),
        (bias, lambda b: GaussianBernoulliRBM(rbm.weights, 2.0, b), rbm.hidden_bias),
        (mass, lambda m: GaussianBernoulliRBM(rbm.weights, float(m), rbm.hidden_bias), rbm.mass_squared),
    ):
        expected = numerical_gradient(lambda v, make=make: make(v).log_likelihood(data), x)
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-8)


def test_model_statistics_are_averages_over_the_model(plane):
    rbm, phi, weight = plane
    p, tanh = weight / weight.sum(), np.tanh(phi @ rbm.weights - rbm.hidden_bias)
    exact = model_statistics(rbm)
    np.testing.assert_allclose(exact.products, (phi.T * p) @ tanh, rtol=0, atol=1e-12)
    np.testing.assert_allclose(exact.hidden, p @ tanh, rtol=0, atol=1e-12)
    assert exact.square == pytest.approx(p @ (phi**2).sum(axis=1), abs=1e-12)


def test_chains_estimate_the_model_term():
    rbm = machine()
    phi = rbm.sample(200_000, rng=15)
    exact, sampled = model_statistics(rbm), sample_statistics(rbm, phi)
    tanh = rbm.hidden_mean(phi)
    error = np.sqrt(((phi[:, :, None] * tanh[:, None, :]).var(axis=0)) / len(phi))
    assert (np.abs(sampled.products - exact.products) < 5 * error).all()
    assert (np.abs(sampled.hidden - exact.hidden) < 5 * tanh.std(axis=0) / np.sqrt(len(phi))).all()
    gradient = bernoulli_gradient(rbm, phi[:10], phi[:10])
    assert all(np.abs(part).max() == 0 for part in gradient)


def test_one_update_by_hand():
    rbm, data = machine(), np.random.default_rng(16).standard_normal((30, 3))
    weights, bias, mass = bernoulli_gradient(rbm, data)
    after = train_bernoulli(rbm, data, 1, 0.1, learn_mass=True).model
    np.testing.assert_allclose(after.weights, rbm.weights + 0.1 * weights, rtol=1e-14)
    np.testing.assert_allclose(after.hidden_bias, rbm.hidden_bias + 0.1 * bias, rtol=1e-14)
    assert after.mass_squared == pytest.approx(rbm.mass_squared + 0.1 * mass, rel=1e-14)
    frozen = train_bernoulli(rbm, data, 3, 0.1, learn_bias=False).model
    np.testing.assert_array_equal(frozen.hidden_bias, rbm.hidden_bias)
    assert frozen.mass_squared == rbm.mass_squared


def test_momentum_and_schedule_by_hand():
    rbm, data = machine(), np.random.default_rng(17).standard_normal((30, 3))
    first = bernoulli_gradient(rbm, data)[0]
    training = train_bernoulli(rbm, data, 2, StepDecay(0.1, 0.5, 1), momentum=0.6, record_every=1)
    second = bernoulli_gradient(training.models[1], data)[0]
    np.testing.assert_allclose(
        training.model.weights, training.models[1].weights + 0.05 * (second + 0.6 * first), rtol=1e-13
    )


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("batch", [None, 7])
def test_sampled_updates_by_hand(batch, steps):
    """Persistent chains that start at the data, minibatches without repetition, momentum, and a mass that is learnt."""
    rbm, data, rng = machine(), np.random.default_rng(18).standard_normal((30, 3)), np.random.default_rng(19)
    phi = data[rng.integers(30, size=11)]
    parameters = [rbm.weights, rbm.hidden_bias, rbm.mass_squared]
    velocity = [0 * part for part in parameters]
    for rate in (0.1, 0.1, 0.05, 0.05, 0.025, 0.025):
        weights, bias, mass = parameters
        rows = data if batch is None else data[rng.choice(30, batch, replace=False, shuffle=False)]
        assert len(np.unique(rows, axis=0)) == len(rows)
        for _ in range(steps):
            p = 1 / (1 + np.exp(-2 * (phi @ weights - bias)))
            h = np.where(rng.random(p.shape) < p, 1.0, -1.0)
            phi = h @ weights.T / mass + rng.standard_normal(phi.shape) / np.sqrt(mass)
        there, here = (np.tanh(x @ weights - bias) for x in (rows, phi))
        slopes = (
            rows.T @ there / len(rows) - phi.T @ here / 11,
            here.mean(axis=0) - there.mean(axis=0),
            ((phi**2).sum() / 11 - (rows**2).sum() / len(rows)) / 2,
        )
        velocity = [0.6 * v + slope for v, slope in zip(velocity, slopes, strict=True)]
        parameters = [part + rate * v for part, v in zip(parameters, velocity, strict=True)]
    training = train_bernoulli(
        rbm, data, 6, StepDecay(0.1, 0.5, 2), 11, steps, batch=batch, momentum=0.6, learn_mass=True, rng=19
    )
    for ours, by_hand in zip(
        (training.model.weights, training.model.hidden_bias, training.model.mass_squared), parameters, strict=True
    ):
        np.testing.assert_allclose(ours, by_hand, rtol=0, atol=1e-11)
    np.testing.assert_allclose(training.states, phi, rtol=0, atol=1e-11)


def test_training_ends_at_a_stationary_point_and_improves():
    truth = GaussianBernoulliRBM([[1.5, 0.0], [0.0, 1.2], [0.3, -0.3]], 3.0)
    data = truth.sample(3000, rng=18)
    start = GaussianBernoulliRBM.random(3, 2, 2.0, 0.5, rng=19)
    training = train_bernoulli(start, data, 3000, 0.3, learn_mass=True, momentum=0.5, record_every=100)
    likelihood = [model.log_likelihood(data) for model in training.models]
    assert (np.diff(likelihood) > -1e-9).all()
    assert likelihood[-1] >= truth.log_likelihood(data)  # the maximum over the sample is above the truth
    assert likelihood[-1] - truth.log_likelihood(data) < 20 / 3000  # by chi^2 of nine parameters over 2 n
    assert max(np.abs(part).max() for part in bernoulli_gradient(training.model, data)) < 1e-5
    assert training.epochs[0] == 0
    assert training.epochs[-1] == 3000
    assert training.mass_squared.shape == (31,)
    assert training.singular_values.shape == (31, 2)
    assert "enumerated" in repr(training)


def test_persistent_chains_fluctuate_around_the_exact_gradient():
    truth = GaussianBernoulliRBM([[1.5, 0.0], [0.0, 1.2], [0.3, -0.3]], 3.0)
    data = truth.sample(3000, rng=20)
    start = GaussianBernoulliRBM.random(3, 2, 2.0, 0.5, rng=21)
    exact = train_bernoulli(start, data, 1500, 0.3, learn_mass=True).model
    sampled = train_bernoulli(start, data, 1500, StepDecay(0.3, 0.5, 250), 500, 2, learn_mass=True, rng=22)
    assert sampled.model.log_likelihood(data) == pytest.approx(exact.log_likelihood(data), abs=0.01)
    assert sampled.states.shape == (500, 3)
    assert "500 persistent chains" in repr(sampled)


def test_training_is_reproducible_and_can_go_on():
    rbm, data = machine(), np.random.default_rng(23).standard_normal((30, 3))
    runs = [train_bernoulli(rbm, data, 5, 0.1, 10, batch=7, rng=24) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].model.weights, runs[1].model.weights)
    rng = np.random.default_rng(24)
    half = train_bernoulli(rbm, data, 2, 0.1, 10, batch=7, rng=rng)
    whole = train_bernoulli(half.model, data, 3, 0.1, start=half.states, batch=7, rng=rng)
    np.testing.assert_array_equal(whole.model.weights, runs[0].model.weights)
    assert train_bernoulli(rbm, data, 0, 0.1).model is rbm


def test_errors_say_what_to_do():
    rbm, data = machine(), np.zeros((5, 3))
    with pytest.raises(ValueError, match="at most N_h = 20"):
        _ = GaussianBernoulliRBM(np.zeros((1, 21)), 1.0).log_partition
    with pytest.raises(ValueError, match=r"hidden_bias must have shape \(4,\)"):
        GaussianBernoulliRBM(rbm.weights, 1.0, np.zeros(3))
    with pytest.raises(ValueError, match="mass_squared must be greater than 0"):
        GaussianBernoulliRBM(rbm.weights, 0.0)
    with pytest.raises(ValueError, match="weights must be a matrix"):
        GaussianBernoulliRBM(np.zeros(3), 1.0)
    with pytest.raises(ValueError, match="phi must have 3 components"):
        rbm.effective_action(np.zeros(4))
    with pytest.raises(ValueError, match="chains must be an integer of at least 2"):
        rbm.annealed_log_partition(chains=1)
    with pytest.raises(ValueError, match=r"data must have shape \(n, 3\)"):
        train_bernoulli(rbm, np.zeros(3), 1, 0.1)
    with pytest.raises(ValueError, match="more than the 5 rows"):
        train_bernoulli(rbm, data, 1, 0.1, batch=6)
    with pytest.raises(ValueError, match=r"start must have shape \(n, 3\)"):
        train_bernoulli(rbm, data, 1, 0.1, np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"train_bernoulli learns mu\^2 itself: .*, got \"mu\""):
        train_bernoulli(rbm, data, 1, 0.1, learn_mass="mu")
    with pytest.raises(ValueError, match="reduce the learning rate"):
        train_bernoulli(rbm, np.full((5, 3), 9.0), 1, 10.0, learn_mass=True)
    with pytest.raises(ValueError, match="finite"):
        train_bernoulli(rbm, np.full((5, 3), np.nan), 1, 0.1)


@pytest.mark.parametrize(
    ("arguments", "options", "reason"),
    [
        ((500, 1e3), {}, r"the largest weight was \S+e\+14\d before"),
        ((500, 1e3, 10), {"record_every": 7}, r"the largest weight was \S+e\+14\d before"),
        ((500, 1e200), {}, "the largest weight was 0.13 before"),
        ((500, 30.0, 10), {"learn_mass": True}, r"mu\^2 would become -\d\S*"),
        ((500, 0.6), {"learn_mass": True, "momentum": 0.9}, r"mu\^2 would become -\d\S*"),
    ],
)
def test_a_training_that_diverges_hands_back_what_it_has(arguments, options, reason):
    rbm = GaussianBernoulliRBM.random(6, 2, 10.0, rng=0)
    data = np.random.default_rng(1).standard_normal((90, 6))
    with pytest.raises(NotNormalizableError, match="reduce the learning rate") as caught:
        train_bernoulli(rbm, data, *arguments, rng=0, **options)
    found = re.fullmatch(
        rf"the training diverged at epoch (\d+), with learning rate (\S+) \({reason}\): reduce the "
        r"learning rate\. The training up to here is \.last_good",
        str(caught.value),
    )
    assert found
    assert float(found[2]) == arguments[1]
    epochs = int(found[1]) - 1
    so_far, again = caught.value.last_good, train_bernoulli(rbm, data, epochs, *arguments[1:], rng=0, **options)
    np.testing.assert_array_equal(so_far.epochs, again.epochs)
    assert so_far.epochs[-1] == epochs
    for first, second in zip(so_far.models, again.models, strict=True):
        np.testing.assert_array_equal(first.weights, second.weights)
        np.testing.assert_array_equal(first.hidden_bias, second.hidden_bias)
        assert first.mass_squared == second.mass_squared
    assert (so_far.states is None) == (again.states is None) == (len(arguments) == 2)
    if so_far.states is not None:
        np.testing.assert_array_equal(so_far.states, again.states)


def test_wrong_arguments_are_not_taken_for_divergence():
    data = np.random.default_rng(1).standard_normal((9, 6))
    many = GaussianBernoulliRBM.random(6, 21, 10.0, rng=0)
    with pytest.raises(ValueError, match="at most N_h = 20"):
        train_bernoulli(many, data, 5, 0.1)
    with pytest.raises(ValueError, match="no such epoch"):
        train_bernoulli(machine(), data[:, :3], 5, short_schedule)
    for use in (train_bernoulli, bernoulli_gradient):
        with pytest.raises(TypeError, match=r"rbm must be a GaussianBernoulliRBM.*, got a ScalarRBM"):
            use(ScalarRBM(np.eye(6), 2.0), data, *((5, 0.1) if use is train_bernoulli else ()))
    with pytest.raises(TypeError, match=r"got a BernoulliTraining; pass its \.model"):
        sample_statistics(train_bernoulli(many, data, 1, 0.1, 5, rng=0), data)
    with pytest.raises(TypeError, match="got the class GaussianBernoulliRBM"):
        model_statistics(GaussianBernoulliRBM)


def short_schedule(epoch):
    if epoch > 1:
        raise ValueError("no such epoch")
    return 0.1


@pytest.fixture(scope="module")
def stored():
    with np.load(bernoulli_mnist.STORED) as arrays:
        return dict(arrays)


def test_stored_partition_functions(stored):
    for n in bernoulli_mnist.ENUMERATED:
        model = bernoulli_mnist.stored_model(stored, n)
        assert model.log_partition == pytest.approx(stored[f"log_partition_{n}"][0, 0])
    shape, recorded = bernoulli_mnist.ANNEALINGS[0], stored[f"log_partition_{bernoulli_mnist.SAMPLED}"][0]
    again = bernoulli_mnist.stored_model(stored, bernoulli_mnist.SAMPLED).annealed_log_partition(*shape, rng=3)
    np.testing.assert_allclose(again, recorded, rtol=1e-6)
    assert bernoulli_mnist.STORED.stat().st_size < 300_000


@pytest.mark.slow
def test_stored_likelihoods_are_those_of_the_images(stored, mnist_pixels):
    train, test = bernoulli_mnist.centred_images()
    assert len(train) == len(mnist_pixels)
    for n in (*bernoulli_mnist.ENUMERATED, bernoulli_mnist.SAMPLED):
        log_z = stored[f"log_partition_{n}"][-1, 0]
        model = bernoulli_mnist.stored_model(stored, n)
        assert model.log_likelihood(test, log_z) == pytest.approx(stored[f"log_likelihood_{n}"][1], abs=1e-6)
    for name, values in bernoulli_mnist.free_fields(train, test).items():
        np.testing.assert_allclose(stored[name], values, rtol=1e-8)


@pytest.mark.parametrize("chains", [None, 20])
@pytest.mark.parametrize("every", [None, 2])
def test_what_was_computed_survives_control_c(chains, every):
    data, start = np.random.default_rng(0).standard_normal((30, 4)), GaussianBernoulliRBM.random(4, 2, 3.0, rng=1)

    def impatient(epoch):
        if epoch == 5:
            raise KeyboardInterrupt
        return 0.05

    with pytest.raises(TrainingInterrupted, match=r"stopped after epoch 5; .*\.last_good\.resume") as caught:
        train_bernoulli(start, data, 9, impatient, chains, record_every=every, rng=2)
    so_far, short = caught.value.last_good, train_bernoulli(start, data, 5, 0.05, chains, record_every=every, rng=2)
    assert so_far.epochs.tolist() == short.epochs.tolist()
    np.testing.assert_array_equal(so_far.model.weights, short.model.weights)
    np.testing.assert_array_equal(so_far.states, short.states)
