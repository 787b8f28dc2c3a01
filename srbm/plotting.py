"""The old name of `srbm.figures.plots`, for one release."""

from .figures.plots import *  # noqa: F403
