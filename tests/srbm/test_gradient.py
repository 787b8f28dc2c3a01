"""The model's term of the gradient: the exact one against finite differences, Gram chains against explicit ones."""

from dataclasses import dataclass

import numpy as np
import pytest

from srbm import CD, PCD, Exact, ScalarRBM, train
from srbm.chains.explicit import ExplicitChains, explicit_sweeps
from srbm.chains.gram import GramChains, _autoregression, _then, gram_sweeps
from srbm.chains.stack import Ensemble
from tests.srbm.helpers import RARE, matrix_with, numerical_gradient, same_law_p_value


def stack(rbm, runs=1):
    return Ensemble(
        np.stack([rbm.weights] * runs), np.stack([np.atleast_1d(rbm.mass_squared)] * runs), rbm.hidden_variance
    )


MODELS = {
    "N_h < N_v": ScalarRBM.random(3, 2, 4.0, scale=0.6, rng=4),
    "sigma_h^2": ScalarRBM.random(3, 3, 4.0, scale=0.4, hidden_variance=1.7, rng=1),
    "mass per node": ScalarRBM.random(3, 4, [4.0, 6.0, 5.0], scale=0.45, hidden_variance=0.6, rng=3),
}
every_model = pytest.mark.parametrize("rbm", MODELS.values(), ids=MODELS.keys())


@every_model
def test_exact_gradient_is_the_derivative_of_the_likelihood(rbm):
    assert rbm.is_normalizable
    target = matrix_with([0.2, 0.3, 0.7], rng=0)
    term, _ = Exact().model_term(stack(rbm), None, None)

    def likelihood(weights, mass):
        return ScalarRBM(weights, mass, rbm.hidden_variance).log_likelihood(target)

    by_weights = numerical_gradient(lambda w: likelihood(w, rbm.mass_squared), rbm.weights)
    ours = rbm.hidden_variance * (target @ rbm.weights - term.correlation_weights[0])  # Eq. (20)
    np.testing.assert_allclose(ours, by_weights, rtol=0, atol=1e-8)
    by_mass = numerical_gradient(lambda m: likelihood(rbm.weights, m), np.asarray(rbm.mass_squared))
    per_node = -(np.diag(target) - term.variances[0]) / 2  # Eq. (22)
    np.testing.assert_allclose(per_node if by_mass.ndim else per_node.sum(), by_mass, rtol=0, atol=1e-8)


@every_model
def test_sweeps_are_the_autoregression_of_gibbs_sampling(rbm):
    ensemble = stack(rbm)
    transition, noise = (matrix[0] for matrix in _autoregression(ensemble, 1))
    predicted = np.eye(3) - rbm.kernel / np.reshape(rbm.mass_squared, (-1, 1))
    np.testing.assert_allclose(transition.T, predicted, rtol=0, atol=1e-14)
    for steps in (1, 2, 3, 6, 7):
        power, total = (matrix[0] for matrix in _autoregression(ensemble, steps))
        np.testing.assert_allclose(power, np.linalg.matrix_power(transition, steps), rtol=0, atol=1e-14)
        by_hand = sum(
            np.linalg.matrix_power(transition, j).T @ noise @ np.linalg.matrix_power(transition, j)
            for j in range(steps)
        )
        np.testing.assert_allclose(total, by_hand, rtol=0, atol=1e-13)
        # The model is stationary: C = A^T C A + S.
        np.testing.assert_allclose(power.T @ rbm.propagator @ power + total, rbm.propagator, rtol=0, atol=1e-13)


def test_one_autoregression_after_another():
    """phi'' = (phi A_1 + E_1) A_2 + E_2, of two models whose matrices do not commute."""
    (a, s), (b, t) = (
        (matrix[0] for matrix in _autoregression(stack(MODELS[name]), 1)) for name in ("mass per node", "sigma_h^2")
    )
    phi, ones = np.random.default_rng(0).standard_normal((2, 3)), np.eye(3)
    transition, noise = _then((a, s), (b, t))
    np.testing.assert_allclose(phi @ transition, (phi @ a) @ b, rtol=0, atol=1e-14)
    assert np.abs(phi @ transition - (phi @ b) @ a).max() > 1e-3
    for one in ones:  # the variance of one . phi'', of two independent parts
        assert one @ noise @ one == pytest.approx((b @ one) @ s @ (b @ one) + one @ t @ one, abs=1e-14)
    assert np.abs(noise - _then((b, t), (a, s))[1]).max() > 1e-3


