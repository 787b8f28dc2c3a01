"""Training: gradient ascent of the log-likelihood, Eqs. (20)-(25) and (A1), (A2), and the loop of every training.

One epoch is one parameter update. The learnt parameters are W and, on request, mu^2 (Eq. 22) or mu: the maximum of the
likelihood does not depend on that choice, the way there does, and where the maximum is flat the end does, too. Several
runs, each with its own noise and, if given, its own start, are trained at once as one stack of matrices.

A run whose kernel would lose its last positive eigenvalue is stopped: `NotNormalizableError.last_good` is the training
up to there. Nothing else would notice, since all of the formulas go on giving finite numbers beyond the pole.

`one_epoch` is the update. `run` repeats such epochs, makes records of them, writes checkpoints and knows when to stop;
what an epoch is, it is told by an object that follows `Rules`, here and for binary hidden nodes in `bernoulli`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from .._support.arrays import digest, is_numpy, like, require_float64, to_numpy
from .._support.checks import (
    Floats,
    LearntMass,
    PathLike,
    Seed,
    correlation_matrix,
    count,
    fraction,
    learnt_mass,
    number,
    random_generator,
    require_instance,
)
from .._support.checks import learning_rate as checked_rate
from .._support.files import remove_leftovers
from .._support.runtime import ended_as_by_ctrl_c, progress_bar, single_threaded
from ..chains.stack import Ensemble, Sampler
from ..errors import CheckpointError, NotNormalizableError, TrainingInterrupted
from ..model import ScalarRBM
from ..random import generator_from
from .checkpoint import Checkpoint, checkpoint_at, differences, owning, read_same, read_training, write_training
from .history import HISTORY, Origin, Record, Settings, State, history, measured, models_of, normalizable
from .positivity import PositivityGuard, advice
from .strategies import CD, PCD, Exact, method_of, sampler_for
from .target import Target
from .update import ascend


def one_epoch(
    settings: Settings, state: State, sampler: Sampler, positive: PositivityGuard, rate: float, rng: np.random.Generator
) -> State:
    """The state after one more update: sample the model, ascend, and see that the new models exist.

    Raises `NotNormalizableError` where they do not; then nothing of `state` has changed.
    """
    term, memory = sampler.model_term(state.ensemble, state.memory, rng)
    ensemble, velocity = ascend(
        state.ensemble,
        state.velocity,
        settings.target,
        term,
        rate,
        learn_mass=settings.learn_mass,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )
    good = positive(ensemble)
    if not all(good):  # for a few runs in a fraction of the time of good.all()
        bad = int(np.argmin(good))
        which = f"run {bad} of {len(good)} (counted from 0)" if len(good) > 1 else "the run"
        raise NotNormalizableError(
            f"{which} would lose a positive eigenvalue of its kernel at epoch {state.epoch + 1}, with learning rate "
            f"{rate:.3g}: {advice(settings, state.ensemble.on_host(), bad)}. The training up to here is .last_good"
        )
    return State(state.epoch + 1, ensemble, velocity, memory, rng.bit_generator.state)


class Dated(Protocol):
    """A state, or a record of one."""

    @property
    def epoch(self) -> int:
        """Updates made before."""


S = TypeVar("S", bound=Dated)
R = TypeVar("R", bound=Dated)
T = TypeVar("T", covariant=True)
M = TypeVar("M")
Until: TypeAlias = float | Callable[[int, Any], object]
"""When a training has gone far enough: nats below the best model, or a function of the epoch and the model(s)."""


class Rules(Protocol[S, R, T]):
    """What `run` has to be told of a training with states S, records R and results T."""

    @property
    def settings(self) -> Any:
        """Has `learning_rate` and `record_every`."""

    @property
    def n_visible(self) -> int:
        """N_v."""

    def epoch(self, state: S, rate: float, rng: Any) -> S:
        """The state after one more epoch; raises `NotNormalizableError` where that is none."""

    def measured(self, state: S) -> R:
        """What is recorded of a state."""

    def models(self, state: S) -> tuple[Any, ...]:
        """The model of each run."""

    def within(self, nats: float, state: S) -> Callable[[R], bool]:
        """Whether all runs are, by a record, at most so much below the best model, which can be told from any state."""

    def training(self, state: S, records: list[R]) -> T:
        """The result; its last record is that of `state`."""


@dataclass(frozen=True, eq=False, repr=False)
class Training:
    """The history of a training and everything needed to go on with it.

    With one run the `runs` axis is absent; T counts the recorded epochs.

    Attributes
    ----------
    epochs : array (T,)
        Updates made before each record; the first is 0, the last the final one.
    eigenvalues : array (T[, runs], N_v)
        lambda_alpha, ascending.
    singular_values : array (T[, runs], min(N_v, N_h))
        xi_alpha, descending.
    mass_squared : array (T[, runs]), or (T[, runs], N_v) with a mass per node
        mu^2.
    log_likelihood : array (T[, runs])
        Log-likelihood of the target under the model, nats per configuration.
    models : tuple of ScalarRBM
        The trained model of each run.

    Examples
    --------
    >>> from srbm import FreeScalarField, ScalarRBM, train
    >>> C, start = FreeScalarField(4).propagator, ScalarRBM.random(4, 4, 9.0, rng=0)
    >>> training = train(start, C, 20_000, 0.1, record_every=5000)
    >>> training.epochs.tolist()
    [0, 5000, 10000, 15000, 20000]
    >>> training.eigenvalues[-1].round(3)
    array([4., 6., 6., 8.])
    """

    epochs: np.ndarray
    eigenvalues: Floats
    singular_values: Floats
    mass_squared: Floats
    log_likelihood: Floats
    models: tuple[ScalarRBM, ...]
    _settings: Settings
    _state: State

    def __repr__(self) -> str:
        runs = f"{len(self.models)} runs of " if len(self.models) > 1 else ""
        last = self.log_likelihood[-1].mean()
        return (
            f"<Training: {runs}{self.epochs[-1]} epochs, {len(self.epochs)} records, last log-likelihood "
            f"{last:.6g} nats{self._distance(last)}>"
        )

    def _distance(self, last: float) -> str:
        """How far the last log-likelihood is from that of the best model, to the digits that rounding leaves."""
        settings, ensemble = self._settings, self._state.ensemble
        best = settings.target.best_log_likelihood(ensemble, bool(settings.learn_mass))
        if best is None:
            return ""
        of = f"with N_h = {ensemble.weights.shape[2]}" if settings.learn_mass else "at this mu^2"
        place = int(np.ceil(np.log10(settings.target.rounding(ensemble))))
        gap = round(float(best.mean() - last), -place)
        return f", {gap:.3g} below the best {of}" if gap > 0 else f", the best {of} up to rounding"

    @property
    def method(self) -> str:
        """Name of what computed the model's term of the gradient, "exact" or the method of the chains (see `PCD`)."""
        return method_of(_sampler(self._settings, self._state.ensemble))

    @property
    def model(self) -> ScalarRBM:
        """Trained model of a single run, a `ScalarRBM`; `ValueError` if there are several."""
        if len(self.models) != 1:
            raise ValueError(f"there are {len(self.models)} runs: use .models")
        return self.models[0]

    def resume(
        self,
        epochs: int,
        *,
        until: Until | None = None,
        progress: bool = False,
        callback: Callable[..., object] | None = None,
        checkpoint: PathLike | None = None,
        checkpoint_every: int = 1000,
    ) -> Training:
        """Train for more epochs, exactly as if the first call had not stopped.

        The result is to the last bit that of one call: a record that was made only because the first call ended there
        is dropped.

        Parameters
        ----------
        epochs : int
            Number of further updates; at most so many, with `until`.
        until : float or callable, optional
            When to stop, as in `train`.
        progress : bool
            Whether to show a progress bar (on stderr; needs tqdm).
        callback : callable, optional
            Called at every record, as in `train`.
        checkpoint : path, optional
            A file to be written as in `train`, in place of what it may hold.
        checkpoint_every : int
            Epochs from one writing of the file to the next.

        Returns
        -------
        Training
            The whole training, from its beginning.

        Raises
        ------
        NotNormalizableError
            As `train`.
        TrainingInterrupted
            As `train`.
        CheckpointError
            As `train`.
        """
        epochs = self._state.epoch + count(epochs, "epochs")
        saved = saving(checkpoint, checkpoint_every)
        with owned(saved):
            return run(
                _ascent(self._settings, self._state.ensemble),
                self._state,
                self._records(),
                epochs,
                generator_from(self._state.generator),
                until,
                progress,
                callback,
                saved,
            )

    def _history(self) -> dict[str, np.ndarray]:
        return {name: getattr(self, name) for name in HISTORY}

    def _records(self) -> list[Record]:
        """The records that a longer training has, too."""
        runs = slice(None) if len(self.models) > 1 else None
        return [
            Record(int(epoch), *(np.asarray(value)[runs] for value in values))
            for epoch, *values in zip(*self._history().values(), strict=True)
            if epoch % self._settings.record_every == 0
        ]

    def save(self, path: PathLike) -> Path:
        """Write the training to an .npz file, atomically and without pickle.

        Parameters
        ----------
        path : path
            The file.

        Returns
        -------
        Path
            The file.
        """
        return write_training(path, self._settings, self._state, self._history())

    def _continued(
        self,
        epochs: int,
        generator: Any,
        seeded: bool,
        correlation: Any,
        until: Until | None,
        progress: bool,
        callback: Callable[..., object] | None,
        checkpoint: Checkpoint,
    ) -> Training:
        """Go on from a checkpoint, with the arrays in the library and on the device of `correlation`."""
        settings, state = self._settings, self._state
        generator = going_on(generator, state.generator, seeded)
        if not is_numpy(correlation):
            if _in_eigenbasis(_sampler(settings, state.ensemble)):
                raise CheckpointError(
                    f"{checkpoint.path} was written with NumPy's arrays, where the chains of a large "
                    "model have a form of their own: go on with an array of NumPy as correlation, "
                    "or delete it to start again"
                )
            settings, state = _moved(settings, state, correlation)
        return run(
            _ascent(settings, state.ensemble),
            state,
            self._records(),
            epochs,
            generator,
            until,
            progress,
            callback,
            checkpoint,
        )

    @classmethod
    def load(cls, path: PathLike) -> Training:
        """Read a training written by `save`.

        Parameters
        ----------
        path : path
            The file.

        Returns
        -------
        Training
            That training, which can be resumed.

        Raises
        ------
        DatasetError
            When the file is damaged.
        """
        return cls._made(*read_training(path))

    @classmethod
    def _made(cls, settings: Settings, state: State, records: dict[str, np.ndarray]) -> Training:
        return cls(**records, models=models_of(settings.target, state.ensemble), _settings=settings, _state=state)


