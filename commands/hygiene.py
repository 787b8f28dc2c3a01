"""What must hold of the stored chapters: one function per rule, each yielding a sentence for every breach."""

import ast
import re
import string
import symtable
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import yaml

from book.exercises import NEEDED, code_cells, exercises_of, problems
from book.pages import EQUATIONS, FIGURES, MARKS, OUR_MARKS
from commands.normalise import dumps, normalise
from commands.symbols import symbols
from srbm_book.ledger import KINDS, TEST

PAGE_WIDTH = 88
AT_A_GLANCE = 25  # lines of code that a reader takes in at a time
FOLDED = "hide-input"
SOURCES = {".ipynb", ".md"}
MACHINE = re.compile(
    r"(?<![\w.:/])/(?:home|root|tmp|work|mnt|opt|usr|var|Users)/|\b[A-Z]:\\+Users\b|\bat 0x[0-9a-f]{6,}"
)
RAISES = "raises-exception"  # the tag that nbclient and nbval know
NUMBER = re.compile(r"(?<![\w.])-?(?P<digits>\d+(?:\.\d+)?)(?:e(?P<exponent>[+-]\d+))?(?![\w.])")
PANELS = re.compile(r"<figure of (\d+(?: \+ \d+)*) panels>")
LETTERS = re.compile(r"\(([a-z](?:(?:, |–)[a-z])*)\)")  # (a), (a, b) or (a–c)
_SIDE = "left|right|top|bottom|middle|upper|lower"
SIDES = re.compile(
    rf"(?:^|[.:;]\s)(?:left|right|top|bottom|middle|above|below)(?: \w+)?[:,]|\((?:{_SIDE}|above|below)\b"
    rf"|\b(?:{_SIDE})(?: \w+)? (?:panels?|rows?|columns?)\b|\bon the (?:left|right)\b",
    re.IGNORECASE,
)
LABEL = re.compile(r"\$\$\s*\((eq-[\w-]+)\)|:(?:label|name):\s*((?:eq|fig)-[\w-]+)")


@dataclass
class Book:
    """The chapters by name: the text of each file, and the notebook in it; the ledger; the names in the contents."""

    texts: dict[str, str]
    notebooks: dict[str, nbformat.NotebookNode]
    ledger: dict[str, dict] = field(default_factory=dict)
    contents: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, root: Path):
        files = sorted(path for path in (root / "chapters").iterdir() if path.suffix in SOURCES)
        texts = {path.stem: path.read_text(encoding="utf-8") for path in files}
        toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
        return cls(
            texts=texts,
            notebooks={path.stem: nbformat.reads(texts[path.stem], 4) for path in files if path.suffix == ".ipynb"},
            ledger=tomllib.loads((root / "srbm_book" / "ledger.toml").read_text(encoding="utf-8")),
            contents=[Path(name).name for name in _files_of(toc)],
        )

    def code(self):
        """(where, cell) for every code cell that is not empty."""
        for name, notebook in self.notebooks.items():
            for number, cell in enumerate(notebook.cells, 1):
                if cell.cell_type == "code" and cell.source.strip():
                    yield f"{name}, cell {number}", cell

    def checks(self):
        """(where, cell, key) for every call of `check`; the key is None where it is not written out."""
        for where, cell in self.code():
            for node in _calls("check", _parse(cell.source)):
                literal = bool(node.args) and isinstance(node.args[0], ast.Constant)
                yield where, cell, node.args[0].value if literal else None


def _files_of(toc):
    if isinstance(toc, list):
        for item in toc:
            yield from _files_of(item)
    elif isinstance(toc, dict):
        yield from (toc[name] for name in ("root", "file") if name in toc)
        for value in toc.values():
            if isinstance(value, list):
                yield from _files_of(value)


def _parse(source):
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])  # `plain_python` reports it


