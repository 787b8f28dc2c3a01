"""Shift every seed in this process by $SRBM_SEED_SHIFT; Python imports this file when it starts (`commands.reseed`).

A seed is shifted where NumPy turns it into a generator: `default_rng`, `SeedSequence` and `RandomState` (which SciPy
and scikit-learn use for `random_state=`). Equal seeds stay equal and different ones different. Generators that are
passed on, and calls without a seed, are left alone; so is a bit generator that is seeded directly, as `PCG64(5)`.
The worker processes of a chapter start with this file as well.
"""

import os

import numpy as np

SHIFT = int(os.environ["SRBM_SEED_SHIFT"])
FAR = 1_000_003  # seeds counted up from small numbers never meet shifted ones
PLAIN = np.random.default_rng, np.random.SeedSequence, np.random.RandomState


def shifted(seed):
    """The seed to use in place of an integer or a sequence of integers; anything else as it is."""
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return int(seed) + FAR * SHIFT
    if isinstance(seed, (list, tuple, np.ndarray)):
        return [*seed, FAR * SHIFT]
    return seed


def default_rng(seed=None):
    """As `numpy.random.default_rng`, from a shifted seed."""
    return PLAIN[0](shifted(seed))


class _Stands(type):
    """What was made before counts as an instance of the class that stands in for its own."""

    def __instancecheck__(cls, instance):
        return isinstance(instance, cls.__mro__[1])


class SeedSequence(np.random.SeedSequence, metaclass=_Stands):
    """As `numpy.random.SeedSequence`; with a spawn key the entropy is that of a parent, shifted already."""

    def __init__(self, entropy=None, *, spawn_key=(), **options):
        super().__init__(entropy if spawn_key else shifted(entropy), spawn_key=spawn_key, **options)


class RandomState(np.random.RandomState, metaclass=_Stands):
    """As `numpy.random.RandomState`, from a shifted seed."""

    def __init__(self, seed=None):
        super().__init__(shifted(seed))


if SHIFT:
    np.random.default_rng, np.random.SeedSequence, np.random.RandomState = default_rng, SeedSequence, RandomState
