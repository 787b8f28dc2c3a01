"""Recommendations against models that are built and measured, and against data that were not seen."""

import numpy as np
import pytest
from sklearn import datasets

from srbm import (
    FreeScalarField,
    Recommendation,
    ScalarRBM,
    factor_analysis,
    fit_factors,
    kl_divergence,
    maximum_likelihood,
    mnist_correlation,
    recommend,
)
from srbm.held_out import LEAST_NOISE, log_densities, node_masses, one_mass, shrunken, winsorised
from tests.srbm.helpers import matrix_with

TARGETS = {
    "chain": FreeScalarField(10, 4.0).propagator,
    "plane": FreeScalarField((4, 4), 4.0).propagator,
    "wide": matrix_with(np.geomspace(1e-3, 10, 9), rng=1),
}


@pytest.fixture(params=TARGETS, ids=list(TARGETS))
def target(request):
    return TARGETS[request.param]


def test_curve_is_the_divergence_of_the_best_model(target):
    result = recommend(target, 0.1)
    best = [maximum_likelihood(target, n) for n in range(len(target))]
    direct = [kl_divergence(np.linalg.inv(target), model.kernel) for model in best]
    np.testing.assert_allclose(result.kl, direct, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(result.mass_curve, [model.mass_squared for model in best], rtol=1e-11)
    np.testing.assert_allclose(result.eigenvalues, np.sort(1 / np.linalg.eigvalsh(target)), rtol=1e-11)
    np.testing.assert_array_equal(result.excess, result.kl)
    assert result.n_null == 0


@pytest.mark.parametrize("options", [{}, {"noise": 0.05}, {"n_samples": 400}, {"noise": 0.05, "n_samples": 400}])
@pytest.mark.parametrize("tolerance", [1e-6, 1e-3, 0.01, 0.1, 1.0, 100.0])
def test_the_smallest_sufficient_number(target, tolerance, options):
    result = recommend(target, tolerance, **options)
    assert result.excess[result.n_hidden] <= tolerance
    assert (result.excess[: result.n_hidden] > tolerance).all()
    assert result.mass_squared == result.mass_curve[result.n_hidden]


def test_lattice_numbers():
    ring = recommend(TARGETS["chain"], 0.01)
    staircase = [5.657, 5.930, 6.204, 6.595, 6.853, 7.249, 7.426, 7.741, 7.804, 8.0]  # the plateaus of Fig. 19
    np.testing.assert_allclose(ring.mass_curve, staircase, rtol=0, atol=5e-4)
    plane = recommend(TARGETS["plane"], 0.05)
    assert plane.mass_curve[8] == pytest.approx(9.3203883, abs=6e-8)
    assert plane.kl[8] < 0.0403875141  # Fig. 12 at mu^2 = 9


def test_mnist():
    result = recommend(mnist_correlation(), 10)
    assert (result.n_hidden, result.n_null) == (688, 72)
    variances = 1 / result.eigenvalues
    assert variances[:64].sum() / variances.sum() == pytest.approx(0.917, abs=6e-4)
    # The mass is that of a machine on the 712 directions; null directions would pull it to 98.9 and 100.3.
    everywhere = result.mass_curve[[64, 65]] * (784 - np.array([64, 65])) / (712 - np.array([64, 65]))
    assert everywhere == pytest.approx([98.9, 100.3], abs=0.06)
    with_null = [maximum_likelihood(mnist_correlation(), n).mass_squared for n in (64, 65)]
    np.testing.assert_allclose(everywhere, with_null, rtol=1e-9)


def test_eigenvalues_instead_of_the_matrix():
    field = FreeScalarField((6, 5), 0.3)
    one, other = recommend(field.propagator, 0.1), recommend(1 / field.eigenvalues[::-1], 0.1)
    assert one.n_hidden == other.n_hidden
    np.testing.assert_allclose(one.kl, other.kl, rtol=1e-9, atol=1e-12)


def test_units_do_not_matter_if_they_are_the_same_for_all(target):
    one, other = recommend(target, 0.05), recommend(255**2 * target, 0.05)
    assert one.n_hidden == other.n_hidden
    assert other.mass_squared == pytest.approx(one.mass_squared / 255**2, rel=1e-12)
    np.testing.assert_allclose(one.kl, other.kl, rtol=0, atol=1e-11)


def test_units_of_single_nodes_do_matter():
    units = np.diag(np.geomspace(1, 100, 10))
    assert recommend(units @ TARGETS["chain"] @ units, 0.1).n_hidden > recommend(TARGETS["chain"], 0.1).n_hidden


def test_null_directions_are_left_out():
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((12, 9)))[0]
    singular = recommend(basis @ TARGETS["wide"] @ basis.T, 0.1)
    regular = recommend(TARGETS["wide"], 0.1)
    assert (singular.n_hidden, singular.n_null, regular.n_null) == (regular.n_hidden, 3, 0)
    np.testing.assert_allclose(singular.kl, regular.kl, rtol=1e-8, atol=1e-11)
    assert "3 directions" in str(singular)


