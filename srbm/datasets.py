"""Data without a known distribution: MNIST, and scikit-learn's small digits that are always at hand.

The spectrum of MNIST needs no images: its exact integer second moments are part of the package.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from importlib.resources import files
from pathlib import Path

import numpy as np

from ._validation import Floats
from .errors import DatasetError
from .moments import IntegerMoments

MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MNIST_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 60000),
    "test": ("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 10000),
}
"""Official file, its SHA-256 and the number of images in it."""

_SIDE = 28


def load_mnist(split: str = "train", scale: bool = True) -> np.ndarray:
    """The MNIST images, a row each: (60000, 784) for "train", (10000, 784) for "test".

    Looked for in the folder `$SRBM_DATA/mnist` if that variable is set, otherwise downloaded once to a cache (this
    needs pooch). The file's SHA-256 is checked either way. With `scale`, float64 in [0, 1]; without, the bytes.

    Raises `DatasetError` when the file is missing, damaged or cannot be downloaded.
    """
    if split not in MNIST_FILES:
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    name, digest, images = MNIST_FILES[split]
    path = _local_file(name) or _download(name, digest)
    pixels = _read_images(path.read_bytes(), digest, images, path)
    return pixels / 255 if scale else pixels


def load_digits(scale: bool = True) -> np.ndarray:
    """scikit-learn's bundled digits, 1797 images of 8 x 8 pixels with 17 grey levels; shape (1797, 64).

    With `scale`, float64 in [0, 1]; without, integers from 0 to 16. Needs scikit-learn, no network.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise DatasetError("load_digits needs scikit-learn: pip install scikit-learn") from error
    images = datasets.load_digits().data
    return images / 16 if scale else images.astype(np.uint8)


def mnist_correlation(center: bool = False) -> Floats:
    """<phi phi^T> of the 60000 training images with pixels in [0, 1], shape (784, 784); no download.

    From exact integer sums stored with the package. With `center`, <phi phi^T> - <phi><phi>^T.
    """
    return mnist_moments().correlation(center, scale=1 / 255)


def mnist_moments() -> IntegerMoments:
    """The stored exact sums over the bytes of the MNIST training images."""
    with files(__package__).joinpath("data/mnist_moments.npz").open("rb") as file, \
            np.load(file, allow_pickle=False) as stored:
        return unpack_moments(stored)


def pack_moments(moments: IntegerMoments) -> dict[str, np.ndarray]:
    """Arrays to store: the upper triangle of the products as byte planes, which compress well."""
    triangle = moments.products[np.triu_indices(len(moments.sums))]
    if triangle.min() < 0 or triangle.max() >= 2**32:
        raise ValueError("the sums of products must fit 32 unsigned bits to be stored")
    planes = triangle.astype("<u4").view(np.uint8).reshape(-1, 4).T
    return {"n": np.array(moments.n), "sums": moments.sums, "planes": np.ascontiguousarray(planes)}


def unpack_moments(stored) -> IntegerMoments:
    """The inverse of `pack_moments`."""
    sums = stored["sums"]
    triangle = np.ascontiguousarray(stored["planes"].T).view("<u4")[:, 0].astype(np.int64)
    products = np.zeros((len(sums), len(sums)), dtype=np.int64)
    products[np.triu_indices(len(sums))] = triangle
    return IntegerMoments(int(stored["n"]), sums, products + np.triu(products, 1).T)


def _local_file(name: str) -> Path | None:
    folder = os.environ.get("SRBM_DATA")
    if not folder:
        return None
    path = Path(folder) / "mnist" / name
    if not path.is_file():
        raise DatasetError(f"SRBM_DATA is set to {folder}, but there is no {path}; put the official file there, "
                           "or unset SRBM_DATA to download it")
    return path


def _download(name: str, digest: str) -> Path:
    try:
        import pooch
    except ImportError as error:
        raise DatasetError(f"downloading {name} needs pooch (pip install pooch); or put the official file into "
                           "a folder mnist/ and set SRBM_DATA to the folder above it") from error
    try:
        return Path(pooch.retrieve(MNIST_URL + name, known_hash=f"sha256:{digest}", fname=name,
                                   path=pooch.os_cache("srbm") / "mnist"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{name} could not be downloaded from {MNIST_URL} ({error}); put the official file into a "
                           "folder mnist/ and set SRBM_DATA to the folder above it") from error


def _read_images(compressed: bytes, digest: str, images: int, path: Path) -> np.ndarray:
    """The pixels of an official gzipped IDX file, shape (images, 784), uint8."""
    found = hashlib.sha256(compressed).hexdigest()
    if found != digest:
        raise DatasetError(f"{path} is damaged or not the official file: its SHA-256 is {found[:12]}..., "
                           f"expected {digest[:12]}...; fetch it again")
    return parse_idx_images(compressed, images, path)


def parse_idx_images(compressed: bytes, images: int, path) -> np.ndarray:
    """Decompress and check an IDX file of `images` 28 x 28 images, reading no more than it should hold."""
    expected = 16 + images * _SIDE * _SIDE
    try:
        decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        raw = decompressor.decompress(compressed, expected + 1)
    except zlib.error as error:
        raise DatasetError(f"{path} is not a gzip file ({error}); fetch it again") from error
    if len(raw) != expected:
        kind = "truncated" if len(raw) < expected else "too long"
        raise DatasetError(f"{path} is {kind}: expected {expected} bytes of {images} images, got "
                           f"{len(raw) if len(raw) < expected else 'more'}; fetch it again")
    header = tuple(int(value) for value in np.frombuffer(raw, dtype=">i4", count=4))
    if header != (2051, images, _SIDE, _SIDE):
        raise DatasetError(f"{path} is not an IDX file of {images} images of {_SIDE} x {_SIDE} pixels "
                           f"(header {header}); fetch it again")
    return np.frombuffer(raw, dtype=np.uint8, offset=16).reshape(images, _SIDE * _SIDE)
