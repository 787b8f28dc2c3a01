"""Reading and writing .npz files: atomically, without pickle, and with trust in nothing that a file claims.

A file may be damaged, or made to do harm. `load_arrays` therefore reads the container itself: each array has to be
there once, of the type and the dimension that are expected, and as long as its header says *before* memory is taken for
it, so that reading never needs more memory than a small multiple of the size of the file.
"""

from __future__ import annotations

import errno
import glob
import io
import math
import os
import re
import secrets
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np

from ..errors import DatasetError
from .checks import described

try:
    import fcntl
except ImportError:  # Windows, and browsers
    fcntl = None  # type: ignore[assignment]

FORMAT = 1
"""Version of what files hold; raised when an older srbm could not read a newer file rightly."""
_LONGEST_HEADER = 10_000
_LONGEST_EMPTY = 10**6
"""Largest extent of an array without entries, whose shape no bytes have to back."""
_ABANDONED = 3600
"""Seconds after which a file that was not finished is taken for left behind."""
_HEADER = re.compile(
    rb"\{'descr': '([<>|][biufU]\d{1,9})', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\), \}\s*"
)
"""What numpy writes; nothing of it needs to be evaluated."""


class Stored(NamedTuple):
    """What an array in a file must be."""

    types: tuple[str, ...]
    """Types that it may have, without byte order: "f8" and the like, "U" for a text."""
    dimensions: tuple[int, ...] = (0,)
    """Numbers of dimensions that it may have."""
    shape: tuple[int, ...] | None = None
    """Its shape, where that is known; only such an array may be compressed."""


class _Within:
    """A file that takes no memory for what it does not have, however much it is asked for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = file.seek(0, io.SEEK_END)
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, n: int | None = None) -> bytes:
        """The next `n` bytes, or those that are left."""
        left = max(0, self.size - self.tell())
        return self._file.read(left if n is None or n < 0 else min(n, left))


class _Unexpected(Exception):
    """Contents that are readable and wrong."""


def path_of(path: Any) -> Path:
    """`path` as a `Path`."""
    try:
        result = Path(path)
    except TypeError:
        raise TypeError(f"path must be a str or a pathlib.Path, got {described(path)}") from None
    if "\0" in str(result):
        raise ValueError(f"path must be the name of a file, which has no zero byte, got {described(str(result))}")
    return result


def followed(path: Path) -> Path:
    """The file that is written when `path` is, which may be a link."""
    try:
        target = path.resolve()
        goes_round = target.is_symlink()  # from Python 3.13 on such a link stays as it is
    except RuntimeError:  # Python 3.11 and 3.12 raise it
        goes_round = True
    if goes_round:
        raise OSError(errno.ELOOP, "its symbolic links lead to each other", str(path))  # systems word it differently
    return target


def save_arrays(path: str | os.PathLike[str], **arrays: Any) -> Path:
    """Write `arrays` to `path` (.npz); the file appears whole or not at all, and replaces an older one only then."""
    path = path_of(path)
    target = followed(path)
    if not target.parent.is_dir():
        folder = path.parent if target.parent == path.parent.resolve() else target.parent
        raise FileNotFoundError(f"the folder {folder} does not exist: create it first")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: add the name of a file")
    if path.exists() and not path.is_file():
        raise FileExistsError(f"{path} is no regular file, and is not replaced: choose another name")
    for name, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise TypeError(f"{name} cannot be stored without pickle (dtype object)")
    with replacing(target) as file:  # what a link points to is replaced, not the link
        np.savez(file, format=np.int64(FORMAT), **arrays)
    return path


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to; when that went well it takes the place of `path`, otherwise nothing has changed."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Put `text` in the place of what is at `path`, whole or not at all."""
    with replacing(path) as file:
        file.write(text.encode())


def remove_leftovers(path: Path) -> None:
    """Remove what processes that were killed within `replacing` left beside `path`, once it is an hour old.

    What is younger may be a file that another process is writing.
    """
    path = path.resolve()
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 16}.partial"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _ABANDONED:
                leftover.unlink()


@contextmanager
def belonging(path: Path) -> Iterator[None]:
    """A context in which `path` is this caller's alone; raises `BlockingIOError` where it is somebody else's.

    What is locked is a file beside it, which is gone afterwards. The lock ends with the process, however that ends.
    Where the system or the disk has no locks, or nothing can be written, there is none.
    """
    beside = path.with_name(f".{path.name}.lock")
    lock = _locked(beside)
    try:
        yield
    finally:
        if lock is not None:
            beside.unlink(missing_ok=True)  # before it is free: who waits for it finds that it is no longer the file
            lock.close()


def _locked(beside: Path) -> IO[bytes] | None:
    """The file `beside`, locked, with the number of this process in it."""
    while fcntl is not None:
        try:
            lock = open(beside, "a+b", buffering=0)  # noqa: SIM115  closed by whoever has the lock
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(lock.fileno()), os.stat(beside)):
                raise FileNotFoundError
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read(20).decode(errors="replace")
            lock.close()
            whose = f"process {owner}" if owner else "another process"  # which is about to write its number
            raise BlockingIOError(errno.EWOULDBLOCK, f"it belongs to {whose}") from None
        except FileNotFoundError:  # its last owner has just removed it
            lock.close()
            continue
        except OSError:
            lock.close()
            return None
        with suppress(OSError):  # a full disk
            lock.truncate(0)
            lock.write(str(os.getpid()).encode())
        return lock
    return None


