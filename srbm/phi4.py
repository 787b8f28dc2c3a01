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
    """S(phi, h) = sum_i (mu^2 phi_i^2 / 2 + quartic phi_i^4) + h^T h / (2 sigma_h^2) - phi^T W h.

    `Machine` lists what all machines can do.

    Parameters
    ----------
    weights : array (N_v, N_h)
    mass_squared : float
        mu^2 > 0. The mass of the *lattice* theory may have either sign: it enters through W.
    quartic : float
        The coupling lambda >= 0 of phi^4, without a factor 1/4!. At zero the kernel has to be positive.
    hidden_variance : float
        sigma_h^2 > 0.
    """

    weights: Floats
    mass_squared: float
    quartic: float
    hidden_variance: float = 1.0

    _stored: ClassVar = {"weights": Stored(("f8",), (2,)), "mass_squared": Stored(("f8",)),
                         "quartic": Stored(("f8",)), "hidden_variance": Stored(("f8",))}

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
    def on_lattice(cls, kernel: ArrayLike, quartic: float, mass_squared: float,
                   hidden_variance: float = 1.0) -> Phi4RBM:
        """Lattice phi^4 theory, S = phi^T K phi / 2 + quartic sum phi^4, through the symmetric root of Eq. (16).

        `kernel` need not be positive (m^2 < 0 is the broken phase); `mass_squared` must not be below its spectrum.
        """
        kernel = symmetric(kernel, "kernel")
        lowest, highest = np.linalg.eigvalsh(kernel)[[0, -1]]
        if number(mass_squared, "mass_squared", above=0) < highest - 1e-12 * abs(highest):
            raise ValueError(f"mass_squared = {mass_squared:g} is below the largest eigenvalue of the kernel, "
                             f"{highest:g}: W W^T = (mu^2 - K) / sigma_h^2 has no solution; increase it")
        # The root depends on mu^2 - K alone, so a common shift makes the kernel positive without changing it.
        shift = max(0.0, 1.0 - lowest)
        solution = symmetric_solution(add_to_diagonal(kernel, shift), mass_squared + shift, hidden_variance)
        return cls(solution.weights, mass_squared, quartic, hidden_variance)

    @property
    @in_range
    def kernel(self) -> Floats:
        """K = mu^2 - sigma_h^2 W W^T of the quadratic part, shape (N_v, N_v)."""
        return kernel_of(self.weights, np.array([self.mass_squared]), self.hidden_variance)

    @property
    @in_range
    def log_partition(self) -> float:
        """Not known: raises `ValueError`. Ratios of densities need only `action`."""
        raise ValueError("ln Z of a Phi4RBM is an integral over N_v fields that has no closed form. Ratios of its "
                         "density need none: compare action(phi); or pass an estimate, log_density(phi, log_partition)")

    @in_range
    def action(self, phi: ArrayLike) -> Floats:
        """phi^T K phi / 2 + quartic sum_i phi_i^4 for phi (..., N_v), shape (...)."""
        phi = self._visible(phi)
        return ((phi @ self.kernel) * phi).sum(axis=-1) / 2 + self.quartic * (phi**4).sum(axis=-1)

    @in_range
    def hidden_mean(self, phi: ArrayLike) -> Floats:
        """<h | phi> = sigma_h^2 W^T phi for phi of shape (..., N_v); shape (..., N_h)."""
        return self.hidden_variance * (self._visible(phi) @ self.weights)

    @in_range
    def visible_mean(self, hidden: ArrayLike) -> Floats:
        """<phi | h>, site by site by quadrature, for h of shape (..., N_h); shape (..., N_v)."""
        source = fields(hidden, "hidden", self.n_hidden) @ self.weights.T
        return quartic_mean(source, self.mass_squared, self.quartic)

    def _visible_given(self, hidden: Floats, rng: np.random.Generator) -> Floats:
        return quartic_sites(hidden @ self.weights.T, self.mass_squared, self.quartic, rng)

    @in_range
    def sample(self, n: int, rng: Seed = None, *, chains: int = 100, burn_in: int = 200, sweeps: int = 10,
               progress: bool = False) -> Floats:
        """`n` configurations (n, N_v) from `chains` Gibbs chains that start at phi = 0.

        Recorded every `sweeps` sweeps after `burn_in`; rows i and i + chains are successive states of one chain.
        `progress` shows a bar that counts sweeps (on stderr; needs tqdm).
        """
        n, chains = count(n, "n"), count(chains, "chains", least=1)
        path = self.trace(-(-n // chains), np.zeros((chains, self.n_visible)), rng, sweeps=sweeps, burn_in=burn_in,
                          progress=progress)
        return path.reshape(-1, self.n_visible)[:n]


@in_range
def quartic_sites(source: ArrayLike, mass_squared: float, quartic: float, rng: Seed = None) -> Floats:
    """Independent exact draws from exp(-mu^2 x^2 / 2 - quartic x^4 + source x), one for each entry of `source`.

    Rejection from a Gaussian at the mode x_0. With y = x - x_0 the exponent is that at the mode minus
    (mu^2 + 4 quartic x_0^2) y^2 / 2 minus quartic y^2 (y + 2 x_0)^2; the first part is the proposal, the second the
    logarithm of the acceptance.

    Raises `ValueError` for quartic > 1e12 mass_squared^2, where less than a thousandth of the proposals is accepted.
    """
    source = finite(source, "source")
    rng = numpy_generator(rng)
    if quartic > _STRONGEST * mass_squared**2:
        raise ValueError(f"quartic = {quartic:g} is more than {_STRONGEST:g} mass_squared^2, and hardly any of the "
                         "proposals would be accepted: raise mass_squared, which leaves a lattice theory as it is")
    with np.errstate(all="ignore"):
        mode = _mode(source, mass_squared, quartic).ravel()
        width = 1 / np.sqrt(mass_squared + 4 * quartic * mode**2)
    if not (np.isfinite(mode).all() and (width > 0).all()):
        raise ValueError("source, mass_squared and quartic differ so much in size that x cannot be drawn; measure the "
                         "fields in other units")
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
    """The mean of exp(-mu^2 x^2 / 2 - quartic x^4 + source x), one for each entry of `source`; to rounding.

    By the trapezoidal rule, which converges exponentially. With y = x - x_0 around the mode the exponent is
    -(mu^2 + 4 quartic x_0^2) y^2 / 2 - quartic y^2 (y + 2 x_0)^2: of the order of one at a distance of
    1 / sqrt(mu^2 + 4 quartic x_0^2 + sqrt(quartic)), and below -36 at thirteen times that.
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
