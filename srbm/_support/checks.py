"""Shared checks of arguments: each says what was expected, what arrived and what to do."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence, ValuesView
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .arrays import LARGE, add_to_diagonal, cholesky

Floats: TypeAlias = NDArray[np.floating[Any]]
"""An array of float64."""
Seed: TypeAlias = int | Sequence[int] | np.random.SeedSequence | np.random.BitGenerator | np.random.Generator | None
"""What `numpy.random.default_rng` makes a generator of."""
PathLike: TypeAlias = str | os.PathLike[str]
LearntMass: TypeAlias = bool | Literal["mu"]
"""Whether the mass is learnt, and if so as which parameter: True is mu^2, "mu" is mu."""

NULL_VARIANCE = 1e-12
"""Of the largest variance; what varies less does not vary. See `null_variance`."""
_LARGEST = 1e150
_ROUNDED = 1e-3
"""Of the largest entry; a negative eigenvalue that is smaller may come from rounding the entries."""


def described(value: Any) -> str:
    """What arrived, in a few words: text and numbers as they are, of an array its shape, of all else its type."""
    if value is None or isinstance(value, (str, bytes, int, float, complex, np.number, np.bool_)):
        text = repr(value)
        return text if len(text) <= 60 else text[:57] + "..."
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"an array of shape {tuple(value.shape)}"
    name = type(value).__name__
    return f"an empty {name}" if isinstance(value, (list, tuple)) and not value else article(name)


def article(name: str) -> str:
    """`name` with the indefinite article."""
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def require_instance(value: Any, name: str, kind: type, others: str = "") -> None:
    """Raise `TypeError` unless `value` is a `kind`, a machine; `others` is what else could have been passed."""
    if isinstance(value, kind):
        return
    hint = ""
    if hasattr(type(value), "model"):  # a Training, a BernoulliTraining or a Flow
        hint = "; pass its .model"
    elif hasattr(value, "dtype"):
        hint = f"; {kind.__name__}(weights, mass_squared) makes one"
    raise TypeError(f"{name} must be {article(kind.__name__)}{others}, got {described(value)}{hint}")


def floats(values: Any, name: str, *, scalar: bool = False) -> Floats:
    """`values` as a float64 array, which may hold NaN and infinity; `scalar` asks for a single number."""
    expected = "be a number" if scalar else "hold numbers"
    if not scalar:
        refuse_containers(values, name)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must {expected}, got rows of different lengths") from error
    if array.dtype.kind == "O" and not array.ndim:
        values = array.item()
    if scalar and array.ndim:
        raise ValueError(f"{name} must be one number, got an array of shape {array.shape}")
    if array.dtype.kind == "c":
        raise ValueError(
            f"{name} must {expected.replace('number', 'real number')}, got type {array.dtype}; pass its "
            "real part if the imaginary one is zero"
        )
    try:
        if values is not None and array.dtype.kind in "biufO" and not _has_text(array):
            return array.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        refuse_missing(array, name)
    arrived = f"type {array.dtype}" if array.ndim else described(values)
    member = {"correlation": "propagator", "kernel": "kernel"}.get(name, "")
    hint = f"; pass its .{member}" if member and hasattr(type(values), member) else ""
    raise ValueError(f"{name} must {expected}, got {arrived}{hint}")


def refuse_containers(values: Any, name: str) -> None:
    """Raise for what NumPy would turn into an array of something else, with the words that make an array of it.

    A mask would be forgotten, a sparse matrix, a lazy frame or a dict would become one object, a record array has no
    columns.
    """
    if getattr(getattr(values, "dtype", None), "names", None):
        raise ValueError(
            f"{name} is a structured array: pass its columns as np.column_stack([x[name] for name in x.dtype.names])"
        )
    masked = _masked_entries(values)
    if masked:
        raise ValueError(
            f"{name} has {masked} masked {'entry' if masked == 1 else 'entries'}: pass the complete rows, "
            "np.ma.compress_rows(x)"
        )
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        raise ValueError(
            f"{name} is a sparse matrix: pass x.toarray(), or for second_moment, which reads blocks, with "
            "r = x.tocsr() the blocks (r[i:i + 1000].toarray() for i in range(0, r.shape[0], 1000))"
        )
    if type(values).__name__ == "LazyFrame":  # of polars, which has no numbers yet
        raise ValueError(f"{name} is a lazy frame: pass x.collect()")
    if isinstance(values, (dict, ValuesView)):
        columns, what = ("list(x.values())", "a dict") if isinstance(values, dict) else ("list(x)", "values of a dict")
        raise ValueError(f"{name} is {what}: pass its columns as np.column_stack({columns})")


def _masked_entries(values: Any) -> int:
    if isinstance(values, np.ma.MaskedArray):
        return int(np.ma.getmaskarray(values).sum())
    if isinstance(values, (list, tuple)):
        return sum(_masked_entries(item) for item in values if isinstance(item, (np.ma.MaskedArray, list, tuple)))
    return 0


def _has_text(array: np.ndarray) -> bool:
    """Whether an object array holds text, which NumPy would read as numbers where it looks like them."""
    return array.dtype.kind == "O" and any(isinstance(item, (str, bytes)) for item in array.flat)


def _missing(array: np.ndarray) -> np.ndarray:
    """Which entries of an object array are missing: None, the NA of pandas, or a masked one."""
    absent = [item is None or item is np.ma.masked or type(item).__name__ == "NAType" for item in array.flat]
    return np.reshape(np.array(absent, dtype=bool), array.shape)


def refuse_missing(array: np.ndarray, name: str) -> None:
    """Raise if what is not a number is missing."""
    missing = int(_missing(array).sum())
    if array.ndim and missing:
        raise ValueError(f"{name} has {missing_values(missing)}: pass the complete rows, of a data frame df.dropna()")


def missing_values(n: int) -> str:
    """How many, in words."""
    return f"{n} missing value" + "s" * (n != 1)


def number(value: Any, name: str, *, above: float | None = None) -> float:
    """`value` as a finite float, greater than `above`."""
    array = floats(value, name, scalar=True)
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


def learning_rate(value: Any) -> float | Callable[[int], float]:
    """`value` as a positive number, or as the function of the epoch that it is."""
    return value if callable(value) else number(value, "learning_rate", above=0)


def count(value: Any, name: str, *, least: int = 0) -> int:
    """`value` as an int of at least `least`."""
    try:
        integer = int(value)
        exact = integer == value
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact or integer < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    if integer > np.iinfo(np.int64).max:
        raise ValueError(f"{name} must fit into 64 bits, got {value!r}")
    return integer


def learnt_mass(value: Any) -> LearntMass:
    """`value` as one of False, True and "mu"."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, str) and value == "mu":
        return "mu"
    raise ValueError(
        f'learn_mass must be False (mu^2 stays), True (mu^2 is learnt) or "mu" (mu is learnt), got {described(value)}'
    )


