"""Troubleshooting shows every exception of the package, and nbval compares what it shows with what is raised."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

import srbm
from commands.hygiene import RAISES
from commands.normalise import dumps, normalise

PAGE = Path(__file__).parents[2] / "chapters" / "troubleshooting.ipynb"


@pytest.fixture(scope="module")
def cells():
    return nbformat.read(PAGE, as_version=4).cells


def test_each_error_has_a_heading_before_and_an_advice_behind_it(cells):
    raising = [index for index, cell in enumerate(cells) if RAISES in cell.metadata.get("tags", [])]
    assert len(raising) > 20
    for index in raising:
        (error,) = cells[index].outputs
        assert 20 < len(error.evalue) < 400
        *_, heading = cells[index - 1].source.splitlines()
        assert heading.startswith("### ")
        advice, *_ = cells[index + 1].source.splitlines()
        assert advice.endswith(".")


def test_every_exception_of_the_package_is_met(cells):
    met = {output.ename for cell in cells for output in cell.get("outputs", []) if output.output_type == "error"}
    assert {name for name in srbm.__all__ if name.endswith(("Error", "Interrupted"))} <= met


def test_nbval_notices_another_message_and_a_cell_that_raises_nothing(tmp_path):
    """The first cell does what is stored, the others do not."""
    stored = v4.new_output("error", ename="ValueError", evalue="3 is too small", traceback=[])
    sources = [
        "raise ValueError('3 is too small')",
        "raise ValueError('2 is too small')",
        "raise TypeError('3 is too small')",
        "3",
    ]
    notebook = normalise(
        v4.new_notebook(
            cells=[
                v4.new_code_cell(source, outputs=[dict(stored)], execution_count=1, metadata={"tags": [RAISES]})
                for source in sources
            ]
        )
    )
    (tmp_path / "02_flow.ipynb").write_text(dumps(notebook))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", "--nbval",
         "--nbval-current-env", str(tmp_path)], capture_output=True, text=True, check=False, cwd=tmp_path)  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout
    assert "3 failed" in done.stdout, done.stdout
