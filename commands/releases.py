"""Ask the package index when each requirement was released last: ``python -m commands.releases`` (in `make lock`)."""

import json
import re
import urllib.request
from datetime import date

from book.dependencies import FILE, ROOT, requirements

INDEX = "https://pypi.org/simple/{}/"


def last_release(page: str) -> date:
    """The day of the newest upload that a page of the index lists (JSON of PEP 691 and PEP 700)."""
    return date.fromisoformat(max(file["upload-time"] for file in json.loads(page)["files"])[:10])


def renewed(text: str, released: dict[str, date], today: date) -> str:
    """The text of `dependencies.toml` with these dates."""
    for name, day in released.items():
        text = re.sub(rf"(\[{re.escape(name)}\]\n(?:.+\n)*?released = ).*", rf"\g<1>{day}", text)
    return re.sub(r"^asked = .*", f"asked = {today}", text, flags=re.MULTILINE)


def _page(name: str) -> str:
    request = urllib.request.Request(INDEX.format(name), headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def main() -> None:
    file = ROOT / FILE
    dates = {name: last_release(_page(name)) for name in requirements()}
    file.write_text(renewed(file.read_text(encoding="utf-8"), dates, date.today()), encoding="utf-8")


if __name__ == "__main__":
    main()
