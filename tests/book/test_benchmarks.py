"""The helper of the benchmarks, and the page made from their stored results."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from benchmarks import grading
from benchmarks.__main__ import main
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


def test_a_class_is_answered():
    answers = [
        {"cell_type": "code", "metadata": {"tags": ["answer", label]}, "source": "..."} for label in grading.RIGHT
    ]
    other = {"cell_type": "code", "metadata": {"tags": ["ex-2-1"]}, "source": "x"}
    found = grading.answered({"cells": [*answers, other]}, grading.RIGHT)["cells"]
    assert [cell["source"] for cell in found] == [*grading.RIGHT.values(), "x"]
    assert {cell["source"] for cell in answers} == {"..."}
    kinds = [sum(kind == one for kind in grading.KINDS) for one in (grading.RIGHT, grading.WRONG, grading.RAISES, {})]
    assert kinds == [6, 2, 1, 1]  # as the page says


@pytest.mark.slow
def test_a_class_is_graded():
    found = grading.run(hand_ins=2)
    assert found["graded"] == 2
    (first, _), (again, _) = found["times"].values()
    assert first > again + 0.3  # the answers run in processes that the command has not waited for
    lines = "\n".join(
        tables({"grading": found | {"hand_ins": 60, "times": {"first": (120.0, 90.0)}, "load": 3.21}}, "grading")
    )
    assert "60 hand-ins to exercises 2.1 and 2.3" in lines
    assert "by the clock, at load 3.2 |" in lines
    assert "| first | 2 min | 2 s | 1.5 min |" in lines


def test_one_group_is_stored_beside_the_others(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    there = {"machine": {"processor": "p", "cores": 2, "python": "3", "blas": "b"}, "growth": [], "imports": {}}
    path.write_text(json.dumps(there))
    monkeypatch.setattr("benchmarks.__main__.RESULTS", path)
    monkeypatch.setattr("benchmarks.__main__.machine", lambda: there["machine"] | {"blas": "another"})
    monkeypatch.setattr("benchmarks.imports.run", lambda: {"python": [1.0]})
    main(["imports"])
    assert json.loads(path.read_text()) == there
    main(["--store", "imports"])
    assert json.loads(path.read_text()) == there | {"imports": {"python": [1.0]}}
    monkeypatch.setattr("benchmarks.__main__.machine", lambda: there["machine"] | {"cores": 4})
    with pytest.raises(SystemExit, match="another machine"):
        main(["--store", "imports"])


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
