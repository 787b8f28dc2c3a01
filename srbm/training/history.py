"""What a training is made of: its settings, its state after an epoch, and the records that are made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .._support.checks import Floats, LearntMass
from .._support.runtime import single_threaded
from ..chains.stack import Ensemble
from ..model import ScalarRBM
from .target import Target


class Origin(NamedTuple):
    """Where a training began."""

    models: str
    """SHA-256 of the parameters of the initial models."""
    correlation: str
    """SHA-256 of the target's <phi phi^T>."""
    generator: Mapping[str, Any]
    """State of the generator before anything was drawn."""


class Settings(NamedTuple):
    """What stays the same from epoch to epoch."""

    target: Target
    learning_rate: float | Callable[[int], float]
    gradient: Any
    learn_mass: LearntMass
    momentum: float
    weight_decay: float
    record_every: int
    host: bool
    """Whether it began with NumPy's arrays and random numbers. The method that this chose stays on another device."""
    origin: Origin


class State(NamedTuple):
    """What an epoch changes, in the basis of `Target`; with `Settings` it determines everything that follows."""

    epoch: int
    ensemble: Ensemble
    velocity: tuple[Floats, Floats]
    memory: Floats | None
    """What the sampler carries from update to update: chains that persist, or a root of the data's correlation."""
    generator: Mapping[str, Any]


class Record(NamedTuple):
    """What is measured at a recorded epoch, a leading axis for the runs."""

    epoch: int
    eigenvalues: Floats
    singular_values: Floats
    mass_squared: Floats
    log_likelihood: Floats


HISTORY = ("epochs", *Record._fields[1:])
"""The names of the records in a `Training`."""


def measured(settings: Settings, state: State) -> Record:
    """The spectra of the state, and the log-likelihood of the target."""
    ensemble, target = state.ensemble.on_host(), settings.target.on_host()
    weights, mass = ensemble.weights, ensemble.mass_squared
    xi = np.linalg.svd(weights, compute_uv=False)
    n_visible = weights.shape[1]
    if mass.shape[1] == 1:
        eigenvalues = mass - ensemble.hidden_variance * xi**2
        if without := n_visible - xi.shape[1]:  # modes that no hidden node is left for
            eigenvalues = np.concatenate([eigenvalues, np.broadcast_to(mass, (len(mass), without))], axis=1)
        mass_squared = mass[:, 0]
    else:
        eigenvalues = np.linalg.eigvalsh(ensemble.kernel)
        mass_squared = mass
    trace = (mass * target.variances).sum(axis=1)
    trace -= ensemble.hidden_variance * (weights * target.times(weights)).sum(axis=(1, 2))
    log_z = (n_visible * np.log(2 * np.pi) - np.log(eigenvalues).sum(axis=1)) / 2
    return Record(state.epoch, eigenvalues, xi, mass_squared, -trace / 2 - log_z)


def history(records: list[Record]) -> dict[str, np.ndarray]:
    """The records as arrays by the names `HISTORY`; with one run the axis of the runs is absent."""
    arrays = {name: np.array([getattr(record, name) for record in records]) for name in Record._fields[1:]}
    if records[0].log_likelihood.shape[0] == 1:
        arrays = {name: values[:, 0] for name, values in arrays.items()}
    return {"epochs": np.array([record.epoch for record in records], dtype=np.int64), **arrays}


def normalizable(ensemble: Ensemble) -> bool:
    """Whether all runs are, and are numbers."""
    with np.errstate(all="ignore"):  # what overflows is not
        return bool(ensemble.normalizable().all())


def models_of(target: Target, ensemble: Ensemble) -> tuple[ScalarRBM, ...]:
    """The model of each run, in the basis of the nodes."""
    ensemble, target = ensemble.on_host(), target.on_host()
    with single_threaded(ensemble.weights.shape[1]):  # as all that went before, for the bits not to depend on threads
        in_nodes = target.to_nodes(ensemble.weights)
    return tuple(
        ScalarRBM(weights, mass[0] if len(mass) == 1 else mass, ensemble.hidden_variance)
        for weights, mass in zip(in_nodes, ensemble.mass_squared, strict=True)
    )
