"""Training against a plain loop, the closed-form optimum, and itself after an interruption."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from srbm import (
    CD,
    PCD,
    DatasetError,
    Exact,
    GaussianBernoulliRBM,
    NotNormalizableError,
    ScalarRBM,
    StepDecay,
    Training,
    TrainingInterrupted,
    learning_rate_limit,
    maximum_likelihood,
    relaxation_rates,
    symmetric_solution,
    train,
)
from srbm.chains.gram import GramChains
from tests.srbm.helpers import correlation_with, half_drawn, matrix_with, numerical_gradient

TARGET = correlation_with([1.0, 2.0, 3.2, 4.0], rng=3)
HISTORY = ("epochs", "eigenvalues", "singular_values", "mass_squared", "log_likelihood")


def assert_same(first: Training, second: Training, history=HISTORY):
    for name in history:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    for one, other in zip(first.models, second.models, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
        np.testing.assert_array_equal(one.mass_squared, other.mass_squared)
    np.testing.assert_equal(first._state.generator, second._state.generator)


@pytest.mark.parametrize("mass", [6.0, [6.0, 5.0, 7.0, 6.5]], ids=["mass", "mass per node"])
@pytest.mark.parametrize("learn_mass", [False, True, "mu"])
@pytest.mark.parametrize("n_hidden", [0, 2, 4, 6])
def test_a_plain_loop(n_hidden, learn_mass, mass):
    """Eqs. (20), (22), (25) and (A2) written out, with heavy-ball momentum and L2 decay; learnt is mu^2 or mu."""
    rbm = ScalarRBM.random(4, n_hidden, mass, scale=0.2, hidden_variance=0.7, rng=0)
    momentum, decay, schedule = 0.6, 1e-2, StepDecay(0.05, 0.5, 4)
    weights, mu2, rates = np.array(rbm.weights), np.array(rbm.mass_squared), [0.05] * 4 + [0.025] * 4 + [0.0125] * 3
    velocity, push = np.zeros_like(weights), np.zeros_like(mu2)
    likelihood = [rbm.log_likelihood(TARGET)]
    for rate in rates:
        difference = TARGET - np.linalg.inv(mu2 * np.eye(4) - 0.7 * weights @ weights.T)
        velocity = momentum * velocity + 0.7 * difference @ weights - decay * weights
        slope = -(np.diag(difference) if mu2.ndim else np.trace(difference)) / 2  # dL/dmu^2
        weights = weights + rate * velocity
        if learn_mass == "mu":
            push = momentum * push + 2 * np.sqrt(mu2) * slope
            mu2 = (np.sqrt(mu2) + rate * push) ** 2
        elif learn_mass:
            push = momentum * push + slope
            mu2 = mu2 + rate * push
        likelihood.append(ScalarRBM(weights, mu2, 0.7).log_likelihood(TARGET))
    training = train(rbm, TARGET, len(rates), schedule, learn_mass=learn_mass, momentum=momentum, weight_decay=decay)
    np.testing.assert_allclose(training.model.weights, weights, rtol=0, atol=1e-13)
    np.testing.assert_allclose(training.model.mass_squared, mu2, rtol=0, atol=1e-12)
    np.testing.assert_allclose(training.log_likelihood, likelihood, rtol=0, atol=1e-12)
    np.testing.assert_allclose(training.eigenvalues[-1], training.model.eigenvalues, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(training.singular_values[-1], training.model.singular_values)
    np.testing.assert_array_equal(training.mass_squared[-1], training.model.mass_squared)


@pytest.mark.parametrize("mass", [6.0, [6.0, 5.0, 7.0, 6.5]], ids=["mass", "mass per node"])
@pytest.mark.parametrize("learn_mass", [True, "mu"])
@pytest.mark.parametrize("hidden_variance", [0.7, 1.0, 2.0])
def test_one_update_is_the_gradient_in_the_parameter_that_is_learnt(learn_mass, mass, hidden_variance):
    """By finite differences of the likelihood; the gradient in the other parameter is another vector."""
    rbm = ScalarRBM.random(4, 3, mass, scale=0.5, hidden_variance=hidden_variance, rng=0)
    mu2, rate = np.asarray(rbm.mass_squared), 1e-3

    def likelihood(weights, mass):
        return ScalarRBM(weights, mass, hidden_variance).log_likelihood(TARGET)

    slope = {
        True: numerical_gradient(lambda x: likelihood(rbm.weights, x), mu2),
        "mu": numerical_gradient(lambda x: likelihood(rbm.weights, x**2), np.sqrt(mu2)),
    }
    after = train(rbm, TARGET, 1, rate, learn_mass=learn_mass).model
    moved = after.mass_squared - mu2 if learn_mass is True else np.sqrt(after.mass_squared) - np.sqrt(mu2)
    np.testing.assert_allclose(moved / rate, slope.pop(learn_mass), rtol=1e-6)
    assert np.abs(moved / rate / slope.popitem()[1] - 1).min() > 0.5
    weights = numerical_gradient(lambda w: likelihood(w, mass), rbm.weights)
    np.testing.assert_allclose((after.weights - rbm.weights) / rate, weights, rtol=1e-5, atol=1e-7)


def test_what_is_trained_in_another_basis_comes_back():
    start = ScalarRBM.random(4, 3, 6.0, scale=0.5, rng=0)
    training = train(start, TARGET, 1, 1e-12, PCD(8, method="hidden"), rng=0)
    assert training._settings.target.basis is not None
    np.testing.assert_allclose(training.model.weights, start.weights, rtol=0, atol=1e-10)


def test_a_step_through_vanishing_mu_is_none():
    """(mu - 2 mu)^2 = mu^2 would look as if nothing had happened."""
    start = ScalarRBM(np.zeros((4, 0)), 100.0)
    pull = -10 * np.trace(TARGET - np.eye(4) / 100)  # dL/dmu
    assert train(start, TARGET, 1, -9 / pull, learn_mass="mu").model.mass_squared == pytest.approx(1.0)
    with pytest.raises(NotNormalizableError, match=r"lose a positive eigenvalue .* as mu is learnt") as caught:
        train(start, TARGET, 1, -20 / pull, learn_mass="mu")
    assert caught.value.last_good.model.mass_squared == 100


@pytest.mark.parametrize("learn_mass", ["mu^2", "MU", 1, None, 0.0, np.ones(2)])
def test_what_is_learnt_is_said_in_one_of_three_ways(learn_mass):
    with pytest.raises(ValueError, match=r"learn_mass must be False \(mu\^2 stays\), True .* or \"mu\" .*, got "):
        train(ScalarRBM.random(4, 3, 6.0, rng=0), TARGET, 1, 0.1, learn_mass=learn_mass)


@pytest.mark.parametrize("variance", [1.0, 0.5, 2.0])
@pytest.mark.parametrize("n_hidden", [1, 3, 4, 7])
def test_converges_to_the_closed_form(n_hidden, variance):
    # The learning rate is half of the limit 1 / (5 sigma_h^2). With three nodes the angle between the last mode that is
    # kept and the one that is lost relaxes slowest, at sigma_h^2 (1 / 3.2 - 1 / 4): exp(-0.0625 * 0.1 * 9000) ~ 4e-25
    # is left, and escape from the small start costs a few hundred epochs.
    start = ScalarRBM.random(4, n_hidden, 6.0, hidden_variance=variance, rng=1)
    training = train(start, TARGET, 9000, 0.1 / variance, record_every=9000)
    best = maximum_likelihood(TARGET, n_hidden, 6.0, variance)
    np.testing.assert_allclose(training.model.kernel, best.kernel, rtol=0, atol=1e-11)


def test_weight_decay_moves_the_optimum_as_predicted():
    # s2 (1 / kappa - 1 / lambda) = decay
    training = train(ScalarRBM.random(4, 4, 6.0, rng=1), TARGET, 4000, 0.1, weight_decay=0.02, record_every=4000)
    kappa = np.array([1.0, 2.0, 3.2, 4.0])
    np.testing.assert_allclose(training.model.eigenvalues, 1 / (1 / kappa - 0.02), rtol=0, atol=1e-10)


def test_step_decay():
    schedule = StepDecay(0.4)
    assert [schedule(0), schedule(127), schedule(128), schedule(255), schedule(256)] == [
        0.4,
        0.4,
        0.4 * 0.99,
        0.4 * 0.99,
        0.4 * 0.99**2,
    ]
    assert StepDecay(1.0, 0.5, 3)(10) == 0.125


def test_the_schedule_is_asked_with_the_number_of_updates_made():
    asked = []
    train(ScalarRBM.random(4, 2, 6.0, rng=0), TARGET, 4, lambda epoch: asked.append(epoch) or 0.1)
    assert asked == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("epochs", "every", "expected"),
    [
        (7, 3, [0, 3, 6, 7]),
        (6, 3, [0, 3, 6]),
        (0, 5, [0]),
        (2, 5, [0, 2]),
        (3, 1, [0, 1, 2, 3]),
    ],
)
@pytest.mark.parametrize("runs", [1, 2])
def test_records(epochs, every, expected, runs):
    seen = []
    start = ScalarRBM.random(4, 2, 6.0, rng=0)
    training = train(
        start,
        TARGET,
        epochs,
        0.1,
        PCD(16),
        runs=runs,
        record_every=every,
        rng=0,
        callback=lambda epoch, model: seen.append((epoch, model)),
    )
    axis = () if runs == 1 else (runs,)
    assert training.epochs.tolist() == [epoch for epoch, _ in seen] == expected
    assert training.eigenvalues.shape == (len(expected), *axis, 4)
    assert training.singular_values.shape == (len(expected), *axis, 2)
    assert training.mass_squared.shape == training.log_likelihood.shape == (len(expected), *axis)
    assert isinstance(seen[-1][1], ScalarRBM if runs == 1 else tuple)
    for index, (_, model) in enumerate(seen):
        models = (model,) if runs == 1 else model
        np.testing.assert_allclose(
            training.log_likelihood[index].ravel(), [one.log_likelihood(TARGET) for one in models], rtol=0, atol=1e-12
        )
        np.testing.assert_allclose(
            training.eigenvalues[index].reshape(runs, 4), [one.eigenvalues for one in models], rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("strategy", [Exact(), PCD(16, 2), CD(5)], ids=str)
def test_runs_are_reproducible_and_differ(strategy):
    start = ScalarRBM.random(4, 3, 6.0, rng=0)
    first, again, other = (train(start, TARGET, 20, 0.1, strategy, runs=3, rng=seed) for seed in (1, 1, 2))
    assert_same(first, again)
    exact = isinstance(strategy, Exact)
    assert np.array_equal(first.eigenvalues, other.eigenvalues) is exact
    assert np.array_equal(first.eigenvalues[-1, 0], first.eigenvalues[-1, 1]) is exact
    assert len(first.models) == 3
    with pytest.raises(ValueError, match=r"there are 3 runs: use \.models"):
        _ = first.model


def test_runs_are_independent():
    runs = 4000
    training = train(ScalarRBM.random(4, 3, 6.0, rng=0), TARGET, 3, 0.1, PCD(8), runs=runs, rng=0)
    first = training.eigenvalues[-1, :-1, 0]
    second = training.eigenvalues[-1, 1:, 0]
    assert abs(np.corrcoef(first, second)[0, 1]) < 4.5 / np.sqrt(runs - 1)


def test_a_model_for_each_run():
    starts = [ScalarRBM.random(4, 3, mass, rng=seed) for seed, mass in enumerate((5.0, 6.0))]
    together = train(starts, TARGET, 30, 0.1)
    for index, start in enumerate(starts):
        alone = train(start, TARGET, 30, 0.1)
        np.testing.assert_allclose(together.eigenvalues[:, index], alone.eigenvalues, rtol=0, atol=1e-13)


RESUMABLE = {
    "Exact": (Exact(), {}),
    "PCD, Gram": (PCD(16, 2), {}),
    "PCD, explicit": (PCD(5, 2), {}),
    "CD, Gram": (CD(16), {}),
    "CD, explicit": (CD(5, 3), {}),
    "everything": (PCD(16), {"momentum": 0.7, "learn_mass": True, "weight_decay": 1e-3, "runs": 3}),
    "everything, mu": (PCD(16), {"momentum": 0.7, "learn_mass": "mu", "weight_decay": 1e-3, "runs": 3}),
    "half-drawn word": (PCD(5), {"rng": half_drawn(3)}),
    "Mersenne Twister": (PCD(5), {"rng": np.random.Generator(np.random.MT19937(3))}),
    "Philox": (PCD(5), {"rng": np.random.Generator(np.random.Philox(3))}),
}


@pytest.mark.parametrize("mass", [6.0, [6.0, 5.0, 7.0, 6.5]], ids=["mass", "mass per node"])
@pytest.mark.parametrize(("strategy", "options"), RESUMABLE.values(), ids=RESUMABLE.keys())
def test_resuming_is_bit_identical(strategy, options, mass, tmp_path):
    start = ScalarRBM.random(4, 3, mass, hidden_variance=0.8, rng=0)
    rate = StepDecay(0.05, 0.8, 7)
    generator = options.get("rng", np.random.default_rng(1))
    begin = generator.bit_generator.state
    options = {**options, "rng": generator, "record_every": 5}
    whole = train(start, TARGET, 30, rate, strategy, **options)
    generator.bit_generator.state = begin
    part = train(start, TARGET, 10, rate, strategy, **options)
    generator.standard_normal(100)  # what happens to the generator in between does not matter
    assert_same(part.resume(20), whole)
    loaded = Training.load(part.save(tmp_path / "training.npz"))
    assert_same(loaded, part)
    assert_same(loaded.resume(20), whole)
    assert_same(part.resume(0), part)


def test_ctrl_c_hands_back_what_can_be_resumed():
    start = ScalarRBM.random(4, 3, 6.0, rng=0)

    def ask(stop):
        def callback(epoch, model):
            if epoch == stop:
                raise KeyboardInterrupt

        return {"gradient": PCD(16), "record_every": 4, "rng": 1, "callback": callback}

    whole = train(start, TARGET, 20, 0.1, **ask(None))
    for stop in (0, 8, 20):
        with pytest.raises(TrainingInterrupted, match=f"stopped after epoch {stop}; .*last_good.resume") as caught:
            train(start, TARGET, 20, 0.1, **ask(stop))
        assert isinstance(caught.value, KeyboardInterrupt)
        last_good = caught.value.last_good
        assert last_good.epochs[-1] == stop
        assert_same(last_good.resume(20 - stop), whole)


def test_ctrl_c_within_an_epoch():
    class Impatient(GramChains):
        def model_term(self, ensemble, memory, rng):
            result = super().model_term(ensemble, memory, rng)
            if (stops := getattr(type(self), "stops", None)) and stops.pop() == "stop":
                raise KeyboardInterrupt  # the generator has moved on, the state has not
            return result

    start = ScalarRBM.random(4, 3, 6.0, rng=0)
    whole = train(start, TARGET, 9, 0.1, Impatient(16), record_every=100, rng=1)
    Impatient.stops = ["stop", "go", "go", "go"]
    with pytest.raises(TrainingInterrupted) as caught:
        train(start, TARGET, 9, 0.1, Impatient(16), record_every=100, rng=1)
    assert caught.value.last_good.epochs.tolist() == [0, 3]
    np.testing.assert_array_equal(caught.value.last_good.resume(6).model.weights, whole.model.weights)


@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("strategy", [Exact(), PCD(8)], ids=str)
def test_a_training_that_leaves_the_normalisable_models_stops(strategy, runs):
    start = ScalarRBM.random(4, 4, 6.0, rng=0)
    which = "the run" if runs == 1 else r"run [01] of 2 \(counted from 0\)"
    with pytest.raises(NotNormalizableError, match=f"^{which} would lose a positive eigenvalue") as caught:
        train(start, TARGET, 500, 1.5, strategy, runs=runs, record_every=7, rng=0)
    last_good = caught.value.last_good
    assert last_good.epochs[-1] > 0
    assert (last_good.eigenvalues > 0).all()
    assert all(model.is_normalizable for model in last_good.models)
    assert np.isfinite(last_good.log_likelihood).all()
    with pytest.raises(NotNormalizableError) as again:  # the state is the one from which the step failed
        last_good.resume(1)
    assert str(again.value) == str(caught.value)


@pytest.mark.parametrize("steps", [1, 3])
def test_noise_floor(steps):
    """Var(lambda) = kappa^2 (2 / B) eps r^2 / (2 r - eps) at leading order in eps / B, once training is stationary."""
    kappa, mass_squared, variance, chains, rate, runs = np.array([2.0, 4.0, 6.5]), 9.0, 0.8, 512, 0.1, 400
    target = matrix_with(kappa, rng=2)
    start = symmetric_solution(target, mass_squared, variance)
    # The slowest rate is 0.095: 500 epochs are 4.7 relaxation times, after which variances are stationary to 1e-4.
    training = train(start, np.linalg.inv(target), 2000, rate, PCD(chains, steps), runs=runs, record_every=500, rng=0)
    eps = rate * np.diag(relaxation_rates(kappa, mass_squared, variance))
    rho = (1 - kappa / mass_squared) ** (2 * steps)
    r = (1 + rho) / (1 - rho)
    predicted = kappa**2 * 2 / chains * eps * r**2 / (2 * r - eps)
    measured = ((training.eigenvalues[1:] - training.eigenvalues[1:].mean(axis=(0, 1))) ** 2).mean(axis=(0, 1))
    # 1600 nearly independent values give the variance to sqrt(2 / 1600) = 3.5 %; what is left out is of relative
    # order Var(lambda) / (level spacing)^2, here below 1 %.
    np.testing.assert_allclose(measured / predicted, 1, rtol=0, atol=4.5 * 0.035 + 0.01)


def test_files_that_are_no_training(tmp_path):
    rbm = ScalarRBM.random(4, 3, 6.0, rng=0)
    with pytest.raises(DatasetError, match="lacks description"):
        Training.load(rbm.save(tmp_path / "model.npz"))
    training = train(rbm, TARGET, 2, 0.1)
    path = training.save(tmp_path / "training.npz")
    with np.load(path) as archive:
        arrays = dict(archive)
    for description in ("{", "{}", str(arrays["description"]).replace("Exact", "print")):
        np.savez(path, **{**arrays, "description": description})
        with pytest.raises(DatasetError, match="does not describe a training"):
            Training.load(path)


def test_only_known_parts_can_be_saved(tmp_path):
    class Mine(Exact):
        pass

    rbm = ScalarRBM.random(4, 3, 6.0, rng=0)
    with pytest.raises(TypeError, match="only a number or a StepDecay can be stored"):
        train(rbm, TARGET, 1, lambda epoch: 0.1).save(tmp_path / "training.npz")
    with pytest.raises(TypeError, match="only Exact, CD, PCD can be stored as gradient"):
        train(rbm, TARGET, 1, 0.1, Mine()).save(tmp_path / "training.npz")
    assert not list(tmp_path.iterdir())


GOOD = ScalarRBM.random(4, 3, 6.0, rng=0)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"rbm": "model"}, TypeError, "rbm must be a ScalarRBM or a non-empty sequence of them, got 'model'"),
        ({"rbm": []}, TypeError, "rbm must be a ScalarRBM or a non-empty sequence of them, got an empty list"),
        (
            {"rbm": np.ones((4, 3))},
            TypeError,
            r"got an array of shape \(4, 3\); ScalarRBM\(weights, mass_squared\) makes one",
        ),
        ({"rbm": ScalarRBM}, TypeError, "got the class ScalarRBM"),
        ({"rbm": GaussianBernoulliRBM(GOOD.weights, 6.0)}, TypeError, "got a GaussianBernoulliRBM"),
        ({"rbm": train(GOOD, TARGET, 1, 0.01)}, TypeError, r"got a Training; pass its \.model"),
        ({"rbm": [GOOD, "model"]}, TypeError, r"rbm\[1\] must be a ScalarRBM, got 'model'"),
        ({"rbm": [GOOD, GOOD], "runs": 3}, ValueError, "runs = 3 does not match the 2 models"),
        (
            {"rbm": [GOOD, GOOD, ScalarRBM.random(4, 2, 6.0)]},
            ValueError,
            r"must agree in N_v, N_h, sigma_h\^2 .* but run 2 has N_h = 2, run 0 has N_h = 3$",
        ),
        (
            {"rbm": [GOOD, ScalarRBM.random(4, 3, 6.0, hidden_variance=2.0)]},
            ValueError,
            r"run 1 has sigma_h\^2 = 2.0, run 0 has sigma_h\^2 = 1.0$",
        ),
        (
            {"rbm": [GOOD, ScalarRBM(GOOD.weights, np.full(4, 6.0))]},
            ValueError,
            r"run 1 has the shape of mu\^2 = \(4,\)",
        ),
        ({"rbm": ScalarRBM(GOOD.weights, 6.0, 1.0, [1.0, 0, 0])}, ValueError, "hidden_bias must be None"),
        ({"rbm": ScalarRBM(9 * GOOD.weights, 1.0)}, NotNormalizableError, "the initial model is not normalisable"),
        ({"correlation": np.eye(3)}, ValueError, "correlation must be 4 x 4 to match the visible layer"),
        ({"correlation": -TARGET}, ValueError, "correlation must be positive semidefinite"),
        ({"correlation": np.full((4, 4), np.nan)}, ValueError, "correlation must be finite"),
        ({"epochs": -1}, ValueError, "epochs must be an integer of at least 0"),
        ({"epochs": 1.5}, ValueError, "epochs must be an integer"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate must be greater than 0"),
        ({"learning_rate": lambda epoch: np.nan}, ValueError, "learning_rate must be finite .* but is nan at epoch 0"),
        ({"learning_rate": lambda epoch: 1 - epoch}, ValueError, "but is -1 at epoch 2"),
        ({"gradient": PCD}, TypeError, "gradient must be an instance such as Exact"),
        ({"gradient": "pcd"}, TypeError, "gradient must be an instance such as Exact"),
        ({"momentum": 1.0}, ValueError, r"momentum must lie in \[0, 1\), got 1"),
        ({"weight_decay": -1.0}, ValueError, "weight_decay must lie in"),
        ({"runs": 0}, ValueError, "runs must be an integer of at least 1"),
        ({"record_every": 0}, ValueError, "record_every must be an integer of at least 1"),
    ],
)
def test_wrong_arguments(changes, error, message):
    arguments = {"rbm": GOOD, "correlation": TARGET, "epochs": 3, "learning_rate": 0.01} | changes
    with pytest.raises(error, match=message):
        train(**arguments)


def test_models_may_come_from_any_iterable():
    runs = train((GOOD for _ in range(2)), TARGET, 2, 0.01, PCD(9), rng=1)
    np.testing.assert_array_equal(runs.eigenvalues, train(GOOD, TARGET, 2, 0.01, PCD(9), runs=2, rng=1).eigenvalues)


MANY = correlation_with(np.linspace(1.3, 3.0, 70), rng=3)  # so many nodes are trained in the target's eigenbasis


@pytest.mark.parametrize(
    ("rbm", "correlation", "options"),
    [
        (GOOD, TARGET, {}),
        (GOOD, TARGET, {"record_every": 1}),
        (GOOD, TARGET, {"learn_mass": True}),
        (GOOD, TARGET, {"learn_mass": "mu"}),
        (GOOD, TARGET, {"gradient": PCD(4000)}),
        ([GOOD, ScalarRBM.random(4, GOOD.n_hidden, 7.0, rng=2)], TARGET, {}),
        (ScalarRBM.random(70, 2, 6.0, rng=0), MANY, {"gradient": PCD(4000)}),
    ],
    ids=range(7),
)
def test_until_is_a_distance_in_nats_from_the_best_model(rbm, correlation, options, tmp_path):
    options = {"record_every": 20, "rng": 1} | options
    models = rbm if isinstance(rbm, list) else [rbm]
    best = [
        maximum_likelihood(
            correlation, model.n_hidden, None if options.get("learn_mass") else model.mass_squared
        ).log_likelihood(correlation)
        for model in models
    ]
    stopped = train(rbm, correlation, 4000, 0.05, until=0.02, **options)
    last = stopped.epochs[-1]
    assert 0 < last < 4000
    assert last % options["record_every"] == 0
    behind = np.max(best - stopped.log_likelihood.reshape(-1, len(models)), axis=1)
    assert behind[-1] <= 0.02 < behind[:-1].min()
    assert_same(stopped, train(rbm, correlation, last, 0.05, **options))
    path = tmp_path / "run.npz"
    for epochs in (int(last) // 2 + 1, 4000, 4000):  # on the way, over the end, and where it had stopped already
        again = train(rbm, correlation, epochs, 0.05, until=0.02, checkpoint=path, checkpoint_every=7, **options)
    assert_same(again, stopped)
    assert_same(train(rbm, correlation, last // 2 + 1, 0.05, **options).resume(4000, until=0.02), stopped)
    assert_same(stopped.resume(5), train(rbm, correlation, last + 5, 0.05, **options))


@pytest.mark.parametrize("runs", [1, 2])
def test_until_may_be_a_function_of_the_epoch_and_the_model(runs):
    asked = []

    def enough(epoch, model):
        asked.append(epoch)
        models = model if runs > 1 else (model,)
        assert len(models) == runs
        return min(one.log_likelihood(TARGET) for one in models) > -4.6

    stopped = train(GOOD, TARGET, 400, 0.02, PCD(64), runs=runs, record_every=3, until=enough, rng=1)
    likelihood = stopped.log_likelihood.reshape(-1, runs).min(axis=1)
    assert likelihood[-1] > -4.6 >= likelihood[:-1].max()
    assert asked == stopped.epochs.tolist()
    assert_same(stopped, train(GOOD, TARGET, asked[-1], 0.02, PCD(64), runs=runs, record_every=3, rng=1))
    assert train(GOOD, TARGET, 7, 0.02, until=lambda *_: True).epochs.tolist() == [0]
    late = train(GOOD, TARGET, 7, 0.02, record_every=3, until=lambda epoch, _: epoch > 6)
    assert late.epochs.tolist() == [0, 3, 6, 7]


@pytest.mark.parametrize(
    ("rbm", "correlation", "options", "message"),
    [
        (ScalarRBM(GOOD.weights, np.full(4, 6.0)), TARGET, {}, "the likelihood grows without bound with mu"),
        (GOOD, np.diag([1.0, 1.0, 1.0, 0.0]), {"learn_mass": True}, "pass a function of the epoch and the model"),
        (GOOD, TARGET, {"until": 0.0}, "until must be greater than 0"),
        (GOOD, TARGET, {"until": "soon"}, "until must be a number"),
    ],
)
def test_until_that_cannot_be_reached(rbm, correlation, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        train(rbm, correlation, 9, 0.01, checkpoint=tmp_path / "run.npz", **{"until": 0.01} | options)
    assert not list(tmp_path.iterdir())


def diverged(*arguments, **options):
    with pytest.raises(NotNormalizableError) as caught:
        train(*arguments, **options)
    text = str(caught.value)
    assert re.match(r"(the run|run \d of \d .*) would lose a positive eigenvalue of its kernel at epoch \d+, wi", text)
    assert "reduce the learning rate (" in text
    assert text.endswith(". The training up to here is .last_good")
    stable, sweeps = re.search(r"stable up to about (\S+) with", text), re.search(r"about (\d+) sweeps", text)
    return caught.value, stable and stable[1], sweeps and int(sweeps[1])


@pytest.mark.parametrize(
    ("n", "gradient", "options"),
    [
        (4, Exact(), {}),
        (4, CD(9), {}),
        (4, PCD(5), {"runs": 3}),
        (4, PCD(200), {"learn_mass": True}),
        (70, PCD(20), {"runs": 2}),
        (70, PCD(300), {}),
        (70, PCD(20, persistent="hidden"), {}),  # the target in its basis
    ],
    ids=repr,
)
def test_a_training_that_diverges_says_what_would_be_stable(n, gradient, options):
    correlation = correlation_with(np.linspace(1.3, 3.0, n), rng=3)
    start = ScalarRBM.random(n, 3, 6.0, hidden_variance=1.3, rng=0)
    error, stable, sweeps = diverged(start, correlation, 500, 3.0, gradient, rng=1, **options)
    mass = np.ravel(error.last_good.mass_squared[-1])
    limits = [f"{learning_rate_limit(1 / np.linalg.eigvalsh(correlation), m, 1.3):.2g}" for m in mass]
    assert stable in limits
    if isinstance(gradient, Exact):
        assert "chains" not in str(error)
    else:
        assert sweeps in [np.ceil(m / (2 * 1.3)) for m in mass]
        assert f"use more than {gradient.chains} chains and about {sweeps} sweeps per update, not 1. " in str(error)


def test_advice_that_has_been_taken_is_not_given():
    """Of sweeps where there are enough; of numbers where none is known, or no mode is to be learnt."""
    error, _, sweeps = diverged(GOOD, TARGET, 500, 3.0, PCD(9, 100), rng=1)
    assert sweeps is None
    assert "), or use more than 9 chains. The" in str(error)
    per_node = ScalarRBM(GOOD.weights, np.full(4, 6.0))
    error, stable, _ = diverged(per_node, TARGET, 500, 3.0, PCD(9), rng=1)
    assert stable is None
    assert (
        "learning_rate_limit tells what is stable), or use more than 9 chains and about mu^2 / (2 kappa_min) s"
        in str(error)
    )
    error, stable, _ = diverged(ScalarRBM(np.eye(4), 6.0), np.eye(4) / 7, 9, 90.0)
    assert stable is None
    assert "(learning_rate_limit tells what is stable). The" in str(error)


@pytest.mark.parametrize("n_hidden", [1, 2, 4, 6])
@pytest.mark.parametrize("mass_squared", [1.5, 6.0])
@pytest.mark.parametrize("unit", [1.0, 1e-3])
def test_a_training_says_how_far_it_is_from_the_best(n_hidden, mass_squared, unit):
    start = ScalarRBM.random(4, n_hidden, mass_squared / unit**2, scale=0.1 / unit, hidden_variance=0.8, rng=1)
    target = TARGET * unit**2
    training = train(start, target, 5, 0.1 / unit**2, runs=2)
    best = maximum_likelihood(target, n_hidden, start.mass_squared, 0.8).log_likelihood(target)
    said = re.search(r", (\S+) below the best at this mu\^2>$", repr(training))[1]
    assert_allclose(float(said), best - training.log_likelihood[-1].mean(), rtol=5e-3)  # three digits


def test_a_training_with_learnt_mass_is_compared_with_the_best_of_all_masses():
    start = ScalarRBM.random(4, 2, 3.0, scale=0.1, rng=1)
    training = train(start, TARGET, 5, 0.1, learn_mass=True)
    said = re.search(r", (\S+) below the best with N_h = 2>$", repr(training))[1]
    best = maximum_likelihood(TARGET, 2).log_likelihood(TARGET)
    assert_allclose(float(said), best - training.log_likelihood[-1], rtol=5e-3)
    square = train(ScalarRBM.random(4, 4, 9.0, scale=0.1, rng=1), TARGET, 5, 0.1, learn_mass=True)
    said = re.search(r", (\S+) below the best with N_h = 4>$", repr(square))[1]
    best = maximum_likelihood(TARGET, 4, 1e3).log_likelihood(TARGET)  # any mass above the spectrum
    assert_allclose(float(said), best - square.log_likelihood[-1], rtol=5e-3)


@pytest.mark.parametrize("n_hidden", [0, 2, 4])
@pytest.mark.parametrize("unit", [1.0, 1e3, 1e-6])
@pytest.mark.parametrize("learn_mass", [False, True])
def test_a_rounding_error_is_not_shown(n_hidden, unit, learn_mass):
    target = TARGET * unit**2
    best = maximum_likelihood(target, n_hidden, None if learn_mass and n_hidden < 4 else 6.0 / unit**2)
    moved = stats.ortho_group.rvs(4, random_state=3) * np.geomspace(1, 1e-9, 4)  # no rounding is like another
    for rotation in (np.eye(4), np.linalg.qr(moved)[0]):
        start = ScalarRBM(rotation @ best.weights, best.mass_squared)
        training = train(start, rotation @ target @ rotation.T, 0, 0.1, learn_mass=learn_mass)
        of = f"with N_h = {n_hidden}" if learn_mass else "at this mu^2"
        assert repr(training).endswith(f" nats, the best {of} up to rounding>")


def test_a_distance_is_shown_to_the_digits_that_rounding_leaves():
    best = maximum_likelihood(TARGET, 2, 6.0)
    shown = []
    for step in (1e-2, 1e-4, 1e-5, 3e-6, 1e-6, 3e-7):  # the distance is quadratic in it
        training = train(ScalarRBM(best.weights * (1 + step), 6.0), TARGET, 0, 0.1)
        said = re.search(r", (\S+) below the best|, the best", repr(training))[1]
        distance = best.log_likelihood(TARGET) - training.log_likelihood[-1]
        assert_allclose(float(said or 0), distance, rtol=5e-3, atol=1e-13)
        shown.append(said)
    assert min(float(said) for said in shown if said) >= 1e-14  # eps times the terms of a log-likelihood of four nodes


def test_there_is_no_best_where_the_likelihood_has_no_maximum():
    flat = np.diag([1.0, 0.5, 0.2, 0.0])
    learnt = train(ScalarRBM.random(4, 3, 6.0, scale=0.1, rng=1), flat, 3, 0.1, learn_mass=True)
    assert repr(learnt).endswith(" nats>")
    assert "below the best at this mu^2" in repr(train(ScalarRBM.random(4, 3, 6.0, scale=0.1, rng=1), flat, 3, 0.1))
    per_node = ScalarRBM.random(4, 2, [6.0, 7.0, 6.0, 6.0], scale=0.1, rng=1)
    assert repr(train(per_node, TARGET, 1, 0.1)).endswith(" nats>")
