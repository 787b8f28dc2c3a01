"""An exercise says where it can be answered, and only what is there."""

import re

import nbformat
import pytest

from book.address import Address
from book.answers import places

GITHUB = Address.parse("https://github.com/someone/srbm")
LABELS = [1, 2]


def to_root(target, resource=0):
    return f"../{target}" if resource else f"{target}.html"


@pytest.mark.parametrize(("site", "address", "settled", "expected"), [
    ("", Address(), False, ["../_sources/chapters/02_flow.ipynb", "chapters/running.html"]),
    ("1", Address(), False, ["../lite/lab/index.html?path=02_flow.ipynb"]),
    ("", GITHUB, False, [GITHUB.binder("lab/02_flow.ipynb")]),
    ("1", GITHUB, True, ["../lite/lab/index.html?path=02_flow.ipynb", GITHUB.binder("lab/02_flow.ipynb"),
                         GITHUB.colab("chapters/02_flow.ipynb")]),
    ("", Address.parse("https://gitlab.com/a/b"), True,
     [Address.parse("https://gitlab.com/a/b").binder("lab/02_flow.ipynb")]),
])  # fmt: skip
def test_a_place_is_named_where_there_is_one(monkeypatch, site, address, settled, expected):
    monkeypatch.setenv("SRBM_SITE", site)
    assert [url for _, url in places("02_flow", address, settled, to_root)] == expected


def cells():
    for number in LABELS:
        waiting = ("○ No answer yet.", "unanswered", ["answer", f"ex-2-{number}"])
        for says, css, tags in (waiting, ("✓ Right.", "right", [])):
            html = f'<div class="judged {css}">{says}</div>'
            output = nbformat.v4.new_output("display_data", {"text/plain": says, "text/html": html})
            yield nbformat.v4.new_code_cell("x", outputs=[output], execution_count=1, metadata={"tags": tags})


def test_each_answer_has_links_of_its_own(build, tmp_path, monkeypatch):
    monkeypatch.setenv("SRBM_REPOSITORY", "")
    monkeypatch.setenv("SRBM_SITE", "")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Flow"), *cells()])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    html = build(tmp_path, ".ipynb", **{"02_flow": nbformat.writes(notebook)})[2]["02_flow"]
    names = re.findall(r'<a href="\.\./_sources/chapters/02_flow\.ipynb" aria-label="([^"]*)" download>', html)
    assert names == [f"Get the notebook to answer it: Exercise 2.{number}" for number in LABELS]
    assert html.count('class="answer-places"') == len(LABELS)
