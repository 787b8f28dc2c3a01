"""Cells that run without Jupyter, and how they are compared; one real cell where WebAssembly is installed."""

import json
import linecache

import nbformat
import pytest

from book import verified
from commands import wasm, wasm_guest
from commands.everywhere.environments import NotRun


@pytest.fixture
def ran(monkeypatch):
    """The function that runs cells as the guest does, in this interpreter."""
    monkeypatch.setattr("sys.displayhook", wasm_guest.show)
    return lambda *sources: list(wasm_guest.run_cells(sources, {}))


def cell(source="", shown="", *tags):
    return wasm.Cell(f"cell 1 ({source!r})", source, shown, tags)


def result(printed="", stderr="", error=None, raised=None):
    return {"printed": printed, "stderr": stderr, "raised": raised, "error": error, "seconds": 0.0}


def test_a_cell_prints_and_shows_its_last_expression(ran):
    first, second, third = ran("x = 2\nprint('two')\nx + 1", "x\nNone", "for x in [1]:\n    x")
    assert first["printed"] == "two\n3\n"
    assert second["printed"] == ""
    assert third["printed"] == ""
    assert [one["error"] for one in (first, second, third)] == [None] * 3


def test_a_picture_is_drawn_although_only_its_text_is_kept(ran):
    (one,) = ran("class P:\n    def _repr_png_(self): print('drawn')\n    def __repr__(self): return '<figure>'\nP()")
    assert one["printed"] == "drawn\n<figure>\n"


def test_an_exception_ends_a_cell_and_no_more(ran):
    first, second = ran("y = 1\nprint('before')\ny / 0\nprint('after')", "y")
    assert first["printed"] == "before\n"
    assert "y / 0" in first["error"]  # the line of the cell
    assert "ZeroDivisionError" in first["error"]
    assert first["raised"] == "ZeroDivisionError: division by zero"
    assert second["printed"] == "1\n"
    assert "<code cell 1>" in linecache.cache


def test_warnings_are_noticed(ran):
    (one,) = ran("import sys\nprint('beware', file=sys.stderr)")
    assert one["stderr"] == "beware\n"


def test_what_is_stored_is_read_as_a_terminal_shows_it():
    outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="a\n"),
        nbformat.v4.new_output("display_data", data={"text/plain": "a verdict", "text/html": "<b>"}),
        nbformat.v4.new_output("execute_result", data={"text/plain": "<figure>", "image/png": "..."}),
    ]
    code = nbformat.v4.new_code_cell("# a\nf()", outputs=outputs, metadata={"tags": ["fig-1"]})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("text"), code])
    (one,) = wasm.code_cells(json.loads(nbformat.writes(notebook)))
    assert one == wasm.Cell("cell 2 ('# a')", "# a\nf()", "a\na verdict\n<figure>\n", ("fig-1",))


@pytest.mark.parametrize(
    ("stored", "came", "said"),
    [
        ("0.74\n", result("0.73\n"), "- 0.74\n+ 0.73\n"),
        ("a\n0.74\n", result("a\n"), "- 0.74\n"),
        ("a\n", result("a"), "- a\n+ a (no end of line)\n"),
        ("a\n", result("a\n", stderr="a warning"), "wrote to stderr:\na warning"),
        ("a\n", result("a\n", error="KeyError: 3"), "KeyError: 3"),
    ],
)
def test_what_differs_is_shown(stored, came, said):
    report = wasm.compare("02_flow", [cell("f()", stored)], [came])
    assert report.different == {"cell 1 ('f()')": said}
    assert report.same == 0
    assert said.splitlines()[0] in str(report)


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (result(error="Traceback ...", raised="KeyError: 3"), None),
        (result(error="Traceback ...", raised="KeyError: 4"), "- KeyError: 3\n+ KeyError: 4\n"),
        (result(), "- KeyError: 3\n"),
    ],
)
def test_what_a_cell_is_there_to_raise_is_compared(came, said):
    code = cell("f()", wasm.shown([nbformat.v4.new_output("error", ename="KeyError", evalue="3")]), "raises-exception")
    report = wasm.compare("troubleshooting", [code], [came])
    assert report.different == ({} if said is None else {"cell 1 ('f()')": said})


