"""Answers as text, and back: numbers, strings, arrays of them, lists, tuples and functions, and nothing else.

A function stays where it is, and its number is sent. Of any other object only the name of its type is, so that the
judge can say what it was given. Reading executes nothing that comes with the text.
"""

import base64

import numpy as np

ENTRIES = 4096  # of the largest answer; the largest right one has a hundred
DEEPEST = 8  # lists in lists
NUMERIC = "biufcU"  # kinds of arrays


def is_large(value) -> bool:
    """Whether an array, or all the lists of a list together, has more than `ENTRIES` entries."""
    left, entries = [value], 0
    while left and entries <= ENTRIES:
        value = left.pop()
        if type(value) in (list, tuple):
            left += value[: ENTRIES + 1]
            entries += 1
        else:
            entries += np.size(value)
    return entries > ENTRIES


def encode(value, functions=None):
    """`value` as what JSON can hold; each function is appended to the list `functions`, where one is given."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if value is ...:
        return {"type": "ellipsis"}
    if type(value) in (list, tuple):
        return {type(value).__name__: [encode(item, functions) for item in value]}
    if callable(value) and functions is not None:
        functions.append(value)
        return {"function": len(functions) - 1}
    array = np.asarray(value)
    if array.dtype.kind not in NUMERIC:
        return {"type": type(value).__name__}
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"array": data, "dtype": array.dtype.str, "shape": list(array.shape)}


def encode_answer(value, functions):
    """`encode`, with a name in place of what is larger than any right answer."""
    if is_large(value):
        return {"type": f"{type(value).__name__} of more than {ENTRIES} entries"}
    return encode(value, functions)


def decode(data, function=None, depth=0):
    """What `encode` was given; ``function(number)`` stands for a function. ValueError if it cannot be that."""
    match data:
        case None | bool() | int() | float() | str():
            return data
        case {"type": "ellipsis"}:
            return ...
        case {"type": str(name)}:
            return type(clean(name, 60), (), {})()
        case {"list": list(items)} if depth < DEEPEST:
            return [decode(item, function, depth + 1) for item in items]
        case {"tuple": list(items)} if depth < DEEPEST:
            return tuple(decode(item, function, depth + 1) for item in items)
        case {"array": str(text), "dtype": str(name), "shape": list(shape)}:
            kind = np.dtype(name)
            if kind.kind in NUMERIC and kind.itemsize:
                return np.frombuffer(base64.b64decode(text), kind).reshape(shape).copy()[()]
        case {"function": int(number)} if function is not None:
            return function(number)
    raise ValueError("a value was expected")


def decode_answer(data, function):
    """`decode` of what comes from a process that is not trusted."""
    try:
        value = decode(data, function)
        if is_large(value):
            raise ValueError("a smaller value was expected")
    except Exception as error:  # NumPy has many for what is no array
        raise ValueError(f"{type(error).__name__}: {error}") from None
    return value


def clean(text: str, longest: int = 300) -> str:
    """One line that says no more than it shows: without control characters and directions of writing."""
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text[: longest + 1])
    return shown if len(shown) <= longest else shown[:longest] + "..."
