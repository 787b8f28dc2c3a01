"""The old name of `srbm.figures.panel`, for one release."""

from .figures.panel import *  # noqa: F403
