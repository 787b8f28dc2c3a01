"""The results as tables in Markdown, for the book's page and for the terminal."""

from __future__ import annotations

import numpy as np

from benchmarks.timing import ratios

GROUPS = (
    "lattice", "large", "published", "peers", "floor", "accuracy", "moments", "columns", "growth", "imports", "grading",
    "frames",
)  # fmt: skip


def tables(results: dict, group: str) -> list[str]:
    """The lines of the tables of one group, or of the "machine"."""
    return _MAKERS[group](results[group])


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a table in Markdown, and the empty one that ends it."""
    return ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]] + [""]


def seconds(value: float) -> str:
    """A duration with three digits and a unit."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60), ("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def _comparisons(entries: list[dict]) -> list[str]:
    lines = []
    for entry in entries:
        rows = []
        reference = {entry["reference"]: entry["times"][entry["reference"]]}
        for name, times in (reference | entry["times"]).items():
            row = [name, seconds(float(np.median(times)))]
            if name == entry["reference"]:
                row += ["1", ""]
            else:
                faster = ratios(entry, name)
                row.append(f"{np.median(faster):.2f} ({faster.min():.2f} to {faster.max():.2f})")
                row.append(_target(float(np.median(faster)), entry["targets"].get(name)))
            rows.append(row)
        lines += [
            f"**{entry['case']}**",
            "",
            *table(["", "median time", "times as fast, median (min to max)", "aim"], rows),
        ]
    return lines


def _published(entries: list[dict]) -> list[str]:
    return _comparisons(entries) or ["There was no PyTorch, or no machine at rest, where this was measured.", ""]


def _target(found: float, aim: float | None) -> str:
    if aim is None:
        return ""
    return f"{'✓' if found >= aim else '✗'} at least {aim:g}"


def _floor(results: dict) -> list[str]:
    products = [[name, f"{rate / 1e9:.3g} Gflop/s"] for name, rate in results["products"].items()]
    normals = [[f"normals, {name}", f"{1e9 / rate:.3g} ns each"] for name, rate in results["normals"].items()]
    kernels = [
        [name, seconds(floor), seconds(time), f"{100 * floor / time:.0f} %"]
        for name, (floor, time) in results["kernels"].items()
    ]
    return [
        *table(["the machine", ""], products + normals),
        *table(["an update of", "floor", "time", "share"], kernels),
    ]


def _accuracy(results: dict) -> list[str]:
    rows = []
    for label, target in (("ten sites", "lattice"), ("MNIST", "mnist")):
        for name, updates, time in results[target]["rows"]:
            extrapolated = target == "mnist" and updates > 1  # the time of one update, times their number
            times = ["", seconds(time)] if extrapolated else [seconds(time), ""]
            rows.append([f"{label}: {name}", f"{updates:,}" if updates > 1 else "", *times])
    return table(["method", "updates", "time, measured", "time, extrapolated from one update"], rows)


def _moments(results: dict) -> list[str]:
    memory = [[f"{int(n):,}", f"{value:.3g} MB"] for n, value in results["memory"].items()]
    return _comparisons(results["comparisons"]) + table(["images", "peak memory"], memory)


def _nats(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1g}"


def _columns(results: dict) -> list[str]:
    lines = _comparisons([results["matrix"]])
    for entry in results["files"]:
        rows = []
        for name, memory in entry["memory"].items():
            bound = f" (at most {_nats(entry['at most'])})" if name.startswith("leading_modes") else ""
            below = _nats(entry["below"][name]) + bound
            rows.append([name, seconds(entry["clock"][name]), _megabytes(memory), below])
        lines += _comparisons([entry["comparison"]])
        here = f"of {_megabytes(entry['machine']['memory'])}, load {entry['machine']['load']:.2g} before"
        head = [f"{_megabytes(entry['data'])}; machine {here}", "by the clock", "peak memory", "nats below the best"]
        lines += table(head, rows)
    return lines


def _megabytes(value: float) -> str:
    return f"{value / 1e3:.3g} GB" if value >= 1e3 else f"{value:.3g} MB"


def _growth(rows: list[dict]) -> list[str]:
    def exponents(row, index):
        expected = row["expected"][index]
        return f"{row['slopes'][index]:.2f}" + ("" if expected is None else f" ({expected})")

    return table(
        ["", "varied", "time, exponent (expected)", "memory, exponent (expected)"],
        [
            [
                row["case"],
                f"{row['what']} = {row['sizes'][0]} to {row['sizes'][-1]}",
                exponents(row, 0),
                "" if row["expected"][1] is None else exponents(row, 1),
            ]
            for row in rows
        ],
    )


def _imports(times: dict) -> list[str]:
    rows = []
    for name, values in times.items():
        median = float(np.median(values))
        aim = f"{'✓' if median < 0.5 else '✗'} under 0.5 s" if name == "import srbm" else ""
        rows.append([f"`{name}`", seconds(median), aim])
    return table(["a fresh interpreter", "processor time", "aim"], rows)


def _frames(rows: list[dict]) -> list[str]:
    if not rows:
        return ["There was no browser, or none at rest, where this was measured.", ""]
    return table(
        ["live figure", "frame, median", "worst", "of it its own work, median", "worst", "aim"],
        [
            [
                row["figure"].replace("_", " "),
                *[seconds(value) for what in ("frames", "work") for value in row[what]],
                f"{'✓' if row['frames'][0] < 1 / 55 else '✗'} 60 a second",
            ]
            for row in rows
        ],
    )


def _grading(results: dict) -> list[str]:
    count, exercises = results["hand_ins"], " and ".join(results["exercises"])
    rows = [
        [name, seconds(cost), seconds(cost / count), seconds(wall)] for name, (cost, wall) in results["times"].items()
    ]
    head = [
        f"{count} hand-ins to exercises {exercises}",
        "processor time",
        "for each hand-in",
        f"by the clock, at load {results['load']:.1f}",
    ]
    return table(head, rows)


def _machine(found: dict) -> list[str]:
    packages = ", ".join(f"{name} {number}" for name, number in found["packages"].items())
    return table(
        ["machine", ""],
        [
            ["processor", f"{found['processor']}, {found['cores']} cores, of which one is used"],
            ["system", f"{found['system']}, Python {found['python']}"],
            ["BLAS", found["blas"]],
            ["packages", packages],
        ],
    )


_MAKERS = {
    "lattice": _comparisons,
    "large": _comparisons,
    "published": _published,
    "peers": _comparisons,
    "floor": _floor,
    "accuracy": _accuracy,
    "moments": _moments,
    "columns": _columns,
    "growth": _growth,
    "imports": _imports,
    "grading": _grading,
    "frames": _frames,
    "machine": _machine,
}
