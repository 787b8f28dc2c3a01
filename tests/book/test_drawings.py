"""The numbers behind the figures that only the book draws."""

import numpy as np
import pytest

from srbm.figures.panel import Panel
from srbm_book import drawings

PANELS = {
    "norms": lambda: drawings.standardized_norms([0, 1, 2], {"a": [1, 2, 4], "b": [3, 1, 2]}),
    "graph": lambda: drawings.bipartite_graph(4, 3),
    "heatmap": lambda: drawings.heatmap([[0.1, 0.9]], xlabel="x", ylabel="y", xticks=["a", "b"]),
    "landscape": lambda: drawings.landscape(
        [0, 1],
        [0, 1, 2],
        [[0, 1], [1, 2], [2, np.nan]],
        xlabel="x",
        ylabel="y",
        paths={"p": [[0, 0], [1, 1]]},
        points={"q": [[1, 2]]},
    ),
    "density": lambda: drawings.density(
        [0, 1],
        [0, 1, 2],
        [[0, 1], [1, 2], [2, 1]],
        samples=[[0.5, 1.0]],
        centres=([[0, 1], [1, 0]], [0.2, 0.8]),
        xlabel="x",
        ylabel="y",
    ),
}


def axes(panel):
    return panel.figure().axes[0]


@pytest.mark.parametrize("name", PANELS)
def test_every_figure_can_be_drawn_twice(name):
    panel = PANELS[name]()
    assert isinstance(panel, Panel)
    assert panel._png() == PANELS[name]()._png()
    assert name == "graph" or (axes(panel).get_xlabel() and axes(panel).get_ylabel())


def test_a_path_in_a_landscape_is_drawn_as_given():
    assert any(np.array_equal(line.get_xydata(), [[0, 0], [1, 1]]) for line in axes(PANELS["landscape"]()).lines)


def test_standardized_norms():
    values = np.array([1.0, 2.0, 4.0, 5.0])
    ax = axes(drawings.standardized_norms(np.arange(4), {"part": values}))
    y = ax.lines[0].get_ydata()
    assert (y.mean(), y.std()) == pytest.approx((0, 1))
    assert "3" in ax.get_legend().get_texts()[0].get_text()


@pytest.mark.parametrize(("n_visible", "n_hidden"), [(4, 3), (1, 1), (2, 5)])
def test_graph_is_bipartite_and_complete(n_visible, n_hidden):
    lines = [line.get_xydata() for line in axes(drawings.bipartite_graph(n_visible, n_hidden)).lines]
    assert len(lines) == n_visible * n_hidden
    assert all({line[0, 1], line[1, 1]} == {0.0, 1.0} for line in lines)


def test_a_heatmap_shows_the_matrix_on_its_fixed_scale():
    (image,) = axes(PANELS["heatmap"]()).images
    assert np.array_equal(image.get_array(), [[0.1, 0.9]])
    assert image.get_clim() == (0.0, 1.0)
