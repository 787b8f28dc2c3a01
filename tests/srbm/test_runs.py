"""Sweeps do not depend on where and in how many processes they run."""

import builtins

import numpy as np
import pytest

from srbm import PCD, FreeScalarField, ScalarRBM, train
from srbm.runs import sweep


def numbers(case, rng):
    return case, rng.standard_normal(3).tolist()


def trained(n_hidden, rng):
    field = FreeScalarField(6, 4.0)
    rbm = ScalarRBM.random(6, n_hidden, 8.0, rng=rng)
    return train(rbm, field.propagator, 20, 0.05, PCD(16), rng=rng, record_every=20).eigenvalues[-1]


def test_every_case_has_the_child_of_its_place():
    children = np.random.SeedSequence(5).spawn(3)
    expected = [numbers(case, np.random.default_rng(child)) for case, child in zip("abc", children, strict=True)]
    assert sweep(numbers, "abc", seed=5) == expected
    assert sweep(numbers, iter("abcd"), seed=5)[:3] == expected
    assert sweep(numbers, "abc", seed=6) != expected


def test_a_seed_sequence_is_not_used_up():
    parent = np.random.SeedSequence(5)
    assert sweep(numbers, "ab", seed=parent) == sweep(numbers, "ab", seed=parent) == sweep(numbers, "ab", seed=5)
    child = np.random.SeedSequence(5).spawn(2)[1]
    grandchildren = np.random.SeedSequence(5).spawn(2)[1].spawn(2)
    assert sweep(numbers, "ab", seed=child) == [
        numbers(c, np.random.default_rng(g)) for c, g in zip("ab", grandchildren, strict=True)
    ]
    assert sweep(numbers, [], seed=5) == []


def test_the_number_of_processes_does_not_matter():
    cases = [2, 6, 4, 1]
    alone = sweep(trained, cases, seed=7)
    np.testing.assert_array_equal(sweep(trained, cases, seed=7, n_jobs=2), alone)
    assert (sweep(trained, cases, seed=8)[0] != alone[0]).any()


def test_wrong_arguments(monkeypatch):
    with pytest.raises(ValueError, match="n_jobs must be an integer of at least 1, got 0"):
        sweep(numbers, "ab", seed=1, n_jobs=0)
    real = builtins.__import__

    def without_joblib(name, *rest):
        if name == "joblib":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_joblib)
    with pytest.raises(ImportError, match=r"n_jobs = 2 needs joblib: pip install joblib, or use n_jobs=1"):
        sweep(numbers, "ab", seed=1, n_jobs=2)
