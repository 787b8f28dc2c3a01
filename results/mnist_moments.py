"""Remake srbm/data/mnist_moments.npz from the official training images: python -m results.mnist_moments"""

from pathlib import Path

import numpy as np

from srbm.datasets import load_mnist, pack_moments
from srbm.moments import integer_moments


def main() -> None:
    moments = integer_moments(load_mnist("train", scale=False))
    path = Path(__file__).parent.parent / "srbm" / "data" / "mnist_moments.npz"
    np.savez_compressed(path, **pack_moments(moments))
    print(f"{path.name}: {moments.n} images, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
