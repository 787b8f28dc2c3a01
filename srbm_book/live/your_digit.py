"""Your own digit, forward and backward through the machine: the numbers of ``your_digit.js`` from `srbm`.

The modes are those of MNIST's stored second moments, rounded (see `results.digit_modes`); the digits to start from are
written here, with a pen.
"""

import base64
import json
from functools import cache
from types import SimpleNamespace

import numpy as np

from srbm import ScalarRBM, truncated_kl

from . import bundle

SIDE = 28
"""Pixels along an image."""
PEN = 1.6
"""Distance from the line of the pen, in pixels, at which its ink ends. It begins to fade one pixel before."""
DIGITS = [
    [[14, 4.5, 10.5, 6, 8.5, 10, 8, 14, 8.5, 18, 10.5, 22, 14, 23.5, 17.5, 22, 19.5, 18, 20, 14, 19.5, 10, 17.5, 6,
      14, 4.5]],
    [[12, 7, 15, 4.5, 14.5, 12, 14, 23.5]],
    [[8.5, 9, 9.5, 6, 13, 4.5, 17, 5, 19, 8, 18, 12, 14.5, 16, 10.5, 20, 8, 23, 12, 22.5, 16, 23, 20, 23]],
    [[9, 6, 13, 4.5, 17, 5.5, 18.5, 8.5, 17, 12, 12.5, 13.5, 17, 14.5, 19, 18, 17.5, 22, 13, 23.5, 8.5, 22]],
    [[10, 5, 9, 10, 8.5, 14, 13, 14.5, 19, 14], [18.5, 5, 18, 12, 17.5, 23.5]],
    [[10.5, 5.5, 9.5, 12.5, 14, 11.5, 18, 13.5, 19, 17.5, 17, 21.5, 13, 23.5, 8.5, 22], [10.5, 5.5, 18.5, 5]],
    [[17, 4.5, 13, 8, 10, 13, 9, 18, 10.5, 22, 14, 23.5, 18, 21.5, 18.5, 17.5, 16, 15, 12, 15.5, 9.5, 18.5]],
    [[8, 6, 13, 5.5, 19.5, 5, 17, 10, 14.5, 16, 13, 23.5]],
    [[18, 7, 15, 4.5, 11, 5.5, 10, 8.5, 12, 11.5, 16, 15, 18, 19, 16, 23, 12, 23.5, 9.5, 21, 10, 17.5, 14, 13.5, 17.5,
      10, 18, 7]],
    [[18.5, 8, 15.5, 5, 11, 6, 9, 10, 11, 13.5, 15, 13.5, 18.5, 9, 18, 14, 17, 19, 16, 23.5]],
]  # fmt: skip
"""Strokes of ten digits, each as x, y, x, y, ... in pixels from the upper left corner."""
START = {
    "n_hidden": 16, "mu2": 100.0, "strokes": DIGITS[3], "digits": DIGITS, "example": 3, "pen": [14, 14], "down": False,
}  # fmt: skip


def random_data(rng: np.random.Generator) -> dict[str, list]:
    """A scribble of up to four strokes, or nothing."""
    return {"strokes": [rng.uniform(0, SIDE, 2 * rng.integers(1, 9)).tolist() for _ in range(rng.integers(0, 5))]}


@cache
def modes() -> SimpleNamespace:
    """The modes as the browser has them.

    Returns
    -------
    namespace
        ``kappa`` (300,), ascending; ``vectors`` (784, 300), orthonormal columns; the ``trace`` of C.
    """
    stored = json.loads((bundle.HERE / "your_digit.json").read_text(encoding="utf-8"))
    levels = np.frombuffer(base64.b64decode(stored["vectors"]), np.int8).reshape(len(stored["kappa"]), -1)
    vectors = np.zeros((SIDE**2, len(levels)))
    orthonormal, triangle = np.linalg.qr(levels.T.astype(float))
    vectors[stored["alive"]] = orthonormal * np.sign(np.diag(triangle))
    return SimpleNamespace(kappa=np.array(stored["kappa"]), trace=stored["trace"], vectors=vectors)


def drawn(strokes: list[list[float]]) -> np.ndarray:
    """The image of these strokes: ink (784,) from 0 to 1, as far as the distance to the nearest stroke says."""
    rows, columns = np.divmod(np.arange(SIDE**2), SIDE)
    pixels = np.column_stack([columns, rows]) + 0.5
    nearest = np.full(SIDE**2, np.inf)
    for stroke in strokes:
        points = np.reshape(stroke, (-1, 2))
        for start, end in zip(points[[0, *range(len(points) - 1)]], points, strict=True):  # the first one is a dot
            along = end - start
            share = np.clip((pixels - start) @ along / (along @ along or 1), 0, 1)
            nearest = np.minimum(nearest, ((pixels - start - np.outer(share, along)) ** 2).sum(axis=1))
    return np.clip(PEN - np.sqrt(nearest), 0, 1)


def numbers(
    strokes: list[list[float]], n_hidden: int, mu2: float, digits: list, example: int, pen: list[float], down: bool
) -> dict[str, object]:
    """What the machine of maximum likelihood for MNIST returns of a drawing, and what it loses.

    Parameters
    ----------
    strokes : list of list of float
        The drawing.
    n_hidden : int
        N_h.
    mu2 : float
        mu^2, below the last kappa that is stored.
    digits, example, pen, down
        Examples to draw, the last of them, place of the pen, and whether it is down; no number depends on them.

    Returns
    -------
    dict
        ``image``, what is ``returned`` of it and ``left`` out, 784 pixels each; for N_h = 0, 1, ..., 300 the share of
        its square that is left out (``shares``), and the same of all MNIST (``typical``); the number of modes ``below``
        mu^2; ``nats`` lost against a machine with a node for each of them, by MNIST on average, and by this image
        (``own``).
    """
    kappa, vectors, image = modes().kappa, modes().vectors, drawn(strokes)
    below = int((kappa < mu2).sum())
    weights = vectors[:, :below] * np.sqrt(mu2 - kappa[:below])
    returned = ScalarRBM(weights[:, :n_hidden], mu2).reconstruct(image)
    missed = weights[:, n_hidden:]  # of the nodes that there are not
    passed = np.maximum(1 - kappa / mu2, 0)
    lefts = image - np.cumsum(passed * (image @ vectors) * vectors, axis=1).T
    kept = np.where(kappa < mu2, 1 / kappa - kappa / mu2**2, 0)
    few, enough = truncated_kl(kappa, [n_hidden, below], mu2)
    square = image @ image or 1.0
    return {
        "image": image,
        "returned": returned,
        "left": image - returned,
        "shares": np.append(image @ image, (lefts**2).sum(axis=1)) / square,
        "typical": 1 - np.append(0, np.cumsum(kept)) / modes().trace,
        "below": below,
        "nats": few - enough,
        "own": (((image @ missed) ** 2).sum() - np.log(mu2 / kappa[n_hidden:below]).sum()) / 2,
    }
