"""Training: gradient ascent of the log-likelihood, Eqs. (20)-(25) and (A1), (A2).

`update` holds the equations, `strategies` what their model term can come from, `loop` repeats them.
"""

from .loop import Training, train
from .schedules import StepDecay
from .strategies import CD, PCD, Exact

__all__ = ["CD", "PCD", "Exact", "StepDecay", "Training", "train"]
