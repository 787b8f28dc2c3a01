"""Binary hidden nodes (Sec. VII): the visible layer becomes a mixture of 2^N_h Gaussians.

`GaussianBernoulliRBM` keeps the Gaussian visible potential and makes the hidden nodes binary, h_a = +-1; the action of
its visible layer has non-local interactions of every even order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import ClassVar, cast

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ._support.arrays import add_to_diagonal
from ._support.checks import Floats, Seed, count, frozen, hidden_bias, number, numpy_generator, weight_matrix
from ._support.files import Stored
from ._support.range import in_range
from ._support.runtime import progress_bar
from .machine import Machine, random_weights

_MOST_ENUMERATED = 20


@lru_cache(maxsize=4)
def _spin_states(n: int) -> Floats:
    """All states of n spins, shape (2^n, n); shared by the models of a training."""
    bits = np.arange(2**n)[:, None] >> np.arange(n)
    return frozen(2.0 * (bits & 1) - 1)


@dataclass(frozen=True, eq=False)
class GaussianBernoulliRBM(Machine):
    r"""An RBM with Gaussian visible fields and binary hidden nodes, h_a = 1 or -1.

    Its action, Eq. (88), its signs included, is

    .. math:: S(\phi, h) = \tfrac12 \mu^2 \phi^T \phi - \phi^T W h + \eta^T h.

    `Machine` lists what all machines can do.

    Parameters
    ----------
    weights : array (N_v, N_h)
        The weight matrix W.
    mass_squared : float
        mu^2 > 0. The model exists for every W: large weights make wells, not an instability.
    hidden_bias : array (N_h,), optional
        eta; zero when None. The mean of the hidden nodes is tanh(W^T phi - eta): a positive eta pulls them down. In
        `ScalarRBM` it is the other way round. Both signs are the paper's, Eqs. (88) and (7).

    Examples
    --------
    >>> from srbm import GaussianBernoulliRBM
    >>> rbm = GaussianBernoulliRBM([[2.0]], mass_squared=2.0)
    >>> weights, means = rbm.mixture
    >>> weights.round(3), means.round(3)
    (array([0.5, 0.5]), array([[-1.],
           [ 1.]]))
    """

    weights: Floats
    mass_squared: float
    hidden_bias: Floats | None = None

    _stored: ClassVar = {
        "weights": Stored(("f8",), (2,)),
        "mass_squared": Stored(("f8",)),
        "hidden_bias": Stored(("f8",), (1,)),
    }

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", weight_matrix(self.weights))
        object.__setattr__(self, "mass_squared", number(self.mass_squared, "mass_squared", above=0))
        bias = np.zeros(self.n_hidden) if self.hidden_bias is None else self.hidden_bias
        object.__setattr__(self, "hidden_bias", hidden_bias(bias, self.n_hidden))

    @classmethod
    @in_range
    def random(
        cls, n_visible: int, n_hidden: int, mass_squared: float, scale: float = 0.1, rng: Seed = None
    ) -> GaussianBernoulliRBM:
        """A model with weights drawn independently from a normal distribution, and no bias.

        Parameters
        ----------
        n_visible : int
            N_v.
        n_hidden : int
            N_h.
        mass_squared : float
            mu^2.
        scale : float
            Standard deviation of the weights.
        rng : numpy.random.Generator or int, optional
            Random numbers, or their seed.

        Returns
        -------
        GaussianBernoulliRBM
            The model.
        """
        return cls(random_weights(n_visible, n_hidden, scale, rng), mass_squared)

    @property
    def _eta(self) -> Floats:
        """`hidden_bias`, which is an array from construction on."""
        return cast("Floats", self.hidden_bias)

    @property
    def hidden_states(self) -> Floats:
        """All states of the hidden layer, of shape (2^N_h, N_h), for N_h up to 20; `ValueError` beyond."""
        if self.n_hidden > _MOST_ENUMERATED:
            raise ValueError(
                f"enumerating 2^{self.n_hidden} hidden states is out of reach (at most N_h = "
                f"{_MOST_ENUMERATED}); estimate ln Z with annealed_log_partition and sample with gibbs"
            )
        return _spin_states(self.n_hidden)

    @cached_property
    def _log_weights(self) -> Floats:
        """ln of the weight of each hidden state after integrating phi out, without (2 pi / mu^2)^(N_v / 2)."""
        couplings = self.weights.T @ self.weights / (2 * self.mass_squared)
        states = self.hidden_states
        return ((states @ couplings) * states).sum(axis=1) - states @ self._eta

    @cached_property
    @in_range
    def hidden_probabilities(self) -> Floats:
        """Probability of each row of `hidden_states`, of shape (2^N_h,).

        It is that of an Ising model with couplings W^T W / mu^2.
        """
        return frozen(np.exp(self._log_weights - scipy.special.logsumexp(self._log_weights)))

    @cached_property
    @in_range
    def hidden_moments(self) -> tuple[Floats, Floats]:
        """Moments <h> (N_h,) and <h h^T> (N_h, N_h), by enumeration; the second is not centred."""
        states, probabilities = self.hidden_states, self.hidden_probabilities
        return frozen(probabilities @ states), frozen((states.T * probabilities) @ states)

    @property
    @in_range
    def log_partition(self) -> float:
        """Logarithm of Z of Eq. (89) in nats, by enumeration of the hidden layer."""
        gaussian = self.n_visible / 2 * np.log(2 * np.pi / self.mass_squared)
        return float(scipy.special.logsumexp(self._log_weights) + gaussian)

    @property
    @in_range
    def mixture(self) -> tuple[Floats, Floats]:
        """Visible layer as a mixture of Gaussians of variance 1 / mu^2, in weights (2^N_h,) and means (2^N_h, N_v)."""
        return self.hidden_probabilities, self.hidden_states @ self.weights.T / self.mass_squared

    @property
    @in_range
    def mean(self) -> Floats:
        """Mean field <phi> = W <h> / mu^2, of shape (N_v,), by enumeration."""
        return self.weights @ self.hidden_moments[0] / self.mass_squared

    @property
    @in_range
    def propagator(self) -> Floats:
        r"""Connected two-point function, of shape (N_v, N_v), by enumeration.

        .. math:: \frac{1}{\mu^2} + \frac{W \, \mathrm{Cov}(h) \, W^T}{\mu^4}
        """
        mean, second = self.hidden_moments
        scatter = self.weights @ (second - np.outer(mean, mean)) @ self.weights.T / self.mass_squared**2
        return add_to_diagonal((scatter + scatter.T) / 2, 1 / self.mass_squared)

    @in_range
    def psi(self, phi: ArrayLike) -> Floats:
        r"""What the visible fields do to each hidden node.

        .. math:: \psi_a = \sum_i \phi_i W_{ia} - \eta_a

        Parameters
        ----------
        phi : array (..., N_v)
            Visible fields.

        Returns
        -------
        array (..., N_h)
            psi of each hidden node.
        """
        return self._visible(phi) @ self.weights - self._eta

    @in_range
    def action(self, phi: ArrayLike) -> Floats:
        r"""The action of the visible layer, Eq. (91).

        .. math:: S(\phi) = \tfrac12 \mu^2 \phi^T \phi - \sum_a \ln(2 \cosh\psi_a)

        Parameters
        ----------
        phi : array (..., N_v)
            Visible fields.

        Returns
        -------
        array (...)
            The action of each of them, in nats.
        """
        phi = self._visible(phi)
        psi = self.psi(phi)
        return self.mass_squared * (phi**2).sum(axis=-1) / 2 - np.logaddexp(psi, -psi).sum(axis=-1)

    @in_range
    def log_likelihood(self, phi: ArrayLike, log_partition: float | None = None) -> float:
        """The average of ln p(phi) over samples.

        Parameters
        ----------
        phi : array (n, N_v)
            A sample in each row.
        log_partition : float, optional
            ln Z; enumerated when None.

        Returns
        -------
        float
            Nats per sample.
        """
        log_partition = self.log_partition if log_partition is None else log_partition
        return float(-self.action(phi).mean() - log_partition)

    @in_range
    def hidden_mean(self, phi: ArrayLike) -> Floats:
        """The mean of the hidden nodes given the visible fields, tanh of `psi`.

        Parameters
        ----------
        phi : array (..., N_v)
            Visible fields.

        Returns
        -------
        array (..., N_h)
            The means, between -1 and 1.
        """
        return np.tanh(self.psi(phi))

    @in_range
    def sample(self, n: int, rng: Seed = None) -> Floats:
        """Independent exact samples: a hidden state by its enumerated weight, then the visible fields given it.

        Parameters
        ----------
        n : int
            How many.
        rng : numpy.random.Generator or int, optional
            Random numbers, or their seed.

        Returns
        -------
        array (n, N_v)
            A sample in each row.
        """
        rng = numpy_generator(rng)
        probabilities = self.hidden_probabilities
        drawn = rng.choice(len(probabilities), size=count(n, "n"), p=probabilities)
        return self._visible_given(self.hidden_states[drawn], rng)

    @in_range
    def annealed_log_partition(
        self, chains: int = 100, temperatures: int = 1000, rng: Seed = None, *, progress: bool = False
    ) -> tuple[float, float]:
        """Logarithm of Z by annealed importance sampling (Neal 2001), for any N_h.

        The couplings are switched on as beta W with beta from 0, where Z is known, to 1 in steps, with one Gibbs sweep
        at each. The estimate of Z is unbiased, hence that of ln Z a lower bound on average. The error is that of the
        average weight and cannot exceed 1: near 1 a single chain carries all the weight, and neither number can be
        trusted. Take more temperatures.

        Parameters
        ----------
        chains : int
            Number of chains.
        temperatures : int
            Number of steps.
        rng : numpy.random.Generator or int, optional
            Random numbers, or their seed.
        progress : bool
            Whether to show a bar that counts temperatures (on stderr; needs tqdm).

        Returns
        -------
        (float, float)
            ln Z and its standard error, in nats.
        """
        chains, temperatures = count(chains, "chains", least=2), count(temperatures, "temperatures", least=1)
        rng = numpy_generator(rng)
        betas = np.linspace(0, 1, temperatures + 1)
        phi = rng.standard_normal((chains, self.n_visible)) / np.sqrt(self.mass_squared)
        log_weight = np.zeros(chains)
        with progress_bar(progress, temperatures, "temperature") as advance:
            for below, beta in pairwise(betas):
                model = GaussianBernoulliRBM(beta * self.weights, self.mass_squared, self.hidden_bias)
                cooler = model.psi(phi)
                warmer = below / beta * (cooler + self._eta) - self._eta
                log_weight += (np.logaddexp(cooler, -cooler) - np.logaddexp(warmer, -warmer)).sum(axis=1)
                phi = model.gibbs(phi, 1, rng)
                advance()
        start = np.logaddexp(self._eta, -self._eta).sum()
        start += self.n_visible / 2 * np.log(2 * np.pi / self.mass_squared)
        ratio = np.exp(log_weight - log_weight.max())
        error = ratio.std(ddof=1) / ratio.mean() / np.sqrt(chains)
        return float(start + scipy.special.logsumexp(log_weight) - np.log(chains)), float(error)

    def _bias_given(self, phi: Floats) -> Floats:
        return -self.psi(phi)

    def _hidden_given(self, phi: Floats, rng: np.random.Generator) -> Floats:
        psi = self.psi(phi)
        return np.where(rng.random(psi.shape) < scipy.special.expit(2 * psi), 1.0, -1.0)
