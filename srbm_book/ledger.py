"""The verdict lines of the book: ``check`` compares the paper with our computation and says what came out.

Every key stands in ``ledger.toml`` beside this file, with the statement it decides and the kind of statement it is.
The verdict is computed here and never passed in. What is printed is rounded to the digits that the tolerance leaves
meaningful, so that a line reads the same on every machine.

A comparison is worth what it would reject. A numerical test therefore brings its falsified *twin*, a wrong statement of
the same form, and `check` makes sure that the same comparison rejects it; and a *condition* is believed only when the
bare statement, without it, fails.
"""

import math
import tomllib
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from .typeset import typeset

LEDGER = Path(__file__).with_name("ledger.toml")
REPRODUCED, CONDITION, NOT_REPRODUCED = "reproduced", "reproduced with a condition", "not reproduced"
DEFINITION, IDENTITY, TEST, PRINTED = "definition", "identity", "test", "printed"
KINDS = {
    DEFINITION: "what a symbol or a picture stands for",
    IDENTITY: "holds exactly, by algebra; compared to rounding",
    TEST: "compared numerically with something that need not have agreed",
    PRINTED: "a number that the paper prints",
}
FEW = 4  # that many values of an array are written out in the tables
CONFIRMED, NOT_CONFIRMED = "confirmed", "not confirmed"  # of statements that are not the paper's
MARK = {REPRODUCED: "\u2713", CONDITION: "\u25d0", NOT_REPRODUCED: "\u2717"}
MARK |= {CONFIRMED: MARK[REPRODUCED], NOT_CONFIRMED: MARK[NOT_REPRODUCED]}
CSS_CLASS = {REPRODUCED: "reproduced", CONDITION: "with-condition", NOT_REPRODUCED: "not-reproduced"}
CSS_CLASS |= {CONFIRMED: CSS_CLASS[REPRODUCED], NOT_CONFIRMED: CSS_CLASS[NOT_REPRODUCED]}
SIDES = {"above": 1, "below": -1}  # the sign of what `ours` has over its bound


