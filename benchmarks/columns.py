"""Many columns: machines from a file in single precision, `leading_modes` against a randomised PCA; few of many modes.

    python -m benchmarks.columns rows columns modes [folder]

Each contender reads the file in a process of its own, and they take turns; reported are processor seconds of the fit,
seconds on the clock, peak memory of the process, and the nats per row that its machine is below the best one. For the
command a file of 4 x rows x columns bytes is made in `folder`, read once by each and removed, and the result joins
those that are stored: 1000000 10000 50 is 40 GB, 20000 100000 50 is 8 GB. scikit-learn comes along where twice the data
fit into the memory that is free.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.timing import comparison, paired, store

RESULTS = Path(__file__).parent / "results.json"
ROWS, COLUMNS, MODES, PASSES = 20_000, 2_000, 50, 4
ROUNDS = 3
MATRIX = 4_000
"""Up to so many columns second moments are made as well; N_v of the matrix of which few modes are wanted."""
OURS, THEIRS = f"leading_modes, {PASSES} passes", "PCA of scikit-learn, randomised"
WHOLE = "second_moment and maximum_likelihood"


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
    """One fit in this process: seconds of the processor and of the clock, peak memory in bytes, nats per row."""
    from time import perf_counter, process_time

    from srbm import leading_modes, maximum_likelihood, second_moment

    if name == THEIRS:
        from sklearn.decomposition import PCA
    start, wall, deficit = process_time(), perf_counter(), None
    if name == OURS:
        found = leading_modes(lambda: blocks(path), modes, center=True, passes=PASSES, dtype=np.float32)
        nats, deficit = found.log_likelihood(modes), found.deficit(modes)
    elif name == WHOLE:
        moments = second_moment(blocks(path), center=True, dtype=np.float32)
        nats = maximum_likelihood(moments, modes).log_likelihood(moments)
    else:
        pca = PCA(modes, svd_solver="randomized", random_state=0).fit(np.load(path))
        n, size = pca.n_samples_, pca.n_features_in_
        kept, rest = ((n - 1) / n * np.asarray(x, dtype=float) for x in (pca.explained_variance_, pca.noise_variance_))
        logs = np.log(kept).sum() + (size - modes) * np.log(rest)
        nats = float(-(size * np.log(2 * np.pi) + logs + size) / 2)
    seconds, wall = process_time() - start, perf_counter() - wall
    return {"seconds": seconds, "wall": wall, "peak": peak(), "nats": nats, "deficit": deficit}


def peak() -> int:
    """Peak memory of this process in bytes; `resource` would count that of the one that started it, too."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def measured(name: str, path: Path, modes: int) -> dict:
    """What `fit` says in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.columns", "--fit", name, str(path), str(modes)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def from_file(rows: int, columns: int, modes: int, rounds: int, folder: str | None = None) -> dict:
    """The comparison as an entry of the results, with memory and nats of each contender."""
    load = os.getloadavg()[0]
    page = os.sysconf("SC_PAGE_SIZE")
    names = [OURS]
    if columns <= MATRIX:
        names.insert(0, WHOLE)
    if 2 * 4 * rows * columns < page * os.sysconf("SC_AVPHYS_PAGES"):
        names.insert(0, THEIRS)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "rows.npy"
        make(path, rows, columns)
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
            {OURS: 1 / 1.5} if THEIRS in names else {},
        ),
        "clock": {name: min(run["wall"] for run in found) for name, found in runs.items()},
        "memory": {name: max(run["peak"] for run in found) / 1e6 for name, found in runs.items()},
        "below": {name: best - min(run["nats"] for run in found) for name, found in runs.items()},
        "at most": max(run["deficit"] for run in runs[OURS]),
        "data": 4 * rows * columns / 1e6,
        "machine": {"memory": page * os.sysconf("SC_PHYS_PAGES") / 1e6, "load": load},
    }


def from_matrix() -> dict:
    """Twenty modes of a matrix: what diagonalising it takes, the best machine, and the choice of its size."""
    from srbm import maximum_likelihood, recommend

    spectrum = 1e-3 + 1 / np.arange(1, MATRIX + 1) ** 2
    matrix = np.diag(spectrum)
    for direction in np.random.default_rng(0).standard_normal((4, MATRIX)):  # reflections: a basis that costs little
        direction /= np.linalg.norm(direction)
        matrix -= 2 * np.outer(direction, direction @ matrix)
        matrix -= 2 * np.outer(matrix @ direction, direction)
    matrix = (matrix + matrix.T) / 2
    contenders = {
        "numpy.linalg.eigh": lambda: np.linalg.eigh(matrix),
        "maximum_likelihood, 20 nodes": lambda: maximum_likelihood(matrix, 20),
        "recommend, within 3 nats": lambda: recommend(matrix, 3.0),
    }
    return comparison(f"{MATRIX:,} x {MATRIX:,} second moments", "numpy.linalg.eigh", paired(contenders, 1))


def with_stored(entries: list[dict]) -> list[dict]:
    """The entries, and what is stored of other sizes, which were too large to be measured every time."""
    stored = json.loads(RESULTS.read_text(encoding="utf-8")).get("columns", {"files": []})["files"]
    cases = {entry["comparison"]["case"] for entry in entries}
    found = [*entries, *(entry for entry in stored if entry["comparison"]["case"] not in cases)]
    return sorted(found, key=lambda entry: entry["data"])


def run():
    """The comparison at a size that takes a minute, and of the matrix."""
    return {"matrix": from_matrix(), "files": with_stored([from_file(ROWS, COLUMNS, MODES, ROUNDS)])}


def main(words: list[str]) -> None:
    """What the command asks for."""
    if words[:1] == ["--fit"]:
        print(json.dumps(fit(words[1], words[2], int(words[3]))))
        return
    from benchmarks.tables import tables

    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    rows, columns, modes = map(int, words[:3])
    found = from_file(rows, columns, modes, 1, words[3] if words[3:] else None)
    results["columns"]["files"] = with_stored([found])
    store(results, RESULTS)
    print("\n".join(tables(results, "columns")))


if __name__ == "__main__":
    main(sys.argv[1:])
