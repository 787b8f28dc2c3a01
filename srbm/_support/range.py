"""Numbers that leave the range of double precision: an error that says so, where NumPy would warn and go on."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps
from typing import ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)


def in_range(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, which raises `ValueError` where a result or an intermediate one overflows or is no number."""
    within = in_extended_range(function)

    @wraps(function)
    def guarded(*arguments: P.args, **options: P.kwargs) -> R:
        result = within(*arguments, **options)
        if isinstance(result, (float, np.ndarray)) and not np.isfinite(result).all():  # BLAS does not report it
            raise ValueError(f"{function.__name__.strip('_')} is too large for double precision: measure the fields "
                             "in other units")
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
            raise ValueError(f"an intermediate result of {function.__name__.strip('_')} is too large or too small for "
                             f"double precision ({error}): measure the fields in other units") from error

    return guarded


def members_in_range(owner: C) -> C:
    """`owner`, a class, with all its methods and properties `in_range`."""
    for name, member in list(vars(owner).items()):
        if name.startswith("__") and name != "__post_init__":
            continue
        if isinstance(member, property) and member.fget is not None:
            setattr(owner, name, property(in_range(member.fget)))
        elif isinstance(member, cached_property):
            member.func = in_range(member.func)
        elif isinstance(member, classmethod):
            setattr(owner, name, classmethod(in_range(member.__func__)))
        elif callable(member):
            setattr(owner, name, in_range(member))
    return owner
