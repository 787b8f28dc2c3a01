"""The guard of a training says the same as a Cholesky decomposition at every update, and decomposes rarely."""

import numpy as np
import pytest

from srbm import (
    Exact,
    NotNormalizableError,
    ScalarRBM,
    learning_rate_limit,
    mnist_correlation,
    symmetric_solution,
    train,
)
from srbm.chains.stack import Ensemble
from srbm.training.positivity import PositivityGuard
from tests.srbm.helpers import matrix_with

SHAPES = [(140, 140), (140, 190), (190, 140), (12, 12), (12, 20), (20, 12)]


def near_the_pole(shape, rng, mass=4.0):
    """Weights with a few eigenvalues of K close to zero, and others far from it."""
    n = min(shape)
    xi = np.sqrt(mass - np.concatenate([[0.01, 0.02, 0.05], np.geomspace(0.1, 3.9, n - 3)]))
    left, right = (np.linalg.qr(rng.standard_normal((size, n)))[0] for size in shape)
    return left * xi @ right.T


def ensemble(*weights, mass=4.0, hidden_variance=1.0):
    return Ensemble(np.stack(weights), np.full((len(weights), 1), mass), hidden_variance)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_guard_agrees_with_decompositions(shape):
    rng, guard = np.random.default_rng(0), PositivityGuard()
    weights = [near_the_pole(shape, rng), 0.01 * rng.standard_normal(shape)]
    for _ in range(60):
        weights = [w + 3e-6 * rng.standard_normal(shape) for w in weights]
        now = ensemble(*weights)
        assert guard(now).tolist() == now.normalizable().tolist() == [True, True]


@pytest.mark.parametrize("shape", SHAPES)
def test_models_far_from_the_pole_are_not_decomposed(shape, monkeypatch):
    rng, guard, calls = np.random.default_rng(0), PositivityGuard(), []
    original = Ensemble.normalizable
    monkeypatch.setattr(Ensemble, "normalizable", lambda self: (calls.append(1), original(self))[1])
    weights = 0.3 * rng.standard_normal((3, *shape)) / np.sqrt(max(shape))
    for _ in range(100):
        weights = weights + 1e-3 * rng.standard_normal(weights.shape) / np.sqrt(max(shape))
        assert guard(Ensemble(weights, np.full((3, 1), 4.0), 1.0)).all()
    assert len(calls) == 1


@pytest.mark.parametrize(("step", "fewest", "most"), [(3e-3, 3, 12), (3e-1, 90, 100)])
def test_bounds_are_renewed_only_where_they_hold(step, fewest, most, monkeypatch):
    """A walk along a line: a bound that lasts is renewed at once, one that does not is left alone for a while."""
    guard, calls = PositivityGuard(), []
    original = Ensemble.normalizable
    monkeypatch.setattr(Ensemble, "normalizable", lambda self: (calls.append(1), original(self))[1])
    for update in range(100):
        across = np.outer(np.eye(12)[0], np.eye(15)[0]) * 1.9
        sign = -1 if update % 2 else 1
        wandering = np.outer(np.eye(12)[1], np.eye(15)[1]) * (step * update if step < 0.1 else step * sign)
        assert guard(ensemble(across + wandering)).all()
    assert fewest <= len(calls) <= most


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", [5e-3, 2e-2])
def test_the_guard_sees_runs_that_lose_positivity(shape, step):
    """Random walks that wander across the pole and back."""
    rng, guard = np.random.default_rng(1), PositivityGuard()
    weights, seen = near_the_pole(shape, rng), []
    for _ in range(60):
        weights = weights + step * rng.standard_normal(shape) / np.sqrt(min(shape))
        now = ensemble(weights)
        truth = now.normalizable().tolist()
        assert guard(now).tolist() == truth
        seen += truth
        if not truth[0]:
            weights = weights * 0.98
    assert True in seen
    assert False in seen


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mode_that_nobody_watched(shape):
    """A direction far from the pole, across all those that the guard follows, is pushed over it in one step."""
    rng, guard = np.random.default_rng(2), PositivityGuard()
    weights = near_the_pole(shape, rng)
    assert guard(ensemble(weights))[0]
    left, xi, right = np.linalg.svd(weights, full_matrices=False)
    for alpha in (-1, -9, 4):
        for target, expected in ((3.999, True), (4.001, False), (np.nan, False)):
            pushed = weights + (np.sqrt(target) - xi[alpha]) * np.outer(left[:, alpha], right[alpha])
            assert guard(ensemble(pushed)).tolist() == [expected]
            assert guard(ensemble(weights))[0]


def test_a_bound_never_proves_what_is_false():
    """Steps of any size and direction: wherever the bound says yes, the norm is below the limit."""
    rng = np.random.default_rng(3)
    weights = near_the_pole((20, 30), rng)
    proven = 0
    for scale in np.geomspace(1e-6, 1, 200):
        guard = PositivityGuard()
        assert guard(ensemble(weights)).all()
        rank = rng.integers(1, 4)
        moved = weights + scale * rng.standard_normal((20, rank)) @ rng.standard_normal((rank, 30)) / 20
        norm = np.linalg.norm(moved, 2) ** 2
        assert not guard._proves(ensemble(moved, mass=norm * (1 - 1e-12)))
        assert not guard._proves(ensemble(moved, mass=norm * 0.999))
        proven += guard._proves(ensemble(moved))
    assert 50 < proven < 200


