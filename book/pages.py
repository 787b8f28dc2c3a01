"""Pages generated from the executed notebooks: the ledger, its summary, the deviations and the equation map.

What `srbm_book.ledger` stored in the metadata of each verdict is read back here; nothing is typed by hand.
"""

import ast
import functools
import json
import re
import tomllib
from collections import Counter
from collections.abc import Container
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

import srbm
from benchmarks.tables import table, tables
from book import dependencies
from book.extension import chapter_number
from book.generated import generated
from srbm_book.ledger import CSS_CLASS, KINDS
from srbm_book.typeset import typeset

MARKS = {"reproduced": "✓", "reproduced with a condition": "◐", "not reproduced": "✗"}
KIND_NAMES = {
    "definition": "definitions",
    "identity": "identities",
    "test": "numerical tests",
    "printed": "printed values",
}
OUR_MARKS = {"confirmed": "✓", "not confirmed": "✗"}
EQUATIONS = [f"eq-{n}" for n in range(1, 96)] + ["eq-A1", "eq-A2"] + [f"eq-B{n}" for n in range(1, 9)]
FIGURES = [f"fig-{n}" for n in range(1, 20)]
logger = logging.getLogger(__name__)


def ledger_of(chapters: Path) -> Path:
    """The file of the ledger, which chapters read wherever they run and which is installed with what they import."""
    return chapters.parent / "srbm_book" / "ledger.toml"


def read_records(chapters: Path) -> dict[str, dict]:
    """From each checked key to its record: what `check` stored, and the statement, section and chapter of it.

    None where there is no ledger, as in a book of a single page that a test builds.
    """
    if not ledger_of(chapters).exists():
        return {}
    files = [ledger_of(chapters), *sorted(chapters.glob("*.ipynb"))]
    return _records(*((path, path.stat().st_mtime_ns) for path in files))


@functools.lru_cache(maxsize=1)
def _records(ledger: tuple[Path, int], *notebooks: tuple[Path, int]) -> dict[str, dict]:
    """Records from files as they were when they were written, for all pages that ask."""
    declared = tomllib.loads(ledger[0].read_text(encoding="utf-8"))
    found = {}
    for path, _ in notebooks:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                record = output.get("metadata", {}).get("srbm")
                if record:
                    found[record["key"]] = record
    return {key: entry | found[key] for key, entry in declared.items() if key in found}


def of_the_paper(records: dict[str, dict]) -> dict[str, dict]:
    """The entries that are the paper's."""
    return {key: record for key, record in records.items() if not _is_ours(key)}


def of_ours(records: dict[str, dict]) -> dict[str, dict]:
    """The entries that are not the paper's."""
    return {key: record for key, record in records.items() if _is_ours(key)}


def _is_ours(key: str) -> bool:
    return key.startswith("x-")


def documented_names(package: Path, public: Container[str]) -> dict[str, list[str]]:
    """From an equation's key to those `public` names of the package whose docstrings cite it as Eq. (N)."""
    names: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name not in public:
                continue
            members = [(node.name, node)]
            if isinstance(node, ast.ClassDef):
                members += [
                    (f"{node.name}.{item.name}", item)
                    for item in node.body
                    if isinstance(item, ast.FunctionDef) and not item.name.startswith("_")
                ]
            for name, item in members:
                for key in cited_equations(ast.get_docstring(item) or ""):
                    names.setdefault(key, []).append(name)
    return names


def cited_equations(text: str) -> list[str]:
    """The keys of the equations that a docstring cites, as in "Eq. (9)", "Eqs. (20)-(22)" or "(Eqs. 8, 9)"."""
    keys = []
    for citation in re.findall(r"Eqs?\.\s*((?:\(?[AB]?\d+\)?(?:\s*(?:,|-|and)\s*)?)+)", text):
        numbers = re.findall(r"([AB]?)(\d+)\)?\s*(-?)", citation)
        for index, (letter, number, dash) in enumerate(numbers):
            last = int(numbers[index + 1][1]) if dash and index + 1 < len(numbers) else int(number)
            keys += [f"eq-{letter}{n}" for n in range(int(number), max(last, int(number)) + 1)]
    return list(dict.fromkeys(key for key in keys if key in EQUATIONS))


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>()#+!|$~^-])", r"\\\1", text)