def test_one_direction_needs_no_hidden_node():
    result = recommend([[4.0]], 0.1)
    assert (result.n_hidden, result.mass_squared) == (0, 0.25)
    np.testing.assert_array_equal(result.kl, [0.0])


@pytest.mark.parametrize("noise", [1e-3, 0.1, 3.0])
def test_noise_blurs_data_and_model(target, noise):
    size = len(target)
    result = recommend(target, 0.05, noise=noise)
    for n in range(size):
        clean = maximum_likelihood(target, n)
        blurred_model = np.linalg.inv(clean.propagator + noise * np.eye(size))
        blurred_data = np.linalg.inv(target + noise * np.eye(size))
        assert result.kl[n] == pytest.approx(kl_divergence(blurred_data, blurred_model), rel=1e-8, abs=1e-12)
        assert 1 / result.mass_curve[n] == pytest.approx(1 / clean.mass_squared + noise, rel=1e-12)
    assert (result.kl <= recommend(target, 0.05).kl + 1e-13).all()
    share = np.linalg.eigvalsh(target)[::-1]
    assert result.variance_kept == pytest.approx(share[: result.n_hidden].sum() / share.sum(), abs=1e-10)


def test_noise_fills_null_directions():
    result = recommend(np.diag([1.0, 0.5, 0.0]), 0.1, noise=0.2)
    assert result.n_null == 0
    np.testing.assert_allclose(1 / result.eigenvalues, [1.2, 0.7, 0.2], rtol=1e-14)


def _held_out_loss(population, n, runs, rng, noise=0.0):
    """KL(truth || model) of the best models of `runs` samples of size n, shape (runs, N), and `excess` (runs, N)."""
    size = len(population)
    blur = noise * np.eye(size)
    kernel, root = np.linalg.inv(population + blur), np.linalg.cholesky(population)
    rng = np.random.default_rng(rng)
    losses, estimates = [], []
    for _ in range(runs):
        sample = rng.standard_normal((n, size)) @ root.T
        correlation = sample.T @ sample / n
        losses.append([kl_divergence(kernel, maximum_likelihood(correlation + blur, k).kernel) for k in range(size)])
        estimates.append(recommend(correlation, 1.0, n_samples=n, noise=noise).excess)
    return np.array(losses), np.array(estimates)


def test_number_of_parameters(target):
    size, nodes = len(target), np.arange(len(target))
    plain = recommend(target, 1.0).parameters
    np.testing.assert_allclose(plain, size * nodes - nodes * (nodes - 1) / 2 + 1, rtol=1e-12)
    noisy = recommend(target, 1.0, noise=0.3).parameters
    share = np.sort(1 / (1 + 0.3 / np.linalg.eigvalsh(target)))[::-1]
    variances = np.sort(np.linalg.eigvalsh(target))[::-1]
    for k in nodes:  # a slow way to count them
        rest = 1 / (1 + 0.3 / variances[k:].mean())
        pairs = sum(share[i] * (share[j] if j < k else rest) for i in range(k) for j in range(i, size))
        assert noisy[k] == pytest.approx(pairs + rest**2, rel=1e-9)


