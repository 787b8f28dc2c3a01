"""The scalar field restricted Boltzmann machine (Sec. II).

Visible fields phi_i and hidden fields h_a, both Gaussian, coupled by a weight matrix W:

    S(phi, h) = (mu^2 / 2) phi^T phi + (h - eta)^T (h - eta) / (2 sigma_h^2) - phi^T W h          (7)

Integrating h out leaves a Gaussian on the visible layer with kernel K = mu^2 - sigma_h^2 W W^T and source
J = W eta (Eqs. 8, 9). Everything about it is exact: Z, the propagator, samples. Block Gibbs sampling is here too,
because that is what training by contrastive divergence uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ._support.checks import (
    Floats,
    Seed,
    count,
    fields_with_gaps,
    finite,
    frozen,
    hidden_bias,
    number,
    numpy_generator,
    require_positive,
    symmetric,
    weight_matrix,
)
from ._support.files import Stored
from ._support.krylov import are_few
from ._support.range import in_range
from .chains.stack import kernel_of
from .errors import NotNormalizableError
from .machine import Machine, random_weights


@dataclass(frozen=True, eq=False, repr=False)
class ScalarRBM(Machine):
    r"""An RBM with Gaussian fields on both layers; immutable, training returns a new one.

    Its action, Eq. (7), is

    .. math::

       S(\phi, h) = \frac{\mu^2}{2} \phi^T \phi + \frac{1}{2 \sigma_h^2} (h - \eta)^T (h - \eta) - \phi^T W h.

    A model whose kernel has an eigenvalue <= 0 can be built and inspected (`is_normalizable`); what needs Z
    raises `NotNormalizableError`. `Machine` lists what all machines can do.

    Where hidden nodes are few, N_v > 1024 and N_h <= N_v / 16, only `kernel` and `propagator` (and, for a mass per
    node, `eigenvalues`) make N_v x N_v matrices: Z, densities and samples come from N_h x N_h matrices.

    Parameters
    ----------
    weights : array (N_v, N_h)
        The weight matrix W; N_h may be anything from 0 to more than N_v.
    mass_squared : float or array (N_v,)
        mu^2 > 0: one number as in the paper, or one per visible node.
    hidden_variance : float
        sigma_h^2 > 0.
    hidden_bias : array (N_h,), optional
        eta; zero when None. The mean of the hidden nodes is eta + sigma_h^2 W^T phi: a positive eta pulls them up. In
        `GaussianBernoulliRBM` it is the other way round. Both signs are the paper's, Eqs. (7) and (88).

    Examples
    --------
    >>> from srbm import ScalarRBM
    >>> rbm = ScalarRBM([[1.0, 0.0], [1.0, 1.0]], mass_squared=4.0)
    >>> rbm.kernel
    array([[ 3., -1.],
           [-1.,  2.]])
    >>> rbm.sample(5, rng=0).shape
    (5, 2)
    """

    weights: Floats
    mass_squared: float | Floats
    hidden_variance: float = 1.0
    hidden_bias: Floats | None = None

    _stored: ClassVar = {
        "weights": Stored(("f8",), (2,)),
        "mass_squared": Stored(("f8",), (0, 1)),
        "hidden_variance": Stored(("f8",)),
        "hidden_bias": Stored(("f8",), (1,)),
    }

    def __post_init__(self) -> None:
        weights = weight_matrix(self.weights)
        mass_squared = finite(self.mass_squared, "mass_squared")
        if mass_squared.shape not in ((), (len(weights),)):
            raise ValueError(
                f"mass_squared must be one number or one per visible node, shape ({len(weights)},), "
                f"got shape {mass_squared.shape}"
            )
        if not (mass_squared > 0).all():
            raise ValueError(f"mass_squared (mu^2) must be positive, got {mass_squared.min():g}")
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "mass_squared", frozen(mass_squared) if mass_squared.ndim else float(mass_squared))
        object.__setattr__(self, "hidden_variance", number(self.hidden_variance, "hidden_variance", above=0))
        if self.hidden_bias is not None:
            object.__setattr__(self, "hidden_bias", hidden_bias(self.hidden_bias, self.n_hidden))

    @classmethod
    @in_range
    def random(
        cls,
        n_visible: int,
        n_hidden: int,
        mass_squared: float | Floats,
        scale: float = 0.1,
        hidden_variance: float = 1.0,
        rng: Seed = None,
    ) -> ScalarRBM:
        """A model with weights drawn independently from a normal distribution, as in Sec. V B.

        Parameters
        ----------
        n_visible : int
            N_v.
        n_hidden : int
            N_h.
        mass_squared : float or array (N_v,)
            mu^2.
        scale : float
            Standard deviation of the weights.
        hidden_variance : float
            sigma_h^2.
        rng : numpy.random.Generator or int, optional
            Random numbers, or their seed.

        Returns
        -------
        ScalarRBM
            The model.

        Examples
        --------
        >>> from srbm import ScalarRBM
        >>> ScalarRBM.random(10, 5, mass_squared=9.0, rng=0)
        <ScalarRBM: N_v = 10, N_h = 5, mu^2 = 9, sigma_h^2 = 1>
        """
        return cls(random_weights(n_visible, n_hidden, scale, rng), mass_squared, hidden_variance)

    @property
    @in_range
    def kernel(self) -> Floats:
        """Kernel K = mu^2 - sigma_h^2 W W^T of Eq. (9), of shape (N_v, N_v)."""
        return kernel_of(self.weights, np.atleast_1d(self.mass_squared), self.hidden_variance)

    @property
    @in_range
    def source(self) -> Floats:
        """Source J = W eta of Eq. (9), of shape (N_v,)."""
        return np.zeros(self.n_visible) if self.hidden_bias is None else self.weights @ self.hidden_bias

    @cached_property
    @in_range
    def singular_values(self) -> Floats:
        """Singular values xi_a of W, Eq. (31), descending, of shape (min(N_v, N_h),)."""
        return frozen(np.linalg.svd(self.weights, compute_uv=False))

    @cached_property
    @in_range
    def eigenvalues(self) -> Floats:
        """Eigenvalues lambda_alpha of the kernel, Eq. (33), ascending, of shape (N_v,)."""
        if np.ndim(self.mass_squared):
            return frozen(np.linalg.eigvalsh(self.kernel))
        reached = self.mass_squared - self.hidden_variance * self.singular_values**2
        return frozen(np.concatenate([reached, np.full(self.n_visible - len(reached), self.mass_squared)]))

    @property
    def is_normalizable(self) -> bool:
        """Whether every eigenvalue of the kernel is positive, so that Z exists."""
        if self._is_thin and np.ndim(self.mass_squared):
            return bool(np.linalg.eigvalsh(self._room)[:1].min(initial=1.0) > 0)
        return bool(self.eigenvalues[0] > 0)

    @property
    def _is_thin(self) -> bool:
        """Whether N_h x N_h matrices do what N_v x N_v matrices would do otherwise."""
        return are_few(self.n_hidden, self.n_visible)

    @property
    def _room(self) -> Floats:
        """1 - sigma_h^2 W^T M^-1 W, of shape (N_h, N_h): positive where K is, with the determinant of M^-1 K."""
        scaled = self.weights.T / self.mass_squared
        return np.eye(self.n_hidden) - self.hidden_variance * (scaled @ self.weights)

    @property
    def _masses(self) -> Floats:
        """mu^2 of every node, of shape (N_v,)."""
        return np.broadcast_to(self.mass_squared, (self.n_visible,))

    @cached_property
    def _hidden_cholesky(self) -> Floats:
        """L with L L^T = 1 - sigma_h^2 W^T M^-1 W."""
        room = self._room
        try:
            return np.linalg.cholesky(room)
        except np.linalg.LinAlgError:
            require_positive(np.linalg.eigvalsh(room), "the RBM kernel, in units of mu^2,")
            raise

    @cached_property
    def _cholesky(self) -> Floats:
        """L with K = L L^T."""
        require_positive(self.eigenvalues, "the RBM kernel")
        try:
            return np.linalg.cholesky(self.kernel)
        except np.linalg.LinAlgError:
            raise NotNormalizableError(
                "the RBM kernel is numerically singular: its smallest eigenvalue "
                f"{self.eigenvalues[0]:.3g} is lost in rounding; reduce the weights"
            ) from None

    @property
    @in_range
    def propagator(self) -> Floats:
        """Connected two-point function K^-1 of Eq. (11), of shape (N_v, N_v)."""
        inverse = scipy.linalg.cho_solve((self._cholesky, True), np.eye(self.n_visible))
        return (inverse + inverse.T) / 2

    @property
    @in_range
    def mean(self) -> Floats:
        """Mean field <phi> = K^-1 J, of shape (N_v,)."""
        if self.hidden_bias is None:
            _ = self._hidden_cholesky if self._is_thin else self._cholesky  # raises where there is no mean
            return np.zeros(self.n_visible)
        return self._response(self.hidden_bias)

    def _response(self, bias: Floats) -> Floats:
        """The mean field K^-1 W eta (..., N_v) for biases eta (..., N_h), through the smaller of the two layers.

        The layers are joined by K^-1 W = M^-1 W (1 - sigma_h^2 W^T M^-1 W)^-1 with the masses M (Woodbury): the
        inverse of an N_h x N_h matrix gives the mean of the hidden nodes, `visible_mean` the rest.
        """
        if 0 < self.n_hidden < self.n_visible:
            scaled = self.weights.T / self.mass_squared
            try:
                factor = scipy.linalg.cho_factor(np.eye(self.n_hidden) - self.hidden_variance * scaled @ self.weights)
            except np.linalg.LinAlgError:
                pass  # then K is not positive either, and its own decomposition says why
            else:
                return scipy.linalg.cho_solve(factor, bias.T).T @ scaled
        return scipy.linalg.cho_solve((self._cholesky, True), self.weights @ bias.T).T

    @property
    @in_range
    def log_partition(self) -> float:
        r"""Logarithm of Z of Eq. (10), in nats.

        Z is the integral over phi of :math:`\exp(-\phi^T K \phi / 2 + \phi^T J)`.
        """
        if self._is_thin:
            log_det = np.log(self._masses).sum() + 2 * np.log(np.diag(self._hidden_cholesky)).sum()
        else:
            log_det = 2 * np.log(np.diag(self._cholesky)).sum()
        return float((self.n_visible * np.log(2 * np.pi) - log_det + self.source @ self.mean) / 2)

    @in_range
    def action(self, phi: ArrayLike) -> Floats:
        r"""The action of the visible layer, Eq. (8).

        .. math:: S(\phi) = \tfrac12 \phi^T K \phi - \phi^T J

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
        if self._is_thin:
            coupled = ((phi @ self.weights) ** 2).sum(axis=-1)
            return (phi**2 @ self._masses - self.hidden_variance * coupled) / 2 - phi @ self.source
        return ((phi @ self.kernel) * phi).sum(axis=-1) / 2 - phi @ self.source

    @in_range
    def log_likelihood(self, correlation: ArrayLike, mean: ArrayLike | None = None) -> float:
        """The average of ln p(phi) over data with given moments, Eq. (19).

        Parameters
        ----------
        correlation : array (N_v, N_v)
            <phi phi^T> of the data, not centred: with it and `mean` the likelihood of a Gaussian is exact.
        mean : array (N_v,), optional
            <phi> of the data; needed only, and then required, when the model has a bias.

        Returns
        -------
        float
            Nats per configuration.

        Raises
        ------
        ValueError
            When the model has a bias and `mean` is not given.
        NotNormalizableError
            When the kernel is not positive.

        Examples
        --------
        >>> from srbm import FreeScalarField, ScalarRBM
        >>> round(ScalarRBM.random(4, 4, 9.0, scale=0.0).log_likelihood(FreeScalarField(4).propagator), 3)
        -2.469
        """
        correlation = symmetric(correlation, "correlation", self.n_visible)
        if mean is None and self.source.any():
            raise ValueError(
                "a model with a hidden bias needs the mean of the data: pass mean=<phi>, shape "
                f"({self.n_visible},), zeros if it vanishes"
            )
        linear = 0.0 if mean is None else self.source @ self._visible(mean)
        if self._is_thin:
            coupled = np.vdot(self.weights, correlation @ self.weights)
            quadratic = np.diag(correlation) @ self._masses - self.hidden_variance * coupled
        else:
            quadratic = np.vdot(self.kernel, correlation)
        return float(linear - quadratic / 2 - self.log_partition)

    @in_range
    def sample(self, n: int, rng: Seed = None) -> Floats:
        """Independent exact samples of the visible fields.

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
        if self._is_thin:  # the hidden nodes first, from their own distribution, and the fields given them
            rng, n = numpy_generator(rng), count(n, "n")
            white = np.sqrt(self.hidden_variance) * rng.standard_normal((self.n_hidden, n))
            hidden = scipy.linalg.solve_triangular(self._hidden_cholesky, white, lower=True, trans="T").T
            if self.hidden_bias is not None:
                hidden = hidden + scipy.linalg.cho_solve((self._hidden_cholesky, True), self.hidden_bias)
            return self._visible_given(hidden, rng)
        noise = numpy_generator(rng).standard_normal((self.n_visible, count(n, "n")))
        return self.mean + scipy.linalg.solve_triangular(self._cholesky, noise, lower=True, trans="T").T

    @in_range
    def hidden_mean(self, phi: ArrayLike) -> Floats:
        """The mean <h | phi> = eta + sigma_h^2 W^T phi of the hidden nodes given the visible fields.

        Parameters
        ----------
        phi : array (..., N_v)
            Visible fields.

        Returns
        -------
        array (..., N_h)
            The means.
        """
        mean = self.hidden_variance * (self._visible(phi) @ self.weights)
        return mean if self.hidden_bias is None else mean + self.hidden_bias

    @in_range
    def fill(self, phi: ArrayLike) -> Floats:
        """Configurations with gaps, filled with the mean of what is missing given what is there.

        Configurations with the same gaps are filled together.

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
        rows = phi.reshape(-1, self.n_visible)  # a view
        gaps = np.isnan(rows)
        bias = self._bias_given(np.where(gaps, 0, rows))
        patterns, which, counts = np.unique(gaps, axis=0, return_inverse=True, return_counts=True)
        groups = np.split(np.argsort(which, kind="stable"), np.cumsum(counts)[:-1])
        for missing, group in zip(patterns, groups, strict=False):  # no patterns make one empty group
            if missing.any():
                rows[np.ix_(group, missing)] = self._rest(missing, hidden_bias=None)._response(bias[group])
        return phi

    @in_range
    def reconstruct(self, phi: ArrayLike) -> Floats:
        """One mean-field pass forward and backward, as in Fig. 16.

        Parameters
        ----------
        phi : array (..., N_v)
            Visible fields.

        Returns
        -------
        array (..., N_v)
            The mean of phi given the mean of h given these fields.
        """
        return self.visible_mean(self.hidden_mean(phi))

    def _bias_given(self, phi: Floats) -> Floats:
        return self.hidden_mean(phi)

    def __repr__(self) -> str:
        mass = self.mass_squared if np.ndim(self.mass_squared) == 0 else "one per node"
        mass = f"{mass:.6g}" if isinstance(mass, float) else mass
        bias = "" if self.hidden_bias is None else ", hidden bias"
        return (
            f"<ScalarRBM: N_v = {self.n_visible}, N_h = {self.n_hidden}, mu^2 = {mass}, "
            f"sigma_h^2 = {self.hidden_variance:.6g}{bias}>"
        )