def finite(values: ArrayLike, name: str) -> Floats:
    """`values` as a float64 array without NaN or infinity."""
    array = floats(values, name)
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


def fields_with_gaps(values: Any, name: str, size: int) -> Floats:
    """`values` as fields of shape (..., `size`), a copy, NaN where they are masked, missing or NaN."""
    gaps: Any = False
    if isinstance(values, np.ma.MaskedArray):
        values, gaps = np.ma.getdata(values), np.ma.getmaskarray(values)
    refuse_containers(values, name)
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O" and array.ndim:
            values = np.where(_missing(array), np.nan, array)
    except ValueError:
        pass  # rows of different lengths, which `floats` refuses
    array = np.where(gaps, np.nan, floats(values, name))
    if array.shape[-1:] != (size,):
        raise ValueError(
            f"{name} must have {size} components along its last axis, NaN where one is missing, got shape {array.shape}"
        )
    infinite = int(np.isinf(array).sum())
    if infinite:
        raise ValueError(
            f"{name} must be finite, or NaN where a node is missing, but {infinite} of its {array.size} entries are "
            "infinite"
        )
    return array


def weight_matrix(values: ArrayLike) -> Floats:
    """`values` as a read-only matrix (N_v, N_h) with N_v >= 1."""
    weights = frozen(finite(values, "weights"))
    if np.abs(weights).max(initial=0.0) > _LARGEST:
        raise ValueError(
            f"weights must not exceed {_LARGEST:g}, for their squares to be numbers; measure the fields in larger units"
        )
    if weights.ndim != 2 or weights.shape[0] == 0:
        raise ValueError(
            f"weights must be a matrix of shape (N_v, N_h) with N_v >= 1, got shape {weights.shape}; "
            "codes that store W^T need weights.T"
        )
    return weights