def test_added_noise_does_not_fluctuate():
    # As below, but seen through noise twice as strong as the tail. Counting whole parameters would be far off.
    n, runs = 400, 500
    population = np.diag([12.0, 7.0, 4.0] + [1.0] * 5)
    losses, estimates = _held_out_loss(population, n, runs, rng=4, noise=2.0)
    parameters = recommend(population, 1.0, noise=2.0).parameters[[3, 7]]
    gap = (losses - estimates)[:, 7] - (losses - estimates)[:, 3]
    error = gap.std() / np.sqrt(runs)
    assert abs(gap.mean()) < 4.5 * error + 0.1 * np.diff(parameters)[0] / n
    whole = gap + (np.diff(parameters)[0] - 10) / n  # negative control
    assert abs(whole.mean()) > 20 * error


def test_charge_of_a_parameter_is_what_it_costs_on_unseen_data():
    # Three signals in white noise: N_h = 3 is right, N_h = 7 has 10 parameters for noise. Both are regular models, so
    # that the estimated difference is unbiased up to O(1/n^2); the apparent one is wrong by 2 x 10 / 2n.
    size, n, runs = 8, 400, 500
    population = np.diag([12.0, 7.0, 4.0] + [1.0] * 5)
    losses, estimates = _held_out_loss(population, n, runs, rng=3)
    gap = (losses - estimates)[:, 7] - (losses - estimates)[:, 3]
    parameters = [size * k - k * (k - 1) / 2 + 1 for k in (3, 7)]
    error = gap.std() / np.sqrt(runs)
    assert abs(gap.mean()) < 4.5 * error + 0.1 * np.diff(parameters)[0] / n
    apparent = gap + np.diff(parameters)[0] / n  # negative control: without the charge
    assert abs(apparent.mean()) > 20 * error


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_white_noise_needs_no_hidden_nodes(ratio):
    size = 60
    sample = np.random.default_rng(5).standard_normal((int(size / ratio), size))
    correlation = sample.T @ sample / len(sample)
    honest = recommend(correlation, 1e-9, n_samples=len(sample))
    assert honest.n_hidden == 0
    assert honest.mass_squared == pytest.approx(1, abs=0.2)
    assert recommend(correlation, 1.0).n_hidden > 2  # negative control: taken at face value


def test_signals_above_the_edge_are_found():
    size, n = 100, 400
    sample = np.random.default_rng(6).standard_normal((n, size))
    sample[:, :3] *= np.sqrt([9.0, 6.0, 4.0])  # the edge is at 1 + sqrt(1/4)
    assert recommend(sample.T @ sample / n, 1e-9, n_samples=n).n_hidden == 3


def test_many_samples_change_nothing(target):
    one, other = recommend(target, 0.05), recommend(target, 0.05, n_samples=10**12)
    assert one.n_hidden == other.n_hidden
    np.testing.assert_allclose(one.kl, other.excess, rtol=0, atol=1e-5)  # a level that is cut costs 1 / sqrt(n)


def test_table_and_figure(target):
    for options in ({}, {"n_samples": 500, "noise": 0.01}):
        result = recommend(target, 0.1, **options)
        assert isinstance(result, Recommendation)
        table = str(result).splitlines()
        assert table[0].startswith(f"N_h = {result.n_hidden}, mu^2 = ")
        assert len({len(line) for line in table[-3:]}) == 1
        assert ("unseen" in str(result)) == ("n_samples" in options)
        ax = result.plot().figure().axes[0]
        assert sum(len(line.get_xdata()) == len(result.kl) for line in ax.get_lines()) == (2 if options else 1)
        assert ax.get_yscale() == "log"


