"""The old name of `srbm.runs`, for one release."""

from .runs import *  # noqa: F403
