"""KL divergences against other routes to the same number, and against the numbers of the paper's figures."""

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from srbm import (
    FreeScalarField,
    NotNormalizableError,
    ScalarRBM,
    kl_divergence,
    maximum_likelihood,
    second_moment,
    truncated_kl,
)
from tests.srbm.helpers import matrix_with


@pytest.mark.parametrize("size", [1, 2, 7])
def test_textbook_formula(size):
    rng = np.random.default_rng(size)
    p, q = (matrix_with(rng.uniform(0.2, 4, size), rng) for _ in range(2))
    expected = (np.trace(q @ np.linalg.inv(p)) - size + np.linalg.slogdet(p)[1] - np.linalg.slogdet(q)[1]) / 2
    assert kl_divergence(p, q) == pytest.approx(expected, rel=1e-11)
    assert kl_divergence(p, q) > 0
    assert abs(kl_divergence(p, q) - kl_divergence(q, p)) > 1e-3


@pytest.mark.parametrize(("p", "q"), [(1.0, 3.0), (3.0, 1.0), (0.2, 0.25)])
def test_integral_in_one_dimension(p, q):
    density = stats.norm(0, p**-0.5)
    other = stats.norm(0, q**-0.5)
    integral = integrate.quad(
        lambda x: density.pdf(x) * (density.logpdf(x) - other.logpdf(x)),
        -30,
        30,
        epsabs=1e-12,
        points=[-3, 0, 3],
        limit=200,
    )[0]
    assert kl_divergence([[p]], [[q]]) == pytest.approx(integral, rel=1e-8)


def test_zero_and_rotations():
    rng = np.random.default_rng(0)
    p, q = matrix_with([0.5, 1.0, 4.0], rng), matrix_with([0.7, 1.1, 2.0], rng)
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    assert 0 <= kl_divergence(p, p) < 1e-28
    assert kl_divergence(turn @ p @ turn.T, turn @ q @ turn.T) == pytest.approx(kl_divergence(p, q), rel=1e-12)


@pytest.mark.parametrize("difference", [1e-2, 1e-4, 1e-6])
def test_tiny_differences(difference):
    # For K_q = (1 + d) K_p: (N / 2) (d - ln(1 + d)) = (N / 4) d^2 (1 - 2 d / 3 + d^2 / 2 - ...). The ratio of the
    # kernels is rounded to 1e-16 of itself, d therefore to 1e-16 / d.
    kernel = matrix_with([0.5, 1.0, 4.0], rng=1)
    expected = 0.75 * difference**2 * (1 - 2 * difference / 3 + difference**2 / 2)
    tolerance = 40 * np.finfo(float).eps / difference + difference**3
    assert kl_divergence(kernel, (1 + difference) * kernel) == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("mass_squared", [4.0, 4.2, 6.0, 7.0, 8.0, 9.0, 20.0])
@pytest.mark.parametrize("field", [FreeScalarField(10, 4.0), FreeScalarField((4, 4), 4.0)], ids=["1d", "2d"])
def test_truncation_is_the_divergence_at_the_optimum(field, mass_squared):
    n_hidden = np.arange(field.n_sites + 2)
    direct = [
        kl_divergence(field.kernel, maximum_likelihood(field.propagator, n, mass_squared).kernel) for n in n_hidden
    ]
    np.testing.assert_allclose(truncated_kl(field.eigenvalues, n_hidden, mass_squared), direct, rtol=1e-9, atol=1e-25)
    assert truncated_kl(field.eigenvalues, 3, mass_squared) == truncated_kl(field.eigenvalues, [3], mass_squared)[0]
    assert type(truncated_kl(field.eigenvalues[::-1], 3, mass_squared)) is float


@pytest.mark.parametrize(
    ("shape", "n_hidden", "mass_squared", "value"),
    [
        (10, 10, 6, 0.0498572124),
        (10, 10, 5, 0.1634357242),
        (10, 10, 7, 0.0077461228),
        (10, 10, 9, 0.0),
        (10, 9, 9, 0.0036084822),
        (10, 8, 9, 0.0109589449),
        (10, 7, 9, 0.0183094077),
        (10, 6, 9, 0.0445565348),
        (10, 9, 8, 0.0),
        ((4, 4), 16, 9, 0.0295620675),
        ((4, 4), 8, 16, 0.7430976011),
        ((4, 4), 8, 9, 0.0403875141),
    ],
)
def test_figures_10_to_12(shape, n_hidden, mass_squared, value):
    ours = truncated_kl(FreeScalarField(shape, 4.0).eigenvalues, n_hidden, mass_squared)
    assert ours == pytest.approx(value, abs=6e-11)


def test_best_mass_of_figure_12():
    kappa = FreeScalarField((4, 4), 4.0).eigenvalues
    best = 1 / np.mean(1 / kappa[8:])
    assert best == pytest.approx(9.3203883, abs=6e-8)
    lowest = truncated_kl(kappa, 8, best)
    assert all(truncated_kl(kappa, 8, mass) > lowest for mass in (best * 0.999, best * 1.001))


