"""Pictures on a page: the space that they will take is known before they are there, and colour maps keep their colours.

In the dark a figure is shown with its lightness turned round. Where a colour stands for a number that would make its
caption false: what a cell draws with one of `COLOUR_MAPS` stays as it was drawn.
"""

import re
from pathlib import Path

from docutils import nodes

COLOUR_MAPS = re.compile(r"\b(?:matrix|images|heatmap|landscape|density|imshow|pcolormesh|contourf)\(")
IMAGE = re.compile(r'<img\b(?P<attributes>[^>]*\bsrc="[^"]*/(?P<name>[^"/]+\.png)"[^>]*?)(?P<end> ?/?>)')


def keep_colours(app, doctree):
    """Mark the cells that draw a colour map."""
    for cell in doctree.findall(nodes.container):
        if "cell" in cell["classes"] and any(
            COLOUR_MAPS.search(block.astext())
            for source in cell.findall(nodes.container)
            if "cell_input" in source["classes"]
            for block in source.findall(nodes.literal_block)
        ):
            cell["classes"].append("colour-map")


def reserve_space(app, pagename, templatename, context, doctree):
    """Give each picture its width and height as attributes, from the header of its file."""
    files = {name: Path(app.srcdir) / source for source, name in app.builder.images.items()}

    def sized(found):
        file = files.get(found["name"])
        if file is None or re.search(r'\s(?:width|height)="', found["attributes"]):
            return found[0]
        header = file.read_bytes()[16:24]
        width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:])
        return f'<img{found["attributes"]} width="{width}" height="{height}"{found["end"]}'

    if "body" in context:
        context["body"] = IMAGE.sub(sized, context["body"])


def setup(app):
    app.connect("doctree-read", keep_colours, priority=440)  # before code is cut into pieces
    app.connect("html-page-context", reserve_space)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
