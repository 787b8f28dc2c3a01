"""MNIST and digits: the stored moments against the images, and files that are not what they should be."""

import gzip as _gzip
import hashlib
import struct
import time
import tracemalloc

import numpy as np
import pytest

from srbm import DatasetError, load_digits, load_mnist, mnist_correlation, second_moment
from srbm.datasets import MNIST_FILES, mnist_moments, pack_moments, parse_idx_images, unpack_moments
from srbm.moments import integer_moments


def test_stored_moments_are_those_of_the_images(mnist_pixels):
    stored, computed = mnist_moments(), integer_moments(mnist_pixels)
    assert stored.n == computed.n == 60000
    np.testing.assert_array_equal(stored.sums, computed.sums)
    np.testing.assert_array_equal(stored.products, computed.products)
    for center in (False, True):
        np.testing.assert_array_equal(mnist_correlation(center), computed.correlation(center, 1 / 255))


def test_moments_of_the_images_by_another_route(mnist_pixels):
    some = slice(None, None, 97)
    wide = mnist_pixels[:, some].astype(np.int64)
    np.testing.assert_array_equal(mnist_moments().products[some, some], wide.T @ wide)
    np.testing.assert_array_equal(mnist_moments().sums, mnist_pixels.sum(axis=0, dtype=np.int64))


@pytest.mark.parametrize("center", [False, True])
def test_spectrum_of_mnist(center):
    variances = np.linalg.eigvalsh(mnist_correlation(center))
    assert (variances > 1e-2).sum() == 251  # modes with kappa < 100
    assert (variances > 1e-12).sum() == 712
    top = [5.1168, 3.7413, 3.2527] if center else [38.0911, 4.39013, 3.74098, 3.22571, 2.78619]
    np.testing.assert_allclose(variances[::-1][: len(top)], top, rtol=2e-5)


def test_packing_round_trip():
    rng = np.random.default_rng(0)
    moments = integer_moments(rng.integers(0, 256, (3000, 20), dtype=np.uint8))
    back = unpack_moments(pack_moments(moments))
    assert back.n == moments.n
    np.testing.assert_array_equal(back.sums, moments.sums)
    np.testing.assert_array_equal(back.products, moments.products)
    stored = mnist_moments()
    again = pack_moments(stored)
    np.testing.assert_array_equal(unpack_moments(again).products, stored.products)
    with pytest.raises(ValueError, match="must fit 32 unsigned bits"):
        pack_moments(integer_moments(np.array([[1, -1]])))
    with pytest.raises(ValueError, match="must fit 32 unsigned bits"):
        pack_moments(integer_moments(np.array([[2**16]])))


def test_images(mnist_pixels):
    assert mnist_pixels.shape == (60000, 784)
    assert mnist_pixels.dtype == np.uint8
    test = load_mnist("test")
    assert test.shape == (10000, 784)
    assert (test.min(), test.max()) == (0.0, 1.0)
    assert test.dtype == np.float64


def gzip(content):
    """The same bytes whenever it is called: no time stamp."""
    return _gzip.compress(content, compresslevel=1, mtime=0)


def idx(images=3, magic=2051, side=28, pixels=None):
    pixels = images * 28 * 28 if pixels is None else pixels
    return struct.pack(">4i", magic, images, side, side) + bytes(i % 256 for i in range(pixels))


def test_a_gzip_file_may_have_several_members():
    raw, whole = idx(), parse_idx_images(gzip(idx()), 3, "file")
    for cut in (7, 16, 1000, len(raw) - 1):
        two = gzip(raw[:cut]) + gzip(raw[cut:])
        np.testing.assert_array_equal(parse_idx_images(two, 3, "file"), whole)
        with pytest.raises(DatasetError, match=r"truncated|does not end"):
            parse_idx_images(two[:-1], 3, "file")
        with pytest.raises(DatasetError, match="too long"):
            parse_idx_images(two + gzip(b"more"), 3, "file")
        with pytest.raises(DatasetError, match="not a gzip file"):
            parse_idx_images(two + b"more", 3, "file")


