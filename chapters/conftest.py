"""Cells tagged `needs-mnist` run only where the MNIST images can be had; `make test` skips them elsewhere, saying why.

Every cell that uses an image, or a variable made from one, carries the tag. The others need only the stored second
moments, so they are tested everywhere.
"""

import pytest

TAG = "needs-mnist"


def pytest_collection_modifyitems(items):
    """Mark the tagged cells of the notebooks that nbval has collected."""
    for notebook in {item.parent for item in items if hasattr(item.parent, "skip_compare")}:
        notebook.skip_compare += ("image/svg+xml",)  # as nbval does with other pictures
    tagged = [item for item in items if TAG in _tags(item)]
    if not tagged or not (reason := _why_not()):
        return
    for item in tagged:
        item.add_marker(pytest.mark.skip(reason=reason))


def _tags(item):
    """The tags of a notebook cell; nothing for any other test."""
    metadata = getattr(getattr(item, "cell", None), "metadata", None) or {}
    return metadata.get("tags", ())


def _why_not():
    """Why there are no images, or None when there are."""
    from srbm import DatasetError, load_mnist

    try:
        load_mnist("train", scale=False)
    except DatasetError as error:
        return f"no MNIST images: {error}"
    return None
