"""Remake srbm_book/live/your_digit.json from the stored moments of MNIST: python -m results.digit_modes

The live figure of chapter 9 needs the lightest modes in a browser. Each is stored in 717 bytes, one for a pixel, which
stand for a vector up to its length; whoever reads them makes them orthonormal, in their order, as `modes` of
`srbm_book.live.your_digit` does.
"""

import base64
import json
from pathlib import Path

import numpy as np

from srbm import kernel_spectrum, mnist_correlation
from srbm._support.files import write_text

DATA = Path(__file__).parent.parent / "srbm_book" / "live" / "your_digit.json"
COUNT = 300
"""Modes that are stored."""


def lightest() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lightest modes of MNIST.

    Returns
    -------
    kappa : array (COUNT,)
        Their eigenvalues, ascending.
    vectors : array (784, COUNT)
        The modes as columns, the largest component of each positive.
    alive : array of int
        The pixels that are not black in all images; the modes vanish elsewhere.
    """
    C = mnist_correlation()
    vectors = np.linalg.eigh(C).eigenvectors[:, : -COUNT - 1 : -1]
    largest = np.abs(vectors).argmax(axis=0)
    return kernel_spectrum(C)[:COUNT], vectors * np.sign(vectors[largest, range(COUNT)]), np.flatnonzero(np.diag(C))


def packed() -> dict[str, object]:
    """What the file holds: ``kappa``, the ``trace`` of C, the pixels ``alive``, and ``vectors`` in turn, as base64."""
    kappa, vectors, alive = lightest()
    levels = np.rint(127 * vectors[alive] / np.abs(vectors).max(axis=0)).astype(np.int8)
    return {
        "kappa": [float(f"{value:.13g}") for value in kappa],
        "trace": float(f"{mnist_correlation().trace():.13g}"),
        "alive": alive.tolist(),
        "vectors": base64.b64encode(levels.T.tobytes()).decode(),
    }


def main() -> None:
    write_text(DATA, json.dumps(packed()) + "\n")
    print(f"{DATA.name}: {COUNT} modes, {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main()
