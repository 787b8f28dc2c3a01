"""The target's <phi phi^T> as training needs it, for large models in its own eigenbasis.

A rotation of the visible nodes leaves a model with one mu^2 and the law of its Markov chains as they are. In the
eigenbasis of the target its product with W costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._arrays import namespace, to_numpy
from ._validation import Floats
from .gradient import Ensemble

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
        """The same target in its eigenbasis."""
        return cls(*np.linalg.eigh(correlation))

    def times(self, weights: Floats) -> Floats:
        """<phi phi^T> W, shape (runs, N_v, N_h)."""
        return self.correlation @ weights if self.basis is None else self.correlation[:, None] * weights

    @property
    def variances(self) -> Floats:
        """The diagonal of <phi phi^T>, shape (N_v,)."""
        return namespace(self.correlation).linalg.diagonal(self.correlation) if self.basis is None else self.correlation

    @property
    def spectrum(self) -> Floats | None:
        """Eigenvalues on the host, ascending, shape (N_v,); None where they would take seconds."""
        if self.basis is not None:
            return self.correlation
        return np.linalg.eigvalsh(to_numpy(self.correlation)) if self.correlation.shape[0] <= _CHEAP else None

    def best_log_likelihood(self, ensemble: Ensemble) -> Floats | None:
        """Of the best models with as many hidden nodes and the same single mu^2, shape (runs,), nats per configuration.

        It is that of `maximum_likelihood`; None with a mass per node, or where the spectrum is not at hand.
        """
        mass, spectrum = to_numpy(ensemble.mass), self.spectrum
        if mass.shape[1] > 1 or spectrum is None:
            return None
        variances, n_hidden = spectrum[::-1], ensemble.weights.shape[2]
        kept = (variances * mass > 1) & (np.arange(len(variances)) < n_hidden)
        level = np.where(kept, 1 + np.log(np.where(kept, variances, 1)), mass * variances - np.log(mass))
        return -(level + np.log(2 * np.pi)).sum(axis=1) / 2

    def on_host(self) -> Target:
        """The same in NumPy's arrays."""
        return Target(to_numpy(self.correlation), self.basis)

    def from_nodes(self, weights: Floats) -> Floats:
        """Weights (..., N_v, N_h) given in the basis of the nodes."""
        return weights if self.basis is None else self.basis.T @ weights

    def to_nodes(self, weights: Floats) -> Floats:
        """The inverse of `from_nodes`."""
        return weights if self.basis is None else self.basis @ weights
