"""Data as other people have them: with entries constant, masked, missing or text, in pieces, of other types."""

import copy
import io
import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy

import srbm
from srbm import (
    ScalarRBM,
    block_moments,
    factor_analysis,
    kernel_spectrum,
    latent_form,
    maximum_likelihood,
    recommend,
    second_moment,
    standardize,
)


def one_factor(rng, n=4000):
    """Six columns that share one factor."""
    loadings = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    return rng.standard_normal((n, 1)) * loadings + np.sqrt(1 - loadings**2) * rng.standard_normal((n, 6))


MASKED = np.ma.masked_greater([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [9.96921e36, 0.0]], 1e30)


@pytest.mark.parametrize(
    "use",
    [
        second_moment,
        block_moments,
        lambda x: second_moment(list(x)),
        lambda x: second_moment(iter([x])),
        lambda x: srbm.standard_error(x.T),
        lambda x: srbm.autocorrelation_time(x[:, 0]),
        lambda x: recommend(x[2:], 0.1),
        lambda x: kernel_spectrum(x[2:]),
        lambda x: maximum_likelihood(x[2:], 1),
        lambda x: srbm.kl_divergence(np.eye(2), x[2:]),
        lambda x: ScalarRBM(x, 4.0),
        lambda x: ScalarRBM(np.eye(2), 4.0).gibbs(x, 1, rng=0),
        lambda x: ScalarRBM(np.eye(2), 4.0).log_likelihood(x[2:]),
        lambda x: srbm.train(ScalarRBM(np.eye(2), 4.0), x[2:], 1, 0.1),
        lambda x: srbm.FreeScalarField(2).action(x),
    ],
)
def test_a_mask_is_not_forgotten(use):
    with pytest.raises(ValueError, match=r"1 masked entr.*np.ma.compress_rows\(x\)"):
        use(MASKED)


def test_what_the_message_about_a_mask_advises_works():
    rows = np.ma.compress_rows(MASKED)
    np.testing.assert_allclose(second_moment(rows), rows.T @ rows / 3, rtol=1e-15)
    np.testing.assert_array_equal(second_moment(np.ma.array(rows)), second_moment(rows))  # nothing is masked


@pytest.mark.parametrize("constant", [14.62, 0.1, 100.0, 1 / 3, -1e-200, 1e100, 0.0])
@pytest.mark.parametrize("pieces", [1, 7])
def test_a_column_that_does_not_vary_has_no_variance(constant, pieces):
    rng = np.random.default_rng(0)
    data = np.c_[rng.standard_normal((4000, 2)), np.full(4000, constant)]
    C = second_moment(np.array_split(data, pieces), center=True)
    np.testing.assert_array_equal(C[2], 0)
    np.testing.assert_array_equal(C[:, 2], 0)
    assert recommend(C, 0.1).n_null == 1
    with pytest.raises(ValueError, match=r"1 of the 3 nodes does not vary.*standardize"):
        factor_analysis(C, 1)


@pytest.mark.parametrize(("mean", "step"), [(1e6, 1e-6), (1.0, 1e-9), (-1.0, 1e-9)])
def test_a_column_that_varies_by_little_keeps_its_variance(mean, step):
    rng = np.random.default_rng(0)
    data = np.c_[rng.standard_normal(4000), mean + step * rng.integers(0, 2, 4000)]
    variance = second_moment(data, center=True)[1, 1]
    assert variance == pytest.approx(step**2 / 4, rel=0.01, abs=0)  # abs is 1e-12 unless it is given


def test_dividing_by_a_standard_deviation_of_rounding_makes_no_mode():
    rng = np.random.default_rng(0)
    x = np.c_[rng.standard_normal((1000, 3)), np.full(1000, 1 / 3)]
    with np.errstate(all="ignore"):
        C = second_moment(x / x.std(axis=0), center=True) if x.std(axis=0)[3] else second_moment(x, center=True)
    assert C[3, 3] == 0
    assert recommend(C, 0.1).n_null == 1


