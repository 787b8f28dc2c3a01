"""``judge`` compares a reader's answer to an exercise with the right one and says what is wrong with it.

In a chapter each exercise with code defines its own, ``judge_2_3`` for Exercise 2.3, in a folded cell. The cell for
the reader's answer calls it, and so does the solution.
"""

import html
from contextvars import ContextVar

import numpy as np

NO_ANSWER = "No answer yet."
RIGHT = "Right."
_hearing: ContextVar[list[str] | None] = ContextVar("_hearing", default=None)  # where verdicts go instead of the page


def judge(yours, right, *, tolerance=1e-6, pitfalls=None, on=None, key=None, hint=""):
    """Show whether `yours` is right. A wrong answer is explained, never raised.

    Parameters
    ----------
    yours, right : number, array, bool, str or function
        The answer and the solution. Functions are compared by their values on the arguments `on`. An answer that is
        None or `...`, and a function that returns one of them, is an exercise not yet begun.
    tolerance : float
        Largest deviation allowed, relative to the largest entry of the solution.
    pitfalls : dict, optional
        From the explanation of a known mistake to the value, or the function, that it leads to.
    on : list of tuples, optional
        Arguments for which functions are compared; an argument that is not a tuple stands for itself alone.
    key : function, optional
        What is compared of each value, where several are right: ``lambda W: W @ W.T`` for any square root.
    hint : str
        Added to the verdict on a wrong answer that no pitfall explains.
    """
    verdict = _verdict(yours, right, tolerance, pitfalls or {}, on, key, hint)
    heard = _hearing.get()
    if heard is None:
        _show(verdict)
    else:
        heard.append(verdict)


def require(judge, *answers):
    """Raise AssertionError with what `judge`, the one of an exercise, says of the answers, unless they are right.

    For a grader that counts a cell by whether it raises, as nbgrader does; nothing is shown.
    """
    heard: list[str] = []
    token = _hearing.set(heard)
    try:
        judge(*answers)
    finally:
        _hearing.reset(token)
    if heard[-1:] != [RIGHT]:
        raise AssertionError(heard[-1] if heard else "The judge was not asked.")


def _verdict(yours, right, tolerance, pitfalls, on, key, hint):
    if _is_missing(yours):
        return NO_ANSWER
    if on is not None and not callable(yours):
        return f"Not yet: a function is expected, this is {_kind(yours)}."
    if on is None and callable(yours):
        return "Not yet: a value is expected, this is a function. Did you forget to call it?"
    try:
        answers = _values(yours, on)
    except Exception as error:
        return f"Not yet: your function raised {type(error).__name__}: {error}"
    if all(_is_missing(answer) for answer in answers):
        return NO_ANSWER
    if key is not None:
        try:
            answers = [key(answer) for answer in answers]
        except Exception as error:
            return f"Not yet: {_kind(answers[0])} is not what was asked for ({type(error).__name__}: {error})"
    expected = _values(right, on, key)
    problems = [_problem(*pair, tolerance) for pair in zip(answers, expected, strict=True)]
    if not any(problems):
        return RIGHT
    for explanation, mistake in pitfalls.items():
        pairs = zip(answers, _values(mistake, on, key), strict=True)
        if not any(_problem(*pair, tolerance) for pair in pairs):
            return f"Not yet: {explanation}."
    which = next(index for index, problem in enumerate(problems) if problem)
    where = "" if on is None else f" for the arguments {_arguments(on[which])}"
    return f"Not yet: {problems[which]}{where}." + (f"\nHint: {hint}" if hint else "")


def _is_missing(answer):
    return answer is None or answer is Ellipsis or (type(answer) is tuple and all(map(_is_missing, answer)))


def _values(thing, on, key=None):
    """The list of a function's values, or of the one value of a constant; of each what `key` makes of it."""
    values = [thing] if on is None else [thing(*_arguments(item)) if callable(thing) else thing for item in on]
    return values if key is None else [key(value) for value in values]


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


def _show(verdict):
    """Print the verdict, or display it with its mark where there is a notebook."""
    try:
        from IPython import InteractiveShell
        from IPython.display import display
    except ImportError:
        print(verdict)
        return
    if not InteractiveShell.initialized():
        print(verdict)
        return
    mark, style = {RIGHT: ("✓", "right"), NO_ANSWER: ("○", "unanswered")}.get(verdict, ("✗", "not-yet"))
    lines = html.escape(verdict).replace("\n", "<br>")
    styled = f'<div class="judged {style}">{mark} {lines}</div>'
    display({"text/plain": verdict, "text/html": styled}, raw=True)
