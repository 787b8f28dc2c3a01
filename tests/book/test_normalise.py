"""The normal form of a notebook: a fixed point, free of what differs between runs."""

import json
from pathlib import Path

import pytest
from nbformat import v4

from commands import execute
from commands.normalise import WIDGETS, dumps, normalise


def notebook_with_widgets(ids, link="e" * 32):
    """Two sliders that share nothing but their equal layouts, shown in order, and a link between them."""
    first, second, layout, other = ids
    state = {
        first: {"model_name": "Slider", "state": {"layout": f"IPY_MODEL_{layout}", "value": 1}},
        second: {"model_name": "Slider", "state": {"layout": f"IPY_MODEL_{other}", "value": 2}},
        layout: {"model_name": "Layout", "state": {}},
        other: {"model_name": "Layout", "state": {}},
        link: {"model_name": "Link", "state": {"source": [f"IPY_MODEL_{first}", "value"]}},
    }
    view = "application/vnd.jupyter.widget-view+json"
    outputs = [v4.new_output("display_data", {view: {"model_id": name}}) for name in (first, second)]
    notebook = v4.new_notebook(cells=[v4.new_code_cell("sliders", outputs=outputs, execution_count=7)])
    notebook.metadata.widgets = {WIDGETS: {"state": state, "version_major": 2}}
    return notebook


def test_random_names_go():
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("a"), v4.new_markdown_cell("a")])
    again = v4.new_notebook(cells=[v4.new_markdown_cell("a"), v4.new_markdown_cell("a")])
    assert dumps(notebook) != dumps(again)
    assert dumps(normalise(notebook)) == dumps(normalise(again))
    first, second = normalise(notebook).cells
    assert first.id != second.id


def test_traces_of_the_run_go():
    cell = v4.new_code_cell("1", execution_count=5, metadata={"execution": {"start": "12:00"}, "tags": ["eq-1"]})
    notebook = v4.new_notebook(cells=[cell], metadata={"language_info": {"name": "python", "version": "3.11.7"}})
    normal = normalise(notebook)
    assert normal.cells[0].execution_count == 1
    assert normal.cells[0].metadata == {"tags": ["eq-1"]}
    assert "version" not in normal.metadata.language_info
    assert "3.11.7" in dumps(notebook)  # the argument is left as it was


def test_a_cell_that_was_not_executed_stays_so():
    notebook = v4.new_notebook(cells=[v4.new_code_cell("1"), v4.new_code_cell("2", execution_count=9)])
    assert [cell.execution_count for cell in normalise(notebook).cells] == [None, 1]


def test_streams_are_merged():
    pieces = [v4.new_output("stream", name="stdout", text=text) for text in ("a", "b")]
    pieces.insert(1, v4.new_output("stream", name="stdout", text="-"))
    pieces.append(v4.new_output("stream", name="stderr", text="!"))
    outputs = normalise(v4.new_notebook(cells=[v4.new_code_cell("1", outputs=pieces)])).cells[0].outputs
    assert [(output.name, output.text) for output in outputs] == [("stdout", "a-b"), ("stderr", "!")]


def test_of_a_traceback_the_last_line_stays():
    lines = ["---------", "File /somewhere/srbm/model.py:12, in load(path)", "ValueError: too small"]
    error = v4.new_output("error", ename="ValueError", evalue="too small", traceback=lines)
    (output,) = normalise(v4.new_notebook(cells=[v4.new_code_cell("1", outputs=[error])])).cells[0].outputs
    assert output.traceback == ["ValueError: too small"]


def test_widget_names_follow_the_outputs():
    one = notebook_with_widgets([letter * 32 for letter in "abcd"])
    two = notebook_with_widgets([letter * 32 for letter in "3210"], link="9" * 32)
    assert dumps(one) != dumps(two)
    assert dumps(normalise(one)) == dumps(normalise(two))
    state = normalise(one).metadata.widgets[WIDGETS].state
    assert len(state) == 5
    assert "a" * 32 not in json.dumps(state)


def test_idempotent():
    once = normalise(notebook_with_widgets([letter * 32 for letter in "dcba"]))
    assert dumps(normalise(once)) == dumps(once)
    assert dumps(once).endswith("}\n")


@pytest.fixture
def chapter(tmp_path):
    """A function that stores a notebook with the given code cells as `tmp_path/02_small.ipynb`."""

    def store(*sources):
        path = tmp_path / "02_small.ipynb"
        path.write_text(dumps(v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])))
        return path

    return store


def test_two_executions_give_the_same_bytes(chapter):
    path = chapter(
        "from ipywidgets import HBox, IntSlider", "print('a', flush=True); print('b')", "HBox([IntSlider()])",
        "from srbm.figures.panel import Panel\nfrom srbm.figures import slider",
        "slider(lambda a, b: Panel.of(lambda ax: ax.plot([a, b]), 1, 1), {'a': (1, 2), 'b': (3, 4)}, alt='A line')",
    )  # fmt: skip
    execute.execute_chapter(path)
    first = path.read_bytes()
    execute.execute_chapter(path)
    assert path.read_bytes() == first
    assert b"widget-state" in first
    costs = json.loads(path.with_name("costs.json").read_text())
    assert costs["02_small"]["memory"] > 0


@pytest.mark.parametrize(
    ("source", "complaint"),
    [("1 / 0", "ZeroDivisionError"), ("import sys; print('oh', file=sys.stderr)", "wrote to stderr")],
)
def test_a_failure_names_the_cell_and_stores_nothing(chapter, source, complaint):
    path = chapter("x = 1", source)
    before = path.read_bytes()
    with pytest.raises(execute.ChapterError, match=complaint) as failure:
        execute.execute_chapter(path)
    assert "cell 2" in str(failure.value)
    assert path.read_bytes() == before
    assert not Path(path.parent / "costs.json").exists()


def test_costs_change_only_when_they_differ():
    here = "a laptop"
    old = {"seconds": 100, "memory": 200, "on": here}
    assert execute.update_cost(old, 120, 230e6, here) is old
    assert execute.update_cost(old, 130, 200e6, here) == {"seconds": 130, "memory": 200, "on": here}
    assert execute.update_cost(old, 100, 304e6, here) == {"seconds": 100, "memory": 300, "on": here}
    assert execute.update_cost(old, 101, 200e6, "another") == {"seconds": 101, "memory": 200, "on": "another"}
    assert execute.update_cost(None, 1.4, 123e6, here) == {"seconds": 1, "memory": 120, "on": here}
    assert execute.update_cost({"seconds": 1, "memory": 100, "on": here}, 3.2, 100e6, here)["seconds"] == 1
