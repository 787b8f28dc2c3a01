"""The letters that a text uses in its formulas."""

import re

GREEK = re.compile(
    "(?:var)?(?:[Gg]amma|[Dd]elta|[Tt]heta|[Ll]ambda|[XxPp]i|[Ss]igma|[Uu]psilon|[Pp]hi|[Pp]si|[Oo]mega|alpha|beta|"
    "epsilon|zeta|eta|iota|kappa|mu|nu|rho|tau|chi)|ell"
)
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$]+?)\$", re.DOTALL)
UPRIGHT = re.compile(r"\\(?:text|mathrm|operatorname\*?|begin|end)\s*\{[^{}]*\}|\\mathbb\s*(?:\{\w+\}|\w)")
INDEX = re.compile(r"_(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\[A-Za-z]+|.)|\^\{?T\}?")
LETTER = re.compile(r"\\mathcal\s*\{?\s*([A-Z])\}?|\\([A-Za-z]+)|([A-Za-z])")


def symbols(text: str) -> set[str]:
    """Letters of the formulas of a Markdown text, as TeX writes them; without indices, words and a transposing T."""
    found = set()
    for display, inline in FORMULA.findall(text):
        for script, command, latin in LETTER.findall(INDEX.sub(" ", UPRIGHT.sub(" ", display or inline))):
            if script:
                found.add(rf"\mathcal {script}")
            elif GREEK.fullmatch(command):
                found.add(rf"\{command}")
            elif latin:
                found.add(latin)
    return found