def test_constant_columns_do_not_change_what_is_found_in_the_others():
    data = one_factor(np.random.default_rng(0))
    good = factor_analysis(second_moment(data, center=True), 1)
    wide = np.c_[data * 7, np.full(4000, 14.62), np.full(4000, 0.1)]
    correlation, scale, varies = standardize(second_moment(wide, center=True))
    np.testing.assert_array_equal(varies, [True] * 6 + [False] * 2)
    found = factor_analysis(correlation, 1)
    unit = np.sqrt(second_moment(data, center=True).diagonal())
    np.testing.assert_allclose(scale, 7 * unit, rtol=1e-12)
    np.testing.assert_allclose(
        abs(latent_form(found).loadings[:, 0]) * unit, abs(latent_form(good).loadings[:, 0]), rtol=1e-5
    )


def test_standardize_needs_something_that_varies():
    with pytest.raises(ValueError, match="do not vary in any node"):
        standardize(np.zeros((2, 2)))


def test_proportions_in_single_precision_have_a_null_direction():
    parts = np.random.default_rng(0).dirichlet(np.full(6, 200.0), 5000).astype(np.float32)
    C = second_moment(parts, center=True)
    assert recommend(C, 0.1).n_null == 1
    assert np.isinf(kernel_spectrum(C)[-1])
    with pytest.raises(ValueError, match="the likelihood has no maximum"):
        maximum_likelihood(C, 5)
    best = maximum_likelihood(C, 4)
    assert recommend(C, 1e-9).n_hidden == 4
    assert best.log_likelihood(C) > maximum_likelihood(C, 3).log_likelihood(C)


def test_a_matrix_that_was_stored_with_eleven_digits():
    B = np.random.default_rng(3).standard_normal((20, 5))
    exact = B @ B.T
    stored = np.array([[float(f"{value:.10e}") for value in row] for row in exact])
    assert np.linalg.matrix_rank(stored) > 5  # the digits alone make it look regular
    assert recommend(stored, 0.1).n_null == 15
    assert recommend(stored, 0.1).n_hidden == recommend(exact, 0.1).n_hidden
    assert np.isinf(kernel_spectrum(stored)).sum() == 15


def test_a_covariance_of_low_rank_in_single_precision():
    B = np.random.default_rng(4).standard_normal((30, 4)).astype(np.float32)
    single = B @ B.T
    assert np.linalg.eigvalsh(single.astype(float))[0] < 0
    assert recommend(single, 0.1).n_null == 26
    assert np.isinf(kernel_spectrum(single)).sum() == 26


def test_a_light_mode_is_no_null_direction():
    variances = np.array([1.0, 1e-11])
    assert recommend(np.diag(variances), 0.1).n_null == 0
    np.testing.assert_allclose(kernel_spectrum(np.diag(variances)), 1 / variances, rtol=1e-15)


def test_integers_first_fractions_later():
    table = "a,b\n1,2\n3,1\n2,2\n1.5,0.5\n2,1\n7,7\n"
    whole = pd.read_csv(io.StringIO(table)).to_numpy()
    pieces = list(pd.read_csv(io.StringIO(table), chunksize=3, dtype=None))
    assert pieces[0].to_numpy().dtype.kind == "i" or (pieces[0].dtypes == "int64").all()
    expected = np.cov(whole.T, bias=True)
    for center, right in ((True, expected), (False, whole.T @ whole / len(whole))):
        found = second_moment(pd.read_csv(io.StringIO(table), chunksize=3), center=center)
        np.testing.assert_allclose(found, right, rtol=1e-14)


def test_moments_of_integers_and_of_fractions_add_up():
    rng = np.random.default_rng(5)
    a, b = rng.integers(-5, 5, (30, 3)), rng.standard_normal((20, 3))
    together = np.concatenate([a, b])
    for total in (block_moments(a) + block_moments(b), block_moments(b) + block_moments(a)):
        np.testing.assert_allclose(total.correlation(center=True), np.cov(together.T, bias=True), rtol=1e-13)
        assert total.n == 50
    empty = block_moments(np.empty((0, 3), int)) + block_moments(b)
    np.testing.assert_allclose(empty.correlation(), b.T @ b / 20, rtol=1e-13)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [True, False, True]}),
        pd.DataFrame({"a": [1.0, 2.5], "b": [1, 2]}).convert_dtypes(),
        pd.DataFrame({"a": [1.0, 2.5], "b": [1, 2]}, dtype=object),
    ],
    ids=["booleans", "nullable", "objects"],
)
def test_columns_that_are_numbers_of_other_kinds(frame):
    numbers = frame.to_numpy().astype(float)
    np.testing.assert_allclose(second_moment(frame), numbers.T @ numbers / len(numbers), rtol=1e-15)


