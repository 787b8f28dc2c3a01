"""Models of the same shape, side by side in one stack of matrices, and what a gradient needs of their averages.

Everything here is written to the array API standard: with weights on a GPU it is computed there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np

from .._support.arrays import add_to_diagonal, column_squares, is_numpy, namespace, positive_definite, to_numpy
from .._support.checks import Floats


def kernel_of(weights: Floats, mass: Floats, hidden_variance: float) -> Floats:
    """K = mu^2 - sigma_h^2 W W^T, Eq. (9), for W (..., N_v, N_h) and mu^2 (..., 1) or (..., N_v)."""
    return add_to_diagonal(-hidden_variance * (weights @ weights.mT), mass)


@dataclass(frozen=True)
class Ensemble:
    """`runs` RBMs of the same shape, trained side by side.

    weights (runs, N_v, N_h); mass_squared, mu^2, (runs, 1), or (runs, N_v) for a mass per visible node; NumPy's arrays
    or, both on one device, any library's that follows the array API standard.
    """

    weights: Floats
    mass_squared: Floats
    hidden_variance: float

    @property
    def kernel(self) -> Floats:
        """K = mu^2 - sigma_h^2 W W^T of each run, shape (runs, N_v, N_v)."""
        return kernel_of(self.weights, self.mass_squared, self.hidden_variance)

    @cached_property
    def hidden_gram(self) -> Floats:
        """W^T W of each run, shape (runs, N_h, N_h)."""
        return self.weights.mT @ self.weights

    def normalizable(self) -> np.ndarray:
        """Which runs have a positive kernel, shape (runs,): those whose Cholesky decomposition exists."""
        n_visible, n_hidden = self.weights.shape[-2:]
        if self.mass_squared.shape[-1] == 1 and n_hidden < n_visible:
            matrix = add_to_diagonal(-self.hidden_variance * self.hidden_gram, self.mass_squared)
        else:
            matrix = self.kernel
        mass = to_numpy(self.mass_squared)  # which the matrix does not show where there are no hidden nodes
        return np.asarray(np.all((mass > 0) & (mass < np.inf), axis=-1) & positive_definite(matrix))

    def on_host(self) -> Ensemble:
        """These models in NumPy's arrays."""
        if is_numpy(self.weights):
            return self
        return Ensemble(to_numpy(self.weights), to_numpy(self.mass_squared), self.hidden_variance)


class ModelTerm(NamedTuple):
    """What the gradient needs of C = <phi phi^T>_model, for the runs that are trained side by side.

    A strategy of your own returns it: an object with the methods ``start(ensemble, correlation, rng)`` and
    ``model_term(ensemble, memory, rng)``, which `train` takes as its `gradient`. The ensemble has ``weights`` of shape
    (runs, N_v, N_h), ``mass_squared`` of shape (runs, 1) or (runs, N_v), ``hidden_variance``, and ``kernel`` of shape
    (runs, N_v, N_v).

    Attributes
    ----------
    correlation_weights : array (runs, N_v, N_h)
        C W of Eq. (20).
    variances : array (runs, N_v)
        The diagonal of C, which the masses are learnt from; NaN where it is not estimated.

    Examples
    --------
    The exact gradient once more:

    >>> import numpy as np
    >>> from srbm import FreeScalarField, ModelTerm, ScalarRBM, train
    >>> class Inverse:
    ...     def start(self, ensemble, correlation, rng):
    ...         return None  # what one update leaves to the next
    ...
    ...     def model_term(self, ensemble, memory, rng):
    ...         C = np.linalg.inv(ensemble.kernel)
    ...         return ModelTerm(C @ ensemble.weights, np.diagonal(C, axis1=1, axis2=2)), memory
    >>> target, start = FreeScalarField(4).propagator, ScalarRBM.random(4, 4, 9.0, rng=0)
    >>> trained = [train(start, target, 10, 0.1, gradient).model.weights for gradient in (Inverse(), None)]
    >>> bool(np.allclose(*trained))
    True
    """

    correlation_weights: Floats
    variances: Floats


class Sampler(Protocol):
    """What `train` needs of the object that computes the model's term; one with these methods can be passed to it."""

    def start(self, ensemble: Ensemble, correlation: Any, rng: Any) -> Any:
        """What the first update goes on from; `correlation` is the target's <phi phi^T> (N_v, N_v)."""

    def model_term(self, ensemble: Ensemble, memory: Any, rng: Any) -> tuple[ModelTerm, Any]:
        """The model's term of this update, and what the next one goes on from.

        A class may have in_eigenbasis = True: where all nodes have one mass, W is then kept in the eigenbasis of the
        target, and `correlation` is the vector of its eigenvalues.
        """


def equilibrium_root(ensemble: Ensemble) -> Floats:
    """M with M^T M = K^-1, so that z M with z ~ N(0, 1) is drawn from the model; shape (runs, N_v, N_v)."""
    linalg = namespace(ensemble.weights).linalg
    return linalg.inv(linalg.cholesky(ensemble.kernel))


def data_root(ensemble: Ensemble, correlation: Floats) -> Floats:
    """The symmetric root of the target's <phi phi^T>, from which data are drawn, once for each run."""
    xp = namespace(correlation)
    variances, modes = xp.linalg.eigh(correlation)
    root = modes * xp.sqrt(xp.clip(variances, 0, None)) @ modes.mT
    return xp.broadcast_to(root, (ensemble.weights.shape[0], *root.shape))


def average(ensemble: Ensemble, phi: Floats, chains: int) -> ModelTerm:
    """The average over `chains` fields phi (runs, chains, N_v), or over R (runs, n, N_v) with R^T R = phi^T phi."""
    return ModelTerm(phi.mT @ (phi @ ensemble.weights) / chains, column_squares(phi) / chains)
