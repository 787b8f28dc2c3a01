"""The old name of `srbm.stability`, for one release."""

from .stability import *  # noqa: F403
