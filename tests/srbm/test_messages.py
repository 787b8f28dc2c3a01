"""What a newcomer passes by mistake, and what the error says: what was expected, what arrived, what to do."""

import os
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import srbm
from srbm import FreeScalarField, GaussianBernoulliRBM, Phi4RBM, ScalarRBM, Training, second_moment, train
from srbm.phi4 import quartic_sites

FIELD = FreeScalarField(4, 2.0)
C = FIELD.propagator
RBM = ScalarRBM.random(4, 3, 9.0, rng=0)
BERNOULLI, QUARTIC = GaussianBernoulliRBM(RBM.weights, 9.0), Phi4RBM(RBM.weights, 9.0, 1.0)
HERMITIAN = C + 0.1j * (np.triu(C) - np.tril(C))


def refused(call, kind, message):
    with pytest.raises(kind, match="^" + re.escape(message)):
        call()


# Numbers


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ScalarRBM(np.ones((3, 2)) * 1j, 3.0),
            "weights must hold real numbers, got type complex128; pass its ",
        ),
        (lambda: ScalarRBM([[1 + 0j]], 3.0), "weights must hold real numbers, got type complex128"),
        (lambda: ScalarRBM([[1.0]], np.complex64(3)), "mass_squared must hold real numbers, got type complex64"),
        (lambda: ScalarRBM([[1.0]], 3.0, 1j), "hidden_variance must be a real number, got type complex128"),
        (lambda: GaussianBernoulliRBM([[1j]], 3.0), "weights must hold real numbers, got type complex128"),
        (lambda: RBM.gibbs(np.ones(4) * 1j), "phi must hold real numbers, got type complex128"),
        (lambda: train(RBM, HERMITIAN, 3, 0.1), "correlation must hold real numbers, got type complex128"),
        (lambda: srbm.maximum_likelihood(HERMITIAN, 3), "correlation must hold real numbers, got type complex128"),
        (lambda: srbm.truncated_kl([1j], 1, 2.0), "eigenvalues must hold real numbers, got type complex128"),
        (lambda: srbm.maximum_likelihood(C, 3, "auto"), "mass_squared must be a number, got 'auto'"),
        (lambda: srbm.maximum_likelihood(C, 3, 2.0, None), "hidden_variance must be a number, got None"),
        (lambda: srbm.maximum_likelihood(C, 3, {}), "mass_squared must be a number, got a dict"),
        (lambda: srbm.maximum_likelihood(C, 3, [9.0]), "mass_squared must be one number, got an array of shape (1,)"),
        (lambda: train(RBM, C, 3, "adam"), "learning_rate must be a number, got 'adam'"),
        (lambda: ScalarRBM("abc", 3.0), "weights must hold numbers, got 'abc'"),
        (lambda: ScalarRBM("W" * 99, 3.0), f"weights must hold numbers, got '{'W' * 56}..."),
        (lambda: ScalarRBM([["a"]], 3.0), "weights must hold numbers, got type <U1"),
        (lambda: ScalarRBM(None, 3.0), "weights must hold numbers, got None"),
        (lambda: ScalarRBM([[1.0], [1.0, 2.0]], 3.0), "weights must hold numbers, got rows of different lengths"),
        (
            lambda: ScalarRBM(np.array([["2026-01-01"]], "M8[D]"), 3.0),
            "weights must hold numbers, got type datetime64[D]",
        ),
        (
            lambda: train(RBM, FIELD, 3, 0.1),
            "correlation must hold numbers, got a FreeScalarField; pass its .propagator",
        ),
        (lambda: srbm.recommend(RBM, 0.1), "correlation must hold numbers, got a ScalarRBM; pass its .propagator"),
        (
            lambda: srbm.cholesky_solution(FIELD, 9.0),
            "kernel must hold numbers, got a FreeScalarField; pass its .kernel",
        ),
        (lambda: srbm.mode_trajectory("IR", 9.0, 1.0, 1.0), "kappa must hold numbers, got 'IR'"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_is_no_real_number_is_refused(call, message):
    refused(call, ValueError, message)


@pytest.mark.parametrize("three", [3, True + 2, np.float32(3), np.array(3), Decimal(3), Fraction(3), np.int8(3)])
def test_all_real_numbers_are_taken(three):
    assert ScalarRBM([[three, 1]], three, three).weights.tolist() == [[3.0, 1.0]]
    assert ScalarRBM([[1.0]], three, three).mass_squared == ScalarRBM([[1.0]], 3, three).hidden_variance == 3.0


@pytest.mark.parametrize(
    ("call"),
    [
        lambda kappa: srbm.truncated_kl(kappa, 1, 2.0),
        lambda kappa: srbm.learning_rate_limit(kappa, 9.0),
        lambda kappa: srbm.relaxation_rates(kappa, 9.0),
        lambda kappa: srbm.noise_floor(kappa, 9.0, 0.1, 10),
    ],
)
def test_eigenvalues_are_not_a_matrix(call):
    message = "eigenvalues must be one-dimensional, got shape (4, 4); pass kernel_spectrum(C) of a correlation matrix"
    refused(lambda: call(C), ValueError, message)
    refused(lambda: call([1.0, -2.0]), ValueError, "eigenvalues must be positive, got -2; for data, whose correlation")
    refused(lambda: call([1.0, np.nan]), ValueError, "eigenvalues must be positive, got nan")
    np.testing.assert_array_equal(call(1.5), call([1.5]))


# Data


@pytest.mark.parametrize(
    "rows",
    [
        [[1, 2], [3, 4], [0, 2]],
        ((1, 2), [3, 4], np.array([0, 2])),
        [np.array([1, 2]), [3, 4], (0, 2)],
    ],
)
def test_a_list_of_rows_is_an_array(rows):
    expected = second_moment(np.array([[1, 2], [3, 4], [0, 2]]))
    np.testing.assert_array_equal(second_moment(rows), expected)
    np.testing.assert_array_equal(second_moment([rows]), expected)
    np.testing.assert_array_equal(second_moment([rows[:2], rows[2:]]), expected)


def test_what_knows_its_array_is_one():
    class Table:  # as a DataFrame, whose iteration would give the names of its columns
        def __array__(self, dtype=None, copy=None):
            return np.array([[1.0, 2.0], [3.0, 4.0]])

        def __iter__(self):
            return iter("ab")

    np.testing.assert_array_equal(second_moment(Table()), second_moment(np.asarray(Table())))


BLOCK = "each block must have shape (n, N), a sample in each row"
DATA = "data must be an array of shape (n, N), a sample in each row, or an iterable of such blocks"


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ("data.csv", TypeError, f"{DATA}, got 'data.csv'; pass np.loadtxt(path) of a text file"),
        (Path("data.csv"), TypeError, f"{DATA}, got a {type(Path()).__name__}; pass np.loadtxt(path)"),
        (None, TypeError, f"{DATA}, got None; pass np.array(data)"),
        (3, TypeError, f"{DATA}, got 3; pass np.array(data)"),
        ([1, 2, 3], ValueError, f"{BLOCK}, got shape (); pass np.array(data), with one row per sample"),
        ({"x": [1.0]}, ValueError, "data is a dict: pass its columns as np.column_stack(list(x.values()))"),
        ([[1, 2], [3]], ValueError, f"{BLOCK}, but the rows of one have different lengths"),
        ([["a", "b"]], ValueError, "blocks must hold real numbers, got type <U1"),
        (
            [np.ones(2), np.ones((1, 2))],
            ValueError,
            f"{BLOCK}, got shape (2,); wrap one sample as np.array(sample)[None]",
        ),
        (lambda: iter([np.ones(2)]), ValueError, f"{BLOCK}, got shape (2,); wrap one sample as np.array(sample)[None]"),
    ],
)
def test_what_is_no_data_is_refused(data, kind, message):
    made = data() if callable(data) else data  # what is read only once, anew
    refused(lambda: second_moment(made), kind, message)


