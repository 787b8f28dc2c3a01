"""The book's figures: each function takes the physics and returns a `Panel` (compose with | and /).

Target values are dashed black lines, the RBM mass mu^2 a broad, transparent grey one on top of the modes that end on
it. Modes have the colours from the infrared to the ultraviolet, every other one lighter, so that degenerate ones can be
told apart. Where there are several runs, a line is the first of them and a band spans all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .._support.checks import Floats
from ._matplotlib import Axes, MaxNLocator
from .panel import BLUE, COLOURS, GREEN, ORANGE, PURPLE, Panel, mode_colour

TARGET: dict[str, Any] = {"color": "black", "linestyle": (0, (4, 3)), "linewidth": 0.9}
MASS: dict[str, Any] = {"color": "0.45", "linewidth": 4.0, "alpha": 0.45, "solid_capstyle": "butt", "zorder": 3}


Limits: TypeAlias = tuple[float, float] | None
"""Of an axis; matplotlib's choice when None."""


def _time_axis(history: Any) -> tuple[np.ndarray, str]:
    """Epochs of a Training, flow time of a Flow."""
    if hasattr(history, "epochs"):
        return history.epochs, "epochs"
    return history.times, "flow time $t$"


def _colour(index: int, colours: Sequence[str] | None) -> str:
    """The colour of one of several things that are drawn: of those given, or of the palette in turn."""
    return COLOURS[index % len(COLOURS)] if colours is None else colours[index]


def _draw_modes(ax: Axes, time: Any, values: Floats, band: bool) -> None:
    """Lines (T, N), or a line and a band for (T, runs, N)."""
    for mode in range(values.shape[-1]):
        colour = mode_colour(mode, values.shape[-1])
        if values.ndim == 3:
            if band:
                ax.fill_between(
                    time,
                    values[:, :, mode].min(axis=1),
                    values[:, :, mode].max(axis=1),
                    color=colour,
                    alpha=0.22,
                    linewidth=0,
                )
            ax.plot(time, values[:, 0, mode], color=colour, linewidth=1.0)
        else:
            ax.plot(time, values[:, mode], color=colour, linewidth=1.0)


def _draw_levels(ax: Axes, levels: Any) -> None:
    for level in np.unique(np.round(np.atleast_1d(levels), 10)):
        ax.axhline(level, **TARGET, zorder=0.5)


def _draw_marks(ax: Axes, marks: Mapping[str, Any] | None) -> None:
    """Labelled vertical lines {label: x}."""
    for label, position in (marks or {}).items():
        ax.axvline(position, color="0.45", linewidth=0.9, linestyle=":")
        ax.annotate(
            label,
            (position, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -3),
            textcoords="offset points",
            va="top",
            fontsize=10,
            color="0.3",
        )


def _draw_predictions(ax: Axes, lines: Mapping[str, Any] | None) -> None:
    """Black curves {label: (x, y)}, dashed and dotted in turn."""
    for index, (label, (x, y)) in enumerate((lines or {}).items()):
        ax.plot(x, y, **TARGET | {"linestyle": ((0, (4, 3)), (0, (1, 1.5)))[index % 2]}, label=label)


def _finish(
    ax: Axes,
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    log: str = "",
    xlim: Limits = None,
    ylim: Limits = None,
    legend: bool = False,
) -> None:
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
    if xlim is not None:
        ax.set_xlim(xlim)
    if ylim is not None:
        ax.set_ylim(ylim)
    if legend and ax.get_legend_handles_labels()[0]:
        ax.legend()


def eigenvalue_evolution(
    history: Any,
    target: ArrayLike,
    *,
    title: str = "",
    log: str = "",
    xlim: Limits = None,
    ylim: Limits = None,
    band: bool = True,
) -> Panel:
    """Eigenvalues lambda_alpha during a training or a flow, with the mass mu^2 as a grey line.

    Parameters
    ----------
    history : Training or Flow
        What is drawn, against its epochs or flow times.
    target : array (N,)
        Values that are shown as dashed lines, such as the kappa of the target.
    title : str
        Above the axes.
    log : str
        "x", "y" or "xy": which axes are logarithmic.
    xlim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    ylim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    band : bool
        Whether to show the band that all runs span, beside the line of the first one.

    Returns
    -------
    Panel
        The figure.
    """
    time, label = _time_axis(history)

    def draw(ax: Axes) -> None:
        _draw_levels(ax, target)
        mass = np.asarray(history.mass_squared)
        _draw_modes(ax, time, np.asarray(history.eigenvalues), band)
        ax.plot(time, mass[:, 0] if mass.ndim == 2 else mass, **MASS, label=r"$\mu^2$")
        _finish(ax, xlabel=label, ylabel=r"eigenvalues $\lambda_\alpha$", title=title, log=log, xlim=xlim, ylim=ylim)
        if "x" not in log:
            ax.locator_params(axis="x", nbins=6)

    return Panel.of(draw)


