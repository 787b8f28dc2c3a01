"""Where <phi phi^T>_model comes from: exactly, or from Markov chains (Appendix A).

The gradient of the likelihood (20)-(22) is the difference of two correlation matrices. The target's is known; the
model's is estimated by one of three strategies with one contract:

    chains = strategy.start(ensemble, correlation, rng)
    term, chains = strategy.model_term(ensemble, chains, rng)

`Exact` inverts the kernel. `CD` restarts its chains from the data at every update, `PCD` lets them persist.

Gaussian chains need not be stored one by one. A block-Gibbs sweep is the autoregression phi' = phi A + E with
A = sigma_h^2 W W^T / mu^2 and rows of E drawn from N(0, S), S = (1 + A) / mu^2, and the gradient needs only the Gram
matrix G = phi^T phi of the B chains. With phi = Q R (Q orthonormal, R square) the sweep is

    G' = (R A + E_1)^T (R A + E_1) + Wishart(B - N_v, S),

E_1 being N_v rows of noise and the Wishart matrix drawn by Bartlett's decomposition: equal in law to B explicit
chains, at a cost that does not depend on B, and k sweeps are one matrix power. `CD` and `PCD` work this way whenever
B >= 2 N_v, and with explicit chains otherwise.

Everything here is written to the array API standard: with weights on a GPU the chains live there too. The random
numbers are `rng`'s, a NumPy generator's by default, so that they are the same on every device; see
`srbm.accelerator` for a generator of the device's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from ._arrays import add_to_diagonal, column_squares, like, namespace, positive_definite, to_numpy
from ._validation import Floats, count


@dataclass(frozen=True)
class Ensemble:
    """`runs` RBMs of the same shape, trained side by side.

    weights (runs, N_v, N_h); mass (runs, 1), or (runs, N_v) for a mass per visible node; NumPy's arrays or, both on
    one device, any library's that follows the array API standard.
    """

    weights: Floats
    mass: Floats
    hidden_variance: float

    @property
    def kernel(self) -> Floats:
        """K = mu^2 - sigma_h^2 W W^T of each run, shape (runs, N_v, N_v)."""
        return add_to_diagonal(-self.hidden_variance * (self.weights @ self.weights.mT), self.mass)

    @cached_property
    def hidden_gram(self) -> Floats:
        """W^T W of each run, shape (runs, N_h, N_h)."""
        return self.weights.mT @ self.weights

    def normalizable(self) -> np.ndarray:
        """Which runs have a positive kernel, shape (runs,): those whose Cholesky decomposition exists."""
        n_visible, n_hidden = self.weights.shape[-2:]
        if self.mass.shape[-1] == 1 and n_hidden < n_visible:
            matrix = add_to_diagonal(-self.hidden_variance * self.hidden_gram, self.mass)
        else:
            matrix = self.kernel
        return np.asarray(np.all(to_numpy(self.mass) > 0, axis=-1) & positive_definite(matrix))


class ModelTerm(NamedTuple):
    """What the gradient needs of C = <phi phi^T>_model."""

    correlation_weights: Floats
    """C W, shape (runs, N_v, N_h)."""
    variances: Floats
    """The diagonal of C, shape (runs, N_v)."""


@dataclass(frozen=True)
class Exact:
    """C = K^-1: no chains, no noise."""

    def start(self, ensemble: Ensemble, correlation: Floats, rng: np.random.Generator) -> None:
        """No chains to start."""

    def model_term(self, ensemble: Ensemble, chains: None, rng: np.random.Generator) -> tuple[ModelTerm, None]:
        """The exact term."""
        linalg = namespace(ensemble.weights).linalg
        propagator = linalg.inv(ensemble.kernel)
        return ModelTerm(propagator @ ensemble.weights, linalg.diagonal(propagator)), None


@dataclass(frozen=True)
class _MarkovChains:
    """`chains` Markov chains (B), `steps` block-Gibbs sweeps (k) per update."""

    chains: int = 128
    steps: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "chains", count(self.chains, "chains", least=1))
        object.__setattr__(self, "steps", count(self.steps, "steps", least=1))

    def uses_gram(self, n_visible: int) -> bool:
        """Whether the chains are represented by their Gram matrix: B >= 2 N_v."""
        return self.chains >= 2 * n_visible

    def _draw(self, covariance_root: Floats, rng: np.random.Generator) -> Floats:
        """B fields phi = z M with rows z ~ N(0, 1): explicitly (runs, B, N), or as R with R^T R = phi^T phi."""
        runs, n_visible = covariance_root.shape[0], covariance_root.shape[-1]
        if self.uses_gram(n_visible):
            return _bartlett(runs, n_visible, self.chains, rng, covariance_root).mT @ covariance_root
        return like(rng.standard_normal((runs, self.chains, n_visible)), covariance_root) @ covariance_root

    def _sweep(self, ensemble: Ensemble, phi: Floats, rng: np.random.Generator) -> Floats:
        """`steps` sweeps of the chains, in whichever representation `phi` is."""
        if self.uses_gram(phi.shape[-1]):
            return gram_sweeps(ensemble, phi, self.chains, self.steps, rng)
        return explicit_sweeps(ensemble, phi, self.steps, rng)

    def _term(self, ensemble: Ensemble, phi: Floats) -> ModelTerm:
        """Averages over the chains; R stands for them, since R^T R = phi^T phi."""
        return ModelTerm(phi.mT @ (phi @ ensemble.weights) / self.chains, column_squares(phi) / self.chains)


@dataclass(frozen=True)
class PCD(_MarkovChains):
    """Persistent contrastive divergence (Tieleman 2008): chains go on from where the last update left them.

    They start in equilibrium with the initial model. Equal in law to explicit chains at any B and k. Chains that lag
    behind the model destabilise the training: the slowest mode needs about mu^2 / (2 kappa_min) sweeps to move.

    What persists is phi. With `persistent="hidden"` it is h, drawn with the weights from before the update: a quarter
    cheaper for large models, and a law that differs by O(learning rate). `train` replaces the chains of large models
    (N_v > 64) by faster ones of the same law.
    """

    persistent: str = "visible"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.persistent not in ("visible", "hidden"):
            raise ValueError(f'persistent must be "visible" or "hidden", got {self.persistent!r}')

    def uses_gram(self, n_visible: int) -> bool:
        """Whether the chains are represented by the Gram matrix of phi: B >= 2 N_v, and phi persists."""
        return self.persistent == "visible" and super().uses_gram(n_visible)

    def start(self, ensemble: Ensemble, correlation: Floats, rng: np.random.Generator) -> Floats:
        """Chains drawn from the model."""
        linalg = namespace(ensemble.weights).linalg
        phi = self._draw(linalg.inv(linalg.cholesky(ensemble.kernel)), rng)
        return phi if self.persistent == "visible" else hidden_given(ensemble, phi, rng)

    def model_term(self, ensemble: Ensemble, chains: Floats, rng: np.random.Generator) -> tuple[ModelTerm, Floats]:
        """The average over the chains after `steps` more sweeps."""
        if self.persistent == "visible":
            chains = self._sweep(ensemble, chains, rng)
            return self._term(ensemble, chains), chains
        phi = explicit_sweeps(ensemble, visible_given(ensemble, chains, rng), self.steps - 1, rng)
        return self._term(ensemble, phi), hidden_given(ensemble, phi, rng)


@dataclass(frozen=True)
class CD(_MarkovChains):
    """Contrastive divergence (Hinton 2002): every update starts its chains afresh from the data distribution."""

    def start(self, ensemble: Ensemble, correlation: Floats, rng: np.random.Generator) -> Floats:
        """The symmetric root of the target's correlation matrix, from which data are drawn."""
        xp = namespace(correlation)
        variances, modes = xp.linalg.eigh(correlation)
        root = modes * xp.sqrt(xp.clip(variances, 0, None)) @ modes.mT
        return xp.broadcast_to(root, (ensemble.weights.shape[0], *root.shape))

    def model_term(self, ensemble: Ensemble, chains: Floats, rng: np.random.Generator) -> tuple[ModelTerm, Floats]:
        """The average over chains `steps` sweeps away from the data."""
        return self._term(ensemble, self._sweep(ensemble, self._draw(chains, rng), rng)), chains


