"""Closed-form weights: the identities they satisfy, and that nothing does better."""

import numpy as np
import pytest
from scipy import optimize
from sklearn.decomposition import PCA

from srbm import (
    FreeScalarField,
    NotNormalizableError,
    ScalarRBM,
    cholesky_solution,
    load_digits,
    maximum_likelihood,
    second_moment,
    symmetric_solution,
    train,
)
from tests.srbm.helpers import correlation_with, matrix_with

KERNELS = {
    "chain": FreeScalarField(10, 4.0).kernel,
    "square lattice": FreeScalarField((3, 4), 1.0).kernel,
    "random": matrix_with([0.2, 0.5, 1.0, 3.0, 7.0], rng=0),
    "one node": np.array([[2.0]]),
}
both = pytest.mark.parametrize("solution", [cholesky_solution, symmetric_solution])


@pytest.mark.parametrize("solution", [cholesky_solution, symmetric_solution, maximum_likelihood])
@pytest.mark.parametrize("wrong", [0, -1.0])
def test_a_mass_that_is_none_is_refused_by_name(solution, wrong):
    with pytest.raises(ValueError, match=r"^mass_squared must be greater than 0, got "):
        solution(KERNELS["chain"], mass_squared=wrong, **({"n_hidden": 2} if solution is maximum_likelihood else {}))


@both
def test_the_hidden_variance_is_one_unless_told(solution):
    assert solution(KERNELS["chain"], 20.0).hidden_variance == 1.0


@both
def test_a_mass_that_is_too_small_is_told_what_to_do(solution):
    with pytest.raises(ValueError, match=r"Raise mu\^2, or use maximum_likelihood for the best model at this mu\^2$"):
        solution(KERNELS["chain"], 5.0)


@both
@pytest.mark.parametrize("variance", [1.0, 0.4])
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS.keys())
@pytest.mark.parametrize("excess", [0.0, 1e-9, 1.0, 30.0])
def test_exact_solutions(solution, kernel, variance, excess):
    mass_squared = np.linalg.eigvalsh(kernel)[-1] + excess  # mu^2 = kappa_max is enough, Eq. (14)
    rbm = solution(kernel, mass_squared, variance)
    # At excess 0 a rounding error of the spectrum enters under the root: W is good to its square root only, K to all.
    np.testing.assert_allclose(rbm.kernel, kernel, rtol=0, atol=3e-13 * mass_squared)
    if solution is cholesky_solution:
        assert not np.triu(rbm.weights, 1).any()
        assert (np.diag(rbm.weights) >= 0).all()
    else:
        np.testing.assert_allclose(rbm.weights, rbm.weights.T, rtol=0, atol=1e-13 * mass_squared)


@both
@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_units_do_not_matter(solution, unit):
    kernel = KERNELS["random"]
    rbm = solution(unit * kernel, unit * np.linalg.eigvalsh(kernel)[-1])  # no excess: a rounding error may be negative
    np.testing.assert_allclose(rbm.kernel, unit * kernel, rtol=0, atol=3e-12 * unit)
    best, small = (maximum_likelihood(np.linalg.inv(u * kernel), 2) for u in (1.0, unit))
    np.testing.assert_allclose(small.kernel, unit * best.kernel, rtol=1e-9, atol=1e-12 * unit)


def test_cholesky_factor():
    kernel = KERNELS["random"]
    expected = np.linalg.cholesky((9.0 * np.eye(5) - kernel) / 0.5)
    np.testing.assert_allclose(cholesky_solution(kernel, 9.0, 0.5).weights, expected, rtol=0, atol=1e-13)


def test_rotations_of_the_hidden_layer_change_nothing():
    rbm = cholesky_solution(KERNELS["random"], 9.0, 0.5)
    rotation, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))
    rotated = ScalarRBM(rbm.weights @ rotation.T, 9.0, 0.5)
    np.testing.assert_allclose(rotated.kernel, rbm.kernel, rtol=0, atol=1e-13)
    assert rotated.log_likelihood(np.eye(5)) == pytest.approx(rbm.log_likelihood(np.eye(5)), rel=1e-13)


@both
def test_impossible_solutions(solution):
    kernel = KERNELS["chain"]
    with pytest.raises(ValueError, match=r"mass_squared = 7.9 is below the largest eigenvalue of the kernel, 8: "):
        solution(kernel, 7.9)
    with pytest.raises(NotNormalizableError, match="1 of 2 are <= 0"):
        solution(np.diag([-1.0, 2.0]), 3.0)
    with pytest.raises(ValueError, match="kernel must be a square matrix, got shape"):
        solution(np.ones((2, 3)), 3.0)
    with pytest.raises(ValueError, match=r"kernel must be symmetric, .*pass \(kernel \+ kernel.T\) / 2"):
        solution(np.array([[2.0, 1.0], [0.0, 2.0]]), 3.0)
    with pytest.raises(ValueError, match="hidden_variance must be greater than 0"):
        solution(kernel, 9.0, -1.0)


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data - data.mean(axis=0)


