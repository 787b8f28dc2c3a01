"""Training: gradient ascent of the log-likelihood, Eqs. (20)-(25) and (A1), (A2).

One epoch is one parameter update. The learnt parameters are W and, on request, mu^2 itself (Eq. 22; codes that learn mu
instead move mu^2 four mu^2 times as fast). Several runs, each with its own noise and, if given, its own start, are
trained at once as one stack of matrices.

A run whose kernel would lose its last positive eigenvalue is stopped: `NotNormalizableError.last_good` is the training
up to there. Nothing else would notice, since all of the formulas go on giving finite numbers beyond the pole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ._arrays import is_numpy, like, namespace, require_float64, to_numpy
from ._files import Stored, load_arrays, remove_leftovers, save_arrays
from ._positivity import PositivityGuard
from ._progress import progress_bar
from ._random import generator_from, random_generator
from ._samplers import sampler_for
from ._target import Target
from ._threads import single_threaded
from ._validation import Floats, PathLike, Seed, correlation_matrix, count, finite, number
from .errors import CheckpointError, DatasetError, NotNormalizableError, TrainingInterrupted
from .gradient import CD, PCD, Ensemble, Exact
from .hidden_chains import HiddenChains
from .model import ScalarRBM
from .single_chains import SingleChains

_STRATEGIES = {strategy.__name__: strategy for strategy in (Exact, CD, PCD)}
"""The gradients that can be stored."""
_STORED = {
    "description": Stored(("U",)), "correlation": Stored(("f8",), (1, 2)),
    "basis": Stored(("f8",), (1, 2)), "epochs": Stored(("i8",), (1,)),
    "eigenvalues": Stored(("f8",), (2, 3)), "singular_values": Stored(("f8",), (2, 3)),
    "mass_squared": Stored(("f8",), (1, 2, 3)), "log_likelihood": Stored(("f8",), (1, 2)),
    "weights": Stored(("f8",), (3,)), "mass": Stored(("f8",), (2,)), "velocity_weights": Stored(("f8",), (3,)),
    "velocity_mass": Stored(("f8",), (2,)), "chains": Stored(("f4", "f8"), (1, 2, 3)),
}


@dataclass(frozen=True)
class StepDecay:
    """The learning rate of Eq. (A2): multiplied by `factor` (r) at epochs `every`, 2 `every`, ... (N_epoch^rate)."""

    initial: float
    factor: float = 0.99
    every: int = 128

    def __post_init__(self) -> None:
        object.__setattr__(self, "initial", number(self.initial, "initial", above=0))
        object.__setattr__(self, "factor", number(self.factor, "factor", above=0))
        object.__setattr__(self, "every", count(self.every, "every", least=1))

    def __call__(self, epoch: int) -> float:
        """The learning rate of the update that follows `epoch` updates."""
        return self.initial * self.factor ** (epoch // self.every)


class _Origin(NamedTuple):
    """Where a training began."""

    models: str
    """SHA-256 of the parameters of the initial models."""
    correlation: str
    """SHA-256 of the target's <phi phi^T>."""
    generator: Mapping[str, Any]
    """State of the generator before anything was drawn."""


class _Settings(NamedTuple):
    """What stays the same from epoch to epoch."""

    target: Target
    learning_rate: float | Callable[[int], float]
    gradient: Any
    learn_mass: bool
    momentum: float
    weight_decay: float
    record_every: int
    origin: _Origin


class _State(NamedTuple):
    """What an epoch changes, in the basis of `Target`; with `_Settings` it determines everything that follows."""

    epoch: int
    ensemble: Ensemble
    velocity: tuple[Floats, Floats]
    chains: Floats | None
    generator: Mapping[str, Any]


class _Record(NamedTuple):
    """What is measured at a recorded epoch, a leading axis for the runs."""

    epoch: int
    eigenvalues: Floats
    singular_values: Floats
    mass_squared: Floats
    log_likelihood: Floats


_HISTORY = ("epochs", *_Record._fields[1:])
"""The names of the records in a `Training`."""


