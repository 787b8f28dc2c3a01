"""Target theories: the free scalar field on a periodic lattice of any dimension (Sec. V).

Everything about it is known in closed form, because plane waves diagonalise the kernel. That makes it the
touchstone of this package: its spectrum (78), (82), its propagator and its exact samples cost one fast Fourier
transform, and every learnt quantity can be compared with them. Lattice units, a = 1, throughout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from ._support.checks import Floats, Seed, count, fields, number, numpy_generator, require_positive
from ._support.range import in_range
from ._support.runtime import progress_bar


@dataclass(frozen=True)
class FreeScalarField:
    r"""A free scalar field on a periodic lattice: a Gaussian whose kernel is K = m^2 - Laplacian.

    Its action (Eqs. 76, 77 and 83) is

    .. math:: S(\phi) = \tfrac12 \phi^T K \phi.

    Parameters
    ----------
    shape : int or tuple of int
        Extent of the lattice in each dimension. Fields are flattened in C order to `n_sites` components.
    mass_squared : float
        m^2 in lattice units. It may be <= 0 (the kernel still exists); what needs a normalisable theory then
        raises `NotNormalizableError`.
    links : mapping from offset to strength, optional
        Which sites are coupled: the offset d with strength c adds :math:`c\, (\phi_{x+d} - \phi_x)^2 / 2` for every
        site x. An offset is an int in one dimension, else a tuple; d and -d are one link. Kept as a tuple of pairs.
        None means nearest neighbours with strength one, as in the paper; `{1: 4/3, 2: -1/12}` is the Laplacian of a
        ring without its error of order p^4 (Symanzik 1983).

    Examples
    --------
    >>> from srbm import FreeScalarField
    >>> field = FreeScalarField(shape=(4, 4), mass_squared=1.0)
    >>> field.eigenvalues.round(3)
    array([1., 3., 3., 3., 3., 5., 5., 5., 5., 5., 5., 7., 7., 7., 7., 9.])
    >>> field.sample(100, rng=0).shape
    (100, 16)
    """

    shape: int | tuple[int, ...] = (10,)
    mass_squared: float = 4.0
    links: Mapping[int | tuple[int, ...], float] | tuple[tuple[tuple[int, ...], float], ...] | None = None

    @in_range
    def __post_init__(self) -> None:
        extents = tuple(np.atleast_1d(self.shape).tolist())
        if not extents:
            raise ValueError("shape needs at least one extent, e.g. 10 or (4, 4)")
        object.__setattr__(self, "shape", tuple(count(n, "each extent of shape", least=1) for n in extents))
        object.__setattr__(self, "mass_squared", number(self.mass_squared, "mass_squared"))
        if self.links is not None:
            links = {
                _offset(offset, len(extents)): number(strength, "the strength of a link")
                for offset, strength in dict(self.links).items()
            }
            twice = [offset for offset in links if tuple(-d for d in offset) in links]
            if twice:
                raise ValueError(f"links must name each pair of sites once, but have {twice[0]} and its opposite")
            object.__setattr__(self, "links", tuple(links.items()))

    @property
    def _extents(self) -> tuple[int, ...]:
        """`shape`, which is a tuple from construction on."""
        return cast("tuple[int, ...]", self.shape)

    @property
    def n_sites(self) -> int:
        """Number of sites, N_v."""
        return prod(self._extents)

    @property
    def _links(self) -> list[tuple[tuple[int, ...], float]]:
        """(offset, strength) of every link; all that follows, except for m^2, is determined by them."""
        if self.links is not None:
            return list(cast("tuple[tuple[tuple[int, ...], float], ...]", self.links))  # a tuple from construction on
        return [(tuple(offset), 1.0) for offset in np.eye(len(self._extents), dtype=np.int_).tolist()]

    @cached_property
    def _dispersion(self) -> Floats:
        """kappa(p) = m^2 + sum_d c_d (2 - 2 cos(p d)) on the momentum grid, in the order of `numpy.fft`."""
        momenta = np.ix_(*[2 * np.pi * np.arange(n) / n for n in self._extents])
        kinetic = np.zeros(self._extents)
        for offset, strength in self._links:
            cosine = np.cos(sum(p * d for p, d in zip(momenta, offset, strict=True)))
            kinetic += strength * np.where(cosine > 0.92, 4 * self._half_sine(offset) ** 2, 2 - 2 * cosine)
        return self.mass_squared + kinetic

    def _half_sine(self, offset: tuple[int, ...]) -> Floats:
        """sin(p d / 2), in the infrared, where 1 - cos(p d) would cancel, from the fraction of a turn next to zero."""
        turns: Floats = np.zeros(self._extents)
        for axis, (n, d) in enumerate(zip(self._extents, offset, strict=True)):
            steps = np.arange(n) * (d % n) % n
            fraction = np.where(2 * steps > n, steps - n, steps) / n
            turns += fraction.reshape([-1 if other == axis else 1 for other in range(len(self._extents))])
        return np.sin(np.pi * (turns - np.rint(turns)))

    @property
    @in_range
    def eigenvalues(self) -> Floats:
        """Eigenvalues kappa_alpha of the kernel, ascending (infrared first), of shape (n_sites,).

        They are those of Eqs. (78) and (82).
        """
        return np.sort(self._dispersion, axis=None)

    @property
    @in_range
    def momenta(self) -> Floats:
        r"""Momenta, of shape (n_sites, dimensions), in the order of `eigenvalues`.

        Their components are :math:`p = 2 \pi k / N` with whole numbers :math:`-N/2 < k \le N/2`.
        """
        extents = np.array(self._extents)
        integers = (np.indices(self._extents).reshape(len(extents), -1).T + (extents - 1) // 2) % extents
        integers -= (extents - 1) // 2
        order = np.argsort(self._dispersion, axis=None, kind="stable")
        return 2 * np.pi * integers[order] / np.array(self._extents)

    def _translation_invariant(self, function_of_eigenvalue: Floats) -> Floats:
        """The matrix that is diagonal in momentum space with these entries, shape (n_sites, n_sites)."""
        from_origin = np.fft.ifftn(function_of_eigenvalue).real
        site = np.indices(self._extents).reshape(len(self._extents), -1)
        separation = (site[:, :, None] - site[:, None, :]) % np.array(self._extents)[:, None, None]
        return from_origin[tuple(separation)]

    @property
    @in_range
    def kernel(self) -> Floats:
        """Kernel K_phi of Eq. (77), in several dimensions the Kronecker sum (83), of shape (n_sites, n_sites)."""
        kernel = self.mass_squared * np.eye(self.n_sites)
        sites = np.arange(self.n_sites)
        for offset, strength in self._links:
            neighbour, link = self._shifted(offset), np.zeros_like(kernel)
            for row, column, sign in ((sites, sites, 2), (sites, neighbour, -1), (neighbour, sites, -1)):
                link[row, column] += sign  # a link back to its own site cancels before the mass could be rounded
            kernel += strength * link
        return kernel

    @property
    @in_range
    def propagator(self) -> Floats:
        """Propagator <phi phi^T> = K^-1, of shape (n_sites, n_sites).

        Raises
        ------
        NotNormalizableError
            Unless all kappa > 0.
        """
        require_positive(self._dispersion, "the lattice kernel")
        return self._translation_invariant(1 / self._dispersion)

    @in_range
    def action(self, phi: ArrayLike) -> Floats:
        """The action of fields, summed as differences along the links.

        Parameters
        ----------
        phi : array (..., n_sites)
            Fields.

        Returns
        -------
        array (...)
            S of each of them, as a number without unit.
        """
        phi = fields(phi, "phi", self.n_sites, f" for a lattice of shape {self.shape}")
        density = self.mass_squared * phi**2
        for offset, strength in self._links:
            density = density + strength * (phi[..., self._shifted(offset)] - phi) ** 2
        return density.sum(axis=-1) / 2

    @in_range
    def action_density(self, phi: ArrayLike) -> Floats:
        """The action of fields per site, S / N_v.

        Parameters
        ----------
        phi : array (..., n_sites)
            Fields.

        Returns
        -------
        array (...)
            S / N_v of each. By equipartition it follows a Gamma distribution of shape N_v / 2 and scale 1 / N_v, with
            mean 1/2.
        """
        return self.action(phi) / self.n_sites

    @in_range
    def sample(self, n: int, rng: Seed = None) -> Floats:
        """Independent exact configurations: white noise, coloured by kappa^(-1/2) in momentum space.

        Parameters
        ----------
        n : int
            How many.
        rng : numpy.random.Generator or int, optional
            Random numbers, or their seed.

        Returns
        -------
        array (n, n_sites)
            A configuration in each row.

        Raises
        ------
        NotNormalizableError
            Unless all kappa > 0.
        """
        require_positive(self._dispersion, "the lattice kernel")
        n = count(n, "n")
        axes = tuple(range(1, len(self._extents) + 1))
        noise = numpy_generator(rng).standard_normal((n, *self._extents))
        coloured = np.fft.ifftn(np.fft.fftn(noise, axes=axes) / np.sqrt(self._dispersion), axes=axes).real
        return coloured.reshape(n, self.n_sites)

    @in_range
    def metropolis(
        self,
        n: int,
        rng: Seed = None,
        *,
        chains: int = 100,
        step: float = 1.0,
        burn_in: int = 100,
        sweeps: int = 20,
        progress: bool = False,
    ) -> Floats:
        """Configurations from single-site Metropolis Monte Carlo.

        Independent chains start from phi = 0. Configurations of one chain that follow each other (rows i and i +
        chains) are correlated, unlike those of `sample`.

        Parameters
        ----------
        n : int
            How many configurations.
        rng : numpy.random.Generator or int, optional
            Random numbers, or their seed.
        chains : int
            Number of chains.
        step : float
            A proposal moves one site uniformly by at most this much.
        burn_in : int
            Sweeps over the lattice before the first configuration is recorded.
        sweeps : int
            Sweeps between two configurations of a chain.
        progress : bool
            Whether to show a bar that counts sweeps (on stderr; needs tqdm).

        Returns
        -------
        array (n, n_sites)
            A configuration in each row.

        Raises
        ------
        NotNormalizableError
            Unless all kappa > 0.
        """
        require_positive(self._dispersion, "the lattice kernel")
        n, chains = count(n, "n"), count(chains, "chains", least=1)
        burn_in, sweeps = count(burn_in, "burn_in"), count(sweeps, "sweeps", least=1)
        step = number(step, "step", above=0)
        rng = numpy_generator(rng)
        phi = np.zeros((self.n_sites, chains))
        neighbours, strengths = self._neighbours()
        local = self.mass_squared + strengths.sum()

        def sweep() -> None:
            for site in range(self.n_sites):
                proposal = phi[site] + rng.uniform(-step, step, chains)
                force = strengths @ phi[neighbours[site]]
                change = (proposal**2 - phi[site] ** 2) * local / 2 - (proposal - phi[site]) * force
                accepted = rng.exponential(size=chains) > change
                phi[site] = np.where(accepted, proposal, phi[site])
            advance()

        records = []
        rounds = -(-n // chains)
        with progress_bar(progress, burn_in + rounds * sweeps, "sweep") as advance:
            for _ in range(burn_in):
                sweep()
            for _ in range(rounds):
                for _ in range(sweeps):
                    sweep()
                records.append(phi.T.copy())
        return np.concatenate(records)[:n] if records else np.empty((0, self.n_sites))

    def _shifted(self, offset: tuple[int, ...]) -> np.ndarray:
        """The site at x + offset for every site x, shape (n_sites,)."""
        sites = np.arange(self.n_sites).reshape(self._extents)
        return np.roll(sites, [-d for d in offset], axis=range(len(offset))).ravel()

    def _neighbours(self) -> tuple[np.ndarray, Floats]:
        """Sites coupled to every site, shape (n_sites, links), and how strongly; both ends of each link count.

        A link that leads round the lattice back to its own site has no kinetic term.
        """
        links = [
            (direction, strength)
            for offset, strength in self._links
            if any(d % extent for d, extent in zip(offset, self._extents, strict=True))
            for direction in (tuple(-d for d in offset), offset)
        ]
        indices = np.array([self._shifted(offset) for offset, _ in links], dtype=int).reshape(-1, self.n_sites).T
        return indices, np.array([strength for _, strength in links])


def _offset(offset: int | tuple[int, ...], dimensions: int) -> tuple[int, ...]:
    """An offset as a tuple of integers, one per dimension, not all zero."""
    parts = cast("tuple[int, ...]", (offset,) if np.ndim(offset) == 0 else tuple(cast("tuple[int, ...]", offset)))
    try:
        integers = tuple(int(part) for part in parts)
    except (TypeError, ValueError):
        integers = ()
    if integers != parts or len(parts) != dimensions or not any(parts):
        raise ValueError(f"the offset of a link must be {dimensions} integers, not all zero, got {offset!r}")
    return integers