def load_arrays(path: str | os.PathLike[str], expected: Mapping[str, Stored]) -> dict[str, Any]:
    """The arrays of the .npz file at `path` (a text as `str`), checked against what is `expected`.

    Raises `FileNotFoundError` where there is no regular file, and `DatasetError` for anything wrong with it.
    """
    path = path_of(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file at {path}")
    with open(path, "rb") as file:
        return read_arrays(file, path, expected)


def read_arrays(file: IO[bytes], path: Any, expected: Mapping[str, Stored]) -> dict[str, Any]:
    """`load_arrays` of an open file; `path` is its name in messages."""
    try:
        within = _Within(file)
        with zipfile.ZipFile(within) as archive:
            members: dict[str, list[zipfile.ZipInfo]] = {}
            for info in archive.infolist():
                members.setdefault(info.filename.removesuffix(".npy"), []).append(info)
            _check_format(archive, members, path, within.size)
            missing = [name for name in expected if name not in members]
            if missing:
                raise _Unexpected(
                    f"{path} lacks {', '.join(missing)}; it holds {_listed(list(members))}: it "
                    "was written by something else, choose another file"
                )
            doubled = [name for name in members if len(members[name]) > 1]
            if doubled:
                raise _Unexpected(f"{path} holds {_listed(doubled)} more than once; restore it from a copy")
            unknown = [name for name in members if name not in expected and name != "format"]
            if unknown:
                raise _Unexpected(
                    f"{path} holds {_listed(unknown)}, which this version of srbm does not know: "
                    "restore it from a copy, or read it with the version that wrote it"
                )
            return {name: _array(archive, members[name][0], what, within.size) for name, what in expected.items()}
    except _Unexpected as error:
        raise DatasetError(str(error)) from None
    except MemoryError:  # no fault of the file, which cannot ask for more than its size
        raise
    except Exception as error:  # zipfile has a dozen ways to fail on arbitrary bytes
        raise DatasetError(
            f"{path} is damaged or not an .npz file written by save ({_brief(error)}); choose another, "
            "or restore it from a copy"
        ) from error


def _check_format(archive: zipfile.ZipFile, members: Mapping[str, list[zipfile.ZipInfo]], path: Any, size: int) -> None:
    """Raise for a file of a later version; one without a version is of the time before there were any."""
    if "format" in members:
        version = int(_array(archive, members["format"][0], Stored(("i8",)), size))
        if version > FORMAT:
            raise _Unexpected(
                f"{path} was written by a later version of srbm (format {version}, this one reads up to "
                f"{FORMAT}): pip install --upgrade srbm"
            )


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, expected: Stored, size: int) -> Any:
    """One member of the archive, as an array or a text."""
    if expected.shape is not None:
        size = math.prod(expected.shape) * np.dtype(expected.types[0]).itemsize + _LONGEST_HEADER
    elif info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{info.filename} is compressed")
    if info.file_size > size:
        raise ValueError(f"{info.filename} claims {info.file_size} bytes")
    with archive.open(info) as member:
        content = member.read(size + 1)  # unlike read(), which would follow a stream that is longer than it claims
    if len(content) != info.file_size:
        raise ValueError(f"{info.filename} has {len(content)} bytes and claims {info.file_size}")
    dtype, order, shape, start = _header(content)
    if ("U" if dtype.kind == "U" else dtype.str[1:]) not in expected.types:
        raise ValueError(f"{info.filename} has type {dtype}, expected {' or '.join(expected.types)}")
    if (len(shape) not in expected.dimensions) if expected.shape is None else (shape != expected.shape):
        raise ValueError(f"{info.filename} has the unexpected shape {_brief(shape)}")
    entries = math.prod(shape)
    if not entries and max(shape) > _LONGEST_EMPTY:
        raise ValueError(f"{info.filename} has no entries and shape {_brief(shape)}")
    if len(content) - start != entries * dtype.itemsize:
        raise ValueError(f"{info.filename} has {len(content) - start} bytes for shape {_brief(shape)}")
    if dtype.kind == "U":
        return content[start:].decode("utf-32-be" if dtype.str[0] == ">" else "utf-32-le").rstrip("\0")
    return np.frombuffer(content, dtype, offset=start).astype(dtype.newbyteorder("=")).reshape(shape, order=order)


def _header(content: bytes) -> tuple[np.dtype[Any], Literal["C", "F"], tuple[int, ...], int]:
    """Type, order and shape that an .npy file claims, and where its numbers start."""
    if content[:6] != b"\x93NUMPY" or content[6:8] not in (b"\1\0", b"\2\0"):
        raise ValueError("it holds something that is no array")
    begin = 10 if content[6] == 1 else 12
    start = begin + int.from_bytes(content[8:begin], "little")
    match = _HEADER.fullmatch(content[begin:start]) if start <= _LONGEST_HEADER else None
    if match is None:
        raise ValueError("an array has an unreadable header")
    dtype = np.dtype(match[1].decode())
    shape = tuple(int(extent) for extent in match[3].split(b",") if extent.strip())
    return dtype, "F" if match[2] == b"True" else "C", shape, start


def _listed(names: list[str]) -> str:
    """Names for a message, which a file with thousands of them must not fill."""
    shown = ", ".join(_brief(name) for name in names[:12]) or "nothing"
    return shown + (", ..." if len(names) > 12 else "")


def _brief(thing: object) -> str:
    text = " ".join(str(thing).split()) or type(thing).__name__
    return text if len(text) <= 160 else text[:157] + "..."
