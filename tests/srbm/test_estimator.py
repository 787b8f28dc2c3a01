"""The estimator: scikit-learn's own checks, the models that it equals, tables of all kinds, and gaps."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy
from scipy import stats

pytest.importorskip("sklearn", minversion="1.6")
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from srbm import from_latent, latent_form, recommend, second_moment
from srbm.estimator import ScalarRBMEstimator
from tests.srbm.helpers import assert_gaussian, gaussian_p_values

WINE = load_wine().data
STANDARD = (WINE - WINE.mean(axis=0)) / WINE.std(axis=0)
KINDS = {
    "one mass": {},
    "scaled": {"scale": True},
    "a given mass": {"mass_squared": 2.0, "scale": True},
    "a mass per feature": {"mass_squared": "per feature"},
}


def three_factors(n, noise=0.5):
    """Rows of twelve features that share three factors."""
    return from_latent(np.random.default_rng(7).standard_normal((12, 3)), noise).sample(n, rng=0)


@parametrize_with_checks(
    [
        ScalarRBMEstimator("auto"),
        ScalarRBMEstimator("auto", scale=True, tolerance=None),
        ScalarRBMEstimator("auto", mass_squared="per feature", tolerance="one standard error"),
        ScalarRBMEstimator(1, scale=True),
        ScalarRBMEstimator(2, mass_squared=3.0),
        ScalarRBMEstimator(1, mass_squared="per feature"),
    ]
)
def test_all_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def fitted(request):
    return ScalarRBMEstimator(3, **request.param).fit(WINE)


@pytest.mark.parametrize("n", [0, 1, 3, 8, 12])
def test_with_one_mass_it_is_pca(n):
    """PCA's model divides by n - 1. Of data that are smaller by sqrt((n - 1) / n) it has our covariance."""
    ours = ScalarRBMEstimator(n).fit(STANDARD)
    smaller = STANDARD * np.sqrt((len(STANDARD) - 1) / len(STANDARD))
    pca = PCA(n, svd_solver="full").fit(smaller)
    assert ours.score(STANDARD) == pytest.approx(pca.score(STANDARD), abs=1e-10)
    np.testing.assert_allclose(ours.score_samples(STANDARD), pca.score_samples(STANDARD), rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.get_covariance(), pca.get_covariance(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.get_precision(), pca.get_precision(), rtol=0, atol=1e-9)
    lengths = np.sqrt(ours.machine_.mass_squared - 1 / pca.explained_variance_)
    hidden, components = ours.transform(STANDARD), pca.transform(STANDARD) * lengths
    signs = np.sign((hidden * components).sum(axis=0))
    np.testing.assert_allclose(hidden, signs * components, rtol=0, atol=1e-9)
    if n:
        assert abs(ours.score(STANDARD) - PCA(n).fit(STANDARD).score(STANDARD)) > 1e-6


@pytest.mark.parametrize("n", [1, 3])
def test_with_a_mass_per_feature_it_is_factor_analysis(n):
    rows = three_factors(600, noise=np.linspace(0.3, 1, 12))
    ours = ScalarRBMEstimator(n, mass_squared="per feature").fit(rows)
    theirs = FactorAnalysis(n, tol=1e-8, max_iter=5000, svd_method="lapack").fit(rows)  # stops at gains below tol
    assert ours.score(rows) == pytest.approx(theirs.score(rows), abs=1e-8)
    np.testing.assert_allclose(ours.score_samples(rows), theirs.score_samples(rows), rtol=0, atol=1e-3)
    np.testing.assert_allclose(ours.get_covariance(), theirs.get_covariance(), rtol=0, atol=1e-3)
    np.testing.assert_allclose(ours.get_precision(), theirs.get_precision(), rtol=0, atol=1e-3)
    assert abs(ScalarRBMEstimator(n, scale=True).fit(rows).score(rows) - theirs.score(rows)) > 0.01


def test_density_covariance_and_samples_belong_together(fitted):
    normal = stats.multivariate_normal(fitted.mean_, fitted.get_covariance())
    rows = WINE[:20]
    np.testing.assert_allclose(fitted.score_samples(rows), normal.logpdf(rows), rtol=0, atol=1e-9)
    assert fitted.score(rows) == fitted.score_samples(rows).mean()
    np.testing.assert_allclose(fitted.get_precision() @ fitted.get_covariance(), np.eye(13), rtol=0, atol=1e-9)
    drawn = fitted.sample(4000, random_state=1)
    assert_gaussian(drawn, fitted.get_precision(), fitted.mean_)
    wrong = fitted.get_precision() * (1 + 0.3 * np.eye(13))
    assert gaussian_p_values(drawn, wrong, fitted.mean_)["covariance"] < 1e-6


def test_random_states_of_all_kinds(fitted):
    np.testing.assert_array_equal(fitted.sample(3, 5), fitted.sample(3, np.random.default_rng(5)))
    np.testing.assert_array_equal(
        fitted.sample(3, np.random.RandomState(5)), fitted.sample(3, np.random.RandomState(5))
    )
    assert (fitted.sample(3, 5) != fitted.sample(3, 6)).any()
    assert fitted.sample().shape == (1, 13)
    other = clone(fitted).set_params(random_state=np.random.RandomState(2)).fit(WINE)
    assert other.score(WINE) == pytest.approx(fitted.score(WINE), abs=1e-6)


def test_what_comes_back_from_the_hidden_nodes_is_the_mean_of_the_signal(fitted):
    """Of x = A z + noise, the mean of A z given x, by the covariances of x and of A z."""
    loadings, _ = latent_form(fitted.machine_)
    A = fitted.scale_[:, None] * loadings
    signal = A @ A.T @ np.linalg.solve(fitted.get_covariance(), (WINE - fitted.mean_).T)
    back = fitted.inverse_transform(fitted.transform(WINE))
    np.testing.assert_allclose(back, fitted.mean_ + signal.T, rtol=1e-9, atol=1e-9)
    if not isinstance(fitted.mass_squared, str):
        pca = PCA(3).fit((WINE - fitted.mean_) / fitted.scale_)
        projected = pca.inverse_transform(pca.transform((WINE - fitted.mean_) / fitted.scale_))
        assert np.abs(projected - (back - fitted.mean_) / fitted.scale_).max() > 0.01


def test_units_do_not_matter_where_features_are_scaled():
    units = np.geomspace(1e-3, 1e3, 13)
    for kind in ({"scale": True}, {"mass_squared": "per feature"}, {"scale": True, "mass_squared": "per feature"}):
        one, other = ScalarRBMEstimator(3, **kind).fit(WINE), ScalarRBMEstimator(3, **kind).fit(WINE * units)
        assert one.score(WINE) == pytest.approx(other.score(WINE * units) + np.log(units).sum(), abs=1e-6)
        np.testing.assert_allclose(
            one.inverse_transform(one.transform(WINE)) * units,
            other.inverse_transform(other.transform(WINE * units)),
            rtol=1e-4,
        )
    one, other = ScalarRBMEstimator(3).fit(WINE), ScalarRBMEstimator(3).fit(WINE * units)
    assert abs(one.score(WINE) - other.score(WINE * units) - np.log(units).sum()) > 1


def test_what_does_not_vary_keeps_its_unit():
    constant = np.c_[WINE, np.full(len(WINE), 7.0)]
    fitted = ScalarRBMEstimator(3, scale=True).fit(constant)
    np.testing.assert_allclose(fitted.scale_, np.append(WINE.std(axis=0), 1), rtol=1e-12)
    assert fitted.mean_[-1] == 7
    assert np.isfinite(fitted.score(constant))
    with pytest.raises(ValueError, match=r"1 of the n_features = 14 features does not vary.*VarianceThreshold"):
        ScalarRBMEstimator(3, mass_squared="per feature").fit(constant)


@pytest.mark.parametrize("options", [
    {"tolerance": 0.5}, {"noise": 0.05}, {"tolerance": None}, {"tolerance": "one standard error"},
    {"mass_squared": "per feature", "tolerance": 0.5},
], ids=str)  # fmt: skip
def test_auto_is_what_recommend_takes_of_rows(options):
    fitted = ScalarRBMEstimator("auto", scale=True, **options).fit(WINE)
    masses = "node" if "mass_squared" in options else "one"
    asked = {"tolerance": 0.1} | {name: value for name, value in options.items() if name != "mass_squared"}
    answer = recommend(data=STANDARD, masses=masses, **asked)
    assert fitted.n_components_ == fitted.machine_.n_hidden == fitted.recommendation_.n_hidden == answer.n_hidden
    np.testing.assert_allclose(fitted.machine_.kernel, answer.model.kernel, rtol=1e-7, atol=1e-9)
    assert fitted.recommendation_.folds == 5
    assert fitted.transform(WINE).shape == (178, answer.n_hidden)
    assert len(fitted.get_feature_names_out()) == answer.n_hidden


def test_auto_needs_neither_many_rows_nor_correlations():
    assert ScalarRBMEstimator(2).fit(WINE).recommendation_ is None
    noise = np.random.default_rng(0).standard_normal((500, 4))
    assert ScalarRBMEstimator().fit(noise).transform(noise).shape == (500, 0)
    few, others = WINE[::15], np.delete(WINE, np.s_[::15], axis=0)
    auto = ScalarRBMEstimator(scale=True, tolerance=None).fit(few)  # 12 rows of 13 features
    assert auto.recommendation_.shrinkage > 0
    assert auto.score(others) > ScalarRBMEstimator(10, scale=True).fit(few).score(others)
    assert ScalarRBMEstimator().fit(WINE[:3]).recommendation_.folds == 3
    constant = np.c_[WINE, np.full(len(WINE), 7.1)]
    with pytest.raises(ValueError, match=r"1 of the n_features = 14 features does not vary.*VarianceThreshold"):
        ScalarRBMEstimator().fit(constant)


def test_whole_numbers_are_summed_exactly():
    pixels = np.random.default_rng(0).integers(200, 256, (300, 6), dtype=np.uint8)
    whole, real = ScalarRBMEstimator(2).fit(pixels), ScalarRBMEstimator(2).fit(pixels.astype(float))
    np.testing.assert_array_equal(whole.mean_, pixels.sum(axis=0, dtype=int) / 300)
    np.testing.assert_allclose(whole.get_covariance(), real.get_covariance(), rtol=1e-12, atol=1e-9)
    assert whole.score(pixels) == pytest.approx(real.score(pixels), rel=1e-12)
    flags = pixels > 228
    assert ScalarRBMEstimator(2).fit(flags).transform(flags).dtype == float


NAMES = load_wine().feature_names


def polars_frame(rows, names=NAMES):
    polars = pytest.importorskip("polars", reason="polars is not installed (pip install polars)")
    return polars.DataFrame(np.asarray(rows), schema=list(names))


FRAMES = {"pandas": lambda rows, names=NAMES: pd.DataFrame(rows, columns=names), "polars": polars_frame}


@pytest.mark.parametrize("library", FRAMES)
def test_data_frames_and_their_names(fitted, library):
    frame = FRAMES[library](WINE)
    named = clone(fitted).fit(frame)
    assert named.feature_names_in_.tolist() == NAMES
    assert named.n_features_in_ == 13
    signs = np.sign((named.components_ * fitted.components_).sum(axis=1))  # rounding may choose others
    here, there = named.transform(frame), signs * fitted.transform(WINE)
    np.testing.assert_allclose(here, there, rtol=1e-5, atol=1e-5 * np.abs(there).max())
    np.testing.assert_allclose(named.score_samples(frame), fitted.score_samples(WINE), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(named.impute(frame), WINE)
    expected = ["scalarrbmestimator0", "scalarrbmestimator1", "scalarrbmestimator2"]
    assert named.get_feature_names_out().tolist() == expected
    table = named.set_output(transform=library).transform(frame)
    assert type(table) is type(frame)
    assert list(table.columns) == expected
    np.testing.assert_array_equal(np.asarray(table), here)
    np.testing.assert_array_equal(named.inverse_transform(table), named.inverse_transform(here))
    turned = FRAMES[library](WINE[:, ::-1], NAMES[::-1])
    for use in (named.transform, named.score_samples, named.impute):
        with pytest.raises(ValueError, match="feature names should match"):
            use(turned)


GAPS = WINE.copy()
GAPS[[3, 3, 5], [1, 2, 1]] = np.nan


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (GAPS, r"^X has 3 missing values \(NaN\): pass the complete rows, .*df.dropna\(\); impute\(X\) fills gaps"),
        (np.ma.masked_invalid(GAPS), r"^X has 3 masked entries: pass the complete rows, np.ma.compress_rows\(x\)$"),
        (scipy.sparse.csr_array(WINE), r"^X is a sparse matrix: pass x.toarray\(\)"),
        (scipy.sparse.coo_matrix(WINE), r"^X is a sparse matrix: pass x.toarray\(\)"),
        ({"a": [1.0, 2.0]}, "^X is a dict: pass its columns"),
        (np.array([(1.0, 2.0)], dtype=[("a", float), ("b", float)]), "^X is a structured array"),
        ([[1.0, None], [2.0, 3.0]], "^X has 1 missing value"),
        (pd.DataFrame({"a": [1.0, None, 3.0], "b": [1, 2, 4]}), r"^X has 1 missing value \(NaN\)"),
        (pd.DataFrame({"a": pd.array([1, None, 3], "Int64"), "b": [1, 2, 4]}), r"^X has 1 missing value \(NaN\)"),
        (pd.DataFrame({"a": [1, None, "3"], "b": [1, 2, 4]}, dtype=object), "^X has 1 missing value"),
        (np.where(np.isnan(GAPS), np.inf, GAPS), "^X must be finite, but 3 of its 2314 entries are NaN or infinite"),
        (WINE * 1j, "Complex data not supported"),
        (WINE[0], "Reshape your data"),
        (WINE[:1], "minimum of 2 is required"),
        ([["a", "b"], ["c", "d"]], "not compatible with arrays of bytes/strings"),
        ([[None, "a"], [1, 2.0]], "^X must hold numbers, got type object"),
    ],
    ids=range(16),
)
def test_what_is_no_complete_table_is_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        ScalarRBMEstimator(1).fit(rows)
    if np.shape(rows) == (178, 13):
        for use in (fit := ScalarRBMEstimator(1).fit(WINE)).transform, fit.score, fit.score_samples:
            with pytest.raises(ValueError, match=message):
                use(rows)


