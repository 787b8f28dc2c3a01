"""Sliders: the frames that were asked for, in the order that the linked widgets choose them."""

import base64
import io
import re
import sys

import matplotlib as mpl
import numpy as np
import pytest

from srbm.figures import slider, sliders
from srbm.figures.panel import Panel

PARAMETERS = {"μ²": (5, 6.5, 8), "Nₕ": (1, 2)}


def frame(mu2, n=1):
    return Panel.of(lambda ax: ax.plot([0, mu2], [0, n]), width=2, height=1.5)


@pytest.fixture(scope="module")
def two():
    return slider(frame, PARAMETERS, alt=lambda mu2, n: f"A line to {mu2}, {n}", start=(6.5, 2))


def shown(box, *indices):
    """The HTML that a browser shows with the sliders at `indices`: the links alone say what follows what."""
    from ipywidgets.embed import dependency_state

    models = {f"IPY_MODEL_{name}": model for name, model in dependency_state(box, drop_defaults=False).items()}
    values = dict(zip(models[f"IPY_MODEL_{box.model_id}"]["state"]["children"], indices, strict=False))
    for model in models.values():
        if model["model_name"] == "LinkModel":
            (source, trait), (target, linked) = model["state"]["source"], model["state"]["target"]
            assert (trait, linked) == ("index", "selected_index")
            models[target]["state"][linked] = values.get(source, models[source]["state"][trait])
    name = models[f"IPY_MODEL_{box.model_id}"]["state"]["children"][-1]
    while models[name]["model_name"] == "StackModel":
        name = models[name]["state"]["children"][models[name]["state"]["selected_index"]]
    return models[name]["state"]["value"]


def test_one_frame_for_every_combination(two):
    assert len(two.frames) == len(two.alts) == len(set(two.frames)) == 6
    assert two.parameters == {"μ²": ("5", "6.5", "8"), "Nₕ": ("1", "2")}
    assert two.start == (1, 1)
    assert two.alts[3] == "μ² = 6.5, Nₕ = 2. A line to 6.5, 2"


def test_sliders_choose_the_frame_of_their_values(two):
    pytest.importorskip("ipywidgets")
    box = two.widget()
    for index, (i, j) in enumerate(np.ndindex(3, 2)):
        html = shown(box, i, j)
        assert f'alt="{two.alts[index]}"' in html
        assert base64.b64decode(re.search('base64,([^"]*)', html)[1]) == two.frames[index]


def test_the_start_is_shown_before_anything_moves(two):
    pytest.importorskip("ipywidgets")
    box = two.widget()
    assert two.alts[3] in shown(box)
    assert two.alts[3] in box.children[-1].children[1].children[1].value
    assert [box.children[-1].selected_index, box.children[-1].children[0].selected_index] == [1, 1]


def test_sliders_say_what_they_move(two):
    pytest.importorskip("ipywidgets")
    first, second = two.widget().children[:2]
    assert (first.description, second.description) == ("μ²", "Nₕ")
    assert [text for text, _ in first.options] == ["5", "6.5", "8"]
    assert {(one.layout.width, one.layout.max_width) for one in (first, second)} == {("100%", "40em")}


def test_a_notebook_shows_the_widget_and_a_terminal_one_line(two):
    pytest.importorskip("ipywidgets")
    bundle = two._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == repr(two) == "<slider of 6 frames: μ² = 5 ... 8, Nₕ = 1 ... 2>"


def test_alt_text_is_escaped():
    pytest.importorskip("ipywidgets")
    made = slider(frame, {"a": (1, 2)}, alt='1 < 2 & "so on"')
    assert 'alt="a = 1. 1 &lt; 2 &amp; &quot;so on&quot;"' in shown(made.widget())


def test_size_of_a_drawing():
    made = slider(lambda a: frame(a) | frame(2 * a), {"a": (1, 2)}, alt="Two lines", size=(3, 2))
    assert mpl.image.imread(io.BytesIO(made.frames[0])).shape[:2] == (320, 960)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"parameters": {}}, "at least one parameter"),
        ({"parameters": {"a": (1,)}}, "a needs at least two values"),
        ({"parameters": {r"$\mu^2$": (1, 2)}}, "plain text that can be read out"),
        ({"parameters": {" ": (1, 2)}}, "plain text that can be read out"),
        ({"alt": " "}, "alt must say what a frame shows"),
        ({"alt": lambda a: "" if a == 2 else "A line"}, r"for \(2,\) it is empty"),
        ({"start": (3,)}, r"among the values of a, \[1, 2\]; got 3"),
        ({"start": (1, 2)}, "one value for each of a"),
        ({"draw": lambda a: frame(1)}, "a changes no frame; does draw use it?"),
    ],
)
def test_bad_input_is_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        slider(**{"draw": frame, "parameters": {"a": (1, 2)}, "alt": "A line"} | arguments)


def test_a_parameter_that_changes_nothing_is_found_among_others():
    with pytest.raises(ValueError, match="b changes no frame"):
        slider(lambda a, b: frame(a), {"a": (1, 2), "b": (1, 2)}, alt="A line")


def test_draw_must_return_a_panel():
    with pytest.raises(TypeError, match=r"srbm.figures do; for \(1,\) it returned list"):
        slider(lambda a: [a], {"a": (1, 2)}, alt="A line")


def test_drawing_needs_no_ipywidgets(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    made = slider(frame, {"a": (1, 2)}, alt="A line")
    with pytest.raises(ImportError):
        made.widget()


def test_docstrings():
    assert all(thing.__doc__ for thing in (sliders, sliders.Slider, sliders.slider, sliders.Slider.widget))
