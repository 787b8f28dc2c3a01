"""A training in a file: what is written, what a file must hold to be a training, and when it is written on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .._support.arrays import to_numpy
from .._support.checks import (
    PathLike,
    correlation_matrix,
    count,
    finite,
    fraction,
    learning_rate,
    learnt_mass,
    number,
)
from .._support.files import Stored, belonging, followed, load_arrays, path_of, save_arrays
from ..chains.stack import Ensemble
from ..errors import CheckpointError, DatasetError
from ..random import generator_from
from .history import HISTORY, Origin, Settings, State, history, measured, models_of, normalizable
from .schedules import StepDecay
from .strategies import CD, PCD, Exact, sampler_for
from .target import Target

Read = TypeVar("Read", bound=tuple[Any, ...])
"""What is read of a file: settings, state and records."""

_STRATEGIES = {strategy.__name__: strategy for strategy in (Exact, CD, PCD)}
"""The gradients that can be stored."""
_STORED = {
    "description": Stored(("U",)),
    "correlation": Stored(("f8",), (1, 2)),
    "basis": Stored(("f8",), (1, 2)),
    "epochs": Stored(("i8",), (1,)),
    "eigenvalues": Stored(("f8",), (2, 3)),
    "singular_values": Stored(("f8",), (2, 3)),
    "mass_squared": Stored(("f8",), (1, 2, 3)),
    "log_likelihood": Stored(("f8",), (1, 2)),
    "weights": Stored(("f8",), (3,)),
    "mass": Stored(("f8",), (2,)),
    "velocity_weights": Stored(("f8",), (3,)),
    "velocity_mass": Stored(("f8",), (2,)),
    "chains": Stored(("f4", "f8"), (1, 2, 3)),
}


class Checkpoint(NamedTuple):
    """Where and how often to store a training."""

    path: Path
    every: int

    def write(self, training: Any) -> None:
        """Store `training` in place of what is there."""
        try:
            training.save(self.path)
        except OSError as error:
            earlier = "; an earlier one is still there" if os.path.isfile(self.path) else ""
            raise CheckpointError(
                f"the checkpoint {self.path} could not be written after epoch {training.epochs[-1]} ({error})"
                f"{earlier}. Mend that and run the same call again, or go on with .last_good.resume(epochs)",
                training,
            ) from error


def checkpoint_at(path: PathLike, every: int) -> Checkpoint:
    """A checkpoint at `path`; what could not be written there is refused before anything runs."""
    path = path_of(path)
    try:
        if not followed(path).parent.is_dir():
            raise CheckpointError(f"the folder of the checkpoint {path} does not exist: create it first")
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "no regular file"
            raise CheckpointError(f"the checkpoint {path} is {what}: give the name of a file")
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(
            f"the checkpoint {path} cannot be reached ({error}): give another path, or change its permissions"
        ) from error
    return Checkpoint(path, every)


@contextmanager
def owning(checkpoint: Checkpoint) -> Iterator[None]:
    """A context in which nobody else trains with this checkpoint; raises `CheckpointError` where somebody does."""
    with ExitStack() as stack:
        try:
            stack.enter_context(belonging(followed(checkpoint.path)))
        except BlockingIOError as error:
            raise CheckpointError(
                f"another training writes the checkpoint {checkpoint.path} ({error.strerror}): wait until it has "
                "ended, or give each training a file of its own"
            ) from None
        yield


def write_training(path: PathLike, settings: Settings, state: State, records: dict[str, np.ndarray]) -> Path:
    """Write it to an .npz file, atomically and without pickle; returns its path."""
    return save_arrays(
        path,
        description=as_text(_description(settings, state)),
        correlation=to_numpy(settings.target.correlation),
        basis=np.empty(0) if settings.target.basis is None else settings.target.basis,
        **records,
        weights=to_numpy(state.ensemble.weights),
        mass=to_numpy(state.ensemble.mass_squared),
        velocity_weights=to_numpy(state.velocity[0]),
        velocity_mass=to_numpy(state.velocity[1]),
        chains=np.empty(0) if state.memory is None else to_numpy(state.memory),
    )


def read_training(path: PathLike) -> tuple[Settings, State, dict[str, np.ndarray]]:
    """What `write_training` wrote; raises `DatasetError` for a damaged file."""
    stored = load_arrays(path, _STORED)
    with describing(path):
        settings, state = _unpacked(stored, json.loads(stored["description"]))
        _check_last_record(stored, settings, state)
    return settings, state, {name: stored[name] for name in HISTORY}


@contextmanager
def describing(path: PathLike) -> Iterator[None]:
    """What goes wrong within is the fault of the file at `path`: `DatasetError`."""
    try:
        yield
    except ImportError as error:
        raise DatasetError(
            f"{path} was written with a generator of PyTorch, which is needed to read it: pip install "
            "torch array-api-compat"
        ) from error
    # RecursionError: JSON nested without end
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise DatasetError(f"{path} does not describe a training ({error!r}); restore it from a copy") from error


def read_same(
    path: Path, read: Callable[[Path], Read], different: Callable[[Any], list[str]], epochs: int, kind: str
) -> Read:
    """What `read` finds in the checkpoint of a `kind`, unless it has gone too far, or its settings are `different`."""
    try:
        before = read(path)
    except DatasetError as error:
        raise DatasetError(f"{error}, or delete it to start again") from error
    except OSError as error:
        raise CheckpointError(
            f"the checkpoint {path} cannot be read ({error}): give another path, or change its permissions"
        ) from error
    names = different(before[0])
    if names:
        raise CheckpointError(
            f"{path} is the checkpoint of another training: it differs in {', '.join(names)}. "
            "Give each training a file of its own, or delete this one to start again"
        )
    if before[1].epoch > epochs:
        raise CheckpointError(
            f"{path} has reached epoch {before[1].epoch}, beyond the {epochs} asked for: ask for "
            f"more, read it with {kind}.load, or delete it to start again"
        )
    return before


def differences(old: Settings, new: Settings, *, seeded: bool) -> list[str]:
    """The arguments of `train` in which two trainings differ; of the generators' starts only if `seeded`."""
    return unequal(_described(old), _described(new)) + unequal_origins(old.origin, new.origin, seeded=seeded)