def test_the_recommended_machine_does_what_was_promised():
    target = TARGETS["wide"]
    result = recommend(target, 0.3)
    kappa, modes = np.linalg.eigh(np.linalg.inv(target))
    kept = modes[:, : result.n_hidden] * np.sqrt(result.mass_squared - kappa[: result.n_hidden])
    loss = kl_divergence(np.linalg.inv(target), ScalarRBM(kept, result.mass_squared).kernel)
    assert loss == pytest.approx(result.kl[result.n_hidden], rel=1e-9)


def test_wrong_inputs():
    with pytest.raises(ValueError, match="tolerance must be greater than 0, got 0"):
        recommend(np.eye(2), 0)
    with pytest.raises(ValueError, match="noise is a variance and cannot be negative, got -1"):
        recommend(np.eye(2), 1, noise=-1)
    with pytest.raises(ValueError, match="there is nothing to learn"):
        recommend(np.zeros((3, 3)), 1)
    with pytest.raises(ValueError, match="there is nothing to learn"):
        recommend(np.zeros((3, 3)), 1, noise=0.1)
    with pytest.raises(ValueError, match="must be positive semidefinite"):
        recommend(np.diag([1.0, -0.5]), 1)
    with pytest.raises(ValueError, match=r"cannot be negative, got -0\.5"):
        recommend([1.0, -0.5], 1)
    with pytest.raises(ValueError, match="must be a square matrix"):
        recommend(np.ones((2, 3)), 1)
    with pytest.raises(ValueError, match="NaN or infinite"):
        recommend([1.0, np.nan], 1)
    with pytest.raises(ValueError, match="n_samples must be an integer"):
        recommend(np.eye(3), 1, n_samples=7.5)
    with pytest.raises(TypeError):
        recommend(np.eye(2), 1, 0.1)


def standardised(name):
    x = getattr(datasets, f"load_{name}")().data
    return (x - x.mean(axis=0)) / x.std(axis=0)


def _flattery(v, noise, nodes, n, runs, rng):
    """n times what a fit to n Gaussian rows gains on them over new ones: mean and standard error."""
    rng = np.random.default_rng(rng)

    def kernel(seen, u):
        floor = np.full(len(v) - nodes, seen[nodes:].mean())
        return u / np.append(seen[:nodes], floor) @ u.T

    best = kernel(v + noise, np.eye(len(v)))
    gains = []
    for _ in range(runs):
        x = rng.standard_normal((n, len(v))) * np.sqrt(v)
        sample = x.T @ x / n
        w, u = np.linalg.eigh(sample)
        excess = kernel(w[::-1] + noise, u[:, ::-1]) - best  # `best` has no part in it on average
        gains.append(n / 2 * np.sum(excess * (np.diag(v) - sample)))
    return np.mean(gains), np.std(gains, ddof=1) / np.sqrt(runs)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_parameters_on_a_real_spectrum_to_second_order(noise):
    v = np.linalg.eigvalsh(np.corrcoef(datasets.load_wine().data.T))[::-1]
    count = recommend(v, 1.0, noise=noise, n_samples=10**9).parameters[3]
    white = np.append(v[:3], np.full(10, v[3:].mean()))
    as_if_white = recommend(white, 1.0, noise=noise, n_samples=10**9).parameters[3]
    measured, error = _flattery(v, noise, 3, n=3000, runs=300, rng=1)
    assert abs(measured - count) < 4.5 * error + 0.02 * count
    assert abs(measured - as_if_white) > 6 * error  # negative control: the count of white noise
    if not noise:
        assert as_if_white == pytest.approx(13 * 3 - 3 + 1, rel=1e-4)


def test_parameters_of_rows_are_those_of_gaussian_rows_where_rows_are_gaussian():
    v = np.geomspace(8, 0.1, 6)
    rows = np.random.default_rng(2).standard_normal((200_000, 6)) * np.sqrt(v)
    by_rows = recommend(data=rows, masses="one", criterion="count").parameters
    by_moments = recommend(np.cov(rows.T, bias=True), 1.0, n_samples=len(rows)).parameters
    np.testing.assert_allclose(by_rows, by_moments, rtol=0.05)
    heavy = np.random.default_rng(2).standard_t(5, (200_000, 6)) * np.sqrt(v)
    assert (recommend(data=heavy, masses="one", criterion="count").parameters > 1.3 * by_rows).all()


