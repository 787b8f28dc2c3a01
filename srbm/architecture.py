"""The old name of `srbm.recommend`, for one release."""

from .recommend import *  # noqa: F403
