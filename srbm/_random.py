"""The two kinds of random generators: NumPy's, and those that draw on the device where the arrays are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._validation import Seed, described

_BIT_GENERATORS = {kind.__name__: kind for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937,
                                                   np.random.Philox, np.random.SFC64)}
"""Those that a file may name."""
_BOUNDED = (("state", "pos", 624), (None, "buffer_pos", 4), (None, "has_uint32", 1))
"""Positions in buffers, which NumPy does not check: where in the state they are (where they are), and the last one."""


def numpy_generator(rng: Seed) -> np.random.Generator:
    """`rng` as one of NumPy's generators: itself, or made of a seed."""
    kind: type[Exception] = TypeError
    try:
        # A RandomState, whose numbers are others, is taken by some versions of NumPy and not by all.
        if not isinstance(rng, np.random.RandomState):
            return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        kind = type(error)
    raise kind(f"rng must be a seed (a non-negative integer) or a numpy.random.Generator, got {described(rng)}; "
               "numpy.random.default_rng(seed) makes one")


def random_generator(rng: Any) -> Any:
    """`rng` as a generator: a generator of either kind, or a seed for NumPy's."""
    ours = hasattr(rng, "standard_gamma") and hasattr(getattr(rng, "bit_generator", None), "state")
    return rng if ours else numpy_generator(rng)


def generator_from(state: Mapping[str, Any]) -> Any:
    """A generator that continues from a stored `bit_generator.state`; raises `ValueError` for one that cannot be."""
    name = state["bit_generator"]
    if name == "torch":
        from .accelerator import TorchGenerator

        return TorchGenerator.from_state(state)
    bit_generator: Any = _BIT_GENERATORS[name](0)
    for inner, position, last in _BOUNDED:
        holder = state[inner] if inner else state
        found = holder.get(position, 0)
        if type(found) is not int or not 0 <= found <= last:
            raise ValueError(f"the generator's {position} must be an integer from 0 to {last}, got {described(found)}")
    bit_generator.state = state
    if not _same(bit_generator.state, state):  # NumPy drops bits that do not fit
        raise ValueError(f"the state of the generator is none of a {name}")
    return np.random.Generator(bit_generator)


def _same(one: Any, other: Any) -> bool:
    """Whether two states are equal, arrays and lists of the same numbers being the same."""
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    return bool(np.array_equal(one, other))