def singular_value_evolution(
    history: Any,
    *,
    target: ArrayLike | None = None,
    title: str = "",
    log: str = "",
    xlim: Limits = None,
    ylim: Limits = None,
    band: bool = True,
) -> Panel:
    """Singular values xi_alpha of W during a training or a flow.

    Parameters
    ----------
    history : Training or Flow
        What is drawn, against its epochs or flow times.
    target : array (N,), optional
        Values that are shown as dashed lines.
    title : str
        Above the axes.
    log : str
        "x", "y" or "xy": which axes are logarithmic.
    xlim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    ylim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    band : bool
        Whether to show the band that all runs span, beside the line of the first one.

    Returns
    -------
    Panel
        The figure.
    """
    time, label = _time_axis(history)

    def draw(ax: Axes) -> None:
        if target is not None:
            _draw_levels(ax, target)
        _draw_modes(ax, time, np.asarray(history.singular_values), band)
        _finish(ax, xlabel=label, ylabel=r"singular values $\xi_\alpha$", title=title, log=log, xlim=xlim, ylim=ylim)
        if "x" not in log:
            ax.locator_params(axis="x", nbins=6)

    return Panel.of(draw)


def curves(
    x: ArrayLike,
    ys: Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str,
    levels: Any = None,
    marks: Mapping[str, Any] | None = None,
    log: str = "",
    xlim: Limits = None,
    ylim: Limits = None,
    title: str = "",
    points: bool = False,
    colours: Sequence[str] | None = None,
) -> Panel:
    """Several functions of one variable.

    Each line is thinner than the one before it, so that coinciding ones can be seen.

    Parameters
    ----------
    x : array (n,)
        The variable.
    ys : dict
        From labels to values (n,), or (n, runs), which are drawn as the first run and the band of all.
    xlabel : str
        Under the axis.
    ylabel : str
        Beside the axis.
    levels : array, optional
        Dashed horizontal lines.
    marks : dict, optional
        From labels to positions of dotted vertical lines.
    log : str
        "x", "y" or "xy": which axes are logarithmic.
    xlim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    ylim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    title : str
        Above the axes.
    points : bool
        Whether to mark every value.
    colours : sequence of str, optional
        One for each label, such as those that `mode_colour` gives modes; a palette's when None.

    Returns
    -------
    Panel
        The figure.
    """

    def draw(ax: Axes) -> None:
        if levels is not None:
            _draw_levels(ax, levels)
        widths = np.linspace(2.4, 1.0, len(ys)) if len(ys) > 1 else [1.5]
        for index, (label, y) in enumerate(ys.items()):
            y = np.asarray(y)
            colour = _colour(index, colours)
            if y.ndim == 2:
                ax.fill_between(x, y.min(axis=1), y.max(axis=1), color=colour, alpha=0.22, linewidth=0)
                y = y[:, 0]
            ax.plot(
                x,
                y,
                color=colour,
                label=label,
                linewidth=widths[index],
                marker="os^Dv<"[index % 6] if points else None,
                markersize=3.5,
            )
        _draw_marks(ax, marks)
        _finish(
            ax,
            xlabel=xlabel,
            ylabel=ylabel,
            title=title,
            log=log,
            xlim=xlim,
            ylim=ylim,
            legend=True,
        )
        if points and "x" not in log and np.issubdtype(np.asarray(x).dtype, np.integer):
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))

    return Panel.of(draw)


def action_density(samples: Mapping[str, Any], n_sites: int, *, title: str = "", bins: int = 50) -> Panel:
    """Histograms of the action density S / N_v beside its exact distribution.

    By equipartition it is the Gamma distribution of shape N_v / 2 and scale 1 / N_v.

    Parameters
    ----------
    samples : dict
        From labels to values of S / N_v.
    n_sites : int
        N_v.
    title : str
        Above the axes.
    bins : int
        Number of bins.

    Returns
    -------
    Panel
        The figure.
    """

    def draw(ax: Axes) -> None:
        exact = stats.gamma(n_sites / 2, scale=1 / n_sites)
        edges = list(np.linspace(0, exact.ppf(0.9999), bins + 1))
        for index, (label, values) in enumerate(samples.items()):
            ax.hist(
                values,
                bins=edges,
                density=True,
                histtype="step",
                color=(BLUE, ORANGE, GREEN, PURPLE)[index % 4],
                linewidth=1.3,
                label=label,
            )
        ax.plot(edges, exact.pdf(edges), **TARGET, label="exact")
        ax.axvline(0.5, color="0.45", linewidth=0.9, linestyle=":")
        _finish(ax, xlabel=r"action density $S/N_v$", ylabel="probability density", title=title, legend=True)

    return Panel.of(draw)


