"""Loadings and noise, and the optimum with a mass for every node."""

import numpy as np
import pytest
from scipy import optimize
from sklearn import datasets
from sklearn.decomposition import FactorAnalysis

from srbm import (
    FreeScalarField,
    NotNormalizableError,
    ScalarRBM,
    factor_analysis,
    fit_factors,
    from_latent,
    kl_divergence,
    latent_form,
    load_digits,
    maximum_likelihood,
    train,
)
from srbm.latent import _profile
from tests.srbm.helpers import numerical_gradient

MASSES = {"one mass": 3.0, "node masses": np.array([2.0, 2.5, 3.0, 4.0, 6.0, 9.0])}
masses = pytest.mark.parametrize("mass", MASSES.values(), ids=MASSES.keys())
NOISE = np.array([0.2, 1.0, 0.5, 3.0, 0.3, 1.5, 0.7, 2.0])
LOADINGS = np.random.default_rng(1).standard_normal((8, 2))


@masses
@pytest.mark.parametrize("variance", [1.0, 0.4])
@pytest.mark.parametrize("n_hidden", [0, 1, 3, 6, 9])
def test_two_readings_of_one_gaussian(mass, variance, n_hidden):
    rbm = ScalarRBM.random(6, n_hidden, mass, scale=0.3, hidden_variance=variance, rng=0)
    form = latent_form(rbm)
    np.testing.assert_allclose(form.covariance, rbm.propagator, rtol=0, atol=1e-13)
    back = from_latent(form.loadings, form.noise, variance)
    np.testing.assert_allclose(back.weights, rbm.weights, rtol=0, atol=1e-13)
    np.testing.assert_allclose(back.mass_squared, mass, rtol=1e-14)


@masses
def test_hidden_nodes_in_their_own_units_are_the_latent_variables(mass):
    rbm = ScalarRBM.random(6, 2, mass, scale=0.4, hidden_variance=0.7, rng=2)
    M = np.diag(np.broadcast_to(mass, 6))
    joint = np.linalg.inv(np.block([[M, -rbm.weights], [-rbm.weights.T, np.eye(2) / 0.7]]))
    value, vector = np.linalg.eigh(joint[6:, 6:])
    z_from_h = vector / np.sqrt(value) @ vector.T
    np.testing.assert_allclose(joint[:6, 6:] @ z_from_h, latent_form(rbm).loadings, rtol=0, atol=1e-13)


def test_any_loadings_make_a_machine():
    loadings = 1e3 * np.random.default_rng(0).standard_normal((5, 3))
    rbm = from_latent(loadings, np.geomspace(0.01, 10, 5))
    assert rbm.eigenvalues[0] > 0
    with pytest.raises(NotNormalizableError, match=r"^the RBM kernel must have positive eigenvalues"):
        latent_form(ScalarRBM(2 * np.eye(3), 1.0))


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="leave nodes that do not vary out"):
        from_latent(np.ones((2, 1)), [1.0, 0.0])
    with pytest.raises(ValueError, match="shapes"):
        from_latent(np.ones((2, 1)), np.ones(3))
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(\)"):
        from_latent(np.ones(2), 1.0)
    with pytest.raises(ValueError, match="fewer hidden nodes"):
        factor_analysis(np.eye(3), 3)
    with pytest.raises(ValueError, match="1 of the 3 nodes"):
        factor_analysis(np.diag([1.0, 0.0, 1.0]), 1)
    with pytest.raises(ValueError, match="below 1"):
        factor_analysis(np.eye(3), 1, least_noise=1.0)


def test_factor_analysis_recovers_a_model_of_its_kind():
    truth = from_latent(LOADINGS, NOISE)
    found = factor_analysis(truth.propagator, 2, hidden_variance=0.3)
    np.testing.assert_allclose(1 / found.mass_squared, NOISE, rtol=0, atol=1e-6)
    assert kl_divergence(truth.kernel, found.kernel) < 1e-12
    one_mass = maximum_likelihood(truth.propagator, 2)  # negative control: one mass is not enough
    assert kl_divergence(truth.kernel, one_mass.kernel) > 0.1


def test_stationary_in_weights_and_masses():
    data = from_latent(LOADINGS, NOISE).sample(300, rng=3)
    C = data.T @ data / 300
    best = factor_analysis(C, 2)
    excess = C - best.propagator
    np.testing.assert_allclose(excess @ best.weights, 0, rtol=0, atol=1e-9)
    np.testing.assert_allclose(np.diag(excess) / np.diag(C), 0, rtol=0, atol=1e-9)
    at_best = best.log_likelihood(C)
    rng = np.random.default_rng(4)
    for _ in range(20):
        near = ScalarRBM(
            best.weights + 0.02 * rng.standard_normal(best.weights.shape),
            best.mass_squared * (1 + 0.02 * rng.standard_normal(8)),
        )
        assert near.log_likelihood(C) < at_best


def test_against_a_search_without_any_closed_form():
    data = from_latent(LOADINGS[:4, :1], NOISE[:4]).sample(500, rng=5)
    C = data.T @ data / 500

    def cost(p):
        covariance = np.diag(np.exp(p[:4])) + np.outer(p[4:], p[4:])
        return np.linalg.slogdet(covariance)[1] + np.trace(np.linalg.solve(covariance, C))

    runs = [optimize.minimize(cost, np.random.default_rng(seed).standard_normal(8), tol=1e-12) for seed in range(5)]
    best = factor_analysis(C, 1)
    ours = np.linalg.slogdet(best.propagator)[1] + np.trace(best.kernel @ C)
    assert ours == pytest.approx(min(run.fun for run in runs), abs=1e-9)


