"""The infrared end of spectra: few modes by Lanczos and by passes through rows, against a full diagonalisation."""

import dask.array as da
import numpy as np
import pandas as pd
import pytest

from srbm import FreeScalarField, LeadingModes, ScalarRBM, leading_modes, maximum_likelihood, recommend, second_moment
from srbm._support import krylov
from srbm._support.arrays import LARGE
from srbm._support.krylov import leading_pairs, ritz_pairs, upper_bounds
from tests.srbm.helpers import matrix_with

N, ROWS = 120, 700
SPECTRA = {
    "a power": 1 / np.arange(1, N + 1),
    "degenerate levels": np.repeat([9.0, 4.0, 1.0], [4, 9, N - 13]),
    "noise alone": np.ones(N),
}


def data(spectrum, mean=0.0):
    return np.random.default_rng(0).standard_normal((ROWS, N)) * np.sqrt(spectrum) + mean


def slow(rows, n_hidden, center):
    """The obvious way: the matrix, its diagonalisation."""
    C = second_moment(rows, center)
    return C, maximum_likelihood(C, n_hidden)


@pytest.mark.parametrize("n_hidden", [1, 4, 7, 13])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA.keys())
def test_the_machine_of_many_passes_is_the_best(spectrum, center, n_hidden):
    rows = data(spectrum, mean=3.0)
    C, best = slow(rows, n_hidden, center)
    found = leading_modes(rows, n_hidden, center, passes=8)
    machine = maximum_likelihood(found, n_hidden)
    lost = best.log_likelihood(C) - machine.log_likelihood(C)
    # Eight passes, a subspace of at most 120 directions: of white noise what is left is the least known.
    assert -1e-10 < lost <= found.deficit(n_hidden) + 1e-10
    assert found.deficit(n_hidden) < (0.05 if spectrum[0] == spectrum[-1] else 1e-6)
    assert found.log_likelihood(n_hidden) == pytest.approx(machine.log_likelihood(C), abs=1e-9)
    assert found.trace == pytest.approx(np.trace(C), rel=1e-13)
    np.testing.assert_allclose(found.mean, rows.mean(axis=0) if center else 0, rtol=1e-13, atol=0)
    np.testing.assert_allclose(found.modes.T @ found.modes, np.eye(n_hidden), rtol=0, atol=1e-12)


@pytest.mark.parametrize("passes", [2, 3, 4])
@pytest.mark.parametrize("n_hidden", [2, 6, 20])
@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA.keys())
def test_what_few_passes_lose_is_within_the_bound(spectrum, n_hidden, passes):
    rows = data(spectrum)
    C = second_moment(rows)
    found = leading_modes(rows, n_hidden, passes=passes)
    for mass in (None, 2.0):
        machine = maximum_likelihood(found, n_hidden, mass)
        lost = maximum_likelihood(C, n_hidden, mass).log_likelihood(C) - machine.log_likelihood(C)
        assert (1e-4 if passes == 2 else -1e-12) < lost <= found.deficit(n_hidden, mass) + 1e-12
        assert found.log_likelihood(n_hidden, mass) == pytest.approx(machine.log_likelihood(C), abs=1e-9)
    exact = np.linalg.eigvalsh(C)[::-1][:n_hidden]
    rounding = 1e-12 * exact[0]  # four passes for 20 modes see all 120 directions
    assert (found.variances <= exact + rounding).all()
    assert (exact <= found.upper + rounding).all()
    levels = np.linalg.eigvalsh(C)
    assert (np.abs(levels - found.variances[:, None]).min(axis=1) <= found.residuals + rounding).all()
    assert passes > 2 or (found.residuals > 1e-3 * exact[0]).any()


def test_more_passes_are_better():
    rows = data(SPECTRA["a power"])
    deficits = [leading_modes(rows, 5, passes=passes).deficit(5) for passes in (2, 3, 4, 5)]
    assert deficits == sorted(deficits, reverse=True)
    assert deficits[-1] < 1e-4 * deficits[0]


def test_bounds_of_an_invariant_subspace_are_exact():
    np.testing.assert_array_equal(upper_bounds(np.array([4.0, 1.0]), np.zeros(2), 5.0), [4.0, 1.0])
    # One mode, a residual of 0.1, and at most 0.5 left: 1 + 0.01 / 0.5, less than 1 + 0.1.
    np.testing.assert_allclose(upper_bounds(np.array([1.0]), np.array([0.1]), 1.5), [1.02], rtol=1e-15)
    np.testing.assert_allclose(upper_bounds(np.array([1.0]), np.array([0.1]), 9.0), [8.1], rtol=1e-15)


