"""A copy of the chapters for a course, without the solutions: ``python -m commands.student [folder]``.

The copy is made from the chapters themselves; nothing is kept twice. Solutions go, what they leave open is marked, and
the directives and roles of the book become plain Markdown, so that a notebook reads well in JupyterLab alone. It runs
from its folder, which gets the ledger, the judge and the data as well; all it needs is the installed `srbm`.

``python -m commands.student --grade [folder]`` executes the answers in a copy and says what the judge says of each one.
What is asked and the judges come from the book, only the answers from the copy; of both it executes no more than an
answer and its judge depend on. This happens in a second process, so that no answer can stop the grading.
"""

import argparse
import ast
import contextlib
import multiprocessing
import os
import re
import shlex
import shutil
import symtable
import sys
from collections.abc import Container
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest import mock

import nbformat

from book.exercises import RIGHT, Directive, Exercise, exercises_of, in_reading_order, number_of, parts
from book.extension import Numbering
from commands.normalise import dumps, normalise

CHAPTERS = Path(__file__).parent.parent / "chapters"
NEEDED = ("drawings.py", "ledger.py", "ledger.toml", "selfcheck.py", "tables.py", "typeset.py", "data")
ANSWER = "*Your answer:*"
FOLDED = "# How the answer is judged"
SECONDS = 60  # that a cell may run while it is graded; the slowest of the book takes eight
CONDITIONAL = (ast.If, ast.While, ast.Try, ast.Match, ast.AugAssign)
CHANGING = {"append", "extend", "insert", "update", "setdefault", "add", "sort", "fill"}
SIGNS = {  # what a role of the book looks like without it
    "eq": "({})",
    "numref": "Fig. {}",
    "cite": "[{}]",
    "ref": "{}",
    "doc": "{}",
}
PREFACE = """*Student copy, without the solutions. Answer in the cells that say "your answer"; where they hold code,
running one has it judged. The folded cells are the judges: opening one is allowed, and spoils the exercise.*"""


@dataclass(frozen=True)
class Verdict:
    """What the judge said of one answer, or why it could not be asked."""

    label: str
    text: str

    @property
    def right(self) -> bool:
        return self.text == RIGHT


class Numbers:
    """The numbers that the labels of all chapters have in the book."""

    def __init__(self, chapters: Path):
        self.of: dict[str, str] = {}
        self.titles: dict[str, str] = {}
        for path in sorted([*chapters.glob("*.ipynb"), *chapters.glob("*.md")]):
            sources, names = _markdown_and_figures(path)
            self.titles[path.stem] = next(iter(re.findall(r"^# (.+)", "\n".join(sources), re.MULTILINE)), path.stem)
            equations = re.findall(r"\$\$\s*\((eq-[\w-]+)\)", "\n".join(sources))
            for kind, labels in (("eq", equations), ("fig", names)):
                numbering = Numbering(kind, path.stem)
                self.of |= {label: numbering(label) for label in labels}

    def role(self, match: re.Match) -> str:
        """A role and its target as plain text."""
        name, text, target = match["role"], match["text"], match["target"]
        if text and name != "cite":
            return text
        if target.startswith("ex-"):
            return f"Exercise {number_of(target)}"
        return SIGNS.get(name, "{}").format(self.of.get(target, self.titles.get(target, target)))

    def link(self, match: re.Match) -> str:
        """A link without a text carries the title of the page; the copy links to notebooks only."""
        text, page = match[1], Path(match[2]).stem
        title = text or self.titles.get(page, page)
        return f"[{title}]({page}.ipynb)" if re.match(r"(\d\d|[A-Z])_", page) else title


def _markdown_and_figures(path: Path) -> tuple[list[str], list[str]]:
    """The Markdown cells of a chapter, and the names of the figures that its cells draw."""
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")], []
    cells = nbformat.read(path, as_version=4).cells
    figures = [cell.metadata.get("mystnb", {}).get("figure", {}).get("name") for cell in cells]
    return [cell.source for cell in cells if cell.cell_type == "markdown"], [name for name in figures if name]


