"""Formulas of the ledger, written in ASCII there, as HTML: "mu^2 >= kappa_max" with Greek letters, index and exponent.

Changed is only what can be told from prose and from names of the code: names of Greek letters, indices of single
letters, exponents, averages <...> and a few signs. The phi is that of the formulas, U+03D5: one letter has one form.
"""

import html
import re

GREEK = {
    "alpha": "α", "chi": "χ", "delta": "δ", "ell": "ℓ", "eps": "ε", "eta": "η", "gamma": "γ", "kappa": "κ",
    "lambda": "λ", "mu": "μ", "nu": "ν", "omega": "ω", "phi": "ϕ", "pi": "π", "psi": "ψ", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "theta": "θ", "xi": "ξ", "Delta": "Δ", "Lambda": "Λ", "Xi": "Ξ",
}  # fmt: skip
SIGNS = {"->": "→", "<=": "≤", ">=": "≥", " - ": " − ", "sqrt ": "√", "sqrt": "√", "C_hat": "Ĉ", "rho~": "ρ̃",
         "Delta ": "Δ", "Dtheta": "Δθ"}  # fmt: skip
SUB, SUP, END = "\ue000", "\ue001", "\ue002"  # in place of tags until the text is escaped
GROUP = r"\{[^{}]*\}|\((?:[^()]|\([^()]*\))*\)"


def typeset(text, escape=html.escape):
    """`text` as HTML; what is not a tag goes through `escape`."""
    for written, sign in SIGNS.items():
        text = text.replace(written, sign)
    text = re.sub(rf"(?<![A-Za-z])(d?)({'|'.join(GREEK)})(?![A-Za-z])", lambda m: m[1] + GREEK[m[2]], text)
    text = re.sub(r"<([^\s<>][^<>]*)>", r"⟨\1⟩", text)
    text = re.sub(r"(?<![^\W_])([^\W_])_([^\W_]+|\{[^{}]*\})(?!_)", lambda m: m[1] + _marked(SUB, m[2]), text)
    text = re.sub(rf"\^(-?[^\W_]+|{GROUP})", lambda m: _marked(SUP, m[1]), text)
    text = escape(text)
    for mark, tag in ((SUB, "sub"), (SUP, "sup")):
        text = re.sub(rf"{mark}([^{END}]*){END}", rf"<{tag}>\1</{tag}>", text)
    return text


def _marked(mark, index):
    """An index or exponent between the marks, without the brackets around all of it."""
    inner = index[1:-1] if re.fullmatch(GROUP, index) else index
    return f"{mark}{inner.replace('-', '−')}{END}"