@dataclass(frozen=True, eq=False, repr=False)
class Training:
    """The history of a training and everything needed to go on with it.

    With one run the `runs` axis is absent; (T,) counts the recorded epochs.

    Attributes
    ----------
    epochs : (T,) updates made before each record; the first is 0, the last the final one
    eigenvalues : (T[, runs], N_v) lambda_alpha, ascending
    singular_values : (T[, runs], min(N_v, N_h)) xi_alpha, descending
    mass_squared : (T[, runs]) or, with a mass per node, (T[, runs], N_v)
    log_likelihood : (T[, runs]) of the target under the model, nats per configuration
    models : tuple of ScalarRBM, the trained model of each run
    """

    epochs: np.ndarray
    eigenvalues: Floats
    singular_values: Floats
    mass_squared: Floats
    log_likelihood: Floats
    models: tuple[ScalarRBM, ...]
    _settings: _Settings
    _state: _State

    def __repr__(self) -> str:
        runs = f"{len(self.models)} runs of " if len(self.models) > 1 else ""
        return (f"<Training: {runs}{self.epochs[-1]} epochs, {len(self.epochs)} records, last log-likelihood "
                f"{self.log_likelihood[-1].mean():.6g} nats>")

    @property
    def model(self) -> ScalarRBM:
        """The trained model of a single run."""
        if len(self.models) != 1:
            raise ValueError(f"there are {len(self.models)} runs: use .models")
        return self.models[0]

    def resume(self, epochs: int, *, progress: bool = False, callback: Callable[..., object] | None = None,
               checkpoint: PathLike | None = None, checkpoint_every: int = 1000) -> Training:
        """Train for `epochs` more epochs, exactly as if the first call had not stopped.

        The result is to the last bit that of one call: a record that was made only because the first call ended there
        is dropped. `checkpoint` is a file to be written as in `train`, in place of what it may hold.
        """
        epochs = self._state.epoch + count(epochs, "epochs")
        return _run(self._settings, self._state, self._records(), epochs, generator_from(self._state.generator),
                    progress, callback, _checkpoint(checkpoint, checkpoint_every))

    def _records(self) -> list[_Record]:
        """The records that a longer training has, too."""
        runs = slice(None) if len(self.models) > 1 else None
        rows = zip(self.epochs, self.eigenvalues, self.singular_values, self.mass_squared, self.log_likelihood,
                   strict=True)
        return [_Record(int(epoch), *(np.asarray(value)[runs] for value in values)) for epoch, *values in rows
                if epoch % self._settings.record_every == 0]

    def save(self, path: PathLike) -> Path:
        """Write the training to an .npz file, atomically and without pickle; returns its path."""
        settings, state = self._settings, self._state
        described = _described(settings) | {
            "hidden_variance": state.ensemble.hidden_variance, "generator": state.generator,
            "origin": settings.origin._asdict(), "has_chains": state.chains is not None,
        }
        return save_arrays(
            path, description=json.dumps(described, default=_json_array),
            correlation=to_numpy(settings.target.correlation),
            basis=np.empty(0) if settings.target.basis is None else settings.target.basis,
            epochs=self.epochs, eigenvalues=self.eigenvalues, singular_values=self.singular_values,
            mass_squared=self.mass_squared, log_likelihood=self.log_likelihood,
            weights=to_numpy(state.ensemble.weights), mass=to_numpy(state.ensemble.mass),
            velocity_weights=to_numpy(state.velocity[0]), velocity_mass=to_numpy(state.velocity[1]),
            chains=np.empty(0) if state.chains is None else to_numpy(state.chains))

    def _where(self, correlation: Any) -> Training:
        """The same with its arrays in the library and on the device of `correlation`."""
        settings, state = self._settings, self._state
        if is_numpy(correlation):
            return self
        ensemble = Ensemble(like(state.ensemble.weights, correlation), like(state.ensemble.mass, correlation),
                            state.ensemble.hidden_variance)
        velocity = like(state.velocity[0], correlation), like(state.velocity[1], correlation)
        chains = None if state.chains is None else like(state.chains, correlation)
        target = Target(like(settings.target.correlation, correlation))
        return replace(self, _settings=settings._replace(target=target),
                       _state=state._replace(ensemble=ensemble, velocity=velocity, chains=chains))

    @classmethod
    def load(cls, path: PathLike) -> Training:
        """Read a training written by `save`; raises `DatasetError` for a damaged file."""
        stored = load_arrays(path, _STORED)
        try:
            settings, state = _unpacked(stored, json.loads(stored["description"]))
            _check_last_record(stored, settings, state)
        # RecursionError: JSON nested without end
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise DatasetError(f"{path} does not describe a training ({error!r}); restore it from a copy") from error
        return cls(**{name: stored[name] for name in _HISTORY}, models=_models(settings.target, state.ensemble),
                   _settings=settings, _state=state)


