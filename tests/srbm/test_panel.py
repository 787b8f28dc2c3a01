"""Panels compose, and draw the same picture whatever happened before."""

import io
import re
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import colors
from matplotlib.figure import Figure
from matplotlib.text import Text

from srbm import figures
from srbm.figures.panel import INFRARED, STYLE, ULTRAVIOLET, Panel, mode_colour


def line(n, **size):
    return Panel.of(lambda ax: ax.plot([0, n]), **size)


def grid(panel):
    """The upper ends of the lines drawn, row by row; None for empty places."""
    figure = panel.figure()
    rows = len(panel.rows)
    ends = [ax.lines[0].get_ydata()[-1] if ax.lines else None for ax in figure.axes]
    columns = len(ends) // rows
    return [ends[i * columns : (i + 1) * columns] for i in range(rows)]


def test_modes_go_from_the_infrared_to_the_ultraviolet():
    assert mode_colour(0, 1) == mode_colour(0, 7) == colors.to_hex(INFRARED)
    assert mode_colour(6, 7) == colors.to_hex(ULTRAVIOLET)
    violet = np.array(colors.to_rgb(ULTRAVIOLET))
    assert mode_colour(1, 2) == colors.to_hex(violet + 0.35 * (1 - violet))
    light = np.array([colors.to_rgb(mode_colour(mode, 7)) for mode in range(7)]) ** 2
    ends = light[[0, 6]]
    np.testing.assert_allclose(light[[2, 4]], ends[0] + np.outer([1 / 3, 2 / 3], ends[1] - ends[0]), rtol=0, atol=0.01)
    plain = np.sqrt(ends[0] + (ends[1] - ends[0]) / 6)  # every other mode is lighter
    np.testing.assert_allclose(np.sqrt(light[1]), plain + 0.35 * (1 - plain), rtol=0, atol=0.005)


def test_composition():
    a, b, c, d = (line(n) for n in (1, 2, 3, 4))
    assert grid(a | b | c) == [[1, 2, 3]]
    assert grid(a / b / c) == [[1], [2], [3]]
    assert grid((a | b) / (c | d)) == grid((a / c) | (b / d)) == [[1, 2], [3, 4]]
    assert grid((a | b) / c) == [[1, 2], [3, None]]


def plot(title="", ylabel="$y$", log="", scale=1.0, **size):
    panel = figures.curves([0, 1, 2], {"one": scale * np.array([1e-7, 1, 2])}, xlabel="x", ylabel=ylabel, log=log,
                           title=title)  # fmt: skip
    return replace(panel, **size)


def crowded(**size):
    """A drawing that leaves no room above its corner."""

    def draw(ax):
        plot(title="a title that is as wide as its axes, or wider", ylabel="a label as long as its axes").draw(ax)
        ax.legend(loc="lower center", bbox_to_anchor=(0.2, 1.1))

    return Panel.of(draw, **size)


def drawn_around(ax):
    """What axes show outside of themselves, but for the letter."""
    bottom, top = sorted(ax.get_ylim())
    ticks = [tick.label1 for tick in ax.yaxis.get_major_ticks() if bottom <= tick.get_loc() <= top]
    legend = [ax.get_legend()] if ax.get_legend() else []
    return [ax.title, ax.xaxis, ax.yaxis.label, ax.yaxis.offsetText, *ticks, *legend]