@pytest.mark.parametrize("n_hidden", [1, 5, 10, 20, 40])
def test_free_mass_is_probabilistic_pca(digits, n_hidden):
    pca = PCA(n_hidden, svd_solver="full").fit(digits)
    covariance = second_moment(digits)
    unbiased = covariance * len(digits) / (len(digits) - 1)
    rbm = maximum_likelihood(unbiased, n_hidden)
    assert 1 / rbm.mass_squared == pytest.approx(pca.noise_variance_, rel=1e-8)
    assert rbm.log_likelihood(covariance) == pytest.approx(pca.score(digits), rel=1e-8)
    np.testing.assert_allclose(rbm.propagator, pca.get_covariance(), rtol=0, atol=1e-8)


@pytest.mark.parametrize("variance", [1.0, 0.6])
@pytest.mark.parametrize("n_hidden", [0, 1, 3, 4, 6])
@pytest.mark.parametrize("mass_squared", [None, 2.0, 3.0, 9.0])
def test_nothing_is_more_likely(n_hidden, mass_squared, variance):
    kappa = [0.4, 1.0, 2.5, 5.0]
    correlation = correlation_with(kappa, rng=3)
    if mass_squared is None and n_hidden >= 4:
        pytest.skip("no unique maximum")
    best = maximum_likelihood(correlation, n_hidden, mass_squared, variance)
    assert best.weights.shape == (4, n_hidden)
    mu2 = best.mass_squared

    def cost(parameters):
        mass = mu2 if mass_squared else np.exp(parameters[0])
        rbm = ScalarRBM(parameters[1:].reshape(4, n_hidden), mass, variance)
        return -rbm.log_likelihood(correlation) if rbm.is_normalizable else 1e3

    rng = np.random.default_rng(0)
    ends = [
        optimize.minimize(cost, np.r_[0.5, 0.2 * rng.standard_normal(4 * n_hidden)], method="BFGS").fun
        for _ in range(3)
    ]
    assert -best.log_likelihood(correlation) <= min(ends) + 1e-12
    # The optimiser stops at gradients of 1e-5, where the likelihood, quadratic in them, is good to 1e-8.
    assert -best.log_likelihood(correlation) == pytest.approx(min(ends), abs=1e-7)


@pytest.mark.parametrize("n_hidden", [1, 2, 4])
@pytest.mark.parametrize("learn_mass", [False, True])
def test_training_ends_there(n_hidden, learn_mass):
    correlation = correlation_with([1.0, 2.0, 3.2, 4.0], rng=3)
    if learn_mass and n_hidden == 4:
        pytest.skip("no unique maximum")
    best = maximum_likelihood(correlation, n_hidden, None if learn_mass else 6.0)
    start = ScalarRBM.random(4, n_hidden, 3.0 if learn_mass else 6.0, rng=1)
    training = train(start, correlation, 9000, 0.15, learn_mass=learn_mass, momentum=0.5, record_every=9000)
    np.testing.assert_allclose(training.model.kernel, best.kernel, rtol=0, atol=1e-9)
    assert training.log_likelihood[-1] == pytest.approx(best.log_likelihood(correlation), abs=1e-12)


def test_null_directions_are_never_kept():
    rbm = maximum_likelihood(np.diag([0.0, 0.5, 0.0, 2.0]), 3, 10.0)
    np.testing.assert_allclose(rbm.eigenvalues, [0.5, 2, 10, 10], rtol=0, atol=1e-13)


def test_no_maximum():
    with pytest.raises(ValueError, match=r"every mu\^2 above the spectrum is optimal: pass mass_squared"):
        maximum_likelihood(np.eye(3), 3)
    with pytest.raises(ValueError, match="the likelihood has no maximum"):
        maximum_likelihood(np.diag([1.0, 1.0, 0.0]), 2)
    with pytest.raises(ValueError, match="the likelihood has no maximum"):
        maximum_likelihood(np.diag([1e12, 1e-3]), 1)  # less than the rounding of the largest
    with pytest.raises(ValueError, match="the likelihood has no maximum"):
        maximum_likelihood(np.zeros((2, 2)), 1)
    with pytest.raises(ValueError, match="must be positive semidefinite"):
        maximum_likelihood(np.diag([1.0, -1.0]), 1)
    with pytest.raises(ValueError, match="n_hidden must be an integer of at least 0"):
        maximum_likelihood(np.eye(3), -1)
