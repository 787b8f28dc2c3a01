"""Many independent runs, in one process or in several, with the same result.

Every case gets a random generator of its own, the i-th child of one seed (`numpy.random.SeedSequence.spawn`). Children
are independent of each other and of how many there are, so a result depends on the seed and on the place of its case
in the list, and not on the number of workers or on which of them is first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ._support.checks import count, described
from ._support.runtime import single_threaded


def sweep(function: Callable[..., Any], cases: Iterable[Any], *, seed: Any, n_jobs: int = 1) -> list[Any]:
    """Call a function for many cases, each with a random generator of its own.

    The result is that of `[function(case, rng) for case in cases]`, with another `rng` for each.

    Every case runs with one BLAS thread where threadpoolctl is installed (pip install threadpoolctl), since threads
    would change roundings and cases already fill the cores. Without it the last bits may depend on `n_jobs`.

    Parameters
    ----------
    function : callable
        Called as `function(case, rng)` with a `numpy.random.Generator`. What it returns travels between processes.
    cases : iterable
        Values of N_h, pairs of N_h and a learning rate, or whatever the function takes.
    seed : int, sequence of int, or SeedSequence
        Fixes all random numbers. A case keeps its own when cases are appended to the list.
    n_jobs : int
        Number of processes, -1 for one per core. More than one needs joblib (pip install joblib), and follows
        `joblib.parallel_config`: with backend "dask" the cases go to the cluster of the active
        `dask.distributed.Client`.

    Returns
    -------
    list
        What the function returned, in the order of the cases, whatever the number of processes.

    Raises
    ------
    ImportError
        For several processes without joblib.

    Examples
    --------
    >>> from srbm import sweep
    >>> sweep(lambda n, rng: rng.standard_normal(n).shape, [1, 2, 3], seed=0)
    [(1,), (2,), (3,)]
    """
    cases = list(cases)
    sequence = _sequence(seed)
    # Not sequence.spawn, which counts the children it has had: a second call would give other numbers.
    children = [np.random.SeedSequence(sequence.entropy, spawn_key=(*sequence.spawn_key, i)) for i in range(len(cases))]
    if n_jobs != -1:
        n_jobs = count(n_jobs, "n_jobs", least=1)
    if n_jobs == 1:
        return [_run(function, *job) for job in zip(cases, children, strict=True)]
    try:
        import joblib
    except ImportError as error:
        raise ImportError(f"n_jobs = {n_jobs} needs joblib: pip install joblib, or use n_jobs=1") from error
    jobs = (joblib.delayed(_run)(function, *job) for job in zip(cases, children, strict=True))
    return joblib.Parallel(n_jobs=n_jobs)(jobs)


def _sequence(seed: Any) -> np.random.SeedSequence:
    if isinstance(seed, np.random.SeedSequence):
        return seed
    try:
        return np.random.SeedSequence(seed)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"seed must be a non-negative integer, a sequence of them, or a SeedSequence, got {described(seed)}"
        ) from None


def _run(function: Callable[..., Any], case: Any, child: np.random.SeedSequence) -> Any:
    with single_threaded(0):
        return function(case, np.random.default_rng(child))
