"""Where an exercise can be answered: beside each cell that waits for an answer, links to its notebook.

A page cannot run the cell. Where the site has a notebook in the browser the first link leads there; Binder and Colab
follow where the book has an address. In every other build the notebook is what the page offers for download, with the
page that says how to run it. Nothing is promised that is not there.
"""

import html
import re
from pathlib import Path

from book.address import Address
from book.exercises import NO_ANSWER, number_of
from book.site_links import LITE, has_lite

WAITING = re.compile(
    r'(?P<cell><div class="cell tag_answer tag_(?P<label>ex-[\w-]+)(?:(?!<div class="cell ).)*?'
    rf'<div class="judged unanswered">○ {re.escape(NO_ANSWER)})</div>',
    re.DOTALL,
)


def places(name: str, address: Address, settled: bool, pathto) -> list[tuple[str, str]]:
    """Words and target of each link for the chapter `name`: where its notebook runs, or how to get it.

    Colab opens the file of the repository, which says what to install only where the address is `settled`.
    """
    file = f"{name}.ipynb"
    found = [("Answer it in the browser", pathto(f"{LITE}/lab/index.html", 1) + f"?path={file}")] if has_lite() else []
    if address:
        found.append(("Answer it at Binder", address.binder(f"lab/{file}")))
    if settled and (colab := address.colab(f"chapters/{file}")):
        found.append(("Answer it in Colab", colab))
    if found:
        return found
    return [
        ("Get the notebook to answer it", pathto(f"_sources/chapters/{file}", 1)),
        ("How to run it", pathto("chapters/running")),
    ]


def add_places(app, pagename, templatename, context, doctree):
    """Put the links behind each verdict on an answer that is not there."""
    if f'"judged unanswered">○ {NO_ANSWER}' not in context.get("body", ""):
        return
    config = app.config
    found = places(Path(pagename).name, config.srbm_address, config.srbm_settled, context["pathto"])

    def offered(match):
        exercise = f"Exercise {number_of(match['label'])}"
        links = " ".join(
            f'<a href="{html.escape(url)}" aria-label="{words}: {exercise}"'
            f"{' download' if '_sources' in url else ''}>{words}</a>"
            for words, url in found
        )
        return f'{match["cell"]} <span class="answer-places">{links}</span></div>'

    context["body"] = WAITING.sub(offered, context["body"])


def setup(app):
    app.connect("html-page-context", add_places)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
