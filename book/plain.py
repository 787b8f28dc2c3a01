r"""Formulas in plain text: ``\mu^2 - \kappa_\alpha`` as "μ² − κ_α", where nothing can typeset them."""

import re

from srbm_book import typeset

GREEK = typeset.GREEK | {
    "epsilon": "ε", "varepsilon": "ε", "varphi": "ϕ", "nu": "ν", "zeta": "ζ", "Gamma": "Γ", "Theta": "Θ", "Pi": "Π",
    "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
SIGNS = {
    "infty": "∞", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "neq": "≠", "simeq": "≃", "approx": "≈", "equiv": "≡",
    "sim": "∼", "propto": "∝", "in": "∈", "to": "→", "mapsto": "↦", "times": "×", "cdot": "·", "pm": "±", "ll": "≪",
    "gg": "≫", "langle": "⟨", "rangle": "⟩", "partial": "∂", "sum": "Σ", "prod": "Π", "int": "∫", "dots": "…",
    "ldots": "…", "cdots": "…", "ell": "ℓ", "nabla": "∇", "top": "T", "lVert": "‖", "rVert": "‖", "lvert": "|",
    "rvert": "|", "mid": "|", "quad": " ", "qquad": " ", "implies": "⇒", "Longrightarrow": "⇒", "iff": "⇔",
    "sqrt": "√", "det": "det ", "ln": "ln ", "exp": "exp ", "log": "log ", "tr": "tr ", "max": "max ", "min": "min ",
    "cos": "cos ", "sin": "sin ", "tanh": "tanh ", "dagger": "†", "ast": "*", "leftrightarrow": "↔",
}  # fmt: skip
RAISED = str.maketrans("0123456789+-nT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᵀ")
TOKEN = r"\d|[A-Za-z]|\\[A-Za-z]+"
WRAPPERS = "text|mathrm|operatorname|mathcal|mathbb|bm|boldsymbol|bar|hat|tilde|dot|ddot|overline"
GROUP = r"\{((?:[^{}]|\{[^{}]*\})*)\}"


def plain(tex: str) -> str:
    """A formula of TeX as a reader would type it."""
    text = re.sub(r"\\(begin|end)\{[^}]*\}|\\\\|&|\\left\b|\\right\b|\\[bB]igg?[lr]?\b|\\[,;:!> ]|~", " ", tex)
    text = re.sub(rf"(\\[dt]?frac)\s*({TOKEN})", r"\1{\2}", text)
    text = re.sub(rf"(\\[dt]?frac\s*{GROUP})\s*({TOKEN})", r"\1{\3}", text)
    for _ in range(4):  # as deep as they are nested
        text = re.sub(rf"\\[dt]?frac\s*{GROUP}\s*{GROUP}", lambda m: f"{{{_bracketed(m[1])}/{_bracketed(m[2])}}}", text)
        text = re.sub(rf"\\(?:{WRAPPERS})\*?\s*{GROUP}", r"{\1}", text)
        text = re.sub(rf"\{{{GROUP}\}}", r"{\1}", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda m: GREEK.get(m[1]) or SIGNS.get(m[1], ""), text)
    text = re.sub(rf"\^{GROUP}|\^(\S)", lambda m: raised(m[1] or m[2]), text)
    text = re.sub(rf"_{GROUP}", lambda m: f"_{m[1].strip()}", text)
    text = text.replace("-", "−").replace("{", "").replace("}", "").replace("\\", "")
    return re.sub(r"\s+([,.;:])", r"\1", " ".join(text.split()))


def _bracketed(part: str) -> str:
    part = part.strip()
    return f"({part})" if re.search(r"[+\-/\s]", part) else part


def raised(power: str) -> str:
    """An exponent in raised letters, as far as there are such."""
    letters = power.strip().translate(RAISED)
    return letters if all(letter in "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᵀ" for letter in letters) else f"^{power.strip()}"
