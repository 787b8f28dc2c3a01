"""`make mutation`: what is stored of a run, and the tables that it is shown as. mutmut itself is not run here."""

import json

import pytest

from book import verified
from tests import mutation

DIFFERENCE = """# srbm.x.x_f__mutmut_1: survived
--- srbm/x.py
+++ srbm/x.py
@@ -1,3 +1,3 @@
 def f(a, b):
-    return a + b
+    return a - b
"""


@pytest.fixture
def judged(monkeypatch):
    monkeypatch.setattr(mutation, "REASONS", {"srbm.x": {"a  ->  b": "they are equal"}})
    codes = {"one": 1, "two": 0, "three": 33, "four": 36, "five": -11, "six": 3}
    return mutation.judged("srbm.x", codes, {"two": "a  ->  b", "three": "c | d  ->  e"})


def test_a_change_in_one_line():
    assert mutation.change_of(DIFFERENCE) == "return a + b  ->  return a - b"


def test_how_mutants_end(judged):
    assert judged["killed"] == 4
    assert judged["survived"] == [
        {"change": "a  ->  b", "reason": "they are equal"},
        {"change": "c | d  ->  e", "reason": ""},
    ]
    with pytest.raises(RuntimeError, match="did not judge 1 of 2 mutants"):
        mutation.judged("srbm.x", {"one": 1, "two": None}, {})
    with pytest.raises(RuntimeError, match="did not judge 0 of 0"):
        mutation.judged("srbm.x", {}, {})


def test_modules_that_were_not_run_are_there(judged, tmp_path):
    file = tmp_path / "mutation.json"
    mutation.store({"srbm.x": judged}, ["srbm.x", "srbm.y"], file)
    mutation.store({"srbm.y": judged | {"survived": []}}, ["srbm.x", "srbm.y", "srbm.z"], file)
    stored = json.loads(file.read_text(encoding="utf-8"))
    lines = verified.mutation_table(stored)
    assert [line.split(" | ")[1] for line in lines[2:-1]] == ["✗ 67 %", "✓ 100 %", "○ not run"]  # 4 of 5 explained
    lines = verified.survivors_table(stored)
    assert "they are equal" in lines[2]
    assert "✗ a gap in the tests" in lines[3]
    assert "c \\| d" in lines[3]
    assert verified.survivors_table({})[2] == "|  | none |  |"


def test_what_is_stored_names_modules_that_exist():
    stored = json.loads(mutation.FILE.read_text(encoding="utf-8"))
    modules = mutation.all_modules()
    assert set(stored) <= set(modules)
    assert set(mutation.TESTS) <= set(modules)
    for module, entry in stored.items():
        if entry:
            assert entry["killed"] > 0
            assert all(one["change"].count("  ->  ") == 1 for one in entry["survived"]), module


def test_the_tests_of_each_module_exist():
    for files in mutation.TESTS.values():
        for file in files.split():
            assert (mutation.ROOT / "tests" / "srbm" / file).is_file()
