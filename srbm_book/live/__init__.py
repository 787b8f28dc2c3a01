"""Live figures: drawn in the browser, as a widget in a notebook and without a kernel on a page.

A figure NAME is two files of this folder, and a third, ``NAME.json``, if it has data that are too large for its state.
``NAME.js`` is an ES module that exports ``live({...})`` of ``base.js``:

=============  ====================================================================================================
``title``      its accessible name
``controls``   by the name of what they move: ``slider``, ``toggle`` and ``button`` of ``base.js``
``data``       names of the state that has no control
``intro``      where controls come from when a page shows the figure for the first time; optional
``numbers``    ``(state) => {...}``: the physics; whatever the figure draws is in it, as numbers and arrays of numbers
``describe``   ``(numbers, state) => sentence``: what there is to see, for those who look and for those who listen
``panels``     by name: title, and axes with label and domain
``draw``       ``(panels, numbers, state) => ...``: the marks
``load``       ``(data) => ...``: takes ``NAME.json`` before the figure is shown, where there is such a file
=============  ====================================================================================================

``NAME.py`` is its twin: ``START``, the state that it starts from, and ``numbers(**state)``, which has the same numbers
from `srbm`. A test moves every control to random places in a browser and compares the two.

D3 lies in ``vendor/``; `bundle` puts the files together, for a widget (one module) or for pages (scripts that work from
disk, where browsers load no modules).
"""

from .figure import LiveFigure, figures, live

__all__ = ["LiveFigure", "figures", "live"]