def test_a_subspace_that_has_everything_ends_the_reading():
    rows = np.random.default_rng(0).standard_normal((5, N))
    found = leading_modes(rows, 4, passes=9)
    assert found.passes <= 3
    assert found.unseen < 1e-10
    np.testing.assert_allclose(found.variances, np.linalg.eigvalsh(second_moment(rows))[::-1][:4], rtol=1e-12)
    assert leading_modes(rows, N, passes=9).passes == 1  # a block of N_v vectors


SOURCES = {
    "a list": lambda rows: [rows[:3], rows[3:3], rows[3:400], rows[400:]],
    "a function": lambda rows: lambda: (part for part in np.array_split(rows, 9)),
    "a Dask array": lambda rows: da.from_array(rows, chunks=(100, 50)),
    "a data frame": pd.DataFrame,
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
@pytest.mark.parametrize("center", [False, True])
def test_rows_may_come_in_any_form(source, center):
    rows = data(SPECTRA["a power"], mean=50.0)
    whole, parts = leading_modes(rows, 3, center), leading_modes(source(rows), 3, center)
    np.testing.assert_allclose(parts.variances, whole.variances, rtol=1e-11)
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-13)
    assert (parts.n, parts.passes) == (ROWS, 6)
    assert parts.trace == pytest.approx(whole.trace, rel=1e-12)


def test_rows_of_a_file_are_not_read_at_once(tmp_path):
    import tracemalloc

    np.save(tmp_path / "rows.npy", np.random.default_rng(0).standard_normal((60_000, 100), dtype=np.float32))
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    tracemalloc.start()
    leading_modes(mapped, 2, passes=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 8 * 2**20 < 60_000 * 100 * 8  # a piece, and the check of a piece


@pytest.mark.parametrize("kind", [np.uint8, np.int64, bool])
def test_integers(kind):
    rows = np.random.default_rng(0).integers(0, 2 if kind is bool else 99, (300, 20)).astype(kind)
    exact = np.linalg.eigvalsh(second_moment(rows, center=True))[::-1][:2]
    for dtype in (np.float64, np.float32):
        found = leading_modes(rows, 2, True, dtype=dtype)
        np.testing.assert_allclose(found.variances, exact, rtol=1e-12 if dtype is np.float64 else 1e-5)


def test_single_precision_is_single_and_a_large_mean_costs_its_digits_once():
    """The deviations are exact to the spacing of the data, not to that of the squared mean."""
    rows = data(SPECTRA["a power"], mean=1000.0)
    exact = np.linalg.eigvalsh(second_moment(rows, center=True))[::-1][:5]
    double, single = (leading_modes(rows, 5, True, passes=6, dtype=dtype) for dtype in (np.float64, np.float32))
    np.testing.assert_allclose(double.variances, exact, rtol=1e-7)
    error = np.abs(single.variances / exact - 1).max()
    assert 1e-10 < error < 1e-4  # the spacing of float32 at 1000 is 6e-5; with the mean squared it would be 60


def test_the_same_random_numbers_give_the_same_modes():
    rows = data(SPECTRA["a power"])
    first, again, other = (leading_modes(rows, 3, passes=2, rng=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.modes, again.modes)
    assert (first.modes != other.modes).any()


@pytest.mark.parametrize(
    ("rows", "options", "kind", "message"),
    [
        (iter([np.ones((3, 4))]), {}, TypeError, "can be read only once, being a list_iterator.*pass a function that"),
        ((x for x in [np.ones((3, 4))]), {}, TypeError, "can be read only once"),
        ([], {}, ValueError, "needs at least one sample, got none"),
        (np.empty((0, 3)), {}, ValueError, "needs at least one sample, got none"),
        ([np.ones((3, 4)), np.ones((2, 5))], {}, ValueError, "agree in the number of columns, got 4 and 5"),
        (np.array([[1.0, np.nan], [0, 1]]), {}, ValueError, "a block of samples must be finite, but 1 of its 4"),
        ([np.ones((300, 2)), np.full((1, 2), np.inf)], {}, ValueError, "a block of samples must be finite, but 2 of"),
        (
            np.ma.masked_equal([[1.0, 2.0]], 2.0),
            {},
            ValueError,
            "a block of samples has 1 masked entry|data has 1 mask",
        ),
        (np.ones((2, 2), complex), {}, ValueError, "real numbers, got type complex128"),
        (np.ones((9, 3)), {"n_modes": 4}, ValueError, "n_modes must be at most N_v = 3, got 4"),
        (np.ones((9, 3)), {"n_modes": 0}, ValueError, "n_modes must be an integer of at least 1"),
        (np.ones((9, 3)), {"passes": 1}, ValueError, "passes must be an integer of at least 2"),
        (np.ones((9, 3)), {"dtype": np.float16}, ValueError, "dtype must be float64 or float32, got float16"),
        ("rows.npy", {}, TypeError, "data must be an array of shape"),
    ],
)
def test_wrong_rows(rows, options, kind, message):
    with pytest.raises(kind, match=message):
        leading_modes(rows, **({"n_modes": 1} | options))


@pytest.mark.parametrize("center", [False, True])
def test_rows_left_out_are_as_likely_as_each_machine_says(center):
    rows, others = data(SPECTRA["a power"], mean=3.0), data(SPECTRA["a power"], mean=3.1)[::-1] * 1.1
    found = leading_modes(rows, 30, center)
    moments = second_moment(others - found.mean)
    expected = [maximum_likelihood(found, n).log_likelihood(moments) for n in range(31)]
    blocks = np.split(others, [100, 100, 450])
    for form in (others, blocks, lambda: iter(blocks)):
        np.testing.assert_allclose(found.held_out(form), expected, rtol=0, atol=1e-9)
    assert found.held_out(rows)[30] == pytest.approx(found.log_likelihood(30), abs=1e-9)


def test_nothing_is_likely_where_no_variance_is_left():
    rows = np.random.default_rng(0).standard_normal((4, 6))
    unseen = leading_modes(rows, 6).held_out(rows)
    assert unseen.shape == (6,)
    assert np.isfinite(unseen).tolist() == [True] * 4 + [False] * 2
    assert leading_modes(rows, 2).held_out(rows).shape == (3,)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.empty((0, 6)), "needs at least one sample, got none"),
        (np.ones((3, 5)), "rows must have N_v = 6 columns, got 5"),
        (np.full((3, 6), np.nan), "a block of samples must be finite"),
    ],
)
def test_wrong_rows_left_out(rows, message):
    with pytest.raises(ValueError, match=message):
        leading_modes(np.random.default_rng(0).standard_normal((9, 6)), 2).held_out(rows)


