"""Rows of other arithmetic, and chapters with other seeds."""

import json
import os
import subprocess
import sys

import nbformat
import pytest

from book import verified
from commands.everywhere import __main__ as command
from commands.everywhere import records, running
from commands.everywhere.environments import NotRun, find_python
from commands.everywhere.rows import CORETYPE, DISABLED, ROWS, THREADS, Row, oldest, pinned
from commands.reseed import HERE, changes, reseeded
from commands.reseed import main as reseed

FOUND = {
    "python": "3.11.7",
    "numpy": pinned()["numpy"],
    "scipy": pinned()["scipy"],
    "threads": [1],
    "features": ["X86_V3", "X86_V4"],
    "kernels": {"NumPy": ["Haswell"], "SciPy": ["Haswell"]},
}
COUNT = {"passed": 5, "failed": 0, "skipped": 1, "seconds": 3, "failures": []}


def test_the_page_has_a_title_for_every_row():
    assert list(verified.TITLES) == list(ROWS)


def test_a_row_that_runs_as_asked_is_not_refused():
    assert ROWS["Haswell"].refusal(FOUND, FOUND) is None
    assert ROWS["numpy-v3"].refusal(FOUND | {"features": ["X86_V3"]}, FOUND) is None
    assert ROWS["python-3.11"].refusal(FOUND, FOUND) is None


@pytest.mark.parametrize(("name", "found", "reason"), [
    ("Nehalem", {}, "NumPy takes the kernel Haswell"),
    ("Haswell", {"kernels": {"NumPy": ["Haswell"], "SciPy": ["Zen"]}}, "SciPy takes the kernel Zen"),
    ("Haswell", {"threads": [1, 2]}, "use 1, 2 threads"),
    ("two-threads", {}, "use 1 threads"),
    ("numpy-baseline", {}, "still uses X86_V3, X86_V4"),
    ("numpy-v3", {}, "still uses X86_V4"),
    ("python-3.12", {}, "Python 3.11.7 runs"),
    ("Haswell", {"scipy": "1.0"}, "scipy 1.0 is installed"),
    ("oldest", {}, f"not {oldest()['numpy']}"),
])  # fmt: skip
def test_what_runs_otherwise_is_refused(name, found, reason):
    assert reason in ROWS[name].refusal(FOUND | found, FOUND)


def test_a_row_that_would_change_nothing_is_refused():
    bare = FOUND | {"features": []}
    assert "anyway" in ROWS["numpy-baseline"].refusal(bare, bare)


def test_a_row_sets_its_own_variables_and_no_others(monkeypatch):
    monkeypatch.setenv(CORETYPE, "Prescott")
    monkeypatch.setenv(DISABLED, "X86_V4")
    assert ROWS["Nehalem"].variables(FOUND) == dict.fromkeys(THREADS, "1") | {CORETYPE: "Nehalem"}
    assert ROWS["numpy-v3"].variables(FOUND)[DISABLED] == "X86_V4"
    assert ROWS["numpy-baseline"].variables(FOUND)[DISABLED] == "X86_V3 X86_V4"
    inherited = running.environment(ROWS["two-threads"].variables(FOUND))
    assert {CORETYPE, DISABLED}.isdisjoint(inherited)
    assert inherited["OPENBLAS_NUM_THREADS"] == "2"


def test_the_probe_tells_what_computes_here():
    found = running.probe(sys.executable, dict.fromkeys(THREADS, "1"))
    assert found["numpy"] == pinned()["numpy"]
    assert found["threads"] == [1]
    assert set(found["kernels"]) == {"NumPy", "SciPy"}


def test_a_kernel_that_does_not_exist_is_not_counted():
    entry = running.run(Row("none", kernel="Nonesuch"), {"tests": ["tests/srbm/none.py"]}, 1)
    assert set(entry) == {"why_not"}
    assert "takes the kernel" in entry["why_not"]


def test_passed_failed_and_skipped_are_counted(tmp_path):
    (tmp_path / "test_some.py").write_text(
        "import pytest\n"
        "def test_right(): pass\n"
        "def test_wrong(): assert False\n"
        "@pytest.fixture\n"
        "def broken(): raise OSError\n"
        "def test_error(broken): pass\n"
        "def test_missing(): pytest.skip('nothing')\n"
    )
    count = running.count_tests(sys.executable, [f"--rootdir={tmp_path}", str(tmp_path)], {}, 1)
    assert (count.passed, count.failed, count.skipped) == (1, 2, 1)
    assert sorted(name.split("::")[1] for name in count.failures) == ["test_error", "test_wrong"]