@pytest.mark.parametrize(("noise", "share"), [(0.0, 0.0), (0.2, 0.0), (0.0, 0.1), (0.2, 0.1)])
def test_likelihoods_of_unseen_rows_are_those_of_the_machines(noise, share):
    x = standardised("wine")
    fitted, unseen = x[:60], x[60:90]
    mean = fitted.mean(axis=0)
    C = np.cov(fitted.T, bias=True)
    scores = one_mass(fitted, unseen, noise, share)
    assert scores.shape == (13, 30)
    for n in (0, 4, 12):
        rbm = maximum_likelihood(shrunken(C, "one", share) + noise * np.eye(13), n)
        blur = noise * np.trace(rbm.kernel) / 2  # the mean of phi^T K phi / 2 over the noise
        np.testing.assert_allclose(scores[n], rbm.log_density(unseen - mean) - blur, rtol=0, atol=1e-9)
        np.testing.assert_allclose(scores[n], log_densities(rbm, unseen - mean, noise), rtol=0, atol=1e-9)
    moments = (1 - share) * C + share * np.diag(np.diag(C)) + noise * np.eye(13)
    rbm = factor_analysis(moments, 2, least_noise=LEAST_NOISE, starts=1)
    np.testing.assert_allclose(
        node_masses(fitted, unseen, 2, noise, share), log_densities(rbm, unseen - mean, noise), rtol=0, atol=1e-9
    )


def test_what_is_shrunk_keeps_its_variance():
    C = np.cov(standardised("wine").T * np.arange(1, 14)[:, None])
    for kind in ("one", "node"):
        assert np.trace(shrunken(C, kind, 0.3)) == pytest.approx(np.trace(C), rel=1e-12)
        np.testing.assert_allclose(shrunken(C, kind, 0.3)[0, 1], 0.7 * C[0, 1], rtol=1e-12)
    np.testing.assert_allclose(np.diag(shrunken(C, "node", 0.3)), np.diag(C), rtol=1e-12)
    np.testing.assert_allclose(shrunken(C, "one", 1.0), np.trace(C) / 13 * np.eye(13), rtol=0, atol=1e-12)


def test_from_rows_to_a_machine():
    x = standardised("wine")
    answer = recommend(data=x, rng=1)
    assert answer.criterion == "cross-validation"
    assert (answer.folds, answer.n_samples, answer.n_null) == (5, 178, 0)
    assert [kind.masses for kind in answer.kinds] == ["one", "node"]
    assert min(kind.excess.min() for kind in answer.kinds) == 0  # relative to the best of both kinds
    assert answer.excess[answer.n_hidden] < 1e-12
    assert answer.model.n_hidden == answer.n_hidden
    np.testing.assert_allclose(answer.model.mass_squared, answer.mass_squared, rtol=1e-6)
    np.testing.assert_allclose(answer.mean, x.mean(axis=0), rtol=0, atol=1e-12)
    small = recommend(data=x, rng=1, tolerance="one standard error")
    kind = next(kind for kind in small.kinds if kind.masses == small.masses)
    assert 0 < kind.excess[small.n_hidden] <= kind.error[small.n_hidden]
    assert kind.parameters[small.n_hidden] < answer.parameters[answer.n_hidden]
    again = recommend(data=x, rng=1)
    assert (again.n_hidden, again.masses, again.shrinkage) == (answer.n_hidden, answer.masses, answer.shrinkage)


def test_kinds_and_criteria():
    x = standardised("diabetes")
    one = recommend(data=x, masses="one", criterion="count")
    node = recommend(data=x, masses="node", criterion="count")
    both = recommend(data=x, criterion="count")
    assert (one.masses, node.masses) == ("one", "node")
    assert both.masses in ("one", "node")
    assert np.ndim(node.mass_squared) == 1
    assert node.model.mass_squared.shape == (10,)
    closed = recommend(np.cov(x.T, bias=True), 0.3, masses="node")
    assert closed.kl[closed.n_hidden] <= 0.3 < closed.kl[closed.n_hidden - 1]
    kl = kl_divergence(np.linalg.inv(np.cov(x.T, bias=True)), closed.model.kernel)
    assert closed.kl[closed.n_hidden] == pytest.approx(kl, abs=1e-5)
    assert closed.variance_kept == pytest.approx(1 - (1 / closed.model.mass_squared).sum() / 10, abs=1e-4)