def _described(settings: _Settings) -> dict[str, Any]:
    """The settings but for the arrays as JSON can hold them, so that they can be stored and compared."""
    schedule = settings.learning_rate
    if not isinstance(schedule, (float, StepDecay)):
        raise TypeError("only a number or a StepDecay can be stored as learning rate; "
                        f"a {type(schedule).__name__} would need pickle")
    if type(settings.gradient) not in _STRATEGIES.values():
        raise TypeError(f"only {', '.join(_STRATEGIES)} can be stored as gradient, got {settings.gradient!r}")
    return {
        "learning_rate": schedule if isinstance(schedule, float) else asdict(schedule),
        "gradient": [type(settings.gradient).__name__, asdict(settings.gradient)],
        "learn_mass": settings.learn_mass, "momentum": settings.momentum, "weight_decay": settings.weight_decay,
        "record_every": settings.record_every,
    }


def _unpacked(stored: dict[str, Any], described: dict[str, Any]) -> tuple[_Settings, _State]:
    """Settings and state from the contents of a file, as far as they can be checked."""
    weights, mass = finite(stored["weights"], "weights"), finite(stored["mass"], "mass")
    runs, n_visible, _ = weights.shape
    if not runs or mass.shape not in ((runs, 1), (runs, n_visible)):
        raise ValueError(f"weights {weights.shape} and mass {mass.shape} do not match")
    target = _unpacked_target(stored, n_visible)
    velocity = finite(stored["velocity_weights"], "velocity"), finite(stored["velocity_mass"], "velocity")
    if (velocity[0].shape, velocity[1].shape) != (weights.shape, mass.shape):
        raise ValueError("velocity and parameters do not match")
    epochs = stored["epochs"]
    if not len(epochs) or epochs[0] != 0 or (np.diff(epochs) <= 0).any():
        raise ValueError("epochs are not ascending from 0")
    leading = (len(epochs),) if runs == 1 else (len(epochs), runs)
    shapes = {"eigenvalues": (n_visible,), "singular_values": (min(weights.shape[1:]),), "log_likelihood": (),
              "mass_squared": () if mass.shape[1] == 1 else (n_visible,)}
    for name, shape in shapes.items():
        if finite(stored[name], name).shape != leading + shape:
            raise ValueError(f"{name} has shape {stored[name].shape}, expected {leading + shape}")
    rate = described["learning_rate"]
    name, options = described["gradient"]
    settings = _Settings(
        target, StepDecay(**rate) if isinstance(rate, dict) else _schedule(rate), _STRATEGIES[name](**options),
        bool(described["learn_mass"]), _fraction(described["momentum"], "momentum"),
        _fraction(described["weight_decay"], "weight_decay", np.inf),
        count(described["record_every"], "record_every", least=1),
        _Origin(**described["origin"]))
    ensemble = Ensemble(weights, mass, number(described["hidden_variance"], "hidden_variance", above=0))
    _models(target, ensemble)  # checks the parameters
    if not _normalizable(ensemble):
        raise ValueError("the models are not normalisable")
    chains = stored["chains"] if described["has_chains"] else None  # in the precision in which they were
    finite(stored["chains"], "chains")
    rng = generator_from(described["generator"])
    fresh: Any = sampler_for(settings.gradient, ensemble, settings.learn_mass).start(ensemble, target.correlation, rng)
    found, wanted = (None if these is None else these.shape for these in (chains, fresh))
    if found != wanted:
        raise ValueError(f"chains have shape {found}, expected {wanted}")
    return settings, _State(int(epochs[-1]), ensemble, velocity, chains, described["generator"])


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


