"""The helper of the benchmarks, and the page made from their stored results."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from benchmarks.published import published_update
from benchmarks.tables import GROUPS, seconds, tables
from benchmarks.timing import comparison, paired, ratios, slope, store
from benchmarks.trainer import Trainer
from srbm import PCD, Exact, ScalarRBM, train

ROOT = Path(__file__).parent.parent.parent


def test_contenders_take_turns(monkeypatch):
    calls = []
    clock = iter(range(100))
    monkeypatch.setattr("benchmarks.timing.process_time", lambda: float(next(clock)))
    times = paired({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3, {"a": 2, "b": 4})
    assert "".join(calls) == "ab" + "ababab"  # once to warm up
    assert times == {"a": [0.5] * 3, "b": [0.25] * 3}


def test_ratios_are_taken_within_each_turn():
    entry = comparison("case", "slow", {"slow": [2.0, 8.0, 3.0], "fast": [1.0, 2.0, 3.0]}, {"fast": 2.5})
    assert ratios(entry, "fast").tolist() == [2.0, 4.0, 1.0]
    lines = "\n".join(tables({"lattice": [entry]}, "lattice"))
    assert "2.00 (1.00 to 4.00) | ✗ at least 2.5" in lines
    entry["targets"]["fast"] = 2.0
    assert "✓ at least 2" in "\n".join(tables({"lattice": [entry]}, "lattice"))


def test_every_benchmark_can_still_be_imported():
    for group in GROUPS:
        assert callable(import_module(f"benchmarks.{group}").run)


@pytest.mark.parametrize(
    "gradient", [Exact(), PCD(8, 2), PCD(8, persistent="hidden"), PCD(8, method="explicit")], ids=repr
)
def test_what_is_timed_is_the_training(gradient):
    rbm, target = ScalarRBM.random(6, 4, 9.0, rng=0), np.diag(np.linspace(0.1, 0.4, 6))
    trainer = Trainer(rbm, target, 0.1, gradient, rng=5)
    trainer.updates(7)
    assert (trainer.state.ensemble.weights[0] == train(rbm, target, 7, 0.1, gradient, rng=5).model.weights).all()


@pytest.mark.parametrize("zeros", [True, False])
def test_the_published_update_follows_the_gradient(zeros):
    """Eqs. (20) and (25), up to the noise of its chains."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    rbm, target, chains = ScalarRBM.random(4, 3, 4.0, scale=0.5, rng=0), np.diag([0.2, 0.4, 0.6, 0.8]), 100_000
    step = published_update(rbm, target, 1.0, PCD(chains, 20), zeros)() - rbm.weights
    C, W = rbm.propagator, rbm.weights
    error = np.sqrt((np.outer(np.diag(C), np.diag(W.T @ C @ W)) + (C @ W) ** 2) / chains)  # of <phi phi^T> W, by Wick
    assert (np.abs(step - (target - C) @ W) < 5 * error).all()
    assert (np.abs(step) > 20 * error).any()


def test_slope():
    assert slope([1, 2, 4], [3, 24, 192]) == pytest.approx(3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2e-9, "2 ns"),
        (1.5e-5, "15 µs"),
        (0.0021, "2.1 ms"),
        (59, "59 s"),
        (90, "1.5 min"),
        (7200, "2 h"),
        (864000, "10 days"),
    ],
)
def test_durations(value, text):
    assert seconds(value) == text


def test_results_are_stored_whole(tmp_path):
    path = tmp_path / "results.json"
    store({"a": [0.123456]}, path)
    assert json.loads(path.read_text()) == {"a": [0.1235]}
    with pytest.raises(TypeError):
        store({"a": object()}, path)
    assert json.loads(path.read_text()) == {"a": [0.1235]}
    assert list(tmp_path.iterdir()) == [path]


def test_the_stored_results_are_complete():
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    assert set(results) == {"machine", *GROUPS}
    page = (ROOT / "chapters" / "benchmarks.md").read_text(encoding="utf-8")
    for group in results:
        assert tables(results, group)
        assert page.count(f"```{{benchmarks}} {group}\n") == 1
    peers = {entry["reference"] for entry in results["peers"]}
    assert any("scikit-learn" in name for name in peers)
    assert "rbms" in peers
