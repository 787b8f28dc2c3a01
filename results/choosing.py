"""Remake srbm_book/data/choosing.json, ways to choose a machine for data, compared on rows they have not seen.

    python -m results.choosing [name of a data set ...]

Tables that scikit-learn and statsmodels bundle (of statsmodels only the files are read; where it is not installed the
stored results of its tables stay). What `recommend` does with rows far off all others was chosen with those that are
not `HELD_BACK`. Some rows are for fitting, the others for judging, at random `SPLITS` times. Stored is the
log-likelihood of an unseen row, in nats, for every split and way. `recommend` chooses its machine; the other `WAYS`
choose a number of hidden nodes and take the machine of maximum likelihood. `hindsight` is the best number of nodes of
either kind, known only afterwards. Takes about ten minutes.
"""

import csv
import json
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.decomposition import PCA

from results.patches import cut
from srbm import recommend
from srbm._support.files import write_text
from srbm.held_out import log_densities, node_masses, one_mass

STORED = Path(__file__).parent.parent / "srbm_book" / "data" / "choosing.json"
SPLITS, FOLDS, MOST_UNSEEN = 20, 5, 2000
LARGE = 16, 32
"""Tables with more columns than these are split half and a quarter as often."""
TIMES = {"YEAR", "QUARTER", "TIME", "OBS"}
"""Columns that only number the rows."""


def standardised(x):
    """Columns that vary, with mean zero and variance one."""
    x = x[:, x.std(axis=0) > 0]
    return (x - x.mean(axis=0)) / x.std(axis=0)


def of_scikit_learn(name):
    return standardised(getattr(datasets, f"load_{name}")().data)


def is_number(text):
    """Whether Python reads it as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def of_statsmodels(name):
    """The numbers of a table that statsmodels bundles, None where it is not installed; counts of time are left out."""
    found = find_spec("statsmodels")
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0]) / "datasets" / name / f"{name}.csv"
    text = path.read_text(encoding="utf-8").replace("\t", ",").replace("'", "").replace('"', "")
    head, *rows = csv.reader(text.splitlines())
    columns = [i for i, column in enumerate(head) if column.upper() not in TIMES and all(is_number(r[i]) for r in rows)]
    return standardised(np.array([[float(row[i]) for i in columns] for row in rows]))


def patches(side=6):
    """Patches of a photograph, in shares of full scale."""
    return cut(datasets.load_sample_image("china.jpg").mean(axis=2) / 255, side)


TABLES = {  # by which `recommend` was made: where from, noise, rows for fitting
    "wine": (lambda: of_scikit_learn("wine"), 0.0, 89),
    "diabetes": (lambda: of_scikit_learn("diabetes"), 0.0, 221),
    "iris": (lambda: of_scikit_learn("iris"), 0.0, 75),
    "breast_cancer": (lambda: of_scikit_learn("breast_cancer"), 0.0, 284),
    "breast_cancer, 100 rows": (lambda: of_scikit_learn("breast_cancer"), 0.0, 100),
    "linnerud": (
        lambda: standardised(np.hstack([datasets.load_linnerud().data, datasets.load_linnerud().target])),
        0.0,
        14,
    ),
    "star98": (lambda: of_statsmodels("star98"), 0.0, 151),
    "elnino": (lambda: of_statsmodels("elnino"), 0.0, 30),
    "anes96": (lambda: of_statsmodels("anes96"), 0.0, 200),
    "photograph": (patches, 1 / 12 / 255**2, 200),
    "digits": (lambda: datasets.load_digits().data / 16, 1 / 12 / 16**2, 100),
}

HELD_BACK = {  # what else statsmodels bundles with four columns of numbers or more; rows for fitting
    "macrodata": 101,
    "fair": 200,
    "randhie": 200,
    "ccard": 36,
    "longley": 8,
    "cpunish": 8,
    "copper": 12,
    "committee": 10,
    "stackloss": 10,
    "statecrime": 25,
}
TABLES |= {name: (lambda name=name: of_statsmodels(name), 0.0, rows) for name, rows in HELD_BACK.items()}


def scikit_learn_mle(fit, noise, rng):
    """Minka's evidence; it needs more rows than columns, and rows to which the noise has really been added."""
    width = np.sqrt(12 * noise)
    return PCA("mle", svd_solver="full").fit(fit + rng.uniform(-width / 2, width / 2, fit.shape)).n_components_


