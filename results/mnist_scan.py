"""Remake srbm_book/data/mnist_scan.npz, what Chapter 9 asks the images of MNIST: python -m results.mnist_scan

Two independent parts:

growth       spectra of <phi phi^T> over disjoint subsets of the training images, and over the same images with a
             heavy-tailed brightness (each image times the modulus of a Cauchy variable), which have no second moment;
recognition  which of the 10000 test images a classifier, trained on original images, still recognises after one pass
             through the optimal RBM with N_h nodes.

Needs the images and labels of MNIST, the latter in $SRBM_DATA/mnist, and scikit-learn.
"""

import gzip
import os
from pathlib import Path

import numpy as np
from scipy.sparse.linalg import eigsh
from sklearn.neural_network import MLPClassifier

from srbm import load_mnist, maximum_likelihood, mnist_correlation

MASS_SQUARED = 100.0
SIZES = (937, 3750, 15_000, 30_000, 60_000)
NODES = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 80, 100, 128, 192, 251)
SUBSETS, TAUGHT = 16, 12_000
DATA = Path(__file__).parent.parent / "srbm_book" / "data" / "mnist_scan.npz"


def growth(images):
    """For each subset: n, its ten largest eigenvalues, the smallest above zero, its rank, and the largest if heavy."""
    brightness = np.abs(np.random.default_rng(0).standard_cauchy(len(images)))
    rows = []
    for size in SIZES:
        for first in range(0, len(images) - size + 1, size)[:SUBSETS]:
            part = images[first : first + size] / 255
            values = np.linalg.eigvalsh(part.T @ part / size)[::-1]
            rank = int((values > 1e-12 * values[0]).sum())
            bright = part * brightness[first : first + size, None]
            heavy = eigsh(bright.T @ bright / size, k=1, v0=np.ones(784), return_eigenvectors=False)[0]
            rows.append([size, *values[:10], values[rank - 1], rank, heavy])
    return np.array(rows)


def labels(split):
    path = Path(os.environ["SRBM_DATA"]) / "mnist" / f"{split}-labels-idx1-ubyte.gz"
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=8)


def recognition(images, test):
    """(len(NODES) + 1, 10000): whether each test image is recognised, after the pass and (last row) as it is."""
    classifier = MLPClassifier(100, tol=0.01, n_iter_no_change=3, random_state=0)
    classifier.fit(images[:TAUGHT] / 255, labels("train")[:TAUGHT])
    truth, correlation = labels("t10k"), mnist_correlation()
    passed = [maximum_likelihood(correlation, n, MASS_SQUARED).reconstruct(test / 255) for n in NODES]
    return np.array([classifier.predict(views) == truth for views in [*passed, test / 255]])


def main() -> None:
    images, test = load_mnist("train", scale=False), load_mnist("test", scale=False)
    seen = recognition(images, test)
    grown = growth(images)
    DATA.parent.mkdir(exist_ok=True)
    np.savez_compressed(DATA, growth=grown, nodes=NODES, recognised=np.packbits(seen, axis=1), images=seen.shape[1])
    print(f"{DATA.name}: {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main()