def train(
    rbm: ScalarRBM | Sequence[ScalarRBM],
    correlation: ArrayLike,
    epochs: int,
    learning_rate: float | Callable[[int], float],
    gradient: Any = None,
    *,
    learn_mass: LearntMass = False,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    runs: int = 1,
    record_every: int = 1,
    until: Until | None = None,
    rng: Seed = None,
    progress: bool = False,
    callback: Callable[..., object] | None = None,
    checkpoint: PathLike | None = None,
    checkpoint_every: int = 1000,
) -> Training:
    """Train by gradient ascent on the log-likelihood of data with given second moments.

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
        Number of parameter updates; at most so many, with `until`.
    learning_rate : float or callable
        A number, a `StepDecay`, or any function of the epoch. `learning_rate_limit` tells what is stable.
    gradient : Exact, CD or PCD, optional
        Where the model's correlation comes from; `Exact()` when None. An object of your own with the two methods of
        `srbm.chains.stack.Sampler`, which return a `ModelTerm`, will do; a training with it cannot be saved.
    learn_mass : bool or "mu"
        Whether the mass is learnt too, and as which parameter: True ascends in mu^2 by Eq. (22), "mu" in mu, whose
        gradient is 2 mu times that, so that mu^2 moves 4 mu^2 times as fast and is stable up to smaller rates only. The
        paper's equations are the first, the program published by its authors is the second. In either case `momentum`
        acts on the parameter that is learnt.
    momentum : float
        Heavy-ball momentum in [0, 1); the paper found no need for it.
    weight_decay : float
        L2 decay of W; the paper found no need for it.
    runs : int
        Independent runs, trained at once; implied when a sequence of models is given. They share one stream of random
        numbers, so that a run of several is not the run that the same `rng` gives alone (with exact gradients, which
        draw nothing, it is).
    record_every : int
        Epochs between records of the spectrum; epoch 0 and the last one are always recorded.
    until : float or callable, optional
        Stop at the first record, one that `record_every` makes, that is good enough: a number of nats, when the
        log-likelihood of every run is at most so much below that of the best model with as many hidden nodes (at this
        mu^2, unless it is learnt); or a function, when `until(epoch, model)` is true, with a tuple of models if there
        are several runs. How often it is asked does not change the training, and a checkpoint or `resume` may go on
        with another one, as with more `epochs`.
    rng : numpy.random.Generator, TorchGenerator or int, optional
        Random numbers, or their seed.
    progress : bool
        Whether to show a progress bar (on stderr; needs tqdm).
    callback : callable, optional
        Called as `callback(epoch, model)` at every record, with a tuple of models if there are several runs.
    checkpoint : path, optional
        A file that holds the training so far: written at the start, every `checkpoint_every` epochs, at the end, and
        when Ctrl-C, a signal of a batch system (SIGTERM, SIGHUP) or an exception ends it before, each time replacing
        the last one only when it is complete. Where it exists already the training goes on from there, so that running
        the same script again after it was stopped, in whatever way, gives to the last bit what it would have given
        without; with more `epochs` than before it is prolonged. Anything else that differs from the call that wrote the
        file is refused; without `rng`, the generator is the stored one. A file belongs to one training at a time: a
        second one is refused (where the system has locks; Windows has none).
    checkpoint_every : int
        Epochs from one writing of the file to the next.

    Returns
    -------
    Training
        The history, with the trained model or models.

    Raises
    ------
    NotNormalizableError
        When an eigenvalue of a kernel would become <= 0; `.last_good` is the Training up to the epoch before.
    TrainingInterrupted
        On Ctrl-C, and with a checkpoint on SIGTERM and SIGHUP; `.last_good` is the Training so far.
    CheckpointError
        When the checkpoint cannot be written (`.last_good` is the Training so far), is that of another training, or is
        being written by one.
    DatasetError
        When the checkpoint is damaged.
    ValueError
        For a number as `until` where there is no best model: the likelihood has no maximum with a mass per node, and
        none with a mass that is learnt where the data have no variance left for it. Also for a start with a hidden
        bias.

    Examples
    --------
    >>> from srbm import FreeScalarField, ScalarRBM, train
    >>> C, start = FreeScalarField(4, 1.0).propagator, ScalarRBM.random(4, 4, 6.0, rng=0)
    >>> training = train(start, C, 5000, 0.02, record_every=100, until=1e-3)
    >>> int(training.epochs[-1]), round(float(training.log_likelihood[-1]), 2)
    (4600, -3.77)
    """
    saved = saving(checkpoint, checkpoint_every)
    epochs = count(epochs, "epochs")
    models = starting_models(rbm, runs, ScalarRBM, _common)
    if any(model.hidden_bias is not None and model.source.any() for model in models):
        raise ValueError("training assumes unbroken symmetry: hidden_bias must be None (Sec. III)")
    ensemble = _stacked(models)
    target = correlation_matrix(to_numpy(correlation), ensemble.weights.shape[1])
    if not is_numpy(correlation):
        require_float64(correlation, "correlation")
    generator = random_generator(rng)
    origin = Origin(
        digest(ensemble.weights, ensemble.mass_squared, ensemble.hidden_variance),
        digest(target),
        generator.bit_generator.state,
    )
    settings = Settings(
        Target(like(target, correlation)),
        checked_rate(learning_rate),
        _strategy(gradient),
        learnt_mass(learn_mass),
        fraction(momentum, "momentum"),
        fraction(weight_decay, "weight_decay", np.inf),
        count(record_every, "record_every", least=1),
        is_numpy(correlation) and isinstance(generator, np.random.Generator),
        origin,
    )
    ensemble = Ensemble(
        like(ensemble.weights, correlation), like(ensemble.mass_squared, correlation), ensemble.hidden_variance
    )
    if not normalizable(ensemble):
        least = to_numpy(ensemble.mass_squared).min()
        raise NotNormalizableError(
            f"the initial model is not normalisable: mu^2 = {least:g} must exceed sigma_h^2 "
            "times the square of the largest singular value of W; start from smaller weights"
        )
    sampler = _sampler(settings, ensemble)
    # From the start on with one thread, or the bits would depend on the number of threads.
    with owned(saved), single_threaded(ensemble.weights.shape[1]):
        if saved is not None and saved.path.exists():
            before = Training._made(
                *read_same(
                    saved.path,
                    read_training,
                    lambda old: differences(old, settings, seeded=rng is not None),
                    epochs,
                    "Training",
                )
            )
            return before._continued(epochs, generator, rng is not None, correlation, until, progress, callback, saved)
        settings, state = _start(settings, ensemble, sampler, generator)
        return run(_Ascent(settings, sampler), state, [], epochs, generator, until, progress, callback, saved)


