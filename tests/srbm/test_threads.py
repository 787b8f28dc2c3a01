"""The number of BLAS threads: it changes no bit of a training, and is afterwards what it was."""

import threading

import numpy as np
import pytest

from srbm import PCD, ScalarRBM, second_moment, train
from srbm._support.runtime import single_threaded

threadpoolctl = pytest.importorskip("threadpoolctl")


def threads():
    """How many threads each BLAS of the process uses."""
    return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]


@pytest.fixture(autouse=True)
def two_threads():
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        if max(threads(), default=1) < 2:
            pytest.skip("this BLAS has one thread only")
        yield


def test_the_limit_is_lifted_by_the_last_that_leaves():
    inner = [threading.Event() for _ in range(3)]
    found = []

    def first():
        with single_threaded(10):
            inner[0].set()
            inner[1].wait(10)
        inner[2].set()

    other = threading.Thread(target=first)
    other.start()
    inner[0].wait(10)
    with single_threaded(10):
        inner[1].set()
        inner[2].wait(10)  # the first has left, and this one still needs the limit
        found.append(set(threads()))
    other.join()
    assert found == [{1}]
    assert set(threads()) == {2}


def test_trainings_side_by_side_leave_the_process_as_it_was():
    C = np.diag(1 / np.linspace(1, 3, 12))

    def work(seed):
        return train(ScalarRBM.random(12, 5, 6.0, rng=seed), C, 200, 0.01, PCD(32), rng=seed).log_likelihood[-1]

    alone = [work(seed) for seed in range(4)]
    together = [None] * 4

    def put(seed):
        together[seed] = work(seed)

    workers = [threading.Thread(target=put, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert together == alone
    assert set(threads()) == {2}


def test_a_training_sets_the_limit_once(monkeypatch):
    """It costs a millisecond, as much as twenty updates of a small model."""
    original, calls = threadpoolctl.threadpool_limits, []
    monkeypatch.setattr(threadpoolctl, "threadpool_limits", lambda **given: (calls.append(given), original(**given))[1])
    train(ScalarRBM.random(5, 3, 6.0, rng=0), np.eye(5), 2, 0.01, PCD(12), rng=0)
    assert calls == [{"limits": 1, "user_api": "blas"}]


def test_an_error_lifts_the_limit():
    with pytest.raises(ZeroDivisionError), single_threaded(10):
        raise ZeroDivisionError
    assert set(threads()) == {2}


@pytest.mark.parametrize(("n_hidden", "chains"), [(20, 80), (100, 40), (100, 240)])
def test_the_bits_of_a_training_do_not_depend_on_threads(n_hidden, chains):
    n_visible = 100  # chains in the hidden space, explicit ones, and their Gram matrix, all with an eigenbasis
    data = np.random.default_rng(0).standard_normal((400, n_visible))
    with threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        C = second_moment(data)

    def result():
        return train(ScalarRBM.random(n_visible, n_hidden, 4.0, rng=0), C, 30, 0.01, PCD(chains, 2), rng=1)

    with threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        one = result()
    two = result()
    np.testing.assert_array_equal(one.model.weights, two.model.weights)
    np.testing.assert_array_equal(one.log_likelihood, two.log_likelihood)