def gavish_donoho(fit, noise, rng):
    """The hard threshold for singular values in noise of unknown level (IEEE Trans. Inf. Theory 60, 5040 (2014))."""
    values = np.linalg.svd(fit - fit.mean(axis=0), compute_uv=False)
    ratio = min(fit.shape) / max(fit.shape)
    threshold = np.polyval([0.56, -0.95, 1.82, 1.43], ratio) * np.median(values)
    return int((values > threshold).sum())


def parallel_analysis(fit, noise, rng):
    """Horn's: leading eigenvalues above the 95th percentile of those of shuffled columns."""

    def spectrum(x):
        return np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]

    shuffled = [spectrum(rng.permuted(fit, axis=0)) for _ in range(40)]
    return int(np.argmin(np.append(spectrum(fit) > np.percentile(shuffled, 95, axis=0), False)))


COUNTS = {"mle": scikit_learn_mle, "Gavish-Donoho": gavish_donoho, "parallel analysis": parallel_analysis}
WAYS = ("recommend", *COUNTS, "cross-validation", "factor analysis", "all nodes", "hindsight")


def left_out(fit, score):
    """Log-likelihood of rows that were left out in turn, on average."""
    parts = np.array_split(np.random.default_rng(1).permutation(len(fit)), FOLDS)
    return np.concatenate([score(np.delete(fit, part, axis=0), fit[part]) for part in parts], axis=-1).mean(axis=-1)


def split(x, rows, seed):
    """Rows for fitting and for judging."""
    order = np.random.default_rng(seed).permutation(len(x))
    return x[order[:rows]], x[order[rows:][:MOST_UNSEEN]]


def compared(x, noise, rows, seed):
    """Log-likelihood of an unseen row by each of the `WAYS`, and what they have chosen, for columns that vary."""
    fit, unseen = split(x, rows, seed)
    varies = (np.ptp(fit, axis=0) > 0) | (noise > 0)
    fit, unseen = fit[:, varies], unseen[:, varies]
    rng = np.random.default_rng([seed, 1])
    one = one_mass(fit, unseen, noise).mean(axis=1)
    usable = int(np.isfinite(one).sum())
    node, inside = [], []
    while len(inside) - int(np.argmax([*inside, -np.inf])) <= 4 and len(inside) < fit.shape[1]:
        n = len(inside)
        inside.append(left_out(fit, lambda part, rest, n=n: node_masses(part, rest, n, noise)))
        node.append(node_masses(fit, unseen, n, noise).mean())
    curve = left_out(fit, lambda part, rest: one_mass(part, rest, noise))[:usable]
    chosen = {name: int(min(count(fit, noise, rng), usable - 1)) for name, count in COUNTS.items()}
    chosen |= {"cross-validation": int(np.argmax(curve)), "all nodes": usable - 1}
    scores = {name: float(one[n]) for name, n in chosen.items()}
    chosen["factor analysis"] = int(np.argmax(inside))
    scores["factor analysis"] = float(node[chosen["factor analysis"]])
    scores["hindsight"] = float(max(one[:usable].max(), np.nanmax(node)))
    ours = recommend(data=fit, noise=noise, rng=seed)
    scores["recommend"] = float(log_densities(ours.model, unseen - ours.mean, noise).mean())
    chosen["recommend"] = [ours.n_hidden, ours.masses, ours.shrinkage]
    return scores, chosen


def splits_of(columns):
    """How often a table is split."""
    return SPLITS // 2 ** sum(columns > limit for limit in LARGE)


def main(names) -> None:
    for name, (make, noise, rows) in TABLES.items():
        x = make() if not names or name in names else None
        if x is None:
            continue
        splits = splits_of(x.shape[1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = [compared(x, noise, rows, seed) for seed in range(splits)]
        stored = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
        stored[name] = {
            "columns": x.shape[1],
            "rows": rows,
            "held back": name in HELD_BACK,
            "log_likelihood": {way: [round(scores[way], 5) for scores, _ in results] for way in WAYS},
            "chosen": {way: [chosen[way] for _, chosen in results] for way in WAYS[:-1]},
        }
        stored = {key: stored[key] for key in TABLES if key in stored}
        write_text(STORED, json.dumps(stored, indent=1) + "\n")
        ours = np.array(stored[name]["log_likelihood"]["recommend"])
        lost = {way: ours - stored[name]["log_likelihood"][way] for way in WAYS[1:]}
        print(
            name,
            *(f"{way} {d.mean():+.2f}({d.std(ddof=1) / np.sqrt(len(d)):.2f})" for way, d in lost.items()),
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
