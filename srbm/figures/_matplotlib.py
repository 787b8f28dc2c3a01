"""What the figures use of matplotlib, or how to install it."""

from __future__ import annotations

try:
    from cycler import cycler
    from matplotlib import colors, style
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
    from matplotlib.transforms import Bbox
    from PIL import Image
except ImportError as error:
    raise ImportError("figures need matplotlib: pip install matplotlib") from error

__all__ = ["Artist", "Axes", "Bbox", "Figure", "FigureCanvasAgg", "Image", "MaxNLocator", "colors", "cycler", "style"]