@pytest.mark.parametrize("seed", range(8))
def test_the_inverse_of_a_singular_correlation_is_no_target(seed):
    data = np.random.default_rng(seed).standard_normal((200, 6))
    data[:, 5] = data[:, 0] + data[:, 1]
    # Rounding makes of it a pole, a huge number of either sign, or nothing that can be inverted.
    wrong = r"condition number .* infinite|must have positive eigenvalues|Singular matrix"
    with pytest.raises(ValueError, match=wrong):
        kl_divergence(np.linalg.inv(second_moment(data)), 3 * np.eye(6))


def test_null_directions():
    assert truncated_kl([1.0, 2.0, np.inf], 3, 5.0) == np.inf
    np.testing.assert_array_equal(truncated_kl([1.0, np.inf], [[0, 1], [2, 3]], 5.0), np.full((2, 2), np.inf))


def test_wrong_inputs():
    with pytest.raises(NotNormalizableError, match="model_kernel must have positive eigenvalues"):
        kl_divergence(np.eye(2), np.diag([1.0, 0.0]))
    with pytest.raises(NotNormalizableError, match="target_kernel must have positive eigenvalues"):
        kl_divergence(np.diag([1.0, -1.0]), np.eye(2))
    with pytest.raises(ValueError, match=r"model_kernel must be 2 x 2 .* got shape \(3, 3\)"):
        kl_divergence(np.eye(2), np.eye(3))
    with pytest.raises(TypeError, match=r"model_kernel must be a matrix, got a ScalarRBM: pass its \.kernel"):
        kl_divergence(np.eye(2), ScalarRBM(np.zeros((2, 1)), 1.0))
    with pytest.raises(ValueError, match=r"square matrix, got shape \(9, 2\); pass second_moment\(data\)"):
        maximum_likelihood(np.zeros((9, 2)), 1)
    with pytest.raises(ValueError, match="eigenvalues must be positive"):
        truncated_kl([1.0, 0.0], 1, 2.0)
    with pytest.raises(ValueError, match="n_hidden must be non-negative integers"):
        truncated_kl([1.0, 2.0], [1, -1], 2.0)
    with pytest.raises(ValueError, match="n_hidden must be non-negative integers"):
        truncated_kl([1.0, 2.0], 1.5, 2.0)
    with pytest.raises(ValueError, match="mass_squared must be greater than 0"):
        truncated_kl([1.0, 2.0], 1, 0.0)


def test_kernels_that_nearly_agree():
    """KL is then of second order in their difference, and would be lost in the rounding of -1 + b/a - ln(b/a)."""
    K = matrix_with([1.0, 2.0, 5.0], rng=0)
    for step in 10.0 ** -np.arange(2, 14):
        other = K + step * matrix_with([1.0, -1.0, 0.5], rng=1)
        other = (other + other.T) / 2
        target, model = (mpmath.matrix(matrix.tolist()) for matrix in (K, other))
        with mpmath.workdps(60):
            excess = (target**-1) * (model - target)
            exact = mpmath.fsum(excess[i, i] for i in range(3)) - mpmath.log(mpmath.det(mpmath.eye(3) + excess))
            np.testing.assert_allclose(kl_divergence(K, other), float(exact / 2), rtol=1e-13, atol=0)


def test_ratios_of_every_size_at_once():
    ratio = np.array([1e-9, 1e-3, 1 - 1e-9, 1 + 1e-7, 3.0, 20.0])
    with mpmath.workdps(40):
        exact = float(mpmath.fsum(mpmath.mpf(r) - 1 - mpmath.log(mpmath.mpf(r)) for r in ratio) / 2)
        last = float(mpmath.mpf(ratio[3]) - 1 - mpmath.log(mpmath.mpf(ratio[3]))) / 2
    np.testing.assert_allclose(kl_divergence(np.eye(6), np.diag(ratio)), exact, rtol=1e-13)
    np.testing.assert_allclose(truncated_kl([1 / ratio[3]], 0, 1.0), last, rtol=1e-8)  # the inverse is rounded
    np.testing.assert_allclose(truncated_kl([2.0**-20], 0, 2.0**-20 + 2.0**-50), 2.0**-62, rtol=1e-9)


def test_a_small_ratio_keeps_its_digits_beside_large_ones():
    """Nodes measured in units from 1e-6 to 1: the smallest eigenvalue is far below the rounding of the largest."""
    unit = np.geomspace(1e-6, 1, 4)
    model = unit[:, None] * (0.5 * np.eye(4) + 0.5) * unit
    with mpmath.workdps(50):
        ratio = mpmath.eigsy(mpmath.matrix(model.tolist()), eigvals_only=True)
        exact = float(mpmath.fsum(r - 1 - mpmath.log(r) for r in ratio) / 2)
    np.testing.assert_allclose(kl_divergence(np.eye(4), model), exact, rtol=1e-12)