def plain(markdown: str, numbers: Numbers) -> str:
    """Markdown of the book without its roles and the labels of its equations, which become numbers."""
    text = re.sub(r"\{(?P<role>\w+)\}`(?:(?P<text>[^`<]*?) *<)?(?P<target>[^`>]*)>?`", numbers.role, markdown)
    text = re.sub(r"\$\$[ \t]*\((eq-[\w-]+)\)", lambda m: rf"\tag{{{numbers.of[m[1]]}}}" + "\n$$", text)
    return re.sub(r"\[([^\]]*)\]\(/?(?:chapters/)?([\w/]+)(?:\.md|\.ipynb)?\)", numbers.link, text)


def student_copy(notebook, chapter: str, numbers: Numbers):
    """The notebook of a chapter without its solutions, with marked places for the answers and without outputs."""
    exercises = {exercise.label: exercise for exercise in exercises_of(notebook, chapter)}
    cells, in_solution = [], False
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if not in_solution:
                cells += _code(cell, numbers)
            continue
        text = ""
        for part in parts(cell.source):
            if isinstance(part, str):
                text += "" if in_solution else part
            elif part.name in ("solution-start", "solution-end"):
                in_solution = part.name == "solution-start"
            elif part.name == "exercise":
                exercise = exercises[part.options["label"]]
                text += f"### Exercise {exercise.number} ({exercise.kind}): {exercise.title}\n\n{exercise.text}\n"
                if not exercise.judged:
                    cells += [_markdown(text, numbers), *_room(exercise)]
                    text = ""
            elif part.name not in ("solution", "cost"):
                text += _quoted(part)
        cells.append(_markdown(text, numbers))
    title, *rest = [cell for cell in cells if cell.cell_type == "code" or cell.source]
    copy = nbformat.v4.new_notebook(cells=[title, _markdown(PREFACE, numbers), *rest])
    copy.metadata = normalise(copy).metadata
    return copy


def _code(cell, numbers):
    """A code cell without outputs, followed by the caption of its figure."""
    new = nbformat.v4.new_code_cell(cell.source)
    if tags := cell.metadata.get("tags"):
        new.metadata["tags"] = tags
        if "hide-input" in tags:
            new.source = f"{FOLDED}\n{cell.source}"  # the line that a folded cell still shows
            new.metadata["jupyter"] = {"source_hidden": True}
    figure = cell.metadata.get("mystnb", {}).get("figure")
    if not figure:
        return [new]
    return [new, _markdown(f"**Fig. {numbers.of[figure['name']]}.** {figure['caption']}", numbers)]


def _markdown(text, numbers):
    return nbformat.v4.new_markdown_cell(re.sub(r"\n{3,}", "\n\n", plain(text, numbers)).strip())


def _room(exercise):
    """Empty cells for an answer that nothing judges."""
    text = nbformat.v4.new_markdown_cell(ANSWER)
    if exercise.kind not in ("compute", "explore"):
        return [text]
    return [nbformat.v4.new_code_cell("# your code"), text]


def _quoted(directive: Directive) -> str:
    """A note or an admonition as a quotation."""
    title = directive.argument or directive.name.capitalize()
    return "\n".join(f"> {line}" for line in ["", f"**{title}**", "", *directive.body.splitlines()])[2:] + "\n"


