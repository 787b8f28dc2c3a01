"""Remake srbm_book/live/two_rulers.json, the spectra of digits and of MNIST: python -m results.two_rulers

The live figure of chapter 17 needs them in a browser: the variances of the modes about the mean image, those that are
only rounding left out.
"""

import json
from pathlib import Path

import numpy as np

from srbm import load_digits, mnist_correlation
from srbm._support.files import write_text

DATA = Path(__file__).parent.parent / "srbm_book" / "live" / "two_rulers.json"
ROUNDING = 1e-12
"""Variances below this do not differ from zero."""


def spectra() -> dict[str, np.ndarray]:
    """The variances of the modes that vary, descending, of either set of images."""
    moments = {"digits": np.cov(load_digits().T, bias=True), "mnist": mnist_correlation(center=True)}
    variances = {name: np.linalg.eigvalsh(C)[::-1] for name, C in moments.items()}
    return {name: v[v > ROUNDING] for name, v in variances.items()}


def main() -> None:
    stored = {name: [float(f"{value:.9g}") for value in v] for name, v in spectra().items()}
    write_text(DATA, json.dumps(stored) + "\n")
    print(f"{DATA.name}: {', '.join(f'{len(v)} of {name}' for name, v in stored.items())}, {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main()
