"""Reading and writing .npz files: atomically, and without pickle."""

from __future__ import annotations

import os
import secrets
import zipfile
import zlib
from pathlib import Path

import numpy as np

from .errors import DatasetError


def save_arrays(path, **arrays) -> Path:
    """Write `arrays` to `path` (.npz); the file appears whole or not at all."""
    path = Path(path)
    for name, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise TypeError(f"{name} cannot be stored without pickle (dtype object)")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def load_arrays(path, names) -> dict[str, np.ndarray]:
    """The arrays `names` of the .npz file at `path`, read without pickle."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no file at {path}")
    try:
        stored = np.load(path, allow_pickle=False)
        if not isinstance(stored, np.lib.npyio.NpzFile):
            raise ValueError("it holds a single array")
        with stored as archive:
            missing = [name for name in names if name not in archive.files]
            if missing:
                raise DatasetError(f"{path} lacks {', '.join(missing)}; it holds "
                                   f"{', '.join(archive.files) or 'nothing'}. Was it written by another class?")
            return {name: archive[name] for name in names}
    except DatasetError:
        raise
    except (OSError, ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise DatasetError(f"{path} is damaged or not an .npz file ({error}); restore it from a copy") from error
