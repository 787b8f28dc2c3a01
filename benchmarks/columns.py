"""Many columns: modes and likelihood from a file in single precision, `leading_modes` against a randomised PCA.

    python -m benchmarks.columns [rows columns modes [folder]]

Each contender runs in processes of its own, three times in turn; reported are processor seconds of the fit, peak memory
of the process, and the nats per row that its machine is below the better one. With sizes in the command it is run once,
scikit-learn only where twice the data fit into the memory that is free, and the file, of 4 x rows x columns bytes, is
made in `folder` and removed again: 1000000 10000 50 is 40 GB, 20000 100000 50 is 8 GB.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.timing import comparison

ROWS, COLUMNS, MODES, PASSES = 20_000, 2_000, 50, 4
ROUNDS = 3
OURS, THEIRS = "leading_modes, 4 passes", "PCA of scikit-learn, randomised"


def make(path: Path, rows: int, columns: int, seed: int = 0) -> None:
    """A file of rows whose variances fall like 1 / k towards a noise of 1 / 1000, with a mean of 1."""
    scale = np.sqrt(1 / np.arange(1, columns + 1) + 1e-3).astype(np.float32)
    rng = np.random.default_rng(seed)
    file = np.lib.format.open_memmap(path, "w+", np.float32, (rows, columns))
    step = max(2**24 // columns, 1)
    for start in range(0, rows, step):
        part = rng.standard_normal((min(step, rows - start), columns), dtype=np.float32)
        file[start : start + len(part)] = 1 + scale * part
    file.flush()


def blocks(path: str):
    """The rows of the file; each block is mapped by itself, so that none stays in memory."""
    rows, columns = np.load(path, mmap_mode="r").shape
    step = max(2**24 // columns, 256)
    for start in range(0, rows, step):
        yield np.load(path, mmap_mode="r")[start : start + step]


def fit(name: str, path: str, modes: int) -> dict:
    """One fit in this process: seconds, peak memory in bytes, nats per row."""
    import resource
    from time import perf_counter, process_time

    if name == OURS:
        from srbm import leading_modes
    else:
        from sklearn.decomposition import PCA
    start, wall = process_time(), perf_counter()
    if name == OURS:
        found = leading_modes(lambda: blocks(path), modes, center=True, passes=PASSES, dtype=np.float32)
        nats, deficit = found.log_likelihood(modes), found.deficit(modes)
    else:
        data = np.load(path)
        pca = PCA(modes, svd_solver="randomized", random_state=0).fit(data)
        n, size = data.shape
        kept, rest = ((n - 1) / n * np.asarray(x, dtype=float) for x in (pca.explained_variance_, pca.noise_variance_))
        logs = np.log(kept).sum() + (size - modes) * np.log(rest)
        nats, deficit = float(-(size * np.log(2 * np.pi) + logs + size) / 2), None
    seconds, wall = process_time() - start, perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "wall": wall, "peak": peak, "nats": nats, "deficit": deficit}


def measured(name: str, path: Path, modes: int) -> dict:
    """What `fit` says in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.columns", "--fit", name, str(path), str(modes)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compared(rows: int, columns: int, modes: int, rounds: int, folder: str | None = None, alone: bool = False) -> dict:
    """The comparison as an entry of the results, with memory and nats of each contender."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "rows.npy"
        make(path, rows, columns)
        names = [OURS] if alone else [THEIRS, OURS]
        runs: dict[str, list[dict]] = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                runs[name].append(measured(name, path, modes))
    best = max(run["nats"] for found in runs.values() for run in found)
    return {
        "comparison": comparison(
            f"{rows:,} x {columns:,} in single precision, {modes} modes",
            names[0],
            {name: [run["seconds"] for run in found] for name, found in runs.items()},
            {} if alone else {OURS: 1 / 1.5},
        ),
        "wall": {name: min(run["wall"] for run in found) for name, found in runs.items()},
        "memory": {name: max(run["peak"] for run in found) / 1e6 for name, found in runs.items()},
        "below": {name: best - min(run["nats"] for run in found) for name, found in runs.items()},
        "at most": max(run["deficit"] for run in runs[OURS]),
    }


def run():
    """The comparison at a size that takes a minute."""
    return compared(ROWS, COLUMNS, MODES, ROUNDS)


def main(words: list[str]) -> None:
    """What the command asks for."""
    if words[:1] == ["--fit"]:
        print(json.dumps(fit(words[1], words[2], int(words[3]))))
        return
    from benchmarks.tables import tables

    if not words:
        print("\n".join(tables({"columns": run()}, "columns")))
        return
    rows, columns, modes = map(int, words[:3])
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    alone = 2 * 4 * rows * columns > free
    print("\n".join(tables({"columns": compared(rows, columns, modes, 1, (words[3:] or [None])[0], alone)}, "columns")))


if __name__ == "__main__":
    main(sys.argv[1:])
