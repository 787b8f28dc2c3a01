"""Files that nobody has thought of: ``make fuzz`` (or ``python -m tests.fuzz --minutes 20``).

Hypothesis changes sound files of every kind that srbm reads: their bytes, the arrays in them and what these claim to
be, and the description of a training, entry by entry. Each changed file has to be refused with `DatasetError`, in
little memory, or to be read as something that works. Anything else is shrunk and kept in `CORPUS`, which
`tests/srbm/test_fuzz.py` reads again on every run of the tests: a file that was once read wrongly stays mended.

Batches run in processes of their own, so that a file that ends the process is a find, too. It needs fork.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import lzma
import os
import struct
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from srbm import Training, train
from srbm import datasets as mnist
from tests.srbm.test_files import SAVED, check_usable, members, npy, outcome, same, zipped

CORPUS = Path(__file__).parent / "srbm" / "data" / "fuzz"
IMAGES = gzip.compress(struct.pack(">4i", 2051, 3, 28, 28) + bytes(range(256)) * 9 + bytes(48), mtime=0)


class Reader(NamedTuple):
    """A kind of file: a sound one, what reads it, and what a thing that was read must stand."""

    content: bytes
    read: Callable[[Path], Any]
    check: Callable[[Any, Path], None]


def stored(thing: Any) -> bytes:
    """The file of a thing that has `save`."""
    with tempfile.TemporaryDirectory() as folder:
        return thing.save(Path(folder) / "file.npz").read_bytes()


def usable(thing: Any, path: Path) -> None:
    """What was read works, and is the same when it is written and read again."""
    check_usable(thing)
    thing.save(path)
    assert same(type(thing).load(path), thing)


def other_generator(kind: Any) -> Training:
    """A training with random numbers of another kind, whose state is stored with it."""
    start = SAVED["training"].models[0]
    return train(start, np.eye(4) / 3, 2, 0.01, SAVED["training"]._settings.gradient, rng=np.random.Generator(kind(3)))


def readers() -> dict[str, Reader]:
    """Every kind of file that srbm reads."""
    things = {name.replace(" ", "_"): thing for name, thing in SAVED.items()}
    things |= {kind.__name__: other_generator(kind) for kind in (np.random.MT19937, np.random.Philox, np.random.SFC64)}
    found = {name: Reader(stored(thing), type(thing).load, usable) for name, thing in things.items()}
    images = Reader(
        IMAGES,
        lambda path: mnist.parse_idx_images(path.read_bytes(), 3, path),
        lambda pixels, path: np.testing.assert_equal((pixels.shape, pixels.dtype), ((3, 784), np.uint8)),
    )
    return found | {"images": images}


def read(reader: Reader, path: Path) -> bool:
    """Whether the file is accepted; raises for whatever is wrong with how it is read."""
    size = max(path.stat().st_size, len(reader.content))
    thing = outcome(lambda: reader.read(path), 2 * size)
    if thing is not None:
        reader.check(thing, path)
    return thing is not None


NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(-3, 3),
    st.floats(width=64),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
)
JSON = st.recursive(
    NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
TYPES = st.sampled_from(["<f8", ">f8", "<f4", "<i8", "|b1", "|u1", "<U1", "<U3", "|O", "<c16", "<f16", "<U999999999"])
SHAPES = st.lists(st.integers(-1, 9) | st.sampled_from([2**31, 2**63, 10**30]), max_size=5).map(tuple)


@st.composite
def damaged_bytes(draw: Any, content: bytes) -> bytes:
    """`content` with one to four accidents."""
    content = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        where = draw(st.integers(0, len(content)))
        end = where + draw(st.integers(0, 12) | st.integers(0, len(content)))
        content[where:end] = draw(
            st.binary(max_size=12)
            | st.sampled_from(
                [b"\xff" * 4, b"\xff" * 8, b"PK\5\6", b"PK\1\2", b"PK\3\4", b"\x93NUMPY", b"\x1f\x8b\x08"]
            )
        )
    return bytes(content)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each entry of a JSON value; of long lists the ends."""
    found = [path]
    if isinstance(value, dict):
        items = list(value.items())
    else:
        items = list(enumerate(value)) if isinstance(value, list) else []
        items = items[:2] + items[2:][-1:]
    for key, item in items:
        found += places(item, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The JSON value with another entry at `path`."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@st.composite
def changed_array(draw: Any, stored: bytes) -> bytes:
    """An array with other numbers, of another type or shape, or with a header that is not its own."""
    array = np.load(io.BytesIO(stored))
    if array.dtype.kind == "U":
        described = json.loads(str(array))
        for _ in range(draw(st.integers(1, 2))):
            described = replaced(described, draw(st.sampled_from(places(described))), draw(JSON))
        return npy(np.array(json.dumps(described)))
    match draw(st.integers(0, 4)):
        case 0 if array.size:
            flat = array.ravel().copy()
            numbers = st.integers(-(2**63), 2**63 - 1) if array.dtype.kind in "iu" else st.floats(width=64)
            for _ in range(draw(st.integers(1, 3))):
                with np.errstate(all="ignore"):
                    flat[draw(st.integers(0, flat.size - 1))] = draw(numbers)
            return npy(flat.reshape(array.shape))
        case 1:
            header = f"{{'descr': '{draw(TYPES)}', 'fortran_order': {draw(st.booleans())}, 'shape': {draw(SHAPES)}, }}"
            return npy(header=header + "\n", body=array.tobytes())
        case 2:
            return npy(array[..., : draw(st.integers(0, 3))] if array.ndim else array[None])
        case 3:
            dtype = np.dtype(draw(st.sampled_from(["<f4", ">f8", "<i8", "|u1", "<f8"])))
            with np.errstate(all="ignore"):
                return npy(array.astype(dtype))
        case _:
            return draw(damaged_bytes(stored))


@st.composite
def changed_files(draw: Any, reader: Reader) -> bytes:
    """A file that differs from the sound one of its kind in a few places."""
    if reader.content is IMAGES:
        raw = gzip.decompress(IMAGES)
        if draw(st.booleans()):
            raw = draw(damaged_bytes(raw))
        cut = draw(st.integers(0, len(raw)))
        packed = gzip.compress(raw[:cut], mtime=0) + gzip.compress(raw[cut:], mtime=0)
        return draw(damaged_bytes(packed)) if draw(st.booleans()) else packed
    if draw(st.integers(0, 3)) == 0:
        return draw(damaged_bytes(reader.content))
    files = members(reader.content)
    for name in draw(st.lists(st.sampled_from(sorted(files)), min_size=1, max_size=3, unique=True)):
        if draw(st.integers(0, 9)):
            files[name] = draw(changed_array(files[name]))
        else:
            files[draw(st.sampled_from([" ", "x", "../x.npy", "weights", name.upper()]))] = files.pop(name)
    stream = io.BytesIO()
    zipped(files.items(), stream, draw(st.sampled_from([zipfile.ZIP_STORED] * 9 + [zipfile.ZIP_DEFLATED])))
    return stream.getvalue()


def batch(reader: Reader, path: Path, examples: int, number: int, accepted: list[int] | None = None) -> None:
    """Read so many changed files; raises for the smallest one that is read wrongly, which is then at `path`."""

    @seed(number)
    @settings(
        max_examples=examples, deadline=None, database=None, print_blob=False, suppress_health_check=list(HealthCheck)
    )
    @given(changed_files(reader))
    def reads(content: bytes) -> None:
        path.write_bytes(content)
        kept = path.with_suffix(".read")
        kept.write_bytes(content)  # a thing that was read is written to another file
        well = read(reader, kept)
        if accepted is not None:
            accepted.append(well)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)  # of files, whose bytes are long to print
        reads()


