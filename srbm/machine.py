"""What every machine can do: one contract for `ScalarRBM`, `Phi4RBM` and `GaussianBernoulliRBM`.

A machine has visible fields phi and hidden nodes h, which its weight matrix joins: p(phi, h) ~ exp(-S(phi, h)). Within
a layer nothing is coupled, so either layer is drawn at once given the other. Each machine adds its action and what of
these methods it does in its own way; where it says nothing, both layers are Gaussian.

    action(phi), log_density(phi)               what it says of fields phi, (..., N_v) to (...)
    hidden_mean(phi), visible_mean(hidden)      the mean of one layer given the other
    condition(observed), fill(phi)              what it says of missing nodes, given the others
    sample(n, rng), gibbs(phi, steps, rng)      configurations, and sweeps of Markov chains
    trace(draws, start, rng)                    the path of such chains
    save(path), load(path)                      a file
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import ArrayLike

from ._support.checks import Floats, Frozen, PathLike, Seed, count, fields, fields_with_gaps, number, numpy_generator
from ._support.files import Stored, load_arrays, save_arrays
from ._support.range import in_range
from ._support.runtime import progress_bar
from .errors import DatasetError


class Machine(Frozen, ABC):
    """The base of the machines, frozen dataclasses with `weights` (N_v, N_h) and `mass_squared`.

    `ScalarRBM`, `Phi4RBM` and `GaussianBernoulliRBM` have in common a density of the visible fields, the mean of each
    layer given the other, Gibbs chains and their traces, and a file.
    """

    if TYPE_CHECKING:

        @property
        def weights(self) -> Floats:
            """W, shape (N_v, N_h)."""

        @property
        def mass_squared(self) -> Any:
            """mu^2."""

    _stored: ClassVar[Mapping[str, Stored]]
    """What a file holds of each parameter."""

    @property
    def n_visible(self) -> int:
        """Number of visible nodes, N_v."""
        return self.weights.shape[0]

    @property
    def n_hidden(self) -> int:
        """Number of hidden nodes, N_h."""
        return self.weights.shape[1]

    @property
    def is_normalizable(self) -> bool:
        """Whether Z exists."""
        return True

    @property
    @abstractmethod
    def log_partition(self) -> float:
        """Logarithm of Z, the integral over phi of exp(-action(phi)), in nats."""

    @abstractmethod
    def action(self, phi: ArrayLike) -> Floats:
        """The effective action of the visible layer, -ln of what is left of exp(-S) when h is integrated out.

        It has no constants, so that ln p(phi) is minus `action` minus `log_partition`.

        Parameters
        ----------
        phi : array (..., N_v)
            Visible fields.

        Returns
        -------
        array (...)
            The action of each of them, in nats.
        """

    @in_range
    def log_density(self, phi: ArrayLike, log_partition: float | None = None) -> Floats:
        """The logarithm of the density of configurations, in nats.

        Parameters
        ----------
        phi : array (..., N_v)
            Visible fields.
        log_partition : float, optional
            ln Z, where `log_partition` cannot be had or is to be computed once only.

        Returns
        -------
        array (...)
            ln p(phi) of each of them.

        Raises
        ------
        ValueError
            Where ln Z is not known: that of a `Phi4RBM`, and of more binary nodes than can be enumerated.
        NotNormalizableError
            Where there is no Z.

        Examples
        --------
        >>> from srbm import ScalarRBM
        >>> ScalarRBM([[1.0]], 2.0).log_density([[0.0], [1.0]]).round(3)
        array([-0.919, -1.419])
        """
        action = self.action(phi)
        return -action - (self.log_partition if log_partition is None else number(log_partition, "log_partition"))

    def effective_action(self, phi: ArrayLike) -> Floats:
        """The old name of `action`, for one release.

        Parameters
        ----------
        phi : array (..., N_v)
            Visible fields.

        Returns
        -------
        array (...)
            The action of each of them, in nats.
        """
        return self.action(phi)

    @abstractmethod
    def hidden_mean(self, phi: ArrayLike) -> Floats:
        """The mean <h | phi> of the hidden nodes given the visible fields.

        Parameters
        ----------
        phi : array (..., N_v)
            Visible fields.

        Returns
        -------
        array (..., N_h)
            The means.
        """

    @in_range
    def visible_mean(self, hidden: ArrayLike) -> Floats:
        """The mean <phi | h> = W h / mu^2 of the visible fields given the hidden nodes.

        Parameters
        ----------
        hidden : array (..., N_h)
            States of the hidden nodes.

        Returns
        -------
        array (..., N_v)
            The means.
        """
        return fields(hidden, "hidden", self.n_hidden) @ self.weights.T / self.mass_squared

    def condition(self, observed: ArrayLike) -> Self:
        r"""The distribution of the missing visible nodes given the others, which is a machine of the same kind.

        Within a layer nothing is coupled. So what is observed acts on the hidden nodes alone, as a part of their bias,
        and the machine of the missing nodes has their masses, their rows of W and, of a `ScalarRBM`,

        .. math:: \eta' = \eta + \sigma_h^2 W_o^T \phi_o,

        of a `GaussianBernoulliRBM`

        .. math:: \eta' = \eta - W_o^T \phi_o,

        with the index o for the observed nodes: Eqs. (7) and (88), these fields fixed. Its `mean` and `propagator` are
        mean and covariance of what is missing, `sample` draws it, `log_density` judges it. Nothing is inverted before
        one of them is asked for; where few hidden nodes meet many missing ones, `latent_form` has the covariance as
        factors. It may exist where the machine itself does not: of its kernel only the block of the missing nodes has
        to be positive.

        Parameters
        ----------
        observed : array (N_v,)
            One configuration, NaN where a node is missing; what is masked, None or pandas' NA is missing, too.

        Returns
        -------
        Machine
            One of this class, of the missing nodes in their order: it describes `observed[np.isnan(observed)]`.

        Raises
        ------
        ValueError
            When no node is missing, for several configurations at once (see `fill`), and of a `Phi4RBM`.

        Examples
        --------
        >>> import numpy as np
        >>> from srbm import ScalarRBM
        >>> rbm = ScalarRBM([[1.0], [1.0], [0.0]], mass_squared=5.0)
        >>> rest = rbm.condition([2.0, np.nan, np.nan])
        >>> rest.mean, rest.propagator
        (array([0.5, 0. ]), array([[0.25, 0.  ],
               [0.  , 0.2 ]]))
        """
        phi = fields_with_gaps(observed, "observed", self.n_visible)
        if phi.ndim != 1:
            raise ValueError(
                f"observed must be one configuration, shape ({self.n_visible},), got shape {phi.shape}: pass one row, "
                "or use fill(phi), which takes many"
            )
        missing = np.isnan(phi)
        if not missing.any():
            raise ValueError("observed has no missing node: mark those whose distribution is wanted with NaN")
        return self._rest(missing, hidden_bias=self._bias_given(np.where(missing, 0, phi)))

    def fill(self, phi: ArrayLike) -> Floats:
        """Configurations with gaps, filled with the mean of what is missing given what is there.

        Parameters
        ----------
        phi : array (..., N_v)
            Visible fields, NaN where a node is missing (masked, None and pandas' NA are missing, too); every
            configuration may have gaps of its own.

        Returns
        -------
        array (..., N_v)
            The fields without gaps; what was there is unchanged.

        Raises
        ------
        ValueError
            Of a `Phi4RBM`, and of a `GaussianBernoulliRBM` with more hidden nodes than can be enumerated.
        NotNormalizableError
            Where the block of the kernel that belongs to missing nodes is not positive.

        Examples
        --------
        >>> import numpy as np
        >>> from srbm import ScalarRBM
        >>> ScalarRBM([[1.0], [1.0]], mass_squared=4.0).fill([[3.0, np.nan], [np.nan, np.nan], [1.0, 2.0]])
        array([[3., 1.],
               [0., 0.],
               [1., 2.]])
        """
        phi = fields_with_gaps(phi, "phi", self.n_visible)
        for row in phi.reshape(-1, self.n_visible):  # a view
            missing = np.isnan(row)
            if missing.any():
                row[missing] = cast(Any, self.condition(row)).mean
        return phi

    @abstractmethod
    def sample(self, n: int, rng: Seed = None) -> Floats:
        """Configurations of the visible layer.

        Parameters
        ----------
        n : int
            How many.
        rng : numpy.random.Generator or int, optional
            Random numbers, or their seed.

        Returns
        -------
        array (n, N_v)
            A configuration in each row.
        """

    @in_range
    def gibbs(self, phi: ArrayLike, steps: int = 1, rng: Seed = None) -> Floats:
        """The states of Markov chains after some sweeps of block Gibbs sampling, each h given phi, then phi given h.

        Parameters
        ----------
        phi : array (..., N_v)
            Where the chains are.
        steps : int
            Number of sweeps.
        rng : numpy.random.Generator or int, optional
            Random numbers, or their seed.

        Returns
        -------
        array (..., N_v)
            Where they are then.

        Raises
        ------
        NotNormalizableError
            When the fields leave double precision because there is no distribution that the chains could converge to:
            with Gaussian layers both conditional distributions exist for every W, also where the joint one does not.
        """
        phi = self._visible(phi)
        rng, steps = numpy_generator(rng), count(steps, "steps")
        try:
            for _ in range(steps):
                phi = self._visible_given(self._hidden_given(phi, rng), rng)
        except (FloatingPointError, ValueError):  # too large for double precision
            if not self.is_normalizable:
                _ = self.log_partition  # raises, and says why
            raise
        return phi

    def trace(
        self,
        draws: int,
        start: ArrayLike,
        rng: Seed = None,
        *,
        sweeps: int = 1,
        burn_in: int = 0,
        measure: Callable[[Floats], Any] | None = None,
        progress: bool = False,
    ) -> Any:
        """The path of Gibbs chains: their states, or a function of them, recorded again and again.

        The random numbers are those of a loop over `gibbs` with the same generator, one sweep after the other.

        Parameters
        ----------
        draws : int
            Number of records.
        start : array (chains, N_v), or (..., N_v)
            Where the chains begin; it is not recorded. `sample(chains, rng)` gives states in equilibrium.
        rng : numpy.random.Generator or int, optional
            Random numbers, or their seed.
        sweeps : int
            Sweeps from each record to the next.
        burn_in : int
            Sweeps before the first of these.
        measure : callable, optional
            What to record in place of the states, a function of phi (chains, N_v): a number, or arrays of one shape.
        progress : bool
            Whether to show a bar that counts sweeps (on stderr; needs tqdm).

        Returns
        -------
        array (draws, chains, N_v), or (draws, ...) with what `measure` returns
            `autocorrelation_time` and `standard_error` want the draws last, `np.moveaxis(path, 0, -1)`; ArviZ wants
            (chain, draw, ...), as in `arviz.convert_to_dataset(path.swapaxes(0, 1))`.

        Examples
        --------
        >>> from srbm import ScalarRBM, autocorrelation_time
        >>> rbm = ScalarRBM([[1.0]], 2.0)  # tau = (1 + a) / (1 - a) = 3, a = 1 - kernel / mu^2
        >>> path = rbm.trace(20_000, rbm.sample(5, rng=0), rng=1)
        >>> path.shape, float(autocorrelation_time(path[:, :, 0].T).mean().round())
        ((20000, 5, 1), 3.0)
        """
        phi = self._visible(start)
        draws, burn_in, sweeps = count(draws, "draws"), count(burn_in, "burn_in"), count(sweeps, "sweeps", least=1)
        rng = numpy_generator(rng)
        records: list[Any] = []
        with progress_bar(progress, burn_in + draws * sweeps, "sweep") as advance:
            phi = self.gibbs(phi, burn_in, rng)
            advance(burn_in)
            for _ in range(draws):
                phi = self.gibbs(phi, sweeps, rng)
                records.append(phi if measure is None else measure(phi))
                advance(sweeps)
        return np.array(records) if records else np.empty((0, *np.shape(phi if measure is None else measure(phi))))

    def save(self, path: PathLike) -> Path:
        """Write the parameters to an .npz file, atomically and without pickle.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        Path
            The file.
        """
        parameters = self.__getstate__()
        if parameters.get("hidden_bias", self) is None:
            parameters["hidden_bias"] = np.zeros(self.n_hidden)
        return save_arrays(path, **parameters)

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Read a machine of this class written by `save`.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        Machine
            One of this class, with the same parameters to the last bit.

        Raises
        ------
        DatasetError
            When the file is damaged, or holds something else.
        FileNotFoundError
            When there is none.
        """
        stored = load_arrays(path, cls._stored)
        try:
            model = cls(**stored)
            if "hidden_bias" in stored and not stored["hidden_bias"].any():
                model = dataclasses.replace(cast(Any, model), hidden_bias=None)
            return model
        except ValueError as error:
            raise DatasetError(f"{path} does not hold a model ({error}); restore it from a copy") from error

    def _visible(self, phi: Any) -> Floats:
        """`phi` as visible fields (..., N_v)."""
        return fields(phi, "phi", self.n_visible)

    @abstractmethod
    def _bias_given(self, phi: Floats) -> Floats:
        """The bias (..., N_h) of the hidden nodes with the action of the visible fields phi (..., N_v) in it."""

    def _rest(self, missing: np.ndarray, **changes: Any) -> Self:
        """This machine with the visible nodes that are `missing` alone, and further `changes`."""
        mass = self.mass_squared if np.ndim(self.mass_squared) == 0 else self.mass_squared[missing]
        return dataclasses.replace(cast(Any, self), weights=self.weights[missing], mass_squared=mass, **changes)

    def _hidden_given(self, phi: Floats, rng: np.random.Generator) -> Floats:
        """h (..., N_h) drawn given phi (..., N_v)."""
        mean = self.hidden_mean(phi)
        return mean + np.sqrt(cast(Any, self).hidden_variance) * rng.standard_normal(mean.shape)

    def _visible_given(self, hidden: Floats, rng: np.random.Generator) -> Floats:
        """phi (..., N_v) drawn given h (..., N_h)."""
        mean = self.visible_mean(hidden)
        return mean + rng.standard_normal(mean.shape) / np.sqrt(self.mass_squared)


def random_weights(n_visible: int, n_hidden: int, scale: float, rng: Any) -> Floats:
    """Weights drawn independently from a normal distribution.

    Parameters
    ----------
    n_visible : int
        N_v.
    n_hidden : int
        N_h.
    scale : float
        Standard deviation of the weights.
    rng : numpy.random.Generator or int, optional
        Random numbers, or their seed.

    Returns
    -------
    array (N_v, N_h)
        The weight matrix W.
    """
    shape = (count(n_visible, "n_visible", least=1), count(n_hidden, "n_hidden"))
    return number(scale, "scale") * numpy_generator(rng).standard_normal(shape)
