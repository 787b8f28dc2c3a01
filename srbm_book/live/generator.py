"""The random numbers of live figures, to the last bit as browsers draw them: sfc32, and Marsaglia's polar method."""

import math

import numpy as np

WORD = 0xFFFFFFFF


class Generator:
    """The twin of ``generator`` in ``base.js``: the same numbers from the same seed.

    sfc32 is C. Doty-Humphrey's (PractRand); it has 128 bits of state and passes the usual tests.

    Parameters
    ----------
    seed : int
        Any 32 bits.
    """

    def __init__(self, seed: int):
        self._state = (0x9E3779B9, 0x243F6A88, seed & WORD, 1)
        for _ in range(15):
            self._word()

    def _word(self) -> int:
        a, b, c, d = self._state
        drawn = (a + b + d) & WORD
        turned = ((c << 21) | (c >> 11)) & WORD
        self._state = (b ^ (b >> 9), (c + (c << 3)) & WORD, (turned + drawn) & WORD, (d + 1) & WORD)
        return drawn

    def uniform(self) -> float:
        """A number between 0 and 1, neither of them."""
        return (self._word() + 0.5) / 2**32

    def normals(self, n: int) -> np.ndarray:
        """Independent standard normal numbers, shape (n,)."""
        drawn: list[float] = []
        while len(drawn) < n:
            x, y = 2 * self.uniform() - 1, 2 * self.uniform() - 1
            square = x * x + y * y
            if square < 1:
                stretch = math.sqrt(-2 * _ln(square) / square)
                drawn += [x * stretch, y * stretch]
        return np.array(drawn[:n])


def _ln(x: float) -> float:
    """The logarithm of 0 < x < 1 by sums and products alone, which are rounded alike everywhere."""
    m, doubled = x, 0
    while m < 0.75:
        m, doubled = m * 2, doubled + 1
    z = (m - 1) / (m + 1)
    series = 0.0
    for k in range(25, 0, -2):
        series = series * (z * z) + 1 / k
    return 2 * z * series - doubled * math.log(2)


class Lanes:
    """The twin of ``lanes`` in ``base.js``: a generator for each of n sites, all of which draw at once.

    Parameters
    ----------
    seed : int
        Any 32 bits.
    n : int
        How many generators; they differ in one of the words that they start from.
    """

    def __init__(self, seed: int, n: int):
        start = (0x9E3779B9, np.arange(n), seed & WORD, 1)
        self._state = np.array([np.broadcast_to(part, n) for part in start], dtype=np.uint32)
        for _ in range(15):
            self._state, _ = _drawn(self._state)

    def uniform(self, lanes: np.ndarray) -> np.ndarray:
        """A number between 0 and 1, neither of them, from each of these lanes."""
        self._state[:, lanes], drawn = _drawn(self._state[:, lanes])
        return drawn

    def pairs(self, lanes: np.ndarray) -> np.ndarray:
        """Two independent standard normal numbers from each of these lanes, shape (2, lanes)."""
        points, squares = np.empty((2, len(lanes))), np.empty(len(lanes))
        left, state = np.arange(len(lanes)), self._state[:, lanes]
        while left.size:
            state, x = _drawn(state)
            state, y = _drawn(state)
            x, y = 2 * x - 1, 2 * y - 1
            square = x * x + y * y
            points[:, left], squares[left] = (x, y), square
            outside = square >= 1
            self._state[:, lanes[left[~outside]]] = state[:, ~outside]
            left, state = left[outside], state[:, outside]
        return points * np.sqrt(-2 * _ln_each(squares) / squares)


def _drawn(state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The state of some lanes after a word has been drawn from each, and the words as numbers between 0 and 1."""
    a, b, c, d = state
    word = a + b + d
    turned = (c << 21) | (c >> 11)
    return np.array([b ^ (b >> 9), c + (c << 3), turned + word, d + 1]), (word + 0.5) / 2**32


def _ln_each(x: np.ndarray) -> np.ndarray:
    """`_ln` of every number, to the last bit."""
    m, exponent = np.frexp(x)
    low = m < 0.75
    m, doubled = np.where(low, 2 * m, m), low - exponent
    z = (m - 1) / (m + 1)
    square, series = z * z, np.zeros_like(z)
    for k in range(25, 0, -2):
        series = series * square + 1 / k
    return 2 * z * series - doubled * math.log(2)
