"""The book's figures. Each function takes the physics and returns a `Panel`; compose with | and /.

`plots` draws what `train`, `gradient_flow` and the closed forms return, `slider` shows a figure for many values of a
parameter. Needs matplotlib.
"""

from .panel import Panel
from .plots import *  # noqa: F403
from .sliders import Slider, slider

__all__ = ["Panel", "Slider", "slider"]
