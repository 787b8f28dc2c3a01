"""Write the address that `_config.yml` names wherever the repository needs it: ``python -m commands.address``.

That is the line of each chapter that says what to install, and CITATION.cff. The wheel and the sdist are made from
a copy (`commands.dist`) whose metadata and README lead to the address, too.
"""

import re
from pathlib import Path

import nbformat

from book.address import ROOT, Address, with_hint
from commands.normalise import dumps, normalise

LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<path>(?!https?://|#)[^)]+)\)")


def citation(text: str, address: Address) -> str:
    """CITATION.cff with the address and that of the pages, or without."""
    text = re.sub(r'^(?:repository-code|url): ".*"\n', "", text, flags=re.MULTILINE)
    lines = f'repository-code: "{address.url}"\nurl: "{address.site}"\n' if address else ""
    return re.sub(r"^(?=license:)", lines, text, count=1, flags=re.MULTILINE)


def metadata(pyproject: str, address: Address) -> str:
    """pyproject.toml with the addresses that a package index shows."""
    if not address:
        return pyproject
    urls = {
        "Homepage": address.site,
        "Source": address.url,
        "Issues": address.issues,
        "Changelog": address.file("CHANGELOG.md"),
    }
    lines = "\n".join(f'{name} = "{url}"' for name, url in urls.items())
    following = "[project.optional-dependencies]"
    return pyproject.replace(following, f"[project.urls]\n{lines}\n\n{following}")


def readme(text: str, address: Address) -> str:
    """The README as a package index shows it: what it links to lies in the repository."""

    def absolute(match):
        place = address.raw if match["image"] else address.file
        return f"{match['image']}[{match['text']}]({place(match['path'])})"

    return LINK.sub(absolute, text) if address else text


def write(root: Path, address: Address):
    """Write the address into the files below `root`."""
    for path in sorted((root / "chapters").glob("*.ipynb")):
        text = path.read_text(encoding="utf-8")
        if (new := with_hint(text, address)) != text:
            path.write_text(dumps(normalise(nbformat.reads(new, 4))), encoding="utf-8", newline="\n")
    path = root / "CITATION.cff"
    path.write_text(citation(path.read_text(encoding="utf-8"), address), encoding="utf-8", newline="\n")


def main():
    write(ROOT, Address.of(ROOT, {}))


if __name__ == "__main__":
    main()
