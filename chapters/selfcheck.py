"""``judge`` compares a reader's answer to an exercise with the right one and says what is wrong with it."""

import numpy as np


def judge(yours, right, *, tolerance=1e-6, pitfalls=None, on=None, hint=""):
    """Print whether `yours` is right. A wrong answer is explained, never raised.

    Parameters
    ----------
    yours, right : number, array, bool, str or function
        The answer and the solution. Functions are compared by their values on the arguments `on`.
    tolerance : float
        Largest deviation allowed, relative to the largest entry of the solution.
    pitfalls : dict, optional
        From the explanation of a known mistake to the value, or the function, that it leads to.
    on : list of tuples, optional
        Arguments for which functions are compared; an argument that is not a tuple stands for itself alone.
    hint : str
        Added to the verdict on a wrong answer that no pitfall explains.
    """
    print(_verdict(yours, right, tolerance, pitfalls or {}, on, hint))


def _verdict(yours, right, tolerance, pitfalls, on, hint):
    if yours is None or yours is Ellipsis:
        return "No answer yet."
    if on is not None and not callable(yours):
        return f"Not yet: a function is expected, this is {_kind(yours)}."
    if on is None and callable(yours):
        return "Not yet: a value is expected, this is a function. Did you forget to call it?"
    try:
        answers = _values(yours, on)
    except Exception as error:
        return f"Not yet: your function raised {type(error).__name__}: {error}"
    expected = _values(right, on)
    problems = [_problem(*pair, tolerance) for pair in zip(answers, expected, strict=True)]
    if not any(problems):
        return "Right."
    for explanation, mistake in pitfalls.items():
        pairs = zip(answers, _values(mistake, on), strict=True)
        if not any(_problem(*pair, tolerance) for pair in pairs):
            return f"Not yet: {explanation}."
    which = next(index for index, problem in enumerate(problems) if problem)
    where = "" if on is None else f" for the arguments {_arguments(on[which])}"
    return f"Not yet: {problems[which]}{where}." + (f"\nHint: {hint}" if hint else "")


def _values(thing, on):
    """The value of a constant, or the list of a function's values."""
    if on is None:
        return [thing]
    return [thing(*_arguments(item)) if callable(thing) else thing for item in on]


def _arguments(item):
    return item if isinstance(item, tuple) else (item,)


def _problem(answer, expected, tolerance):
    """What is wrong with `answer`, or None."""
    expected = np.asarray(expected)
    try:
        answer = np.asarray(answer)
    except ValueError:
        return "the rows of the array have different lengths"
    exact = expected.dtype.kind in "bU"
    if answer.dtype.kind not in (expected.dtype.kind if exact else "iufc"):
        wanted = {"b": "True or False", "U": "a string"}.get(expected.dtype.kind, "a number or an array of numbers")
        return f"{wanted} is expected, this is {_kind(answer[()])}"
    if answer.shape != expected.shape:
        return f"the shape is {answer.shape}, expected is {expected.shape}"
    if exact:
        return None if (answer == expected).all() else "this is not the right answer"
    if not np.isfinite(answer).all():
        return "there are values that are not finite"
    scale = np.abs(expected).max(initial=0) or 1
    if np.abs(answer - expected).max(initial=0) <= tolerance * scale:
        return None
    return "the value is not the right one" if answer.ndim == 0 else "the values are not the right ones"


def _kind(thing):
    if isinstance(thing, np.ndarray):
        return f"an array of {thing.dtype.name}"
    return "a function" if callable(thing) else f"of type {type(thing).__name__}"