def write(folder: Path, chapters: Path = CHAPTERS) -> list[Path]:
    """Write the student copy of all chapters into `folder`; a notebook that is already there is never overwritten."""
    numbers, written = Numbers(chapters), []
    taken = [path.name for path in in_reading_order(chapters) if (folder / path.name).exists()]
    if taken:
        raise FileExistsError(
            f"{folder} already holds {', '.join(taken)}, perhaps with answers in them: "
            "choose another folder (make student TO=folder) or remove them"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in NEEDED:
        copy = shutil.copytree if (chapters / name).is_dir() else shutil.copy
        copy(chapters / name, folder / name, **({"dirs_exist_ok": True} if copy is shutil.copytree else {}))
    for path in in_reading_order(chapters):
        copy = student_copy(nbformat.read(path, as_version=4), path.stem, numbers)
        (folder / path.name).write_text(dumps(copy), encoding="utf-8")
        written.append(folder / path.name)
    return written


def _code_cells(notebook):
    """The code cells of a notebook, each with the label of the solution that it is part of, or None."""
    label = None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield cell, label
            continue
        for part in parts(cell.source):
            if isinstance(part, Directive) and part.name in ("solution-start", "solution-end"):
                label = part.argument if part.name == "solution-start" else None


def _judged(notebook, chapter: str) -> list[Exercise]:
    """The exercises of a chapter whose answers a cell judges."""
    return [exercise for exercise in exercises_of(notebook, chapter) if exercise.judged]


def solutions(notebook) -> dict[str, str]:
    """From the label of each judged exercise to the code of its solution."""
    found = {}
    labels = {exercise.label for exercise in _judged(notebook, "")}
    for cell, label in _code_cells(notebook):
        if label in labels:
            found.setdefault(label, cell.source)
    return found


def solve(copy, answers: dict[str, str]):
    """Put `answers`, code by label, into the answer cells of a student copy."""
    for cell in copy.cells:
        for label in _labels(cell):
            cell.source = answers.get(label, cell.source)
    return copy


def _labels(cell) -> list[str]:
    """The exercise that a cell is the answer to: one label, or none."""
    tags = cell.metadata.get("tags", [])
    return [tag for tag in tags if tag.startswith("ex-")] if "answer" in tags else []


def needed(sources: list[str], last: int, given: Container[str] = ()) -> list[int]:
    """The cells before and including `last` that it depends on, where the names `given` need no cell.

    A name is looked up when it is used: in a cell when the cell runs, and in a function when that is called. So for
    every (cell, name) the latest cells before it that give the name a value are needed; what those use is looked up
    from their own place, and what the functions defined there use also from the place of the one that calls them.
    """
    cells = [_Names.of(source) for source in sources[: last + 1]]
    keep, seen = {last}, set()
    todo = [(last, name) for name in cells[last].wanted]
    while todo:
        at, name = todo.pop()
        if name in given or (at, name) in seen:
            continue
        seen.add((at, name))
        for index in range(at - 1, -1, -1):
            cell = cells[index]
            if name in cell.bound | cell.changed:
                keep.add(index)
                todo += [(index, used) for used in cell.wanted] + [(at, used) for used in cell.later]
                if name in cell.bound:
                    break
    return sorted(keep)


@dataclass(frozen=True)
class _Names:
    """What a cell does with the names of its namespace."""

    now: set[str]  # used when the cell runs, without those that it has given a value before
    later: set[str]  # used in functions that it defines
    bound: set[str]  # given a value
    changed: set[str]  # changed in place, or perhaps given a value

    @property
    def wanted(self) -> set[str]:
        """The names whose values come from other cells."""
        return self.now | self.later - self.bound

    @classmethod
    def of(cls, source: str):
        now, later, bound, changed = set(), set(), set(), set()
        try:
            statements = ast.parse(source).body
        except SyntaxError:  # executing the cell will report it
            statements = []
        for statement in statements:
            table = symtable.symtable(ast.unparse(statement), "cell", "exec")
            symbols = table.get_symbols()
            used = {symbol.get_name() for symbol in symbols if symbol.is_referenced()}
            _add_globals(table, used, later)
            stored = {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
            if isinstance(statement, ast.For | ast.With):
                used -= _targets(statement)
            now |= used - bound
            (changed if isinstance(statement, CONDITIONAL) else bound).update(stored)
            changed |= {name for node in ast.walk(statement) for name in _changed(node)}
        return cls(now, later, bound, changed - bound)


def _targets(statement) -> set[str]:
    """The names of ``for name in`` and ``with ... as name``."""
    heads = [statement.target] if isinstance(statement, ast.For) else [i.optional_vars for i in statement.items]
    return {node.id for head in heads if head for node in ast.walk(head) if isinstance(node, ast.Name)}


def _add_globals(table, now: set, later: set, called_later=False):
    """Collect the global names that the scopes inside `table` use; comprehensions run at once, functions later."""
    for inner in table.get_children():
        deferred = called_later or inner.get_name() not in ("listcomp", "setcomp", "dictcomp", "genexpr")
        (later if deferred else now).update(
            symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global() and symbol.is_referenced()
        )
        _add_globals(inner, now, later, deferred)


def _changed(node) -> set[str]:
    """The names whose values a statement like x[0] = 1, x.a = 1 or x.append(1) changes."""
    if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
        return {inner.id for inner in ast.walk(node.value) if isinstance(inner, ast.Name)}
    call = node.value if isinstance(node, ast.Expr) else None  # what changes its object returns nothing
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in CHANGING:
        return {inner.id for inner in ast.walk(call.func.value) if isinstance(inner, ast.Name)}
    return set()


class _Run:
    """The code cells of a notebook, executed as they are needed, each once and all in one namespace."""

    def __init__(self, notebook, name: str, folder: Path):
        self.name, self.folder = name, folder
        self.sources: list[str] = []
        self.answers: dict[str, list[int]] = {}  # a cell that was split has its tags twice
        for index, (cell, in_solution) in enumerate(_code_cells(notebook)):
            skipped = in_solution or "needs-mnist" in cell.metadata.get("tags", [])  # no other cell depends on those
            self.sources.append("" if skipped else cell.source)
            for label in _labels(cell):
                self.answers.setdefault(label, []).append(index)
        self.namespace: dict = {"__name__": "__main__"}
        self.given: dict = {}  # what some names stand for in every cell, whatever cells before it make of them
        self.outcomes: dict[int, _Raised | None] = {}

    def execute(self, last: int):
        """Execute `last` and what it depends on; yields before each cell, and raises `_Raised` for one that raised."""
        for index in needed(self.sources, last, self.given):
            if index not in self.outcomes:
                yield
                self.outcomes[index] = self._execute(index)
            if error := self.outcomes[index]:
                raise error

    def _execute(self, index):
        self.namespace |= self.given
        code = f"{self.name}, code cell {index + 1}"
        try:
            with contextlib.chdir(self.folder), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
                exec(compile(self.sources[index], code, "exec"), self.namespace)
        except (Exception, SystemExit) as error:
            return _Raised(f"Code cell {index + 1} raised {type(error).__name__}: {error}")
        return None


class _Raised(Exception):
    """Says which cell raised what."""


def grade(copy, notebook, chapter: str, folder: Path, chapters: Path = CHAPTERS, todo=None):
    """Judge the answers in a copy of a chapter; yields None before each cell that it executes, and each `Verdict`.

    The exercises and their judges are those of `notebook`, the chapter of the book, and run in `chapters` with a
    namespace of their own; what the copy says of them is not looked at. The answers in the copy run in `folder`, with
    the cells of the copy that they depend on. `todo` holds the labels of the exercises to judge, if not all.
    """
    book, theirs, heard = _Run(notebook, chapter, chapters), _Run(copy, chapter, folder), {}
    with _importable(chapters, folder):
        for exercise in _judged(notebook, chapter):
            yield from book.execute(book.answers[exercise.label][0] - 1)
            hear = partial(heard.__setitem__, exercise.label)
            theirs.given[exercise.judge] = partial(_ask, book.namespace[exercise.judge], hear)
            if todo is not None and exercise.label not in todo:
                continue
            text = "Its cell was not found."
            try:
                for index in theirs.answers.get(exercise.label, []):
                    yield from theirs.execute(index)
                    text = heard.get(exercise.label, "The judge was not asked.")
            except _Raised as error:
                text = str(error)
            yield Verdict(exercise.label, text)


def _ask(judge, hear, *answers, **named):
    """Have `judge` say to `hear` what it would show: what is printed can come from the answer."""
    with mock.patch("selfcheck._show", hear):
        judge(*answers, **named)


@contextlib.contextmanager
def _importable(chapters, folder):
    """The modules of the book are found before all others, those in `folder` after."""
    before = list(sys.path)
    sys.path[:] = [str(chapters), *before, str(folder)]
    try:
        yield
    finally:
        sys.path[:] = before


def grade_apart(notebooks: dict, folder: Path, chapters: Path = CHAPTERS, seconds: float = SECONDS):
    """Yield the `Verdict` on each answer in `notebooks`: by chapter the copy that was handed in and that of the book.

    A cell that runs for longer than `seconds`, or ends Python, costs the verdict on its own exercise only: the second
    process, in which all are executed, is then started again for those that are left.
    """
    todo = [exercise.label for chapter, (_, notebook) in notebooks.items() for exercise in _judged(notebook, chapter)]
    while todo:
        receiver, sender = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("spawn").Process(
            target=_work, args=(sender, notebooks, folder, chapters, list(todo)), daemon=True
        )
        process.start()
        sender.close()
        receiver.poll(None)  # starting takes as long as it takes
        running = True
        try:
            while todo and running:
                try:
                    running = receiver.poll(seconds)
                    verdict = receiver.recv() if running else Verdict(todo[0], f"It ran longer than {seconds:g} s.")
                except EOFError:
                    running, verdict = False, Verdict(todo[0], "It ended Python.")
                if verdict is not None:
                    todo.remove(verdict.label)
                    yield verdict
        finally:
            process.kill()
            process.join()
            receiver.close()


def _work(sender, notebooks, folder, chapters, todo):
    """What the second process does: send what `grade` yields."""
    sender.send(None)
    for chapter, (copy, notebook) in notebooks.items():
        if any(exercise.label in todo for exercise in _judged(notebook, chapter)):
            for verdict in grade(copy, notebook, chapter, folder, chapters, todo):
                sender.send(verdict)


def report(folder: Path, chapters: Path = CHAPTERS, seconds: float = SECONDS):
    """Grade a folder and print one line for each answer, as soon as it is judged, and for each notebook without any.

    All exercises of the book count, whether or not there is an answer.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}: give that of a student copy (make grade TO=folder)")
    paths = {path.stem: path for path in in_reading_order(chapters)}
    if not any((folder / path.name).exists() for path in paths.values()):
        raise FileNotFoundError(
            f"{folder} holds no notebook with the name of a chapter, like {min(paths)}.ipynb: "
            "give the folder of a student copy (make grade TO=folder)"
        )
    for path in sorted(folder.glob("*.ipynb")):
        if path.stem not in paths:
            print(f"{path.name} has the name of no chapter: it is not graded")
    asked, notebooks = 0, {}
    for chapter, path in paths.items():
        notebook = nbformat.read(path, as_version=4)
        numbers = [exercise.number for exercise in _judged(notebook, chapter)]
        asked += len(numbers)
        without = f"its exercises ({', '.join(numbers)}) are not graded"
        try:
            copy = nbformat.read(folder / path.name, as_version=4)
        except FileNotFoundError:
            print(f"{path.name} was not found: {without}")
        except Exception as error:  # a file can be wrong in many ways
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            print(f"{path.name} is not a notebook ({why}): {without}")
        else:
            notebooks[chapter] = copy, notebook
    solved = 0
    for verdict in grade_apart(notebooks, folder, chapters, seconds):
        print(f"{number_of(verdict.label):5} {verdict.text}", flush=True)
        solved += verdict.right
    print(f"{solved} of {asked} are right")


def main():
    parser = argparse.ArgumentParser(prog="python -m commands.student", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("student"), help="where the copy is or goes")
    parser.add_argument("--grade", action="store_true", help="judge the answers in an existing copy")
    arguments = parser.parse_args()
    folder = arguments.folder.expanduser()  # the Makefile quotes it
    try:
        if arguments.grade:
            report(folder.resolve())
        else:
            written = write(folder)
            jupyter = os.path.relpath(Path(sys.executable).with_name("jupyter"))  # nobody has to activate anything
            print(f"{len(written)} notebooks in {folder}: open them with {shlex.join([jupyter, 'lab', str(folder)])}")
    except (FileExistsError, FileNotFoundError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