def test_a_block_is_no_list_of_blocks():
    refused(lambda: srbm.block_moments(np.ones(3)), ValueError, "each block must have shape (n, N)")
    assert srbm.block_moments([[1, 2], [3, 4]]).n == 2


# Random generators


@pytest.mark.parametrize(
    ("rng", "kind", "got"),
    [
        (np.random.RandomState(0), TypeError, "a RandomState"),
        ("x", TypeError, "'x'"),
        (1.5, TypeError, "1.5"),
        (-1, ValueError, "-1"),
        (np.random, TypeError, "a module"),
        ({}, TypeError, "a dict"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        lambda rng: train(RBM, C, 1, 0.1, rng=rng),
        lambda rng: RBM.sample(1, rng),
        lambda rng: RBM.gibbs(np.ones(4), 1, rng),
        lambda rng: ScalarRBM.random(2, 2, 4.0, rng=rng),
        lambda rng: FIELD.sample(1, rng),
        lambda rng: FIELD.metropolis(1, rng),
        lambda rng: BERNOULLI.sample(1, rng),
        lambda rng: BERNOULLI.gibbs(np.ones(4), 1, rng),
        lambda rng: BERNOULLI.annealed_log_partition(2, 2, rng),
        lambda rng: GaussianBernoulliRBM.random(2, 2, 4.0, rng=rng),
        lambda rng: QUARTIC.gibbs(np.ones(4), 1, rng),
        lambda rng: QUARTIC.sample(1, rng),
        lambda rng: quartic_sites(np.ones(2), 1.0, 1.0, rng),
        lambda rng: srbm.factor_analysis(C, 1, rng=rng),
        lambda rng: srbm.Tally().generator(rng),
        lambda rng: srbm.train_bernoulli(BERNOULLI, C, 1, 0.1, rng=rng),
    ],
)
def test_what_is_no_generator_is_refused(use, rng, kind, got):
    refused(
        lambda: use(rng),
        kind,
        "rng must be a seed (a non-negative integer) or a numpy.random.Generator, "
        f"got {got}; numpy.random.default_rng(seed) makes one",
    )


@pytest.mark.parametrize(
    "rng", [0, np.int64(0), [0, 1], None, np.random.SeedSequence(0), np.random.PCG64(0), np.random.default_rng(0)]
)
def test_all_seeds_and_generators_are_taken(rng):
    assert np.isfinite(RBM.sample(2, rng)).all()
    assert train(RBM, C, 1, 0.1, srbm.PCD(8), rng=rng).model.is_normalizable


@pytest.mark.parametrize(
    ("seed", "kind", "got"),
    [(np.random.default_rng(0), TypeError, "a Generator"), ("x", TypeError, "'x'"), (-1, ValueError, "-1")],
)
def test_a_sweep_needs_a_seed(seed, kind, got):
    refused(
        lambda: srbm.sweep(lambda case, rng: case, [1], seed=seed),
        kind,
        f"seed must be a non-negative integer, a sequence of them, or a SeedSequence, got {got}",
    )


# Machines


@pytest.mark.parametrize(
    "use",
    [
        srbm.latent_form,
        lambda rbm: srbm.gradient_flow(rbm, C, [0.0, 1.0]),
        lambda rbm: srbm.natural_gradient_flow(rbm, C, [0.0]),
    ],
)
def test_what_is_no_machine_is_refused(use):
    refused(
        lambda: use(RBM.weights),
        TypeError,
        "rbm must be a ScalarRBM, got an array of shape (4, 3); ScalarRBM(weights, mass_squared) makes one",
    )
    refused(lambda: use(train(RBM, C, 1, 0.1)), TypeError, "rbm must be a ScalarRBM, got a Training; pass its .model")
    refused(lambda: use(srbm.gradient_flow(RBM, C, [0.0])), TypeError, "rbm must be a ScalarRBM, got a Flow; pass its ")
    refused(lambda: use(train(RBM, C, 1, 0.1, runs=2)), TypeError, "rbm must be a ScalarRBM, got a Training; pass its ")
    refused(lambda: use(ScalarRBM), TypeError, "rbm must be a ScalarRBM, got the class ScalarRBM")
    refused(lambda: use(BERNOULLI), TypeError, "rbm must be a ScalarRBM, got a GaussianBernoulliRBM")
    refused(lambda: use("model.npz"), TypeError, "rbm must be a ScalarRBM, got 'model.npz'")


# Files


def test_what_is_no_path_is_refused(tmp_path):
    for use in (
        ScalarRBM.load,
        Training.load,
        RBM.save,
        train(RBM, C, 1, 0.1).save,
        lambda path: train(RBM, C, 1, 0.1, checkpoint=path),
    ):
        refused(lambda use=use: use(5), TypeError, "path must be a str or a pathlib.Path, got 5")
    with open(RBM.save(tmp_path / "model.npz"), "rb") as file:
        refused(lambda: ScalarRBM.load(file), TypeError, "path must be a str or a pathlib.Path, got a BufferedReader")


@pytest.mark.parametrize("save", [RBM.save, train(RBM, C, 1, 0.1).save])
def test_a_file_needs_its_folder(save, tmp_path):
    missing = tmp_path / "no" / "such"
    refused(lambda: save(missing / "x.npz"), FileNotFoundError, f"the folder {missing} does not exist: create it first")
    refused(lambda: save(str(tmp_path)), IsADirectoryError, f"{tmp_path} is a folder: add the name of a file")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("kind", [srbm.NotNormalizableError, srbm.TrainingInterrupted, srbm.CheckpointError])
def test_an_exception_hands_back_what_was_computed(kind):
    error = kind("what happened", RBM)
    assert (str(error), error.last_good) == ("what happened", RBM)