def test_a_run_that_collects_nothing_is_no_result(tmp_path):
    with pytest.raises(NotRun, match="code 5"):
        running.count_tests(sys.executable, [f"--rootdir={tmp_path}", str(tmp_path)], {}, 1)


def test_results_are_stored_row_by_row_and_not_run_again(tmp_path, monkeypatch, capsys):
    file = tmp_path / "verified.json"
    ran = []
    monkeypatch.setattr(verified.read, "__defaults__", (file,))
    monkeypatch.setattr(records.store, "__defaults__", (file,))
    monkeypatch.setattr(records.is_done, "__defaults__", (file,))
    monkeypatch.setattr(records, "commit", lambda: "abc")
    monkeypatch.setattr(command, "shared", lambda row: None)
    monkeypatch.setattr(
        command,
        "run",
        lambda row, parts, jobs: (
            ran.append((row.name, *parts))
            or {"found": FOUND, "tests": COUNT, "chapters": COUNT | {"failed": row.name == "Nehalem"}}
        ),
    )
    assert command.main(["--rows", "Haswell"]) == 0
    assert command.main(["--rows", "Haswell", "Nehalem"]) == 1
    assert ran == [("Haswell", "tests", "chapters"), ("Nehalem", "tests", "chapters")]
    assert command.main(["--rows", "Nehalem"]) == 1  # what failed before fails still
    assert "run before" in capsys.readouterr().out
    command.main(["--rows", "Haswell", "--chapters", "05_two_nodes"])
    assert ran[-1] == ("Haswell", "chapters")
    monkeypatch.setattr(records, "commit", lambda: "abd")
    command.main(["--rows", "Haswell"])
    assert ran[-1] == ("Haswell", "tests", "chapters")
    stored = json.loads(file.read_text())["rows"]
    assert [stored[name]["commit"] for name in ("Haswell", "Nehalem")] == ["abd", "abc"]


def test_what_computes_the_same_in_the_same_interpreter_is_run_once(tmp_path, monkeypatch, capsys):
    file, plain = tmp_path / "verified.json", FOUND | {"kernels": {"NumPy": ["SkylakeX"], "SciPy": ["SkylakeX"]}}
    for function in (verified.read, records.store, records.is_done):
        monkeypatch.setattr(function, "__defaults__", (file,))
    monkeypatch.setattr(records, "commit", lambda: "abc")
    here = f"python-{sys.version_info.major}.{sys.version_info.minor}"
    found = dict.fromkeys(("SkylakeX", here, "numpy-v3"), plain) | {"numpy-v3": plain | {"features": ["X86_V3"]}}
    monkeypatch.setattr(command, "verify", lambda row: (sys.executable, {}, found[row.name]))
    ran = []
    run = lambda row, *_: ran.append(row.name) or {"found": found[row.name], "tests": COUNT, "chapters": COUNT}  # noqa: E731
    monkeypatch.setattr(command, "run", run)
    command.main(["--rows", "SkylakeX", here, "numpy-v3"])
    assert ran == ["SkylakeX", "numpy-v3"]
    assert "(the same as SkylakeX)" in capsys.readouterr().out
    assert json.loads(file.read_text())["rows"][here]["run_as"] == "SkylakeX"
    assert verified.rows_table(verified.read())[2 + list(ROWS).index(here)].count("“OpenBLAS kernel SkylakeX”") == 1
    monkeypatch.setattr(records, "commit", lambda: "abd")
    monkeypatch.setattr(command, "verify", lambda row: ("another interpreter", {}, plain))
    command.main(["--rows", "SkylakeX", here])
    assert ran[2:] == ["SkylakeX", here]