def keep(name: str, content: bytes, folder: Path) -> Path:
    """Store a find, compressed, under a name that its content fixes."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{hashlib.sha256(content).hexdigest()[:8]}.xz"
    path.write_bytes(lzma.compress(content, preset=9))
    return path


def finds() -> list[tuple[str, Path]]:
    """The kind and the path of each file in the corpus."""
    return [(path.stem.rpartition("-")[0], path) for path in sorted(CORPUS.glob("*.xz"))]


def main(arguments: list[str]) -> int:
    """Fuzz for some minutes; the number of files that were read wrongly."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--examples", type=int, default=300, help="in a batch, which is a process of its own")
    parser.add_argument("--readers", nargs="*", help="some kinds of files only")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args(arguments)
    every = readers()
    chosen = options.readers or list(every)
    end, number, found = time.monotonic() + 60 * options.minutes, options.seed, 0
    batches = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "changed"
        while time.monotonic() < end:
            name = chosen[batches % len(chosen)]
            child = os.fork()
            if child == 0:
                try:
                    batch(every[name], path, options.examples, number)
                except BaseException as error:
                    print(f"{name}: {error!r}"[:2000], file=sys.stderr, flush=True)
                    os._exit(1)
                os._exit(0)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if code:
                found += 1
                print(
                    f"{name}, seed {number}: exit {code}, kept as {keep(name, path.read_bytes(), CORPUS)}", flush=True
                )
            batches, number = batches + 1, number + 1
    print(f"{batches * options.examples} changed files of {len(chosen)} kinds, {found} read wrongly")
    return found


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 100))