def _number(key: str) -> str:
    kind, _, number = key.partition("-")
    return {"eq": f"({number})", "fig": f"Fig. {number}"}.get(kind, "statement")


def _link(record: dict, text: str) -> str:
    return f'<a href="{record["chapter"]}.html#check-{record["key"]}">{text}</a>'


class Generated(SphinxDirective):
    """A directive whose Markdown is computed from the chapters."""

    classes = ("generated",)

    def run(self):
        chapters = Path(self.env.srcdir) / "chapters"
        files = [ledger_of(chapters), chapters / "costs.json", *chapters.glob("*.ipynb")]
        container = generated(self, files, self.markdown(self.read(chapters)), self.classes)
        return [container] if "ledger" in self.classes else container.children

    def read(self, chapters: Path):
        """What the Markdown is computed from."""
        return read_records(chapters)

    def markdown(self, source) -> list[str]:
        raise NotImplementedError


class LedgerTable(Generated):
    """``{ledger}``: every entry of the paper with its value, ours, the tolerance and its origin, and the verdict.

    Tables, of which ``static/ledger.js`` makes an instrument.
    """

    classes = ("generated", "ledger")

    def markdown(self, records):
        lines = []
        records = of_the_paper(records)
        for section in dict.fromkeys(record["section"] for record in records.values()):
            mine = [record for record in records.values() if record["section"] == section]
            lines += [
                "",
                f"**Section {section}**",
                "",
                *table(
                    [
                        "verdict",
                        "entry",
                        "claim",
                        "kind",
                        "paper, as we evaluate it",
                        "ours",
                        "tolerance, its origin, what it rejects",
                    ],
                    [
                        [_mark(r), _link(r, _number(r["key"])), _statement(r), r["kind"], *_values(r), _tolerance(r)]
                        for r in mine
                    ],
                ),
            ]
        return lines


def _mark(record: dict) -> str:
    return (MARKS | OUR_MARKS)[record["verdict"]]


def _statement(record: dict) -> str:
    return typeset(record["statement"], _escape) + _condition(record)


def _values(record: dict) -> list[str]:
    return [_escape(str(record["exact" if _is_ours(record["key"]) else "paper"])), _escape(str(record["ours"]))]


def _tolerance(record: dict) -> str:
    rejects = f"; rejects {record['twin']}" if "twin" in record else ""
    return typeset(f"{record['tolerance'] or 'exact'}; {record['origin']}{rejects}", _escape)


def _condition(record: dict) -> str:
    return f" *Condition: {typeset(record['condition'], _escape)}.*" if record.get("condition") else ""


def _known(record: dict) -> str:
    return f" {{cite}}`{record['known']}`" if "known" in record else ""


class LedgerSummary(Generated):
    """``{ledger-summary}``: how many entries of each kind were checked, and with which verdict."""

    def markdown(self, records):
        records = of_the_paper(records)
        of_kind = {kind: [r for r in records.values() if r["kind"] == kind] for kind in KINDS}
        rows = [[f"{KIND_NAMES[kind]}: {KINDS[kind]}", *_counts(mine)] for kind, mine in of_kind.items()]
        rows.append(["together", *_counts(records.values())])
        head = ["entries of the paper", "checked", *(f"{mark} {verdict}" for verdict, mark in MARKS.items())]
        equations, figures = (sum(key in records for key in keys) for keys in (EQUATIONS, FIGURES))
        return [
            *table(head, rows),
            "",
            f"Among them are {equations} of the {len(EQUATIONS)} numbered equations. "
            f"For {figures} of its {len(FIGURES)} figures what the text and the caption say was checked; no figure "
            "was compared with the printed one.",
        ]


