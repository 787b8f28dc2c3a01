"""Training of the Gaussian-Bernoulli RBM: gradient ascent of its log-likelihood.

With psi = W^T phi - eta and L the average of ln p(phi) over the data,

    dL/dW = <phi tanh psi>_data - <phi tanh psi>_model,  dL/deta = <tanh psi>_model - <tanh psi>_data,
    dL/dmu^2 = (<phi^T phi>_model - <phi^T phi>_data) / 2.

Second moments of the data are not enough: the first term is an average over the samples themselves, in minibatches if
there are many. The model's term is enumerated for few hidden nodes, where it needs the moments of the hidden spins
only, <phi tanh psi> = W <h h^T> / mu^2; otherwise it is an average over persistent Gibbs chains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._support.checks import (
    Floats,
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
from .._support.runtime import progress_bar, single_threaded
from ..errors import NotNormalizableError, TrainingInterrupted
from ..gaussian_bernoulli import GaussianBernoulliRBM


class BernoulliStatistics(NamedTuple):
    """The three averages that the gradient compares.

    Attributes
    ----------
    products : (N_v, N_h), <phi tanh psi>
    hidden : (N_h,), <tanh psi>
    square : float, <phi^T phi>
    """

    products: Floats
    hidden: Floats
    square: float


@in_range
def sample_statistics(rbm: GaussianBernoulliRBM, phi: ArrayLike) -> BernoulliStatistics:
    """The averages over samples phi (n, N_v): data, or the states of Markov chains."""
    require_instance(rbm, "rbm", GaussianBernoulliRBM)
    phi = _samples(phi, rbm.n_visible, "phi")
    hidden = rbm.hidden_mean(phi)
    return BernoulliStatistics(phi.T @ hidden / len(phi), hidden.mean(axis=0), float(np.vdot(phi, phi) / len(phi)))


@in_range
def model_statistics(rbm: GaussianBernoulliRBM) -> BernoulliStatistics:
    """The averages over the model, by enumeration of its hidden layer (N_h up to 20)."""
    require_instance(rbm, "rbm", GaussianBernoulliRBM)
    mean, second = rbm.hidden_moments
    products = rbm.weights @ second / rbm.mass_squared
    square = rbm.n_visible / rbm.mass_squared + np.vdot(rbm.weights, products) / rbm.mass_squared
    return BernoulliStatistics(products, mean, float(square))


@in_range
def bernoulli_gradient(rbm: GaussianBernoulliRBM, data: ArrayLike, chains: ArrayLike | None = None) -> tuple[Floats,
                       Floats, float]:
    """dL/dW (N_v, N_h), dL/deta (N_h,) and dL/dmu^2 for data (n, N_v).

    The model's averages are enumerated, or taken over the states `chains` (B, N_v) when they are given.
    """
    target = sample_statistics(rbm, data)
    model = model_statistics(rbm) if chains is None else sample_statistics(rbm, chains)
    return target.products - model.products, model.hidden - target.hidden, (model.square - target.square) / 2


@dataclass(frozen=True, eq=False, repr=False)
class BernoulliTraining:
    """The history of a training.

    Attributes
    ----------
    epochs : (T,) updates made before each record; the first is 0, the last the final one
    models : tuple of T GaussianBernoulliRBM, the model at each record
    chains : (B, N_v) the persistent chains at the end, None when the gradient was enumerated; to go on, start from
        `model` with these chains
    """

    epochs: np.ndarray
    models: tuple[GaussianBernoulliRBM, ...]
    chains: Floats | None

    @property
    def model(self) -> GaussianBernoulliRBM:
        """The trained model."""
        return self.models[-1]

    @property
    def mass_squared(self) -> Floats:
        """mu^2 at each record, shape (T,)."""
        return np.array([model.mass_squared for model in self.models])

    @property
    def singular_values(self) -> Floats:
        """xi_a of W at each record, descending, shape (T, min(N_v, N_h))."""
        return np.linalg.svd(np.stack([model.weights for model in self.models]), compute_uv=False)

    def __repr__(self) -> str:
        how = "enumerated gradient" if self.chains is None else f"{len(self.chains)} persistent chains"
        return f"<BernoulliTraining: {self.epochs[-1]} epochs, {len(self.epochs)} records, {how}>"


@in_range
def train_bernoulli(rbm: GaussianBernoulliRBM, data: ArrayLike, epochs: int,
                    learning_rate: float | Callable[[int], float], chains: ArrayLike | None = None, steps: int = 1, *,
                    batch: int | None = None, learn_bias: bool = True, learn_mass: bool = False, momentum: float = 0.0,
                    record_every: int | None = None, rng: Seed = None, progress: bool = False) -> BernoulliTraining:
    """Ascend the log-likelihood of `data`, one update per epoch.

    Parameters
    ----------
    rbm : GaussianBernoulliRBM
        Where to start; with W = 0 and no bias the gradient vanishes.
    data : array (n, N_v)
        Subtract the mean first: there is no bias on the visible layer.
    epochs : int
    learning_rate : float or callable
        A number, or a function of the epoch such as `StepDecay`.
    chains : None, int or array (B, N_v)
        None enumerates the model's averages (N_h up to 20). A number starts so many persistent chains at random
        rows of the data, an array gives their states.
    steps : int
        Gibbs sweeps of the chains per update.
    batch : int, optional
        Rows of the data, drawn anew without repetition for each update; all of them when None.
    learn_bias, learn_mass : bool
        Whether eta, and mu^2 itself, are learnt besides W.
    momentum : float in [0, 1)
    record_every : int, optional
        Epochs between two recorded models; None keeps only the first and the last.
    progress : bool
        Whether to show a progress bar (on stderr; needs tqdm).

    Raises
    ------
    NotNormalizableError
        When the training diverges: mu^2 <= 0, or numbers beyond double precision. `.last_good` is the
        BernoulliTraining up to the epoch before.
    TrainingInterrupted
        On Ctrl-C; `.last_good` is the BernoulliTraining so far.
    """
    require_instance(rbm, "rbm", GaussianBernoulliRBM)
    data = _samples(data, rbm.n_visible, "data")
    epochs, steps = count(epochs, "epochs"), count(steps, "steps", least=1)
    batch = len(data) if batch is None else count(batch, "batch", least=1)
    if batch > len(data):
        raise ValueError(f"batch = {batch} is more than the {len(data)} rows of the data")
    every = max(epochs, 1) if record_every is None else count(record_every, "record_every", least=1)
    schedule, momentum = checked_rate(learning_rate), fraction(momentum, "momentum")
    rng = numpy_generator(rng)
    states = _start(chains, data, rng)
    parameters: list[Any] = [rbm.weights, rbm.hidden_bias, rbm.mass_squared]
    velocity: list[Any] = [0.0, 0.0, 0.0]
    if learnt_mass(learn_mass) == "mu":
        raise ValueError('train_bernoulli learns mu^2 itself: learn_mass must be False or True, got "mu"')
    learnt = (True, learn_bias, learn_mass)
    records = [(0, rbm)]
    done = 0
    with single_threaded(rbm.n_visible), progress_bar(progress, epochs, "epoch") as advance:
        try:
            for epoch in range(epochs):
                rows = data if batch == len(data) else data[rng.choice(len(data), batch, replace=False, shuffle=False)]
                rate = schedule(epoch) if callable(schedule) else schedule
                gradient = None
                try:
                    moved = None if states is None else rbm.gibbs(states, steps, rng)
                    gradient = bernoulli_gradient(rbm, rows, moved)
                    velocity = [momentum * v + g for v, g in zip(velocity, gradient, strict=True)]
                    parameters = [p + rate * v if wanted else p
                                  for p, v, wanted in zip(parameters, velocity, learnt, strict=True)]
                    weights, bias, mass = parameters
                    updated = GaussianBernoulliRBM(weights, mass, bias)
                except (ValueError, FloatingPointError):
                    if epoch == 0 and gradient is None:  # before the first update the arguments are to blame
                        raise
                    raise _diverged(epoch, rate, parameters, _training(records, epoch, rbm, states)) from None
                rbm, states, done = updated, moved, epoch + 1
                if done % every == 0:
                    records.append((done, rbm))
                advance()
        except KeyboardInterrupt as interruption:
            raise TrainingInterrupted(
                f"stopped after epoch {done}; the training so far is .last_good, go on from its .model and .chains",
                _training(records, done, rbm, states)) from interruption
    return _training(records, epochs, rbm, states)


def _training(records: list[tuple[int, GaussianBernoulliRBM]], epoch: int, rbm: GaussianBernoulliRBM,
              states: Floats | None) -> BernoulliTraining:
    if records[-1][0] != epoch:
        records = [*records, (epoch, rbm)]
    epochs = np.array([epoch for epoch, _ in records], dtype=np.int64)
    return BernoulliTraining(epochs, tuple(model for _, model in records),
                             None if states is None else frozen(states))


def _diverged(epoch: int, rate: float, parameters: Sequence[Any], last_good: BernoulliTraining) -> NotNormalizableError:
    mass = parameters[2]
    what = (f"the largest weight was {np.abs(last_good.model.weights).max(initial=0):.3g} before" if mass > 0
            else f"mu^2 would become {mass:.3g}")
    return NotNormalizableError(
        f"the training diverged at epoch {epoch + 1}, with learning rate {rate:.3g} ({what}): reduce the learning "
        "rate. The training up to here is .last_good", last_good)


def _samples(phi: ArrayLike, n_visible: int, name: str) -> Floats:
    phi = finite(phi, name)
    if phi.ndim != 2 or phi.shape[1] != n_visible or not len(phi):
        raise ValueError(f"{name} must have shape (n, {n_visible}) with n >= 1, a sample per row, got {phi.shape}")
    return phi


def _start(chains: Any, data: Floats, rng: np.random.Generator) -> Floats | None:
    if chains is None:
        return None
    if np.ndim(chains):
        return _samples(chains, data.shape[1], "chains")
    return data[rng.integers(len(data), size=count(chains, "chains", least=1))]
