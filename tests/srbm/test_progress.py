"""Progress bars: one for all long work, on stderr, only where wanted, and complete at the end."""

import re
import sys

import numpy as np
import pytest

from srbm import (
    PCD,
    FreeScalarField,
    GaussianBernoulliRBM,
    Phi4RBM,
    ScalarRBM,
    gradient_flow,
    second_moment,
    train,
    train_bernoulli,
)

TARGET = np.diag([0.5, 0.25])
GAUSSIAN, BERNOULLI = ScalarRBM.random(2, 2, 6.0, rng=0), GaussianBernoulliRBM.random(2, 2, 6.0, rng=0)
LONG_WORK = {
    "train": lambda progress: train(GAUSSIAN, TARGET, 7, 0.01, PCD(8), rng=0, progress=progress),
    "resume": lambda progress: train(GAUSSIAN, TARGET, 3, 0.01).resume(4, progress=progress),
    "train_bernoulli": lambda progress: train_bernoulli(BERNOULLI, np.eye(2), 7, 0.01, progress=progress),
    "gradient_flow": lambda progress: gradient_flow(GAUSSIAN, TARGET, np.arange(7.0), progress=progress),
    "metropolis": lambda progress: FreeScalarField(2).metropolis(
        3, 0, chains=3, burn_in=5, sweeps=2, progress=progress
    ),
    "Phi4RBM.sample": lambda progress: Phi4RBM(np.eye(2), 6.0, 1.0).sample(
        2, 0, chains=2, burn_in=3, sweeps=4, progress=progress
    ),
    "trace": lambda progress: GAUSSIAN.trace(2, np.zeros((3, 2)), 0, burn_in=1, sweeps=3, progress=progress),
    "second_moment": lambda progress: second_moment([np.ones((3, 2)), np.zeros((4, 2))], progress=progress),
    "annealed_log_partition": lambda progress: BERNOULLI.annealed_log_partition(3, 7, 0, progress=progress),
}
every = pytest.mark.parametrize("work", LONG_WORK.values(), ids=LONG_WORK)


@every
def test_progress_is_shown_on_stderr_when_wanted_only(work, capfd):
    work(False)
    assert capfd.readouterr() == ("", "")
    work(True)
    out, err = capfd.readouterr()
    assert out == ""
    assert re.search(r"100%.*\b7/7\b|\b7sample", err.split("\r")[-1])


@every
def test_progress_changes_no_result(work):
    first, second = work(False), work(True)
    if hasattr(first, "eigenvalues"):
        first, second = first.eigenvalues, second.eigenvalues
    if hasattr(first, "singular_values"):
        first, second = first.singular_values, second.singular_values
    np.testing.assert_array_equal(first, second)


@every
def test_without_tqdm_it_says_what_to_install(work, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    work(False)
    with pytest.raises(ImportError, match=r"progress=True needs tqdm: pip install tqdm, or leave progress out"):
        work(True)