def test_frames_of_polars_are_read_alike_everywhere():
    rows = np.array([[1.0, 2.0], [3.0, 5.0], [2.0, 9.0]])
    frame = polars_frame(rows, "ab")
    gaps = frame.with_columns(a=pytest.importorskip("polars").Series([1, None, 2]))
    fitted = ScalarRBMEstimator(1).fit(frame)
    np.testing.assert_array_equal(second_moment(frame), second_moment(rows))
    np.testing.assert_array_equal(
        fitted.impute(gaps), fitted.impute(pd.DataFrame({"a": [1, None, 2], "b": rows[:, 1]}))
    )
    np.testing.assert_array_equal(fitted.machine_.fill(gaps), fitted.machine_.fill([[1, 2], [None, 5], [2, 9]]))
    for use, message in (
        (ScalarRBMEstimator(1).fit, r"X has 1 missing value \(NaN\)"),
        (second_moment, "a block of samples must be finite, but 1 of its 6 entries are NaN"),
    ):
        with pytest.raises(ValueError, match=message):
            use(gaps)
    for use in (ScalarRBMEstimator(1).fit, fitted.transform, fitted.impute, second_moment, fitted.machine_.fill):
        with pytest.raises(ValueError, match=r"is a lazy frame: pass x.collect\(\)"):
            use(frame.lazy())