def _calls(name, tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", None) == name]


def _records(cell):
    return [output.metadata.srbm for output in cell.outputs if "srbm" in output.get("metadata", {})]


def plain_python(book):
    for where, cell in book.code():
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            yield f"{where}: not plain Python ({error.msg})"


def executed_in_order(book):
    for name in book.notebooks:
        counts = [cell.execution_count for where, cell in book.code() if where.startswith(f"{name}, ")]
        if counts != list(range(1, len(counts) + 1)):
            yield f"{name}: executed out of order or not at all, the counts are {counts}"


def clean_outputs(book):
    for where, cell in book.code():
        expected = RAISES in cell.metadata.get("tags", [])
        if expected and not any(output.output_type == "error" for output in cell.outputs):
            yield f"{where}: raises nothing, take the tag {RAISES} off"
        for output in cell.outputs:
            if output.output_type == "error" and not expected:
                yield f"{where}: raised {output.ename}"
            elif output.output_type == "stream" and output.name == "stderr":
                yield f"{where}: wrote to stderr"


def no_rounding_is_printed(book):
    """More digits than any result has, or a value of the size of rounding errors: the last bits of one machine."""
    for where, cell in book.code():
        for output in cell.outputs:
            text = output.get("text") or output.get("evalue") or output.get("data", {}).get("text/plain", "")
            for number in NUMBER.finditer(re.sub(r"(?:within|give or take) \S+", "", text)):
                digits, exponent = number["digits"].replace(".", "").lstrip("0"), int(number["exponent"] or 0)
                if ("." in number["digits"] and len(digits) > 9) or (exponent <= -13 and len(digits) > 1):
                    yield f"{where}: prints {number[0]}, whose last digits rounding decides"


def alt_texts(book):
    for where, cell in book.code():
        has_image = any(mime.startswith("image/") for output in cell.outputs for mime in output.get("data", {}))
        if has_image and not cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "").strip():
            yield f"{where}: a figure without alt text"


def captions_name_the_letters(book):
    """A figure of several panels shows a letter for each: its caption names all of them, and no sides."""
    for where, cell in book.code():
        caption = cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")
        texts = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
        panels = sum(int(n) for found in map(PANELS.fullmatch, texts) if found for n in found[1].split(" + "))
        if not caption or panels < 2 or _is_rows_of_images(cell, book.notebooks[where.partition(",")[0]]):
            continue
        named = {letter for found in LETTERS.findall(caption) for letter in _letters(found)}
        missing = [letter for letter in string.ascii_lowercase[:panels] if letter not in named]
        if missing:
            yield f"{where}: the caption says nothing of ({', '.join(missing)})"
        if side := SIDES.search(caption):
            yield f"{where}: the panels have letters, and the caption says {side[0].strip()!r}"


def _letters(named: str) -> str:
    """The letters of "a, b" or "a–c"."""
    alphabet = string.ascii_lowercase
    ends = [part.split("–") for part in named.split(", ")]
    return "".join(alphabet[alphabet.index(end[0]) : alphabet.index(end[-1]) + 1] for end in ends)


def _is_rows_of_images(cell, notebook) -> bool:
    """Whether the cell and the functions of its chapter that it calls draw only images, which have no letters."""
    calls = [node.func for node in ast.walk(_parse(cell.source)) if isinstance(node, ast.Call)]
    called = {function.id for function in calls if isinstance(function, ast.Name)}
    others = [other.source for other in notebook.cells if other.cell_type == "code"]
    sources = [cell.source, *(source for source in others if any(f"def {name}(" in source for name in called))]
    return set(re.findall(r"\bfigures\.(\w+)\(", "\n".join(sources))) - {"slider"} == {"images"}


def normal_form(book):
    for name, notebook in book.notebooks.items():
        if dumps(normalise(notebook)) != book.texts[name]:
            yield f"{name}: not in normal form, run `make execute CHAPTER={name}`"


def no_machine_in_text(book):
    for name, text in book.texts.items():
        readable = re.sub(r'"image/png": "[^"]*"|"image/svg\+xml": \[(?:\s*"(?:[^"\\]|\\.)*",?)*\s*\]', "", text)
        for match in MACHINE.finditer(readable):
            yield f"{name}: {match[0]!r} belongs to one machine or one run"