def _start(settings: Settings, ensemble: Ensemble, sampler: Any, rng: np.random.Generator) -> tuple[Settings, State]:
    """The state before the first update; in the eigenbasis of the target where the sampler asks for it."""
    weights, mass = ensemble.weights, ensemble.mass_squared
    if _in_eigenbasis(sampler) and mass.shape[1] == 1:
        settings = settings._replace(target=Target.diagonalized(settings.target.correlation))
        ensemble = replace(ensemble, weights=settings.target.from_nodes(weights))
    memory = sampler.start(ensemble, settings.target.correlation, rng)
    return settings, State(0, ensemble, (0 * weights, 0 * mass), memory, rng.bit_generator.state)


def _moved(settings: Settings, state: State, correlation: Any) -> tuple[Settings, State]:
    """Settings and state in the library and on the device of `correlation`."""
    ensemble = Ensemble(
        like(state.ensemble.weights, correlation),
        like(state.ensemble.mass_squared, correlation),
        state.ensemble.hidden_variance,
    )
    velocity = like(state.velocity[0], correlation), like(state.velocity[1], correlation)
    memory = None if state.memory is None else like(state.memory, correlation)
    target = Target(like(settings.target.correlation, correlation))
    return settings._replace(target=target), state._replace(ensemble=ensemble, velocity=velocity, memory=memory)