def test_gaps_are_filled_with_the_conditional_mean(fitted):
    mean, C = fitted.mean_, fitted.get_covariance()
    filled, deviation = fitted.impute(GAPS, return_std=True)
    np.testing.assert_array_equal(fitted.impute(GAPS), filled)
    there = ~np.isnan(GAPS)
    np.testing.assert_array_equal(filled[there], WINE[there])
    assert (deviation[there] == 0).all()
    for row in (3, 5):
        o = there[row]
        gain = C[np.ix_(~o, o)] @ np.linalg.inv(C[np.ix_(o, o)])
        np.testing.assert_allclose(filled[row, ~o], mean[~o] + gain @ (WINE[row] - mean)[o], rtol=1e-8)
        left = C[np.ix_(~o, ~o)] - gain @ C[np.ix_(o, ~o)]
        np.testing.assert_allclose(deviation[row, ~o], np.sqrt(np.diag(left)), rtol=1e-7)
        assert np.abs(filled[row, ~o] / mean[~o] - 1).max() > 1e-3


def test_gaps_of_all_kinds(fitted):
    filled = fitted.impute(GAPS)
    objects = np.where(np.isnan(GAPS), None, GAPS)
    for gaps in (np.ma.masked_invalid(GAPS), objects, pd.DataFrame(GAPS), pd.DataFrame(GAPS).convert_dtypes()):
        np.testing.assert_array_equal(fitted.impute(gaps), filled)
    np.testing.assert_array_equal(fitted.impute(np.full((1, 13), np.nan)), fitted.mean_[None])
    np.testing.assert_array_equal(fitted.impute(WINE), WINE)
    for wrong, message in (
        (GAPS[:, :5], "X has 5 features"),
        (np.where(np.isnan(GAPS), np.inf, GAPS), "X must be finite, or NaN where a node is missing, but 3"),
        (scipy.sparse.csr_array(WINE), "X is a sparse matrix"),
        (GAPS[0], "X does not contain any features"),
    ):
        with pytest.raises(ValueError, match=message):
            fitted.impute(wrong)