def test_factors_under_unequal_noise_are_found_by_a_mass_per_node():
    rng = np.random.default_rng(0)
    loadings, noise = rng.standard_normal((10, 2)), np.geomspace(0.1, 10, 10)
    rows = rng.standard_normal((400, 2)) @ loadings.T + rng.standard_normal((400, 10)) * np.sqrt(noise)
    answer = recommend(data=rows)
    assert (answer.masses, answer.n_hidden) == ("node", 2)
    assert recommend(data=rows, masses="one").n_hidden > 4  # negative control: artefacts of unequal noise


def test_fewer_rows_than_columns():
    rows = FreeScalarField(30, 0.05).sample(20, rng=1)
    answer = recommend(data=rows)
    truth = FreeScalarField(30, 0.05)
    assert np.isinf(answer.kl).all() or answer.shrinkage
    bare = maximum_likelihood(np.cov(rows.T, bias=True), 15)
    assert kl_divergence(truth.kernel, answer.model.kernel) < 0.5 * kl_divergence(truth.kernel, bare.kernel)
    assert "fewer rows than columns" in str(answer)
    for options in ({"correlation": rows.T @ rows / 20, "n_samples": 20}, {"data": rows, "criterion": "count"}):
        with pytest.raises(ValueError, match=r"n_samples = 20 must exceed N_v = 30.*recommend\(data=rows\)"):
            recommend(**options)


def test_columns_that_do_not_vary_are_named_and_left_out():
    x = np.insert(standardised("diabetes")[:80], 3, 14.62, axis=1)
    answer = recommend(data=x)
    assert list(np.flatnonzero(~answer.varies)) == [3]
    assert answer.model.n_visible == 10
    assert "columns that do not vary, left out: 3" in str(answer)
    other = recommend(data=np.delete(x, 3, axis=1))
    assert (other.n_hidden, other.masses) == (answer.n_hidden, answer.masses)
    assert recommend(data=x, noise=0.1).model.n_visible == 11  # of such a column the noise is seen


def test_the_table_says_what_was_compared_and_what_is_not_known():
    answer = recommend(data=standardised("diabetes")[:60])
    text = str(answer)
    assert text.startswith(f"N_h = {answer.n_hidden}, ")
    assert "5-fold cross-validation of 60 rows" in text
    assert sum("<-" in line for line in text.splitlines()) == 1
    assert "rows are taken as independent" in text
    assert len(answer.plot().figure().axes[0].get_lines()) >= 2
    assert "heavy tails" in str(recommend(data=standardised("diabetes")[:60], criterion="count"))


def test_a_machine_of_moments():
    target = TARGETS["wide"]
    answer = recommend(target, 0.3)
    assert kl_divergence(np.linalg.inv(target), answer.model.kernel) == pytest.approx(
        answer.kl[answer.n_hidden], rel=1e-9
    )
    with pytest.raises(ValueError, match="pass recommend the correlation matrix"):
        _ = recommend(np.linalg.eigvalsh(target), 0.3).model


