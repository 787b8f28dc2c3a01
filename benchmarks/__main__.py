"""python -m benchmarks: run everything and store results.json; with names of groups, run those and print them."""

import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter

from benchmarks.tables import GROUPS, tables
from benchmarks.timing import machine, store

RESULTS = Path(__file__).parent / "results.json"


def main(names: list[str]) -> None:
    """Run the groups `names`, or all."""
    unknown = set(names) - set(GROUPS)
    if unknown:
        sys.exit(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    results = {}
    for name in names or GROUPS:
        start = perf_counter()
        results[name] = import_module(f"benchmarks.{name}").run()
        print(f"{name}: {perf_counter() - start:.0f} s")
        print("\n".join(tables(results, name)))
    if not names:
        store({"machine": machine(), **results}, RESULTS)


if __name__ == "__main__":
    main(sys.argv[1:])