def test_filling_gaps_beats_the_mean_on_unseen_rows():
    rng = np.random.default_rng(1)
    order = rng.permutation(len(WINE))
    train, test = STANDARD[order[:120]], STANDARD[order[120:]]
    gaps = rng.random(test.shape) < 0.3
    hidden = np.where(gaps, np.nan, test)
    error = (ScalarRBMEstimator(3).fit(train).impute(hidden) - test)[gaps]
    by_mean = (train.mean(axis=0) - test)[gaps]
    assert (error**2).mean() < 0.75 * (by_mean**2).mean()
    shuffled = ScalarRBMEstimator(3).fit(train[:, rng.permutation(13)])  # a machine of other columns
    assert ((shuffled.impute(hidden) - test)[gaps] ** 2).mean() > (by_mean**2).mean()


def test_pipelines_and_grid_searches():
    rows = three_factors(600)
    grid = GridSearchCV(
        make_pipeline(StandardScaler(with_std=False), ScalarRBMEstimator()),
        {"scalarrbmestimator__n_components": [1, 2, 3, 4, 6, 9]},
        cv=5,
    ).fit(rows)
    assert grid.best_params_ == {"scalarrbmestimator__n_components": 3}
    assert len(set(grid.cv_results_["mean_test_score"])) == 6
    assert grid.transform(rows).shape == (600, 3)
    masses = GridSearchCV(ScalarRBMEstimator(11), {"mass_squared": [0.5, 1.0, 2.0, 8.0, 32.0]}).fit(rows)
    assert masses.best_params_ == {"mass_squared": 2.0}  # the inverse of the noise that the rows were given
    piped = make_pipeline(StandardScaler(), ScalarRBMEstimator(3)).fit(rows)
    inside = ScalarRBMEstimator(3, scale=True).fit(rows)
    assert piped.score(rows) == pytest.approx(inside.score(rows) + np.log(inside.scale_).sum(), abs=1e-9)
    assert cross_val_score(inside, rows).shape == (5,)
    assert piped[-1].get_feature_names_out().tolist() == [f"scalarrbmestimator{i}" for i in range(3)]