def test_options_that_do_not_go_together():
    x = standardised("diabetes")[:20]
    for options, message in (
        ({}, "pass either second moments"),
        ({"data": x, "correlation": np.eye(10)}, "pass either second moments"),
        ({"data": x, "n_samples": 20}, "leave it out"),
        ({"data": x, "folds": 21}, "as many rows"),
        ({"data": x, "folds": 1}, "folds must be an integer of at least 2"),
        ({"data": x[:1]}, "two samples"),
        ({"data": np.ones((5, 2))}, "do not vary in any column"),
        ({"data": x, "masses": "two"}, "masses must be one of one, node, either"),
        ({"data": x, "criterion": "AIC"}, "criterion must be one of"),
        ({"data": x, "criterion": "closed form"}, "needs a tolerance"),
        ({"correlation": np.eye(3)}, "needs a tolerance"),
        ({"correlation": np.eye(3), "criterion": "count"}, "needs n_samples"),
        ({"correlation": np.eye(3), "criterion": "cross-validation"}, r"recommend\(data=rows\)"),
        ({"correlation": np.ones(3), "tolerance": 1.0, "masses": "node"}, "needs the correlation matrix"),
        ({"correlation": np.eye(3), "tolerance": "one standard error", "n_samples": 9}, "by cross-validation only"),
    ):
        with pytest.raises(ValueError, match=message):
            recommend(**options)


def test_a_fit_of_factors_is_the_one_that_the_table_speaks_of():
    x = standardised("wine")
    answer = recommend(data=x, masses="node", criterion="count")
    fit = fit_factors(np.cov(x.T, bias=True), answer.n_hidden, least_noise=LEAST_NOISE)
    np.testing.assert_allclose(answer.model.kernel, fit.model.kernel, rtol=0, atol=1e-4)


@pytest.mark.parametrize("constant", [1.0, -0.12126781251816647])
def test_rows_that_nothing_could_be_fitted_to_make_others_impossible(constant):
    rows = np.random.default_rng(0).standard_normal((20, 3))
    rows[:15, 2] = constant  # the mean of the second is rounded, and so is the variance around it
    np.testing.assert_array_equal(node_masses(rows[:15], rows[15:], 1), np.full(5, -np.inf))
    assert np.isfinite(node_masses(rows[:15], rows[15:], 1, noise=0.1)).all()


def test_a_column_that_hardly_varies_does_not_end_the_search():
    rows = np.random.default_rng(0).standard_normal((200, 10))
    rare = np.isin(np.arange(200), [3, 150])  # a part without them has next to no variance in the last column
    rows[:, 9] = np.where(rare, 14.0, -0.12 + 1e-11 * rows[:, 9])
    fitted, unseen = rows[~rare], rows[rare]
    score = node_masses(fitted, unseen, 2)
    mean = fitted.mean(axis=0)
    unit = np.where(np.arange(10) == 9, 1e-11, 1.0)
    alike = node_masses((fitted - mean) / unit, (unseen - mean) / unit, 2) - np.log(unit).sum()
    np.testing.assert_allclose(score, alike, rtol=1e-6, atol=0)
    assert (score < -1e20).all()
    answer = recommend(data=rows, rng=0)
    assert np.isfinite(answer.model.log_partition)


def test_the_lowest_fiftieth_of_the_scores_counts_as_the_next_one():
    scores = np.arange(100.0)[::-1] - 1e6 * (np.arange(100) == 4)
    raised = winsorised(np.stack([scores, scores - 3]))
    np.testing.assert_array_equal(np.sort(raised[0])[:3], [1, 1, 1])
    np.testing.assert_array_equal(raised[0] - raised[1], 3)
    np.testing.assert_array_equal(winsorised(scores[:49]), scores[:49])  # too few rows
    few = np.where(np.arange(100) == 7, -np.inf, scores)
    assert np.isneginf(winsorised(few)[7])  # what nothing could be fitted to stays impossible


def test_one_row_far_off_does_not_decide():
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((150, 6)) * [3, 2, 1, 0.1, 0.1, 0.02]
    clean = recommend(data=rows, masses="one", rng=0)
    rows[17, 5] = 1.0  # fifty standard deviations
    far = recommend(data=rows, masses="one", rng=0)
    assert clean.shrinkage == far.shrinkage
    many = rows.copy()
    many[:15, 5] = rng.standard_normal(15)  # a tenth of the rows is no accident: the small variance is not believed
    assert recommend(data=many, masses="one", rng=0).model.kernel[5, 5] < 0.1 * far.model.kernel[5, 5]
