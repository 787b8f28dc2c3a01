"""Formulas of docstrings, written in ASCII as `help` shows them, as TeX: "mu^2 - sigma_h^2 W W^T" becomes a formula.

Taken for a formula is only what can be told from prose: Greek letters by name, single letters with an index or an
exponent, averages <...>, arrays' shapes with such letters, and what operators and products join to one of these.
"""

import re

from srbm_book.typeset import GREEK

_GREEK = "|".join(GREEK)
_INDEX = rf"_(?:(?:[A-Za-z0-9]{{1,3}}|{_GREEK}|target|model|data)(?!\w)|\{{[^{{}}]*\}})"
_EXPONENT = r"\^(?:-?[A-Za-z0-9]+(?:_[a-z])?(?:/\d+)?|\([^()]*\)|\{[^{}]*\})"
_SYMBOL = (rf"(?<![\w\\^.\"-])(?:(?:{_GREEK})(?:{_INDEX})?(?:{_EXPONENT})?"
           rf"|[A-Za-z](?:{_INDEX}(?:{_EXPONENT})?|{_EXPONENT}))(?![\w^(])")  # fmt: skip
_AVERAGE = rf"<(?:[A-Za-z]|{_GREEK}|ln|tanh|_i|\^[T2]|[ |()])+>(?:{_INDEX})?(?:{_EXPONENT})?"
_AXIS = r"(?:(?:2\^)?[A-Za-z](?:_[a-z0-9])?|\d+|\.\.\.)"
_SHAPE = rf"(?<!\w)\((?=[^()]*(?:_|\.\.\.)){_AXIS},(?: {_AXIS}(?:, {_AXIS})*)?\)"
_PLAIN = r"(?<![\w.\\^-])(?:[B-HJ-Zh]|\d+(?:\.\d+)?)(?![\w^(]|\.\d|-\w)"
_JOIN = r"(?:(?=<[a-z])|\s*(?:<=|>=|[=<>+/]|-(?=\s|\d))\s*|\s+)"
_FACTOR = rf"(?:{_AVERAGE}|{_SYMBOL}|{_PLAIN})"
_BOUND = r"(?<!\S)[<>]=? \d+(?:\.\d+)?(?!\w)"
_FORMULA = re.compile(rf"{_SHAPE}|{_BOUND}|{_FACTOR}(?:{_JOIN}{_FACTOR})*")
_CERTAIN = re.compile(rf"{_SHAPE}|{_BOUND}|{_AVERAGE}|{_SYMBOL}")


def pieces(text: str) -> list[tuple[str, bool]]:
    """`text` in pieces: (words as they are, False) and (a formula in TeX, True) in their order."""
    found, end = [], 0
    for match in _FORMULA.finditer(text):
        if not _CERTAIN.search(match[0]):
            continue
        if match.start() > end:
            found.append((text[end : match.start()], False))
        found.append((_tex(match[0]), True))
        end = match.end()
    return [*found, (text[end:], False)] if end < len(text) else found


def _tex(formula: str) -> str:
    """A formula in TeX."""
    formula = re.sub(r"<([^<>=]+)>", lambda m: rf"\langle {m[1]} \rangle", formula)
    formula = re.sub(_EXPONENT, lambda m: f"^{{{m[0][1:].strip('{}')}}}", formula)
    formula = re.sub(_INDEX, lambda m: f"_{{{_index(m[0][1:])}}}", formula)
    formula = re.sub(rf"(?<![A-Za-z\\])({_GREEK}|ln|tanh)(?![A-Za-z])", r"\\\1", formula)
    for sign, tex in (("<=", r"\le "), (">=", r"\ge "), ("...", r"\ldots")):
        formula = formula.replace(sign, tex)
    return " ".join(formula.split())


def _index(text: str) -> str:
    """An index: letters side by side, as in W_ia, are several; a word is set upright."""
    text = text.strip("{}")
    return text if text in GREEK or len(text) <= 2 or not text.isalpha() else rf"\mathrm{{{text}}}"
