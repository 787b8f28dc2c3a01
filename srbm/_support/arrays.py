"""One set of formulas for any array library: the little that NumPy and the array API standard do not write alike.

A function asks its arguments for their namespace, `xp = namespace(x)`, and then uses only what the standard names
(https://data-apis.org/array-api, with its linear algebra extension). NumPy's arrays answer themselves. Other
libraries' do, too, or through array_api_compat where they do not (PyTorch). NumPy arrays take the paths they would
take without all this, so that their results do not change by one bit.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

Array = Any
"""An array of any library that follows the standard; float64."""

LARGE = 1024
"""Rows of a matrix from which on diagonalising it is worth a thought."""
_NUMPY = (np.ndarray, np.generic)


def is_numpy(array: Any) -> bool:
    """Whether `array` is NumPy's, or something that NumPy has to make an array of (a list, a number)."""
    if isinstance(array, _NUMPY):
        return True
    return not (hasattr(array, "__array_namespace__") or hasattr(array, "__dlpack__"))


def namespace(array: Array) -> Any:
    """The array API namespace of `array`."""
    if is_numpy(array):
        return np
    if hasattr(array, "__array_namespace__"):
        return array.__array_namespace__()
    try:
        from array_api_compat import array_namespace
    except ImportError as error:
        raise ImportError(
            f"arrays of type {type(array).__module__}.{type(array).__name__} need array-api-compat: "
            "pip install array-api-compat"
        ) from error
    return array_namespace(array)


def to_numpy(array: Any) -> np.ndarray:
    """The numbers of `array` in the memory of the host, as a NumPy array."""
    if isinstance(array, np.ndarray):
        return array
    if is_numpy(array):
        return np.asarray(array)
    if hasattr(array, "detach"):  # PyTorch hands out no array that is on a GPU, or that records gradients
        array = array.detach().cpu()
    return np.from_dlpack(array, device="cpu")


def like(values: Any, array: Array) -> Array:
    """`values` as an array of the library, the type and the device of `array`; the same object where it is one."""
    if is_numpy(array):
        return to_numpy(values)
    return namespace(array).asarray(values, dtype=array.dtype, device=array.device)


def diagonal(matrices: np.ndarray) -> np.ndarray:
    """A view of the diagonals (..., n) of NumPy's matrices (..., n, n), to be written to."""
    view = matrices.diagonal(0, -2, -1)
    view.setflags(write=True)  # NumPy makes one that can only be read
    return view


def add_to_diagonal(matrices: Array, values: Array) -> Array:
    """Square matrices (..., n, n) with `values` (..., n) or (..., 1) added on the diagonal; NumPy's own in place.

    For NumPy's matrices `values` may be a number, too.
    """
    if is_numpy(matrices):
        entries = diagonal(matrices)
        entries += values
        return matrices
    one = namespace(matrices).eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    return matrices + values[..., None] * one


def column_squares(matrices: Array) -> Array:
    """Sums of the squares of each column: (..., m, n) to (..., n)."""
    if is_numpy(matrices):
        return np.einsum("...bi,...bi->...i", matrices, matrices)  # unlike (x * x).sum(), without a temporary
    return namespace(matrices).vecdot(matrices, matrices, axis=-2)


def positive_definite(matrices: Array) -> np.ndarray:
    """Which of the symmetric matrices (runs, n, n) have a Cholesky decomposition, (runs,) on the host."""
    try:
        return _finite_cholesky(matrices)
    except Exception as error:
        # The standard leaves the exception open; NumPy, CuPy and PyTorch have one of this name each.
        if not type(error).__name__.endswith("LinAlgError"):
            raise
    if matrices.shape[0] == 1:
        return np.array([False])
    return np.concatenate([positive_definite(matrices[run : run + 1, ...]) for run in range(matrices.shape[0])])


def _finite_cholesky(matrices: Array) -> np.ndarray:
    xp = namespace(matrices)
    return to_numpy(xp.all(xp.isfinite(xp.linalg.cholesky(matrices)), axis=(-2, -1)))


def cholesky(matrix: np.ndarray) -> np.ndarray | None:
    """The triangle L with L L^T = `matrix`, NumPy's, whose memory it may take; None where there is none."""
    try:
        return scipy.linalg.cholesky(matrix.T, lower=True, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError:
        return None


def require_float64(array: Array, name: str) -> None:
    """Raise unless `array` holds float64."""
    if "float64" not in str(array.dtype):
        raise ValueError(
            f"{name} must be float64, got {array.dtype}: in single precision small updates of W round to "
            "nothing, which looks like an ultraviolet cutoff"
        )


def digest(*parts: ArrayLike) -> str:
    """SHA-256 of arrays."""
    content = b"".join(
        np.ascontiguousarray(part, dtype="<f8").tobytes() + repr(np.shape(part)).encode() for part in parts
    )
    return hashlib.sha256(content).hexdigest()