def test_rows_that_change_are_noticed():
    lengths = iter([40, 40, 39, 40])  # the first is looked at for the width
    with pytest.raises(ValueError, match="the rows changed while they were read: 40 in the first pass, 39 in a later"):
        leading_modes(lambda: [np.random.default_rng(0).standard_normal((next(lengths), 30))], 1)


def test_what_the_modes_cannot_say():
    rows = data(SPECTRA["a power"])
    found = leading_modes(rows, 3)
    with pytest.raises(ValueError, match=r"n_hidden = 4 needs as many modes, and there are 3: pass leading_modes"):
        maximum_likelihood(found, 4)
    with pytest.raises(ValueError, match="n_hidden = 4 needs as many modes"):
        found.deficit(4)
    with pytest.raises(ValueError, match="the likelihood has no maximum"):
        maximum_likelihood(leading_modes(rows[:3], 3), 3)
    with pytest.raises(ValueError, match=r"every mu\^2 above the spectrum is optimal"):
        maximum_likelihood(leading_modes(rows[:, :2], 2), 2)
    assert leading_modes(rows, 12, passes=2).deficit(12) < leading_modes(rows, 20, passes=2).deficit(20)
    assert isinstance(found, LeadingModes)


# Matrices


def large(spectrum, seed=0):
    """A matrix of N_v > 1024 with this spectrum in a basis of four reflections, which are cheap."""
    matrix = np.diag(spectrum.astype(float))
    for direction in np.random.default_rng(seed).standard_normal((4, len(spectrum))):
        direction /= np.linalg.norm(direction)
        matrix -= 2 * np.outer(direction, direction @ matrix)
        matrix -= 2 * np.outer(matrix @ direction, direction)
    return (matrix + matrix.T) / 2


