"""The numbers behind the figures: what is drawn is what was passed."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.patches import Rectangle
from scipy import stats

from srbm import PCD, ScalarRBM, figures, gradient_flow, train
from srbm.figures.panel import BLUE, ORANGE, Panel

TARGET = np.diag([1.0, 0.5, 0.4])
START = ScalarRBM.random(3, 2, 4.0, rng=0)
ONE_RUN = train(START, TARGET, 6, 0.1, PCD(8), rng=0, record_every=2)
RUNS = train(START, TARGET, 6, 0.1, PCD(8), runs=5, rng=0, record_every=2)
MASSES = train(ScalarRBM(START.weights, [4.0, 5.0, 6.0]), TARGET, 4, 0.1)
FLOW = gradient_flow(START, TARGET, [0.0, 1.0, 2.0])

PANELS = {
    "eigenvalues": lambda: figures.eigenvalue_evolution(ONE_RUN, [1.0, 2.0, 2.5]),
    "eigenvalues of runs": lambda: figures.eigenvalue_evolution(RUNS, [1.0, 2.0, 2.5]),
    "eigenvalues, mass per node": lambda: figures.eigenvalue_evolution(MASSES, [1.0, 2.0, 2.5]),
    "eigenvalues of a flow": lambda: figures.eigenvalue_evolution(FLOW, 1.0),
    "singular values": lambda: figures.singular_value_evolution(RUNS, target=[1.0]),
    "curves": lambda: figures.curves([1, 2, 3], {"a": [1, 4, 9], "b": [3, 2, 1]}, xlabel="x", ylabel="y"),
    "action density": lambda: figures.action_density({"a": np.linspace(0.2, 0.9, 50)}, 10),
    "matrix": lambda: figures.matrix([[2.0, -1.0], [-1.0, 2.0]], annotate=True),
    "spectrum": lambda: figures.spectrum({"a": [1, 2, 3]}, ylabel="y", mass_squared=2.5),
    "images": lambda: figures.images({"data": np.eye(4).reshape(2, 8)}, (2, 4)),
    "measurements": lambda: figures.measurements(
        {"a": ([1, 2], [3, 4], [0.1, 0.2])}, {"a": ([1, 2], [3, 5])}, xlabel="x", ylabel="y"
    ),
    "histograms": lambda: figures.histograms(
        {"a": np.arange(9.0), "b": np.ones(4)}, {"c": ([0, 8], [0.1, 0.2])}, xlabel="x", levels=[2.0]
    ),
    "prediction": lambda: figures.predicted_evolution(
        ONE_RUN, "eigenvalues", [0, 6], [[4, 4, 4], [1, 2, 3]], levels=[1.0], ylabel="y"
    ),
    "trajectories": lambda: figures.trajectories(
        {"a": [[0, 1], [2, 3]]}, lines={"b": [[0, 0], [1, 1]]}, points={"c": [[1, 1]]}, xlabel="x", ylabel="y"
    ),
    "scatter": lambda: figures.scatter(
        {"a": ([1, 2], [3, 4])}, {"b": ([0, 3], [1, 1])}, marks={"m": 1.5}, xlabel="x", ylabel="y"
    ),
}
WITHOUT_AXES = {"images"}


def axes(panel):
    return panel.figure().axes[0]


def drawn(ax):
    """All curves of an axes as (n, 2) arrays."""
    return [line.get_xydata() for line in ax.lines]


def assert_drawn(ax, x, y):
    expected = np.column_stack([x, y])
    assert any(data.shape == expected.shape and np.array_equal(data, expected) for data in drawn(ax))


@pytest.mark.parametrize("name", PANELS)
def test_every_figure_can_be_drawn_twice(name):
    panel = PANELS[name]()
    assert isinstance(panel, Panel)
    assert panel._png() == PANELS[name]()._png()
    ax = axes(panel)
    if name not in WITHOUT_AXES:
        assert ax.get_xlabel()
        assert ax.get_ylabel()


@pytest.mark.parametrize(
    ("history", "label"),
    [(ONE_RUN, "epochs"), (RUNS, "epochs"), (FLOW, "flow time $t$")],
    ids=["training", "runs", "flow"],
)
def test_evolution(history, label):
    target = [1.0, 2.0, 2.0, 2.5]
    time = history.epochs if label == "epochs" else history.times
    for values, panel in (
        (history.eigenvalues, figures.eigenvalue_evolution(history, target)),
        (history.singular_values, figures.singular_value_evolution(history, target=target)),
    ):
        ax = axes(panel)
        assert ax.get_xlabel() == label
        for mode in range(values.shape[-1]):
            assert_drawn(ax, time, values[:, 0, mode] if values.ndim == 3 else values[:, mode])
        levels = [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--"]
        assert levels == [1.0, 2.0, 2.5]  # degenerate levels once


def test_bands_span_all_runs():
    ax = axes(figures.eigenvalue_evolution(RUNS, [1.0]))
    bands = [c for c in ax.collections if isinstance(c, FillBetweenPolyCollection)]
    assert len(bands) == 3
    for mode, band in enumerate(bands):
        heights = band.get_paths()[0].vertices[:, 1]
        assert heights.min() == RUNS.eigenvalues[:, :, mode].min()
        assert heights.max() == RUNS.eigenvalues[:, :, mode].max()
    assert not axes(figures.eigenvalue_evolution(RUNS, [1.0], band=False)).collections


def test_limits_and_logarithms():
    ax = axes(figures.eigenvalue_evolution(ONE_RUN, [1.0], log="y", xlim=(1, 5), ylim=(0.5, 9), title="learning"))
    assert (ax.get_yscale(), ax.get_xscale(), ax.get_title()) == ("log", "linear", "learning")
    assert (ax.get_xlim(), ax.get_ylim()) == ((1, 5), (0.5, 9))


def test_curves():
    x, y = np.array([1.0, 2.0, 3.0]), np.array([[1.0, 0.5, 2.0], [2.0, 1.5, 4.0], [3.0, 1.0, 5.0]])
    ax = axes(
        figures.curves(x, {"one": [1, 4, 9], "runs": y}, xlabel="a", ylabel="b", levels=[2.0], marks={"here": 1.5})
    )
    assert_drawn(ax, x, [1, 4, 9])
    assert_drawn(ax, x, y[:, 0])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "runs"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "b")
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.5, 5.0)


@pytest.mark.parametrize("log", ["", "x", "y", "xy"])
def test_scales_and_limits_are_those_asked_for(log):
    options = {"log": log, "ylim": (0.5, 7.0)}
    panels = [
        figures.curves([1, 2, 3], {"a": [1, 4, 9]}, xlabel="x", ylabel="y", **options),
        figures.spectrum({"a": [1, 2, 3]}, ylabel="y", **options),
        figures.measurements({"a": ([1, 2], [3, 4], [0.1, 0.2])}, xlabel="x", ylabel="y", **options),
        figures.eigenvalue_evolution(ONE_RUN, [1.0], **options),
    ]
    for ax in map(axes, panels):
        assert ax.get_ylim() == (0.5, 7.0)
        assert (ax.get_xscale(), ax.get_yscale()) == tuple("log" if name in log else "linear" for name in "xy")


@pytest.mark.parametrize("colours", [["#112233", "#445566"], None])
def test_curves_have_the_colours_of_modes_where_they_are_modes(colours):
    pair = {"a": ([1, 2], [3, 4]), "b": ([1, 2], [5, 6])}
    drawings = [
        figures.curves([1, 2], {"a": [3, 4], "b": [5, 6]}, xlabel="x", ylabel="y", colours=colours),
        figures.scatter(pair, xlabel="x", ylabel="y", colours=colours),
        figures.measurements({key: (*xy, [0.1, 0.1]) for key, xy in pair.items()}, pair, xlabel="x", ylabel="y",
                             colours=colours),
    ]  # fmt: skip
    for panel in drawings:
        shown = list(dict.fromkeys(line.get_color() for line in axes(panel).lines))
        assert shown == (colours or [BLUE, ORANGE])


def test_what_has_no_label_has_no_legend():
    for panel in (
        figures.curves([1, 2], {"": [3, 4], "_b": [5, 6]}, xlabel="x", ylabel="y"),
        figures.trajectories({"_a": [[0, 1], [2, 3]]}, lines={"_b": [[0, 0], [1, 1]]}, xlabel="x", ylabel="y"),
        figures.scatter({"": ([1, 2], [3, 4])}, xlabel="x", ylabel="y"),
    ):
        assert axes(panel).get_legend() is None


def test_action_density_shows_the_exact_law():
    ax = axes(figures.action_density({"a": stats.gamma(5, scale=0.1).rvs(500, random_state=0)}, 10))
    exact = next(line for line in ax.lines if line.get_label() == "exact")
    density = stats.gamma(5, scale=0.1).pdf(exact.get_xdata())
    np.testing.assert_allclose(exact.get_ydata(), density, rtol=1e-13)


def test_matrix():
    values = np.array([[2.0, -1.0], [0.0, 0.5]])
    ax = axes(figures.matrix(values, annotate=True))
    np.testing.assert_array_equal(ax.images[0].get_array(), values)
    assert ax.images[0].get_clim() == (-2.0, 2.0)
    assert sorted(text.get_text() for text in ax.texts) == ["-1", "0.5", "2"]


def test_spectrum():
    ax = axes(figures.spectrum({"a": [3, 1, 2]}, ylabel="y"))
    assert_drawn(ax, [1, 2, 3], [3, 1, 2])


def test_images_are_those_passed():
    blocks = {"one": np.arange(12.0).reshape(2, 6) / 12, "two": np.ones((2, 6))}
    canvas = axes(figures.images(blocks, (2, 3))).images[0].get_array()
    np.testing.assert_array_equal(canvas[:2, :3], blocks["one"][0].reshape(2, 3))
    np.testing.assert_array_equal(canvas[:2, 4:7], blocks["one"][1].reshape(2, 3))
    np.testing.assert_array_equal(canvas[3:5, :3], 1)


def test_pyplot_is_never_imported():
    code = (
        "import sys; from srbm import figures; figures.matrix([[1.0]])._repr_png_(); "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_measurements_and_predictions_are_drawn_as_given():
    ax = axes(PANELS["measurements"]())
    assert_drawn(ax, [1, 2], [3, 5])  # the prediction
    (bars,) = ax.containers
    assert np.array_equal(bars.lines[0].get_xydata(), [[1, 3], [2, 4]])
    ax = axes(PANELS["prediction"]())
    for mode in ([4, 1], [4, 2], [4, 3]):
        assert_drawn(ax, [0, 6], mode)
    for name, path in (
        ("trajectories", [[0, 1], [2, 3]]),
        ("scatter", [[1, 3], [2, 4]]),
        ("histograms", [[0, 0.1], [8, 0.2]]),
    ):
        assert_drawn(axes(PANELS[name]()), *np.transpose(path))


def test_histograms_are_densities():
    ax = axes(PANELS["histograms"]())
    filled = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert sum(patch.get_height() * patch.get_width() for patch in filled) == pytest.approx(1)
