"""Shared checks of arguments: each says what was expected, what arrived and what to do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
"""An array of float64."""
Seed: TypeAlias = (int | Sequence[int] | np.random.SeedSequence | np.random.BitGenerator
                   | np.random.Generator | None)
"""What `numpy.random.default_rng` makes a generator of."""
PathLike: TypeAlias = str | os.PathLike[str]

NULL_VARIANCE = 1e-12
"""Of the largest variance; what varies less does not vary."""
_LARGEST = 1e150


def number(value: Any, name: str, *, above: float | None = None) -> float:
    """`value` as a finite float, greater than `above`."""
    array = np.asarray(value, dtype=float)
    if array.ndim != 0:
        raise ValueError(f"{name} must be one number, got an array of shape {array.shape}")
    if not np.isfinite(array):
        raise ValueError(f"{name} must be finite, got {float(array)}")
    if above is not None and array <= above:
        raise ValueError(f"{name} must be greater than {above:g}, got {float(array):g}")
    return float(array)


def fraction(value: Any, name: str, limit: float = 1.0) -> float:
    """`value` as a number in [0, `limit`)."""
    value = number(value, name)
    if not 0 <= value < limit:
        raise ValueError(f"{name} must lie in [0, {limit:g}), got {value:g}")
    return value


def count(value: Any, name: str, *, least: int = 0) -> int:
    """`value` as an int of at least `least`."""
    try:
        integer = int(value)
        exact = integer == value
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact or integer < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return integer


def finite(values: ArrayLike, name: str) -> Floats:
    """`values` as a float64 array without NaN or infinity."""
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise ValueError(f"{name} must be finite, but {bad} of its {array.size} entries are NaN or infinite")
    return array


def fields(values: ArrayLike, name: str, size: int, of: str = "") -> Floats:
    """`values` as finite fields of shape (..., `size`); `of` says what asks for this size."""
    array = finite(values, name)
    if array.shape[-1:] != (size,):
        raise ValueError(f"{name} must have {size} components along its last axis{of}, got shape {array.shape}")
    return array


def weight_matrix(values: ArrayLike) -> Floats:
    """`values` as a read-only matrix (N_v, N_h) with N_v >= 1."""
    weights = frozen(finite(values, "weights"))
    if np.abs(weights).max(initial=0.0) > _LARGEST:
        raise ValueError(f"weights must not exceed {_LARGEST:g}, for their squares to be numbers; measure the fields "
                         "in larger units")
    if weights.ndim != 2 or weights.shape[0] == 0:
        raise ValueError(f"weights must be a matrix of shape (N_v, N_h) with N_v >= 1, got shape {weights.shape}; "
                         "codes that store W^T need weights.T")
    return weights


def hidden_bias(values: ArrayLike, n_hidden: int) -> Floats:
    """`values` as a read-only bias of the hidden layer, shape (N_h,)."""
    bias = frozen(finite(values, "hidden_bias"))
    if bias.shape != (n_hidden,):
        raise ValueError(f"hidden_bias must have shape ({n_hidden},), got {bias.shape}")
    return bias


def symmetric(values: ArrayLike, name: str, size: int | None = None) -> Floats:
    """`values` as a finite symmetric float64 matrix (`size` x `size` when given)."""
    matrix = finite(values, name)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        hint = "; pass second_moment(data) for samples in rows" if name == "correlation" and matrix.ndim == 2 else ""
        raise ValueError(f"{name} must be a square matrix, got shape {matrix.shape}{hint}")
    if size is not None and len(matrix) != size:
        raise ValueError(f"{name} must be {size} x {size} to match the visible layer, got shape {matrix.shape}")
    scale = np.abs(matrix).max(initial=0.0)
    gap = np.abs(matrix - matrix.T).max(initial=0.0)
    if gap > 1e-8 * scale:
        raise ValueError(f"{name} must be symmetric, but differs from its transpose by {gap:.3g}; "
                         f"pass ({name} + {name}.T) / 2 if the difference is only noise")
    return matrix / 2 + matrix.T / 2  # the sum itself could overflow


def positive_spectrum(kernel: Floats, name: str) -> Floats:
    """Ascending eigenvalues of a symmetric matrix, all of which must be positive."""
    eigenvalues = np.linalg.eigvalsh(kernel)
    require_positive(eigenvalues, name)
    return eigenvalues


def require_positive(eigenvalues: Floats, name: str) -> None:
    """Raise unless every eigenvalue is positive."""
    from .errors import NotNormalizableError

    if eigenvalues.size and not eigenvalues.min() > 0:
        below = int((eigenvalues <= 0).sum())
        raise NotNormalizableError(
            f"{name} must have positive eigenvalues for exp(-phi^T K phi / 2) to be normalisable, but {below} of "
            f"{eigenvalues.size} are <= 0 (smallest {eigenvalues.min():.6g})")


def correlation_matrix(values: ArrayLike, size: int | None = None) -> Floats:
    """A correlation matrix <phi phi^T>: symmetric and positive semidefinite up to rounding."""
    matrix = symmetric(values, "correlation", size)
    lowest = np.linalg.eigvalsh(matrix)[0] if len(matrix) else 0.0
    if lowest < -1e-10 * max(np.abs(matrix).max(initial=0.0), np.finfo(float).tiny):
        raise ValueError("correlation must be positive semidefinite as every <phi phi^T> is, but its smallest "
                         f"eigenvalue is {lowest:.6g}; was a kernel passed instead of its inverse?")
    return matrix


def frozen(array: ArrayLike) -> Floats:
    """A read-only copy, so that a frozen dataclass is frozen all the way down."""
    copy = np.array(array, dtype=np.float64)
    copy.flags.writeable = False
    return copy
