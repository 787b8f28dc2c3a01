"""The old name of `srbm.random`, for one release."""

from .random import *  # noqa: F403
