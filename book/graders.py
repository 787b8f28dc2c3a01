"""What nbgrader and the book's own grader gave for the same hand-ins, which `commands.graders` has recorded."""

import json
from pathlib import Path

from sphinx.util.docutils import SphinxDirective

from benchmarks.tables import table
from book.generated import generated

FILE = Path("chapters") / "graders.json"
GRADERS = ("nbgrader", "ours")


def differences(hand_in: dict) -> list[str]:
    """A sentence for each thing that the graders say differently of one hand-in."""
    found = []
    theirs, ours = (hand_in[grader] for grader in GRADERS)
    for number, points in theirs["points"].items():
        if points != ours["points"][number]:
            found.append(f"{hand_in['name']}: {points:g} and {ours['points'][number]:g} points for {number}")
    if theirs["late"] != ours["late"]:
        found.append(f"{hand_in['name']}: {theirs['late']:g} and {ours['late']:g} hours late")
    return found


def lines(record: dict | None) -> list[str]:
    """The table of all hand-ins; None where they have not been graded yet."""
    if record is None:
        return ["○ not yet run: `make nbgrader`"]
    rows = []
    for one in record["hand_ins"]:
        late = one["ours"]["late"]
        shown = [", ".join(f"{number}: {points:g}" for number, points in one[name]["points"].items() if number in
                           record["judged"]) for name in GRADERS]  # fmt: skip
        rows.append([one["what"] + (f"; {late:g} hours late to both" if late else ""), *shown])
    of = ", ".join(f"{number}: {record['points'][number]:g}" for number in record["judged"])
    head = ["handed in", f"nbgrader {record['nbgrader']} (of {of})", "`grade`"]
    return table(head, rows)


class Graders(SphinxDirective):
    """``{graders}``: the table of what both gave."""

    def run(self):
        path = Path(self.env.srcdir) / FILE
        record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        return generated(self, [path], lines(record)).children


def setup(app):
    app.add_directive("graders", Graders)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