def test_training_with_node_masses_ends_there():
    C = from_latent(LOADINGS[:5, :1], NOISE[:5]).propagator
    gain = np.sqrt(np.diag(C))
    C = C / np.outer(gain, gain)
    best = factor_analysis(C, 1)
    start = ScalarRBM(0.1 * np.ones((5, 1)), np.ones(5))
    end = train(start, C, 20_000, 0.005, learn_mass=True, momentum=0.9, record_every=20_000).model
    assert end.log_likelihood(C) == pytest.approx(best.log_likelihood(C), abs=1e-9)
    step = numerical_gradient(lambda m: ScalarRBM(best.weights, m).log_likelihood(C), best.mass_squared)
    np.testing.assert_allclose(step, 0, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_hidden", [1, 4])
def test_against_scikit_learn(n_hidden):
    images = load_digits()
    images = images[:, images.var(axis=0) > 0]
    images = images - images.mean(axis=0)
    C = images.T @ images / len(images)
    theirs = FactorAnalysis(n_hidden, tol=1e-9, max_iter=5000, svd_method="lapack").fit(images)
    best = factor_analysis(C, n_hidden)
    assert 0 <= best.log_likelihood(C) - theirs.score(images) + 1e-11 < 1e-10
    np.testing.assert_allclose(1 / best.mass_squared, theirs.noise_variance_, rtol=1e-4)


def table(name):
    x = getattr(datasets, f"load_{name}")().data
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return x, x.T @ x / len(x)


def test_where_noise_vanishes_scikit_learn_stops_short():
    x, C = table("wine")
    fit = fit_factors(C, 5)
    theirs = FactorAnalysis(5, svd_method="lapack").fit(x)
    assert 0.04 < fit.model.log_likelihood(C) - theirs.score(x) < 0.06
    assert fit.heywood == (2, 9)
    np.testing.assert_allclose(1 / fit.model.mass_squared[[2, 9]], 1e-6, rtol=1e-6)
    assert "noise of nodes 2, 9 is at its bound, 1e-06 of the variance (Heywood case)" in str(fit)
    bounded = fit_factors(C, 5, least_noise=0.1)
    assert (1 / bounded.model.mass_squared).min() == pytest.approx(0.1, rel=1e-9)
    assert "at its bound, 0.1 of the variance" in str(bounded)
    assert fit_factors(C, 1).heywood == ()


def test_how_many_starts_agree():
    """breast_cancer with five factors has several maxima."""
    _, C = table("breast_cancer")
    fit = fit_factors(C, 5, starts=16)
    assert 1 <= fit.agreed < 16
    assert fit.agreed == (fit.log_likelihoods > fit.log_likelihoods.max() - 1e-6).sum()
    assert fit.model.log_likelihood(C) == pytest.approx(fit.log_likelihoods[0], abs=1e-9)
    assert f"found from {fit.agreed} of 16 starts" in str(fit)
    assert fit.log_likelihoods[-1] < fit.log_likelihoods[0] - 1e-4  # a start alone can lose
    lowest = fit.log_likelihoods.max() - fit.log_likelihoods.min()
    assert f"other maxima lie up to {lowest:.2g} nats lower" in str(fit)
    assert f"{lowest:.2g}" != f"{fit.log_likelihoods[0] - fit.log_likelihoods[-2]:.2g}"  # it tells the lowest


def test_derivatives_of_the_profile():
    C = table("wine")[1]
    x = np.log(np.random.default_rng(0).uniform(0.1, 0.8, 13))
    _, gradient, curvature = _profile(C, x, 3)
    steps = 1e-5 * np.eye(13)
    slopes = [(_profile(C, x + e, 3)[0] - _profile(C, x - e, 3)[0]) / 2e-5 for e in steps]
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-8)
    second = [(_profile(C, x + e, 3)[1] - _profile(C, x - e, 3)[1]) / 2e-5 for e in steps]
    np.testing.assert_allclose(curvature(), second, rtol=0, atol=1e-7)


def test_of_several_starts_the_best_end_counts():
    """A likelihood with two maxima, 0.05 nats apart."""
    data = np.random.default_rng(8).standard_normal((12, 6))
    C = data.T @ data / 12
    fits = [fit_factors(C, 2, rng=seed) for seed in range(4)]
    assert max(fit.log_likelihoods[0] - fit.log_likelihoods[-1] for fit in fits) > 0.03
    ends = [fit.model.log_likelihood(C) for fit in fits]
    np.testing.assert_allclose(ends, max(fit.log_likelihoods.max() for fit in fits), rtol=0, atol=1e-8)


def test_units_do_not_matter():
    C = from_latent(LOADINGS, NOISE).sample(200, rng=6)
    C = C.T @ C / 200
    unit = np.geomspace(1e-3, 1e3, 8)
    first, second = factor_analysis(C, 2), factor_analysis(C * np.outer(unit, unit), 2)
    np.testing.assert_allclose(second.mass_squared * unit**2, first.mass_squared, rtol=1e-5)


def test_heywood_cases_end_at_the_floor():
    field = FreeScalarField(10, 4.0)  # five hidden nodes turn into one sublattice
    best = factor_analysis(field.propagator, 5, starts=3, least_noise=1e-3)
    share = 1 / (best.mass_squared * np.diag(field.propagator))
    assert share.min() >= 1e-3 * (1 - 1e-9)
    assert kl_divergence(field.kernel, best.kernel) < 1e-5
    np.testing.assert_allclose(np.sort(best.mass_squared)[:5], 6.0, rtol=0, atol=0.02)


def test_no_hidden_nodes():
    C = np.diag([1.0, 4.0]) + 0.5
    np.testing.assert_allclose(factor_analysis(C, 0).mass_squared, 1 / np.diag(C), rtol=1e-12)