def test_copies_and_files(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.score_samples(WINE), fitted.score_samples(WINE))
    assert clone(fitted).get_params() == fitted.get_params()
    assert not hasattr(clone(fitted), "machine_")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": "all"}, "n_components must be an integer or \"auto\", got 'all'"),
        ({"n_components": 2.5}, "n_components must be an integer of at least 0, got 2.5"),
        ({"n_components": -1}, "n_components must be an integer of at least 0, got -1"),
        ({"n_components": None}, "n_components must be an integer of at least 0, got None"),
        ({"n_components": 13}, "n_components = 13 must be below n_features = 13.*give the mass a number"),
        ({"n_components": 13, "mass_squared": "per feature"}, "n_components = 13 must be below n_features = 13"),
        (
            {"n_components": 2, "mass_squared": "one"},
            "mass_squared must be None, a number or \"per feature\", got 'one'",
        ),
        ({"n_components": 2, "mass_squared": -1.0}, "mass_squared must be greater than 0, got -1"),
        ({"mass_squared": 3.0}, 'n_components="auto" chooses N_h together with the best mass.*mass_squared is 3.0'),
        ({"tolerance": 0.0}, "tolerance must be greater than 0"),
        ({"noise": -1.0}, "noise is a variance and cannot be negative"),
        ({"n_components": 2, "mass_squared": "per feature", "random_state": "x"}, "rng must be a seed"),
    ],
)
def test_wrong_parameters(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        ScalarRBMEstimator(**options).fit(WINE)


def test_a_large_mass_takes_more_hidden_nodes_than_features():
    fitted = ScalarRBMEstimator(20, mass_squared=1e3).fit(STANDARD)
    assert fitted.transform(STANDARD).shape == (178, 20)


@pytest.mark.parametrize("call", ["transform", "inverse_transform", "score", "score_samples", "impute"])
def test_what_has_not_been_fitted_says_so(call):
    with pytest.raises(NotFittedError):
        getattr(ScalarRBMEstimator(2), call)(WINE)
    for call in ("sample", "get_covariance", "get_precision"):
        with pytest.raises(NotFittedError):
            getattr(ScalarRBMEstimator(2), call)()


def test_wrong_hidden_nodes(fitted):
    with pytest.raises(ValueError, match="X must have 3 components along its last axis"):
        fitted.inverse_transform(np.zeros((5, 4)))
    with pytest.raises(ValueError, match="n_samples must be an integer of at least 0, got -1"):
        fitted.sample(-1)