DIGITS = figures.images({"a": np.eye(8).reshape(1, 64), "b": np.eye(8).reshape(1, 64)}, (8, 8), title="digits")
LAYOUTS = {
    "one row": plot("a title") | plot(log="y") | figures.matrix(np.eye(3), title="matrix"),
    "one column": plot(ylabel="a label that is longer than its axes are high") / plot(scale=1e5) / plot("title"),
    "two by two": (plot(width=2.8, height=2.3) | plot("title", log="y")) / (plot(scale=1e-4) | plot(ylabel="")),
    "no room": crowded(width=2.8, height=2.3) | crowded(),
    "digits beside a curve": DIGITS | plot(),
    "an empty place": (plot() | plot()) / plot(),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_letters_name_the_drawings_and_overlap_nothing(layout):
    panel = LAYOUTS[layout]
    figure = panel.figure()
    with mpl.style.context(["default", STYLE]):
        figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    letters = {text.get_text(): text for text in figure.findobj(Text) if re.fullmatch(r"\([a-z]\)", text.get_text())}
    assert list(letters) == [f"({name})" for name in "abcdefgh"[: sum(map(len, panel.rows))]]
    boxes = {name: text.get_window_extent(renderer) for name, text in letters.items()}
    assert sorted(boxes, key=lambda name: (-round(boxes[name].y0), boxes[name].x0)) == list(letters)  # as one reads
    for text in letters.values():
        assert text.get_fontsize() >= 12
        assert text.get_fontfamily() == text.axes.title.get_fontfamily()
    shown = [artist for ax in figure.axes if ax.axison for artist in drawn_around(ax)]
    others = [box for artist in shown if (box := artist.get_tightbbox(renderer)) is not None and box.width > 0]
    others += [ax.bbox for ax in figure.axes if ax.axison]
    for name, box in boxes.items():
        assert figure.bbox.x0 <= box.x0
        assert box.y1 <= figure.bbox.y1
        assert not [other for other in others if box.overlaps(other)], name
        assert not [other for other in boxes if other != name and box.overlaps(boxes[other])], name


@pytest.mark.parametrize("panel", [plot(), DIGITS, DIGITS | DIGITS, DIGITS / DIGITS], ids=repr)
def test_a_single_drawing_and_rows_of_digits_have_no_letters(panel):
    assert "(a)" not in {text.get_text() for text in panel.figure().findobj(Text)}


def test_size():
    wide, high = line(1, width=5, height=2), line(2, width=3, height=4)
    np.testing.assert_allclose((wide | high).figure().get_size_inches(), [10, 4], rtol=1e-14)
    np.testing.assert_allclose((wide / high).figure().get_size_inches(), [5, 8], rtol=1e-14)


def test_panels_with_different_rows_do_not_fit():
    with pytest.raises(ValueError, match="panels side by side need as many rows: 1 and 2"):
        _ = line(1) | (line(1) / line(2))


def test_operands_are_left_alone():
    a, b = line(1), line(2)
    _ = (a | b, a / b)
    assert (len(a.rows), len(a.rows[0]), len(b.rows)) == (1, 1, 1)


def test_png_does_not_depend_on_what_came_before():
    panel = line(1) | line(2)
    first = panel._png()
    assert first.startswith(b"\x89PNG")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 30, "savefig.transparent": True}):
        assert panel._png() == first
    before = dict(mpl.rcParams)
    panel._png()
    assert dict(mpl.rcParams) == before


def test_a_notebook_stores_an_svg_or_a_png():
    cloud = {"": np.random.default_rng(1).normal(size=(2, 1999))}
    few, many = line(1) | line(2), figures.scatter(cloud, xlabel="x", ylabel="y")
    svg = few._repr_svg_()
    assert svg.startswith("<?xml")
    assert "<dc:date>" not in svg
    assert svg == few._repr_svg_()
    assert few._repr_png_() is None
    assert many._repr_svg_() is None
    assert many._repr_png_() == many._png()


def test_png_has_a_palette_and_looks_the_same():
    panel = figures.matrix(np.arange(9.0).reshape(3, 3)) | line(1)
    small, full = panel._png(), io.BytesIO()
    panel.save(full)
    assert len(small) < len(full.getvalue()) / 2
    before, after = (mpl.image.imread(io.BytesIO(png))[..., :3] for png in (full.getvalue(), small))
    assert np.abs(after - before).max() < 0.15
    assert np.abs(after - before).mean() < 5e-4
    np.testing.assert_array_equal(after[0, 0], 1)  # white stays white, which the dark page relies on


def test_png_is_opaque(tmp_path):
    path = tmp_path / "figure.png"
    line(1).save(path)
    pixels = mpl.image.imread(path)
    assert (pixels[..., 3:] == 1).all()
    np.testing.assert_array_equal(pixels[0, 0, :3], 1)


@pytest.mark.parametrize("extension", ["png", "svg", "pdf"])
def test_save(tmp_path, extension):
    path = tmp_path / f"figure.{extension}"
    line(1).save(path)
    assert path.stat().st_size > 500


def test_style_is_valid():
    assert set(STYLE) <= set(mpl.rcParams)


def test_a_single_drawing_goes_into_axes_of_the_caller():
    with mpl.rc_context({"lines.linewidth": 7.0}):
        figure = Figure()
        left, right = figure.subplots(1, 2)
        line(3).draw(right)
    assert (len(left.lines), len(right.lines)) == (0, 1)
    assert right.lines[0].get_ydata()[-1] == 3
    assert right.lines[0].get_linewidth() == 7  # the figure's style, not the panel's
    for several in (line(1) | line(2), line(1) / line(2)):
        with pytest.raises(ValueError, match=r"only a single drawing .* this is <figure of .* panels>: draw"):
            several.draw(left)
    assert not left.lines


def test_repr_is_short():
    assert "1" in repr(line(1))
    assert len(repr((line(1) | line(2)) / line(3))) < 80