def explicit_sweeps(ensemble: Ensemble, phi: Floats, steps: int, rng: np.random.Generator) -> Floats:
    """Block-Gibbs sweeps of explicit chains, phi of shape (runs, B, N_v): the plain definition."""
    for _ in range(steps):
        phi = visible_given(ensemble, hidden_given(ensemble, phi, rng), rng)
    return phi


def hidden_given(ensemble: Ensemble, phi: Floats, rng: np.random.Generator) -> Floats:
    """h (runs, B, N_h) drawn given phi (runs, B, N_v)."""
    hidden = ensemble.hidden_variance * (phi @ ensemble.weights)
    hidden += sqrt(ensemble.hidden_variance) * like(rng.standard_normal(hidden.shape), phi)
    return hidden


def visible_given(ensemble: Ensemble, hidden: Floats, rng: np.random.Generator) -> Floats:
    """phi (runs, B, N_v) drawn given h (runs, B, N_h)."""
    mass = ensemble.mass[:, None, :]
    phi = hidden @ ensemble.weights.mT / mass
    phi += like(rng.standard_normal(phi.shape), hidden) / namespace(mass).sqrt(mass)
    return phi


def gram_sweeps(ensemble: Ensemble, factor: Floats, chains: int, steps: int, rng: np.random.Generator) -> Floats:
    """The same in law for R (runs, N_v, N_v) with R^T R = phi^T phi over `chains` >= 2 N_v chains."""
    runs, n_visible = factor.shape[0], factor.shape[-1]
    transition, noise = _autoregression(ensemble, steps)
    cholesky = namespace(factor).linalg.cholesky
    root = cholesky(noise).mT
    inside = factor @ transition + like(rng.standard_normal(factor.shape), factor) @ root
    outside = _bartlett(runs, n_visible, chains - n_visible, rng, factor).mT @ root
    gram = inside.mT @ inside + outside.mT @ outside
    return cholesky(gram).mT


def _autoregression(ensemble: Ensemble, steps: int) -> tuple[Floats, Floats]:
    """A and S of `steps` sweeps in one, phi' = phi A + E with rows of E ~ N(0, S)."""
    mass = ensemble.mass[:, None, :]
    transition = ensemble.hidden_variance * (ensemble.weights @ ensemble.weights.mT) / mass
    noise = add_to_diagonal(transition / mass.mT, 1 / ensemble.mass)
    return _repeated(transition, noise, steps)


def _repeated(transition: Floats, noise: Floats, steps: int) -> tuple[Floats, Floats]:
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


def _bartlett(runs: int, size: int, degrees: int, rng: Any, array: Floats, normals: Floats | None = None) -> Floats:
    """Lower triangular T with T T^T ~ Wishart(degrees, 1), shape (runs, size, size), where `array` is; degrees >= size.

    `normals` of this shape are used when they have been drawn already.
    """
    xp = namespace(array)
    drawn = like(rng.standard_normal((runs, size, size)), array) if normals is None else normals
    gamma = rng.standard_gamma((degrees - np.arange(size, dtype=float)) / 2, size=(runs, size))
    return add_to_diagonal(xp.tril(drawn, k=-1), xp.sqrt(2 * like(gamma, array)))