@every_model
@pytest.mark.parametrize("steps", [1, 3])
def test_sweeps_are_those_of_the_model(rbm, steps):
    """The same random numbers in the same order give the same fields."""
    phi = np.random.default_rng(0).standard_normal((1, 5, 3))
    ours = explicit_sweeps(stack(rbm), phi, steps, np.random.default_rng(1))
    np.testing.assert_allclose(ours, rbm.gibbs(phi, steps, rng=1), rtol=0, atol=1e-14)


def gram_entries(factor):
    gram = factor.swapaxes(-1, -2) @ factor
    return gram[:, *np.triu_indices(gram.shape[-1])]


def gram_after(kind, rbm, chains, steps, seed, runs=3000):
    """Gram entries (runs, 6) of B chains after two rounds of `steps` sweeps from a fixed start out of equilibrium."""
    rng = np.random.default_rng(seed)
    start = 2 * np.random.default_rng(0).standard_normal((chains, 3))
    ensemble = stack(rbm, runs)
    if kind == "gram":
        phi = np.stack([np.linalg.qr(start, mode="r")] * runs)
        for _ in range(2):
            phi = gram_sweeps(ensemble, phi, chains, steps, rng)
    else:
        phi = np.stack([start] * runs)
        for _ in range(2 * steps):
            phi = explicit_sweeps(ensemble, phi, 1, rng)
    return gram_entries(phi)


@every_model
@pytest.mark.parametrize(("chains", "steps"), [(6, 1), (6, 3), (20, 1)])
def test_gram_chain_equals_explicit_chains_in_law(rbm, chains, steps):
    assert (
        same_law_p_value(gram_after("gram", rbm, chains, steps, 1), gram_after("explicit", rbm, chains, steps, 2))
        > RARE
    )


def test_the_comparison_sees_a_wrong_number_of_chains_or_steps():
    rbm = MODELS["N_h < N_v"]
    truth = gram_after("explicit", rbm, 8, 1, 2)
    assert same_law_p_value(gram_after("gram", rbm, 8, 2, 1), truth) < RARE
    assert same_law_p_value(gram_after("gram", rbm, 12, 1, 1) * 8 / 12, truth) < RARE
    lighter = ScalarRBM(rbm.weights, 4.2)
    assert same_law_p_value(gram_after("gram", lighter, 8, 1, 1), truth) < RARE


def after_training(strategy, rbm, seed, runs=3000):
    """Weights, mass and, where they persist, Gram entries after four updates: (runs, features)."""
    target = matrix_with([0.2, 0.3, 0.7], rng=0)
    training = train(rbm, target, 4, 0.02, strategy, learn_mass=True, runs=runs, rng=seed, record_every=4)
    state = training._state
    features = [state.ensemble.weights.reshape(runs, -1), state.ensemble.mass_squared]
    if isinstance(strategy, PCD):
        features.append(gram_entries(state.memory))
    return np.concatenate(features, axis=1)


@every_model
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("kind", [PCD, CD])
def test_training_with_gram_chains_equals_explicit_chains_in_law(rbm, kind, steps):
    assert (
        same_law_p_value(
            after_training(kind(8, steps, method="gram"), rbm, 1),
            after_training(kind(8, steps, method="explicit"), rbm, 2),
        )
        > RARE
    )


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (PCD(8, 1, method="explicit"), PCD(10, 1)),
        (PCD(8, 1, method="explicit"), PCD(8, 3)),
        (CD(8, 1, "explicit"), CD(8, 2)),
        (CD(8, 1, "explicit"), CD(10, 1)),
        (CD(8, 1, "explicit"), PCD(8, 1)),
    ],
    ids=["B", "k", "k of CD", "B of CD", "CD for PCD"],
)
def test_the_comparison_of_trainings_sees_a_wrong_strategy(right, wrong):
    rbm = MODELS["N_h < N_v"]
    columns = slice(0, 7)
    assert same_law_p_value(after_training(right, rbm, 2)[:, columns], after_training(wrong, rbm, 1)[:, columns]) < RARE


