"""The random numbers of live figures, as the browser draws them: sfc32, and the transformation of Box and Muller."""

import numpy as np

WORD = 0xFFFFFFFF


class Generator:
    """The twin of ``generator`` in ``base.js``: the same numbers from the same seed, but for rounding.

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
            radius, angle = np.sqrt(-2 * np.log(self.uniform())), 2 * np.pi * self.uniform()
            drawn += [radius * np.cos(angle), radius * np.sin(angle)]
        return np.array(drawn[:n])
