"""The old name of `srbm.figures.sliders`, for one release."""

from .figures.sliders import *  # noqa: F403