def test_objects_that_are_numbers_serve_everywhere():
    C = np.array([[2.0, 0.5], [0.5, 1.0]])
    assert recommend(C.astype(object), 0.1).n_hidden == recommend(C, 0.1).n_hidden


GAPS = pd.DataFrame({"a": [1.0, np.nan, 3.0, 0.5], "b": [1, 2, None, 4]})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GAPS.convert_dtypes(), r"2 missing values: pass the complete rows, of a data frame df.dropna\(\)"),
        (np.array([["1.5", "x"]], dtype=object), "must hold numbers, got type object"),
        (np.array([["1.5", "2"]], dtype=object), "must hold numbers, got type object"),
        (scipy.sparse.eye_array(3), r"is a sparse matrix: pass x.toarray\(\)"),
        (scipy.sparse.csc_matrix(np.eye(3)), r"is a sparse matrix: pass x.toarray\(\)"),
        ({"a": [1.0, 2.0], "b": [3.0, 4.0]}, r"is a dict: pass its columns as np.column_stack\(list\(x.values\(\)\)\)"),
        (
            np.array([(1.0, 2.0)], dtype=[("a", float), ("b", float)]),
            r"np.column_stack\(\[x\[name\] for name in x.dtype.names\]\)",
        ),
        (np.ones((5, 4, 4)), r"a field on a lattice is one row, x.reshape\(len\(x\), -1\)"),
        ([np.ones((4, 4))] * 3, r"square arrays of shape \(4, 4\), which may be fields or blocks"),
    ],
)
def test_what_is_refused_says_what_to_pass(data, message):
    with pytest.raises(ValueError, match=message):
        second_moment(data)


def test_what_the_messages_advise_works():
    rng = np.random.default_rng(0)
    x = rows = scipy.sparse.csr_array(rng.normal(size=(50, 3)) * (rng.random((50, 3)) < 0.5))
    blocks = (rows[i : i + 20].toarray() for i in range(0, rows.shape[0], 20))
    np.testing.assert_allclose(second_moment(blocks), second_moment(x.toarray()), rtol=1e-13)
    record = np.array([(1.0, 2.0), (0.0, 1.0)], dtype=[("a", float), ("b", float)])
    np.testing.assert_array_equal(
        second_moment(np.column_stack([record[name] for name in record.dtype.names])),
        second_moment([[1.0, 2.0], [0.0, 1.0]]),
    )
    columns = {"a": [1.0, 0.0], "b": [2.0, 1.0]}
    np.testing.assert_array_equal(
        second_moment(np.column_stack(list(columns.values()))), second_moment([[1.0, 2.0], [0.0, 1.0]])
    )
    fields = np.random.default_rng(0).standard_normal((3, 2, 2))
    np.testing.assert_array_equal(
        second_moment(np.reshape(list(fields), (3, -1))), second_moment(fields.reshape(len(fields), -1))
    )
    np.testing.assert_allclose(second_moment(iter(list(fields))), second_moment(fields.reshape(-1, 2)), rtol=1e-13)
    complete = GAPS.dropna()
    np.testing.assert_allclose(second_moment(complete), complete.to_numpy().T @ complete.to_numpy() / 2, rtol=1e-15)


def test_a_covariance_of_data_with_gaps_says_why_it_is_none():
    a = np.array([1.0, 2.0, 3.0, 4.0, np.nan, np.nan, np.nan])
    b = np.array([np.nan, np.nan, 1.0, 5.0, 3.0, 2.0, np.nan])
    c = np.array([2.0, -3.0, np.nan, np.nan, 9.0, 1.0, 4.0])
    pairs = pd.DataFrame({"a": a, "b": b, "c": c}).cov()
    assert np.linalg.eigvalsh(pairs)[0] < 0
    with pytest.raises(ValueError, match=r"entries come from different samples, such as df.cov\(\) of data with gaps"):
        recommend(pairs, 0.1)


