"""Figures that only the book draws; those that others may want, too, are in `srbm.figures`."""

import numpy as np

from srbm.figures.panel import AMBER, BLUE, COLOURS, ORANGE, PURPLE, SKY, Panel


def bipartite_graph(n_visible, n_hidden):
    """Fig. 1: every visible node is joined to every hidden node, and to nothing else."""

    def draw(ax):
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
        ax.text(
            (widest - 1) / 2 + 0.1,
            0.5,
            "$W_{ia}$",
            ha="center",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
        ax.set_xlim(-0.6, widest + 1.6)
        ax.set_ylim(-0.3, 1.3)
        ax.set_axis_off()

    return Panel.of(draw, 6.0, 2.6)


def standardized_norms(epochs, parts, *, title=""):
    """Norms of parts of W along the training, each minus its mean and divided by its standard deviation (Figs. 3, 4).

    The legend gives mean and standard deviation of each part.
    """

    def draw(ax):
        for index, (label, values) in enumerate(parts.items()):
            values = np.asarray(values)
            mean, deviation = values.mean(), values.std()
            ax.plot(
                epochs,
                (values - mean) / deviation,
                color=COLOURS[index],
                linewidth=0.9,
                alpha=0.85,
                label=rf"{label}: $\bar x$ = {mean:.3g}, $\sigma$ = {deviation:.2g}",
            )
        ax.set(xlabel="epochs", ylabel=r"$(x - \bar x)\,/\,\sigma$", title=title)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))

    return Panel.of(draw)


def heatmap(values, *, xlabel, ylabel, title="", xticks=None, yticks=None, limits=(0.0, 1.0), label=""):
    """A non-negative matrix as an image on a fixed colour scale, so that several can be compared; ticks are labels."""
    values = np.asarray(values)

    def draw(ax):
        image = ax.imshow(
            values, cmap="cividis", vmin=limits[0], vmax=limits[1], interpolation="nearest", aspect="auto"
        )
        ax.figure.colorbar(image, ax=ax, label=label, shrink=0.9)
        for axis, size, ticks in ((ax.xaxis, values.shape[1], xticks), (ax.yaxis, values.shape[0], yticks)):
            axis.set_ticks(range(size), labels=[str(tick) for tick in (range(1, size + 1) if ticks is None else ticks)])
            axis.set_tick_params(length=0)
        ax.set(xlabel=xlabel, ylabel=ylabel, title=title)

    return Panel.of(draw)


def landscape(x, y, values, *, paths=None, points=None, xlabel, ylabel, title="", label="", levels=16):
    """Contours of values (len(y), len(x)), NaN where there are none, with {label: (n, 2)} `paths` and `points` on top.

    A path starts at a small dot. `levels` is the number of contours, or their values.
    """

    def draw(ax):
        ax.set_facecolor("0.88")
        filled = ax.contourf(x, y, values, levels=levels, cmap="cividis", extend="min")
        ax.contour(x, y, values, levels=filled.levels, colors="white", linewidths=0.4, alpha=0.5)
        ax.figure.colorbar(filled, ax=ax, label=label, shrink=0.9)
        for index, (name, path) in enumerate((paths or {}).items()):
            path = np.asarray(path)
            ax.plot(*path.T, color="white", linewidth=3.2)
            ax.plot(*path.T, color=(ORANGE, PURPLE, SKY, AMBER)[index % 4], linewidth=1.8, label=name)
            ax.plot(*path[0], "o", color="white", markeredgecolor="black", markersize=4.5, zorder=4)
        for index, (name, where) in enumerate((points or {}).items()):
            ax.plot(
                *np.atleast_2d(where).T,
                "*Xos"[index % 4],
                color="white",
                markeredgecolor="black",
                ls="none",
                markersize=(12, 8, 7, 7)[index % 4],
                label=name,
                zorder=5,
            )
        ax.set_aspect("equal")
        ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
        if paths or points:
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)

    return Panel.of(draw, 5.4, 5.0)


def density(x, y, values, *, samples=None, centres=None, xlabel, ylabel, title=""):
    """A density in the plane, values (len(y), len(x)), as filled contours; `samples` (n, 2) are dots.

    `centres` = (positions (m, 2), weights (m,)) are circles with an area proportional to the weight.
    """

    def draw(ax):
        ax.contourf(x, y, values, levels=np.linspace(0.01, 1, 12) * np.max(values), cmap="Blues", alpha=0.85)
        if samples is not None:
            ax.plot(
                *np.asarray(samples).T,
                ls="none",
                marker=".",
                markersize=2.5,
                color="0.1",
                alpha=0.6,
                markeredgewidth=0,
                rasterized=True,
            )
        if centres is not None:
            where, weight = np.asarray(centres[0]), np.asarray(centres[1])
            ax.scatter(
                where[:, 0],
                where[:, 1],
                s=200 * weight / weight.max(),
                facecolor="none",
                edgecolor=ORANGE,
                linewidth=1.3,
                zorder=3,
            )
        ax.set_aspect("equal")
        ax.set(xlabel=xlabel, ylabel=ylabel, title=title, xlim=(np.min(x), np.max(x)), ylim=(np.min(y), np.max(y)))

    return Panel.of(draw, 3.0, 2.9)
