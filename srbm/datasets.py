"""Data without a known distribution: MNIST, and scikit-learn's small digits that are always at hand.

The spectrum of MNIST needs no images: its exact integer second moments are part of the package.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from ._support.checks import Floats, PathLike
from ._support.files import Stored, read_arrays
from .errors import DatasetError
from .moments import IntegerMoments

MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"


class OfficialFile(NamedTuple):
    """An official file of MNIST images.

    Attributes
    ----------
    name : str
        Name of the file.
    sha256 : str
        Its SHA-256, in hexadecimal digits.
    size : int
        Its bytes.
    images : int
        The images in it.
    """

    name: str
    sha256: str
    size: int
    images: int


MNIST_FILES = {
    "train": OfficialFile(
        "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        9_912_422,
        60_000,
    ),
    "test": OfficialFile(
        "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        1_648_877,
        10_000,
    ),
}

_SIDE = 28
_PIXELS = _SIDE * _SIDE
_STORED_MOMENTS = {
    "n": Stored(("i8",), shape=()),
    "sums": Stored(("i8",), shape=(_PIXELS,)),
    "planes": Stored(("u1",), shape=(4, _PIXELS * (_PIXELS + 1) // 2)),
}


def load_mnist(split: str = "train", scale: bool = True, *, progress: bool = False) -> np.ndarray:
    """The MNIST images, one in each row.

    They are looked for in the folder `$SRBM_DATA/mnist` if that variable is set, otherwise downloaded once to a cache
    (this needs pooch). The file's SHA-256 is checked either way.

    Parameters
    ----------
    split : str
        "train" or "test".
    scale : bool
        Whether to scale the pixels to [0, 1]; without, they are bytes.
    progress : bool
        Whether to show a bar of the download.

    Returns
    -------
    array (60000, 784) or (10000, 784)
        The images of "train" or "test", float64 if scaled and else uint8.

    Raises
    ------
    DatasetError
        When the file is missing, damaged or cannot be downloaded.
    ValueError
        For another `split`.

    Examples
    --------
    >>> from srbm import load_mnist
    >>> load_mnist("test").shape  # doctest: +SKIP
    (10000, 784)
    """
    if split not in MNIST_FILES:
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    official = MNIST_FILES[split]
    path = _local_file(official.name) or _download(official, progress)
    pixels = _read_images(path, official)
    return pixels / 255 if scale else pixels


def load_digits(scale: bool = True) -> np.ndarray:
    """The digits that scikit-learn brings: 1797 images of 8 x 8 pixels with 17 grey levels.

    Needs scikit-learn, no network.

    Parameters
    ----------
    scale : bool
        Whether to scale the pixels to [0, 1]; without, they are integers from 0 to 16.

    Returns
    -------
    array (1797, 64)
        An image in each row, float64 if scaled and else uint8.

    Raises
    ------
    DatasetError
        Without scikit-learn.

    Examples
    --------
    >>> from srbm import load_digits
    >>> load_digits().shape
    (1797, 64)
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise DatasetError("load_digits needs scikit-learn: pip install scikit-learn") from error
    images = datasets.load_digits().data
    return images / 16 if scale else images.astype(np.uint8)


def mnist_correlation(center: bool = False) -> Floats:
    """Second moments <phi phi^T> of the 60000 MNIST training images with pixels in [0, 1]; no download.

    From exact integer sums stored with the package.

    Parameters
    ----------
    center : bool
        Whether to subtract the mean: <phi phi^T> - <phi><phi>^T.

    Returns
    -------
    array (784, 784)
        The second moments of the pixels.

    Raises
    ------
    DatasetError
        When the stored sums cannot be read.

    Examples
    --------
    >>> from srbm import mnist_correlation
    >>> round(float(mnist_correlation().trace()), 1)
    87.8
    """
    return mnist_moments().correlation(center, scale=1 / 255)


def mnist_moments() -> IntegerMoments:
    """The exact sums over the bytes of the MNIST training images that are stored with the package.

    Returns
    -------
    IntegerMoments
        Sums over 60000 images of 784 pixels.

    Raises
    ------
    DatasetError
        When they cannot be read.

    Examples
    --------
    >>> from srbm.datasets import mnist_moments
    >>> mnist_moments().n
    60000
    """
    stored = files(__package__).joinpath("data/mnist_moments.npz")
    try:
        with stored.open("rb") as file:
            return unpack_moments(read_arrays(file, stored.name, _STORED_MOMENTS))
    except (OSError, DatasetError) as error:
        raise DatasetError(
            f"the moments of MNIST that come with srbm cannot be read ({error}); install srbm again"
        ) from error


def pack_moments(moments: IntegerMoments) -> dict[str, np.ndarray]:
    """The arrays in which moments are stored: the upper triangle of the products as byte planes, which compress well.

    Parameters
    ----------
    moments : IntegerMoments
        Sums that fit into 32 unsigned bits.

    Returns
    -------
    dict
        The arrays by name.

    Raises
    ------
    ValueError
        For larger or negative sums.
    """
    triangle = moments.products[np.triu_indices(len(moments.sums))]
    if triangle.min() < 0 or triangle.max() >= 2**32:
        raise ValueError("the sums of products must fit 32 unsigned bits to be stored")
    planes = triangle.astype("<u4").view(np.uint8).reshape(-1, 4).T
    return {"n": np.array(moments.n), "sums": moments.sums, "planes": np.ascontiguousarray(planes)}


