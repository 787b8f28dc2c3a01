"""Numbers that leave the range of double precision: an error that says so, where NumPy would warn and go on."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")


def in_range(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, which raises `ValueError` where a result or an intermediate one overflows or is no number."""
    within = in_extended_range(function)

    @wraps(function)
    def guarded(*arguments: P.args, **options: P.kwargs) -> R:
        result = within(*arguments, **options)
        if isinstance(result, (float, np.ndarray)) and not np.isfinite(result).all():  # BLAS does not report it
            raise ValueError(
                f"{function.__name__.strip('_')} is too large for double precision: measure the fields in other units"
            )
        return result

    return guarded


def in_extended_range(function: Callable[P, R]) -> Callable[P, R]:
    """A `function` that may return infinity; it raises `ValueError` where an intermediate result overflows."""

    @wraps(function)
    def guarded(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                return function(*arguments, **options)
        except (FloatingPointError, OverflowError) as error:
            raise ValueError(
                f"an intermediate result of {function.__name__.strip('_')} is too large or too small for "
                f"double precision ({error}): measure the fields in other units"
            ) from error

    return guarded