def test_single_precision_on_disk_is_read_in_blocks(tmp_path):
    shape = (400_000, 20)
    data = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.float32, shape=shape)
    data[:] = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    data.flush()
    stored = np.load(tmp_path / "x.npy", mmap_mode="r")
    tracemalloc.start()
    found = second_moment(stored)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    wide = np.asarray(data, dtype=float)
    np.testing.assert_allclose(found, wide.T @ wide / len(wide), rtol=1e-12, atol=1e-12)
    assert wide.nbytes == 64_000_000  # bytes, what a copy to double precision would take
    assert peak < 2 * wide.nbytes  # blocks of 32 MB, and their deviations


@pytest.mark.parametrize("copied", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, copy.copy])
@pytest.mark.parametrize(
    "machine",
    [
        ScalarRBM(np.eye(2), [4.0, 5.0], hidden_bias=[1.0, 2.0]),
        srbm.Phi4RBM(np.eye(2), 4.0, 0.1),
        srbm.GaussianBernoulliRBM(np.eye(2), 4.0, [0.1, 0.2]),
    ],
    ids=lambda machine: type(machine).__name__,
)
def test_a_copy_is_as_immutable_as_the_original(copied, machine):
    _ = getattr(machine, "eigenvalues", None)  # what is cached does not travel
    twin = copied(machine)
    assert type(twin) is type(machine)
    with pytest.raises(ValueError, match="read-only"):
        twin.weights[:] = 0
    assert vars(twin).keys() == {"weights", "mass_squared"} | (
        vars(twin).keys() & {"hidden_variance", "hidden_bias", "quartic"}
    )
    np.testing.assert_array_equal(twin.weights, machine.weights)
    np.testing.assert_array_equal(twin.gibbs(np.ones(2), 3, rng=1), machine.gibbs(np.ones(2), 3, rng=1))


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (
            np.ma.array([(1.0, 2.0)], mask=[(True, False)], dtype=[("a", float), ("b", float)]),
            ValueError,
            r"np.column_stack\(\[x\[name\] for name in x.dtype.names\]\)",
        ),
        ([np.array([(1.0, 2.0)], dtype=[("a", float), ("b", float)])], ValueError, "is a structured array"),
        ({"a": [1.0, 2.0], "b": [3.0, 4.0]}.values(), ValueError, r"values of a dict: .*np.column_stack\(list\(x\)\)"),
        (lambda: zip([np.eye(3)], [np.arange(3)], strict=True), ValueError, r"pass \(x for x, \*labels in loader\)"),
        ([np.ones((4, 4)).tolist()] * 3, ValueError, r"square arrays of shape \(4, 4\), which may be fields or blocks"),
        (io.StringIO("1 2\n3 4\n"), TypeError, r"data is text: pass np.loadtxt\(path\)"),
        (pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}), ValueError, r"df.select_dtypes\('number'\)"),
        (pd.DataFrame({"a": [1, 2], "b": pd.to_datetime(["2020-01-01"] * 2)}), ValueError, "df.select_dtypes"),
        (pd.Series([1.0, 2.0]), ValueError, r"wrap one sample as np.array\(sample\)\[None\]"),
    ],
    ids=[
        "masked records",
        "list of records",
        "columns",
        "labels",
        "nested lists",
        "an open file",
        "words",
        "dates",
        "series",
    ],
)
def test_neighbours_of_what_is_refused(data, kind, message):
    with pytest.raises(kind, match=message):
        second_moment(data() if callable(data) else data)  # what is read only once is made anew


def test_what_those_messages_advise_works():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    np.testing.assert_array_equal(second_moment(frame.select_dtypes("number")), [[2.5]])
    np.testing.assert_array_equal(second_moment(np.array(pd.Series([1.0, 2.0]))[None]), [[1.0, 2.0], [2.0, 4.0]])
    loader = [(np.eye(3), np.arange(3)), (np.ones((1, 3)), np.arange(1))]
    np.testing.assert_allclose(second_moment(x for x, *labels in loader), (np.eye(3) + 1) / 4, rtol=1e-14)
    columns = {"a": [1.0, 0.0], "b": [2.0, 1.0]}.values()
    np.testing.assert_array_equal(second_moment(np.column_stack(list(columns))), [[0.5, 1.0], [1.0, 2.5]])
    np.testing.assert_array_equal(second_moment(np.loadtxt(io.StringIO("1 2\n3 4\n"))), [[5.0, 7.0], [7.0, 10.0]])


