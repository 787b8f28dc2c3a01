"""The chapters as they are read in Jupyter, which knows neither the roles and directives of the book nor its numbers.

A reader's copy is what the pages offer for download and what JupyterLab is opened with. It has the cells and the
outputs of the chapter, in plain Markdown: equations and figures carry their numbers, what refers to them says these,
and judges and solutions are folded. Student copies are made in the same way (`commands.student`).
"""

import hashlib
import re
from pathlib import Path

import nbformat

from book.exercises import FOLDED, Directive, exercises_of, number_of, parts
from book.extension import Numbering

SIGNS = {  # what a role of the book looks like without it
    "eq": "({})",
    "numref": "Fig. {}",
    "cite": "[{}]",
    "ref": "{}",
    "doc": "{}",
}
HEADING = re.compile(r"^#+ Exercise (\S+) \(", re.MULTILINE)  # of an exercise, see `heading_of`
DISPLAYED = re.compile(r"\$\$(?P<formula>(?:(?!\$\$).)+)\$\$(?:[ \t]*\((?P<label>eq-[\w-]+)\))?", re.DOTALL)


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

    def equation(self, match: re.Match) -> str:
        """A displayed formula with its number, as an environment: between dollars JupyterLab counts by itself."""
        tag = rf"\tag{{{self.of[match['label']]}}}" if match["label"] else ""
        return rf"\begin{{equation*}}{match['formula']}{tag}\end{{equation*}}"


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
    text = DISPLAYED.sub(numbers.equation, text)
    text = re.sub(r"\\mathbb *(?:1|\{1\})", r"\\mathbf{1}", text)  # of which JupyterLab has no other form
    return re.sub(r"\[([^\]]*)\]\(/?(?:chapters/)?([\w/]+)(?:\.md|\.ipynb)?\)", numbers.link, text)


def markdown_cell(text: str, numbers: Numbers):
    """A cell of plain Markdown; empty where nothing is left of the text."""
    return nbformat.v4.new_markdown_cell(re.sub(r"\n{3,}", "\n\n", plain(text, numbers)).strip())


def heading_of(exercise) -> str:
    """What an exercise asks, under a heading of its own."""
    return f"### Exercise {exercise.number} ({exercise.kind}): {exercise.title}\n\n{exercise.text}\n"


def quoted(directive: Directive) -> str:
    """A note or an admonition as a quotation."""
    title = directive.argument or directive.name.capitalize()
    return "\n".join(f"> {line}" for line in ["", f"**{title}**", "", *directive.body.splitlines()])[2:] + "\n"


def code_cell(cell, numbers: Numbers):
    """A code cell without outputs, folded where it is so on the page, and the caption of its figure."""
    new = nbformat.v4.new_code_cell(cell.source)
    if tags := cell.metadata.get("tags"):
        new.metadata["tags"] = tags
        if "hide-input" in tags:
            if "def judge_" in cell.source:
                new.source = f"{FOLDED}\n{cell.source}"
            new.metadata["jupyter"] = {"source_hidden": True}
    figure = cell.metadata.get("mystnb", {}).get("figure")
    if not figure:
        return [new]
    return [new, markdown_cell(f"**Fig. {numbers.of[figure['name']]}.** {figure['caption']}", numbers)]


def readers_copy(notebook, chapter: str, numbers: Numbers):
    """The notebook of a chapter in plain Markdown, with its outputs; solutions lie under headings that are folded."""
    exercises = {exercise.label: exercise for exercise in exercises_of(notebook, chapter)}
    cells, in_solution = [], False
    for cell in notebook.cells:
        if cell.cell_type == "code":
            new, *caption = code_cell(cell, numbers)
            new.outputs, new.execution_count = cell.outputs, cell.execution_count
            if in_solution:
                new.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
            cells += [new, *caption]
            continue
        text = ""
        for part in parts(cell.source):
            if isinstance(part, str):
                text += part
            elif part.name == "exercise":  # in a cell of its own: what stands above may be folded
                cells.append(markdown_cell(text, numbers))
                text = heading_of(exercises[part.options["label"]])
            elif part.name in ("solution", "solution-start"):
                cells += [markdown_cell(text, numbers), *_folded(part, numbers)]
                text, in_solution = "", part.name == "solution-start"
            elif part.name == "solution-end":
                cells.append(markdown_cell(text, numbers))
                text, in_solution = "", False
            elif part.name != "cost":
                text += quoted(part)
        cells.append(markdown_cell(text, numbers))
    copy = nbformat.from_dict(notebook)
    copy.cells = [cell for cell in cells if cell.cell_type == "code" or cell.source]
    for index, cell in enumerate(copy.cells):
        cell.id = hashlib.sha256(f"{index}\n{cell.source}".encode()).hexdigest()[:12]
    return copy


def _folded(solution: Directive, numbers: Numbers):
    """The heading of a solution, which hides what is below it up to the next exercise, and what the directive says."""
    heading = nbformat.v4.new_markdown_cell(f"#### Solution of Exercise {number_of(solution.argument)}")
    heading.metadata["jp-MarkdownHeadingCollapsed"] = True
    return [heading, markdown_cell(solution.body, numbers)]


def write_copies(chapters: Path, folder: Path, change=lambda copy: copy) -> list[Path]:
    """Write the reader's copies of all notebooks in `chapters` to `folder`; `change` has the last word on each."""
    numbers, written = Numbers(chapters), []
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(chapters.glob("*.ipynb")):
        copy = change(readers_copy(nbformat.read(path, as_version=4), path.stem, numbers))
        (folder / path.name).write_text(nbformat.writes(copy) + "\n", encoding="utf-8", newline="\n")
        written.append(folder / path.name)
    return written
