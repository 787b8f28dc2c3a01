"""The Gaussian RBM against numerical integration, scipy's multivariate normal and the theory of autoregressions."""

import dataclasses
import os

import numpy as np
import pytest
from scipy import integrate, stats

from srbm import DatasetError, NotNormalizableError, ScalarRBM
from tests.srbm.helpers import RARE, assert_gaussian, gaussian_p_values

CASES = {
    "square": (4, 4, 6.0, 1.0, False),
    "wide": (3, 7, 6.0, 0.7, False),
    "narrow": (5, 2, 6.0, 1.6, True),
    "no hidden nodes": (3, 0, 2.0, 1.0, False),
    "one node": (1, 1, 2.0, 0.5, True),
    "mass per node": (4, 3, [5.0, 7.0, 6.0, 9.0], 1.6, True),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def rbm(request):
    n_visible, n_hidden, mass_squared, variance, biased = request.param
    rng = np.random.default_rng(7)
    bias = rng.standard_normal(n_hidden) if biased else None
    weights = rng.standard_normal((n_visible, n_hidden))
    if n_hidden:  # close to the pole, so that K is far from diagonal and a wrong correlation cannot hide in the noise
        weights *= np.sqrt(0.85 * np.min(mass_squared) / variance) / np.linalg.norm(weights, 2)
    return ScalarRBM(weights, mass_squared, variance, bias)


def action(rbm, phi, h):
    """Eq. (7)."""
    eta = np.zeros(rbm.n_hidden) if rbm.hidden_bias is None else rbm.hidden_bias
    return (
        (rbm.mass_squared * phi**2).sum() / 2
        + ((h - eta) ** 2).sum() / (2 * rbm.hidden_variance)
        - phi @ rbm.weights @ h
    )


@pytest.mark.parametrize("bias", [None, [0.8]])
@pytest.mark.parametrize("variance", [1.0, 0.3, 2.5])
def test_hidden_field_integrated_out(variance, bias):
    rbm = ScalarRBM([[0.7]], 1.9, variance, bias)

    def marginal(phi):
        return integrate.quad(
            lambda h: np.exp(-action(rbm, np.array([phi]), np.array([h]))), -np.inf, np.inf, epsabs=1e-13, epsrel=1e-12
        )[0]

    kernel, source = rbm.kernel[0, 0], rbm.source[0]
    for phi in (-1.3, 0.4, 2.0):
        assert np.log(marginal(phi) / marginal(0.0)) == pytest.approx(-kernel * phi**2 / 2 + source * phi, abs=1e-9)
    # The trapezoidal rule converges exponentially for a Gaussian: steps of sigma / 3 leave exp(-2 (3 pi)^2) ~ 1e-77.
    grid = np.linspace(-12, 12, 121)
    density = np.array([marginal(phi) for phi in grid]) / marginal(0.0)
    assert rbm.log_partition == pytest.approx(np.log(density.sum() * 0.2), abs=1e-8)
    assert rbm.mean[0] == pytest.approx((grid * density).sum() / density.sum(), abs=1e-8)


def test_kernel_spectrum_and_propagator(rbm):
    mass = rbm.mass_squared * np.eye(rbm.n_visible)
    np.testing.assert_allclose(rbm.kernel, mass - rbm.hidden_variance * rbm.weights @ rbm.weights.T, rtol=0, atol=1e-14)
    np.testing.assert_allclose(rbm.eigenvalues, np.linalg.eigvalsh(rbm.kernel), rtol=0, atol=1e-13)
    np.testing.assert_allclose(rbm.propagator @ rbm.kernel, np.eye(rbm.n_visible), rtol=0, atol=1e-13)
    np.testing.assert_allclose(rbm.kernel @ rbm.mean, rbm.source, rtol=0, atol=1e-13)
    assert rbm.singular_values.shape == (min(rbm.n_visible, rbm.n_hidden),)
    assert (np.diff(rbm.singular_values) <= 0).all()
    if np.ndim(rbm.mass_squared) == 0:  # index a is one mode in both
        reached = rbm.mass_squared - rbm.hidden_variance * rbm.singular_values**2
        np.testing.assert_allclose(rbm.eigenvalues[: len(reached)], reached, rtol=0, atol=1e-13)
    assert rbm.is_normalizable


def test_log_likelihood_is_that_of_the_normal_distribution(rbm):
    data = np.random.default_rng(1).standard_normal((50, rbm.n_visible)) + 0.3
    normal = stats.multivariate_normal(rbm.mean, np.linalg.inv(rbm.kernel))
    expected = np.atleast_1d(normal.logpdf(data)).mean()
    given = rbm.log_likelihood(data.T @ data / len(data), data.mean(axis=0))
    assert given == pytest.approx(expected, rel=1e-12)
    if not rbm.source.any():
        assert rbm.log_likelihood(data.T @ data / len(data)) == given
    at_zero = normal.logpdf(np.zeros(rbm.n_visible))  # the density at phi = 0 is 1 / Z
    assert -rbm.log_partition == pytest.approx(float(at_zero), rel=1e-12)


def test_log_partition_of_the_joint_distribution(rbm):
    """Eq. (10) leaves out the hidden layer's own constant (2 pi sigma_h^2)^(N_h / 2); with it, Z is that of exp(-S)."""
    n_visible, n_hidden, s2 = rbm.n_visible, rbm.n_hidden, rbm.hidden_variance
    joint = np.block(
        [[np.diag(np.broadcast_to(rbm.mass_squared, n_visible)), -rbm.weights], [-rbm.weights.T, np.eye(n_hidden) / s2]]
    )
    eta = np.zeros(n_hidden) if rbm.hidden_bias is None else rbm.hidden_bias
    source = np.concatenate([np.zeros(n_visible), eta / s2])
    log_z = (
        (n_visible + n_hidden) * np.log(2 * np.pi)
        - np.linalg.slogdet(joint)[1]
        + source @ np.linalg.solve(joint, source)
        - eta @ eta / s2
    ) / 2
    assert rbm.log_partition + n_hidden * np.log(2 * np.pi * s2) / 2 == pytest.approx(log_z, rel=1e-12)


def test_sample(rbm):
    assert_gaussian(rbm.sample(4000, rng=3), rbm.kernel, rbm.mean)


def test_gibbs_leaves_the_model_invariant(rbm):
    assert_gaussian(rbm.gibbs(rbm.sample(4000, rng=4), 3, rng=5), rbm.kernel, rbm.mean)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_gibbs_is_an_autoregression_with_matrix_one_minus_kernel_over_mass(rbm, steps):
    transition = np.eye(rbm.n_visible) - rbm.kernel / np.reshape(rbm.mass_squared, (-1, 1))
    power = np.linalg.matrix_power(transition, steps)
    start = np.linspace(-1, 2, rbm.n_visible)
    expected = rbm.mean + power @ (start - rbm.mean)
    covariance = rbm.propagator - power @ rbm.propagator @ power.T
    reached = rbm.gibbs(np.tile(start, (4000, 1)), steps, rng=6)
    assert_gaussian(reached, np.linalg.inv(covariance), expected)


def test_a_wrong_model_fails():
    rbm = ScalarRBM.random(4, 3, 5.0, scale=0.8, rng=0)
    wrong = ScalarRBM(rbm.weights, 6.0).kernel
    assert gaussian_p_values(rbm.sample(4000, rng=1), wrong)["action"] < RARE
    assert gaussian_p_values(rbm.gibbs(rbm.sample(4000, rng=1), 2, rng=2), wrong)["covariance"] < RARE


def test_conditional_means_make_the_action_stationary(rbm):
    phi = np.linspace(-1, 1, rbm.n_visible)
    h = rbm.hidden_mean(phi)
    for direction in np.eye(rbm.n_hidden):
        assert action(rbm, phi, h + direction) == pytest.approx(action(rbm, phi, h - direction), abs=1e-12)
    phi = rbm.visible_mean(h)
    for direction in np.eye(rbm.n_visible):
        assert action(rbm, phi + direction, h) == pytest.approx(action(rbm, phi - direction, h), abs=1e-12)
    np.testing.assert_array_equal(
        rbm.reconstruct(np.ones(rbm.n_visible)), rbm.visible_mean(rbm.hidden_mean(np.ones(rbm.n_visible)))
    )


def test_gibbs_keeps_the_shape_of_its_fields(rbm):
    assert rbm.gibbs(np.zeros((2, 3, rbm.n_visible)), 2, rng=0).shape == (2, 3, rbm.n_visible)
    phi = np.ones(rbm.n_visible)
    np.testing.assert_array_equal(rbm.gibbs(phi, 0, rng=0), phi)
    np.testing.assert_array_equal(phi, 1)
    assert rbm.sample(0, rng=0).shape == (0, rbm.n_visible)


def test_random_weights():
    weights = ScalarRBM.random(60, 50, 400.0, scale=0.3, rng=0).weights
    assert stats.kstest(weights.ravel(), stats.norm(0, 0.3).cdf).pvalue > RARE
    np.testing.assert_array_equal(weights, ScalarRBM.random(60, 50, 400.0, 0.3, rng=np.random.default_rng(0)).weights)


def test_immutable():
    weights = np.ones((2, 2))
    rbm = ScalarRBM(weights, [5.0, 6.0], hidden_bias=[1.0, 2.0])
    weights[0, 0] = 9.0
    assert rbm.weights[0, 0] == 1.0
    for array in (rbm.weights, rbm.mass_squared, rbm.hidden_bias, rbm.eigenvalues, rbm.singular_values):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        rbm.mass_squared = 3.0


def test_save_and_load(rbm, tmp_path):
    path = rbm.save(tmp_path / "model.npz")
    loaded = ScalarRBM.load(path)
    np.testing.assert_array_equal(loaded.weights, rbm.weights)
    np.testing.assert_array_equal(loaded.mass_squared, rbm.mass_squared)
    assert type(loaded.mass_squared) is type(rbm.mass_squared)
    assert loaded.hidden_variance == rbm.hidden_variance
    np.testing.assert_array_equal(loaded.source, rbm.source)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.npz"]  # no temporary file is left


def test_a_damaged_file_is_noticed(tmp_path):
    rbm = ScalarRBM.random(4, 3, 5.0, rng=0)
    path = rbm.save(tmp_path / "model.npz")
    good = path.read_bytes()
    for length in range(0, len(good), 37):
        path.write_bytes(good[:length])
        with pytest.raises(DatasetError, match=r"damaged or not an \.npz file"):
            ScalarRBM.load(path)
    outcomes = set()
    for position in range(0, len(good), 3):
        for flip in (0x01, 0x80, 0xFF):
            path.write_bytes(good[:position] + bytes([good[position] ^ flip]) + good[position + 1 :])
            try:
                loaded = ScalarRBM.load(path)
            except DatasetError:
                outcomes.add("noticed")
            else:  # bytes that do not matter, such as a time stamp
                np.testing.assert_array_equal(loaded.weights, rbm.weights)
                assert (loaded.mass_squared, loaded.hidden_variance) == (5.0, 1.0)
                outcomes.add("harmless")
    assert outcomes == {"noticed", "harmless"}


def test_files_of_another_kind(tmp_path):
    path = tmp_path / "other.npz"
    with pytest.raises(FileNotFoundError, match="no file at"):
        ScalarRBM.load(path)
    np.savez(path, weights=np.zeros((2, 2)))
    with pytest.raises(DatasetError, match="lacks mass_squared, hidden_variance, hidden_bias; it holds weights"):
        ScalarRBM.load(path)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DatasetError, match="is not a zip file"):
        ScalarRBM.load(path)
    marker = tmp_path / "marker"

    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(marker),)

    np.savez(
        path,
        **dict.fromkeys(
            ("weights", "mass_squared", "hidden_variance", "hidden_bias"), np.array(Hostile(), dtype=object)
        ),
    )
    with pytest.raises(DatasetError, match="damaged"):
        ScalarRBM.load(path)
    assert not marker.exists()  # nothing in a file is ever executed


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = ScalarRBM([[0.5]], 2.0).save(tmp_path / "model.npz")
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        ScalarRBM([[0.7]], 2.0).save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.npz"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], 4.0), r"weights must be a matrix .* got shape \(2,\); codes that store W\^T need weights.T"),
        ((np.zeros((0, 2)), 4.0), "N_v >= 1"),
        (([[np.inf]], 4.0), "weights must be finite, but 1 of its 1 entries"),
        ((np.zeros((3, 2)), [1.0, 2.0]), r"one number or one per visible node, shape \(3,\), got shape \(2,\)"),
        ((np.zeros((3, 2)), 0.0), r"mass_squared \(mu\^2\) must be positive, got 0"),
        ((np.zeros((3, 2)), [1.0, -2.0, 3.0]), "must be positive, got -2"),
        ((np.zeros((3, 2)), 1.0, 0.0), "hidden_variance must be greater than 0"),
        ((np.zeros((3, 2)), 1.0, 1.0, [1.0]), r"hidden_bias must have shape \(2,\), got \(1,\)"),
    ],
)
def test_wrong_parameters(arguments, message):
    with pytest.raises(ValueError, match=message):
        ScalarRBM(*arguments)