def _in_eigenbasis(sampler: Any) -> bool:
    """Whether the sampler's law does not know the basis of the visible nodes, and NumPy's arrays can be in any."""
    return getattr(sampler, "in_eigenbasis", False)


def saving(checkpoint: PathLike | None, every: int) -> Checkpoint | None:
    """Where a training is to be saved on the way, if it is."""
    every = count(every, "checkpoint_every", least=1)
    return None if checkpoint is None else checkpoint_at(checkpoint, every)


def owned(checkpoint: Checkpoint | None) -> AbstractContextManager[None]:
    """A context in which nobody else trains with this checkpoint, if there is one."""
    return nullcontext() if checkpoint is None else owning(checkpoint)


def going_on(generator: Any, state: Any, seeded: bool) -> Any:
    """The generator of a training that goes on from a checkpoint with this `state`: the caller's, if he gave one."""
    if not seeded:
        return generator_from(state)
    generator.bit_generator.state = state  # it moves as it would have
    return generator


def starting_models(rbm: Any, runs: int, kind: type[M], common: Callable[[M], dict[str, Any]]) -> list[M]:
    """A model for each run, all of them a `kind`; what is `common` to them must be equal."""
    runs = count(runs, "runs", least=1)
    models = [rbm] * runs if isinstance(rbm, kind) else list(rbm) if isinstance(rbm, Iterable) else []
    if not models or not (isinstance(rbm, (list, tuple)) or isinstance(models[0], kind)):
        require_instance(rbm, "rbm", kind, " or a non-empty sequence of them")
    for i, model in enumerate(models):
        require_instance(model, f"rbm[{i}]", kind)
    if runs not in (1, len(models)):
        raise ValueError(f"runs = {runs} does not match the {len(models)} models given")
    first = common(models[0])
    for run, model in enumerate(models):
        other = {name: value for name, value in common(model).items() if value != first[name]}
        if other:
            here, there = (", ".join(f"{name} = {of[name]}" for name in other) for of in (other, first))
            *names, last = first
            raise ValueError(
                f"runs trained together must agree in {', '.join(names)} and {last}, but run {run} has "
                f"{here}, run 0 has {there}"
            )
    return models


