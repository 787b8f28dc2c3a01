"""One epoch of `train`: what it changes, what it leaves, and what is measured afterwards. Eqs. (20), (22) and (25)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ._arrays import namespace, to_numpy
from ._positivity import PositivityGuard
from ._target import Target
from ._threads import single_threaded
from ._validation import Floats, LearntMass
from .errors import NotNormalizableError
from .gradient import CD, PCD, Ensemble
from .model import ScalarRBM


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
    shortcuts: bool
    """Whether the chains may be replaced by faster ones. It stays as it was when a training moves to another device."""
    origin: Origin


class State(NamedTuple):
    """What an epoch changes, in the basis of `Target`; with `Settings` it determines everything that follows."""

    epoch: int
    ensemble: Ensemble
    velocity: tuple[Floats, Floats]
    chains: Floats | None
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


def update(settings: Settings, state: State, sampler: Any, positive: PositivityGuard, rate: float,
           rng: np.random.Generator) -> State:
    """The state after one more epoch; raises `NotNormalizableError` where that is none."""
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
        if settings.learn_mass == "mu":
            mu = namespace(mass).sqrt(mass)
            momentum_mass = settings.momentum * momentum_mass - mu * variances
            mu = mu + rate * momentum_mass
            mass = mu * namespace(mu).abs(mu)  # a step through mu = 0 leaves the models: it is not to count as one
        else:
            momentum_mass = settings.momentum * momentum_mass - variances / 2
            mass = mass + rate * momentum_mass
    weights = rate * momentum_weights
    weights += ensemble.weights
    updated = Ensemble(weights, mass, ensemble.hidden_variance)
    good = positive(updated)
    if not good.all():
        run = int(np.argmin(good))
        which = f"run {run} of {len(good)} (counted from 0)" if len(good) > 1 else "the run"
        raise NotNormalizableError(
            f"{which} would lose a positive eigenvalue of its kernel at epoch {state.epoch + 1}, with learning rate "
            f"{rate:.3g}: {_advice(settings, _on_host(ensemble), run)}. The training up to here is .last_good")
    return State(state.epoch + 1, updated, (momentum_weights, momentum_mass), chains, rng.bit_generator.state)


def _advice(settings: Settings, ensemble: Ensemble, run: int) -> str:
    """What keeps a run normalisable, with numbers where kappa_min of the target is to be had for little."""
    learns_mu = settings.learn_mass == "mu"  # which asks for smaller rates than W and mu^2 do
    limit = " (below what learning_rate_limit tells, as mu is learnt)" if learns_mu else \
        " (learning_rate_limit tells what is stable)"
    sweeps = np.inf
    spectrum, mass = settings.target.spectrum, ensemble.mass[run]
    if len(mass) == 1 and spectrum is not None:
        mass_squared, kappa_min = float(mass[0]), 1 / spectrum.max()
        if 0 < kappa_min < mass_squared:
            # learning_rate_limit; but no range of numbers is to hide the error that is being told
            stable = kappa_min**2 / (ensemble.hidden_variance * (mass_squared - kappa_min))
            if not learns_mu:
                limit = f" (stable up to about {stable:.2g} with exact gradients, see learning_rate_limit)"
            sweeps = np.ceil(mass_squared / (2 * kappa_min))
    advice = f"reduce the learning rate{limit}"
    if isinstance(settings.gradient, (CD, PCD)):
        advice += f", or use more than {settings.gradient.chains} chains"
        if settings.gradient.steps < sweeps:
            wanted = f"{sweeps:.0f}" if sweeps < np.inf else "mu^2 / (2 kappa_min)"
            advice += f" and about {wanted} sweeps per update, not {settings.gradient.steps}"
    return advice


def measured(settings: Settings, state: State) -> Record:
    """The spectra of the state, and the log-likelihood of the target."""
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


def _on_host(ensemble: Ensemble) -> Ensemble:
    return Ensemble(to_numpy(ensemble.weights), to_numpy(ensemble.mass), ensemble.hidden_variance)


def models_of(target: Target, ensemble: Ensemble) -> tuple[ScalarRBM, ...]:
    """The model of each run, in the basis of the nodes."""
    ensemble, target = _on_host(ensemble), target.on_host()
    with single_threaded(ensemble.weights.shape[1]):  # as all that went before, for the bits not to depend on threads
        in_nodes = target.to_nodes(ensemble.weights)
    return tuple(ScalarRBM(weights, mass[0] if len(mass) == 1 else mass, ensemble.hidden_variance)
                 for weights, mass in zip(in_nodes, ensemble.mass, strict=True))
