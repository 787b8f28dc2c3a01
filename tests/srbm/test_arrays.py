"""Training and moments on other array libraries give what NumPy gives.

`array_api_strict` refuses whatever is not in the standard, and its `device1` refuses to meet arrays of another device,
so that code that runs there mixes no devices. It multiplies by NumPy, hence agrees to the last digits; PyTorch, where
it is installed, does not, and agrees to rounding.
"""

import builtins

import array_api_strict
import numpy as np
import pytest

from srbm import (
    CD,
    PCD,
    CheckpointError,
    Exact,
    FreeScalarField,
    NotNormalizableError,
    ScalarRBM,
    Training,
    second_moment,
    train,
)
from srbm._support.arrays import add_to_diagonal, column_squares, like, namespace, positive_definite, to_numpy
from tests.srbm.helpers import RARE, same_law_p_value


def strict(values):
    return array_api_strict.asarray(values, device=array_api_strict.Device("device1"))


def torch_tensor(values):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install torch)")
    pytest.importorskip("array_api_compat", reason="array-api-compat is not installed (pip install array-api-compat)")
    return torch.asarray(values)


every_library = pytest.mark.parametrize("library", [strict, torch_tensor], ids=["strict", "torch"])
every_strategy = pytest.mark.parametrize("strategy", [Exact(), CD(64, 3), CD(8, 2), PCD(64, 5), PCD(8, 1)], ids=repr)
MODELS = {
    "N_h = N_v": ScalarRBM.random(10, 10, 9.0, rng=0),
    "N_h < N_v": ScalarRBM.random(10, 6, 9.0, hidden_variance=0.7, rng=0),
    "mass per node": ScalarRBM.random(10, 6, np.linspace(8.5, 9, 10), rng=0),
}


@every_library
@every_strategy
@pytest.mark.parametrize("learn_mass", [True, "mu"])
@pytest.mark.parametrize("rbm", MODELS.values(), ids=MODELS)
def test_training_agrees_to_rounding(library, strategy, rbm, learn_mass, chain):
    options = {"learn_mass": learn_mass, "momentum": 0.1, "weight_decay": 1e-3, "runs": 2, "rng": 3, "record_every": 20}
    here = train(rbm, chain.propagator, 60, 0.05, strategy, **options)
    there = train(rbm, library(chain.propagator), 60, 0.05, strategy, **options)
    for name in ("eigenvalues", "singular_values", "mass_squared", "log_likelihood"):
        assert type(getattr(there, name)) is np.ndarray
        np.testing.assert_allclose(getattr(there, name), getattr(here, name), rtol=1e-12, atol=1e-13, err_msg=name)
    for ours, theirs in zip(there.models, here.models, strict=True):
        np.testing.assert_allclose(ours.weights, theirs.weights, rtol=0, atol=1e-13)


def test_the_comparison_sees_other_random_numbers(chain):
    rbm = MODELS["N_h = N_v"]
    runs = [train(rbm, strict(chain.propagator), 60, 0.05, PCD(64), rng=seed).eigenvalues for seed in (3, 4)]
    assert np.abs(runs[0] - runs[1]).max() > 1e-3


@every_library
def test_resume_and_store(library, chain, tmp_path):
    rbm, C = MODELS["N_h < N_v"], library(chain.propagator)
    first = train(rbm, C, 5, 0.05, PCD(64), rng=1)
    whole = train(rbm, C, 9, 0.05, PCD(64), rng=1)
    np.testing.assert_array_equal(first.resume(4).eigenvalues, whole.eigenvalues)
    loaded = Training.load(first.save(tmp_path / "training.npz"))  # goes on in NumPy, with the same random numbers
    np.testing.assert_allclose(loaded.resume(4).eigenvalues, whole.eigenvalues, rtol=1e-12)


@every_library
def test_errors_are_the_same(library, chain):
    with pytest.raises(NotNormalizableError, match="reduce the learning rate") as caught:
        train(MODELS["N_h = N_v"], library(chain.propagator), 500, 20.0)
    assert caught.value.last_good.epochs[-1] < 500
    with pytest.raises(ValueError, match="positive semidefinite"):
        train(MODELS["N_h = N_v"], library(-chain.propagator), 5, 0.1)
    with pytest.raises(ValueError, match=r"must be float64, got .*float32: in single precision small updates"):
        train(MODELS["N_h = N_v"], library(chain.propagator.astype(np.float32)), 5, 0.1)


@every_library
def test_positive_definite_run_by_run(library):
    matrices = np.stack([np.eye(2), -np.eye(2), np.full((2, 2), np.nan), 2 * np.eye(2)])
    assert positive_definite(library(matrices)).tolist() == [True, False, False, True]
    assert positive_definite(library(matrices[1:2])).tolist() == [False]


def test_an_error_that_says_nothing_of_the_matrix_is_not_swallowed(monkeypatch):
    def out_of_memory(_):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(np.linalg, "cholesky", out_of_memory)
    with pytest.raises(RuntimeError, match="out of memory"):
        positive_definite(np.eye(2)[None])


@every_library
def test_helpers(library):
    rng = np.random.default_rng(0)
    x, d = rng.standard_normal((3, 4, 4)), rng.standard_normal((3, 4))
    expected = x + d[..., None] * np.eye(4)
    for array in (x.copy(), library(x)):
        np.testing.assert_array_equal(to_numpy(add_to_diagonal(array, like(d, array))), expected)
        np.testing.assert_allclose(to_numpy(column_squares(like(x, array))), (x**2).sum(axis=-2), rtol=1e-14)
    other = library(x)
    assert like(other, other) is other or to_numpy(like(other, other)).shape == x.shape
    assert namespace([1.0]) is np
    assert to_numpy(3.0).shape == ()