def _common(model: ScalarRBM) -> dict[str, Any]:
    """What runs must share to be one stack of matrices."""
    n_visible, n_hidden = model.weights.shape
    return {
        "N_v": n_visible,
        "N_h": n_hidden,
        "sigma_h^2": model.hidden_variance,
        "the shape of mu^2": np.shape(model.mass_squared),
    }


def _stacked(models: list[ScalarRBM]) -> Ensemble:
    return Ensemble(
        np.stack([model.weights for model in models]),
        np.stack([np.atleast_1d(model.mass_squared) for model in models]),
        models[0].hidden_variance,
    )


def _sampler(settings: Settings, ensemble: Ensemble) -> Any:
    return sampler_for(settings.gradient, ensemble, settings.learn_mass, settings.host)


def _strategy(gradient: Any) -> Any:
    if gradient is None:
        return Exact()
    own = hasattr(gradient, "start") and hasattr(gradient, "model_term") and not isinstance(gradient, type)
    if own or isinstance(gradient, (CD, PCD)):
        return gradient
    raise TypeError(
        "gradient must be an instance such as Exact(), CD(chains, steps) or PCD(chains, steps), or a "
        f"Sampler, got {gradient!r}"
    )


@dataclass
class _Ascent:
    """The `Rules` of `train`: gradient ascent with the gradient's model term from `sampler`."""

    settings: Settings
    sampler: Any
    positive: PositivityGuard = field(default_factory=PositivityGuard)

    @property
    def n_visible(self) -> int:
        return self.settings.target.correlation.shape[0]

    def epoch(self, state: State, rate: float, rng: Any) -> State:
        return one_epoch(self.settings, state, self.sampler, self.positive, rate, rng)

    def measured(self, state: State) -> Record:
        return measured(self.settings, state)

    def models(self, state: State) -> tuple[ScalarRBM, ...]:
        return models_of(self.settings.target, state.ensemble)

    def within(self, nats: float, state: State) -> Callable[[Record], bool]:
        target, learn_mass = self.settings.target.on_host().in_eigenbasis(), bool(self.settings.learn_mass)
        best = target.best_log_likelihood(state.ensemble.on_host(), learn_mass)
        if best is None:
            raise ValueError(
                f"until = {nats:g} nats below the best model needs one, but the likelihood grows without "
                "bound with mu^2 here: pass a function of the epoch and the model, or learn no mass, and "
                "one for all nodes"
            )
        return lambda record: bool((best - record.log_likelihood <= nats).all())

    def training(self, state: State, records: list[Record]) -> Training:
        return Training._made(self.settings, state, history(records))