def checks_are_in_the_ledger(book):
    for where, _, key in book.checks():
        if key is None:
            yield f"{where}: write the key of check out, as a string"
        elif key not in book.ledger:
            yield f"{where}: {key} is not in the ledger"


def checks_are_tagged(book):
    for where, cell, key in book.checks():
        if key is not None and key not in cell.metadata.get("tags", []):
            yield f"{where}: checks {key} without carrying it as a tag"


def entries_are_checked_once(book):
    counts = Counter(key for _, _, key in book.checks())
    for key in book.ledger:
        if counts[key] != 1:
            yield f"{key}: checked {counts[key]} times"


def entries_are_complete(book):
    verdicts = {*MARKS, *OUR_MARKS}
    for key, entry in book.ledger.items():
        optional = {"known"} if key.startswith("x-") else set()
        if set(entry) - optional != {"section", "chapter", "statement", "kind", "verdict"}:
            yield f"{key}: an entry has section, chapter, statement, kind and verdict, this one has {sorted(entry)}"
        elif entry["verdict"] not in verdicts:
            yield f"{key}: there is no verdict {entry['verdict']!r}"
        elif entry["kind"] not in KINDS:
            yield f"{key}: there is no kind {entry['kind']!r}, only {', '.join(KINDS)}"


def checks_can_fail(book):
    """A numerical test has rejected a falsified twin, and a condition has been seen to be needed."""
    for where, cell, key in book.checks():
        for record in (record for record in _records(cell) if record.key == key):
            if book.ledger.get(key, {}).get("kind") == TEST and "twin" not in record:
                yield f"{where}: {key} is a numerical test, give it a twin that it rejects"
            if "condition" in record and "bare" not in record:
                yield f"{where}: {key} has a condition, show that the bare statement fails"


def verdicts_are_as_expected(book):
    for where, cell, key in book.checks():
        stored = [record.verdict for record in _records(cell) if record.key == key]
        expected = book.ledger.get(key, {}).get("verdict")
        if stored != [expected]:
            yield f"{where}: {key} is expected to be {expected!r}, the stored outputs say {stored}"


def entries_name_their_chapter(book):
    for where, _, key in book.checks():
        chapter = book.ledger.get(key, {}).get("chapter")
        if chapter is not None and not where.startswith(f"{chapter}, "):
            yield f"{where}: the ledger places {key} in {chapter}"


def _labels(book):
    """How often each equation and figure label is defined."""
    found = Counter()
    for name, text in book.texts.items():
        notebook = book.notebooks.get(name)
        sources = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"] if notebook else [text]
        found.update(equation or named for source in sources for equation, named in LABEL.findall(source))
    for _, cell in book.code():
        if label := cell.metadata.get("mystnb", {}).get("figure", {}).get("name"):
            found[label] += 1
    return found


def labels_are_unique(book):
    for label, count in _labels(book).items():
        if count > 1:
            yield f"{label}: defined {count} times"


def the_whole_paper_is_there(book):
    labels = _labels(book)
    for key in EQUATIONS + FIGURES:
        if not labels[key]:
            yield f"{key}: nowhere in the book"
        if key not in book.ledger:
            yield f"{key}: not in the ledger"


def titles_have_no_formulas(book):
    """Every page shows the titles in its sidebar, and a page without equations loads no MathJax."""
    for name, text in book.texts.items():
        source = book.notebooks[name].cells[0].source if name in book.notebooks else text
        title = re.search(r"^# .*", source, re.MULTILINE)
        if title and "$" in title[0]:
            yield f"{name}: a formula in the title {title[0][2:]!r}, write it with Unicode letters"


def shared_symbols_are_in_the_notation(book):
    """A letter of one chapter is defined there; what two chapters use has to be on the page that both rely on."""
    known = symbols(book.texts.get("notation", ""))
    users = {}
    for name, notebook in book.notebooks.items():
        text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        for symbol in symbols(text) - known:
            users.setdefault(symbol, []).append(name)
    for symbol, names in users.items():
        if len(names) > 1:
            yield f"{symbol}: used in {', '.join(sorted(names))}, but not on the page of the notation"