@pytest.mark.parametrize("runs", [1, 2])
def test_a_bound_does_not_prove_what_rounding_could_decide(runs):
    weights = np.random.default_rng(5).standard_normal((20, 30))
    guard, norm = PositivityGuard(), np.linalg.norm(weights, 2) ** 2
    assert guard(ensemble(*[weights] * runs, mass=2 * norm)).all()
    for distance, proven in ((-1e-10, False), (1e-10, False), (1e-8, True)):
        assert guard._proves(ensemble(*[weights] * runs, mass=norm * (1 + distance))) is proven


def test_mass_and_variance_enter():
    rng = np.random.default_rng(4)
    weights = near_the_pole((140, 140), rng)
    for mass, variance in ((4.0, 1.001), (4.0, 1.01), (3.995, 1.0), (3.98, 1.0), (8.0, 1.999), (-1.0, 1.0)):
        now, guard = ensemble(weights, mass=mass, hidden_variance=variance), PositivityGuard()
        guard(ensemble(weights, mass=8.0))
        assert guard(now).tolist() == now.normalizable().tolist()


def test_a_large_run_is_stopped_where_a_plain_loop_loses_positivity():
    """Exact gradients at four times the limit, N = 140: nothing but the guard notices."""
    kappa = np.linspace(1.0, 3.5, 140)
    target, mass = np.linalg.inv(matrix_with(kappa, rng=0)), 4.0
    rate = 4 * learning_rate_limit(kappa, mass)
    rbm = ScalarRBM(0.99 * symmetric_solution(np.linalg.inv(target), mass).weights, mass)
    weights = np.array(rbm.weights)
    for epoch in range(1, 100):  # noqa: B007
        last = weights
        weights = weights + rate * (target - np.linalg.inv(mass * np.eye(140) - weights @ weights.T)) @ weights
        if np.linalg.eigvalsh(mass * np.eye(140) - weights @ weights.T)[0] <= 0:
            break
    assert np.isfinite(weights).all()
    assert 1 < epoch < 99
    with pytest.raises(NotNormalizableError, match=rf"at epoch {epoch}, with learning rate") as caught:
        train(rbm, target, epoch + 5, rate, Exact())
    good = caught.value.last_good
    assert good.epochs[-1] == epoch - 1
    np.testing.assert_allclose(good.model.weights, last, rtol=1e-6)
    assert (good.eigenvalues > 0).all()


@pytest.mark.parametrize("hidden_variance", [1.0, 16.0])
@pytest.mark.parametrize("bad", [0, 1])
def test_each_run_has_a_bound_of_its_own(bad, hidden_variance):
    """A run that leaves the models, beside one that stays far from the pole, is stopped where it would be alone."""
    target, rate = np.diag([1e3, 1.0, 0.5, 0.2]), 2e-5 / hidden_variance  # xi of the first mode grows by 2 % per update
    far, near = (
        ScalarRBM(np.diag([xi, 0.5, 0.3, 0.1]) / np.sqrt(hidden_variance), 9.0, hidden_variance) for xi in (0.1, 2.7)
    )
    with pytest.raises(NotNormalizableError, match=r"^the run would lose .* at epoch \d+, with") as alone:
        train(near, target, 40, rate)
    epochs = alone.value.last_good.epochs[-1]
    assert epochs == 5  # 2.7 * 1.02^5 < 3 < 2.7 * 1.02^6
    with pytest.raises(NotNormalizableError, match=rf"^run {bad} of 2 .* at epoch {epochs + 1}, with") as beside:
        train([far, near] if bad else [near, far], target, 40, rate)
    assert (beside.value.last_good.eigenvalues > 0).all()


def test_the_learning_rate_limit_on_the_spectrum_of_mnist():
    """Below the limit a run from near the optimum settles, above it wanders off, at three times the limit it stops."""
    variances = np.linalg.eigvalsh(mnist_correlation())[-40:]
    target, mass = np.diag(variances), 100.0
    limit = learning_rate_limit(1 / variances, mass)
    assert limit < 1e-5
    optimum = symmetric_solution(np.diag(1 / variances), mass)
    lightest = optimum.eigenvalues[0]
    rbm = ScalarRBM(optimum.weights * (1 - 1e-6), mass)
    settled = train(rbm, target, 400, 0.9 * limit, record_every=400)
    assert settled.eigenvalues[-1, 0] == pytest.approx(lightest, rel=1e-6)
    wandering = train(rbm, target, 400, 1.5 * limit, record_every=400)
    assert wandering.eigenvalues[-1, 0] != pytest.approx(lightest, rel=0.1)
    with pytest.raises(NotNormalizableError) as caught:
        train(rbm, target, 400, 3 * limit, record_every=400)
    assert np.isfinite(caught.value.last_good.model.weights).all()
