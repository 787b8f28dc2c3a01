"""The heart of training: against a plain loop that anybody can read, in few steps, and as files of the past know it."""

import ast
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest

import srbm
from srbm import CD, PCD, Exact, FreeScalarField, ScalarRBM, Training, train
from srbm.training.update import ascend
from tests.srbm.helpers import matrix_with

DATA = Path(__file__).parent / "data"
PACKAGE = Path(srbm.__file__).parent


def plain_training(rbm, C, epochs, rate, chains, steps, rng, *, keep="phi"):
    """PCD in plain NumPy: W and the likelihood's mass stay in double precision, every chain is a row of phi."""
    W, mu2, s2 = np.array(rbm.weights), rbm.mass_squared, rbm.hidden_variance
    mu, sigma_h = np.sqrt(mu2), np.sqrt(s2)

    def hidden(phi):
        return s2 * (phi @ W) + sigma_h * rng.standard_normal((chains, W.shape[1]))

    def visible(h):
        return h @ W.T / mu2 + rng.standard_normal((chains, W.shape[0])) / mu

    K = mu2 * np.eye(len(W)) - s2 * (W @ W.T)
    phi = rng.standard_normal((chains, len(W))) @ np.linalg.inv(np.linalg.cholesky(K))
    h = hidden(phi) if keep == "h" else None
    for _ in range(epochs):
        if keep == "h":
            phi = visible(h)
        for _ in range(steps if keep == "phi" else steps - 1):
            phi = visible(hidden(phi))
        if keep == "h":
            h = hidden(phi)
        W = W + rate * s2 * (C @ W - phi.T @ (phi @ W) / chains)  # Eqs. (20) and (25)
    return W


MODELS = [ScalarRBM.random(6, 4, 9.0, rng=0), ScalarRBM.random(5, 7, 6.0, hidden_variance=4.0, rng=1)]


@pytest.mark.parametrize("keep", ["phi", "h"])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("rbm", MODELS, ids=["N_h < N_v", "sigma_h^2"])
def test_the_explicit_method_is_the_plain_loop_bit_for_bit(rbm, steps, keep):
    C = matrix_with(np.linspace(0.2, 0.9, rbm.n_visible), rng=3)
    strategy = PCD(20, steps, "visible" if keep == "phi" else "hidden", "explicit")
    ours = train(rbm, C, 9, 0.03125, strategy, rng=5).model.weights  # a power of two: the order of products is ours
    plain = plain_training(rbm, C, 9, 0.03125, 20, steps, np.random.default_rng(5), keep=keep)
    np.testing.assert_array_equal(ours, plain)
    other = plain_training(rbm, C, 9, 0.03125, 20, steps + 1, np.random.default_rng(5), keep=keep)
    assert np.abs(ours - other).max() > 1e-4


def entered(work):
    """The modules of srbm whose functions run until the first update of the parameters."""
    found = []

    def watch(frame, event, _):
        if event == "call" and found[-1:] != ["update"]:
            if frame.f_code is ascend.__code__:
                found.append("update")
            elif Path(frame.f_code.co_filename).is_relative_to(PACKAGE):
                found.append(str(Path(frame.f_code.co_filename).relative_to(PACKAGE)))

    sys.setprofile(watch)
    try:
        work()
    finally:
        sys.setprofile(None)
    assert found[-1] == "update"
    return sorted(set(found[:-1]))


@pytest.mark.parametrize("gradient", [Exact(), PCD(128), PCD(128, method="explicit"), CD(128), PCD(12)], ids=repr)
def test_few_modules_are_entered_before_the_first_update(gradient):
    """Of the example in the README, and with the other strategies."""
    field = FreeScalarField(10, 4.0)
    rbm, C = ScalarRBM.random(10, 10, 9.0, rng=0), field.propagator
    modules = entered(lambda: train(rbm, C, 1, 0.01, gradient, rng=0))
    assert len(modules) <= 9, modules


def test_the_update_holds_its_equations_and_nothing_else():
    source = inspect.getsource(sys.modules[ascend.__module__])
    tree = ast.parse(source)
    assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] == [
        "weight_gradient",
        "mass_gradient",
        "ascend",
    ]
    assert not [node for node in ast.walk(tree) if isinstance(node, (ast.For, ast.While, ast.Raise, ast.Try))]
    assert len(source.splitlines()) < 70


@pytest.mark.parametrize(("name", "method", "epochs"), [("gram", "gram", 20), ("hidden", "hidden", 12)])
def test_files_of_version_1_0_go_on(name, method, epochs):
    """Written when a strategy did not yet name its method; the numbers that follow were computed then, too."""
    training = Training.load(DATA / f"training_{name}.npz")
    assert (training.method, training.epochs[-1]) == (method, epochs)
    resumed = training.resume(9)
    with np.load(DATA / f"resumed_{name}.npz") as stored:
        ours = np.stack([model.weights for model in resumed.models])
        # To the bit on the machine that wrote them; another one rounds the products, and single precision, elsewhere.
        np.testing.assert_allclose(ours, stored["weights"], rtol=0, atol=1e-12 if name == "gram" else 1e-6)
        np.testing.assert_allclose(resumed.log_likelihood, stored["log_likelihood"], rtol=1e-6, atol=0)
    assert np.abs(ours - np.stack([model.weights for model in training.models])).max() > 1e-3


def test_a_file_of_version_1_0_goes_on_as_the_training_that_wrote_it(tmp_path):
    """A training written today and one of then, with the same settings, are one to `train`."""
    rbm = ScalarRBM.random(66, 3, 9.0, rng=1)
    rng = np.random.default_rng(5)
    q = np.linalg.qr(rng.standard_normal((66, 66)))[0]
    c = (q * np.linspace(0.15, 0.9, 66)) @ q.T
    path = tmp_path / "run.npz"
    train(rbm, (c + c.T) / 2, 12, 0.01, PCD(12, 2), record_every=5, rng=3).save(path)
    old, new = Training.load(DATA / "training_hidden.npz"), Training.load(path)
    np.testing.assert_allclose(old.model.weights, new.model.weights, rtol=0, atol=1e-6)
    assert old._settings.gradient == new._settings.gradient == PCD(12, 2)
