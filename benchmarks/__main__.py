"""python -m benchmarks: run everything and store results.json; with names of groups, run those and print them.

With --store before the names, what they give takes the place of what is stored of them, on the machine of the others.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter

from benchmarks.tables import GROUPS, tables
from benchmarks.timing import machine, store

RESULTS = Path(__file__).parent / "results.json"


def main(words: list[str]) -> None:
    """Run the groups `words`, or all."""
    names = [word for word in words if word != "--store"]
    unknown = set(names) - set(GROUPS)
    if unknown:
        sys.exit(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    stored = json.loads(RESULTS.read_text(encoding="utf-8")) if names else {"machine": machine()}
    here = machine()
    if "--store" in words and any(here[name] != stored["machine"][name] for name in ("processor", "cores", "python")):
        sys.exit("results.json is of another machine or Python: run all groups")
    results = {}
    for name in names or GROUPS:
        start = perf_counter()
        results[name] = import_module(f"benchmarks.{name}").run()
        print(f"{name}: {perf_counter() - start:.0f} s")
        print("\n".join(tables(results, name)))
    if not names or "--store" in words:
        store(stored | results, RESULTS)


if __name__ == "__main__":
    main(sys.argv[1:])
