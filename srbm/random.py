"""Random numbers that are drawn on the device itself.

`train` computes wherever the correlation matrix is (a PyTorch tensor on a GPU, say), but draws its random numbers from
NumPy's generator and copies them there. The result is then the same on every device, to rounding. `TorchGenerator`
draws them on the device instead: no copies, another stream, equal in law.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from ._support.checks import described

_BIT_GENERATORS = {
    kind.__name__: kind
    for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)
}
"""Those that a file may name."""
_BOUNDED = (("state", "pos", 624), (None, "buffer_pos", 4), (None, "has_uint32", 1))
"""Positions in buffers, which NumPy does not check: where in the state they are (where they are), and the last one."""


class TorchGenerator:
    """What `train` needs of a random generator, drawn by PyTorch on its device: pass it as `rng`.

    Needs PyTorch and, for what `train` does with its tensors, array-api-compat: pip install torch array-api-compat.

    Parameters
    ----------
    seed : int
        Fixes all random numbers.
    device : str or torch.device
        Where the correlation matrix is.

    Raises
    ------
    ImportError
        Without PyTorch.

    Examples
    --------
    >>> from srbm.random import TorchGenerator
    >>> TorchGenerator(0, "cuda").standard_normal((2, 3)).shape  # doctest: +SKIP
    torch.Size([2, 3])
    """

    def __init__(self, seed: int, device: Any = "cpu"):
        try:
            import torch
        except ImportError as error:
            raise ImportError("TorchGenerator needs PyTorch: pip install torch array-api-compat") from error

        self._torch = torch
        self._generator = torch.Generator(device=device).manual_seed(int(seed))

    @property
    def device(self) -> Any:
        """Where the numbers are drawn, a `torch.device`."""
        return self._generator.device

    def standard_normal(self, shape: Any) -> Any:
        """Independent normal variables of variance one.

        Parameters
        ----------
        shape : tuple of int
            How many.

        Returns
        -------
        torch.Tensor
            float64, of this shape.
        """
        return self._torch.randn(shape, dtype=self._torch.float64, device=self.device, generator=self._generator)

    def standard_gamma(self, shape_parameter: Any, size: Any) -> Any:
        """Independent Gamma variables of unit scale.

        Parameters
        ----------
        shape_parameter : float or array
            The parameter of the distribution, broadcast to `size`.
        size : tuple of int
            How many.

        Returns
        -------
        torch.Tensor
            float64, of shape `size`.
        """
        concentration = self._torch.as_tensor(
            np.broadcast_to(shape_parameter, size).copy(), dtype=self._torch.float64, device=self.device
        )
        # torch.distributions.Gamma calls the same function, but takes no generator.
        return self._torch._standard_gamma(concentration, generator=self._generator)

    @property
    def bit_generator(self) -> SimpleNamespace:
        """What NumPy's generators have by this name, with a `state` that is a dictionary which JSON can hold."""
        numbers = self._generator.get_state().tolist()
        return SimpleNamespace(state={"bit_generator": "torch", "device": str(self.device), "state": numbers})

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TorchGenerator:
        """A generator that continues from a stored state, on the same kind of device.

        Parameters
        ----------
        state : dict
            What `bit_generator.state` was.

        Returns
        -------
        TorchGenerator
            The next numbers are those that would have followed.
        """
        generator = cls(0, state["device"])
        generator._generator.set_state(generator._torch.tensor(state["state"], dtype=generator._torch.uint8))
        return generator


def generator_from(state: Mapping[str, Any]) -> Any:
    """A generator that continues from a stored `bit_generator.state`.

    Parameters
    ----------
    state : dict
        The state of one of NumPy's generators, or of a `TorchGenerator`.

    Returns
    -------
    numpy.random.Generator or TorchGenerator
        The next numbers are those that would have followed.

    Raises
    ------
    ValueError
        For what cannot be the state of a generator.
    """
    name = state["bit_generator"]
    if name == "torch":
        return TorchGenerator.from_state(state)
    bit_generator: Any = _BIT_GENERATORS[name](0)
    for inner, position, last in _BOUNDED:
        holder = state[inner] if inner else state
        found = holder.get(position, 0)
        if type(found) is not int or not 0 <= found <= last:
            raise ValueError(f"the generator's {position} must be an integer from 0 to {last}, got {described(found)}")
    bit_generator.state = state
    if not _same(bit_generator.state, state):  # NumPy drops bits that do not fit
        raise ValueError(f"the state of the generator is none of a {name}")
    return np.random.Generator(bit_generator)


def _same(one: Any, other: Any) -> bool:
    """Whether two states are equal, arrays and lists of the same numbers being the same."""
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    return bool(np.array_equal(one, other))
