"""The stored comparison of ways to choose a machine: what it holds, and a part of it made again."""

import json

import numpy as np
import pytest

from results import choosing


@pytest.fixture(scope="module")
def stored():
    return json.loads(choosing.STORED.read_text(encoding="utf-8"))


def test_the_stored_results_are_those_of_the_script(stored):
    assert list(stored) == list(choosing.TABLES)
    for name, table in stored.items():
        assert table["rows"] == choosing.TABLES[name][2]
        assert list(table["log_likelihood"]) == list(choosing.WAYS)
        splits = {len(scores) for scores in table["log_likelihood"].values()}
        assert splits == {choosing.splits_of(table["columns"])}
    assert choosing.STORED.stat().st_size < 200_000


@pytest.mark.parametrize(("name", "seed"), [("wine", 0), ("linnerud", 3), ("iris", 1)])
def test_a_split_made_again(stored, name, seed):
    make, noise, rows = choosing.TABLES[name]
    scores, chosen = choosing.compared(make(), noise, rows, seed)
    for way in choosing.WAYS:
        assert scores[way] == pytest.approx(stored[name]["log_likelihood"][way][seed], abs=1e-4)
    assert chosen == {way: picks[seed] for way, picks in stored[name]["chosen"].items()}
    other = stored[name]["log_likelihood"]["recommend"][seed + 1]  # another split is another number
    assert abs(scores["recommend"] - other) > 1e-3


def test_the_ways_of_others_on_spectra_where_they_are_known():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((400, 20))
    rows[:, :3] += 4 * rng.standard_normal((400, 1))  # one strong mode in white noise
    for count in choosing.COUNTS.values():
        assert count(rows, 0.0, rng) == 1
