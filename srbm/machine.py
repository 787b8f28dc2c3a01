"""What the machines have in common: two layers of nodes, joined by a weight matrix."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ._support.checks import Floats, count, fields, frozen, number, numpy_generator


class Layers:
    """A base for dataclasses with `weights` (N_v, N_h)."""

    if TYPE_CHECKING:

        @property
        def weights(self) -> Floats:
            """W, shape (N_v, N_h)."""

    def __getstate__(self) -> dict[str, Any]:
        """The parameters alone, for pickle and copy: what was computed from them is computed again."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(cast(Any, self))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, frozen(value) if isinstance(value, np.ndarray) else value)

    @property
    def n_visible(self) -> int:
        """N_v."""
        return self.weights.shape[0]

    @property
    def n_hidden(self) -> int:
        """N_h."""
        return self.weights.shape[1]

    def _visible(self, phi: Any) -> Floats:
        """`phi` as visible fields (..., N_v)."""
        return fields(phi, "phi", self.n_visible)


def random_weights(n_visible: int, n_hidden: int, scale: float, rng: Any) -> Floats:
    """W drawn independently from a normal distribution of standard deviation `scale`, shape (N_v, N_h)."""
    shape = (count(n_visible, "n_visible", least=1), count(n_hidden, "n_hidden"))
    return number(scale, "scale") * numpy_generator(rng).standard_normal(shape)