def _check_last_record(stored: dict[str, Any], settings: _Settings, state: _State) -> None:
    """Raise unless the history ends with what the weights give."""
    last = _training(settings, state, [])
    for name in _HISTORY:
        stated, found = stored[name][-1], getattr(last, name)[-1]
        if not np.allclose(stated, found, rtol=1e-6, atol=1e-6 * np.abs(found).max(initial=0)):
            raise ValueError(f"the last record of {name} is not that of the weights")


def _json_array(value: Any) -> list[Any]:
    """Some bit generators keep part of their state in arrays."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be stored")


def train(rbm: ScalarRBM | Sequence[ScalarRBM], correlation: ArrayLike, epochs: int,
          learning_rate: float | Callable[[int], float], gradient: Any = None, *, learn_mass: bool = False,
          momentum: float = 0.0, weight_decay: float = 0.0, runs: int = 1, record_every: int = 1, rng: Seed = None,
          progress: bool = False, callback: Callable[..., object] | None = None, checkpoint: PathLike | None = None,
          checkpoint_every: int = 1000) -> Training:
    """Train by gradient ascent on the log-likelihood of data with second moments `correlation`.

    The update is Eqs. (25) and (A1), with the gradients of Eqs. (20) and (22).

    Parameters
    ----------
    rbm : ScalarRBM or sequence of ScalarRBM
        Where to start: one model for all runs, or one for each. No hidden bias (unbroken symmetry, Sec. III).
    correlation : array (N_v, N_v)
        <phi phi^T>_target, Eq. (21): of a theory, or of data through `second_moment`. The model has mean zero, so
        data with another mean are better centred first (`second_moment(data, center=True)`). Where it is the float64
        array of another library, that library computes everything, on the device where the array is; only the records
        are made on the host. The random numbers are still those of `rng`, the same on every device.
    epochs : int
        Number of parameter updates.
    learning_rate : float or callable
        A number, a `StepDecay`, or any function of the epoch. `learning_rate_limit` tells what is stable.
    gradient : Exact, CD or PCD
        Where the model's correlation comes from; `Exact()` when None.
    learn_mass : bool
        Whether mu^2 is learnt too, by Eq. (22).
    momentum, weight_decay : float
        Heavy-ball momentum in [0, 1) and L2 decay of W; the paper found no need for either.
    runs : int
        Independent runs, trained at once; implied when a sequence of models is given.
    record_every : int
        Epochs between records of the spectrum; epoch 0 and the last one are always recorded.
    callback : callable, optional
        Called as callback(epoch, model) at every record, with a tuple of models if there are several runs.
    progress : bool
        Whether to show a progress bar (on stderr; needs tqdm).
    checkpoint : path, optional
        A file that holds the training so far: written at the start, every `checkpoint_every` epochs, on Ctrl-C and at
        the end, each time replacing the last one only when it is complete. Where it exists already the training goes on
        from there, so that running the same script again after it was stopped, in whatever way, gives to the last bit
        what it would have given without; with more `epochs` than before it is prolonged. Anything else that differs
        from the call that wrote the file is refused; without `rng`, the generator is the stored one.
        A file belongs to one process at a time.

    Raises
    ------
    NotNormalizableError
        When an eigenvalue of a kernel would become <= 0; `.last_good` is the Training up to the epoch before.
    TrainingInterrupted
        On Ctrl-C; `.last_good` is the Training so far.
    CheckpointError
        When the checkpoint cannot be written (`.last_good` is the Training so far), or is that of another training.
    DatasetError
        When the checkpoint is damaged.
    """
    saved = _checkpoint(checkpoint, checkpoint_every)
    epochs = count(epochs, "epochs")
    models, runs = _starting_models(rbm, runs)
    host_weights = np.stack([model.weights for model in models])
    host_mass = np.stack([np.atleast_1d(model.mass_squared) for model in models])
    host_target = correlation_matrix(to_numpy(correlation), host_weights.shape[1])
    if not is_numpy(correlation):
        require_float64(correlation, "correlation")
    weights, mass = like(host_weights, correlation), like(host_mass, correlation)
    ensemble = Ensemble(weights, mass, models[0].hidden_variance)
    seeded, generator = rng is not None, random_generator(rng)
    origin = _Origin(_digest(host_weights, host_mass, models[0].hidden_variance), _digest(host_target),
                     generator.bit_generator.state)
    settings = _Settings(
        Target(like(host_target, correlation)), _schedule(learning_rate), _strategy(gradient),
        bool(learn_mass), _fraction(momentum, "momentum"), _fraction(weight_decay, "weight_decay", np.inf),
        count(record_every, "record_every", least=1), origin)
    if not _normalizable(ensemble):
        raise NotNormalizableError(f"the initial model is not normalisable: mu^2 = {host_mass.min():g} must exceed "
                                   "sigma_h^2 times the square of the largest singular value of W; start from "
                                   "smaller weights")
    if saved is not None and saved.path.exists():
        before = _same_training(saved.path, settings, epochs, seeded)
        if seeded:
            generator.bit_generator.state = before._state.generator  # the caller's moves as it would have
        else:
            generator = generator_from(before._state.generator)
        before = before._where(correlation)
        return _run(before._settings, before._state, before._records(), epochs, generator, progress, callback, saved)
    sampler = sampler_for(settings.gradient, ensemble, settings.learn_mass)
    if isinstance(sampler, (HiddenChains, SingleChains)) and mass.shape[1] == 1:
        settings = settings._replace(target=Target.diagonalized(settings.target.correlation))
        ensemble = replace(ensemble, weights=settings.target.from_nodes(weights))
    velocity = (0 * weights, 0 * mass)
    chains = sampler.start(ensemble, settings.target.correlation, generator)
    state = _State(0, ensemble, velocity, chains, generator.bit_generator.state)
    return _run(settings, state, [], epochs, generator, progress, callback, saved)


class _Checkpoint(NamedTuple):
    """Where and how often to store a training."""

    path: Path
    every: int

    def write(self, training: Training) -> None:
        """Store `training` in place of what is there."""
        try:
            training.save(self.path)
        except OSError as error:
            raise CheckpointError(
                f"the checkpoint {self.path} could not be written after epoch {training.epochs[-1]} ({error}); an "
                "earlier one is still there. Make room and run the same call again, or go on with "
                ".last_good.resume(epochs)", training) from error


def _checkpoint(path: PathLike | None, every: int) -> _Checkpoint | None:
    every = count(every, "checkpoint_every", least=1)
    if path is None:
        return None
    path = Path(path)
    if not path.parent.is_dir():
        raise CheckpointError(f"the folder of the checkpoint {path} does not exist: create it first")
    remove_leftovers(path)
    return _Checkpoint(path, every)


def _digest(*parts: ArrayLike) -> str:
    """SHA-256 of arrays."""
    content = b"".join(np.ascontiguousarray(part, dtype="<f8").tobytes() + repr(np.shape(part)).encode()
                       for part in parts)
    return hashlib.sha256(content).hexdigest()


def _same_training(path: Path, settings: _Settings, epochs: int, seeded: bool) -> Training:
    """What the checkpoint holds, if it is the beginning of the training with these settings."""
    try:
        before = Training.load(path)
    except DatasetError as error:
        raise DatasetError(f"{error}, or delete it to start again") from error
    old, new = _described(before._settings), _described(settings)
    different = [name for name in new if _canonical(old[name]) != _canonical(new[name])]
    was, now = before._settings.origin, settings.origin
    if was.correlation != now.correlation:
        different.append("correlation")
    if was.models != now.models:
        different.append("rbm")
    if seeded and _canonical(was.generator) != _canonical(now.generator):
        different.append("rng")
    if different:
        raise CheckpointError(f"{path} is the checkpoint of another training: it differs in {', '.join(different)}. "
                              "Give each training a file of its own, or delete this one to start again")
    if before._state.epoch > epochs:
        raise CheckpointError(f"{path} has reached epoch {before._state.epoch}, beyond the {epochs} asked for: ask for "
                              "more, read it with Training.load, or delete it to start again")
    return before


def _canonical(value: Any) -> str:
    """What `value` is after being stored."""
    return json.dumps(value, default=_json_array, sort_keys=True)


def _normalizable(ensemble: Ensemble) -> bool:
    with np.errstate(all="ignore"):  # what overflows is not
        return bool(ensemble.normalizable().all())


def _starting_models(rbm: ScalarRBM | Sequence[ScalarRBM], runs: int) -> tuple[list[ScalarRBM], int]:
    runs = count(runs, "runs", least=1)
    models = [rbm] * runs if isinstance(rbm, ScalarRBM) else list(rbm)
    if not models or not all(isinstance(model, ScalarRBM) for model in models):
        raise TypeError("rbm must be a ScalarRBM or a non-empty sequence of them")
    if runs not in (1, len(models)):
        raise ValueError(f"runs = {runs} does not match the {len(models)} models given")
    alike = {(m.weights.shape, m.hidden_variance, np.shape(m.mass_squared)) for m in models}
    if len(alike) > 1:
        raise ValueError("runs trained together must agree in N_v, N_h, sigma_h^2 and the shape of mu^2")
    if any(model.source.any() for model in models):
        raise ValueError("training assumes unbroken symmetry: hidden_bias must be None (Sec. III)")
    return models, len(models)


def _schedule(learning_rate: Any) -> float | Callable[[int], float]:
    if callable(learning_rate):
        return learning_rate
    return number(learning_rate, "learning_rate", above=0)


def _strategy(gradient: Any) -> Any:
    if gradient is None:
        return Exact()
    if isinstance(gradient, type) or not hasattr(gradient, "model_term"):
        raise TypeError("gradient must be an instance such as Exact(), CD(chains, steps) or PCD(chains, steps), "
                        f"got {gradient!r}")
    return gradient


def _fraction(value: Any, name: str, limit: float = 1.0) -> float:
    value = number(value, name)
    if not 0 <= value < limit:
        raise ValueError(f"{name} must lie in [0, {limit:g}), got {value:g}")
    return value


def _run(settings: _Settings, state: _State, records: list[_Record], last: int, rng: np.random.Generator,
         progress: bool, callback: Callable[..., object] | None, checkpoint: _Checkpoint | None) -> Training:
    """Updates from `state`, which has `records`, to epoch `last`."""
    schedule, every = settings.learning_rate, settings.record_every

    def rate(epoch: int) -> float:
        value = schedule(epoch) if callable(schedule) else schedule
        if not 0 <= value < np.inf:
            raise ValueError(f"learning_rate must be finite and not negative, but is {value} at epoch {epoch}")
        return value

    sampler = sampler_for(settings.gradient, state.ensemble, settings.learn_mass)
    positive = PositivityGuard()
    # What overflows is not normalisable, which is noticed without numpy's warning.
    with single_threaded(state.ensemble.weights.shape[1]), np.errstate(all="ignore"), \
            progress_bar(progress, last, "epoch", state.epoch) as advance:
        try:
            if checkpoint is not None and not records:
                checkpoint.write(_training(settings, state, records))  # what cannot be stored is refused at once
            while True:
                due = state.epoch % every == 0 or state.epoch == last
                if due and (not records or records[-1].epoch != state.epoch):
                    records.append(_record(settings, state))
                    _report(callback, settings, state)
                if state.epoch == last:
                    break
                state = _update(settings, state, sampler, positive, rate(state.epoch), rng)
                if checkpoint is not None and state.epoch % checkpoint.every == 0 and state.epoch < last:
                    checkpoint.write(_training(settings, state, records))
                advance()
        except NotNormalizableError as error:
            error.last_good = _training(settings, state, records)
            raise
        except np.linalg.LinAlgError as error:
            raise NotNormalizableError(
                f"the model or its chains lost all digits at epoch {state.epoch + 1} ({error}): reduce the learning "
                "rate. The training up to here is .last_good", _training(settings, state, records)) from error
        except KeyboardInterrupt as interruption:
            so_far = _training(settings, state, records)
            message = (f"stopped after epoch {state.epoch}; the training so far is .last_good, go on with "
                       ".last_good.resume(epochs)")
            if checkpoint is not None:
                checkpoint.write(so_far)
                message += f" or by running the same call again, which reads {checkpoint.path}"
            raise TrainingInterrupted(message, so_far) from interruption
    training = _training(settings, state, records)
    if checkpoint is not None:
        checkpoint.write(training)
    return training


def _update(settings: _Settings, state: _State, sampler: Any, positive: PositivityGuard, rate: float,
            rng: np.random.Generator) -> _State:
    """One epoch: Eqs. (20), (22) and (25)."""
    ensemble = state.ensemble
    model, chains = sampler.model_term(ensemble, state.chains, rng)
    ascent = settings.target.times(ensemble.weights)
    ascent -= model.correlation_weights
    if ensemble.hidden_variance != 1:  # of the passes over W, which cost as much as a tenth of the chains, one less
        ascent *= ensemble.hidden_variance
    if settings.weight_decay:
        ascent -= settings.weight_decay * ensemble.weights
    momentum_weights, momentum_mass = state.velocity
    if settings.momentum:
        ascent += settings.momentum * momentum_weights
    momentum_weights = ascent
    mass = ensemble.mass
    if settings.learn_mass:
        variances = settings.target.variances - model.variances
        if mass.shape[1] == 1:
            variances = namespace(variances).sum(variances, axis=1, keepdims=True)
        momentum_mass = settings.momentum * momentum_mass - variances / 2
        mass = mass + rate * momentum_mass
    weights = rate * momentum_weights
    weights += ensemble.weights
    updated = Ensemble(weights, mass, ensemble.hidden_variance)
    good = positive(updated)
    if not good.all():
        run = int(np.argmin(good))
        which = f"run {run} of {len(good)}" if len(good) > 1 else "the run"
        raise NotNormalizableError(
            f"{which} would lose a positive eigenvalue of its kernel at epoch {state.epoch + 1}, with learning rate "
            f"{rate:.3g}: reduce the learning rate (learning_rate_limit tells what is stable) or, with chains, use "
            "more of them and more sweeps per update (about mu^2 / (2 kappa_min) steps). The training up to here is "
            ".last_good")
    return _State(state.epoch + 1, updated, (momentum_weights, momentum_mass), chains, rng.bit_generator.state)


def _record(settings: _Settings, state: _State) -> _Record:
    ensemble, target = _on_host(state.ensemble), settings.target.on_host()
    weights, mass = ensemble.weights, ensemble.mass
    xi = np.linalg.svd(weights, compute_uv=False)
    n_visible = weights.shape[1]
    if mass.shape[1] == 1:
        rest = np.broadcast_to(mass, (len(mass), n_visible - xi.shape[1]))
        eigenvalues = np.concatenate([mass - ensemble.hidden_variance * xi**2, rest], axis=1)
        mass_squared = mass[:, 0]
    else:
        eigenvalues = np.linalg.eigvalsh(ensemble.kernel)
        mass_squared = mass
    trace = (mass * target.variances).sum(axis=1) if mass.shape[1] > 1 else mass[:, 0] * target.variances.sum()
    trace = trace - ensemble.hidden_variance * (weights * target.times(weights)).sum(axis=(1, 2))
    log_z = (n_visible * np.log(2 * np.pi) - np.log(eigenvalues).sum(axis=1)) / 2
    return _Record(state.epoch, eigenvalues, xi, mass_squared, -trace / 2 - log_z)


def _training(settings: _Settings, state: _State, records: list[_Record]) -> Training:
    if not records or records[-1].epoch != state.epoch:
        records = [*records, _record(settings, state)]
    history = {}
    for name in _Record._fields[1:]:
        values = np.array([getattr(record, name) for record in records])
        history[name] = values[:, 0] if state.ensemble.weights.shape[0] == 1 else values
    return Training(np.array([record.epoch for record in records]), **history,
                    models=_models(settings.target, state.ensemble), _settings=settings, _state=state)


def _on_host(ensemble: Ensemble) -> Ensemble:
    return Ensemble(to_numpy(ensemble.weights), to_numpy(ensemble.mass), ensemble.hidden_variance)


def _models(target: Target, ensemble: Ensemble) -> tuple[ScalarRBM, ...]:
    ensemble, target = _on_host(ensemble), target.on_host()
    return tuple(ScalarRBM(weights, mass[0] if len(mass) == 1 else mass, ensemble.hidden_variance)
                 for weights, mass in zip(target.to_nodes(ensemble.weights), ensemble.mass, strict=True))


def _report(callback: Callable[..., object] | None, settings: _Settings, state: _State) -> None:
    if callback is not None:
        models = _models(settings.target, state.ensemble)
        callback(state.epoch, models[0] if len(models) == 1 else models)