def hidden_bias(values: ArrayLike, n_hidden: int) -> Floats:
    """`values` as a read-only bias of the hidden layer, shape (N_h,)."""
    bias = frozen(finite(values, "hidden_bias"))
    if bias.shape != (n_hidden,):
        raise ValueError(f"hidden_bias must have shape ({n_hidden},), got {bias.shape}")
    return bias


def product_type(dtype: DTypeLike) -> np.dtype[Any]:
    """The type in which rows are multiplied, of the two that there are."""
    real = np.dtype(dtype)
    if real not in (np.float64, np.float32):
        raise ValueError(f"dtype must be float64 or float32, got {real}")
    return real


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
        raise ValueError(
            f"{name} must be symmetric, but differs from its transpose by {gap:.3g}; "
            f"pass ({name} + {name}.T) / 2 if the difference is only noise"
        )
    return matrix / 2 + matrix.T / 2  # the sum itself could overflow


def positive_spectrum(kernel: Floats, name: str) -> Floats:
    """Ascending eigenvalues of a symmetric matrix, all of which must be positive."""
    eigenvalues = np.linalg.eigvalsh(kernel)
    require_positive(eigenvalues, name)
    return eigenvalues


def kernel_eigenvalues(values: ArrayLike, name: str = "eigenvalues") -> Floats:
    """`values` as the eigenvalues kappa > 0 of a kernel, ascending; infinite for null directions of data."""
    kappa = floats(values, name)
    if kappa.ndim > 1:
        raise ValueError(
            f"{name} must be one-dimensional, got shape {kappa.shape}; pass kernel_spectrum(C) "
            "of a correlation matrix C, eigvalsh(K) of a kernel K"
        )
    bad = kappa[~(kappa > 0)]
    if bad.size:
        raise ValueError(
            f"{name} must be positive, got {bad[0]:g}; for data, whose correlation matrix may be "
            "singular, kernel_spectrum(correlation) gives them, infinite where nothing varies"
        )
    return np.sort(kappa, axis=None)


def require_positive(eigenvalues: Floats, name: str) -> None:
    """Raise unless every eigenvalue is positive."""
    from ..errors import NotNormalizableError

    if eigenvalues.size and not eigenvalues.min() > 0:
        below = int((eigenvalues <= 0).sum())
        raise NotNormalizableError(
            f"{name} must have positive eigenvalues for exp(-phi^T K phi / 2) to be normalisable, but {below} of "
            f"{eigenvalues.size} are <= 0 (smallest {eigenvalues.min():.6g})"
        )


