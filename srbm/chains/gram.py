"""Chains represented by their Gram matrix, at a cost that does not depend on how many there are: B >= 2 N_v.

A block-Gibbs sweep is the autoregression phi' = phi A + E with A = sigma_h^2 W W^T / mu^2 and rows of E drawn from
N(0, S), S = (1 + A) / mu^2, and the gradient needs only the Gram matrix G = phi^T phi of the B chains. With phi = Q R
(Q orthonormal, R square) the sweep is

    G' = (R A + E_1)^T (R A + E_1) + Wishart(B - N_v, S),

E_1 being N_v rows of noise and the Wishart matrix drawn by Bartlett's decomposition: equal in law to B explicit
chains, and k sweeps are one matrix power.

`gram_sweeps` says this for the arrays of any library. For small lattices, where what costs is the calls and not the
arithmetic, `_fast_term` takes the same random numbers in the same order in fewer calls, computes a single run with
matrices in place of stacks of one, and calls BLAS and LAPACK as directly as it can.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

import numpy as np
import scipy

from .._support.arrays import add_to_diagonal, diagonal, is_numpy, like, namespace
from .._support.checks import Floats
from .stack import Ensemble, ModelTerm, average, data_root, equilibrium_root


@dataclass(frozen=True)
class GramChains:
    """`chains` chains (B >= 2 N_v) with `steps` sweeps (k) per update; `persistent` as of `ExplicitChains`.

    What is carried on is R (runs, N_v, N_v) with R^T R = phi^T phi, or a root of the data's <phi phi^T>.
    """

    chains: int
    steps: int = 1
    persistent: Literal["visible"] | None = "visible"

    def start(self, ensemble: Ensemble, correlation: Floats, rng: np.random.Generator) -> Floats:
        """What the first update goes on from; chains that persist start in equilibrium with the model."""
        if self.persistent is None:
            return data_root(ensemble, correlation)
        return self._draw(equilibrium_root(ensemble), rng)

    def model_term(self, ensemble: Ensemble, memory: Floats, rng: np.random.Generator) -> tuple[ModelTerm, Floats]:
        """The average over the chains after `steps` more sweeps, and what to go on from."""
        if self.persistent is None:
            factor = gram_sweeps(ensemble, self._draw(memory, rng), self.chains, self.steps, rng)
            return average(ensemble, factor, self.chains), memory
        if is_numpy(memory) and isinstance(rng, np.random.Generator) and ensemble.weights.shape[2]:
            return self._fast_term(ensemble, memory, rng)
        factor = gram_sweeps(ensemble, memory, self.chains, self.steps, rng)
        return average(ensemble, factor, self.chains), factor

    def _draw(self, root: Floats, rng: np.random.Generator) -> Floats:
        """R of phi = z M with rows z ~ N(0, 1)."""
        runs, n_visible, _ = root.shape
        return bartlett(runs, n_visible, self.chains, rng, root).mT @ root

    def _fast_term(self, ensemble: Ensemble, factor: Floats, rng: np.random.Generator) -> tuple[ModelTerm, Floats]:
        """`model_term` of chains that persist."""
        runs, one_mass = len(factor), ensemble.mass_squared.shape[1] == 1
        weights, mass = ensemble.weights, ensemble.mass_squared
        if runs == 1:
            weights, mass, factor = weights[0], mass[0], factor[0]
            if one_mass:
                mass = mass.item()
        row, column = (mass, mass) if isinstance(mass, float) else (mass[..., None, :], mass[..., :, None])
        transition = _product(weights, weights.swapaxes(-1, -2))
        transition *= ensemble.hidden_variance / row
        noise: Floats = transition / column
        add_to_diagonal(noise, 1 / mass)
        transition, noise = (_repeated_commuting if one_mass else repeated)(transition, noise, self.steps)
        root = _cholesky(noise).swapaxes(-1, -2)
        below, degrees = _bartlett_constants(factor.shape[-1], self.chains - factor.shape[-1])
        drawn, lower = rng.standard_normal((2, *factor.shape))
        inside = _product(factor, transition)
        inside += _product(drawn, root)
        lower *= below  # with what follows, T T^T ~ Wishart(B - N_v, 1)
        diagonal(lower)[...] = np.sqrt(rng.chisquare(degrees, factor.shape[:-1]))
        outside = _product(lower.swapaxes(-1, -2), root)
        gram = _product(inside.swapaxes(-1, -2), inside)
        gram += _product(outside.swapaxes(-1, -2), outside)
        factor = _cholesky(gram).swapaxes(-1, -2)
        correlation_weights = _product(gram, weights)
        correlation_weights /= self.chains
        variances = diagonal(gram) / self.chains
        if runs == 1:
            return ModelTerm(correlation_weights[None], variances[None]), factor[None]
        return ModelTerm(correlation_weights, variances), factor


def gram_sweeps(ensemble: Ensemble, factor: Floats, chains: int, steps: int, rng: np.random.Generator) -> Floats:
    """R (runs, N_v, N_v), R^T R = phi^T phi, after `steps` sweeps of `chains` >= 2 N_v chains phi."""
    runs, n_visible = factor.shape[0], factor.shape[-1]
    transition, noise = _autoregression(ensemble, steps)
    cholesky = namespace(factor).linalg.cholesky
    root = cholesky(noise).mT
    inside = factor @ transition + like(rng.standard_normal(factor.shape), factor) @ root
    outside = bartlett(runs, n_visible, chains - n_visible, rng, factor).mT @ root
    gram = inside.mT @ inside + outside.mT @ outside
    return cholesky(gram).mT


def _autoregression(ensemble: Ensemble, steps: int) -> tuple[Floats, Floats]:
    """A and S of `steps` sweeps in one, phi' = phi A + E with rows of E ~ N(0, S)."""
    mass = ensemble.mass_squared[:, None, :]
    transition = ensemble.hidden_variance * (ensemble.weights @ ensemble.weights.mT) / mass
    noise = add_to_diagonal(transition / mass.mT, 1 / ensemble.mass_squared)
    return repeated(transition, noise, steps)


