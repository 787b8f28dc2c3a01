"""Training: gradient ascent of the log-likelihood, Eqs. (20)-(25) and (A1), (A2).

One epoch is one parameter update. The learnt parameters are W and, on request, mu^2 itself (Eq. 22; codes that learn mu
instead move mu^2 four mu^2 times as fast). Several runs, each with its own noise and, if given, its own start, are
trained at once as one stack of matrices.

A run whose kernel would lose its last positive eigenvalue is stopped: `NotNormalizableError.last_good` is the training
up to there. Nothing else would notice, since all of the formulas go on giving finite numbers beyond the pole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

import numpy as np

from ._files import load_arrays, save_arrays
from ._positivity import PositivityGuard
from ._samplers import sampler_for
from ._target import Target
from ._threads import single_threaded
from ._validation import Floats, correlation_matrix, count, number
from .errors import DatasetError, NotNormalizableError, TrainingInterrupted
from .gradient import CD, PCD, Ensemble, Exact
from .hidden_chains import HiddenChains
from .model import ScalarRBM
from .single_chains import SingleChains

_STRATEGIES = {strategy.__name__: strategy for strategy in (Exact, CD, PCD)}
"""The gradients that can be stored."""


@dataclass(frozen=True)
class StepDecay:
    """The learning rate of Eq. (A2): multiplied by `factor` (r) at epochs `every`, 2 `every`, ... (N_epoch^rate)."""

    initial: float
    factor: float = 0.99
    every: int = 128

    def __post_init__(self):
        object.__setattr__(self, "initial", number(self.initial, "initial", above=0))
        object.__setattr__(self, "factor", number(self.factor, "factor", above=0))
        object.__setattr__(self, "every", count(self.every, "every", least=1))

    def __call__(self, epoch: int) -> float:
        """The learning rate of the update that follows `epoch` updates."""
        return self.initial * self.factor ** (epoch // self.every)


class _Settings(NamedTuple):
    """What stays the same from epoch to epoch."""

    target: Target
    learning_rate: float | Callable[[int], float]
    gradient: object
    learn_mass: bool
    momentum: float
    weight_decay: float
    record_every: int


class _State(NamedTuple):
    """What an epoch changes, in the basis of `Target`; with `_Settings` it determines everything that follows."""

    epoch: int
    ensemble: Ensemble
    velocity: tuple[Floats, Floats]
    chains: Floats | None
    generator: dict


class _Record(NamedTuple):
    """What is measured at a recorded epoch, a leading axis for the runs."""

    epoch: int
    eigenvalues: Floats
    singular_values: Floats
    mass_squared: Floats
    log_likelihood: Floats


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

    def resume(self, epochs: int, *, progress: bool = False, callback=None) -> Training:
        """Train for `epochs` more epochs, exactly as if the first call had not stopped."""
        rng = _generator_from(self._state.generator)
        more = _run(self._settings, self._state, count(epochs, "epochs"), rng, progress, callback)
        joined = {name: np.concatenate([getattr(self, name), getattr(more, name)[1:]])
                  for name in ("epochs", "eigenvalues", "singular_values", "mass_squared", "log_likelihood")}
        return replace(more, **joined)

    def save(self, path):
        """Write the training to an .npz file, atomically and without pickle."""
        settings, state = self._settings, self._state
        schedule = settings.learning_rate
        if not isinstance(schedule, (float, StepDecay)):
            raise TypeError("only a number or a StepDecay can be stored as learning rate; "
                            f"{schedule!r} would need pickle")
        if type(settings.gradient) not in _STRATEGIES.values():
            raise TypeError(f"only {', '.join(_STRATEGIES)} can be stored as gradient, got {settings.gradient!r}")
        described = {
            "learning_rate": schedule if isinstance(schedule, float) else asdict(schedule),
            "gradient": [type(settings.gradient).__name__, asdict(settings.gradient)],
            "hidden_variance": state.ensemble.hidden_variance, "learn_mass": settings.learn_mass,
            "momentum": settings.momentum, "weight_decay": settings.weight_decay,
            "record_every": settings.record_every, "generator": state.generator,
            "has_chains": state.chains is not None,
        }
        return save_arrays(
            path, description=json.dumps(described, default=_json_array), correlation=settings.target.correlation,
            basis=np.empty(0) if settings.target.basis is None else settings.target.basis,
            epochs=self.epochs, eigenvalues=self.eigenvalues, singular_values=self.singular_values,
            mass_squared=self.mass_squared, log_likelihood=self.log_likelihood, weights=state.ensemble.weights,
            mass=state.ensemble.mass, velocity_weights=state.velocity[0], velocity_mass=state.velocity[1],
            chains=np.empty(0) if state.chains is None else state.chains)

    @classmethod
    def load(cls, path) -> Training:
        """Read a training written by `save`; raises `DatasetError` for a damaged file."""
        stored = load_arrays(path, ("description", "correlation", "basis", "epochs", "eigenvalues", "singular_values",
                                    "mass_squared", "log_likelihood", "weights", "mass", "velocity_weights",
                                    "velocity_mass", "chains"))
        try:
            described = json.loads(str(stored["description"]))
            rate = described["learning_rate"]
            name, options = described["gradient"]
            target = Target(stored["correlation"], stored["basis"] if stored["basis"].size else None)
            settings = _Settings(target, rate if isinstance(rate, float) else StepDecay(**rate),
                                 _STRATEGIES[name](**options), described["learn_mass"], described["momentum"],
                                 described["weight_decay"], described["record_every"])
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{path} does not describe a training ({error!r}); restore it from a copy") from error
        ensemble = Ensemble(stored["weights"], stored["mass"], described["hidden_variance"])
        state = _State(int(stored["epochs"][-1]), ensemble, (stored["velocity_weights"], stored["velocity_mass"]),
                       stored["chains"] if described["has_chains"] else None, described["generator"])
        return cls(*(stored[name] for name in ("epochs", "eigenvalues", "singular_values", "mass_squared",
                                               "log_likelihood")),
                   _models(settings.target, ensemble), settings, state)


def _json_array(value):
    """Some bit generators keep part of their state in arrays."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be stored")