class Found(Generated):
    """``{found}``: how many entries of the paper hold, hold under a condition, and do not, as a bar and in words."""

    words: ClassVar = {"reproduced": "hold as they stand", "reproduced with a condition": "hold under a condition",
                       "not reproduced": "do not hold"}  # fmt: skip

    def markdown(self, records):
        count = Counter(record["verdict"] for record in of_the_paper(records).values())
        bar = "".join(f'<span class="{CSS_CLASS[one]}" style="flex-grow: {count[one]}"></span>' for one in MARKS)
        items = "".join(
            f'<li class="{CSS_CLASS[verdict]}"><b>{count[verdict]}</b> {mark} {self.words[verdict]}</li>'
            for verdict, mark in MARKS.items()
        )
        return [
            f'<div class="found"><div class="found-bar" aria-hidden="true">{bar}</div>'
            f'<ul aria-label="Of {count.total()} statements of the paper">{items}</ul></div>',
            "",
            f"Of the paper's {count.total()} equations, figures and statements. [Each of them](11_conclusion), and "
            "[those that do not simply hold](deviations).",
        ]


def _counts(records) -> list[str]:
    count = Counter(record["verdict"] for record in records)
    return [str(count.total()), *(str(count[verdict]) for verdict in MARKS)]


class OurStatements(Generated):
    """``{our-statements}``: what this edition adds, by chapter: should be and is, the tolerance and its origin."""

    classes = ("generated", "ledger")

    def markdown(self, records):
        lines = []
        records = of_ours(records)
        for chapter in sorted({record["chapter"] for record in records.values()}):
            mine = [record for record in records.values() if record["chapter"] == chapter]
            lines += [
                "",
                f"**Chapter {chapter_number(chapter)}: [](/chapters/{chapter})**",
                "",
                *table(
                    ["verdict", "statement", "kind", "exact / ours", "tolerance and its origin"],
                    [
                        [
                            _mark(r),
                            f"{_statement(r)}{_known(r)} {_link(r, r['key'])}",
                            r["kind"],
                            " / ".join(dict.fromkeys(_values(r))),
                            _tolerance(r),
                        ]
                        for r in mine
                    ],
                ),
            ]
        return lines


def read_claims(chapters: Path) -> dict[str, dict]:
    """What is claimed as ours, or was, by the key of the check that decides it."""
    return tomllib.loads((chapters / "ours.toml").read_text(encoding="utf-8"))


class OurClaims(Generated):
    """``{our-claims} claimed`` (or ``demoted``): what is new, with check, derivation, search and neighbour."""

    required_arguments = 1

    def read(self, chapters: Path):
        self.env.note_dependency(str(chapters / "ours.toml"))
        return read_records(chapters), read_claims(chapters)

    def markdown(self, source):
        records, claims = source
        mine = [(key, claim) for key, claim in claims.items() if claim["standing"] == self.arguments[0]]
        lines = []
        for number, (key, claim) in enumerate(mine, 1):
            found = [records[one] for one in (key, *claim.get("also", ())) if one in records]
            derived = ", ".join(f"{{eq}}`{label}`" for label in claim["where"])
            checked = ", ".join(f"{_mark(record)} {_link(record, record['key'])}" for record in found)
            lines += [
                f"{number}. **{typeset(claim['claim'], _escape)}**",
                f"   - *Derived* in {derived}; *checked* by {checked}.",
                f"   - *Nearest known:* {claim['nearest']}",
                *(f"   - *Searched* {where}: {_escape(query)}" for where, query in map(_query, claim["searched"])),
            ]
        return lines


def _query(searched: str) -> tuple[str, str]:
    """The collection that was asked, and what."""
    where, _, query = searched.partition(": ")
    return where, query