def repeated(transition: Floats, noise: Floats, steps: int) -> tuple[Floats, Floats]:
    """`steps` times an autoregression, as one; by repeated squaring."""
    total: tuple[Floats, Floats] | None = None
    while True:
        if steps & 1:
            total = (transition, noise) if total is None else _then(total, (transition, noise))
        steps >>= 1
        if not steps:
            assert total is not None  # steps >= 1
            return total
        transition, noise = _then((transition, noise), (transition, noise))


def _then(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """One autoregression after another."""
    (a1, s1), (a2, s2) = first, second
    return a1 @ a2, a2.mT @ s1 @ a2 + s2


def bartlett(runs: int, size: int, degrees: int, rng: Any, array: Floats, normals: Floats | None = None) -> Floats:
    """Lower triangular T with T T^T ~ Wishart(degrees, 1), shape (runs, size, size), where `array` is; degrees >= size.

    `normals` of this shape are used when they have been drawn already.
    """
    xp = namespace(array)
    drawn = like(rng.standard_normal((runs, size, size)), array) if normals is None else normals
    gamma = rng.standard_gamma((degrees - np.arange(size, dtype=float)) / 2, size=(runs, size))
    return add_to_diagonal(xp.tril(drawn, k=-1), xp.sqrt(2 * like(gamma, array)))


def _repeated_commuting(transition: Floats, noise: Floats, steps: int) -> tuple[Floats, Floats]:
    """`repeated` for A = A^T and S that commute, as they do with one mu^2: A S A = A^2 S."""
    total: tuple[Floats, Floats] | None = None
    square: Floats | None = None
    while True:
        if steps & 1:
            if total is None:
                total = transition, noise
            else:
                square = _product(transition, transition)
                total = _product(total[0], transition), _product(square, total[1]) + noise
        steps >>= 1
        if not steps:
            return cast("tuple[Floats, Floats]", total)  # set at the highest bit, steps being at least one
        if square is None:
            square = _product(transition, transition)
        transition, noise, square = square, _product(square, noise) + noise, None


@lru_cache(maxsize=16)
def _bartlett_constants(size: int, degrees: int) -> tuple[Floats, Floats]:
    """What selects the part below the diagonal, and the degrees of freedom on it."""
    return np.tri(size, k=-1), degrees - np.arange(size, dtype=float)


def _product(left: Floats, right: Floats) -> Floats:
    """left @ right, in half the time where the matrices are small and no stacks; the same to the last bit."""
    return left.dot(right) if left.ndim == 2 else left @ right


def _cholesky(matrices: Floats) -> Floats:
    if matrices.ndim > 2:
        return np.linalg.cholesky(matrices)
    root, info = scipy.linalg.lapack.dpotrf(matrices.T, lower=0, clean=1)
    if info:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    return root.T