def test_what_is_the_same_is_counted():
    report = wasm.compare("02_flow", [cell("a", "1\n"), cell("b")], [result("1\n"), result()])
    assert (report.same, report.skipped, report.different) == (2, {}, {})


def test_cells_that_were_not_reached_are_different():
    cells = [cell("a", "1\n"), wasm.Cell("cell 2 ('b')", "b", "", ())]
    report = wasm.compare("02_flow", cells, [result("1\n")], "out of memory")
    assert report.different == {"cell 2 ('b')": "did not run: out of memory"}


@pytest.mark.parametrize(("came", "skipped"), [(result(error="OSError"), True), (result("ok\n"), False)])
def test_a_listed_cell_must_fail(monkeypatch, came, skipped):
    monkeypatch.setattr(wasm, "BEYOND_A_SANDBOX", {"02_flow": {"Client(": "it starts processes"}})
    report = wasm.compare("02_flow", [cell("Client(2)", "ok\n")], [came])
    name = "cell 1 ('Client(2)')"
    assert report.skipped == ({name: "it starts processes"} if skipped else {})
    if not skipped:
        assert "take it off the list" in report.different[name]


def test_the_lists_name_what_there_is():
    for chapter, listed in wasm.BEYOND_A_SANDBOX.items():
        notebook = json.loads((wasm.CHAPTERS / f"{chapter}.ipynb").read_text(encoding="utf-8"))
        for fragment in listed:
            assert sum(fragment in cell.source for cell in wasm.code_cells(notebook)) == 1, f"{chapter}: {fragment}"
    for name in wasm.TESTS_BEYOND_A_SANDBOX:
        file, _, test = name.partition("::")
        assert test.partition("[")[0] in (wasm.ROOT / file).read_text(encoding="utf-8"), name


def test_without_an_interpreter_it_says_what_to_do(tmp_path):
    with pytest.raises(NotRun, match="make wasm"):
        wasm.run("1", tmp_path, environment=tmp_path / "nothing")


def test_the_row_sums_over_the_chapters():
    found = {"python": "3.15.0"}
    one = {
        "found": found,
        "passed": 5,
        "failed": 1,
        "skipped": 2,
        "seconds": 3,
        "memory": 250,
        "failures": ["cell 4"],
        "reasons": {"cell 7": "it starts processes", "cell 8": "it starts processes"},
    }
    two = one | {"failed": 0, "failures": [], "reasons": {}, "skipped": 0}
    tests = {"passed": 100, "failed": 0, "skipped": 3, "seconds": 60, "memory": 400, "failures": []}
    entries = {"unit tests": tests, "01_first": one, "02_second": two}
    row = wasm.row(entries)
    assert row["found"] == found
    assert row["chapters"] == {"passed": 10, "failed": 1, "skipped": 2, "seconds": 6, "failures": ["01_first: cell 4"]}
    assert row["tests"]["passed"] == 100
    lines = verified.wasm_table({"wasm32": entries})
    assert "| unit tests | 100 | ✓ none | 3 | 60 s | 400 MB |" in lines
    assert "| 01_first | 5 | ✗ cell 4 | 2: it starts processes | 3 s | 250 MB |" in lines


def test_one_cell_under_webassembly(tmp_path, monkeypatch):
    if not (wasm.ENVIRONMENT / "cache").exists():
        pytest.skip("no Python for WebAssembly that has run before: `make wasm` installs it")
    source = (
        "import sys\nimport numpy as np\nfrom srbm import FreeScalarField\n"
        "print(sys.platform, sys.maxsize == 2**31 - 1, np.intp(0).nbytes)\n"
        "len(FreeScalarField(3, 4.0).eigenvalues)"
    )
    code = nbformat.v4.new_code_cell(source, outputs=[nbformat.v4.new_output("stream", text="wasi True 4\n3\n")])
    monkeypatch.setattr(wasm, "CHAPTERS", tmp_path)
    nbformat.write(nbformat.v4.new_notebook(cells=[code]), tmp_path / "02_flow.ipynb")
    report, entry = wasm.run_chapter("02_flow")
    assert str(report) == "02_flow: 1 cells as stored, 0 skipped, 0 different"
    assert entry["passed"] == 1
    assert entry["found"]["bits"] == 32
