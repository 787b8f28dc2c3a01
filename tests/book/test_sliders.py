"""A page with sliders: every frame is there, under controls that say what they are; other widgets are refused."""

import json
import re

import nbformat
import pytest
from nbformat import v4

from book.sliders import read_widget
from commands.normalise import METADATA, WIDGETS
from srbm.figures import slider
from srbm.figures.panel import Panel

ipywidgets = pytest.importorskip("ipywidgets")
VIEW = "application/vnd.jupyter.widget-view+json"


def models_of(widget):
    """What a notebook stores of a widget."""
    from ipywidgets.embed import dependency_state

    return json.loads(json.dumps(dependency_state(widget, drop_defaults=False)))


@pytest.fixture(scope="module")
def made():
    def draw(mu2, n):
        return Panel.of(lambda ax: ax.plot([0, mu2], [0, n]), width=1, height=1)

    return slider(draw, {"μ²": (5, 7), "a < b": (1, 2, 3)}, alt='Line & "point"', start=(7, 2))


def notebook(*widgets):
    outputs = [v4.new_output("display_data", {VIEW: {"model_id": each.model_id}}) for each in widgets]
    cell = v4.new_code_cell("show", outputs=outputs, execution_count=1)
    made = v4.new_notebook(cells=[v4.new_markdown_cell("# Page"), cell])
    states = {name: state for each in widgets for name, state in models_of(each).items()}
    made.metadata = METADATA | {"widgets": {WIDGETS: {"state": states, "version_major": 2, "version_minor": 0}}}
    return nbformat.writes(made)


@pytest.fixture(scope="module")
def built(build, made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    pages = {"02_flow": notebook(made.widget()), "03_plain": notebook()}
    return folder / "html", *build(folder, suffix=".ipynb", **pages)


def test_stored_widgets_are_read_back(made):
    box = made.widget()
    parameters, frames = read_widget(models_of(box), box.model_id)
    assert [(p.label, p.texts, p.first) for p in parameters] == [("μ²", ["5", "7"], 1), ("a < b", ["1", "2", "3"], 1)]
    assert frames == list(zip(made.alts, made.frames, strict=True))


def test_no_warnings(built):
    assert built[2] == ""


def test_every_frame_is_on_the_page(built, made):
    html = built[3]["02_flow"]
    images = re.findall(r'<img src="\.\./([^"]*)" alt="([^"]*)"[^>]*?( hidden)?>', html)
    assert [(built[0] / src).read_bytes() for src, _, _ in images] == list(made.frames)
    assert images[0][1] == "μ² = 5, a &lt; b = 1. Line &amp; &quot;point&quot;"
    assert [not hidden for _, _, hidden in images] == [False, False, False, False, True, False]


def test_controls_say_what_they_are(built):
    html = built[3]["02_flow"]
    labels = re.findall(r'<label for="(.*?)">(.*?)</label> <input type="range" id="(.*?)"', html)
    assert labels == [("slider-1-1", "μ²", "slider-1-1"), ("slider-1-2", "a &lt; b", "slider-1-2")]
    assert re.findall(r'max="(\d)" step="1" value="(\d)"', html) == [("1", "1"), ("2", "1")]
    assert re.findall(r'aria-valuetext="([^"]*)"', html) == ["7", "2"]


def test_only_a_page_with_sliders_loads_the_script(built):
    assert "sliders.js" in built[3]["02_flow"]
    assert "sliders.js" not in built[3]["03_plain"]
    assert (built[0] / "_static" / "sliders.js").is_file()


def test_no_widget_manager_and_no_stored_state(built):
    assert "jupyter.widget" not in built[3]["02_flow"]
    assert "require" not in built[3]["02_flow"]


def test_without_a_script_there_is_a_picture_and_no_dead_control(built):
    assert '<div class="controls" hidden>' in built[3]["02_flow"]


def incomplete():
    children = [ipywidgets.HTML('<img alt="x" src="data:image/png;base64,AAAA">')]
    return ipywidgets.VBox([ipywidgets.SelectionSlider(options=[1, 2]), ipywidgets.Stack(children)])


@pytest.mark.parametrize(
    ("widget", "complaint"),
    [
        (lambda: ipywidgets.IntSlider(), "a IntSlider that srbm.figures.slider has not made"),
        (lambda: ipywidgets.VBox([ipywidgets.IntSlider(), ipywidgets.Stack([])]), "has not made"),
        (lambda: ipywidgets.VBox([ipywidgets.SelectionSlider(options=[1, 2]), ipywidgets.Label("x")]), "a Label among"),
        (
            lambda: ipywidgets.VBox([ipywidgets.SelectionSlider(options=[1, 2]), ipywidgets.HTML("x")]),
            "without a picture",
        ),
        (incomplete, "1 frames, not one for every combination"),
    ],
)
def test_other_widgets_are_refused(widget, complaint):
    made = widget()
    with pytest.raises(ValueError, match=complaint):
        read_widget(models_of(made), made.model_id)


def test_a_refused_widget_fails_the_build(build, tmp_path):
    _, warnings, _ = build(tmp_path, suffix=".ipynb", **{"02_flow": notebook(ipywidgets.IntSlider())})
    assert "a widget that cannot be shown without a kernel: a IntSlider" in warnings


def test_a_widget_without_state_fails_the_build(build, tmp_path):
    bare = json.loads(notebook(ipywidgets.IntSlider()))
    del bare["metadata"]["widgets"]
    _, warnings, _ = build(tmp_path, suffix=".ipynb", **{"02_flow": json.dumps(bare)})
    assert "no stored state: run the chapter again" in warnings