def correlation_matrix(values: ArrayLike, size: int | None = None) -> Floats:
    """A correlation matrix <phi phi^T>: symmetric and positive semidefinite up to rounding."""
    matrix = symmetric(values, "correlation", size)
    largest = max(np.abs(matrix).max(initial=0.0), np.finfo(float).tiny)
    least = -max(1e-10, _resolution(values, len(matrix))) * largest
    if len(matrix) > LARGE and cholesky(add_to_diagonal(matrix.copy(), -least)) is not None:
        return matrix  # a proof in a tenth of the time that the eigenvalues take
    lowest = np.linalg.eigvalsh(matrix)[0] if len(matrix) else 0.0
    if lowest < least:
        rounded = (
            " One whose entries were rounded, to single precision or to the digits of a file, is not either: with "
            "w, v = np.linalg.eigh(x) pass (v * np.where(w > -4 * w[0], w, 0)) @ v.T"
        )
        raise ValueError(
            "correlation must be positive semidefinite as every <phi phi^T> is, but its smallest "
            f"eigenvalue is {lowest:.6g}. A matrix whose entries come from different samples, such as "
            "df.cov() of data with gaps, need not be: pass second_moment(df.dropna(), center=True)."
            + rounded
            * bool(lowest > -_ROUNDED * largest)
        )
    return matrix


def null_variance(values: ArrayLike, variances: Floats) -> float:
    """The level below which a variance, an eigenvalue of the correlation matrix `values`, is only rounding.

    A singular matrix has eigenvalues of the size of its rounding errors, in both directions. That is 1e-12 of the
    largest one for double precision with some steps of computation behind it, what N_v numbers of the type of `values`
    can resolve, or what the matrix itself shows: where an eigenvalue is negative, positive ones of this size mean
    nothing either.
    """
    if not variances.size:
        return 0.0
    relative = max(NULL_VARIANCE, _resolution(values, len(variances)))
    return max(relative * float(variances.max()), -4 * float(variances.min()))


def varying_nodes(variances: Floats) -> np.ndarray:
    """Which of the nodes vary, by their variances, the diagonal of a correlation matrix.

    Nodes may be measured in very different units, so only what is beyond the rounding of the largest one is refused.
    """
    return variances > np.finfo(float).eps ** 2 * variances.max(initial=0.0)


def _resolution(values: Any, size: int) -> float:
    """The relative rounding error of the eigenvalues of a matrix of this type."""
    dtype = getattr(values, "dtype", None)
    single = dtype is not None and str(dtype).rpartition(".")[2] in ("float32", "float16")
    return size * float(np.finfo(np.dtype(str(dtype).rpartition(".")[2]) if single else float).eps)


def frozen(array: ArrayLike) -> Floats:
    """A read-only copy, so that a frozen dataclass is frozen all the way down."""
    copy: Floats = read_only(np.asarray(array, dtype=np.float64))
    return copy


def read_only(value: Any) -> Any:
    """The value with a read-only copy of every array in it, those in tuples as well."""
    if isinstance(value, np.ndarray):
        value = np.array(value)  # in the order of the original, which decides the last bits of products
        value.flags.writeable = False
    elif isinstance(value, tuple):
        items = [read_only(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value


class Frozen:
    """A dataclass that is frozen all the way down, and so are its copies."""

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone, for pickle and copy: what was computed from them is computed again."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(cast(Any, self))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy of an array is no longer read-only."""
        for name, value in state.items():
            object.__setattr__(self, name, read_only(value))


def numpy_generator(rng: Seed) -> np.random.Generator:
    """`rng` as one of NumPy's generators: itself, or made of a seed."""
    kind: type[Exception] = TypeError
    try:
        # A RandomState, whose numbers are others, is taken by some versions of NumPy and not by all.
        if not isinstance(rng, np.random.RandomState):
            return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        kind = type(error)
    raise kind(
        f"rng must be a seed (a non-negative integer) or a numpy.random.Generator, got {described(rng)}; "
        "numpy.random.default_rng(seed) makes one"
    )


def random_generator(rng: Any) -> Any:
    """`rng` as a generator: a generator of either kind, or a seed for NumPy's."""
    ours = hasattr(rng, "standard_gamma") and hasattr(getattr(rng, "bit_generator", None), "state")
    return rng if ours else numpy_generator(rng)