def test_what_was_mended_is_run_alone(tmp_path, monkeypatch):
    file = tmp_path / "verified.json"
    for function in (verified.read, records.store, records.is_done):
        monkeypatch.setattr(function, "__defaults__", (file,))
    names = ["tests.srbm.test_model::test_one[a.b]", "tests.srbm.test_model::test_two"]
    cells = ["chapters.05_two_nodes.ipynb::Cell 25"]
    entry = {
        "found": FOUND,
        "tests": COUNT | {"failed": 2, "failures": names},
        "chapters": COUNT | {"failed": 1, "failures": cells},
    }
    monkeypatch.setattr(records, "commit", lambda: "abc")
    records.store("rows", "newest", entry)
    monkeypatch.setattr(records, "commit", lambda: "abd")
    asked = []
    now = {"found": FOUND, "tests": COUNT | {"failed": 1, "failures": names[:1]}, "chapters": COUNT}
    monkeypatch.setattr(command, "run", lambda row, parts, jobs: asked.append(parts) or now)
    assert command.main(["--rows", "newest", "--mended"]) == 1
    nbval = ["--nbval", "--nbval-current-env", "chapters/05_two_nodes.ipynb"]
    assert asked == [{"tests": ["tests/srbm/test_model.py"], "chapters": nbval}]
    stored = verified.read()["rows"]["newest"]
    assert (stored["tests"]["passed"], stored["tests"]["failed"], stored["tests"]["failures"]) == (6, 1, names[:1])
    assert (stored["chapters"]["passed"], stored["chapters"]["failed"]) == (6, 0)
    assert (stored["commit"], stored["again"]) == ("abc", "abd")
    line = verified.rows_table(verified.read())[2 + list(ROWS).index("newest")]
    assert "what failed again after mending, `abd`" in line


def test_a_chapter_that_was_mended_is_reseeded_alone(tmp_path, monkeypatch):
    file = tmp_path / "verified.json"
    for function in (verified.read, records.store, records.is_done):
        monkeypatch.setattr(function, "__defaults__", (file,))
    found = {"02_bipartite_graph": [], "03_training": ["cell 3 raised ValueError: x"]}
    monkeypatch.setattr(records, "commit", lambda: "abc")
    records.store("reseeds", "3", {"chapters": found})
    monkeypatch.setattr(records, "commit", lambda: "abd")
    monkeypatch.setattr("commands.reseed.reseeded", lambda path, shift: [])
    assert reseed(["--shift", "3", "--chapters", "03_training", "--mended"]) == 0
    stored = verified.read()["reseeds"]["3"]
    assert stored["chapters"] == {"02_bipartite_graph": [], "03_training": []}
    assert (stored["commit"], stored["again"]) == ("abc", {"03_training": "abd"})
    assert "03_training again after mending, `abd`" in verified.reseeds_table(verified.read())[2]
    reseed(["--shift", "3", "--chapters", "02_bipartite_graph"])
    assert verified.read()["reseeds"]["3"] == stored  # without --mended nothing is stored


def test_changed_sources_are_run_again(tmp_path, monkeypatch):
    file = tmp_path / "verified.json"
    monkeypatch.setattr(records, "commit", lambda: "abc" + records.CHANGED)
    records.store("rows", "Haswell", {"tests": COUNT}, file)
    assert not records.is_done("rows", "Haswell", file)
    monkeypatch.setattr(records, "commit", lambda: "abc")
    records.store("rows", "Haswell", {"why_not": "no such kernel"}, file)
    assert not records.is_done("rows", "Haswell", file)
    records.store("rows", "Haswell", {"tests": COUNT}, file)
    assert records.is_done("rows", "Haswell", file)


def test_the_page_has_a_line_for_each_row_run_or_not(build, tmp_path, monkeypatch):
    entry = {"commit": "abc", "date": "2026-01-02", "on": "a machine"}
    stored = {
        "rows": {
            "Haswell": entry | {"found": FOUND, "tests": COUNT, "chapters": COUNT},
            "Nehalem": entry | {"found": FOUND, "tests": COUNT | {"failed": 2}, "chapters": COUNT},
            "oldest": entry | {"found": FOUND, "tests": COUNT},
            "Zen": entry | {"why_not": "no such kernel"},
        },
        "reseeds": {
            "1": entry | {"chapters": {"02_flow": []}},
            "2": entry | {"chapters": {"02_flow": ["cell 3 raised ValueError: x"]}},
        },
    }
    monkeypatch.setattr("book.verified.read", lambda *_: stored)
    texts, warnings, _ = build(tmp_path, page="# A\n\n```{verified} rows\n```\n\n```{verified} reseeds\n```\n")
    assert warnings == ""
    text = " ".join(texts["page"].split())
    assert "OpenBLAS kernel Haswell ✓ all pass 5 passed, 1 skipped" in text
    assert "OpenBLAS kernel Nehalem ✗ some fail 5 passed, 2 failed, 1 skipped" in text
    assert "○ not run: no such kernel" in text
    assert "02_flow: cell 3 raised ValueError: x" in text
    assert text.count("○ not yet run") == len(ROWS) - 4


