"""The sliders of `srbm.figures.sliders` on a page: native controls and image files in place of a widget manager.

A notebook stores its widgets as JSON. The usual way to show them without a kernel is to put all of it on the page and
load the widget manager of Jupyter, 1.9 MB of script whose slider has no accessible name. Here the frames become image
files, loaded when their slider comes into view, under an ``<input type="range">`` for each parameter: one that a
keyboard, a finger and a screen reader all know, driven by ``static/sliders.js``. Without scripts and on paper there
is no control; without scripts the first frame is shown, on paper the figure beside the slider.
"""

import base64
import html
import json
import math
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util import logging

VIEW = '<script type="application/vnd.jupyter.widget-view+json">'
CSS_PIXELS_PER_PIXEL = 0.53  # as for the figures of the book
logger = logging.getLogger(__name__)


@dataclass
class Parameter:
    """One control: its label, the texts of its values, and the index of the one shown first."""

    label: str
    texts: list[str]
    first: int


class slider(nodes.General, nodes.Element):
    """Parameters (in "parameters") and, as children, an image for every combination, the last running fastest."""


def read_widget(models: dict, name: str) -> tuple[list[Parameter], list[tuple[str, bytes]]]:
    """From stored widgets: the parameters of the slider called `name`, and alt text and PNG of each of its frames.

    ValueError for a widget that `srbm.figures.slider` has not made.
    """

    def children(of):
        return [model.removeprefix("IPY_MODEL_") for model in models[of]["state"].get("children", [])]

    def kind(of):
        return models[of]["model_name"].removesuffix("Model")

    def frames(of) -> Iterator[tuple[str, bytes]]:
        if kind(of) == "Stack":
            for child in children(of):
                yield from frames(child)
        elif kind(of) == "HTML":
            yield _Frame(models[of]["state"]["value"]).content()
        else:
            raise ValueError(f"a {kind(of)} among the frames")

    if name not in models:
        raise ValueError("no stored state: run the chapter again with `make execute`")
    *controls, stack = children(name) or [name]
    if not controls or any(kind(control) != "SelectionSlider" for control in controls):
        raise ValueError(f"a {kind(name)} that srbm.figures.slider has not made")
    states = [models[control]["state"] for control in controls]
    parameters = [Parameter(s["description"], list(s["_options_labels"]), s.get("index", 0)) for s in states]
    found = list(frames(stack))
    if len(found) != math.prod(len(parameter.texts) for parameter in parameters):
        raise ValueError(f"{len(found)} frames, not one for every combination of values")
    return parameters, found


class _Frame(HTMLParser):
    """The `<img>` in a frame."""

    def __init__(self, text):
        super().__init__()
        self.attributes = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.attributes = dict(attrs)

    def content(self) -> tuple[str, bytes]:
        data = self.attributes.get("src", "").partition("data:image/png;base64,")[2]
        if not data:
            raise ValueError("a frame without a picture")
        return self.attributes.get("alt", ""), base64.b64decode(data)


def replace_widgets(app, doctree):
    """Put a `slider` in place of every stored widget, write its frames as files, and drop the JSON from the page."""
    scripts = NbMetadataCollector.get_js_files(app.env, app.env.docname)
    _, stored = scripts.pop("ipywidgets_state", (None, {"body": '{"state": {}}'}))
    models = json.loads(stored["body"])["state"]
    folder = Path(app.doctreedir) / "sliders"
    views = [node for node in doctree.findall(nodes.raw) if node.astext().startswith(VIEW)]
    for number, view in enumerate(views, 1):
        name = json.loads(view.astext().removeprefix(VIEW).removesuffix("</script>"))["model_id"]
        try:
            parameters, frames = read_widget(models, name)
        except ValueError as error:
            logger.warning(f"a widget that cannot be shown without a kernel: {error}", location=view)
            continue
        node = slider("", parameters=parameters, number=number)
        folder.mkdir(exist_ok=True)
        for alt, png in frames:
            file = folder / f"frame-{sha256(png).hexdigest()[:24]}.png"
            file.write_bytes(png)
            uri = "/" + Path(posixpath.relpath(file.as_posix(), Path(app.srcdir).as_posix())).as_posix()
            node += nodes.image("", uri=uri, alt=alt, size=(int.from_bytes(png[16:20]), int.from_bytes(png[20:24])))
        view.replace_self(node)


def visit_slider(self, node):
    """Write the slider as HTML."""
    parameters, images = node["parameters"], list(node.findall(nodes.image))
    first = 0
    for parameter in parameters:
        first = first * len(parameter.texts) + parameter.first
    controls = ""
    for which, parameter in enumerate(parameters, 1):
        name, text = f"slider-{node['number']}-{which}", html.escape(parameter.texts[parameter.first])
        controls += (
            f'<div><label for="{name}">{html.escape(parameter.label)}</label> <input type="range" id="{name}" min="0" '
            f'max="{len(parameter.texts) - 1}" step="1" value="{parameter.first}" autocomplete="off" '
            f'aria-valuetext="{text}" data-texts="{html.escape(json.dumps(parameter.texts))}"> '
            f'<output for="{name}" aria-live="off">{text}</output></div>'
        )
    self.body.append(
        f'<div class="slider" role="group" aria-label="Slider"><div class="controls" hidden>{controls}'
        '</div><div class="frames">'
    )
    for index, image in enumerate(images):
        uri = posixpath.join(self.builder.imgpath, quote(self.builder.images[image["uri"]]))
        width, height = (round(pixels * CSS_PIXELS_PER_PIXEL) for pixels in image["size"])
        self.body.append(
            f'<img src="{uri}" alt="{html.escape(image["alt"])}" width="{width}" height="{height}" '
            f'loading="lazy"{"" if index == first else " hidden"}>'
        )
    self.body.append('</div><p class="visually-hidden" role="status"></p></div>')
    raise nodes.SkipNode


def skip(self, node):
    """Outside HTML there is the figure beside the slider."""
    raise nodes.SkipNode


def load_script(app, pagename, templatename, context, doctree):
    """Only pages with a slider load the script."""
    if doctree is not None and any(doctree.findall(slider)):
        app.add_js_file("sliders.js", loading_method="defer")


def setup(app):
    app.add_node(slider, html=(visit_slider, None), latex=(skip, None), text=(skip, None), man=(skip, None),
                 texinfo=(skip, None))  # fmt: skip
    app.connect("doctree-read", replace_widgets, priority=400)  # before Sphinx collects the images
    app.connect("html-page-context", load_script)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
