"""Newton's method in a box, for functions of few variables whose second derivatives are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .checks import Floats

LONGEST = 3.0
"""The largest change of a variable in one step."""
FLATTEST = 1e-3
"""Least curvature that a step relies on, in units in which the curvature along every variable is one."""
ROUNDING = 1e-12
"""Relative error of a value: rounding, where the variables differ by as much as 1e6."""


def minimum_in_box(
    cost: Callable[[Floats], tuple[float, Floats, Callable[[], Floats]]], start: Floats, lower: float, upper: float
) -> tuple[Floats, float]:
    """A local minimum between bounds: the point and the value there.

    Variables that press against a bound rest; the others take the step of Newton, with curvatures made positive, which
    is halved until the value falls. It ends where no step promises more than rounding.

    Parameters
    ----------
    cost : callable
        Of a point (n,): the value, the gradient (n,) and a function that gives the second derivatives (n, n).
    start : array (n,)
        Where to begin, between the bounds.
    lower, upper : float
        The same bounds for all variables.

    Returns
    -------
    tuple
        The point and its value.
    """
    point = start
    value, gradient, curvature = cost(point)
    for _ in range(500):
        free = ~((point <= lower) & (gradient > 0) | (point >= upper) & (gradient < 0))
        step = np.zeros_like(point)
        step[free] = _newton_step(gradient[free], curvature()[np.ix_(free, free)])
        step = _shortened(step, gradient)
        promised = -float(gradient @ step)
        if promised < 100 * ROUNDING * (1 + abs(value)):
            point = np.clip(point + step, lower, upper)  # the rest of the way, which the value no longer shows
            return point, cost(point)[0]
        for _ in range(40):
            trial = np.clip(point + step, lower, upper)
            there = cost(trial)
            if there[0] <= value + 1e-4 * float(gradient @ (trial - point)) + ROUNDING * (1 + abs(value)):
                break
            step = step / 2
        else:
            return point, value
        point, (value, gradient, curvature) = trial, there
    return point, value


def _shortened(step: Floats, gradient: Floats) -> Floats:
    """The step without changes above the longest: cut variable by variable, if it then still leads downwards."""
    cut = np.clip(step, -LONGEST, LONGEST)
    if gradient @ cut <= 0.1 * (gradient @ step) * LONGEST / max(LONGEST, np.abs(step).max(initial=0.0)):
        return cut
    return step * (LONGEST / np.abs(step).max())


def _newton_step(gradient: Floats, curvature: Floats) -> Floats:
    """Minus the inverse of the curvature, its eigenvalues made positive, times the gradient.

    Along a variable that curves downwards the gradient gives the unit, and no step is shortened because of a sharp edge
    that it leads away from.
    """
    unit = np.sqrt(np.maximum(np.maximum(np.diag(curvature), np.abs(gradient)), ROUNDING))
    values, vectors = np.linalg.eigh(curvature / np.outer(unit, unit))
    values = np.maximum(np.where(values > 0, values, np.minimum(-values, 1)), FLATTEST)
    return -(vectors @ (vectors.T @ (gradient / unit) / values)) / unit
