"""Figures that compose: a `Panel` knows how to draw itself, `a | b` sets panels side by side, `a / b` above each other.

Panels carry no state of a plotting backend: they become a matplotlib figure when shown or saved, always in the same
style (colour-blind safe, opaque white, legible in print), so a notebook shows the same picture whatever was plotted
before. A figure of several drawings names them (a), (b), ... in reading order.
"""

from __future__ import annotations

import io
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._support.checks import PathLike
from ._matplotlib import Artist, Axes, Bbox, Figure, FigureCanvasAgg, Image, colors, cycler, style

BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#56B4E9", "#E69F00"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER)
"""Okabe and Ito's palette (purple from Tol's), distinguishable with any common colour blindness."""

INFRARED, ULTRAVIOLET = "#c0341d", "#5a2fc4"
"""The ends of the scale of colour for modes; those of the live figures, too."""

STYLE: dict[str, Any] = {
    "font.family": "STIXGeneral",
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.labelsize": 13,
    "legend.fontsize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.4,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "legend.facecolor": "white",
    "legend.borderpad": 0.2,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.prop_cycle": cycler(color=COLOURS),
    "mathtext.fontset": "stix",
    "savefig.dpi": 160,
    "figure.dpi": 160,
    "image.cmap": "cividis",
    "figure.constrained_layout.h_pad": 0.07,
    "figure.constrained_layout.w_pad": 0.05,
    "svg.fonttype": "path",
    "svg.hashsalt": "srbm",
}
LARGEST_SVG = 120_000
"""Bytes of an SVG. One that is larger has so many marks that a picture of pixels is smaller and seen sooner."""

TITLE_PAD, CLEARANCE = 6.0, 2.0
"""Points from axes to the line of their title, on which letters of panels stand, and between a letter and the rest."""


def mode_colour(mode: int, modes: int) -> str:
    """The colour of a mode on the scale from the infrared to the ultraviolet, the same in every figure.

    Every other mode is lighter, so that degenerate ones can be told apart.

    Parameters
    ----------
    mode : int
        From 0, the infrared one.
    modes : int
        How many there are.

    Returns
    -------
    str
        The colour as matplotlib takes it.
    """
    share = mode / max(modes - 1, 1)
    red, violet = (np.array(colors.to_rgb(end)) for end in (INFRARED, ULTRAVIOLET))
    mixed = np.sqrt((1 - share) * red**2 + share * violet**2)  # of light, not of the numbers that code it
    r, g, b = (mixed + 0.35 * (1 - mixed) if mode % 2 else mixed).tolist()
    return colors.to_hex((r, g, b))


def _is_picture(ax: Axes) -> bool:
    """Whether axes show nothing but an image without axis labels, such as rows of digits."""
    return bool(ax.images) and not ax.get_xlabel() and not ax.get_ylabel()


def _draw_letters(figure: Figure, rows: Sequence[Sequence[Axes]]) -> None:
    """Name the axes (a), (b), ... in reading order, above the upper left corner of what each shows.

    A letter begins where the label of the y axis does and stands on the line of the titles, or higher where something
    else is in its way. So it is outside of the data, and the letters of a row, or of a column, are in one line. It
    belongs to its axes, for which the layout keeps room.
    """
    shown = [ax for row in rows for ax in row]
    if len(shown) < 2 or len(shown) > len(string.ascii_lowercase) or all(map(_is_picture, shown)):
        return
    letters = {
        ax: ax.annotate(
            f"({name})",
            (0, 1),
            xytext=(0, TITLE_PAD),
            xycoords="axes fraction",
            textcoords="offset points",
            annotation_clip=False,
            fontsize=ax.title.get_fontsize(),
        )
        for name, ax in zip(string.ascii_lowercase, shown, strict=False)
    }
    figure.draw_without_rendering()
    points = 72 / figure.dpi
    obstacles = {ax: _obstacles(ax, letters[ax]) for ax in shown}
    starts = {ax: min([box.x0 for box in obstacles[ax]] + [ax.bbox.x0]) - ax.bbox.x0 for ax in shown}
    for column in range(max(map(len, rows))):
        below = [row[column] for row in rows if column < len(row)]
        starts |= dict.fromkeys(below, min(starts[ax] for ax in below))
    for row in rows:
        height = max(_free_height(ax, letters[ax], starts[ax], obstacles[ax], CLEARANCE / points) for ax in row)
        for ax in row:
            letters[ax].set_position((starts[ax] * points, TITLE_PAD + height * points))


def _obstacles(ax: Axes, letter: Artist) -> list[Bbox]:
    """The boxes, in pixels, of what axes show outside of their data."""
    parts = [ax.title, ax.yaxis.label, ax.yaxis.offsetText, ax.get_legend(), *ax.texts]
    boxes = [part.get_window_extent() for part in parts if part not in (None, letter)]
    ticks = [label.get_window_extent() for label in ax.get_yticklabels(which="both")]
    # what lies beyond the axes is not drawn
    boxes += [box for box in ticks if ax.bbox.y0 - 1 <= (box.y0 + box.y1) / 2 <= ax.bbox.y1 + 1]
    return [box for box in boxes if box.width and box.height]