def check(
    key,
    *,
    paper=None,
    exact=None,
    above=None,
    below=None,
    ours,
    tolerance=0,
    origin,
    twin=None,
    condition=None,
    bare=None,
    chaotic=False,
):
    """Show whether `ours` agrees with `paper`, as one line.

    Parameters
    ----------
    key : str
        An entry of ``ledger.toml``.
    paper, ours : number, bool, str or array
        Numbers are compared by their largest absolute deviation, arrays broadcast against each other;
        booleans and strings must be equal. `paper` is what its statement or formula says, as we evaluate it.
    exact : like `paper`
        In place of `paper` for a statement that is not the paper's (a key that starts with ``x-``): what it should be.
    above, below : number or array
        In place of `paper` or `exact`, where the statement is an inequality: a bound that all of `ours` has to exceed,
        or to stay below. What comes closest to its bound is shown, to one digit more than separates the two.
    tolerance : float
        Largest absolute deviation that still agrees; 0 for counts, booleans, strings and bounds.
    origin : str
        Where the tolerance, or the bound, comes from.
    twin : dict, optional
        A wrong statement of the same form, which the same comparison must reject: ``says`` tells in words what is
        wrong with it, and `paper` (or `exact`, `above`, `below`), `ours` or both stand in place of those above. A
        numerical test has one. Where the comparison is of booleans the twin brings `ours`: the same computation on
        something false.
    condition : str, optional
        Under which the statement was found to hold, where the paper does not state it.
    bare : dict, optional
        The statement without the condition, in the same form as `twin` without ``says``: it must fail.
    chaotic : bool, optional
        Whether `ours` comes from a path that amplifies rounding, such as rejection or Metropolis steps. Its value then
        is another on another machine, and the line shows only that it agrees.

    Raises
    ------
    AssertionError
        If the comparison accepts the twin, or the bare statement needs no condition.
    """
    entry = _entry(key)
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"{key}: the tolerance must be finite and not negative, got {tolerance}")
    given = {"paper": paper, "exact": exact, "above": above, "below": below}
    given = {name: value for name, value in given.items() if value is not None}
    source = "exact" if key.startswith("x-") else "paper"
    if len(given) != 1 or not set(given) <= {source, *SIDES}:
        raise ValueError(
            f"{key}: give paper= for a statement of the paper, exact= for one of ours (x-...), or a bound "
            "in place of either, above= or below="
        )
    if tolerance and source not in given:
        raise ValueError(f"{key}: an inequality has no tolerance; what it allows belongs to the bound")
    given["ours"] = ours
    record, comparison = _compare(key, source, given, tolerance, chaotic)
    agrees = record.pop("agrees")
    if source == "exact":
        verdict = CONFIRMED if agrees else NOT_CONFIRMED
    else:
        verdict = NOT_REPRODUCED if not agrees else CONDITION if condition else REPRODUCED
    shown = _two_digits(tolerance) if source in given else "a bound"
    record = {"key": key, "verdict": verdict, **record, "tolerance": shown, "origin": origin}
    if condition:
        record["condition"] = condition
    if bare is not None:
        if not condition:
            raise ValueError(f"{key}: bare= is the statement without its condition, and there is no condition=")
        if _accepts(key, source, given, bare, "bare", tolerance):
            raise AssertionError(f"{key}: the bare statement holds, so it needs no condition ({condition})")
        record["bare"] = "fails"
    decision = f"{verdict}: {condition}" if verdict == CONDITION else verdict
    if twin is not None:
        twin = dict(twin)
        says = twin.pop("says", None)
        if not says:
            raise ValueError(f'{key}: a twin says in words what is wrong with it, twin=dict(says="...", ...)')
        if _accepts(key, source, given, twin, "twin", tolerance):
            raise AssertionError(f"{key}: the comparison accepts the falsified twin ({says}), so it tests nothing")
        record["twin"] = says
        comparison += f"; the same test rejects {says}"
    _show(key, entry["statement"], f"{comparison} ({origin})", decision, verdict, record)


def _accepts(key, source, given, changed, name, tolerance):
    """Whether the same comparison agrees when some of what is `given` is `changed`."""
    if not changed or set(changed) - set(given):
        raise ValueError(f"{key}: {name}= changes {' or '.join(given)} or both, got {sorted(changed)}")
    if "ours" not in changed and np.asarray(given["ours"]).dtype.kind == "b":
        raise ValueError(
            f"{key}: that True is not False is no test; give the {name} ours=, the same computation on something false"
        )
    return _compare(key, source, given | changed, tolerance)[0]["agrees"]