def test_square_blocks_of_a_data_frame_are_no_fields():
    blocks = [pd.DataFrame({"a": [1, 2], "b": [1, 2]}), pd.DataFrame({"a": [1, 2.5], "b": [1, 2]})]
    np.testing.assert_allclose(second_moment(blocks), second_moment(pd.concat(blocks)), rtol=1e-15)


@pytest.mark.parametrize("digits", [6, 8, None])
def test_a_matrix_of_few_digits_can_be_mended_as_the_message_says(digits):
    B = np.random.default_rng(3).standard_normal((20, 5))
    exact = B @ B.T
    x = (
        exact.astype(np.float32).astype(float)
        if digits is None
        else np.vectorize(lambda v: float(f"{v:.{digits}e}"))(exact)
    )
    assert np.linalg.eigvalsh(x)[0] < 0
    with pytest.raises(
        ValueError, match=r"entries were rounded.* pass \(v \* np.where\(w > -4 \* w\[0\], w, 0\)\) @ v.T"
    ):
        recommend(x, 0.1)
    w, v = np.linalg.eigh(x)
    found = recommend((v * np.where(w > -4 * w[0], w, 0)) @ v.T, 0.1)
    assert (found.n_null, found.n_hidden) == (15, recommend(exact, 0.1).n_hidden)
    with pytest.raises(ValueError, match="positive semidefinite") as caught:  # far too negative to be rounding
        recommend(exact - np.eye(20), 0.1)
    assert "rounded" not in str(caught.value)


@pytest.mark.parametrize("copied", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, copy.copy])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_copy_has_the_order_of_the_original(copied, order):
    """BLAS sums in an order that depends on it."""
    weights = np.array(np.random.default_rng(0).standard_normal((5, 3)) / 10, order=order)
    machine = ScalarRBM(weights, 4.0)
    assert copied(machine).weights.flags[f"{order}_CONTIGUOUS"]
    assert machine.weights.flags[f"{order}_CONTIGUOUS"]


@pytest.mark.parametrize("copied", [lambda m: m, lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, copy.copy])
def test_a_flow_and_its_copies_are_immutable(copied):
    flow = srbm.gradient_flow(ScalarRBM(np.eye(2) * 0.1, 4.0), np.eye(2), [0.0, 1.0])
    _ = flow.eigenvalues, flow.singular_values
    twin = copied(flow)
    for name in ("times", "weights", "mass_squared", "singular_values", "eigenvalues"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(twin, name)[...] = 0
        np.testing.assert_array_equal(getattr(twin, name), getattr(flow, name))


@pytest.mark.parametrize("copied", [lambda m: m, lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, copy.copy])
def test_a_fit_and_its_copies_are_immutable(copied):
    fit = srbm.fit_factors(np.outer([3, 2, 1], [3, 2, 1]) + np.diag([1.0, 2.0, 4.0]), 1)
    twin = copied(fit)
    for array in (twin.log_likelihoods, twin.model.weights, twin.model.mass_squared):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    np.testing.assert_array_equal(twin.log_likelihoods, fit.log_likelihoods)
    assert str(twin) == str(fit)


@pytest.mark.parametrize("copied", [lambda m: m, lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, copy.copy])
def test_a_recommendation_and_its_copies_are_immutable(copied):
    answer = recommend(data=np.random.default_rng(0).standard_normal((60, 4)) * [2, 1, 1, 0.5], masses="one")
    twin = copied(answer)
    arrays = [twin.moments, twin.mean, twin.varies, twin.kl, twin.kinds[0].excess, twin.kinds[0].error]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert (twin.varies.dtype, twin.n_hidden, str(twin)) == (bool, answer.n_hidden, str(answer))
    np.testing.assert_array_equal(twin.model.kernel, answer.model.kernel)