def train(rbm: ScalarRBM | Sequence[ScalarRBM], correlation, epochs: int, learning_rate, gradient=None, *,
          learn_mass: bool = False, momentum: float = 0.0, weight_decay: float = 0.0, runs: int = 1,
          record_every: int = 1, rng=None, progress: bool = False, callback=None) -> Training:
    """Train by gradient ascent on the log-likelihood of data with second moments `correlation`.

    The update is Eqs. (25) and (A1), with the gradients of Eqs. (20) and (22).

    Parameters
    ----------
    rbm : ScalarRBM or sequence of ScalarRBM
        Where to start: one model for all runs, or one for each. No hidden bias (unbroken symmetry, Sec. III).
    correlation : array (N_v, N_v)
        <phi phi^T>_target, Eq. (21): of a theory, or of data through `second_moment`.
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

    Raises
    ------
    NotNormalizableError
        When an eigenvalue of a kernel would become <= 0; `.last_good` is the Training up to the epoch before.
    TrainingInterrupted
        On Ctrl-C; `.last_good` is the Training so far.
    """
    models, runs = _starting_models(rbm, runs)
    weights = np.stack([model.weights for model in models])
    mass = np.stack([np.atleast_1d(model.mass_squared) for model in models])
    ensemble = Ensemble(weights, mass, models[0].hidden_variance)
    settings = _Settings(
        Target(correlation_matrix(correlation, weights.shape[1])), _schedule(learning_rate), _strategy(gradient),
        bool(learn_mass), _fraction(momentum, "momentum"), _fraction(weight_decay, "weight_decay", np.inf),
        count(record_every, "record_every", least=1))
    if not ensemble.normalizable().all():
        raise NotNormalizableError(f"the initial model is not normalisable: mu^2 = {mass.min():g} must exceed "
                                   "sigma_h^2 times the square of the largest singular value of W; start from "
                                   "smaller weights")
    rng = np.random.default_rng(rng)
    sampler = sampler_for(settings.gradient, ensemble, settings.learn_mass)
    if isinstance(sampler, (HiddenChains, SingleChains)) and mass.shape[1] == 1:
        settings = settings._replace(target=Target.diagonalized(settings.target.correlation))
        ensemble = replace(ensemble, weights=settings.target.from_nodes(weights))
    velocity = (np.zeros_like(weights), np.zeros_like(mass))
    chains = sampler.start(ensemble, settings.target.correlation, rng)
    state = _State(0, ensemble, velocity, chains, rng.bit_generator.state)
    return _run(settings, state, count(epochs, "epochs"), rng, progress, callback)


def _starting_models(rbm, runs: int) -> tuple[list[ScalarRBM], int]:
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


def _schedule(learning_rate):
    if callable(learning_rate):
        return learning_rate
    return number(learning_rate, "learning_rate", above=0)


def _strategy(gradient):
    if gradient is None:
        return Exact()
    if isinstance(gradient, type) or not hasattr(gradient, "model_term"):
        raise TypeError("gradient must be an instance such as Exact(), CD(chains, steps) or PCD(chains, steps), "
                        f"got {gradient!r}")
    return gradient