SIZE = LARGE + 36
LARGE_SPECTRA = {
    "a power": 1 / np.arange(1, SIZE + 1),
    "degenerate levels": np.repeat([9.0, 4.0, 1.0], [4, 9, SIZE - 13]),
    "null directions": np.where(np.arange(SIZE) < 400, 1 / np.arange(1, SIZE + 1), 0.0),
}


@pytest.mark.parametrize("n_hidden", [2, 13])
@pytest.mark.parametrize("spectrum", LARGE_SPECTRA.values(), ids=LARGE_SPECTRA.keys())
def test_few_modes_of_a_large_matrix_make_the_same_machine(spectrum, n_hidden, monkeypatch):
    C = large(spectrum)
    thin = [maximum_likelihood(C, n_hidden, mass) for mass in (None, 30.0)]
    monkeypatch.setattr(krylov, "are_few", lambda *_: False)
    full = [maximum_likelihood(C, n_hidden, mass) for mass in (None, 30.0)]
    for few, all_ in zip(thin, full, strict=True):
        assert few.mass_squared == pytest.approx(all_.mass_squared, rel=1e-11)
        np.testing.assert_allclose(few.singular_values, all_.singular_values, rtol=1e-10, atol=1e-6)
        assert few.log_likelihood(C) == pytest.approx(all_.log_likelihood(C), abs=1e-8)
        if not (spectrum[0] == 9 and n_hidden == 2):  # where the cut goes through a level, W is one of many
            np.testing.assert_allclose(few.weights @ few.weights.T, all_.weights @ all_.weights.T, rtol=0, atol=1e-8)