def _entry(key):
    known = tomllib.loads(LEDGER.read_text(encoding="utf-8"))
    if key not in known:
        near = get_close_matches(key, known, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise KeyError(f"{key!r} is not in {LEDGER.name}{hint}")
    return known[key]


def _compare(key, source, given, tolerance, chaotic=False):
    """What to record of the comparison, and how to say it."""
    (name, paper), (_, ours) = given.items()
    paper, ours = np.asarray(paper), np.asarray(ours)
    try:
        paper, ours = np.broadcast_arrays(paper, ours)
    except ValueError:
        raise ValueError(f"{key}: {name} has shape {paper.shape}, ours {ours.shape}; they must broadcast") from None
    if paper.size == 0:
        raise ValueError(f"{key}: there is nothing to compare, the arrays are empty")
    if name in SIDES:
        return _inequality(key, source, name, paper, ours, chaotic)
    if paper.dtype.kind in "iuf" and ours.dtype.kind in "iuf":
        if not np.isfinite(paper).all():
            raise ValueError(f"{key}: the value to compare with must be finite")
        deviation = np.where(np.isfinite(ours), np.abs(paper.astype(float) - ours), np.inf)
        within = f"to within {tolerance:.2g}" if tolerance else "exactly"
    elif paper.dtype.kind in "bU" and paper.dtype.kind == ours.dtype.kind:
        deviation = (paper != ours).astype(float)
        within = "exactly"
    else:
        raise TypeError(
            f"{key}: compare numbers with numbers, booleans with booleans or strings with strings, "
            f"got {paper.dtype} ({source}) and {ours.dtype} (ours)"
        )
    agrees = bool(deviation.max() <= tolerance)
    if agrees and chaotic:
        record = {"agrees": True, source: _summary(paper, tolerance), "ours": "agrees"}
        return record, f"we find {record[source]} {within}"
    if agrees and paper.size > 1:
        record = {"agrees": True, source: _summary(paper, tolerance), "ours": _summary(ours, tolerance)}
        return record, f"{_all(paper.size)} agree {within}"
    worst = np.unravel_index(np.argmax(deviation), deviation.shape)
    record = {
        "agrees": agrees,
        source: _rounded(paper[worst].item(), tolerance),
        "ours": _rounded(ours[worst].item(), tolerance),
    }
    pair = _pair(source, record[source], record["ours"], f"{tolerance:.2g}" if tolerance else "", agrees)
    return record, f"not all {paper.size} values agree {within}; of the worst {pair}" if paper.size > 1 else pair


def _all(many):
    return "both values" if many == 2 else f"all {many} values"


def _pair(source, expected, found, tolerance, agrees):
    """Two values in words. What is expected comes with its tolerance, so that 0 and -2 are seen to agree if they do."""
    expected = {"True": "true", "False": "false"}.get(expected, expected)
    found = {"True": "true", "False": "false"}.get(found, found)
    who = "the paper has" if source == "paper" else "expected is"
    if agrees and not tolerance:
        return f"we find {found}, {'as the paper has it' if source == 'paper' else 'as expected'}"
    margin = f", give or take {tolerance}" if tolerance else ""
    return f"we find {found}, {who} {expected}{margin}"


def _inequality(key, source, side, bound, ours, chaotic):
    """Comparison with a bound: `ours` has to lie `side` it, everywhere."""
    if bound.dtype.kind not in "iuf" or ours.dtype.kind not in "iuf":
        raise TypeError(f"{key}: a bound is for numbers, got {bound.dtype} ({side}) and {ours.dtype} (ours)")
    if not np.isfinite(bound).all():
        raise ValueError(f"{key}: the bound must be finite")
    margin = np.where(np.isfinite(ours), SIDES[side] * (ours - bound.astype(float)), -np.inf)
    agrees = bool(margin.min() > 0)
    if agrees and chaotic:
        limit = _summary(bound, 0)
        many = f"{_all(ours.size)} are" if ours.size > 1 else "what we find is"
        return {"agrees": True, source: f"{side} {limit}", "ours": f"is {side}"}, f"{many} {side} {limit}"
    worst = np.unravel_index(np.argmin(margin), margin.shape)
    digit = abs(margin[worst]) / 10 if np.isfinite(margin[worst]) else 0
    value = _rounded(ours[worst].item(), digit)
    limit = _rounded(bound[worst].item(), min(digit, abs(bound[worst]) / 10))  # two digits of it at least
    record = {"agrees": agrees, source: f"{side} {limit}", "ours": value}
    if ours.size == 1:
        return record, f"we find {value}, which is {'' if agrees else 'not '}{side} {limit}"
    one = np.ptp(bound) == 0
    bounds, pair = (limit, value) if one else ("their bounds", f"{value}, {'' if agrees else 'not '}{side} {limit}")
    many = _all(ours.size) if agrees else f"not all {ours.size} values"
    return record, f"{many} are {side} {bounds}, the {'closest' if agrees else 'worst'} is {pair}"


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


def _two_digits(number):
    """A tolerance as it is shown."""
    return int(number) if number == int(number) else float(f"{number:.2g}")


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
