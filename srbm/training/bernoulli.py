"""Training of the Gaussian-Bernoulli RBM: gradient ascent of its log-likelihood.

With psi = W^T phi - eta and L the average of ln p(phi) over the data,

    dL/dW = <phi tanh psi>_data - <phi tanh psi>_model,  dL/deta = <tanh psi>_model - <tanh psi>_data,
    dL/dmu^2 = (<phi^T phi>_model - <phi^T phi>_data) / 2.

Second moments of the data are not enough: the first term is an average over the samples themselves, in minibatches if
there are many. The model's term is enumerated for few hidden nodes, where it needs the moments of the hidden spins
only, <phi tanh psi> = W <h h^T> / mu^2; otherwise it is an average over persistent Gibbs chains.

The loop is that of `train`, `loop.run`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._support.arrays import digest
from .._support.checks import (
    Floats,
    PathLike,
    Seed,
    count,
    finite,
    fraction,
    frozen,
    learnt_mass,
    numpy_generator,
    require_instance,
)
from .._support.checks import learning_rate as checked_rate
from .._support.range import in_range
from ..errors import NotNormalizableError
from ..gaussian_bernoulli import GaussianBernoulliRBM
from ..random import generator_from
from .bernoulli_checkpoint import Origin, Record, Samples, Settings, State, differences, digest_of, read, write
from .checkpoint import read_same
from .loop import going_on, owned, run, saving, starting_models

_NEVER = int(np.iinfo(np.int64).max)
"""`record_every` where only the first and the last epoch are recorded."""


class BernoulliStatistics(NamedTuple):
    """The three averages that the gradient compares.

    Attributes
    ----------
    products : array (N_v, N_h)
        <phi tanh psi>.
    hidden : array (N_h,)
        <tanh psi>.
    square : float
        <phi^T phi>.
    """

    products: Floats
    hidden: Floats
    square: float


@in_range
def sample_statistics(rbm: GaussianBernoulliRBM, phi: ArrayLike) -> BernoulliStatistics:
    """The averages over samples: data, or the states of Markov chains.

    Parameters
    ----------
    rbm : GaussianBernoulliRBM
        The model that psi is of.
    phi : array (n, N_v)
        A sample in each row.

    Returns
    -------
    BernoulliStatistics
        The averages.
    """
    require_instance(rbm, "rbm", GaussianBernoulliRBM)
    phi = _samples(phi, rbm.n_visible, "phi")
    hidden = rbm.hidden_mean(phi)
    return BernoulliStatistics(phi.T @ hidden / len(phi), hidden.mean(axis=0), float(np.vdot(phi, phi) / len(phi)))


@in_range
def model_statistics(rbm: GaussianBernoulliRBM) -> BernoulliStatistics:
    """The averages over the model, by enumeration of its hidden layer (N_h up to 20).

    Parameters
    ----------
    rbm : GaussianBernoulliRBM
        The model.

    Returns
    -------
    BernoulliStatistics
        The averages.
    """
    require_instance(rbm, "rbm", GaussianBernoulliRBM)
    mean, second = rbm.hidden_moments
    products = rbm.weights @ second / rbm.mass_squared
    square = rbm.n_visible / rbm.mass_squared + np.vdot(rbm.weights, products) / rbm.mass_squared
    return BernoulliStatistics(products, mean, float(square))


@in_range
def bernoulli_gradient(
    rbm: GaussianBernoulliRBM, data: ArrayLike, states: ArrayLike | None = None, *, chains: ArrayLike | None = None
) -> tuple[Floats, Floats, float]:
    """The gradient of the log-likelihood L of data.

    Parameters
    ----------
    rbm : GaussianBernoulliRBM
        The model.
    data : array (n, N_v)
        A sample in each row.
    states : array (B, N_v), optional
        States of Markov chains, over which the model's averages are taken; they are enumerated when None.
    chains : array (B, N_v), optional
        The old name of `states`, for one release.

    Returns
    -------
    (array (N_v, N_h), array (N_h,), float)
        Derivatives of L with respect to W, eta and mu^2.

    Examples
    --------
    >>> from srbm import GaussianBernoulliRBM, bernoulli_gradient
    >>> bernoulli_gradient(GaussianBernoulliRBM([[0.0]], 2.0), [[1.0], [-1.0]])[2]
    -0.25
    """
    states = chains if states is None else states
    target = sample_statistics(rbm, data)
    model = model_statistics(rbm) if states is None else sample_statistics(rbm, states)
    return target.products - model.products, model.hidden - target.hidden, (model.square - target.square) / 2


@dataclass(frozen=True, eq=False, repr=False)
class BernoulliTraining:
    """The history of a training and everything needed to go on with it.

    T counts the recorded epochs.

    Attributes
    ----------
    epochs : array (T,)
        Updates made before each record; the first is 0, the last the final one.
    models : tuple of GaussianBernoulliRBM
        The model at each record; with several runs a tuple of them.
    states : array (B, N_v) or (runs, B, N_v), or None
        The persistent chains at the end; None when the gradient was enumerated.

    Examples
    --------
    >>> from srbm import GaussianBernoulliRBM, train_bernoulli
    >>> data = GaussianBernoulliRBM([[2.0]], 2.0).sample(100, rng=0)
    >>> train_bernoulli(GaussianBernoulliRBM([[0.5]], 2.0), data, 10, 0.1, record_every=5).epochs.tolist()
    [0, 5, 10]
    """

    epochs: np.ndarray
    models: tuple[Any, ...]
    states: Floats | None
    _settings: Settings
    _state: State

    @property
    def model(self) -> GaussianBernoulliRBM:
        """Trained model of a single run, a `GaussianBernoulliRBM`; `ValueError` if there are several."""
        if len(self._state.models) != 1:
            raise ValueError(f"there are {len(self._state.models)} runs: use .models[-1]")
        return self._state.models[0]

    @property
    def chains(self) -> Floats | None:
        """Old name of `states`, for one release."""
        return self.states

    @property
    def mass_squared(self) -> Floats:
        """Values of mu^2 at each record, of shape (T[, runs])."""
        return self._of_all(lambda model: model.mass_squared)

    @property
    def singular_values(self) -> Floats:
        """Singular values xi_a of W at each record, descending, of shape (T[, runs], min(N_v, N_h))."""
        return np.linalg.svd(self._of_all(lambda model: model.weights), compute_uv=False)

    def __repr__(self) -> str:
        runs = f"{len(self._state.models)} runs of " if len(self._state.models) > 1 else ""
        how = "enumerated gradient" if self.states is None else f"{self.states.shape[-2]} persistent chains"
        return f"<BernoulliTraining: {runs}{self.epochs[-1]} epochs, {len(self.epochs)} records, {how}>"

    def resume(
        self,
        epochs: int,
        *,
        until: Callable[[int, Any], object] | None = None,
        progress: bool = False,
        callback: Callable[..., object] | None = None,
        checkpoint: PathLike | None = None,
        checkpoint_every: int = 1000,
    ) -> BernoulliTraining:
        """Train for more epochs, exactly as if the first call had not stopped.

        The result is to the last bit that of one call: a record that was made only because the first call ended there
        is dropped. A training that was loaded needs its data: `load(path, data)`.

        Parameters
        ----------
        epochs : int
            Number of further updates; at most so many, with `until`.
        until : callable, optional
            When to stop, as in `train_bernoulli`.
        progress : bool
            Whether to show a progress bar (on stderr; needs tqdm).
        callback : callable, optional
            Called at every record, as in `train_bernoulli`.
        checkpoint : path, optional
            A file to be written as in `train_bernoulli`, in place of what it may hold.
        checkpoint_every : int
            Epochs from one writing of the file to the next.

        Returns
        -------
        BernoulliTraining
            The whole training, from its beginning.

        Raises
        ------
        ValueError
            When the training was loaded without its data.
        NotNormalizableError
            As `train_bernoulli`.
        TrainingInterrupted
            As `train_bernoulli`.
        CheckpointError
            As `train_bernoulli`.
        """
        if self._settings.data.values is None:
            raise ValueError(
                "the file of this training does not hold the data, which are needed to go on: "
                "BernoulliTraining.load(path, data)"
            )
        epochs = self._state.epoch + count(epochs, "epochs")
        saved = saving(checkpoint, checkpoint_every)
        with owned(saved):
            return run(
                _Ascent(self._settings, self._state.models[0].n_visible),
                self._state,
                self._grid(),
                epochs,
                generator_from(self._state.generator),
                until,
                progress,
                callback,
                saved,
            )

    def save(self, path: PathLike) -> Path:
        """Write the training, without the data, to an .npz file, atomically and without pickle.

        Parameters
        ----------
        path : path
            The file.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        TypeError
            For a learning rate that is neither a number nor a `StepDecay`.
        """
        return write(path, self._settings, self._state, self._records())

    @classmethod
    def load(cls, path: PathLike, data: ArrayLike | None = None) -> BernoulliTraining:
        """Read a training written by `save`.

        Parameters
        ----------
        path : path
            The file.
        data : array (n, N_v), optional
            What it was trained on, needed to `resume`.

        Returns
        -------
        BernoulliTraining
            That training.

        Raises
        ------
        DatasetError
            When the file is damaged.
        ValueError
            When the training was one on other data.
        """
        settings, state, records = read(path)
        if data is not None:
            samples = Samples(_samples(data, state.models[0].n_visible, "data"))
            if samples.digest != settings.data.digest:
                raise ValueError(f"data are not those that the training in {path} was made with")
            settings = settings._replace(data=samples)
        return cls._made(settings, state, records)

    def _records(self) -> list[Record]:
        several = len(self._state.models) > 1
        return [
            Record(int(epoch), models if several else (models,))
            for epoch, models in zip(self.epochs, self.models, strict=True)
        ]

    def _grid(self) -> list[Record]:
        """The records that a longer training has, too."""
        return [record for record in self._records() if record.epoch % self._settings.record_every == 0]

    def _of_all(self, part: Callable[[GaussianBernoulliRBM], Any]) -> Floats:
        values = np.array([[part(model) for model in record.models] for record in self._records()])
        return values if len(self._state.models) > 1 else values[:, 0]

    @classmethod
    def _made(cls, settings: Settings, state: State, records: list[Record]) -> BernoulliTraining:
        one, chains = len(state.models) == 1, state.chains
        return cls(
            np.array([record.epoch for record in records], dtype=np.int64),
            tuple(record.models[0] if one else record.models for record in records),
            None if chains is None else frozen(chains[0] if one else np.stack(chains)),
            settings,
            state,
        )


def train_bernoulli(
    rbm: GaussianBernoulliRBM | Sequence[GaussianBernoulliRBM],
    data: ArrayLike,
    epochs: int,
    learning_rate: float | Callable[[int], float],
    chains: Any = None,
    steps: int = 1,
    *,
    start: ArrayLike | None = None,
    batch: int | None = None,
    learn_bias: bool = True,
    learn_mass: bool = False,
    momentum: float = 0.0,
    runs: int = 1,
    record_every: int | None = None,
    until: Callable[[int, Any], object] | None = None,
    rng: Seed = None,
    progress: bool = False,
    callback: Callable[..., object] | None = None,
    checkpoint: PathLike | None = None,
    checkpoint_every: int = 1000,
) -> BernoulliTraining:
    """Train a machine with binary hidden nodes by gradient ascent on the log-likelihood of data.

    Parameters
    ----------
    rbm : GaussianBernoulliRBM or sequence of GaussianBernoulliRBM
        Where to start: one model for all runs, or one for each; with W = 0 and no bias the gradient vanishes.
    data : array (n, N_v)
        A sample in each row. Subtract the mean first: there is no bias on the visible layer.
    epochs : int
        Number of updates; at most so many, with `until`.
    learning_rate : float or callable
        A number, or a function of the epoch such as `StepDecay`.
    chains : int, optional
        B, the number of persistent chains over which the model's averages are taken; they start at random rows of the
        data. None enumerates the averages (N_h up to 20). (An array is taken for `start`, for one release.)
    steps : int
        Gibbs sweeps of the chains per update.
    start : array (B, N_v) or (runs, B, N_v), optional
        Where the chains start instead.
    batch : int, optional
        Rows of the data, drawn anew without repetition for each update; all of them when None.
    learn_bias : bool
        Whether eta is learnt besides W.
    learn_mass : bool
        Whether mu^2 itself is learnt, too.
    momentum : float
        Heavy-ball momentum in [0, 1).
    runs : int
        Independent runs; implied when a sequence of models is given. They share one stream of random numbers.
    record_every : int, optional
        Epochs between two recorded models; None keeps only the first and the last.
    until : callable, optional
        Stop at the first record, one that `record_every` makes, where `until(epoch, model)` is true, with a tuple of
        models if there are several runs. (The best likelihood is not known, so that there is nothing to compare with.)
    rng : numpy.random.Generator or int, optional
        Random numbers, or their seed.
    progress : bool
        Whether to show a progress bar (on stderr; needs tqdm).
    callback : callable, optional
        Called as `callback(epoch, model)` at every record, with a tuple of models if there are several runs.
    checkpoint : path, optional
        A file as in `train`. It does not hold the data, only what identifies them.
    checkpoint_every : int
        Epochs from one writing of the file to the next.

    Returns
    -------
    BernoulliTraining
        The history, with the trained model or models.

    Raises
    ------
    NotNormalizableError
        When the training diverges: mu^2 <= 0, or numbers beyond double precision. `.last_good` is the
        BernoulliTraining up to the epoch before.
    TrainingInterrupted
        On Ctrl-C, and with a checkpoint on SIGTERM and SIGHUP; `.last_good` is the BernoulliTraining so far.
    CheckpointError
        When the checkpoint cannot be written (`.last_good` is the training so far), is that of another training, or is
        being written by one.
    DatasetError
        When the checkpoint is damaged.
    ValueError
        For arguments that do not fit together.

    Examples
    --------
    >>> from srbm import GaussianBernoulliRBM, train_bernoulli
    >>> data = GaussianBernoulliRBM([[2.0]], 2.0).sample(400, rng=0)
    >>> training = train_bernoulli(GaussianBernoulliRBM([[0.5]], 2.0), data, 200, 0.1)
    >>> training, float(training.model.weights[0, 0].round())
    (<BernoulliTraining: 200 epochs, 2 records, enumerated gradient>, 2.0)
    """
    saved = saving(checkpoint, checkpoint_every)
    models = tuple(
        starting_models(rbm, runs, GaussianBernoulliRBM, lambda model: {"N_v": model.n_visible, "N_h": model.n_hidden})
    )
    n_visible = models[0].n_visible
    rows = _samples(data, n_visible, "data")
    epochs, steps = count(epochs, "epochs"), count(steps, "steps", least=1)
    batch = len(rows) if batch is None else count(batch, "batch", least=1)
    if batch > len(rows):
        raise ValueError(f"batch = {batch} is more than the {len(rows)} rows of the data")
    if learnt_mass(learn_mass) == "mu":
        raise ValueError('train_bernoulli learns mu^2 itself: learn_mass must be False or True, got "mu"')
    if np.ndim(chains) and start is None:
        chains, start = None, chains  # as it used to be
    states = None if start is None else _start(start, chains, len(models), n_visible)
    if states is not None:
        chains = states.shape[1]
    elif chains is not None:
        chains = count(chains, "chains", least=1)
    generator = numpy_generator(rng)
    origin = Origin(digest_of(models), "" if states is None else digest(states), generator.bit_generator.state)
    settings = Settings(
        Samples(rows),
        checked_rate(learning_rate),
        chains,
        steps,
        None if batch == len(rows) else batch,
        bool(learn_bias),
        bool(learn_mass),
        fraction(momentum, "momentum"),
        _NEVER if record_every is None else count(record_every, "record_every", least=1),
        origin,
    )
    with owned(saved):
        if saved is not None and saved.path.exists():
            before, state, records = read_same(
                saved.path,
                read,
                lambda old: differences(old, settings, seeded=rng is not None),
                epochs,
                "BernoulliTraining",
            )
            training = BernoulliTraining._made(before._replace(data=settings.data), state, records)
            records, settings = training._grid(), training._settings
            generator = going_on(generator, state.generator, seeded=rng is not None)
        else:
            if states is not None:
                drawn = tuple(states)
            else:
                drawn = tuple(rows[generator.integers(len(rows), size=chains)] for _ in models) if chains else ()
            state = State(
                0,
                models,
                tuple((0 * model.weights, np.zeros(model.n_hidden), 0.0) for model in models),
                drawn or None,
                generator.bit_generator.state,
            )
            records = []
        return run(_Ascent(settings, n_visible), state, records, epochs, generator, until, progress, callback, saved)


@dataclass(frozen=True)
class _Ascent:
    """The `Rules` of `train_bernoulli`."""

    settings: Settings
    n_visible: int

    def epoch(self, state: State, rate: float, rng: np.random.Generator) -> State:
        stepped = [self._step(state, run, rate, rng) for run in range(len(state.models))]
        models, velocity, chains = zip(*stepped, strict=True)
        return State(
            state.epoch + 1, models, velocity, None if state.chains is None else chains, rng.bit_generator.state
        )

    def _step(
        self, state: State, run: int, rate: float, rng: np.random.Generator
    ) -> tuple[GaussianBernoulliRBM, tuple[Any, Any, Any], Any]:
        """Model, velocity and chains of a run after one update."""
        settings, model = self.settings, state.models[run]
        data: Any = settings.data.values
        rows = (
            data
            if settings.batch is None
            else data[rng.choice(len(data), settings.batch, replace=False, shuffle=False)]
        )
        parameters: tuple[Any, Any, Any] = (model.weights, model.hidden_bias, model.mass_squared)
        gradient = None
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                chains = None if state.chains is None else model.gibbs(state.chains[run], settings.steps, rng)
                gradient = bernoulli_gradient(model, rows, chains)
                weights, bias, mass = (
                    settings.momentum * v + g for v, g in zip(state.velocity[run], gradient, strict=True)
                )
                velocity = weights, bias, mass
                learnt = (True, settings.learn_bias, settings.learn_mass)
                parameters = tuple(
                    p + rate * v if wanted else p for p, v, wanted in zip(parameters, velocity, learnt, strict=True)
                )
            weights, bias, mass = parameters
            return GaussianBernoulliRBM(weights, mass, bias), velocity, chains
        except (ValueError, FloatingPointError):
            if state.epoch == 0 and gradient is None:  # before the first update the arguments are to blame
                raise
            mass = parameters[2]
            what = (
                f"the largest weight was {np.abs(model.weights).max(initial=0):.3g} before"
                if mass > 0
                else f"mu^2 would become {mass:.3g}"
            )
            which = f"run {run} of {len(state.models)} (counted from 0)" if len(state.models) > 1 else "the training"
            raise NotNormalizableError(
                f"{which} diverged at epoch {state.epoch + 1}, with learning rate {rate:.3g} ({what}): reduce the "
                "learning rate. The training up to here is .last_good"
            ) from None

    def measured(self, state: State) -> Record:
        return Record(state.epoch, state.models)

    def models(self, state: State) -> tuple[GaussianBernoulliRBM, ...]:
        return state.models

    def within(self, nats: float, state: State) -> Callable[[Record], bool]:
        raise ValueError(
            "until must be a function of the epoch and the model here: the best log-likelihood of a "
            f"Gaussian-Bernoulli machine is not known, so there is nothing that {nats:g} nats could be "
            "below"
        )

    def training(self, state: State, records: list[Record]) -> BernoulliTraining:
        return BernoulliTraining._made(self.settings, state, records)


def _samples(phi: ArrayLike, n_visible: int, name: str) -> Floats:
    phi = finite(phi, name)
    if phi.ndim != 2 or phi.shape[1] != n_visible or not len(phi):
        raise ValueError(f"{name} must have shape (n, {n_visible}) with n >= 1, a sample per row, got {phi.shape}")
    return phi


def _start(start: Any, chains: Any, runs: int, n_visible: int) -> Floats:
    """The given states of the chains of each run, shape (runs, B, N_v)."""
    states = finite(start, "start")
    if states.ndim == 2:
        states = np.broadcast_to(_samples(states, n_visible, "start"), (runs, *states.shape))
    if states.ndim != 3 or states.shape[::2] != (runs, n_visible) or not states.shape[1]:
        raise ValueError(
            f"start must have shape (B, {n_visible}), a chain per row, or ({runs}, B, {n_visible}), got "
            f"{np.shape(start)}"
        )
    if chains is not None and count(chains, "chains", least=1) != states.shape[1]:
        raise ValueError(f"chains = {chains} does not match the {states.shape[1]} states in start: leave one out")
    return states
