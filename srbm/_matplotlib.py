"""What the figures use of matplotlib, or the name of the extra that brings it."""

from __future__ import annotations

try:
    from cycler import cycler
    from matplotlib import style
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
    from PIL import Image
except ImportError as error:
    raise ImportError("figures need matplotlib: pip install 'srbm[plot]'") from error

__all__ = ["Axes", "Figure", "FigureCanvasAgg", "Image", "MaxNLocator", "cycler", "style"]
