"""The old name of `srbm.training.schedules`, for one release."""

from .training.schedules import *  # noqa: F403
