"""A live figure in Python: its state, the numbers of its twin, and how a notebook and a page show it."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from importlib import import_module, util
from pathlib import Path
from typing import Any

from . import bundle

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><style>{style}</style>
<script defer src="live.js"></script><script defer src="{name}.js"></script></head>
<body><main><h1>{name}</h1>{figure}</main></body></html>
"""
"""A page with one figure."""


def figures() -> list[str]:
    """The names of all live figures, in alphabetical order."""
    return sorted(path.stem for path in bundle.HERE.glob("*.js") if path.stem != bundle.BASE)


class LiveFigure:
    """A figure that moves in the browser; made by `live`.

    Attributes
    ----------
    name : str
        Which figure.
    state : dict
        Where it starts: what its controls move, and its data.
    """

    def __init__(self, name: str, state: Mapping[str, Any]):
        self.name, self.state = name, dict(state)
        self._widget = None

    def numbers(self) -> dict[str, Any]:
        """What the figure shows in its state, from `srbm`: numbers and lists of numbers.

        Returns
        -------
        dict
            The same as ``numbers`` of its module has in the browser.
        """
        return self.twin.numbers(**self.state)

    @property
    def twin(self) -> Any:
        """The module with ``START`` and ``numbers``."""
        return _twin(self.name)

    def html(self, still: str = "") -> str:
        """The figure for a page, which the scripts of `bundle` bring to life.

        Parameters
        ----------
        still : str
            HTML of what stands for it where there are no scripts, and on paper.

        Returns
        -------
        str
            One element, with the state in it.
        """
        state = json.dumps(self.state, ensure_ascii=False).replace("</", "<\\/")
        return (
            f'<div class="live" data-figure="{html.escape(self.name)}">'
            f'<script type="application/json">{state}</script><div class="live-still">{still}</div></div>'
        )

    def save(self, folder: str | Path, still: str = "") -> Path:
        """Write the figure as a page of its own, which needs nothing but what then lies beside it.

        Parameters
        ----------
        folder : path
            An existing folder.
        still : str
            As for `html`.

        Returns
        -------
        Path
            The page, ``page.html``.
        """
        folder = Path(folder)
        for name, text in {"live.js": bundle.library(), **bundle.scripts(self.name)}.items():
            (folder / name).write_text(text, encoding="utf-8")
        page = folder / "page.html"
        page.write_text(PAGE.format(name=self.name, style=bundle.style(), figure=self.html(still)), encoding="utf-8")
        return page

    def widget(self) -> Any:
        """The figure as an `anywidget`: its traits are the state, and follow the hand.

        Returns
        -------
        anywidget.AnyWidget
            The same each time. ``figure.widget().mu2 = 5`` moves the figure.
        """
        if self._widget is None:
            import anywidget
            import traitlets

            traits = {name: traitlets.Any(value).tag(sync=True) for name, value in self.state.items()}
            kind = type("Live", (anywidget.AnyWidget,), {
                "_esm": bundle.module(self.name), "_css": bundle.style(), **traits,
                "__doc__": f"The live figure {self.name}.",
            })  # fmt: skip
            self._widget = kind()
            self._widget.add_class("live")
        return self._widget

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """The widget where it can be shown; what is stored is the figure for a page."""
        note = "<p>Run this cell to move the figure.</p>"
        shown = {"text/plain": repr(self), "text/html": self.html(note)}
        if util.find_spec("anywidget"):
            widget, _ = self.widget()._repr_mimebundle_()
            shown = widget | shown
        return shown

    def __repr__(self) -> str:
        return f"<live figure {self.name}>"


def live(name: str, **state: Any) -> LiveFigure:
    """A live figure.

    Parameters
    ----------
    name : str
        One of `figures`.
    **state
        What it starts from where that is not as in ``START`` of its twin.

    Returns
    -------
    LiveFigure
        Shown by a notebook as a widget, by a page without a kernel.

    Raises
    ------
    ValueError
        For a figure or a name of its state that there is not.

    Examples
    --------
    >>> from srbm_book.live import live
    >>> figure = live("one_spectrum", n_hidden=0, mu2=5.0, m2=4.0, n_sites=10)
    >>> round(figure.numbers()["nats"], 3)
    0.186
    """
    if name not in figures():
        raise ValueError(f"there is no live figure {name!r}; there are {', '.join(figures())}")
    start = _twin(name).START
    if unknown := set(state) - set(start):
        raise ValueError(f"{name} has no {', '.join(sorted(unknown))}; its state is {', '.join(start)}")
    return LiveFigure(name, start | state)


def _twin(name: str) -> Any:
    return import_module(f"{__package__}.{name}")
