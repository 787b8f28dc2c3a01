"""The book's figures: each function takes the physics and returns a `Panel` (compose with | and /).

Target values are dashed black lines, the RBM mass mu^2 a full grey one. Neighbouring modes alternate in colour, so
that degenerate ones can be told apart. Where there are several runs, a line is the first of them and a band spans all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy import stats

from .panel import BLUE, COLOURS, GREEN, ORANGE, PURPLE, Panel

TARGET = {"color": "black", "linestyle": (0, (4, 3)), "linewidth": 0.9}
MASS = {"color": "0.45", "linewidth": 1.2}


def _time_axis(history) -> tuple[np.ndarray, str]:
    """Epochs of a Training, flow time of a Flow."""
    if hasattr(history, "epochs"):
        return history.epochs, "epochs"
    return history.times, "flow time $t$"


def _draw_modes(ax: Axes, time, values, band: bool) -> None:
    """Lines (T, N), or a line and a band for (T, runs, N)."""
    for mode in range(values.shape[-1]):
        colour = (BLUE, ORANGE)[mode % 2]
        if values.ndim == 3:
            if band:
                ax.fill_between(time, values[:, :, mode].min(axis=1), values[:, :, mode].max(axis=1), color=colour,
                                alpha=0.22, linewidth=0)
            ax.plot(time, values[:, 0, mode], color=colour, linewidth=1.0)
        else:
            ax.plot(time, values[:, mode], color=colour, linewidth=1.0)


def _draw_levels(ax: Axes, levels) -> None:
    for level in np.unique(np.round(np.atleast_1d(levels), 10)):
        ax.axhline(level, **TARGET, zorder=0.5)


def _finish(ax: Axes, *, xlabel, ylabel, title="", log="", xlim=None, ylim=None, legend=False) -> None:
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
    if xlim is not None:
        ax.set_xlim(xlim)
    if ylim is not None:
        ax.set_ylim(ylim)
    if legend:
        ax.legend()


def eigenvalue_evolution(history, target, *, title="", log="", xlim=None, ylim=None, band=True) -> Panel:
    """lambda_alpha during a `Training` or `Flow`, with the target eigenvalues (dashed) and mu^2 (grey)."""
    time, label = _time_axis(history)

    def draw(ax: Axes) -> None:
        _draw_levels(ax, target)
        mass = np.asarray(history.mass_squared)
        ax.plot(time, mass[:, 0] if mass.ndim == 2 else mass, **MASS, label=r"$\mu^2$")
        _draw_modes(ax, time, np.asarray(history.eigenvalues), band)
        _finish(ax, xlabel=label, ylabel=r"eigenvalues $\lambda_\alpha$", title=title, log=log, xlim=xlim, ylim=ylim)

    return Panel.of(draw)


def singular_value_evolution(history, *, target=None, title="", log="", xlim=None, ylim=None, band=True) -> Panel:
    """xi_alpha during a `Training` or `Flow`; `target` values are dashed."""
    time, label = _time_axis(history)

    def draw(ax: Axes) -> None:
        if target is not None:
            _draw_levels(ax, target)
        _draw_modes(ax, time, np.asarray(history.singular_values), band)
        _finish(ax, xlabel=label, ylabel=r"singular values $\xi_\alpha$", title=title, log=log, xlim=xlim, ylim=ylim)

    return Panel.of(draw)


def curves(x, ys: Mapping[str, Sequence], *, xlabel: str, ylabel: str, levels=None, marks: Mapping | None = None,
           log="", xlim=None, ylim=None, title="", points=False) -> Panel:
    """Several functions of one variable: {label: y (len(x),)}, with dashed `levels` and vertical {label: x} `marks`.

    A y of shape (len(x), runs) is drawn as the first run and the band of all. `points` adds a marker to every value.
    """

    def draw(ax: Axes) -> None:
        if levels is not None:
            _draw_levels(ax, levels)
        for index, (label, y) in enumerate(ys.items()):
            y = np.asarray(y)
            colour = COLOURS[index % len(COLOURS)]
            if y.ndim == 2:
                ax.fill_between(x, y.min(axis=1), y.max(axis=1), color=colour, alpha=0.22, linewidth=0)
                y = y[:, 0]
            ax.plot(x, y, color=colour, label=label, marker="os^Dv<"[index % 6] if points else None, markersize=3.5)
        for label, position in (marks or {}).items():
            ax.axvline(position, color="0.45", linewidth=0.9, linestyle=":")
            ax.annotate(label, (position, 1), xycoords=("data", "axes fraction"), xytext=(3, -3),
                        textcoords="offset points", va="top", fontsize=8.5, color="0.3")
        _finish(ax, xlabel=xlabel, ylabel=ylabel, title=title, log=log, xlim=xlim, ylim=ylim,
                legend=any(label and not label.startswith("_") for label in ys))

    return Panel.of(draw)


def standardized_norms(epochs, parts: Mapping[str, Sequence], *, title="") -> Panel:
    """Norms of parts of W along the training, each minus its mean and divided by its standard deviation (Figs. 3, 4).

    The legend gives mean and standard deviation of each part.
    """

    def draw(ax: Axes) -> None:
        for index, (label, values) in enumerate(parts.items()):
            values = np.asarray(values)
            mean, deviation = values.mean(), values.std()
            ax.plot(epochs, (values - mean) / deviation, color=COLOURS[index], linewidth=0.9, alpha=0.85,
                    label=rf"{label}: $\bar x$ = {mean:.3g}, $\sigma$ = {deviation:.2g}")
        _finish(ax, xlabel="epochs", ylabel=r"$(x - \bar x)\,/\,\sigma$", title=title)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))

    return Panel.of(draw)


def action_density(samples: Mapping[str, Sequence], n_sites: int, *, title="", bins=50) -> Panel:
    """Histograms of S / N_v from several sources beside the exact Gamma(N_v / 2, 1 / N_v) density of equipartition."""

    def draw(ax: Axes) -> None:
        exact = stats.gamma(n_sites / 2, scale=1 / n_sites)
        edges = np.linspace(0, exact.ppf(0.9999), bins + 1)
        for index, (label, values) in enumerate(samples.items()):
            ax.hist(values, bins=edges, density=True, histtype="step", color=(BLUE, ORANGE, GREEN, PURPLE)[index % 4],
                    linewidth=1.3, label=label)
        ax.plot(edges, exact.pdf(edges), **TARGET, label="exact")
        ax.axvline(0.5, color="0.45", linewidth=0.9, linestyle=":")
        _finish(ax, xlabel=r"action density $S/N_v$", ylabel="probability density", title=title, legend=True)

    return Panel.of(draw)


def matrix(values, *, title="", annotate=False, label="", diverging=True) -> Panel:
    """A matrix as an image; `annotate` writes the entries (for small ones, like Fig. 8)."""
    values = np.asarray(values)

    def draw(ax: Axes) -> None:
        bound = np.abs(values).max()
        image = ax.imshow(values, cmap="PuOr" if diverging else "cividis", vmin=-bound if diverging else None,
                          vmax=bound if diverging else None, interpolation="nearest")
        if annotate:
            for (row, column), value in np.ndenumerate(values):
                if value:
                    ax.text(column, row, f"{value:g}", ha="center", va="center", fontsize=7,
                            color="white" if abs(value) > 0.6 * bound else "black")
        ax.figure.colorbar(image, ax=ax, label=label, shrink=0.85)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        _finish(ax, xlabel="column", ylabel="row", title=title)

    return Panel.of(draw, 4.4, 3.8)


def spectrum(spectra: Mapping[str, Sequence], *, ylabel: str, mass_squared=None, title="", log="", ylim=None,
             xlabel=r"mode $\alpha$") -> Panel:
    """Eigenvalues against the mode number 1, 2, ...: {label: values}; mu^2 as a grey line."""

    def draw(ax: Axes) -> None:
        for index, (label, values) in enumerate(spectra.items()):
            values = np.asarray(values)
            size = 2 if len(values) >= 50 else 7 if index else 4  # open markers around full ones
            ax.plot(np.arange(1, len(values) + 1), values, "os^D"[index % 4], markersize=size, color=COLOURS[index],
                    label=label, markerfacecolor="none" if index else COLOURS[index])
        if mass_squared is not None:
            ax.axhline(mass_squared, **MASS, label=r"$\mu^2$")
        _finish(ax, xlabel=xlabel, ylabel=ylabel, title=title, log=log, ylim=ylim, legend=True)
        if "x" not in log:
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))

    return Panel.of(draw)


def images(rows: Mapping[str, Sequence], shape: tuple[int, int], *, title="") -> Panel:
    """Rows of images, {label: (n, N)}, dark ink on white, each row on the scale 0 to 1."""

    def draw(ax: Axes) -> None:
        height, width = shape
        stacked = [np.asarray(block).reshape(-1, height, width) for block in rows.values()]
        canvas = np.concatenate([np.pad(np.concatenate(list(np.pad(block, ((0, 0), (0, 0), (0, 1)))), axis=1),
                                        ((0, 1), (0, 0))) for block in stacked])
        ax.imshow(canvas, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest", aspect="equal")
        ax.set_yticks((height + 1) * np.arange(len(rows)) + height / 2, labels=list(rows))
        ax.set_xticks([])
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        ax.set_title(title)

    columns = max(len(block) for block in rows.values())
    return Panel.of(draw, 0.5 * columns + 1.5, 0.5 * len(rows) + (0.4 if title else 0.1))


def bipartite_graph(n_visible: int, n_hidden: int) -> Panel:
    """Fig. 1: every visible node is joined to every hidden node, and to nothing else."""

    def draw(ax: Axes) -> None:
        widest = max(n_visible, n_hidden)
        layers = {}
        for name, n, y in (("visible", n_visible, 0.0), ("hidden", n_hidden, 1.0)):
            layers[name] = [((widest - n) / 2 + i, y) for i in range(n)]
        for x0, y0 in layers["visible"]:
            for x1, y1 in layers["hidden"]:
                ax.plot([x0, x1], [y0, y1], color="0.6", linewidth=0.7, zorder=1)
        for name, colour, symbol, count in (("visible", BLUE, r"\phi", "N_v"), ("hidden", ORANGE, "h", "N_h")):
            for index, (x, y) in enumerate(layers[name], start=1):
                ax.scatter([x], [y], s=520, color="white", edgecolor=colour, linewidth=1.8, zorder=2)
                ax.text(x, y, f"${symbol}_{{{index}}}$", ha="center", va="center", zorder=3)
            ax.text(widest - 0.3, layers[name][0][1], f"{name} layer, ${count}={len(layers[name])}$", va="center")
        ax.text((widest - 1) / 2 + 0.1, 0.5, "$W_{ia}$", ha="center", va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})
        ax.set_xlim(-0.6, widest + 1.6)
        ax.set_ylim(-0.3, 1.3)
        ax.set_axis_off()

    return Panel.of(draw, 6.0, 2.6)
