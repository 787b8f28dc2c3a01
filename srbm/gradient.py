"""The old name of `srbm.training.strategies`, for one release."""

from .training.strategies import *  # noqa: F403
