"""The target's <phi phi^T> as training needs it, for large models in its own eigenbasis.

A rotation of the visible nodes leaves a model with one mu^2 and the law of its Markov chains as they are. In the
eigenbasis of the target its product with W costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._support.arrays import is_numpy, namespace, to_numpy
from .._support.checks import Floats, null_variance
from .._support.modes import kept
from ..chains.stack import Ensemble

_CHEAP = 1000
"""Up to this N_v a message about a target is worth its eigenvalues, a few tenths of a second."""


@dataclass(frozen=True, eq=False)
class Target:
    """<phi phi^T>, a matrix (N_v, N_v) in the basis of the nodes, or its eigenvalues (N_v,) in that of `basis`.

    `basis` (N_v, N_v) has the eigenvectors in its columns; it is None in the basis of the nodes.
    """

    correlation: Floats
    basis: Floats | None = None

    @classmethod
    def diagonalized(cls, correlation: Floats) -> Target:
        """A target with this correlation matrix, in its eigenbasis."""
        return cls(*np.linalg.eigh(correlation))

    def in_eigenbasis(self) -> Target:
        """This target, on the host, in its eigenbasis."""
        return self if self.basis is not None else Target.diagonalized(self.correlation)

    def times(self, weights: Floats) -> Floats:
        """<phi phi^T> W, shape (runs, N_v, N_h)."""
        return self.correlation @ weights if self.basis is None else self.correlation[:, None] * weights

    @cached_property
    def variances(self) -> Floats:
        """The diagonal of <phi phi^T>, shape (N_v,)."""
        return namespace(self.correlation).linalg.diagonal(self.correlation) if self.basis is None else self.correlation

    @property
    def spectrum(self) -> Floats | None:
        """Eigenvalues on the host, ascending, shape (N_v,); None where they would take seconds."""
        if self.basis is not None:
            return self.correlation
        return np.linalg.eigvalsh(to_numpy(self.correlation)) if self.correlation.shape[0] <= _CHEAP else None

    def best_log_likelihood(self, ensemble: Ensemble, learn_mass: bool) -> Floats | None:
        """Of the best models with as many hidden nodes, shape (runs,), nats per configuration.

        It is that of `maximum_likelihood`, at the same single mu^2 or, with `learn_mass`, at the best one. None with a
        mass per node, where the likelihood grows with mu^2 without bound, and where the spectrum is not at hand.
        """
        mass, spectrum = to_numpy(ensemble.mass_squared), self.spectrum
        if mass.shape[1] > 1 or spectrum is None:
            return None
        variances, n_hidden = spectrum[::-1], ensemble.weights.shape[2]
        if learn_mass:
            rest = variances[n_hidden:].mean() if n_hidden < len(variances) else variances[-1]
            if rest <= null_variance(self.correlation, variances):
                return None
            mass = np.full_like(mass, 1 / rest)
        learnt = kept(variances, mass, n_hidden)
        level = np.where(learnt, 1 + np.log(np.where(learnt, variances, 1)), mass * variances - np.log(mass))
        return -(level + np.log(2 * np.pi)).sum(axis=1) / 2

    def rounding(self, ensemble: Ensemble) -> float:
        """A bound on the rounding error of the log-likelihood of these models, in nats per configuration.

        Its terms are tr C K, where K = mu^2 - sigma_h^2 W W^T cancels, and ln det K; N_v of each are summed.
        """
        mass, size = to_numpy(ensemble.mass_squared), len(self.correlation)
        trace = float(mass.max() * to_numpy(self.variances).sum())
        return float(size * np.finfo(float).eps * (trace + size * (np.abs(np.log(mass)).max() + np.log(2 * np.pi))))

    def on_host(self) -> Target:
        """This target in NumPy's arrays."""
        return self if is_numpy(self.correlation) else Target(to_numpy(self.correlation), self.basis)

    def from_nodes(self, weights: Floats) -> Floats:
        """Weights (..., N_v, N_h) given in the basis of the nodes."""
        return weights if self.basis is None else self.basis.T @ weights

    def to_nodes(self, weights: Floats) -> Floats:
        """The inverse of `from_nodes`."""
        return weights if self.basis is None else self.basis @ weights
