"""What mu^2 and N_h leave of a free field on a ring: the numbers of the live figure ``one_spectrum.js`` from `srbm`."""

import numpy as np

from srbm import FreeScalarField, kl_divergence, maximum_likelihood, truncated_kl

from .generator import Generator

START = {"mu2": 1.0, "n_hidden": 7, "m2": 0.2, "n_sites": 32, "seed": 4}


def waves(n_sites: int) -> np.ndarray:
    """The plane waves on a ring as columns, cosine and sine in turn, in the order of ascending eigenvalues."""
    k = (np.arange(n_sites) + 1) // 2
    phases = 2 * np.pi * np.outer(np.arange(n_sites), k) / n_sites
    odd = np.arange(n_sites) % 2 == 1
    basis = np.where(odd | (k == 0), np.cos(phases), np.sin(phases))
    return basis / np.linalg.norm(basis, axis=0)


def numbers(mu2: float, n_hidden: int, m2: float, n_sites: int, seed: int) -> dict:
    """Target and learnt eigenvalues, nats lost, and a sample before and after.

    Parameters
    ----------
    mu2, m2 : float
        Masses of the machine and of the field.
    n_hidden, n_sites : int
        N_h and N_v.
    seed : int
        Of the sample.

    Returns
    -------
    dict
        The eigenvalues ``target`` and ``learnt``, ``nats`` and what of them each mode has ``lost``, and the sample
        ``before`` and ``after``.
    """
    ring = FreeScalarField(n_sites, m2)
    kappa, basis = ring.eigenvalues, waves(n_sites)
    best = maximum_likelihood((basis / kappa) @ basis.T, n_hidden, mu2)
    learnt = best.eigenvalues
    lost = [kl_divergence([[a]], [[b]]) for a, b in zip(kappa, learnt, strict=True)]
    noise = Generator(seed).normals(n_sites)
    return {
        "target": kappa,
        "learnt": learnt,
        "lost": lost,
        "nats": truncated_kl(kappa, n_hidden, mu2),
        "before": basis @ (noise / np.sqrt(kappa)),
        "after": basis @ (noise / np.sqrt(learnt)),
    }