@every_model
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("chains", [4, 50])
def test_mean_field_of_contrastive_divergence(rbm, chains, steps):
    """C_k - C_m = A^k (C_t - C_m) A^k on average, for either representation of the chains."""
    target = matrix_with([0.2, 0.3, 0.7], rng=0)
    runs = 4000
    ensemble, rng = stack(rbm, runs), np.random.default_rng(5)
    sampler = (GramChains if chains > 6 else ExplicitChains)(chains, steps, None)
    term, _ = sampler.model_term(ensemble, sampler.start(ensemble, target, rng), rng)
    power = np.linalg.matrix_power(np.eye(3) - rbm.kernel / np.reshape(rbm.mass_squared, (-1, 1)), steps)
    expected = rbm.propagator + power @ (target - rbm.propagator) @ power.T
    for ours, exact in ((term.correlation_weights, expected @ rbm.weights), (term.variances, np.diag(expected))):
        pulls = (ours.mean(axis=0) - exact) / (ours.std(axis=0) / np.sqrt(runs))
        assert np.abs(pulls).max() < 4.5


def test_persistent_chains_start_in_equilibrium():
    rbm, runs = MODELS["sigma_h^2"], 4000
    for chains, kind in ((4, ExplicitChains), (50, GramChains)):
        start = kind(chains).start(stack(rbm, runs), np.eye(3), np.random.default_rng(0))
        gram = gram_entries(start) / chains
        pulls = (gram.mean(axis=0) - rbm.propagator[np.triu_indices(3)]) / (gram.std(axis=0) / np.sqrt(runs))
        assert np.abs(pulls).max() < 4.5


def test_normalizable_tells_run_by_run():
    good, bad = np.full((3, 2), 0.1), np.full((3, 2), 2.0)
    ensemble = Ensemble(
        np.stack([good, bad, good, np.full((3, 2), np.nan)]), np.array([[2.0], [2.0], [-1.0], [2.0]]), 1.0
    )
    assert ensemble.normalizable().tolist() == [True, False, False, False]
    per_node = Ensemble(np.stack([good, bad]), np.array([[2.0, 3.0, 4.0], [2.0, 3.0, 4.0]]), 1.0)
    assert per_node.normalizable().tolist() == [True, False]
    masses = Ensemble(np.zeros((5, 3, 0)), np.array([[0.5], [0.0], [-1.0], [np.inf], [np.nan]]), 1.0)
    assert masses.normalizable().tolist() == [True, False, False, False, False]


@pytest.mark.parametrize("strategy", [CD, PCD])
def test_wrong_strategies(strategy):
    with pytest.raises(ValueError, match=r"chains must be an integer of at least 1, got 0$"):
        strategy(0)
    with pytest.raises(ValueError, match=r"steps must be an integer of at least 1, got 1\.5"):
        strategy(8, 1.5)


def test_another_strategy_can_be_passed_in():
    """The contract is `start` and `model_term`, nothing more."""

    @dataclass(frozen=True)
    class Halved:
        def start(self, ensemble, correlation, rng):
            return None

        def model_term(self, ensemble, chains, rng):
            term, _ = Exact().model_term(ensemble, None, rng)
            return type(term)(term.correlation_weights / 2, term.variances / 2), None

    target = matrix_with([0.2, 0.3, 0.7], rng=0)
    first = train(MODELS["N_h < N_v"], target, 1, 1e-3, Halved()).model.weights - MODELS["N_h < N_v"].weights
    rbm = MODELS["N_h < N_v"]
    np.testing.assert_allclose(first, 1e-3 * (target - rbm.propagator / 2) @ rbm.weights, rtol=0, atol=1e-14)