def _fraction(value, name: str, limit: float = 1.0) -> float:
    value = number(value, name)
    if not 0 <= value < limit:
        raise ValueError(f"{name} must lie in [0, {limit:g}), got {value:g}")
    return value


def _run(settings: _Settings, state: _State, epochs: int, rng, progress: bool, callback) -> Training:
    """`epochs` updates from `state`, with records."""
    schedule, every = settings.learning_rate, settings.record_every

    def rate(epoch: int) -> float:
        value = schedule(epoch) if callable(schedule) else schedule
        if not 0 <= value < np.inf:
            raise ValueError(f"learning_rate must be finite and not negative, but is {value} at epoch {epoch}")
        return value

    last = state.epoch + epochs
    sampler = sampler_for(settings.gradient, state.ensemble, settings.learn_mass)
    positive = PositivityGuard()
    records = [_record(settings, state)]
    with single_threaded(state.ensemble.weights.shape[1]), _progress_bar(epochs, progress) as tick:
        try:
            _report(callback, settings, state)
            while state.epoch < last:
                state = _update(settings, state, sampler, positive, rate(state.epoch), rng)
                if state.epoch % every == 0 or state.epoch == last:
                    records.append(_record(settings, state))
                    _report(callback, settings, state)
                tick()
        except NotNormalizableError as error:
            error.last_good = _training(settings, state, records)
            raise
        except KeyboardInterrupt as interruption:
            so_far = _training(settings, state, records)
            raise TrainingInterrupted(f"stopped after epoch {state.epoch}; the training so far is .last_good, "
                                      "go on with .last_good.resume(epochs)", so_far) from interruption
    return _training(settings, state, records)


def _update(settings: _Settings, state: _State, sampler, positive: PositivityGuard, rate: float, rng) -> _State:
    """One epoch: Eqs. (20), (22) and (25)."""
    ensemble = state.ensemble
    model, chains = sampler.model_term(ensemble, state.chains, rng)
    ascent = settings.target.times(ensemble.weights)
    ascent -= model.correlation_weights
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
            variances = variances.sum(axis=1, keepdims=True)
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
            f"{rate:.3g}: reduce the learning rate (learning_rate_limit tells what is stable) or use more chains. "
            "The training up to here is .last_good")
    return _State(state.epoch + 1, updated, (momentum_weights, momentum_mass), chains, rng.bit_generator.state)


def _record(settings: _Settings, state: _State) -> _Record:
    ensemble = state.ensemble
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
    target = settings.target
    trace = (mass * target.variances).sum(axis=1) if mass.shape[1] > 1 else mass[:, 0] * target.variances.sum()
    trace = trace - ensemble.hidden_variance * (weights * target.times(weights)).sum(axis=(1, 2))
    log_z = (n_visible * np.log(2 * np.pi) - np.log(eigenvalues).sum(axis=1)) / 2
    return _Record(state.epoch, eigenvalues, xi, mass_squared, -trace / 2 - log_z)


def _training(settings: _Settings, state: _State, records: list[_Record]) -> Training:
    if records[-1].epoch != state.epoch:
        records = [*records, _record(settings, state)]
    history = {}
    for name in _Record._fields[1:]:
        values = np.array([getattr(record, name) for record in records])
        history[name] = values[:, 0] if len(state.ensemble.weights) == 1 else values
    return Training(np.array([record.epoch for record in records]), **history,
                    models=_models(settings.target, state.ensemble), _settings=settings, _state=state)


def _models(target: Target, ensemble: Ensemble) -> tuple[ScalarRBM, ...]:
    return tuple(ScalarRBM(weights, mass[0] if len(mass) == 1 else mass, ensemble.hidden_variance)
                 for weights, mass in zip(target.to_nodes(ensemble.weights), ensemble.mass, strict=True))


def _report(callback, settings: _Settings, state: _State) -> None:
    if callback is not None:
        models = _models(settings.target, state.ensemble)
        callback(state.epoch, models[0] if len(models) == 1 else models)


class _progress_bar:
    """A tqdm bar when wanted; calling the context's value advances it."""

    def __init__(self, total: int, wanted: bool):
        self._bar = None
        if wanted:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total, unit="epoch")

    def __enter__(self):
        return self._bar.update if self._bar is not None else lambda: None

    def __exit__(self, *_):
        if self._bar is not None:
            self._bar.close()


def _generator_from(state: dict) -> np.random.Generator:
    """A generator that continues from a stored bit-generator state."""
    bit_generator = getattr(np.random, state["bit_generator"])()
    bit_generator.state = state
    return np.random.Generator(bit_generator)