def matrix(
    values: ArrayLike,
    *,
    title: str = "",
    annotate: bool = False,
    label: str = "",
    diverging: bool = True,
    xlabel: str = "column",
    ylabel: str = "row",
) -> Panel:
    """A matrix as an image.

    Parameters
    ----------
    values : array (n, m)
        The matrix.
    title : str
        Above the axes.
    annotate : bool
        Whether to write the entries into it (for small ones, like Fig. 8).
    label : str
        Beside the colour bar.
    diverging : bool
        Whether zero is the middle of the colour scale.
    xlabel : str
        Under the axis.
    ylabel : str
        Beside the axis.

    Returns
    -------
    Panel
        The figure.
    """
    values = np.asarray(values)

    def draw(ax: Axes) -> None:
        bound = np.abs(values).max()
        image = ax.imshow(
            values,
            cmap="PuOr" if diverging else "cividis",
            vmin=-bound if diverging else None,
            vmax=bound if diverging else None,
            interpolation="nearest",
        )
        if annotate:
            for (row, column), value in np.ndenumerate(values):
                if value:
                    ax.text(
                        column,
                        row,
                        f"{value:g}",
                        ha="center",
                        va="center",
                        fontsize=8.5,
                        color="white" if abs(value) > 0.6 * bound else "black",
                    )
        ax.figure.colorbar(image, ax=ax, label=label, shrink=0.85)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        _finish(ax, xlabel=xlabel, ylabel=ylabel, title=title)

    return Panel.of(draw, 4.4, 3.8)


def spectrum(
    spectra: Mapping[str, Any],
    *,
    ylabel: str,
    mass_squared: float | None = None,
    title: str = "",
    log: str = "",
    ylim: Limits = None,
    xlabel: str = r"mode $\alpha$",
) -> Panel:
    """Eigenvalues against the number 1, 2, ... of the mode.

    Parameters
    ----------
    spectra : dict
        From labels to eigenvalues.
    ylabel : str
        Beside the axis.
    mass_squared : float, optional
        mu^2, as a grey line.
    title : str
        Above the axes.
    log : str
        "x", "y" or "xy": which axes are logarithmic.
    ylim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    xlabel : str
        Under the axis.

    Returns
    -------
    Panel
        The figure.
    """

    def draw(ax: Axes) -> None:
        for index, (label, values) in enumerate(spectra.items()):
            values = np.asarray(values)
            size = 2 if len(values) >= 50 else 7 if index else 4  # open markers around full ones
            ax.plot(
                np.arange(1, len(values) + 1),
                values,
                "os^D"[index % 4],
                markersize=size,
                color=COLOURS[index],
                label=label,
                markerfacecolor="none" if index else COLOURS[index],
            )
        if mass_squared is not None:
            ax.axhline(mass_squared, **MASS, label=r"$\mu^2$")
        _finish(ax, xlabel=xlabel, ylabel=ylabel, title=title, log=log, ylim=ylim, legend=True)
        if "x" not in log:
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))

    return Panel.of(draw)