@every_library
@pytest.mark.parametrize("center", [False, True])
def test_moments(library, center):
    rng = np.random.default_rng(0)
    integers = rng.integers(0, 256, (1000, 5), dtype=np.uint8)
    for data in (integers, integers % 2 == 0, integers.astype(int) * 2**17, integers[:100].astype(int) * 2**19):
        for blocks in (library(data), [library(data[:7]), library(data[7:7]), library(data[7:])]):
            ours = second_moment(blocks, center)
            assert type(ours) is type(library(data))
            np.testing.assert_array_equal(to_numpy(ours), second_moment(data, center))
    floats = integers + rng.standard_normal(integers.shape)
    blocks = [floats[:7], floats[7:7], floats[7:]]
    ours = second_moment([library(block) for block in blocks], center)
    np.testing.assert_allclose(to_numpy(ours), second_moment(blocks, center), rtol=1e-13, atol=1e-10)
    with pytest.raises(ValueError, match="must be finite"):
        second_moment(library(np.array([[1.0, np.nan]])))


def test_moments_stay_where_training_goes_on(chain):
    moments = second_moment(strict(chain.sample(500, rng=0)))
    assert moments.device == array_api_strict.Device("device1")
    assert train(MODELS["N_h = N_v"], moments, 2, 0.05, PCD(64), rng=1).model.is_normalizable


def test_a_library_that_does_not_answer_needs_array_api_compat(monkeypatch):
    real = builtins.__import__

    def without_compat(name, *rest):
        if name == "array_api_compat":
            raise ImportError(name)
        return real(name, *rest)

    class Silent:
        def __dlpack__(self):
            raise NotImplementedError

    monkeypatch.setattr(builtins, "__import__", without_compat)
    with pytest.raises(ImportError, match=r"Silent need array-api-compat: pip install array-api-compat"):
        namespace(Silent())


@pytest.mark.parametrize("strategy", [PCD(8, 2), PCD(4)], ids=repr)
def test_the_generator_of_the_device_is_equal_in_law(strategy):
    torch_tensor([0.0])
    from srbm.random import TorchGenerator

    field = FreeScalarField(4, 4.0)
    rbm = ScalarRBM.random(4, 3, 9.0, rng=0)

    def after(correlation, rng, chains=strategy):
        training = train(rbm, correlation, 3, 0.05, chains, learn_mass=True, runs=2000, rng=rng, record_every=3)
        return np.concatenate([training.eigenvalues[-1], training.mass_squared[-1][:, None]], axis=1)

    truth = after(field.propagator, 1)
    there = torch_tensor(field.propagator)
    assert same_law_p_value(after(there, TorchGenerator(2)), truth) > RARE
    assert same_law_p_value(after(there, TorchGenerator(2), PCD(2 * strategy.chains, 2)), truth) < RARE


@every_library
@pytest.mark.parametrize("hidden", [10, 90])
def test_a_large_training_of_another_library_goes_on_in_numpy(library, hidden, tmp_path):
    """Where NumPy's own training would have chains of another form."""
    C = FreeScalarField(100, 4.0).propagator
    rbm = ScalarRBM.random(100, hidden, 9.0, rng=0)
    whole = train(rbm, library(C), 6, 0.05, PCD(64), rng=1)
    first = train(rbm, library(C), 2, 0.05, PCD(64), rng=1, checkpoint=tmp_path / "run.npz")
    loaded = Training.load(first.save(tmp_path / "first.npz"))
    np.testing.assert_allclose(loaded.resume(4).eigenvalues, whole.eigenvalues, rtol=1e-12)
    continued = train(rbm, C, 6, 0.05, PCD(64), rng=1, checkpoint=tmp_path / "run.npz")
    np.testing.assert_allclose(continued.eigenvalues, whole.eigenvalues, rtol=1e-12)
    train(rbm, C, 2, 0.05, PCD(64), rng=1, checkpoint=tmp_path / "numpy.npz")
    with pytest.raises(CheckpointError, match=r"written with NumPy's arrays, .* go on with an array of NumPy"):
        train(rbm, library(C), 6, 0.05, PCD(64), rng=1, checkpoint=tmp_path / "numpy.npz")


@every_library
def test_a_checkpoint_goes_on_in_another_library_with_its_momentum(library, chain, tmp_path):
    """Written with NumPy's arrays; the velocities of W and of the mass are most of the updates that follow."""
    options = {"momentum": 0.9, "learn_mass": True, "rng": 1}
    rbm, C, path = MODELS["N_h < N_v"], chain.propagator, tmp_path / "run.npz"
    whole = train(rbm, C, 12, 0.02, PCD(8), **options)
    train(rbm, C, 9, 0.02, PCD(8), checkpoint=path, **options)
    there = train(rbm, library(C), 12, 0.02, PCD(8), checkpoint=path, **options)
    np.testing.assert_allclose(there.model.weights, whole.model.weights, rtol=0, atol=1e-13)
    np.testing.assert_allclose(there.mass_squared, whole.mass_squared, rtol=1e-12, atol=0)


def test_a_device_generator_goes_on(chain, tmp_path):
    C = torch_tensor(chain.propagator)
    from srbm.random import TorchGenerator

    rbm = MODELS["N_h < N_v"]
    first = train(rbm, C, 5, 0.05, PCD(64), rng=TorchGenerator(1))
    whole = train(rbm, C, 9, 0.05, PCD(64), rng=TorchGenerator(1))
    np.testing.assert_array_equal(first.resume(4).eigenvalues, whole.eigenvalues)
    loaded = Training.load(first.save(tmp_path / "training.npz"))
    np.testing.assert_allclose(loaded.resume(4).eigenvalues, whole.eigenvalues, rtol=1e-12)
