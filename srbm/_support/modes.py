"""Which modes a machine keeps: those with kappa < mu^2, at most N_h of them, the lightest first.

Said in kappa, as of lattice theories, and in variances 1 / kappa, as of data: rounding decides the two differently for
a mode at mu^2, which has no weight in either case.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .checks import Floats


def lighter(kappa: Floats, mass_squared: float) -> Floats:
    """Those of the ascending kappa that lie below mu^2."""
    return kappa[kappa < mass_squared]


def kept(variances: Floats, mass_squared: Any, n_hidden: int) -> np.ndarray:
    """Which of the variances, descending along the last axis, N_h hidden nodes keep; mu^2 is broadcast against them."""
    return (variances * mass_squared > 1) & (np.arange(variances.shape[-1]) < n_hidden)