def images(rows: Mapping[str, Any], shape: tuple[int, int], *, title: str = "") -> Panel:
    """Rows of images, dark ink on white, each on the scale from 0 to 1.

    Parameters
    ----------
    rows : dict
        From labels to images (n, N), a row of the figure for each.
    shape : (int, int)
        Height and width of an image in pixels.
    title : str
        Above the axes.

    Returns
    -------
    Panel
        The figure.
    """

    def draw(ax: Axes) -> None:
        height, width = shape
        stacked = [np.asarray(block).reshape(-1, height, width) for block in rows.values()]
        canvas = np.concatenate(
            [
                np.pad(np.concatenate(list(np.pad(block, ((0, 0), (0, 0), (0, 1)))), axis=1), ((0, 1), (0, 0)))
                for block in stacked
            ]
        )
        ax.imshow(canvas, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest", aspect="equal")
        ax.set_yticks((height + 1) * np.arange(len(rows)) + height / 2, labels=list(rows))
        ax.set_xticks([])
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        ax.set_title(title)

    columns = max(len(block) for block in rows.values())
    return Panel.of(draw, 0.5 * columns + 1.5, 0.5 * len(rows) + (0.4 if title else 0.1))


def measurements(
    points: Mapping[str, tuple[Any, ...]],
    lines: Mapping[str, tuple[Any, ...]] | None = None,
    *,
    xlabel: str,
    ylabel: str,
    log: str = "",
    xlim: Limits = None,
    ylim: Limits = None,
    title: str = "",
    colours: Sequence[str] | None = None,
) -> Panel:
    """Measured values with error bars, on predicted curves.

    A curve has the colour of the points with the same label, which then carry the legend for both.

    Parameters
    ----------
    points : dict
        From labels to (x, y, error).
    lines : dict, optional
        From labels to curves (x, y).
    xlabel : str
        Under the axis.
    ylabel : str
        Beside the axis.
    log : str
        "x", "y" or "xy": which axes are logarithmic.
    xlim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    ylim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    title : str
        Above the axes.
    colours : sequence of str, optional
        One for each label, such as those that `mode_colour` gives modes; a palette's when None.

    Returns
    -------
    Panel
        The figure.
    """

    def draw(ax: Axes) -> None:
        labels = list(dict.fromkeys([*points, *(lines or {})]))
        for index, label in enumerate(labels):
            colour = _colour(index, colours)
            if lines is not None and label in lines:
                ax.plot(*lines[label], color=colour, linewidth=1.1, label=None if label in points else label)
            if label in points:
                x, y, error = points[label]
                ax.errorbar(
                    x,
                    y,
                    yerr=error,
                    fmt="os^Dv<"[index % 6],
                    color=colour,
                    markersize=4,
                    capsize=2,
                    elinewidth=1.0,
                    label=label,
                )
        _finish(ax, xlabel=xlabel, ylabel=ylabel, title=title, log=log, xlim=xlim, ylim=ylim, legend=True)
        if "x" not in log and all(np.issubdtype(np.asarray(x).dtype, np.integer) for x, _, _ in points.values()):
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))

    return Panel.of(draw)


def histograms(
    samples: Mapping[str, Any],
    lines: Mapping[str, tuple[Any, Any]] | None = None,
    *,
    xlabel: str,
    levels: Any = None,
    bins: int = 80,
    xlim: Limits = None,
    title: str = "",
) -> Panel:
    """Normalised histograms on common bins, the first filled and the others as lines.

    Parameters
    ----------
    samples : dict
        From labels to values.
    lines : dict, optional
        From labels to densities (x, y), dashed.
    xlabel : str
        Under the axis.
    levels : array, optional
        Dashed vertical lines.
    bins : int
        Number of bins.
    xlim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    title : str
        Above the axes.

    Returns
    -------
    Panel
        The figure.
    """

    def draw(ax: Axes) -> None:
        flat = {label: np.ravel(values) for label, values in samples.items()}
        low, high = xlim or (min(v.min() for v in flat.values()), max(v.max() for v in flat.values()))
        edges = list(np.linspace(low, high, bins + 1))
        for index, (label, values) in enumerate(flat.items()):
            style = {"alpha": 0.35} if index == 0 else {"histtype": "step", "linewidth": 1.3}
            ax.hist(
                values,
                bins=edges,
                weights=np.full(values.size, 1 / (values.size * (edges[1] - edges[0]))),
                color=COLOURS[index % len(COLOURS)],
                label=label,
                **style,
            )
        for level in np.unique(np.round(np.atleast_1d(levels if levels is not None else []), 10)):
            ax.axvline(level, **TARGET, zorder=0.5)
        _draw_predictions(ax, lines)
        _finish(ax, xlabel=xlabel, ylabel="probability density", title=title, xlim=(low, high), legend=True)

    return Panel.of(draw)


def predicted_evolution(
    history: Any,
    quantity: str,
    times: ArrayLike,
    prediction: ArrayLike,
    *,
    levels: Any = None,
    ylabel: str,
    title: str = "",
    log: str = "",
    xlim: Limits = None,
    ylim: Limits = None,
    band: bool = True,
) -> Panel:
    """Eigenvalues or singular values during a training or a flow, under a dotted prediction.

    Parameters
    ----------
    history : Training or Flow
        What is drawn, against its epochs or flow times.
    quantity : str
        "eigenvalues" or "singular_values".
    times : array (n,)
        Where the prediction is known, in the units of the axis: epochs of a training, flow times of a flow.
    prediction : array (n, N)
        The predicted values.
    levels : array, optional
        Dashed horizontal lines.
    ylabel : str
        Beside the axis.
    title : str
        Above the axes.
    log : str
        "x", "y" or "xy": which axes are logarithmic.
    xlim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    ylim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    band : bool
        Whether to show the band that all runs span, beside the line of the first one.

    Returns
    -------
    Panel
        The figure.
    """
    time, label = _time_axis(history)

    def draw(ax: Axes) -> None:
        if levels is not None:
            _draw_levels(ax, levels)
        _draw_modes(ax, time, np.asarray(getattr(history, quantity)), band)
        for index, mode in enumerate(np.asarray(prediction).T):
            ax.plot(times, mode, color="black", linestyle=":", linewidth=1.3, label="predicted" if index == 0 else None)
        _finish(ax, xlabel=label, ylabel=ylabel, title=title, log=log, xlim=xlim, ylim=ylim)
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0)
        if "x" not in log:
            ax.locator_params(axis="x", nbins=6)

    return Panel.of(draw)


