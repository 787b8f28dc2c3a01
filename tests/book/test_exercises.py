"""The exercises of the book: their pattern, their numbers, and the pages made of them."""

import copy
import json
from collections import Counter
from pathlib import Path

import pytest
from nbformat import v4

from book import exercises
from book.exercises import (
    KINDS,
    NO_ANSWER,
    RIGHT,
    Directive,
    exercises_of,
    in_reading_order,
    number_of,
    parts,
    problems,
    read_exercises,
)

CHAPTERS = Path(__file__).parents[2] / "chapters"
DERIVE = """## Exercises

````{exercise} *derive*: Half of it
:label: ex-2-1

Halve $x$.
````

````{solution} ex-2-1
:class: dropdown

It is $x/2$.
````

````{exercise} *compute*: Twice two
:label: ex-2-2

See {ref}`ex-2-1`.
````
"""
START = "````{solution-start} ex-2-2\n:class: dropdown\n````\n\nAdd."
END = "````{solution-end}\n````"


def said(text):
    return [v4.new_output("display_data", {"text/plain": text})]


@pytest.fixture
def notebook():
    return v4.new_notebook(cells=[
        v4.new_markdown_cell(DERIVE),
        v4.new_code_cell("def judge_2_2(four):\n    judge(four, 2 + 2)", metadata={"tags": ["hide-input"]}),
        v4.new_code_cell("four = ...  # your answer\n\njudge_2_2(four)", metadata={"tags": ["answer", "ex-2-2"]},
                         outputs=said(NO_ANSWER)),
        v4.new_markdown_cell(START),
        v4.new_code_cell("four = 4\n\njudge_2_2(four)", outputs=said(RIGHT)),
        v4.new_markdown_cell(END),
    ])  # fmt: skip


def test_the_book_has_enough_of_every_kind():
    found = read_exercises(CHAPTERS)
    assert len(found) >= 90
    assert min(Counter(exercise.kind for exercise in found).values()) >= 15
    for path in in_reading_order(CHAPTERS):
        mine = [exercise for exercise in found if exercise.chapter == path.stem]
        assert {exercise.kind for exercise in mine} == set(KINDS), path.stem
        assert any(exercise.judged for exercise in mine), path.stem


def test_markdown_is_taken_apart():
    text = "before\n````{note} A *title*\n:class: tip\n\n```{code}\nx\n```\n````\nafter"
    before, note, after = parts(text)
    assert (before, after) == ("before\n", "\nafter")
    assert note == Directive("note", "A *title*", {"class": "tip"}, "```{code}\nx\n```")


def test_exercises_are_read(notebook):
    derive, compute = exercises_of(notebook, "02_flow")
    assert (derive.number, derive.kind, derive.title, derive.text) == ("2.1", "derive", "Half of it", "Halve $x$.")
    assert (derive.solved, derive.with_code, derive.judged) == (True, False, False)
    assert (compute.solved, compute.with_code, compute.judged, compute.judge) == (True, True, True, "judge_2_2")


def test_a_sound_chapter_has_no_problems(notebook):
    assert list(problems(notebook, "02_flow")) == []


def breach(cells, which):
    match which:
        case "is not ex-N-k":
            cells[0].source = DERIVE.replace("ex-2-1", "ex-flow")
        case "is exercise 1 of this chapter":
            cells[0].source = DERIVE.replace("ex-2-1", "ex-2-7")
        case "is of the kind 'think'":
            cells[0].source = DERIVE.replace("derive", "think")
        case "has no title":
            cells[0].source = DERIVE.replace(": Half of it", "")
        case "has no solution":
            cells[0].source = DERIVE.replace("{solution} ex-2-1", "{note} ex-2-1")
        case "must define judge_2_2":
            cells[1].source = "x = 1"
        case "must define judge_2_2 and have the tag hide-input":
            cells[1].metadata.tags = []
        case "the last line of the answer":
            cells[2].source += "\nfour"
        case "'# your answer'":
            cells[2].source = "four = ...\njudge_2_2(four)"
        case "does not say 'No answer yet.'":
            cells[2].outputs = said(RIGHT)
        case "does not say 'Right.'":
            cells[4].outputs = said("Not yet: the value is not the right one.")
        case "the code of the solution does not end in":
            cells[4].source = "four = 4"


@pytest.mark.parametrize("which", [
    "is not ex-N-k", "is exercise 1 of this chapter", "is of the kind 'think'", "has no title", "has no solution",
    "must define judge_2_2", "must define judge_2_2 and have the tag hide-input", "the last line of the answer",
    "'# your answer'", "does not say 'No answer yet.'", "does not say 'Right.'",
    "the code of the solution does not end in",
])  # fmt: skip
def test_a_breach_is_found(notebook, which):
    broken = copy.deepcopy(notebook)
    breach(broken.cells, which)
    assert any(which in problem for problem in problems(broken, "02_flow"))


@pytest.mark.parametrize(("label", "number"), [("ex-4-2", "4.2"), ("ex-10-3", "10.3"), ("ex-B-5", "B.5")])
def test_numbers(label, number):
    assert number_of(label) == number


def test_a_label_without_a_number():
    with pytest.raises(ValueError, match="is not ex-N-k"):
        number_of("ex-flow")


def test_numbers_on_the_page(build, tmp_path):
    flow = "# Flow\n\nBelow, {ref}`ex-A-1` too.\n\n" + DERIVE
    pages = {"02_flow": flow, "A_end": "# End\n\n" + DERIVE.replace("-2-", "-A-")}
    texts, warnings, html = build(tmp_path, extensions=["sphinx_exercise"], **pages)
    assert warnings == ""
    assert "Below, Exercise A.1 too." in texts["02_flow"]
    for name, chapter in (("02_flow", "2"), ("A_end", "A")):
        assert f"Exercise {chapter}.1  (derive: Half of it)" in texts[name]
        assert f"Solution to Exercise {chapter}.1\n" in texts[name]
        assert f"See Exercise {chapter}.1." in texts[name]
        assert "<em>derive</em>" in html[name]


def test_a_wrong_label_warns(build, tmp_path):
    page = "# Flow\n\n" + DERIVE.replace("ex-2-1", "ex-flow")
    assert "is not ex-N-k" in build(tmp_path, extensions=["sphinx_exercise"], **{"02_flow": page})[1]


def test_the_directives(build, tmp_path, monkeypatch, notebook):
    chapters = tmp_path / "notebooks"
    chapters.mkdir()
    (chapters / "02_flow.ipynb").write_text(json.dumps(notebook))
    (chapters / "costs.json").write_text('{"02_flow": {"seconds": 12, "memory": 340}}')
    monkeypatch.setattr(exercises._FromChapters, "read", lambda self, _: chapters)
    book = tmp_path / "book"
    book.mkdir()
    page = (
        "# Flow\n\n"
        + DERIVE.replace("twice", "")
        + "".join(f"\n```{{{name}}}\n```\n" for name in ("exercise-index", "exercise-count", "chapter-times"))
    )
    texts, warnings, html = build(book, extensions=["sphinx_exercise"], **{"02_flow": page})
    assert warnings == ""
    words = " ".join(texts["02_flow"].split())
    assert 'href="#ex-2-2"' in html["02_flow"]
    assert "2.2 compute Twice two judged" in words
    assert "all 2 1 1" in words
    assert "Flow 0 h 2 1 h 12 s" in words
