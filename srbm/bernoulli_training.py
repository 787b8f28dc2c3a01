"""The old name of `srbm.training.bernoulli`, for one release."""

from .training.bernoulli import *  # noqa: F403