def unpack_moments(stored: Mapping[str, Any]) -> IntegerMoments:
    """The moments that `pack_moments` has packed.

    Parameters
    ----------
    stored : dict
        The arrays by name.

    Returns
    -------
    IntegerMoments
        The sums.
    """
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
    try:
        there = path.is_file()
    except OSError as error:
        raise DatasetError(
            f"SRBM_DATA is set to {folder}, where {path} cannot be reached ({error}); change its "
            "permissions, or unset SRBM_DATA to download the file"
        ) from error
    if not there:
        raise DatasetError(
            f"SRBM_DATA is set to {folder}, but there is no {path}; put the official file there, "
            "or unset SRBM_DATA to download it"
        )
    return path


def _download(official: OfficialFile, progress: bool) -> Path:
    """The file in the cache, fetched if it is not there; pooch moves it to its place when its SHA-256 is right."""
    name = official.name
    try:
        import pooch
    except ImportError as error:
        raise DatasetError(
            f"downloading {name} needs pooch: pip install pooch; or put the official file into "
            "a folder mnist/ and set SRBM_DATA to the folder above it"
        ) from error

    def fetch(url: str, output: str, _: object) -> None:
        with open(output, "wb") as file:
            pooch.HTTPDownloader(progressbar=progress)(url, _Bounded(file, official.size), None)

    folder = Path(pooch.os_cache("srbm")) / "mnist"
    try:
        folder.mkdir(parents=True, exist_ok=True)  # pooch would, but not when two processes start at once
        return Path(
            pooch.retrieve(
                MNIST_URL + name, known_hash=f"sha256:{official.sha256}", fname=name, path=folder, downloader=fetch
            )
        )
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{name} could not be downloaded from {MNIST_URL} ({error}); put the official file into a "
            "folder mnist/ and set SRBM_DATA to the folder above it"
        ) from error


class _Bounded:
    """A file that takes at most `size` bytes, so that a server cannot fill the disk."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left = file, size

    def write(self, chunk: bytes) -> None:
        """Write `chunk`, or raise if it is too much."""
        self._left -= len(chunk)
        if self._left < 0:
            raise ValueError("the server sends more than the official file has")
        self._file.write(chunk)

    def flush(self) -> None:
        """Write out what is buffered."""
        self._file.flush()


def _read_images(path: Path, official: OfficialFile) -> np.ndarray:
    """The pixels of an official gzipped IDX file, shape (images, 784), uint8."""
    try:
        with open(path, "rb") as file:
            compressed = file.read(official.size + 1)  # of a file that is far too long, no more
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error})") from error
    found = hashlib.sha256(compressed).hexdigest()
    if found != official.sha256:
        raise DatasetError(
            f"{path} is damaged or not the official file: its SHA-256 is {found[:12]}..., "
            f"expected {official.sha256[:12]}...; fetch it again"
        )
    return parse_idx_images(compressed, official.images, path)


def parse_idx_images(compressed: bytes, images: int, path: PathLike) -> np.ndarray:
    """Decompress and check an IDX file of 28 x 28 images, reading no more than it should hold.

    Parameters
    ----------
    compressed : bytes
        The gzipped file.
    images : int
        How many images it should have.
    path : path
        Where it is from, for the message of an error.

    Returns
    -------
    array (images, 784) of uint8
        The pixels.

    Raises
    ------
    DatasetError
        When the file is not what it should be.
    """
    expected = 16 + images * _PIXELS
    raw, rest = b"", compressed
    try:
        while rest and len(raw) <= expected:  # a gzip file may have several members, one after the other
            decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            raw += decompressor.decompress(rest, expected + 1 - len(raw))
            rest = decompressor.unused_data
            if not decompressor.eof:
                break
    except zlib.error as error:
        raise DatasetError(f"{path} is not a gzip file ({error}); fetch it again") from error
    if len(raw) != expected:
        kind = "truncated" if len(raw) < expected else "too long"
        raise DatasetError(
            f"{path} is {kind}: expected {expected} bytes of {images} images, got "
            f"{len(raw) if len(raw) < expected else 'more'}; fetch it again"
        )
    if not decompressor.eof or rest:  # the checksum comes last
        raise DatasetError(f"{path} does not end where its images do; fetch it again")
    header = tuple(int(value) for value in np.frombuffer(raw, dtype=">i4", count=4))
    if header != (2051, images, _SIDE, _SIDE):
        raise DatasetError(
            f"{path} is not an IDX file of {images} images of {_SIDE} x {_SIDE} pixels "
            f"(header {header}); fetch it again"
        )
    return np.frombuffer(raw, dtype=np.uint8, offset=16).reshape(images, _PIXELS)
