"""The verdict lines of the book: ``check`` compares the paper with our computation and says what came out.

Every key stands in ``ledger.toml`` beside this file, with the statement it decides. The verdict is computed here and
never passed in. What is printed is rounded to the digits that the tolerance leaves meaningful, so that a line reads
the same on every machine.
"""

import math
import tomllib
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from typeset import typeset

LEDGER = Path(__file__).with_name("ledger.toml")
REPRODUCED, CONDITION, NOT_REPRODUCED = "reproduced", "reproduced with a condition", "not reproduced"
FEW = 4  # that many values of an array are written out in the tables
CONFIRMED, NOT_CONFIRMED = "confirmed", "not confirmed"  # of statements that are not the paper's
MARK = {REPRODUCED: "\u2713", CONDITION: "\u25d0", NOT_REPRODUCED: "\u2717"}
MARK |= {CONFIRMED: MARK[REPRODUCED], NOT_CONFIRMED: MARK[NOT_REPRODUCED]}
CSS_CLASS = {REPRODUCED: "reproduced", CONDITION: "with-condition", NOT_REPRODUCED: "not-reproduced"}
CSS_CLASS |= {CONFIRMED: CSS_CLASS[REPRODUCED], NOT_CONFIRMED: CSS_CLASS[NOT_REPRODUCED]}


def check(key, *, paper=None, exact=None, ours, tolerance=0, origin, condition=None):
    """Show whether `ours` agrees with `paper`, as one line.

    Parameters
    ----------
    key : str
        An entry of ``ledger.toml``.
    paper, ours : number, bool, str or array
        Numbers are compared by their largest absolute deviation, arrays broadcast against each other;
        booleans and strings must be equal.
    exact : like `paper`
        In place of `paper` for a statement that is not the paper's (a key that starts with ``x-``): what it should be.
    tolerance : float
        Largest absolute deviation that still agrees; 0 for counts, booleans and strings.
    origin : str
        Where the tolerance comes from.
    condition : str, optional
        Under which the statement was found to hold, where the paper does not state it.
    """
    statement = _entry(key)["statement"]
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"{key}: the tolerance must be finite and not negative, got {tolerance}")
    if (paper is None) == (exact is None) or key.startswith("x-") != (paper is None):
        raise ValueError(f"{key}: give paper= for a statement of the paper, exact= for one of ours (x-...)")
    source, expected = ("paper", paper) if exact is None else ("exact", exact)
    record, comparison = _compare(key, source, np.asarray(expected), np.asarray(ours), tolerance)
    agrees = record.pop("agrees")
    if source == "exact":
        verdict = CONFIRMED if agrees else NOT_CONFIRMED
    else:
        verdict = NOT_REPRODUCED if not agrees else CONDITION if condition else REPRODUCED
    record = {"key": key, "verdict": verdict, **record, "tolerance": _plain(tolerance), "origin": origin}
    if condition:
        record["condition"] = condition
    decision = f"{verdict}: {condition}" if verdict == CONDITION else verdict
    _show(key, statement, f"{comparison} ({origin})", decision, verdict, record)


def _entry(key):
    known = tomllib.loads(LEDGER.read_text(encoding="utf-8"))
    if key not in known:
        near = get_close_matches(key, known, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise KeyError(f"{key!r} is not in {LEDGER.name}{hint}")
    return known[key]


def _compare(key, source, paper, ours, tolerance):
    """What to record of the comparison, and how to say it."""
    try:
        paper, ours = np.broadcast_arrays(paper, ours)
    except ValueError:
        raise ValueError(
            f"{key}: {source} has shape {paper.shape}, ours {ours.shape}; they must broadcast"
        ) from None
    if paper.size == 0:
        raise ValueError(f"{key}: there is nothing to compare, the arrays are empty")
    if paper.dtype.kind in "iuf" and ours.dtype.kind in "iuf":
        if not np.isfinite(paper).all():
            raise ValueError(f"{key}: the value to compare with must be finite")
        deviation = np.where(np.isfinite(ours), np.abs(paper.astype(float) - ours), np.inf)
        within = f"within {tolerance:.6g}" if tolerance else "exactly"
    elif paper.dtype.kind in "bU" and paper.dtype.kind == ours.dtype.kind:
        deviation = (paper != ours).astype(float)
        within = "exactly"
    else:
        raise TypeError(
            f"{key}: compare numbers with numbers, booleans with booleans or strings with strings, "
            f"got {paper.dtype} ({source}) and {ours.dtype} (ours)"
        )
    agrees = bool(deviation.max() <= tolerance)
    if agrees and paper.size > 1:
        record = {"agrees": True, source: _summary(paper, tolerance), "ours": _summary(ours, tolerance)}
        return record, f"{paper.size} values agree {within}"
    worst = np.unravel_index(np.argmax(deviation), deviation.shape)
    record = {
        "agrees": agrees,
        source: _rounded(paper[worst].item(), tolerance),
        "ours": _rounded(ours[worst].item(), tolerance),
    }
    pair = f"{source} {record[source]}, ours {record['ours']}"
    if paper.size > 1:
        return record, f"{paper.size} values do not agree {within}, the worst is {pair}"
    return record, f"{pair}, {'they agree' if agrees else 'they do not agree'} {within}"


def _rounded(value, tolerance):
    """`value` to six significant digits, and to none beyond the first digit of the tolerance."""
    if not isinstance(value, float) or not math.isfinite(value):
        return str(value)
    if tolerance:
        value = round(value, -math.floor(math.log10(tolerance)))
    return f"{value + 0.0:.6g}"  # + 0.0 turns -0.0 into 0.0


def _summary(values, tolerance):
    """What a table shows of an array: its values while they are few, else the range of numbers."""
    shown = [_rounded(value, tolerance) for value in values.ravel().tolist()]
    if len(set(shown)) == 1:
        return shown[0]
    if len(shown) <= FEW:
        return ", ".join(shown)
    if values.dtype.kind in "bU":
        return f"{len(shown)} values"
    ends = (_rounded(value.item(), tolerance) for value in (values.min(), values.max()))
    return f"{len(shown)} values, " + " to ".join(ends)


def _plain(number):
    return int(number) if number == int(number) else float(f"{number:.6g}")


def _show(key, statement, comparison, decision, verdict, record):
    line = f"{MARK[verdict]} {key}: {statement} {comparison}: {decision}"
    try:
        from IPython import InteractiveShell
        from IPython.display import display
    except ImportError:
        print(line)
        return
    if not InteractiveShell.initialized():
        print(line)
        return
    styled = (
        f'<div class="verdict {CSS_CLASS[verdict]}" id="check-{key}">{MARK[verdict]} <code>{key}</code> '
        f"{typeset(statement)} <span>{typeset(comparison)}</span> <b>{typeset(decision)}</b></div>"
    )
    display({"text/plain": line, "text/html": styled}, raw=True, metadata={"srbm": record})
