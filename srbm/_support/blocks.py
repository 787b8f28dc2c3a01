"""Samples in rows as people have them: an array, a list of its rows, a frame, blocks one after the other; checked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .arrays import Array, is_numpy, namespace
from .checks import Floats, described, floats, refuse_containers


def sample_blocks(chunks: Array | Iterable[Array]) -> Iterator[Array]:
    """Blocks (n, N) of one width, from an array, a list of its rows or an iterable."""
    width = None
    block: Array
    for block in _parts(chunks):
        refuse_containers(block, "a block of samples")
        _refuse_batches(block)
        try:
            frame, block = block, np.asarray(block) if is_numpy(block) else block
            refuse_containers(block, "a block of samples")  # a list of records is one only now
            if is_numpy(block) and block.dtype.kind == "O" and block.ndim:
                block = _numbers(block, frame)
        except ValueError as error:
            if "inhomogeneous" not in str(error):
                raise
            raise ValueError(
                "each block must have shape (n, N), a sample in each row, but the rows of one have different lengths"
            ) from None
        if block.ndim == 0 and block.dtype.kind in "US":
            raise TypeError("data is text: pass np.loadtxt(path) of a file of numbers, for commas with delimiter=','")
        if block.ndim != 2:
            hint = {
                0: "; pass np.array(data), with one row per sample",
                1: "; wrap one sample as np.array(sample)[None]",
                3: "; a field on a lattice is one row, x.reshape(len(x), -1)",
            }
            raise ValueError(
                f"each block must have shape (n, N), a sample in each row, got shape {tuple(block.shape)}"
                + hint.get(block.ndim, "")
            )
        if width not in (None, block.shape[1]):
            raise ValueError(f"blocks must agree in the number of columns, got {width} and {block.shape[1]}")
        if not namespace(block).isdtype(block.dtype, ("bool", "integral", "real floating")):
            raise ValueError(f"blocks must hold real numbers, got type {block.dtype}")
        width = block.shape[1]
        yield block


def _numbers(block: np.ndarray, frame: Any) -> Floats:
    """A block of objects as the numbers that they are; `frame` is what it was before."""
    try:
        return floats(block, "a block of samples")
    except ValueError as error:
        if not hasattr(frame, "select_dtypes") or "missing" in str(error):
            raise
        raise ValueError(
            "a block of samples must hold numbers, but columns of the data frame are none: pass "
            "df.select_dtypes('number')"
        ) from None


def _refuse_batches(block: Any) -> None:
    """Raise for what data loaders give: a list of arrays, of which the first holds the samples and others labels."""
    if not isinstance(block, (list, tuple)):
        return
    tensors = any(hasattr(item, "detach") for item in block)
    if tensors or len({np.ndim(item) for item in block if hasattr(item, "shape")}) > 1:
        makers, what = ("PyTorch's data", "tensors") if tensors else ("data", "arrays")
        raise ValueError(
            f"a block of samples is a {type(block).__name__} of {len(block)} {what}, as {makers} loaders give them: "
            "pass (x for x, *labels in loader), with x flattened to (n, N)"
        )


def _parts(chunks: Any) -> Iterable[Any]:
    """What is an array as the only block, also where it is a list of rows; the items of what else can be iterated."""
    refuse_containers(chunks, "data")
    if isinstance(chunks, (list, tuple)) and len(chunks) > 1:
        shapes = {_shape(block) for block in chunks if not hasattr(block, "columns")}
        if len(shapes) == 1 and (shape := shapes.pop()) and len(shape) == 2 and shape[0] == shape[1] > 1:
            raise ValueError(
                f"data is a list of {len(chunks)} square arrays of shape {shape}, which may be fields or "
                f"blocks: pass fields as np.reshape(x, ({len(chunks)}, -1)), a row each, and blocks of "
                "samples as iter(x)"
            )
    if not is_numpy(chunks) or hasattr(chunks, "__array__"):
        return [chunks]
    if isinstance(chunks, (list, tuple)) and chunks and all(is_numpy(row) and _is_row(row) for row in chunks):
        return [chunks]
    is_path = isinstance(chunks, (str, bytes, os.PathLike))
    try:
        if not is_path:
            return iter(chunks)
    except TypeError:
        pass
    hint = "np.loadtxt(path) of a text file" if is_path else "np.array(data)"
    raise TypeError(
        "data must be an array of shape (n, N), a sample in each row, or an iterable of such blocks, got "
        f"{described(chunks)}; pass {hint}"
    )


def _shape(block: Any) -> tuple[int, ...]:
    """The shape of an array or of nested lists, as far as their first items tell."""
    if hasattr(block, "shape") or not isinstance(block, (list, tuple)):
        return np.shape(block)
    return (len(block), *_shape(block[0])) if block else (0,)


def _is_row(row: Any) -> bool:
    if isinstance(row, (list, tuple)):
        return not row or np.ndim(row[0]) == 0
    return np.ndim(row) == 1
