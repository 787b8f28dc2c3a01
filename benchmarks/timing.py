"""Paired timings: the contenders take turns, A B A B ..., and what is compared is the ratio within each turn.

Times are processor times of this process, which has one thread (`make bench` sees to that): a neighbour who takes the
core away does not count, though one who shares its caches does.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import process_time

import numpy as np

from srbm._support.files import write_text
from srbm._support.runtime import processor

PACKAGES = ("srbm", "numpy", "scipy", "torch", "rbms", "scikit-learn")


def timed(work: Callable[[], object]) -> float:
    """Processor seconds of one call."""
    start = process_time()
    work()
    return process_time() - start


def paired(contenders: dict[str, Callable[[], object]], rounds: int, units: dict[str, float] | float = 1) -> dict:
    """Seconds per unit of work, {name: [one per round]}; each contender is called once before, to warm up.

    `units` is how many units of work (updates, say, or updates times runs) one call does, for all or by name.
    """
    for work in contenders.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            share = units if isinstance(units, (int, float)) else units[name]
            times[name].append(timed(work) / share)
    return times


def comparison(case: str, reference: str, times: dict, targets: dict[str, float] | None = None) -> dict:
    """An entry of the results: the times, what they are compared with, and the speed-ups aimed at, by name."""
    return {"case": case, "reference": reference, "times": times, "targets": targets or {}}


def ratios(entry: dict, name: str) -> np.ndarray:
    """By how much `name` is faster than the reference, one number per round."""
    return np.array(entry["times"][entry["reference"]]) / np.array(entry["times"][name])


def slope(x, y) -> float:
    """The exponent of y ~ x^slope, by least squares of the logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def machine() -> dict:
    """What the numbers depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "blas": _blas(),
        "packages": found,
    }


def _blas() -> str:
    from threadpoolctl import threadpool_info

    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return ", ".join(
        sorted({f"{library['internal_api']} {library['version']} ({library['architecture']})" for library in libraries})
    )


def store(results: dict, path: Path) -> None:
    """Write the results; the file appears whole or not at all."""
    write_text(path, json.dumps(_rounded(results), indent=1) + "\n")


def _rounded(value):
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, (float, np.floating)) else value