def test_the_rule_for_few_modes():
    C = large(LARGE_SPECTRA["a power"])
    assert leading_pairs(C, SIZE // 16) is not None
    assert leading_pairs(C, SIZE // 16 + 1) is None
    assert leading_pairs(C, 0) is None
    assert leading_pairs(C[:LARGE, :LARGE], 2) is None


def test_a_missed_mode_is_found_out(monkeypatch):
    """The proof by Cholesky's decomposition, against a Lanczos method that forgets a mode."""
    C = large(LARGE_SPECTRA["a power"])
    eigsh = krylov.scipy.sparse.linalg.eigsh

    def forgetful(matrix, k, **options):
        values, modes = eigsh(matrix, k + 1, **options)
        return np.delete(values, -2), np.delete(modes, -2, axis=1)

    monkeypatch.setattr(krylov.scipy.sparse.linalg, "eigsh", forgetful)
    assert leading_pairs(C, 5) is None
    best = maximum_likelihood(C, 5)  # by the other way
    np.testing.assert_allclose(1 / best.eigenvalues[:5], LARGE_SPECTRA["a power"][:5], rtol=1e-10)


def test_lanczos_that_does_not_end_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(krylov, "_RESTARTS", 1)
    assert leading_pairs(large(np.linspace(1, 1.001, SIZE)), 5) is None


def test_a_large_matrix_that_is_no_correlation_is_refused():
    spectrum = LARGE_SPECTRA["a power"].copy()
    spectrum[-1] = -1e-6
    with pytest.raises(ValueError, match=r"must be positive semidefinite.*smallest eigenvalue is -1e-06"):
        maximum_likelihood(large(spectrum), 3)
    spectrum[-1] = 0.0
    assert maximum_likelihood(large(spectrum), 3).n_hidden == 3


@pytest.mark.parametrize(("noise", "tolerance"), [(0.0, 1.0), (0.05, 0.3)])
def test_a_recommendation_from_few_modes(noise, tolerance):
    spectrum = np.concatenate([np.linspace(9, 2, 20), np.linspace(1.05, 0.95, SIZE - 20)])
    C = large(spectrum)
    few, full = recommend(C, tolerance, noise=noise), recommend(spectrum, tolerance, noise=noise)
    assert few.trace == pytest.approx(spectrum.sum(), rel=1e-12)
    assert full.trace is None
    assert few.n_hidden == full.n_hidden > 10
    shown = len(few.kl)
    assert shown == 33
    for name in ("kl", "mass_curve", "parameters"):
        np.testing.assert_allclose(getattr(few, name), getattr(full, name)[:shown], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(few.eigenvalues, full.eigenvalues[:32], rtol=1e-11)
    assert few.variance_kept == pytest.approx(full.variance_kept, rel=1e-11)
    assert few.model.mass_squared == pytest.approx(full.mass_squared, rel=1e-11)
    assert "from the 32 lightest modes, the trace and the determinant" in str(few)


@pytest.mark.parametrize("spectrum", [1 / np.arange(1.0, SIZE + 1), LARGE_SPECTRA["null directions"]])
def test_recommendations_that_need_the_whole_spectrum(spectrum):
    few, full = recommend(large(spectrum), 0.5), recommend(spectrum, 0.5)
    assert few.trace is None
    assert (few.n_hidden, few.n_null) == (full.n_hidden, full.n_null)


# Block Lanczos by itself


def test_a_block_sees_degenerate_levels():
    matrix = matrix_with(np.repeat([3.0, 2.0, 1.0], [5, 5, 50]), rng=0)
    start = np.random.default_rng(0).standard_normal((60, 8))
    found = ritz_pairs(lambda block: matrix @ block, start, 10, 9)
    np.testing.assert_allclose(found.values, np.repeat([3.0, 2.0], 5), rtol=1e-12)
    assert found.products < 9  # three levels are spanned after three products
    assert found.residuals.max() < 1e-12


# Machines with few hidden nodes


@pytest.mark.parametrize("bias", [None, np.array([0.5, -1.0, 0.2])])
@pytest.mark.parametrize("mass", [4.0, np.linspace(3, 6, SIZE)], ids=["one mass", "a mass per node"])
def test_thin_machines_are_the_same(mass, bias, monkeypatch):
    rng = np.random.default_rng(0)
    weights = 0.05 * rng.standard_normal((SIZE, 3))
    phi, C = rng.standard_normal((4, SIZE)), second_moment(rng.standard_normal((50, SIZE)))
    thin, full = ScalarRBM(weights, mass, 0.7, bias), ScalarRBM(weights, mass, 0.7, bias)
    made = [thin.is_normalizable, thin.log_partition, thin.mean, thin.action(phi), thin.log_likelihood(C, phi[0])]
    monkeypatch.setattr("srbm.model.are_few", lambda *_: False)
    slow = [full.is_normalizable, full.log_partition, full.mean, full.action(phi), full.log_likelihood(C, phi[0])]
    for ours, theirs in zip(made, slow, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_samples_of_thin_machines_have_their_moments():
    rng = np.random.default_rng(1)
    rbm = ScalarRBM(0.05 * rng.standard_normal((SIZE, 2)), 4.0, 0.7, np.array([1.0, -2.0]))
    n = 3000
    drawn = rbm.sample(n, rng=2)
    deviation = drawn - rbm.mean
    spread = np.sqrt(np.diag(rbm.propagator) / n)
    assert np.abs(deviation.mean(axis=0) / spread).max() < 5
    basis = np.linalg.qr(np.c_[rbm.weights, rng.standard_normal((SIZE, 2))])[0]
    moments = (deviation @ basis).T @ (deviation @ basis) / n
    expected = basis.T @ rbm.propagator @ basis
    error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / n)
    assert np.abs((moments - expected) / error).max() < 5
    assert expected[0, 0] > 1.5 * expected[2, 2]  # the hidden nodes show


def test_thin_machines_that_do_not_exist():
    from srbm import NotNormalizableError

    weights = np.zeros((SIZE, 1))
    weights[0] = 3.0
    for mass in (4.0, np.full(SIZE, 4.0)):
        rbm = ScalarRBM(weights, mass)
        assert not rbm.is_normalizable
        for use in (lambda rbm=rbm: rbm.log_partition, lambda rbm=rbm: rbm.mean, lambda rbm=rbm: rbm.sample(1, 0)):
            with pytest.raises(NotNormalizableError, match="1 of 1 are <= 0"):
                use()
    assert ScalarRBM(np.zeros((SIZE, 0)), 2.0).log_partition == pytest.approx(SIZE / 2 * np.log(np.pi), rel=1e-13)


def test_a_lattice_with_degenerate_levels():
    """A cut through a level: any combination of its modes will do, and the likelihood is the same."""
    field = FreeScalarField((33, 33), 0.5)
    C = field.propagator
    exact = np.sort(1 / field.eigenvalues)[::-1]
    for n_hidden in (3, 5, 20):
        rbm = maximum_likelihood(C, n_hidden)
        np.testing.assert_allclose(1 / rbm.eigenvalues[:n_hidden], exact[:n_hidden], rtol=1e-10)
