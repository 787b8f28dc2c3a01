"""Missing nodes given the others: Gaussians by brute force, densities, rejection, and chains that are held."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

import srbm
from srbm import GaussianBernoulliRBM, NotNormalizableError, Phi4RBM, ScalarRBM, latent_form
from srbm.machine import Machine
from tests.srbm.helpers import RARE, same_law_p_value

NAN = np.nan
WEIGHTS = np.array([[0.9, 0.3], [-0.4, 0.7], [0.5, 0.6], [0.2, -0.8]])
WIDE = np.random.default_rng(3).standard_normal((4, 6)) / 3
CASES = {
    "few hidden nodes": ScalarRBM(WEIGHTS, 2.5, 0.8, [0.6, -0.9]),
    "many hidden nodes": ScalarRBM(WIDE, 3.5, 0.8, np.linspace(-1, 1, 6)),
    "mass per node": ScalarRBM(WEIGHTS, [2.5, 3.0, 2.2, 4.0], 0.8, [0.6, -0.9]),
    "no bias": ScalarRBM(WEIGHTS, 2.5, 0.8),
    "no hidden nodes": ScalarRBM(np.zeros((4, 0)), 2.5),
}
SPINS = GaussianBernoulliRBM(1.5 * WEIGHTS, 2.5, [0.6, -0.9])
PATTERNS = [np.array(gaps) for gaps in product([False, True], repeat=4) if any(gaps)]
PHI = np.array([0.7, -1.1, 0.4, 1.6])


@pytest.fixture(params=CASES.values(), ids=CASES)
def rbm(request):
    return request.param


def with_gaps(phi, missing):
    return np.where(missing, NAN, phi)


def by_brute_force(rbm, phi, missing):
    """Mean and covariance of what is missing, from the covariance of all visible and hidden nodes, Eq. (7)."""
    eta = np.zeros(rbm.n_hidden) if rbm.hidden_bias is None else rbm.hidden_bias
    mass = np.diag(np.broadcast_to(rbm.mass_squared, 4))
    hidden = np.eye(rbm.n_hidden) / rbm.hidden_variance
    everything = np.linalg.inv(np.block([[mass, -rbm.weights], [-rbm.weights.T, hidden]]))
    mean = (everything @ np.concatenate([np.zeros(4), eta / rbm.hidden_variance]))[:4]
    C, seen = everything[:4, :4], ~missing
    gain = C[np.ix_(missing, seen)] @ np.linalg.inv(C[np.ix_(seen, seen)])
    return mean[missing] + gain @ (phi - mean)[seen], C[np.ix_(missing, missing)] - gain @ C[np.ix_(seen, missing)]


@pytest.mark.parametrize("missing", PATTERNS, ids=lambda gaps: "".join("ox"[int(x)] for x in gaps))
def test_against_the_conditional_of_the_joint_gaussian(rbm, missing):
    mean, covariance = by_brute_force(rbm, PHI, missing)
    observed = with_gaps(PHI, missing)
    rest = rbm.condition(observed)
    assert type(rest) is ScalarRBM
    assert rest.n_visible == missing.sum()
    np.testing.assert_allclose(rest.mean, mean, rtol=0, atol=1e-13)
    np.testing.assert_allclose(rest.propagator, covariance, rtol=0, atol=1e-13)
    np.testing.assert_allclose(latent_form(rest).covariance, covariance, rtol=0, atol=1e-13)
    filled = rbm.fill(observed)
    np.testing.assert_allclose(filled[missing], mean, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(filled[~missing], PHI[~missing])
    np.testing.assert_array_equal(observed, with_gaps(PHI, missing))
    if rbm.n_hidden and not missing.all():
        assert np.abs(rbm.condition(-observed).mean - mean).max() > 1e-3  # as of a source with the other sign


def test_many_rows_with_gaps_of_their_own(rbm):
    rng = np.random.default_rng(5)
    phi = rbm.sample(60, rng)
    phi[rng.random(phi.shape) < 0.4] = NAN
    before = phi.copy()
    expected = phi.copy()
    for row in expected:
        gaps = np.isnan(row)
        row[gaps] = by_brute_force(rbm, row, gaps)[0] if gaps.any() else 0
    filled = rbm.fill(phi)
    np.testing.assert_array_equal(phi, before)
    np.testing.assert_allclose(filled, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(Machine.fill(rbm, phi), expected, rtol=0, atol=1e-12)  # row by row
    np.testing.assert_array_equal(rbm.fill(phi.reshape(4, 15, 4)), filled.reshape(4, 15, 4))
    np.testing.assert_array_equal(rbm.fill(filled), filled)
    assert rbm.fill(np.empty((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("rbm", [CASES["few hidden nodes"], CASES["mass per node"], SPINS], ids=["", "masses", "spins"])
@pytest.mark.parametrize("missing", [PATTERNS[6], PATTERNS[2]], ids=["three", "two"])
def test_the_action_of_what_is_missing_is_that_of_all_up_to_a_constant(rbm, missing):
    phi = np.tile(PHI, (50, 1))
    phi[:, missing] = np.random.default_rng(1).standard_normal((50, missing.sum()))
    rest = rbm.condition(with_gaps(PHI, missing))
    assert type(rest) is type(rbm)
    difference = rbm.action(phi) - rest.action(phi[:, missing])
    np.testing.assert_allclose(difference, difference[0], rtol=0, atol=1e-13)
    other = rbm.condition(with_gaps(-PHI, missing))
    assert np.ptp(rbm.action(phi) - other.action(phi[:, missing])) > 0.1


@pytest.mark.parametrize("rbm", [CASES["few hidden nodes"], SPINS], ids=["gaussian", "spins"])
def test_against_rejection(rbm):
    """Of many samples those that have, nearly, what was observed; a band of 0.1 changes a variance by a thousandth."""
    samples = rbm.sample(400_000, rng=2)
    accepted = samples[np.abs(samples[:, 0] - 0.8) < 0.05][:8000, 1:]
    assert len(accepted) == 8000
    rest = rbm.condition([0.8, NAN, NAN, NAN])
    assert same_law_p_value(rest.sample(8000, rng=3), accepted) > RARE
    wrong = rbm.condition([-0.8, NAN, NAN, NAN])
    assert same_law_p_value(wrong.sample(8000, rng=3), accepted) < RARE


def test_spins_are_filled_with_the_mean():
    rest = SPINS.condition([0.8, NAN, -0.3, NAN])
    filled = SPINS.fill([[0.8, NAN, -0.3, NAN], PHI])
    np.testing.assert_array_equal(filled, [[0.8, rest.mean[0], -0.3, rest.mean[1]], PHI])
    weights, means = rest.mixture
    np.testing.assert_allclose(weights @ means, rest.mean, rtol=0, atol=1e-14)


def held(rbm, phi, missing, chains=20_000, sweeps=60):
    """What a Phi4RBM is advised to do: sweeps of Gibbs sampling, the observed nodes set back after each."""
    state, rng = np.tile(np.where(missing, 0, phi), (chains, 1)), np.random.default_rng(4)
    for _ in range(sweeps):
        state = rbm.gibbs(state, 1, rng)
        state[:, ~missing] = phi[~missing]
    return state[:, missing]


def test_chains_that_are_held_have_the_law():
    rbm, missing = CASES["few hidden nodes"], PATTERNS[2]
    observed = with_gaps(PHI, missing)
    assert same_law_p_value(held(rbm, PHI, missing), rbm.condition(observed).sample(20_000, rng=5)) > RARE
    assert same_law_p_value(held(rbm, -PHI, missing), rbm.condition(observed).sample(20_000, rng=5)) < RARE


def test_a_quartic_machine_says_what_to_do_and_that_works():
    rbm = Phi4RBM(WEIGHTS, 2.5, 0.4, 0.8)
    missing = np.array([False, False, True, False])
    observed = with_gaps(PHI, missing)
    for ask in (rbm.condition, rbm.fill):
        with pytest.raises(ValueError, match=r"which a Phi4RBM does not have.*setting the observed nodes back"):
            ask(observed)
    np.testing.assert_array_equal(rbm.fill(PHI), PHI)
    x = np.linspace(-5, 5, 2001)
    phi = np.tile(PHI, (len(x), 1))
    phi[:, 2] = x
    weight = np.exp(-rbm.action(phi) + rbm.action(phi).min())
    mean, square = (weight @ x**k / weight.sum() for k in (1, 2))
    drawn = held(rbm, PHI, missing)[:, 0]
    error = np.sqrt((square - mean**2) / len(drawn))
    assert abs(drawn.mean() - mean) < 5 * error
    gaussian = ScalarRBM(WEIGHTS, 2.5, 0.8).fill(observed)[2]
    assert abs(gaussian - mean) > 10 * error


def test_only_the_block_of_the_missing_nodes_has_to_be_positive():
    beyond = ScalarRBM([[1.0], [2.0], [0.0]], 4.0)
    assert not beyond.is_normalizable
    rest = beyond.condition([NAN, 1.0, NAN])
    np.testing.assert_allclose(rest.mean, [2 / 3, 0], rtol=1e-15, atol=0)
    np.testing.assert_allclose(rest.propagator, np.diag([1 / 3, 1 / 4]), rtol=1e-15, atol=0)
    np.testing.assert_allclose(beyond.fill([NAN, 1.0, 0.5]), [2 / 3, 1, 0.5], rtol=1e-15, atol=0)
    for gaps in ([1.0, NAN, NAN], [NAN, NAN, NAN], [1.0, NAN, 0.0]):
        with pytest.raises(NotNormalizableError, match="the RBM kernel must have positive eigenvalues"):
            beyond.fill(gaps)
        with pytest.raises(NotNormalizableError):
            _ = beyond.condition(gaps).mean


@pytest.mark.parametrize("n_hidden", [1, 3])
def test_a_large_machine_with_few_hidden_nodes_needs_no_large_matrix(peak, n_hidden):
    n = 20_000  # a kernel would take 3 GB
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((n, n_hidden)) / np.sqrt(n)
    phi = rng.standard_normal((2, n))
    phi[:, : n // 2] = NAN
    missing, seen = weights[: n // 2], weights[n // 2 :]
    hidden = np.linalg.solve(np.eye(n_hidden) - missing.T @ missing / 2, seen.T @ phi[0, n // 2 :])
    for mass in (2.0, np.full(n, 2.0)):
        rbm = ScalarRBM(weights, mass)

        def ask(rbm=rbm):
            rest = rbm.condition(phi[0])
            return rbm.fill(phi)[0, : n // 2], rest.mean, latent_form(rest).loadings

        megabytes, (filled, mean, loadings) = peak(ask)
        assert megabytes < 20
        np.testing.assert_allclose(filled, mean, rtol=0, atol=1e-15)
        np.testing.assert_allclose(mean, missing @ hidden / 2, rtol=0, atol=1e-15)
        assert loadings.shape == (n // 2, n_hidden)


@pytest.fixture
def peak():
    """A function that calls another, and returns the megabytes that it took at most, with its result."""
    import tracemalloc

    def measured(call):
        tracemalloc.start()
        try:
            result = call()
            return tracemalloc.get_traced_memory()[1] / 1e6, result
        finally:
            tracemalloc.stop()

    return measured


@pytest.mark.parametrize(
    "gaps",
    [
        [0.7, None, 0.4, None],
        (0.7, NAN, 0.4, NAN),
        np.ma.masked_less([0.7, -1.1, 0.4, -9], 0),
        np.ma.masked_less([0.7, NAN, 0.4, -9], 0),
        np.array([0.7, None, 0.4, NAN], dtype=object),
        pd.Series([0.7, None, 0.4, NAN]),
        pd.Series([0.7, None, 0.4, None], dtype="Float64"),
        pd.array([0.7, pd.NA, 0.4, pd.NA], dtype="Float64"),
    ],
    ids=range(8),
)
def test_whatever_is_missing_is_missing(gaps):
    rbm = CASES["few hidden nodes"]
    expected = rbm.fill([0.7, NAN, 0.4, NAN])
    np.testing.assert_array_equal(rbm.fill(gaps), expected)
    np.testing.assert_array_equal(rbm.condition(gaps).mean, rbm.condition([0.7, NAN, 0.4, NAN]).mean)
    np.testing.assert_array_equal(rbm.fill(pd.DataFrame([list(gaps), [1, 2, 3, 4]])), [expected, [1, 2, 3, 4]])


MUST = r"must have 4 components along its last axis, NaN where one is missing, got shape"


@pytest.mark.parametrize("rbm", [CASES["few hidden nodes"], SPINS], ids=["gaussian", "spins"])
@pytest.mark.parametrize(
    ("observed", "message"),
    [
        ([1.0, 2.0, NAN], rf"observed {MUST} \(3,\)"),
        (NAN, rf"observed {MUST} \(\)"),
        ([[NAN, 1.0, 2.0, 3.0]], r"observed must be one configuration, shape \(4,\), got shape \(1, 4\).*fill\(phi\)"),
        ([1.0, 2.0, 3.0, 4.0], "observed has no missing node: mark those whose distribution is wanted with NaN"),
        ([1.0, NAN, np.inf, -np.inf], "observed must be finite, or NaN where a node is missing, but 2 of its 4"),
        ([1.0, NAN, "x", 2.0], "observed must hold numbers"),
        ([1.0, NAN, 1j, 2.0], "observed must hold real numbers, got type complex128"),
        ([[1.0, NAN], [2.0]], "observed must hold numbers, got rows of different lengths"),
        ({"a": 1.0}, "observed is a dict"),
        (None, "observed must hold numbers, got None"),
    ],
)
def test_wrong_observations(rbm, observed, message):
    with pytest.raises(ValueError, match=message):
        rbm.condition(observed)


@pytest.mark.parametrize(
    ("phi", "message"),
    [
        ([[1.0, 2.0, NAN]], rf"phi {MUST} \(1, 3\)"),
        ([[1.0, NAN, np.inf, 1.0]], "phi must be finite, or NaN where a node is missing, but 1 of its 4 entries"),
        ([["a", NAN, 1.0, 1.0]], "phi must hold numbers"),
    ],
)
@pytest.mark.parametrize("rbm", [CASES["few hidden nodes"], SPINS], ids=["gaussian", "spins"])
def test_wrong_fields(rbm, phi, message):
    with pytest.raises(ValueError, match=message):
        rbm.fill(phi)


def test_too_many_spins_are_refused_as_elsewhere():
    many = GaussianBernoulliRBM.random(2, 30, 3.0, rng=0)
    assert many.condition([1.0, NAN]).n_hidden == 30
    with pytest.raises(ValueError, match="enumerating 2\\^30"):
        many.fill([1.0, NAN])


def test_the_rest_is_as_immutable_as_the_whole():
    rbm = CASES["mass per node"]
    rest = rbm.condition([0.1, NAN, 0.2, NAN])
    for array in (rest.weights, rest.mass_squared, rest.hidden_bias):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    np.testing.assert_array_equal(rbm.weights, WEIGHTS)
    np.testing.assert_array_equal(rest.mass_squared, [3.0, 4.0])
    assert rest.condition([NAN, 1.0]).mean == pytest.approx(rbm.condition([0.1, NAN, 0.2, 1.0]).mean, rel=1e-14)


def test_numbers_out_of_range():
    large = ScalarRBM([[1e150], [1e150]], 1e301)
    with pytest.raises(ValueError, match="too large"):
        large.fill([[NAN, 1e300]])
    assert srbm.ScalarRBM([[0.5], [0.5]], 1.0).fill([NAN, 1e300])[0] == pytest.approx(1e300 / 3, rel=1e-14)