def trajectories(
    paths: Mapping[str, Any],
    *,
    lines: Mapping[str, Any] | None = None,
    points: Mapping[str, Any] | None = None,
    xlabel: str,
    ylabel: str,
    log: str = "",
    xlim: Limits = None,
    ylim: Limits = None,
    title: str = "",
) -> Panel:
    """Paths in a plane, each from a small dot on.

    Parameters
    ----------
    paths : dict
        From labels to paths (n, 2).
    lines : dict, optional
        From labels to curves (n, 2), dashed.
    points : dict, optional
        From labels to positions (2,) or (k, 2).
    xlabel : str
        Under the axis.
    ylabel : str
        Beside the axis.
    log : str
        "x", "y" or "xy": which axes are logarithmic.
    xlim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    ylim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    title : str
        Above the axes.

    Returns
    -------
    Panel
        The figure.
    """

    def draw(ax: Axes) -> None:
        _draw_predictions(ax, {label: np.asarray(line).T for label, line in (lines or {}).items()})
        for index, (label, path) in enumerate(paths.items()):
            path = np.asarray(path)
            ax.plot(*path.T, color=COLOURS[index % len(COLOURS)], label=label)
            ax.plot(*path[0], "o", color="white", markeredgecolor=COLOURS[index % len(COLOURS)], markersize=4.5)
        for index, (label, where) in enumerate((points or {}).items()):
            ax.plot(
                *np.atleast_2d(where).T,
                "+*Xs"[index % 4],
                color="black",
                linestyle="none",
                markersize=(9, 9, 7, 6)[index % 4],
                label=label,
                zorder=5,
            )
        _finish(ax, xlabel=xlabel, ylabel=ylabel, title=title, log=log, xlim=xlim, ylim=ylim, legend=True)

    return Panel.of(draw)


def scatter(
    points: Mapping[str, tuple[Any, ...]],
    lines: Mapping[str, tuple[Any, ...]] | None = None,
    *,
    xlabel: str,
    ylabel: str,
    marks: Mapping[str, Any] | None = None,
    log: str = "",
    xlim: Limits = None,
    ylim: Limits = None,
    title: str = "",
    size: float = 1.0,
    colours: Sequence[str] | None = None,
) -> Panel:
    """Clouds of dots in a plane.

    Parameters
    ----------
    points : dict
        From labels to (x, y); an empty label stays out of the legend.
    lines : dict, optional
        From labels to curves (x, y), dashed.
    xlabel : str
        Under the axis.
    ylabel : str
        Beside the axis.
    marks : dict, optional
        From labels to positions of dotted vertical lines.
    log : str
        "x", "y" or "xy": which axes are logarithmic.
    xlim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    ylim : (float, float), optional
        Limits of the axis; matplotlib's choice when None.
    title : str
        Above the axes.
    size : float
        Size of a dot, in points.
    colours : sequence of str, optional
        One for each label, such as those that `mode_colour` gives modes; a palette's when None.

    Returns
    -------
    Panel
        The figure.
    """

    def draw(ax: Axes) -> None:
        _draw_predictions(ax, lines)
        for index, (label, (x, y)) in enumerate(points.items()):
            ax.plot(
                x,
                y,
                ls="none",
                marker="os^D"[index % 4],
                markersize=size,
                markeredgewidth=0,
                color=_colour(index, colours),
                alpha=0.35 if size < 2 else 0.8,
                rasterized=np.size(x) > 2000,
                label=label or "_nolegend_",
            )
        _draw_marks(ax, marks)
        _finish(
            ax,
            xlabel=xlabel,
            ylabel=ylabel,
            title=title,
            log=log,
            xlim=xlim,
            ylim=ylim,
            legend=True,
        )

    return Panel.of(draw)