def _free_height(ax: Axes, letter: Artist, start: float, obstacles: Sequence[Bbox], clearance: float) -> float:
    """By how many pixels a letter that begins at `start` has to be raised, so that it is clear of all obstacles."""
    box = letter.get_window_extent().translated(start, 0)
    raised = 0.0
    for obstacle in sorted(obstacles, key=lambda found: found.y1):
        at = box.translated(0, raised).padded(clearance)
        if at.overlaps(obstacle):
            raised += obstacle.y1 - at.y0
    return raised


@dataclass(frozen=True)
class Panel:
    """A grid of drawings: `a | b` sets panels side by side, `a / b` above each other.

    With more than one drawing each has a letter above its corner, (a), (b), ... in reading order, for a caption to
    refer to. Where all are images without labels, such as rows of digits, there are none.

    Parameters
    ----------
    rows : tuple of tuple of callable
        For each row the functions that draw, each into the axes it is given.
    width : float
        Width of one drawing in inches.
    height : float
        Height of one drawing in inches.

    Examples
    --------
    >>> from srbm import figures
    >>> circle = figures.Panel.of(lambda axes: axes.plot([0, 1], [0, 1]))
    >>> circle | circle
    <figure of 2 panels>
    """

    rows: tuple[tuple[Callable[[Axes], object], ...], ...]
    width: float = 4.4
    height: float = 3.3

    @classmethod
    def of(cls, draw: Callable[[Axes], object], width: float = 4.4, height: float = 3.3) -> Panel:
        """A panel with one drawing.

        Parameters
        ----------
        draw : callable
            Draws into the axes that it is given.
        width : float
            Width in inches.
        height : float
            Height in inches.

        Returns
        -------
        Panel
            The panel.
        """
        return cls(((draw,),), width, height)

    def __or__(self, other: Panel) -> Panel:
        if len(self.rows) != len(other.rows):
            raise ValueError(f"panels side by side need as many rows: {len(self.rows)} and {len(other.rows)}")
        rows = tuple(left + right for left, right in zip(self.rows, other.rows, strict=True))
        return Panel(rows, max(self.width, other.width), max(self.height, other.height))

    def __truediv__(self, other: Panel) -> Panel:
        return Panel(self.rows + other.rows, max(self.width, other.width), max(self.height, other.height))

    def draw(self, ax: Axes) -> None:
        """Draw a single drawing into axes of a figure of your own, in that figure's style.

        Parameters
        ----------
        ax : matplotlib.axes.Axes
            Where to draw.

        Raises
        ------
        ValueError
            For a panel of several drawings, which `figure` draws.

        Examples
        --------
        >>> from matplotlib.figure import Figure
        >>> from srbm import figures
        >>> ax = Figure().subplots()
        >>> figures.matrix([[1.0, 2.0], [2.0, 3.0]]).draw(ax)
        >>> len(ax.images)
        1
        """
        if [len(row) for row in self.rows] != [1]:
            raise ValueError(
                f"only a single drawing has a place in one axes, but this is {self!r}: draw its parts one "
                "by one, or the whole with .figure()"
            )
        self.rows[0][0](ax)

    def figure(self) -> Figure:
        """A new matplotlib figure with the drawings.

        Returns
        -------
        matplotlib.figure.Figure
            The figure, drawn.
        """
        with style.context(["default", STYLE]):
            columns = max(len(row) for row in self.rows)
            figure = Figure(figsize=(self.width * columns, self.height * len(self.rows)), layout="constrained")
            FigureCanvasAgg(figure)
            axes = figure.subplots(len(self.rows), columns, squeeze=False)
            for row, drawings in zip(axes, self.rows, strict=True):
                for ax, draw in zip(row, drawings, strict=False):
                    draw(ax)
                for ax in row[len(drawings) :]:
                    ax.set_axis_off()
            _draw_letters(figure, [row[: len(drawings)] for row, drawings in zip(axes, self.rows, strict=True)])
            return figure

    def save(self, path: PathLike, **options: Any) -> None:
        """Write the figure to a file.

        Parameters
        ----------
        path : path
            The file; its extension tells the format.
        **options : keyword arguments
            Passed on to `matplotlib.figure.Figure.savefig`.
        """
        with style.context(["default", STYLE]):
            self.figure().savefig(path, **options)

    @cached_property
    def _svg(self) -> str | None:
        """The figure as an SVG, sharp at any size, or None where that is larger than `LARGEST_SVG`.

        Letters are shapes: a page shows the file as an image, which cannot use the fonts of the page.
        """
        with style.context(["default", STYLE]):
            drawn = io.StringIO()
            self.figure().savefig(drawn, format="svg", metadata={"Creator": None, "Date": None})
        text = drawn.getvalue()
        return text if len(text) <= LARGEST_SVG else None

    def _repr_svg_(self) -> str | None:
        """A notebook asks for this and for the next one: it stores one of the two, and the SVG is drawn once."""
        return self._svg

    def _repr_png_(self) -> bytes | None:
        """The figure as a PNG where it has no SVG."""
        return None if self._svg else self._png()

    def _png(self) -> bytes:
        """The figure as a PNG with a palette: a third of the size of one in true colour, and no visible difference."""
        with style.context(["default", STYLE]):
            drawn, buffer = io.BytesIO(), io.BytesIO()
            self.figure().savefig(drawn, format="png")
        with Image.open(drawn) as image:
            palette = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        palette.save(buffer, "PNG", optimize=True)
        return buffer.getvalue()

    def __repr__(self) -> str:
        shape = " + ".join(str(len(row)) for row in self.rows)
        return f"<figure of {shape} panel{'' if shape == '1' else 's'}>"
