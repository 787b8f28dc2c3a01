"""The two kinds of random generators: NumPy's, and those that draw on the device where the arrays are."""

from __future__ import annotations

import numpy as np


def random_generator(rng):
    """`rng` as a generator: a generator of either kind, or a seed for NumPy's."""
    return rng if hasattr(rng, "standard_gamma") else np.random.default_rng(rng)


def generator_from(state: dict):
    """A generator that continues from a stored `bit_generator.state`."""
    if state["bit_generator"] == "torch":
        from .accelerator import TorchGenerator

        return TorchGenerator.from_state(state)
    bit_generator = getattr(np.random, state["bit_generator"])()
    bit_generator.state = state
    return np.random.Generator(bit_generator)