def test_an_interpreter_that_cannot_be_had_is_said_so(monkeypatch):
    def fail(*arguments):
        raise NotRun("no network")

    monkeypatch.setattr("commands.everywhere.environments._call", fail)
    with pytest.raises(NotRun, match=r"no Python 3\.99 here.*no network"):
        find_python("3.99")


def drawn(shift, code):
    """What `code` prints in a process whose seeds are shifted."""
    variables = os.environ | {"SRBM_SEED_SHIFT": str(shift), "PYTHONPATH": str(HERE)}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    return done.stdout


DRAWS = {
    "generator": "import numpy as np; print(np.random.default_rng(5).random())",
    "a sequence": "import numpy as np; print(np.random.default_rng([18, 2]).random())",
    "an argument": "from srbm import FreeScalarField; print(FreeScalarField(4, 1.0).sample(1, rng=3))",
    "random_state": "from scipy import stats; print(stats.ortho_group.rvs(3, random_state=17))",
    "children": "import numpy as np; print(np.random.default_rng(np.random.SeedSequence(3).spawn(2)[1]).random())",
}


@pytest.mark.parametrize("code", DRAWS.values(), ids=DRAWS)
def test_seeds_are_shifted_wherever_they_are_given(code):
    one, other = drawn(1, f"{code}\n{code}"), drawn(2, code)
    first, second = one[: len(one) // 2], one[len(one) // 2 :]
    assert first == second  # equal seeds stay equal
    assert len({first, other, drawn(0, code)}) == 3


def test_the_processes_of_a_sweep_draw_the_same_as_one():
    code = (
        "from srbm import sweep\ndef draw(case, rng): return rng.random()\n"
        "print(sweep(draw, [1, 2, 3], seed=18) == sweep(draw, [1, 2, 3], seed=18, n_jobs=2))"
    )
    assert drawn(1, code) == "True\n"


def test_seeds_that_count_up_do_not_meet_shifted_ones():
    code = "import numpy as np; print([int(np.random.default_rng(seed).integers(2**60)) for seed in range(20)])"
    draws = [json.loads(drawn(shift, code)) for shift in range(3)]
    assert len({number for one in draws for number in one}) == 60


def test_a_verdict_that_hangs_on_a_seed_is_found(tmp_path):
    """Three cells: a verdict that holds for any seed, one that does not, an assertion that does not."""
    show = "display({{'text/plain': 'x'}}, raw=True, metadata={{'srbm': {{'key': '{}', 'verdict': str({})}}}})"
    head = "import numpy as np\nfrom IPython.display import display\nx = np.random.default_rng(5).random()\n"
    number = float(drawn(0, DRAWS["generator"]))
    cells = [
        head + show.format("x-any", "0 <= x < 1"),
        show.format("x-one", f"x == {number!r}"),
        f"assert x == {number!r}, 'not the seed of old'",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    for cell, key in zip(notebook.cells[:2], ("x-any", "x-one"), strict=True):
        metadata = {"srbm": {"key": key, "verdict": "True"}}
        cell.outputs = [nbformat.v4.new_output("display_data", {"text/plain": "x"}, metadata=metadata)]
    path = tmp_path / "02_tiny.ipynb"
    nbformat.write(notebook, path)
    assert reseeded(path, 0) == []
    assert reseeded(path, 1) == [
        "cell 2, x-one: True became False",
        "cell 3 raised AssertionError: not the seed of old",
    ]


def test_only_the_error_that_a_cell_is_there_to_raise_is_none():
    def raising(name):
        error = nbformat.v4.new_output("error", ename=name, evalue="another number", traceback=[])
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("f()", outputs=[error])])

    assert changes(raising("ValueError"), raising("ValueError")) == []
    assert changes(raising("ValueError"), raising("TypeError")) == ["cell 1 raised TypeError: another number"]
    quiet = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("f()")])
    assert changes(raising("ValueError"), quiet) == ["cell 1 no longer raises ValueError"]


def test_a_judge_that_changes_its_mind_is_found():
    def cell(verdict):
        data = {"text/plain": verdict, "text/html": f'<div class="judged right">{verdict}</div>'}
        return nbformat.v4.new_code_cell("judge_1_1(f)", outputs=[nbformat.v4.new_output("display_data", data)])

    right, wrong = (nbformat.v4.new_notebook(cells=[cell(text)]) for text in ("Right.", "Not yet: 2"))
    assert changes(right, right) == []
    assert changes(right, wrong) == ["cell 1, exercise 1: Right. became Not yet: 2"]