def unequal(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of what differs once it has been stored."""
    return [name for name in now if as_text(before[name]) != as_text(now[name])]


def unequal_origins(old: Any, new: Any, *, seeded: bool) -> list[str]:
    """The arguments in which the beginnings of two trainings differ; of the generators' states only if `seeded`."""
    arguments = {"models": "rbm", "generator": "rng"}
    names = [arguments.get(name, name) for name in unequal(old._asdict(), new._asdict())]
    return [name for name in names if seeded or name != "rng"]


def _description(settings: Settings, state: State) -> dict[str, Any]:
    """All that is stored as text."""
    return _described(settings) | {
        "hidden_variance": state.ensemble.hidden_variance,
        "generator": state.generator,
        "origin": settings.origin._asdict(),
        "shortcuts": settings.host,
        "has_chains": state.memory is not None,
    }


def _described(settings: Settings) -> dict[str, Any]:
    """The settings but for the arrays as JSON can hold them, so that they can be stored and compared."""
    if type(settings.gradient) not in _STRATEGIES.values():
        raise TypeError(f"only {', '.join(_STRATEGIES)} can be stored as gradient, got {settings.gradient!r}")
    return {
        "learning_rate": rate_described(settings.learning_rate),
        "gradient": [type(settings.gradient).__name__, asdict(settings.gradient)],
        "learn_mass": settings.learn_mass,
        "momentum": settings.momentum,
        "weight_decay": settings.weight_decay,
        "record_every": settings.record_every,
    }


def rate_described(schedule: Any) -> Any:
    """A learning rate as JSON can hold it."""
    if not isinstance(schedule, (float, StepDecay)):
        raise TypeError(
            "only a number or a StepDecay can be stored as learning rate; "
            f"a {type(schedule).__name__} would need pickle"
        )
    return schedule if isinstance(schedule, float) else asdict(schedule)


def rate_from(described: Any) -> Any:
    """The inverse of `rate_described`."""
    return StepDecay(**described) if isinstance(described, dict) else learning_rate(described)


def check_epochs(epochs: np.ndarray) -> None:
    """Raise unless these can be the epochs of records."""
    if not len(epochs) or epochs[0] != 0 or (np.diff(epochs) <= 0).any():
        raise ValueError("epochs are not ascending from 0")


def check_known(described: Mapping[str, Any], again: Mapping[str, Any]) -> None:
    """Raise for entries of a description that would not be written `again`."""
    unknown = sorted(set(described) - set(again))
    if unknown:
        raise ValueError(f"the description has {', '.join(unknown)}, which this version of srbm does not know")


def _unpacked(stored: dict[str, Any], described: dict[str, Any]) -> tuple[Settings, State]:
    """Settings and state from the contents of a file, as far as they can be checked."""
    for name in ("shortcuts", "has_chains"):
        if not isinstance(described[name], bool):
            raise ValueError(f"{name} must be true or false")
    weights, mass = finite(stored["weights"], "weights"), finite(stored["mass"], "mass")
    runs, n_visible, _ = weights.shape
    if not runs or mass.shape not in ((runs, 1), (runs, n_visible)):
        raise ValueError(f"weights {weights.shape} and mass {mass.shape} do not match")
    target = _unpacked_target(stored, n_visible)
    velocity = finite(stored["velocity_weights"], "velocity"), finite(stored["velocity_mass"], "velocity")
    if (velocity[0].shape, velocity[1].shape) != (weights.shape, mass.shape):
        raise ValueError("velocity and parameters do not match")
    epochs = stored["epochs"]
    check_epochs(epochs)
    leading = (len(epochs),) if runs == 1 else (len(epochs), runs)
    shapes = {
        "eigenvalues": (n_visible,),
        "singular_values": (min(weights.shape[1:]),),
        "log_likelihood": (),
        "mass_squared": () if mass.shape[1] == 1 else (n_visible,),
    }
    for name, shape in shapes.items():
        if finite(stored[name], name).shape != leading + shape:
            raise ValueError(f"{name} has shape {stored[name].shape}, expected {leading + shape}")
    name, options = described["gradient"]
    settings = Settings(
        target,
        rate_from(described["learning_rate"]),
        _STRATEGIES[name](**options),
        learnt_mass(described["learn_mass"]),
        fraction(described["momentum"], "momentum"),
        fraction(described["weight_decay"], "weight_decay", np.inf),
        count(described["record_every"], "record_every", least=1),
        described["shortcuts"],
        Origin(**described["origin"]),
    )
    ensemble = Ensemble(weights, mass, number(described["hidden_variance"], "hidden_variance", above=0))
    models_of(target, ensemble)  # checks the parameters
    if not normalizable(ensemble):
        raise ValueError("the models are not normalisable")
    memory = stored["chains"] if described["has_chains"] else None  # in the precision in which they were
    finite(stored["chains"], "chains")
    rng = generator_from(described["generator"])
    sampler = sampler_for(settings.gradient, ensemble, settings.learn_mass, settings.host)
    fresh: Any = sampler.start(ensemble, target.correlation, rng)
    found, wanted = (None if these is None else these.shape for these in (memory, fresh))
    if found != wanted:
        raise ValueError(f"chains have shape {found}, expected {wanted}")
    state = State(int(epochs[-1]), ensemble, velocity, memory, described["generator"])
    check_known(described, _description(settings, state))
    return settings, state


def _unpacked_target(stored: dict[str, Any], n_visible: int) -> Target:
    """<phi phi^T> in the basis of the nodes, or its eigenvalues and their basis."""
    if not stored["basis"].size:
        return Target(correlation_matrix(stored["correlation"], n_visible))
    correlation, basis = finite(stored["correlation"], "correlation"), finite(stored["basis"], "basis")
    if correlation.shape != (n_visible,) or basis.shape != (n_visible, n_visible):
        raise ValueError(f"correlation {correlation.shape} and basis {basis.shape} do not match {n_visible} nodes")
    if np.abs(basis).max() > 2 or np.abs(basis.T @ basis - np.eye(n_visible)).max() > 1e-6:
        raise ValueError("basis is not orthonormal")
    if correlation.min() < -1e-10 * correlation.max():
        raise ValueError("an eigenvalue of the correlation matrix is negative")
    return Target(correlation, basis)


def _check_last_record(stored: dict[str, Any], settings: Settings, state: State) -> None:
    """Raise unless the history ends with what the weights give."""
    last = history([measured(settings, state)])
    for name in HISTORY:
        stated, found = stored[name][-1], last[name][-1]
        if not np.allclose(stated, found, rtol=1e-6, atol=1e-6 * np.abs(found).max(initial=0)):
            raise ValueError(f"the last record of {name} is not that of the weights")


def _json_array(value: Any) -> list[Any]:
    """Some bit generators keep part of their state in arrays."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be stored")


def as_text(value: Any) -> str:
    """`value` as JSON, equal for equal values."""
    return json.dumps(value, default=_json_array, sort_keys=True)
