"""What an algorithm costs, by counting its operations instead of timing them.

`Tally.array` wraps an array so that it follows the array API standard and books every operation it takes part in.
Whatever is written to the standard can be counted by passing it such an array, `train` as well:

    tally = Tally()
    train(rbm, tally.array(correlation), 1, 0.01, PCD(128), rng=tally.generator(0))
    tally.flops, tally.bytes, tally.normals, tally.calls

The numbers are those of the formulas, equal on every machine. Seconds are not: they also depend on how fast the
machine does each kind of work, and on what else it is doing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from ._support.checks import numpy_generator


def _size(*arrays: Any, result: Any) -> int:
    return prod(result.shape)


def _matmul(a: Any, b: Any, *, result: Any) -> int:
    return 2 * a.shape[-1] * prod(result.shape)


def _cholesky(a: Any, *, result: Any) -> int:
    n = a.shape[-1]
    return prod(a.shape[:-2]) * (n * (n + 1) * (2 * n + 1) // 6)


def _inverse(a: Any, *, result: Any) -> int:
    return 2 * a.shape[-1] * prod(a.shape)


def _reduction(a: Any, *, result: Any, **_: Any) -> int:
    return prod(a.shape)


def _dot(a: Any, b: Any, *, result: Any, **_: Any) -> int:
    return 2 * prod(a.shape)


def _nothing(*_: Any, **__: Any) -> int:
    return 0


_PRICES: dict[str, Callable[..., int]] = {
    "sqrt": _size,
    "matmul": _matmul,
    "sum": _reduction,
    "mean": _reduction,
    "vecdot": _dot,
    "linalg.cholesky": _cholesky,
    "linalg.inv": _inverse,
    **dict.fromkeys(("tril", "eye", "isfinite", "all", "astype"), _nothing),
}
"""Floating-point operations of each function; multiplication and addition count one each, a square root one, too."""

_VIEWS = ("asarray", "linalg.diagonal", "broadcast_to")
"""These move nothing."""

_OPERATORS = {"__add__": "add", "__sub__": "sub", "__mul__": "mul", "__truediv__": "truediv"}


@dataclass
class Tally:
    """Counts of operations, all zero at first.

    Attributes
    ----------
    flops : int
        Floating-point operations: 2 m n p for the product of an m x n and an n x p matrix, n (n + 1)(2 n + 1) / 6 for a
        Cholesky decomposition, 2 n^3 for an inverse, one for each entry of an elementwise result.
    bytes : int
        What the operations read and write if every one fetches its operands from memory.
    normals : int
        Random numbers drawn.
    calls : int
        Operations on whole arrays: the number of kernels that a GPU launches.

    Examples
    --------
    >>> from srbm import Tally
    >>> tally = Tally()
    >>> product = tally.array([[1.0, 2.0], [3.0, 4.0]]) @ tally.array([[1.0], [1.0]])
    >>> tally
    Tally(flops=8, bytes=64, normals=0, calls=1)
    """

    flops: int = 0
    bytes: int = 0
    normals: int = 0
    calls: int = 0
    _namespace: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._namespace = _Namespace(self)

    def array(self, values: Any) -> CountedArray:
        """An array whose operations are counted here.

        Parameters
        ----------
        values : array
            Its entries, which are taken as float64.

        Returns
        -------
        CountedArray
            What follows the array API standard and can be passed wherever such arrays can.
        """
        return CountedArray(np.asarray(values, dtype=np.float64), self)

    def generator(self, rng: Any = None) -> CountedGenerator:
        """A random generator whose numbers are counted here.

        Parameters
        ----------
        rng : numpy.random.Generator or int, optional
            Random numbers, or their seed.

        Returns
        -------
        CountedGenerator
            What can be passed to `train` as `rng`.
        """
        return CountedGenerator(numpy_generator(rng), self)

    def __sub__(self, other: Tally) -> Tally:
        """What was counted here and not there.

        Parameters
        ----------
        other : Tally
            Counts from before.

        Returns
        -------
        Tally
            The differences.
        """
        return Tally(
            self.flops - other.flops, self.bytes - other.bytes, self.normals - other.normals, self.calls - other.calls
        )

    def _book(self, flops: int, arrays: Iterable[np.ndarray]) -> None:
        self.flops += flops
        self.bytes += sum(array.nbytes for array in arrays)
        self.calls += 1


class CountedGenerator:
    """A NumPy generator that books what is drawn from it.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the numbers come from.
    tally : Tally
        Where they are counted.
    """

    def __init__(self, rng: np.random.Generator, tally: Tally):
        self._rng, self._tally = rng, tally
        self.bit_generator = rng.bit_generator

    def standard_normal(self, shape: Any) -> Any:
        """Normal variables of the generator, counted.

        Parameters
        ----------
        shape : int or tuple of int
            How many.

        Returns
        -------
        array
            The numbers, of this shape.
        """
        return self._booked(self._rng.standard_normal(shape))

    def standard_gamma(self, shape_parameter: Any, size: Any) -> Any:
        """Gamma variables of the generator, counted.

        Parameters
        ----------
        shape_parameter : float or array
            The parameter of the distribution.
        size : int or tuple of int
            How many.

        Returns
        -------
        array
            The numbers, of shape `size`.
        """
        return self._booked(self._rng.standard_gamma(shape_parameter, size=size))

    def _booked(self, numbers: Any) -> Any:
        self._tally.normals += numbers.size
        return numbers


class CountedArray:
    """A NumPy array that books its operations in a `Tally`; for the rest it follows the array API standard.

    Parameters
    ----------
    array : array
        The numbers.
    tally : Tally
        Where its operations are counted.
    """

    def __init__(self, array: np.ndarray, tally: Tally):
        self._array, self._tally = array, tally

    shape = property(lambda self: self._array.shape)
    dtype = property(lambda self: self._array.dtype)
    device = property(lambda self: self._array.device)
    mT = property(lambda self: CountedArray(self._array.mT, self._tally))

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return self._tally._namespace

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()

    def __getitem__(self, key: Any) -> CountedArray:
        return CountedArray(self._array[key], self._tally)

    def __matmul__(self, other: Any) -> CountedArray:
        return self._tally._namespace.matmul(self, other)


def _elementwise(function: Callable[..., Any], reflected: bool) -> Callable[[CountedArray, Any], CountedArray]:
    def operation(self: CountedArray, other: Any) -> CountedArray:
        pair = (other, self) if reflected else (self, other)
        plain = [x._array if isinstance(x, CountedArray) else x for x in pair]
        result = np.asarray(function(*plain))
        self._tally._book(result.size, [x for x in (*plain, result) if isinstance(x, np.ndarray)])
        return CountedArray(result, self._tally)

    return operation


for _method, _function in _OPERATORS.items():
    setattr(CountedArray, _method, _elementwise(getattr(operator, _function), False))
    setattr(CountedArray, _method.replace("__", "__r", 1), _elementwise(getattr(operator, _function), True))


class _Namespace:
    """NumPy's functions, booked; one without a price raises `NotImplementedError`."""

    float64 = np.float64

    def __init__(self, tally: Tally, prefix: str = ""):
        self._tally, self._prefix = tally, prefix

    @property
    def linalg(self) -> _Namespace:
        return _Namespace(self._tally, "linalg.")

    def __getattr__(self, name: str) -> Callable[..., CountedArray]:
        name = self._prefix + name
        if name not in _PRICES and name not in _VIEWS:
            raise NotImplementedError(f"counting knows no price for {name}: add one to srbm.counting")
        function = operator.attrgetter(name)(np)

        def counted(*arguments: Any, **options: Any) -> CountedArray:
            plain = [x._array if isinstance(x, CountedArray) else x for x in arguments]
            result = np.asarray(function(*plain, **options))
            if name in _PRICES:
                operands = [x for x in plain if isinstance(x, np.ndarray)]
                self._tally._book(_PRICES[name](*plain, result=result, **options), [*operands, result])
            return CountedArray(result, self._tally)

        return counted
