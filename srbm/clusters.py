"""Cluster updates of the signs of a field: an Ising model inside lattice phi^4 theory, and its hidden layer of bonds.

Write phi_i = s_i |phi_i|. At fixed moduli the signs are an Ising model with the couplings -K_ij |phi_i| |phi_j|, whose
clusters can be flipped at once (Swendsen and Wang, Phys. Rev. Lett. 58, 86 (1987)); Brower and Tamayo, Phys. Rev. Lett.
62, 1087 (1989), did it for phi^4. Only signs change: alternate with an update that changes the moduli, such as `gibbs`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ._support.checks import Floats, Seed, fields, frozen, numpy_generator, symmetric
from ._support.range import in_range

_RESIDUE = 1e-14
"""Links weaker than this, relative to the strongest entry of a kernel, are what rounding has left of none."""


@dataclass(frozen=True, eq=False)
class Links:
    """The pairs of sites that a kernel couples.

    Parameters
    ----------
    first, second : array (n_links,)
        The two ends of each link.
    coupling : array (n_links,)
        -K_ij: positive where equal signs are favoured. Clusters are a valid update for either sign, and a quick one
        where all are positive.
    n_sites : int
        The number of sites.

    Examples
    --------
    >>> from srbm import FreeScalarField
    >>> from srbm.clusters import Links
    >>> Links.of(FreeScalarField(3).kernel).coupling
    array([1., 1., 1.])
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    coupling: Floats
    n_sites: int

    @classmethod
    def of(cls, kernel: ArrayLike) -> Links:
        """The links of a symmetric kernel.

        Parameters
        ----------
        kernel : array (N, N)
            The kernel K of the quadratic part of an action; its diagonal does not matter.

        Returns
        -------
        Links
            Each coupled pair once.
        """
        kernel = symmetric(kernel, "kernel")
        above = np.triu(kernel, 1)
        first, second = np.nonzero(np.abs(above) > _RESIDUE * np.abs(kernel).max(initial=0))
        return cls(first, second, frozen(-kernel[first, second]), len(kernel))


@in_range
def draw_clusters(phi: ArrayLike, links: Links, rng: Seed = None) -> NDArray[np.intp]:
    r"""Draw the bonds of some fields, and number the clusters that they join.

    A link whose ends have the signs that it favours is a bond with the probability

    .. math:: p = 1 - e^{-2 |K_{ij} \phi_i \phi_j|},

    any other never.

    Parameters
    ----------
    phi : array (chains, N)
        Fields.
    links : Links
        Which sites are coupled.
    rng : numpy.random.Generator or int, optional
        Random numbers, or their seed.

    Returns
    -------
    array (chains, N)
        The number of each site's cluster, counted through all chains from 0.

    Examples
    --------
    >>> from srbm.clusters import Links, draw_clusters
    >>> draw_clusters([[9.0, 9.0, -9.0], [9.0, 9.0, 9.0]], Links.of([[3, -1, 0], [-1, 3, -1], [0, -1, 3]]), rng=0)
    array([[0, 0, 1],
           [2, 2, 2]])
    """
    return _labels(fields(phi, "phi", links.n_sites), links, numpy_generator(rng))


def _labels(phi: Floats, links: Links, rng: np.random.Generator) -> NDArray[np.intp]:
    """`draw_clusters` for checked arguments."""
    gain = links.coupling * phi[:, links.first] * phi[:, links.second]
    chain, link = np.nonzero(rng.exponential(size=gain.shape) < 2 * gain)
    start = chain * links.n_sites
    bonds = (np.ones(len(link), dtype=bool), (start + links.first[link], start + links.second[link]))
    labels = connected_components(coo_array(bonds, shape=(phi.size, phi.size)), directed=False)[1]
    return labels.reshape(phi.shape).astype(np.intp)


@in_range
def flip_clusters(phi: ArrayLike, links: Links, rng: Seed = None) -> Floats:
    """One cluster update of each chain: draw the bonds, and give every cluster a sign of its own.

    It leaves any action invariant whose other terms are even in every field, as a potential of phi^2 is.

    Parameters
    ----------
    phi : array (chains, N)
        Fields.
    links : Links
        Which sites are coupled.
    rng : numpy.random.Generator or int, optional
        Random numbers, or their seed.

    Returns
    -------
    array (chains, N)
        The fields with new signs.

    Examples
    --------
    >>> import numpy as np
    >>> from srbm import FreeScalarField, Phi4RBM
    >>> from srbm.clusters import Links, flip_clusters
    >>> kernel, rng = FreeScalarField((4, 4), mass_squared=-1.27).kernel, np.random.default_rng(0)
    >>> rbm, links, phi = Phi4RBM.on_lattice(kernel, 0.25, 6.73), Links.of(kernel), np.zeros((10, 16))
    >>> for sweep in range(20):
    ...     phi = flip_clusters(rbm.gibbs(phi, 1, rng), links, rng)
    >>> phi.shape
    (10, 16)
    """
    phi = fields(phi, "phi", links.n_sites)
    rng = numpy_generator(rng)
    labels = _labels(phi, links, rng)
    signs = rng.choice([-1.0, 1.0], size=labels.max(initial=-1) + 1)
    return phi * signs[labels]
