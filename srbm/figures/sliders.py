"""Sliders over pictures drawn beforehand: moving one needs no running kernel.

`slider` draws one `Panel` for every combination of the parameters' values and shows them with Jupyter widgets that are
linked in the browser (`ipywidgets.jslink`). So they move in JupyterLab, in a notebook reopened without a kernel, and
on a page made from its stored outputs. The function that draws is the caller's, and so is the physics in it.
"""

from __future__ import annotations

import base64
import html
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .panel import Panel


@dataclass(frozen=True)
class Slider:
    """Frames with the parameters that choose among them; made by `slider`, shown by a notebook as a widget.

    Attributes
    ----------
    parameters : dict
        From each label to its values as they are shown, {label: (text, ...)}.
    frames : tuple of bytes
        One PNG file for every combination of values, the last parameter running fastest.
    alts : tuple of str
        For each frame what it shows, for those who cannot see it.
    start : tuple of int
        Index of the value shown first, for each parameter.
    """

    parameters: Mapping[str, tuple[str, ...]]
    frames: tuple[bytes, ...]
    alts: tuple[str, ...]
    start: tuple[int, ...]

    def widget(self) -> Any:
        """New Jupyter widgets: a `VBox` of one `SelectionSlider` per parameter and, below them, the frames.

        The frames are in a `Stack` with a child for each value of the first parameter; with more than one parameter
        such a child is again a `Stack`, for the second, and so on.

        Returns
        -------
        ipywidgets.VBox
            The widgets, linked in the browser.
        """
        import ipywidgets

        wide = ipywidgets.Layout(width="100%", max_width="40em")
        sliders = [
            ipywidgets.SelectionSlider(
                options=[(text, index) for index, text in enumerate(texts)],
                index=first,
                description=label,
                layout=wide,
                style={"description_width": "4em"},
            )
            for (label, texts), first in zip(self.parameters.items(), self.start, strict=True)
        ]
        children = [
            ipywidgets.HTML(
                f'<img alt="{html.escape(alt)}" style="max-width: 100%; height: auto" '
                f'width="{_pixels_wide(png) // 2}" src="data:image/png;base64,'
                f'{base64.b64encode(png).decode()}">'
            )
            for png, alt in zip(self.frames, self.alts, strict=True)
        ]
        for control in reversed(sliders):
            n = len(control.options)
            children = [
                ipywidgets.Stack(children[i : i + n], selected_index=control.index) for i in range(0, len(children), n)
            ]
            for stack in children:
                ipywidgets.jslink((control, "index"), (stack, "selected_index"))
        return ipywidgets.VBox([*sliders, *children])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """The widget, for a notebook; elsewhere one line of text."""
        return self.widget()._repr_mimebundle_() | {"text/plain": repr(self)}

    def __repr__(self) -> str:
        ranges = ", ".join(f"{label} = {texts[0]} ... {texts[-1]}" for label, texts in self.parameters.items())
        return f"<slider of {len(self.frames)} frames: {ranges}>"


def slider(
    draw: Callable[..., Panel],
    parameters: Mapping[str, Sequence[Any]],
    *,
    alt: str | Callable[..., str],
    start: Sequence[Any] | None = None,
    size: tuple[float, float] | None = None,
) -> Slider:
    """Draw a frame for every combination of values, and show them under one slider per parameter.

    Parameters
    ----------
    draw : callable
        Called with one value of each parameter, in the order of `parameters`; returns the `Panel` to show. Give its
        axes fixed limits, so that between frames only the physics moves.
    parameters : dict
        From each label to the values of its slider, {label: values}. Labels are plain text, such as "μ²": they are
        also read out. Numbers are shown to six significant digits.
    alt : str or callable
        What a frame shows, for those who cannot see it: one text for all, or a function of the values. It is
        preceded by the labels and values of the frame.
    start : sequence, optional
        The value of each parameter to show first; the first of each when None.
    size : (float, float), optional
        Width and height of one drawing in inches. Small ones have letters that can be read on a phone too; the
        panel's own when None.

    Returns
    -------
    Slider
        Its size grows with the number of combinations: 10 to 30 frames are a good number.

    Raises
    ------
    TypeError
        If `draw` does not return a `Panel`.
    ValueError
        If there is nothing to move, if a label is TeX, if `alt` is empty, if `start` is not among the values, or if
        a parameter changes no frame.

    Examples
    --------
    >>> import numpy as np
    >>> from srbm import figures
    >>> def frame(mu2):
    ...     return figures.spectrum({"RBM": np.minimum([4, 6, 8], mu2)}, ylabel="eigenvalues", ylim=(0, 9))
    >>> figures.slider(frame, {"μ²": [5, 7]}, alt="Spectrum of a trained machine")
    <slider of 2 frames: μ² = 5 ... 7>
    """
    values = {label: list(given) for label, given in parameters.items()}
    if not values:
        raise ValueError("parameters must name at least one parameter, as in {'μ²': [5, 6, 7]}; got none")
    for label, given in values.items():
        if "$" in label or "\\" in label or not label.strip():
            raise ValueError(f"a label is plain text that can be read out, such as 'μ²'; got {label!r}")
        if len(given) < 2:
            raise ValueError(f"{label} needs at least two values to move between, got {given}")
    start = [given[0] for given in values.values()] if start is None else list(start)
    if len(start) != len(values):
        raise ValueError(f"start needs one value for each of {', '.join(values)}; got {start}")
    for value, (label, given) in zip(start, values.items(), strict=True):
        if value not in given:
            raise ValueError(f"start must be among the values of {label}, {given}; got {value!r}")
    first = tuple(given.index(value) for value, given in zip(start, values.values(), strict=True))
    texts = {label: tuple(map(_text, given)) for label, given in values.items()}

    frames, alts = [], []
    for combination, shown in zip(itertools.product(*values.values()), itertools.product(*texts.values()), strict=True):
        panel = draw(*combination)
        if not isinstance(panel, Panel):
            raise TypeError(
                f"draw must return a Panel, as the functions of srbm.figures do; for {combination} it "
                f"returned {type(panel).__name__}"
            )
        says = alt(*combination) if callable(alt) else alt
        if not says.strip():
            raise ValueError(f"alt must say what a frame shows; for {combination} it is empty")
        if size is not None:
            panel = replace(panel, width=size[0], height=size[1])
        frames.append(panel._png())
        alts.append(", ".join(f"{label} = {text}" for label, text in zip(texts, shown, strict=True)) + f". {says}")
    _check_that_all_move(frames, texts)
    return Slider(texts, tuple(frames), tuple(alts), first)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float, np.number)) else str(value)


def _pixels_wide(png: bytes) -> int:
    """The width in the header of a PNG file."""
    return int.from_bytes(png[16:20])


def _check_that_all_move(frames: Sequence[bytes], texts: Mapping[str, tuple[str, ...]]) -> None:
    """ValueError if along one parameter all frames are the same."""
    grid = np.empty(len(frames), dtype=object)
    grid[:] = frames
    grid = grid.reshape([len(given) for given in texts.values()])
    for axis, label in enumerate(texts):
        if (grid == grid.take([0], axis)).all():
            raise ValueError(f"{label} changes no frame; does draw use it?")
