"""A quartic potential on the visible nodes (Sec. VII): lattice phi^4 theory as a machine.

`Phi4RBM` keeps Gaussian hidden nodes and adds lambda phi^4 to the visible potential. With weights that solve Eq. (13)
it *is* lattice phi^4 theory, the hidden layer being the auxiliary field that carries the kinetic term.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ._support.arrays import add_to_diagonal
from ._support.checks import (
    Floats,
    Seed,
    count,
    fields,
    finite,
    number,
    numpy_generator,
    require_positive,
    symmetric,
    weight_matrix,
)
from ._support.files import Stored
from ._support.range import in_range
from .chains.stack import kernel_of
from .machine import Machine
from .solutions import symmetric_solution

_STRONGEST = 1e12
"""The largest quartic coupling, in units of mu^4, with which a site can be drawn by rejection."""


@dataclass(frozen=True, eq=False)
class Phi4RBM(Machine):
    r"""An RBM with a quartic potential on the visible nodes: lattice phi^4 theory.

    Its action is

    .. math::

       S(\phi, h) = \sum_i \left( \tfrac12 \mu^2 \phi_i^2 + \lambda \phi_i^4 \right)
       + \frac{1}{2 \sigma_h^2} h^T h - \phi^T W h.

    `Machine` lists what all machines can do.

    Parameters
    ----------
    weights : array (N_v, N_h)
        The weight matrix W.
    mass_squared : float
        mu^2 > 0. The mass of the lattice theory may have either sign: it enters through W.
    quartic : float
        The coupling lambda >= 0, without a factor 1/4!. At zero the kernel has to be positive.
    hidden_variance : float
        sigma_h^2 > 0.

    Examples
    --------
    >>> from srbm import FreeScalarField, Phi4RBM
    >>> rbm = Phi4RBM.on_lattice(FreeScalarField(8, mass_squared=-1.0).kernel, quartic=1.0, mass_squared=4.0)
    >>> rbm.sample(10, rng=0).shape
    (10, 8)
    """

    weights: Floats
    mass_squared: float
    quartic: float
    hidden_variance: float = 1.0

    _stored: ClassVar = {
        "weights": Stored(("f8",), (2,)),
        "mass_squared": Stored(("f8",)),
        "quartic": Stored(("f8",)),
        "hidden_variance": Stored(("f8",)),
    }

    @in_range
    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", weight_matrix(self.weights))
        object.__setattr__(self, "mass_squared", number(self.mass_squared, "mass_squared", above=0))
        quartic = number(self.quartic, "quartic")
        if quartic < 0:
            raise ValueError(f"quartic must be >= 0 for the action to be bounded below, got {quartic:g}")
        object.__setattr__(self, "quartic", quartic)
        object.__setattr__(self, "hidden_variance", number(self.hidden_variance, "hidden_variance", above=0))
        if quartic == 0:
            require_positive(np.linalg.eigvalsh(self.kernel), "without a quartic term the kernel")

    @classmethod
    @in_range
    def on_lattice(
        cls, kernel: ArrayLike, quartic: float, mass_squared: float, hidden_variance: float = 1.0
    ) -> Phi4RBM:
        r"""Lattice phi^4 theory as a machine, through the symmetric root of Eq. (16).

        Its action is

        .. math:: S(\phi) = \tfrac12 \phi^T K \phi + \lambda \sum_i \phi_i^4.

        Parameters
        ----------
        kernel : array (N_v, N_v)
            The kernel K, which need not be positive (m^2 < 0 is the broken phase).
        quartic : float
            lambda >= 0.
        mass_squared : float
            mu^2, not below the spectrum of the kernel.
        hidden_variance : float
            sigma_h^2.

        Returns
        -------
        Phi4RBM
            The machine, with N_h = N_v.

        Raises
        ------
        ValueError
            For a mu^2 below the spectrum of the kernel.
        """
        kernel = symmetric(kernel, "kernel")
        lowest, highest = np.linalg.eigvalsh(kernel)[[0, -1]]
        if number(mass_squared, "mass_squared", above=0) < highest - 1e-12 * abs(highest):
            raise ValueError(
                f"mass_squared = {mass_squared:g} is below the largest eigenvalue of the kernel, "
                f"{highest:g}: W W^T = (mu^2 - K) / sigma_h^2 has no solution; increase it"
            )
        # The root depends on mu^2 - K alone, so a common shift makes the kernel positive without changing it.
        shift = max(0.0, 1.0 - lowest)
        solution = symmetric_solution(add_to_diagonal(kernel, shift), mass_squared + shift, hidden_variance)
        return cls(solution.weights, mass_squared, quartic, hidden_variance)

    @property
    @in_range
    def kernel(self) -> Floats:
        """Kernel K = mu^2 - sigma_h^2 W W^T of the quadratic part, of shape (N_v, N_v)."""
        return kernel_of(self.weights, np.array([self.mass_squared]), self.hidden_variance)

    @property
    @in_range
    def log_partition(self) -> float:
        """Logarithm of Z, which is not known; raises `ValueError`. Ratios of densities need only `action`."""
        raise ValueError(
            "ln Z of a Phi4RBM is an integral over N_v fields that has no closed form. Ratios of its "
            "density need none: compare action(phi); or pass an estimate, log_density(phi, log_partition)"
        )

    @in_range
    def action(self, phi: ArrayLike) -> Floats:
        r"""The action of the visible layer.

        .. math:: S(\phi) = \tfrac12 \phi^T K \phi + \lambda \sum_i \phi_i^4

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
        return ((phi @ self.kernel) * phi).sum(axis=-1) / 2 + self.quartic * (phi**4).sum(axis=-1)

    @in_range
    def hidden_mean(self, phi: ArrayLike) -> Floats:
        """The mean <h | phi> = sigma_h^2 W^T phi of the hidden nodes given the visible fields.

        Parameters
        ----------
        phi : array (..., N_v)
            Visible fields.

        Returns
        -------
        array (..., N_h)
            The means.
        """
        return self.hidden_variance * (self._visible(phi) @ self.weights)

    @in_range
    def visible_mean(self, hidden: ArrayLike) -> Floats:
        """The mean <phi | h> of the visible fields given the hidden nodes, site by site by quadrature.

        Parameters
        ----------
        hidden : array (..., N_h)
            States of the hidden nodes.

        Returns
        -------
        array (..., N_v)
            The means.
        """
        source = fields(hidden, "hidden", self.n_hidden) @ self.weights.T
        return quartic_mean(source, self.mass_squared, self.quartic)

    def _visible_given(self, hidden: Floats, rng: np.random.Generator) -> Floats:
        return quartic_sites(hidden @ self.weights.T, self.mass_squared, self.quartic, rng)

    @in_range
    def sample(
        self,
        n: int,
        rng: Seed = None,
        *,
        chains: int = 100,
        burn_in: int = 200,
        sweeps: int = 10,
        progress: bool = False,
    ) -> Floats:
        """Configurations from Gibbs chains that start at phi = 0.

        Rows i and i + chains are successive states of one chain.

        Parameters
        ----------
        n : int
            How many configurations.
        rng : numpy.random.Generator or int, optional
            Random numbers, or their seed.
        chains : int
            Number of chains.
        burn_in : int
            Sweeps before the first configuration is recorded.
        sweeps : int
            Sweeps between two configurations of a chain.
        progress : bool
            Whether to show a bar that counts sweeps (on stderr; needs tqdm).

        Returns
        -------
        array (n, N_v)
            A configuration in each row.
        """
        n, chains = count(n, "n"), count(chains, "chains", least=1)
        path = self.trace(
            -(-n // chains), np.zeros((chains, self.n_visible)), rng, sweeps=sweeps, burn_in=burn_in, progress=progress
        )
        return path.reshape(-1, self.n_visible)[:n]

    def _bias_given(self, phi: Floats) -> Floats:
        raise ValueError(
            "what is observed is a bias for the hidden nodes, which a Phi4RBM does not have: what is missing has no "
            "closed form; sample it, setting the observed nodes back after every sweep of gibbs"
        )


@in_range
def quartic_sites(source: ArrayLike, mass_squared: float, quartic: float, rng: Seed = None) -> Floats:
    r"""Independent exact draws of fields in a quartic potential, one for each site.

    The density of a site is

    .. math:: p(x) \propto \exp(-\tfrac12 \mu^2 x^2 - \lambda x^4 + s x).

    It is drawn by rejection from a Gaussian at the mode x_0. With :math:`y = x - x_0` the exponent is that at the mode
    minus

    .. math:: \tfrac12 (\mu^2 + 4 \lambda x_0^2) \, y^2 + \lambda y^2 (y + 2 x_0)^2;

    the first part is the proposal, the second the logarithm of the acceptance.

    Parameters
    ----------
    source : array
        The source s of each site.
    mass_squared : float
        mu^2 > 0.
    quartic : float
        lambda >= 0.
    rng : numpy.random.Generator or int, optional
        Random numbers, or their seed.

    Returns
    -------
    array
        A draw for each entry of `source`.

    Raises
    ------
    ValueError
        When lambda is more than 1e12 times the square of mu^2, where less than a thousandth of the proposals is
        accepted, or the arguments differ so much in size that x is beyond double precision.

    Examples
    --------
    >>> import numpy as np
    >>> from srbm.phi4 import quartic_sites
    >>> quartic_sites(np.zeros((2, 3)), mass_squared=1.0, quartic=0.5, rng=0).shape
    (2, 3)
    """
    source = finite(source, "source")
    rng = numpy_generator(rng)
    if quartic > _STRONGEST * mass_squared**2:
        raise ValueError(
            f"quartic = {quartic:g} is more than {_STRONGEST:g} mass_squared^2, and hardly any of the "
            "proposals would be accepted: raise mass_squared, which leaves a lattice theory as it is"
        )
    with np.errstate(all="ignore"):
        mode = _mode(source, mass_squared, quartic).ravel()
        width = 1 / np.sqrt(mass_squared + 4 * quartic * mode**2)
    if not (np.isfinite(mode).all() and (width > 0).all()):
        raise ValueError(
            "source, mass_squared and quartic differ so much in size that x cannot be drawn; measure the "
            "fields in other units"
        )
    result = np.empty(mode.size)
    left = np.arange(mode.size)
    while left.size:
        y = width[left] * rng.standard_normal(left.size)
        accepted = rng.exponential(size=left.size) > quartic * y**2 * (y + 2 * mode[left]) ** 2
        result[left[accepted]] = (mode[left] + y)[accepted]
        left = left[~accepted]
    return result.reshape(source.shape)


@in_range
def quartic_mean(source: ArrayLike, mass_squared: float, quartic: float) -> Floats:
    r"""The mean field of each site in a quartic potential, to rounding.

    The density of a site is that of `quartic_sites`. By the trapezoidal rule, which converges exponentially. With
    :math:`y = x - x_0` around the mode the exponent is

    .. math:: -\tfrac12 (\mu^2 + 4 \lambda x_0^2) \, y^2 - \lambda y^2 (y + 2 x_0)^2:

    of the order of one at a distance of :math:`(\mu^2 + 4 \lambda x_0^2 + \sqrt{\lambda})^{-1/2}`, and below -36 at
    thirteen times that.

    Parameters
    ----------
    source : array
        The source s of each site.
    mass_squared : float
        mu^2 > 0.
    quartic : float
        lambda >= 0.

    Returns
    -------
    array
        The mean for each entry of `source`.

    Examples
    --------
    >>> from srbm.phi4 import quartic_mean
    >>> quartic_mean([0.0, 2.0], mass_squared=1.0, quartic=0.5).round(3)
    array([0.   , 0.644])
    """
    source = finite(source, "source")
    mode = _mode(source, mass_squared, quartic)
    curvature = mass_squared + 4 * quartic * mode**2
    width = 1 / np.sqrt(curvature + np.sqrt(quartic))
    total, moment = np.zeros_like(source), np.zeros_like(source)
    for node in np.linspace(-13, 13, 131):
        y = node * width
        weight = np.exp(-curvature * y**2 / 2 - quartic * (y * (y + 2 * mode)) ** 2)
        total += weight
        moment += weight * node
    return mode + width * moment / total


def _mode(source: Floats, mass_squared: float, quartic: float) -> Floats:
    """The root x of mu^2 x + 4 quartic x^3 = source."""
    if quartic == 0:
        return source / mass_squared
    scale = np.sqrt(mass_squared / (12 * quartic))
    return 2 * scale * np.sinh(np.arcsinh(3 * source / (2 * mass_squared * scale)) / 3)
