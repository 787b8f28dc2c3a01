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
