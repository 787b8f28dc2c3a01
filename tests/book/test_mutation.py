"""`make mutation`: what is stored of a run, and the tables that it is shown as. mutmut itself is not run here."""

import json

import pytest

from book import verified
from tests import mutation

ROOT = mutation.ROOT / "chapters"

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
    return mutation.judged("srbm.x", codes, {"two": "a  ->  b", "three": "c | d  ->  e"}, 60)


def test_a_change_in_one_line():
    assert mutation.change_of(DIFFERENCE) == "return a + b  ->  return a - b"


def test_how_mutants_end(judged):
    assert judged["killed"] == 4
    assert judged["mutants"] == 60
    assert judged["survived"] == [
        {"change": "a  ->  b", "reason": "they are equal"},
        {"change": "c | d  ->  e", "reason": ""},
    ]
    with pytest.raises(RuntimeError, match="did not judge 1 of 2 mutants"):
        mutation.judged("srbm.x", {"one": 1, "two": None}, {}, 2)
    with pytest.raises(RuntimeError, match="did not judge 0 of 0"):
        mutation.judged("srbm.x", {}, {}, 0)


DECORATED = """class Field:
    @property
    @guarded("x", deep=True)
    def mass(self):
        return 1  # a comment

    @mass.setter
    def mass(self, value):
        pass


@kept
def f(x):
    return x
"""
CALLED = """class Field:
    def mass(self):
        return 1  # a comment
    mass = (property)((guarded('x', deep=True))(mass))

    @mass.setter
    def mass(self, value):
        pass


def f(x):
    return x
f = (kept)(f)
"""


def test_decorated_functions_are_changed_as_well():
    assert mutation.undecorated(DECORATED) == CALLED


def test_a_sample_is_the_same_each_time_and_has_no_favourites():
    names = [f"mutant {number}" for number in range(100)]
    sample = mutation.drawn("srbm.x", names, 20)
    assert sample == mutation.drawn("srbm.x", reversed(names), 20)
    assert len(set(sample)) == 20
    assert sample != mutation.drawn("srbm.y", names, 20)
    assert mutation.drawn("srbm.x", names, None) == mutation.drawn("srbm.x", names, 100) == sorted(names)
    counts = dict.fromkeys(names, 0)
    for module in range(2000):
        for name in mutation.drawn(f"module {module}", names, 20):
            counts[name] += 1
    assert 300 < min(counts.values()) <= max(counts.values()) < 500  # 400 +- 18


def test_only_gaps_are_tried_again(judged):
    changes = {"one": "f  ->  g", "two": "a  ->  b", "three": "c | d  ->  e", "four": "f  ->  h"}
    entry = judged | {"killed": 2}
    assert mutation.known("srbm.x", changes, entry) == {"one": 1, "two": 0, "four": 1}
    assert mutation.known("srbm.y", changes, entry) == {"one": 1, "four": 1}  # with no reason for it
    assert mutation.known("srbm.x", changes, judged) == {}  # of a sample of another size
    assert mutation.known("srbm.x", changes | {"three": "c  ->  e"}, entry) == {}  # of another source
    assert mutation.known("srbm.x", changes, None) == {}


def test_modules_that_were_not_run_are_there(judged, tmp_path):
    file = tmp_path / "mutation.json"
    mutation.store({"srbm.x": judged}, ["srbm.x", "srbm.y"], file)
    mutation.store({"srbm.y": judged | {"survived": []}}, ["srbm.x", "srbm.y", "srbm.z"], file)
    stored = json.loads(file.read_text(encoding="utf-8"))
    lines = verified.mutation_table(stored)
    cells = [line.split(" | ") for line in lines[2:-1]]
    assert [cell[1] for cell in cells] == ["✗ 67 %", "✓ 100 %", "○ not run"]  # 4 of 5 explained
    assert [cell[2] for cell in cells] == ["6 of 60", "4 of 60", ""]
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


def test_the_stored_results_make_tables(tmp_path, build, monkeypatch):
    files = {"accuracy": ROOT / "accuracy.json", "mutation": mutation.FILE, "survivors": mutation.FILE}
    monkeypatch.setattr(verified, "TABLES", {name: (verified.TABLES[name][0], path) for name, path in files.items()})
    page = "\n".join(f"# {name}\n\n```{{verified}} {name}\n```\n" for name in files)
    texts, warnings, _ = build(tmp_path, page=page)
    assert warnings == ""
    text = " ".join(texts["page"].split())
    for entry in json.loads(files["accuracy"].read_text(encoding="utf-8")).values():
        assert entry["where"] in text
    assert "srbm.divergence ✓" in text
    assert "near the border either form is right" in text