def test_a_model_beyond_the_pole_can_be_inspected_but_not_used():
    rbm = ScalarRBM([[1.0], [2.0]], 4.0)
    np.testing.assert_allclose(rbm.eigenvalues, [-1, 4], rtol=0, atol=1e-14)
    assert not rbm.is_normalizable
    for use in (
        lambda: rbm.propagator,
        lambda: rbm.mean,
        lambda: rbm.log_partition,
        lambda: rbm.sample(1),
        lambda: rbm.log_likelihood(np.eye(2)),
    ):
        with pytest.raises(NotNormalizableError, match="1 of 2 are <= 0"):
            use()
    grown = rbm.gibbs([0.1, 0.2], 100, rng=0)  # phi given h, and h given phi, exist; the fields grow by 5/4 per sweep
    assert 1e8 < np.abs(grown).max() < 1e12
    for sweeps in (10_000, 11_000):
        with pytest.raises(NotNormalizableError, match="1 of 2 are <= 0"):
            rbm.gibbs([0.1, 0.2], sweeps, rng=0)


def test_wrong_fields():
    rbm = ScalarRBM.random(3, 2, 4.0, rng=0)
    with pytest.raises(ValueError, match=r"phi must have 3 components along its last axis, got shape \(2,\)"):
        rbm.hidden_mean([1.0, 2.0])
    with pytest.raises(ValueError, match="hidden must have 2 components"):
        rbm.visible_mean([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="steps must be an integer of at least 0, got -1"):
        rbm.gibbs(np.zeros(3), -1)
    with pytest.raises(ValueError, match="correlation must be 3 x 3 to match the visible layer"):
        rbm.log_likelihood(np.eye(2))
    with pytest.raises(ValueError, match="correlation must be symmetric"):
        rbm.log_likelihood(np.triu(np.ones((3, 3))))


def test_a_bias_needs_the_mean_of_the_data():
    rbm = ScalarRBM([[0.5], [0.2]], 2.0, hidden_bias=[1.0])
    with pytest.raises(ValueError, match="pass mean"):
        rbm.log_likelihood(np.eye(2))
    with pytest.raises(ValueError, match="2 components"):
        rbm.log_likelihood(np.eye(2), mean=np.zeros(3))


def test_repr_is_one_line_without_arrays():
    assert repr(ScalarRBM(np.zeros((3, 2)), 9.0)) == "<ScalarRBM: N_v = 3, N_h = 2, mu^2 = 9, sigma_h^2 = 1>"
    assert "one per node, sigma_h^2 = 2, hidden bias" in repr(ScalarRBM(np.ones((2, 1)), [5.0, 6.0], 2.0, [1.0]))