def code_fits_the_page(book):
    for where, cell in book.code():
        for line in cell.source.splitlines():
            if len(line) > PAGE_WIDTH:
                yield f"{where}: {len(line)} characters where the page shows {PAGE_WIDTH}: {line.strip()[:40]}..."


def cells_are_short(book):
    """A long cell holds several thoughts; what is folded away is not read in passing."""
    for where, cell in book.code():
        lines = len(cell.source.splitlines())
        if lines > AT_A_GLANCE and FOLDED not in cell.metadata.get("tags", []):
            yield (
                f"{where}: {lines} lines of code, split it where a sentence belongs, so that none has more than "
                f"{AT_A_GLANCE}"
            )


def checks_show_their_numbers(book):
    """A verdict on ``bool(x < 1)`` does not tell the reader what x is."""
    for where, cell in book.code():
        for call in _calls("check", _parse(cell.source)):
            if _calls("bool", call):
                yield f"{where}: line {call.lineno} hides a number in bool(...), give it to check with above= or below="


def contents_are_the_files(book):
    for name in sorted(set(book.contents) ^ set(book.texts)):
        yield f"{name}: {'in _toc.yml, but there is no file' if name in book.contents else 'not in _toc.yml'}"


def exercises_keep_the_pattern(book):
    for name, notebook in book.notebooks.items():
        for problem in problems(notebook, name):
            yield f"{name}: {problem}"


def answers_are_judged_on_request(book):
    for where, cell in book.code():
        if any(
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and getattr(node.value.func, "id", None) == "judge"
            for node in _parse(cell.source).body
        ):
            yield f"{where}: call judge in a function judge_N_k, which the cells of answer and solution call"


def answers_find_what_they_need(book):
    """Grading executes no cell without the tag; that every solution then is right is tested in test_student."""
    for name, notebook in book.notebooks.items():
        judged = {exercise.label for exercise in exercises_of(notebook, name) if exercise.judged}
        tagged: dict[str, bool] = {}  # by name, whether the last cell that gave it a value has the tag
        for number, (cell, solution) in enumerate(code_cells(notebook), 1):
            tags = set(cell.metadata.get("tags", []))
            used, given = _names(cell.source)
            if NEEDED in tags or tags & judged or solution in judged:
                for missing in sorted(one for one in used - given if not tagged.get(one, True)):
                    yield f"{name}, code cell {number}: uses {missing}, give the cell that defines it the tag {NEEDED}"
            if solution is None:
                tagged |= dict.fromkeys(given, NEEDED in tags)
            judged -= {solution}  # of its cells the first is the answer


def _names(source) -> tuple[set[str], set[str]]:
    """The names that a cell takes from its namespace, in its functions too, and those that it gives a value."""
    try:
        cell = symtable.symtable(source, "cell", "exec")
    except SyntaxError:
        return set(), set()  # `plain_python` reports it
    given = {one.get_name() for one in cell.get_symbols() if one.is_assigned() or one.is_imported()}
    used, inner = {one.get_name() for one in cell.get_symbols() if one.is_referenced()}, cell.get_children()
    for scope in inner:
        used |= {one.get_name() for one in scope.get_symbols() if one.is_global() and one.is_referenced()}
        inner += scope.get_children()
    return used, given


RULES = [
    plain_python, executed_in_order, clean_outputs, no_rounding_is_printed, alt_texts, captions_name_the_letters,
    normal_form, no_machine_in_text,
    checks_are_in_the_ledger, checks_are_tagged, entries_are_checked_once, entries_are_complete, checks_can_fail,
    verdicts_are_as_expected, entries_name_their_chapter, labels_are_unique, contents_are_the_files,
    the_whole_paper_is_there, titles_have_no_formulas, shared_symbols_are_in_the_notation, code_fits_the_page,
    cells_are_short, checks_show_their_numbers, exercises_keep_the_pattern, answers_are_judged_on_request,
    answers_find_what_they_need,
]  # fmt: skip