class Deviations(Generated):
    """``{deviations}``: every entry that is not simply reproduced."""

    def markdown(self, records):
        return table(
            ["verdict", "where", "the paper says", "paper", "ours", "check"],
            [
                [
                    _mark(r),
                    f"{'App.' if r['section'] in 'AB' else 'Sec.'} {r['section']}",
                    _statement(r),
                    *_values(r),
                    _link(r, r["key"]),
                ]
                for r in of_the_paper(records).values()
                if r["verdict"] != "reproduced"
            ],
        )


class EquationMap(Generated):
    """``{equation-map}``: paper's number, where it stands in the book, the name in `srbm`, the cell that checks it."""

    def markdown(self, records):
        names = documented_names(Path(self.env.srcdir) / "srbm", srbm.__all__)
        rows = []
        for key in EQUATIONS + FIGURES:
            if key not in records:
                continue
            record = records[key]
            role = f"{{eq}}`{key}`" if key in EQUATIONS else f"{{numref}}`{key}`"
            code = ", ".join(f"`{name}`" for name in names.get(key, []))
            chapter = f"[](/chapters/{record['chapter']})"
            rows.append([role, chapter, code, f"{_mark(record)} {_link(record, 'check')}"])
        return table(["paper", "chapter", "in `srbm`", "checking cell"], rows)


class Recorded(SphinxRole):
    """``{ours}`key` `` and ``{paper}`key` ``: a value of the ledger, with a link to the cell that decided it."""

    def run(self):
        chapters = Path(self.env.srcdir) / "chapters"
        record = read_records(chapters).get(self.text)
        if record is None:
            logger.warning(f"no executed cell has decided {self.text!r}", location=self.get_location())
            return [], []
        self.env.note_dependency(str(chapters / f"{record['chapter']}.ipynb"))
        value = str(record[self.name])
        target = f"{record['chapter']}.html#check-{self.text}"
        return [nodes.reference("", value, refuri=target, internal=True)], []


class Dependencies(Generated):
    """``{dependencies}``: the direct requirements with version, licence and purpose."""

    def markdown(self, records):
        licences = dependencies.licences()
        rows = [
            [f"`{one.name}`", one.version, f"{one.released:%Y-%m}", licences.get(one.name, ""), one.purpose]
            for one in dependencies.declared()
        ]
        head = ["Requirement", "Version", "Last release", "Licence", "What for"]
        return [*table(head, rows), f"Last releases as of {dependencies.asked()}."]


class Vendored(Generated):
    """``{vendored}``: the packages of npm that the repository holds, for the browser."""

    def markdown(self, records):
        rows = [[f"`{one.name}`", one.version, one.licence, one.purpose] for one in dependencies.vendored()]
        return table(["Package of npm", "Version", "Licence", "What for"], rows)


class Benchmarks(SphinxDirective):
    """``{benchmarks} lattice``: the tables of a group of benchmarks, or of the ``machine``, stored by `make bench`."""

    required_arguments = 1

    def run(self):
        path = Path(self.env.srcdir) / "benchmarks" / "results.json"
        results = json.loads(path.read_text(encoding="utf-8"))
        return generated(self, [path], tables(results, self.arguments[0])).children


def load_script(app, pagename, templatename, context, doctree):
    """Only pages with a ledger load its script."""
    if 'class="generated ledger' in context.get("body", ""):
        app.add_js_file("ledger.js", loading_method="defer")


def setup(app):
    app.connect("html-page-context", load_script)
    app.add_directive("ledger", LedgerTable)
    app.add_directive("ledger-summary", LedgerSummary)
    app.add_directive("found", Found)
    app.add_directive("our-statements", OurStatements)
    app.add_directive("our-claims", OurClaims)
    app.add_directive("deviations", Deviations)
    app.add_directive("equation-map", EquationMap)
    app.add_directive("dependencies", Dependencies)
    app.add_directive("vendored", Vendored)
    app.add_directive("benchmarks", Benchmarks)
    app.add_role("paper", Recorded())
    app.add_role("ours", Recorded())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
