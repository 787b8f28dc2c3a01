"""A notebook's normal form: executing the same source again gives the same bytes.

Kept are the sources, the outputs, `tags` and `mystnb` of each cell, and the state of widgets. (Of a live figure what
stands beside the widget is kept, the HTML for a page: with the widget each notebook would hold the whole program.) What
differs from run to run or from machine to machine goes: timings, versions, random identifiers, how a stream was cut
into pieces. Of a traceback, which names files, the last line stays: the exception and its message.
"""

import hashlib
import json
import re

import nbformat

WIDGETS = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_ID = re.compile(r"[0-9a-f]{32}")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def normalise(notebook):
    """The normal form of `notebook`, as a new notebook."""
    notebook = nbformat.from_dict(json.loads(json.dumps(notebook)))
    widgets = notebook.metadata.get("widgets")
    notebook.metadata = nbformat.from_dict(METADATA | ({"widgets": widgets} if widgets else {}))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen, count = {}, 0
    for cell in notebook.cells:
        cell.id = _cell_id(cell, seen)
        cell.metadata = {name: cell.metadata[name] for name in ("mystnb", "tags") if name in cell.metadata}
        if cell.cell_type != "code":
            continue
        if cell.execution_count is not None:
            count += 1
            cell.execution_count = count
        cell.outputs = _merge_streams(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
            elif output.output_type == "error":
                output.traceback = [f"{output.ename}: {output.evalue}"]
    return _rename_widgets(_without_programs(notebook))


def dumps(notebook) -> str:
    """The text of a notebook file: keys sorted, one newline at the end."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def _cell_id(cell, seen) -> str:
    """A hash of the source, so that an edit changes one id; equal cells are counted."""
    name = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}-{seen[name]}"


def _merge_streams(outputs):
    merged = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def _without_programs(notebook):
    """Leave out the widgets of anywidget, whose state is their program, where HTML stands beside them."""
    state = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    for cell in notebook.cells:
        for data in (output.get("data", {}) for output in cell.get("outputs", [])):
            name = data.get(WIDGET_VIEW, {}).get("model_id")
            if "text/html" in data and state.get(name, {}).get("model_module") == "anywidget":
                del data[WIDGET_VIEW]
                layout = state.pop(name)["state"].get("layout", "").removeprefix("IPY_MODEL_")
                state.pop(layout, None)
    if not state:
        notebook.metadata.pop("widgets", None)
    return notebook


def _rename_widgets(notebook):
    """Replace the random ids of widgets by hashes of the order in which the outputs reach them."""
    state = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    names = {}

    def reach(item):
        for old in WIDGET_ID.findall(json.dumps(item, sort_keys=True)):
            if old in state and old not in names:
                names[old] = hashlib.sha256(str(len(names)).encode()).hexdigest()[:32]
                reach(state[old])

    def content(old, above=()):
        """What is known of a widget, with what it refers to: no two that differ have the same."""

        def named(match):
            other = match[0]
            return names.get(other) or (content(other, (*above, old)) if other in {*state} - {*above, old} else "")

        return WIDGET_ID.sub(named, json.dumps(state[old], sort_keys=True))

    for cell in notebook.cells:
        reach(cell.get("outputs", []))
    unseen = sorted((old for old in state if old not in names), key=content)  # links and the like
    inner = {other for old in unseen for other in WIDGET_ID.findall(json.dumps(state[old])) if other != old}
    for old in sorted(unseen, key=inner.__contains__):  # what others refer to has its place by them
        reach(old)
    text = WIDGET_ID.sub(lambda match: names.get(match[0], match[0]), json.dumps(notebook))
    return nbformat.from_dict(json.loads(text))
