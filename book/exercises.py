"""The exercises of the book, read off the chapters: their numbers, the index of all of them, and the time they take.

An exercise is written

    ````{exercise} *compute*: Any square root will do
    :label: ex-2-3

    What to do.
    ````

and followed by its solution. One whose answer is judged has two code cells in between. The first, tagged
`hide-input`, defines ``judge_2_3``. The second, tagged `answer`, leaves room for the answer and calls it. The solution
is then gated, and its code ends in the same call. What a judge or an answer uses comes from cells with the tag
`answers-need`: grading executes no other cell of a chapter.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import table
from book.extension import chapter_number, renumber
from book.pages import Generated

NO_BREAK = "\N{NON-BREAKING HYPHEN}"
KINDS = {  # with the minutes that one of them takes
    "warm-up": 10,
    "derive": 30,
    "compute": 30,
    "explore": 45,
}
WORDS_PER_MINUTE = 120  # reading with a pencil at hand
MINUTES_PER_EQUATION = 1.5  # a displayed one, to be redone on paper
MINUTES_PER_CELL = 1.0
FENCED = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<name>[\w-]+)\} *(?P<argument>.*)\n(?P<body>(?:.*\n)*?)(?P=fence) *$", re.MULTILINE
)
OPTION = re.compile(r":([\w-]+): *(.*)\n")
NEEDED = "answers-need"  # the tag of a cell that judges or answers depend on
FOLDED = "# How the answer is judged"  # the line that a folded cell still shows in a student copy
NO_ANSWER, RIGHT = "No answer yet.", "Right."  # as srbm_book.selfcheck says it


@dataclass(frozen=True)
class Directive:
    """A fenced directive of a Markdown cell."""

    name: str
    argument: str
    options: dict[str, str]
    body: str


@dataclass(frozen=True)
class Exercise:
    """One exercise: where it stands, what it asks for, and what comes with it."""

    label: str
    chapter: str
    kind: str
    title: str
    text: str
    solved: bool = False  # it has a solution
    with_code: bool = False  # its solution has code, which is executed
    judged: bool = False  # there is a cell for the reader's answer

    @property
    def number(self) -> str:
        return number_of(self.label)

    @property
    def judge(self) -> str:
        """The name of the function that judges the answer."""
        return judge_of(self.label)


def number_of(label: str) -> str:
    """The number of an exercise, 4.2 for ``ex-4-2``; ValueError for a label that follows no convention."""
    if not (found := re.fullmatch(r"ex-(\d+|[A-Z])-(\d+)", label)):
        raise ValueError(f"the label {label!r} of an exercise is not ex-N-k, with the chapter N and the number k in it")
    return f"{found[1]}.{found[2]}"


def judge_of(label: str) -> str:
    """The name of the function that judges the answer to an exercise, judge_4_2 for ``ex-4-2``."""
    return "judge_" + number_of(label).replace(".", "_")


def parts(markdown: str):
    """The text of a Markdown cell as a sequence of plain strings and `Directive`s."""
    end = 0
    for match in FENCED.finditer(markdown):
        if match.start() > end:
            yield markdown[end : match.start()]
        end = match.end()
        options, body = {}, match["body"]
        while option := OPTION.match(body):
            options[option[1]] = option[2].strip()
            body = body[option.end() :]
        yield Directive(match["name"], match["argument"].strip(), options, body.strip("\n"))
    if end < len(markdown):
        yield markdown[end:]


def code_cells(notebook):
    """The code cells of a notebook, each with the label of the solution that it is part of, or None."""
    label = None
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            yield cell, label
            continue
        for part in parts("".join(cell["source"])):
            if isinstance(part, Directive) and part.name in ("solution-start", "solution-end"):
                label = part.argument if part.name == "solution-start" else None


def exercises_of(notebook: dict, chapter: str) -> list[Exercise]:
    """The exercises of one notebook, in reading order."""
    found: dict[str, dict] = {}
    latest = solution = None
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            if solution in found:
                found[solution]["with_code"] = True
            if latest in found and _is_answer(cell, latest):
                found[latest]["judged"] = True
            continue
        for part in parts("".join(cell["source"])):
            if isinstance(part, str):
                continue
            if part.name == "exercise":
                latest = part.options.get("label", "")
                kind, _, title = part.argument.partition(":")
                found[latest] = {"kind": kind.strip("* "), "title": title.strip(), "text": part.body}
            elif part.name in ("solution", "solution-start"):
                solution = part.argument if part.name == "solution-start" else None
                if part.argument in found:
                    found[part.argument]["solved"] = True
            elif part.name == "solution-end":
                solution = None
    return [Exercise(label=label, chapter=chapter, **values) for label, values in found.items()]


def problems(notebook: dict, chapter: str):
    """A sentence for every breach of the pattern described above."""
    prefix = re.match(r"0*([^_]+)_", chapter)
    for count, exercise in enumerate(exercises_of(notebook, chapter), 1):
        try:
            number = exercise.number
        except ValueError as error:
            yield str(error)
            continue
        if prefix and number != f"{prefix[1]}.{count}":
            yield f"{exercise.label} is exercise {count} of this chapter, which asks for ex-{prefix[1]}-{count}"
        if exercise.kind not in KINDS:
            yield f"{exercise.label} is of the kind {exercise.kind!r}; the kinds are {', '.join(KINDS)}"
        if not exercise.title:
            yield f"{exercise.label} has no title"
        if not exercise.solved:
            yield f"{exercise.label} has no solution"
        if exercise.judged:
            yield from _problems_of_a_judge(notebook, exercise)


def _problems_of_a_judge(notebook, exercise):
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    at = [index for index, cell in enumerate(cells) if _is_answer(cell, exercise.label)]
    if len(at) != 1 or not at[0]:
        yield f"{exercise.label} needs one cell with the tags answer and {exercise.label}, after that of its judge"
        return
    judge, answer, *rest = cells[at[0] - 1 : at[0] + 2]
    if "hide-input" not in judge["metadata"].get("tags", []) or f"def {exercise.judge}(" not in _source(judge):
        yield f"{exercise.label}: the cell before the answer must define {exercise.judge} and have the tag hide-input"
    call = _source(answer).strip().splitlines()[-1]
    if not call.startswith(f"{exercise.judge}("):
        yield f"{exercise.label}: the last line of the answer does not call {exercise.judge}"
    if "# your answer" not in _source(answer):
        yield f"{exercise.label}: '# your answer' does not say where the answer goes"
    if _printed(answer) != NO_ANSWER:
        yield f"{exercise.label}: the judge of an empty cell does not say {NO_ANSWER!r}"
    if not rest or _source(rest[0]).strip().splitlines()[-1] != call:
        yield f"{exercise.label}: the code of the solution does not end in {call}"
    elif not _printed(rest[0]).endswith(RIGHT):
        yield f"{exercise.label}: the judge does not say {RIGHT!r} of the solution"


def _is_answer(cell, label) -> bool:
    return {"answer", label} <= set(cell["metadata"].get("tags", []))


def _source(cell) -> str:
    return "".join(cell["source"])


def _printed(cell) -> str:
    """What a cell has printed or displayed as plain text."""
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell["outputs"]]
    return "".join("".join(text) for text in texts).strip()


def in_reading_order(chapters: Path) -> list[Path]:
    """The notebooks of chapters, numbered ones first and appendices last."""
    found = (path for path in chapters.glob("*.ipynb") if chapter_number(path.stem))
    return sorted(found, key=lambda path: (not path.name[0].isdigit(), path.name))


def read_exercises(chapters: Path) -> list[Exercise]:
    """All exercises of the book."""
    return [
        exercise
        for path in in_reading_order(chapters)
        for exercise in exercises_of(json.loads(path.read_text(encoding="utf-8")), path.stem)
    ]


def reading_minutes(notebook: dict) -> float:
    """How long a chapter takes to read without its exercises, from its words, displayed equations and code cells."""
    words = equations = cells = 0
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            cells += 1
            continue
        text, begins, _ = source.partition("## Exercises")
        equations += text.count("$$") // 2
        words += len(re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL).split())
        if begins:
            break
    return words / WORDS_PER_MINUTE + equations * MINUTES_PER_EQUATION + cells * MINUTES_PER_CELL


def number_exercises(app, env):
    """Replace the running count of exercises by the number of the label; titles and ``{ref}`` both read it."""
    renumber(env, "exercise", lambda docname: number_of)
    return []  # no page has to be read again


def name_exercises(app, env):
    """Let solutions be titled "Solution to Exercise 4.2", without the title of the exercise, and ``{ref}`` find ex-A-1.

    sphinx-exercise looks a cited label up as it was written, and Sphinx cites ex-A-1 as ex-a-1.
    """
    known = getattr(env, "sphinx_exercise_registry", {})
    for entry in known.values():
        if entry["type"] == "exercise":
            del entry["node"][0].children[1:]
    known |= {label.lower(): entry for label, entry in known.items()}
    return []


class _FromChapters(Generated):
    def read(self, chapters):
        return chapters


class ExerciseIndex(_FromChapters):
    """``{exercise-index}``: every exercise with its kind, its title, and whether code and a judge come with it."""

    def markdown(self, chapters):
        rows, exercises = [], read_exercises(chapters)
        for chapter in dict.fromkeys(exercise.chapter for exercise in exercises):
            rows.append(["", "", f"**[](/chapters/{chapter})**", ""])
            rows += [
                [
                    f"{{numref}}`%s <{e.label}>`",
                    e.kind.replace("-", NO_BREAK),
                    e.title,
                    "judged" if e.judged else "code" if e.with_code else "",
                ]
                for e in exercises
                if e.chapter == chapter
            ]
        return table(["number", "kind", "exercise", "solution"], rows)


class ExerciseCount(_FromChapters):
    """``{exercise-count}``: how many exercises of each kind there are."""

    def markdown(self, chapters):
        exercises = read_exercises(chapters)
        rows = [
            [
                kind,
                *(str(sum(test(e) for e in exercises if e.kind == kind)) for test in _TESTS.values()),
                f"{minutes} min",
            ]
            for kind, minutes in KINDS.items()
        ]
        rows.append(["all", *(str(sum(map(test, exercises))) for test in _TESTS.values()), ""])
        return table(["kind", *_TESTS, "time for one"], rows)


_TESTS = {"exercises": lambda e: True, "with executed code": lambda e: e.with_code, "judged": lambda e: e.judged}


class ChapterTimes(_FromChapters):
    """``{chapter-times}``: for each chapter the time to read it, to do its exercises and to execute it."""

    def markdown(self, chapters):
        costs = json.loads((chapters / "costs.json").read_text(encoding="utf-8"))
        rows, total = [], [0.0, 0.0]
        for path in in_reading_order(chapters):
            notebook = json.loads(path.read_text(encoding="utf-8"))
            mine = exercises_of(notebook, path.stem)
            reading, doing = reading_minutes(notebook), sum(KINDS[e.kind] for e in mine)
            total = [total[0] + reading, total[1] + doing]
            seconds = costs.get(path.stem, {}).get("seconds")
            rows.append(
                [
                    f"[](/chapters/{path.stem})",
                    _hours(reading),
                    f"{len(mine)}",
                    _hours(doing),
                    "not recorded" if seconds is None else f"{seconds} s",
                ]
            )
        rows.append(["**all**", _hours(total[0]), "", _hours(total[1]), ""])
        return table(["chapter", "reading", "exercises", "doing them", "executing it"], rows)


def _hours(minutes: float) -> str:
    """Minutes as hours, in halves."""
    return f"{round(minutes / 30) / 2:g} h"


def setup(app):
    app.connect("env-get-updated", number_exercises, priority=900)  # after Sphinx has counted them
    app.connect("env-get-updated", name_exercises)
    app.add_directive("exercise-index", ExerciseIndex)
    app.add_directive("exercise-count", ExerciseCount)
    app.add_directive("chapter-times", ChapterTimes)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