def _ascent(settings: Settings, ensemble: Ensemble) -> _Ascent:
    return _Ascent(settings, _sampler(settings, ensemble))


def run(
    rules: Rules[S, R, T],
    state: S,
    records: list[R],
    last: int,
    rng: Any,
    until: Until | None,
    progress: bool,
    callback: Callable[..., object] | None,
    checkpoint: Checkpoint | None,
) -> T:
    """Epochs from `state`, which has `records`, to epoch `last`, or until a record on the grid is good enough."""
    schedule, every = rules.settings.learning_rate, rules.settings.record_every

    def rate(after: int) -> float:
        value = schedule(after) if callable(schedule) else schedule
        if not 0 <= value < np.inf:
            raise ValueError(f"learning_rate must be finite and not negative, but is {value} at epoch {after}")
        return value

    def so_far() -> T:
        made = records if records and records[-1].epoch == state.epoch else [*records, rules.measured(state)]
        return rules.training(state, made)

    if until is None or callable(until):
        asked, within = until, None
    else:
        asked, within = None, rules.within(number(until, "until", above=0), state)
    if checkpoint is not None:
        remove_leftovers(checkpoint.path)
    # What overflows is not normalisable, which is noticed without numpy's warning.
    with (
        single_threaded(rules.n_visible),
        np.errstate(all="ignore"),
        progress_bar(progress, last, "epoch", state.epoch) as advance,
        ended_as_by_ctrl_c(checkpoint is not None),
    ):
        try:
            if checkpoint is not None and not records:
                checkpoint.write(so_far())  # what cannot be stored is refused at once
            while True:
                on_grid = state.epoch % every == 0
                if (on_grid or state.epoch == last) and (not records or records[-1].epoch != state.epoch):
                    records.append(rules.measured(state))
                    if callback is not None:
                        callback(state.epoch, _one_or_all(rules.models(state)))
                if state.epoch == last:
                    break
                if on_grid and within is not None and within(records[-1]):
                    break
                if on_grid and asked is not None and asked(state.epoch, _one_or_all(rules.models(state))):
                    break
                state = rules.epoch(state, rate(state.epoch), rng)
                if checkpoint is not None and state.epoch % checkpoint.every == 0 and state.epoch < last:
                    checkpoint.write(so_far())
                advance()
            training = so_far()
            if checkpoint is not None:
                checkpoint.write(training)
            return training
        except NotNormalizableError as error:
            error.last_good = so_far()
            raise
        except np.linalg.LinAlgError as error:
            raise NotNormalizableError(
                f"the model or its chains lost all digits at epoch {state.epoch + 1} ({error}): reduce the learning "
                "rate. The training up to here is .last_good",
                so_far(),
            ) from error
        except KeyboardInterrupt as interruption:
            message = (
                f"stopped after epoch {state.epoch}; the training so far is .last_good, go on with "
                ".last_good.resume(epochs)"
            )
            if checkpoint is not None:
                checkpoint.write(so_far())
                message += f" or by running the same call again, which reads {checkpoint.path}"
            raise TrainingInterrupted(message, so_far()) from interruption
        except CheckpointError:
            raise
        except Exception as error:  # of a callback or a schedule; or there was no memory left
            if checkpoint is not None:
                with suppress(Exception):
                    checkpoint.write(so_far())
                    error.add_note(f"The training up to epoch {state.epoch} is in {checkpoint.path}")
            raise


def _one_or_all(models: tuple[Any, ...]) -> Any:
    return models[0] if len(models) == 1 else models
