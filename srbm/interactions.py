"""The old name of `srbm.phi4` and `srbm.gaussian_bernoulli`, for one release."""

from .gaussian_bernoulli import *  # noqa: F403
from .phi4 import *  # noqa: F403