def test_a_folder_without_permission(monkeypatch, tmp_path):
    def denied(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("SRBM_DATA", str(tmp_path))
    monkeypatch.setattr("pathlib.Path.is_file", denied)
    with pytest.raises(DatasetError, match=r"cannot be reached .*Permission denied.* unset SRBM_DATA"):
        load_mnist()


def test_idx_files():
    pixels = parse_idx_images(gzip(idx()), 3, "file")
    assert pixels.shape == (3, 784)
    assert pixels[1, 5] == (784 + 5) % 256


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "truncated"),
        (b"<html>not found</html>", "not a gzip file"),
        (gzip(idx())[:150], "truncated: expected 2368 bytes of 3 images"),
        (gzip(b""), "truncated"),
        (gzip(idx(pixels=100)), "truncated"),
        (gzip(idx(pixels=3000)), "too long"),
        (gzip(idx(magic=2049)), r"not an IDX file of 3 images of 28 x 28 pixels \(header"),
        (gzip(idx(side=27)), "not an IDX file"),
        (gzip(struct.pack(">4i", 2051, 4, 28, 28) + bytes(3 * 784)), "not an IDX file"),
        (gzip(idx())[:100] + b"\0" * 50 + gzip(idx())[150:], "gzip|truncated|IDX|too long"),
    ],
    ids=[
        "empty",
        "a page",
        "cut",
        "nothing inside",
        "few pixels",
        "many pixels",
        "labels",
        "another side",
        "another number",
        "overwritten",
    ],
)
def test_hostile_idx_files(content, message):
    with pytest.raises(DatasetError, match=message):
        parse_idx_images(content, 3, "file")


def test_a_gzip_bomb_is_not_expanded():
    bomb = gzip(bytes(100_000_000))
    tracemalloc.start()
    begin = time.perf_counter()
    with pytest.raises(DatasetError, match="too long: expected 2368 bytes of 3 images, got more"):
        parse_idx_images(bomb, 3, "file")
    elapsed, (_, peak) = time.perf_counter() - begin, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * len(bomb)
    assert elapsed < 2


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_file_that_is_not_the_official_one(split, tmp_path, monkeypatch):
    name, digest = MNIST_FILES[split][:2]
    monkeypatch.setenv("SRBM_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match=r"SRBM_DATA is set to .*but there is no .*unset SRBM_DATA"):
        load_mnist(split)
    (tmp_path / "mnist").mkdir()
    content = gzip(idx())
    (tmp_path / "mnist" / name).write_bytes(content)
    found = hashlib.sha256(content).hexdigest()[:12]
    with pytest.raises(DatasetError, match=f"SHA-256 is {found}..., expected {digest[:12]}...; fetch it again"):
        load_mnist(split)


def test_a_failed_download_says_what_to_do(monkeypatch):
    pooch = pytest.importorskip("pooch")

    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.delenv("SRBM_DATA", raising=False)
    monkeypatch.setattr(pooch, "retrieve", refuse)
    with pytest.raises(DatasetError, match=r"could not be downloaded from https://.* \(no network\); .*set SRBM_DATA"):
        load_mnist()


def test_unknown_split():
    with pytest.raises(ValueError, match="split must be 'train' or 'test', got 'validation'"):
        load_mnist("validation")


def test_digits():
    raw, scaled = load_digits(scale=False), load_digits()
    assert raw.shape == (1797, 64)
    assert raw.dtype == np.uint8
    assert raw.max() == 16
    np.testing.assert_array_equal(scaled, raw / 16)
    np.testing.assert_allclose(second_moment(raw) / 256, second_moment(scaled), rtol=0, atol=1e-15)
    assert (np.linalg.eigvalsh(second_moment(scaled, center=True)) < 1e-12).sum() == 3  # three pixels are always empty


def test_moments_of_a_broken_installation(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mnist_moments.npz").write_bytes(b"PK")
    monkeypatch.setattr("srbm.datasets.files", lambda package: tmp_path)
    with pytest.raises(DatasetError, match=r"cannot be read \(.*mnist_moments\.npz.*\); install srbm again"):
        mnist_moments()
