"""What a training of binary hidden nodes is made of, and how that is in a file.

A file does not hold the data, which may be large and are needed only to go on, but their SHA-256.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from .._support.arrays import digest
from .._support.checks import Floats, PathLike, count, finite, fraction, numpy_generator
from .._support.files import Stored, load_arrays, save_arrays
from ..gaussian_bernoulli import GaussianBernoulliRBM
from ..random import generator_from
from .checkpoint import (
    as_text,
    check_epochs,
    check_known,
    describing,
    rate_described,
    rate_from,
    unequal,
    unequal_origins,
)

_STORED = {
    "description": Stored(("U",)),
    "epochs": Stored(("i8",), (1,)),
    "weights": Stored(("f8",), (4,)),
    "hidden_bias": Stored(("f8",), (3,)),
    "mass_squared": Stored(("f8",), (2,)),
    "velocity_weights": Stored(("f8",), (3,)),
    "velocity_bias": Stored(("f8",), (2,)),
    "velocity_mass": Stored(("f8",), (1,)),
    "chains": Stored(("f8",), (1, 3)),
}


@dataclass(frozen=True, eq=False)
class Samples:
    """The data (n, N_v) of a training, or no more than what identifies them."""

    values: Floats | None
    known: str = ""

    @cached_property
    def digest(self) -> str:
        """Their SHA-256."""
        return self.known or digest(cast("Floats", self.values))


class Origin(NamedTuple):
    """Where a training began."""

    models: str
    """SHA-256 of the parameters of the initial models."""
    start: str
    """SHA-256 of the chains, where their states were given."""
    generator: Mapping[str, Any]
    """State of the generator before anything was drawn."""


class Settings(NamedTuple):
    """What stays the same from epoch to epoch."""

    data: Samples
    learning_rate: float | Callable[[int], float]
    chains: int | None
    """Number of persistent chains; None where the model's averages are enumerated."""
    steps: int
    batch: int | None
    """Rows of the data that are drawn for an update; None where all are taken."""
    learn_bias: bool
    learn_mass: bool
    momentum: float
    record_every: int
    origin: Origin


class State(NamedTuple):
    """What an epoch changes; with `Settings` it determines everything that follows. Tuples have an entry per run."""

    epoch: int
    models: tuple[GaussianBernoulliRBM, ...]
    velocity: tuple[tuple[Any, Any, Any], ...]
    """Of W, eta and mu^2."""
    chains: tuple[Floats, ...] | None
    """States (B, N_v) of the chains."""
    generator: Mapping[str, Any]


class Record(NamedTuple):
    """The models of the runs at a recorded epoch."""

    epoch: int
    models: tuple[GaussianBernoulliRBM, ...]


def digest_of(models: tuple[GaussianBernoulliRBM, ...]) -> str:
    """SHA-256 of the parameters."""
    parameters = (model.__getstate__().values() for model in models)
    return digest(*(part for parts in parameters for part in parts))


def write(path: PathLike, settings: Settings, state: State, records: list[Record]) -> Path:
    """Write it to an .npz file, atomically and without pickle; returns its path. The last record is the state's."""

    def of_all(name: str) -> np.ndarray:
        return np.array([[getattr(model, name) for model in record.models] for record in records])

    weights, bias, mass = (np.array(part) for part in zip(*state.velocity, strict=True))
    return save_arrays(
        path,
        description=as_text(_description(settings, state)),
        epochs=np.array([record.epoch for record in records], dtype=np.int64),
        weights=of_all("weights"),
        hidden_bias=of_all("hidden_bias"),
        mass_squared=of_all("mass_squared"),
        velocity_weights=weights,
        velocity_bias=bias,
        velocity_mass=mass,
        chains=np.empty(0) if state.chains is None else np.stack(state.chains),
    )


def read(path: PathLike) -> tuple[Settings, State, list[Record]]:
    """What `write` wrote; raises `DatasetError` for a damaged file."""
    stored = load_arrays(path, _STORED)
    with describing(path):
        return _unpacked(stored, json.loads(stored["description"]))


def differences(old: Settings, new: Settings, *, seeded: bool) -> list[str]:
    """The arguments of `train_bernoulli` in which two trainings differ; of the generators' starts only if `seeded`."""
    return unequal(_described(old), _described(new)) + unequal_origins(old.origin, new.origin, seeded=seeded)


def _described(settings: Settings) -> dict[str, Any]:
    """The settings but for the origin as JSON can hold them."""
    return {
        "learning_rate": rate_described(settings.learning_rate),
        "chains": settings.chains,
        "steps": settings.steps,
        "batch": settings.batch,
        "learn_bias": settings.learn_bias,
        "learn_mass": settings.learn_mass,
        "momentum": settings.momentum,
        "record_every": settings.record_every,
        "data": settings.data.digest,
    }


def _description(settings: Settings, state: State) -> dict[str, Any]:
    return _described(settings) | {"origin": settings.origin._asdict(), "generator": state.generator}


def _unpacked(stored: dict[str, Any], described: dict[str, Any]) -> tuple[Settings, State, list[Record]]:
    """Settings, state and records from the contents of a file, as far as they can be checked."""
    for name in ("learn_bias", "learn_mass"):
        if not isinstance(described[name], bool):
            raise ValueError(f"{name} must be true or false")
    if not isinstance(described["data"], str) or not described["data"]:
        raise ValueError("data must be identified by a text")
    epochs, weights = stored["epochs"], stored["weights"]
    check_epochs(epochs)
    length, runs, n_visible, n_hidden = weights.shape
    if length != len(epochs) or not runs:
        raise ValueError(f"{len(epochs)} epochs and weights {weights.shape} do not match")
    if (stored["hidden_bias"].shape, stored["mass_squared"].shape) != ((length, runs, n_hidden), (length, runs)):
        raise ValueError("weights, bias and mass do not match")
    records = [
        Record(int(epoch), tuple(GaussianBernoulliRBM(*model) for model in zip(*parts, strict=True)))
        for epoch, *parts in zip(epochs, weights, stored["mass_squared"], stored["hidden_bias"], strict=True)
    ]
    velocity = tuple(finite(stored[f"velocity_{name}"], "velocity") for name in ("weights", "bias", "mass"))
    if [part.shape for part in velocity] != [(runs, n_visible, n_hidden), (runs, n_hidden), (runs,)]:
        raise ValueError("velocity and parameters do not match")
    chains, batch = described["chains"], described["batch"]
    settings = Settings(
        Samples(None, described["data"]),
        rate_from(described["learning_rate"]),
        None if chains is None else count(chains, "chains", least=1),
        count(described["steps"], "steps", least=1),
        None if batch is None else count(batch, "batch", least=1),
        described["learn_bias"],
        described["learn_mass"],
        fraction(described["momentum"], "momentum"),
        count(described["record_every"], "record_every", least=1),
        Origin(**described["origin"]),
    )
    states = finite(stored["chains"], "chains")
    wanted = (0,) if settings.chains is None else (runs, settings.chains, n_visible)
    if states.shape != wanted:
        raise ValueError(f"chains have shape {states.shape}, expected {wanted}")
    if settings.origin.models != digest_of(records[0].models):
        raise ValueError("the first record is not that of the initial models")
    numpy_generator(generator_from(described["generator"]))
    state = State(
        records[-1].epoch,
        records[-1].models,
        tuple(zip(*velocity, strict=True)),
        None if settings.chains is None else tuple(states),
        described["generator"],
    )
    check_known(described, _description(settings, state))
    return settings, state, records
