"""The colophon tells what was recorded, and nothing that identifies one machine."""

import platform
import re
import subprocess

import pytest

from book import colophon
from commands.hygiene import MACHINE
from commands.machine import environment


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        return subprocess.run(["git", "-C", tmp_path, *who, *arguments], check=True, capture_output=True, text=True)

    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-qm", "one")
    git("tag", "v1")  # a tag does not hide the commit
    return tmp_path, git("rev-parse", "HEAD").stdout.strip()


def test_the_commit(repository):
    folder, head = repository
    assert head.startswith(colophon.commit(folder))
    (folder / "file").write_text("two")
    assert colophon.commit(folder) == f"{head[:12]} and uncommitted changes"


def test_sources_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert colophon.commit(tmp_path) is None


def test_the_environment_is_one_line_about_a_kind_of_machine():
    line = environment()
    assert f"Python {platform.python_version()}, NumPy" in line
    assert not MACHINE.search(line)
    assert "\n" not in line


def test_a_system_that_does_not_say_how_much_memory_it_has(monkeypatch):
    assert re.search(r"cores?, \d+ GB; ", environment())
    monkeypatch.delattr("os.sysconf")
    assert re.search(r"cores?; ", environment())


def test_the_execution_table():
    costs = {"01_a": {"seconds": 3, "memory": 100, "on": "machine one"},
             "02_b": {"seconds": 4, "memory": 300, "on": "machine two"},
             "03_c": {"seconds": 5, "memory": 200}}  # fmt: skip
    text = "\n".join(colophon.execution(costs))
    assert "| [](/chapters/02_b) | 4 | 300 | b |" in text
    assert "| [](/chapters/03_c) | 5 | 200 | not recorded |" in text
    assert "| **12** | **300** |" in text
    assert "b: machine two." in text


def test_versions_are_those_installed():
    assert colophon.versions("# a comment\nnumpy==0.0\n\npytest\nnot-installed-anywhere\n") == {
        "numpy": colophon.importlib.metadata.version("numpy"),
        "pytest": pytest.__version__,
    }


def test_the_directive(build, tmp_path):
    (tmp_path / "requirements.in").write_text("pytest\n")
    page = "# End\n\n" + "".join(f"```{{colophon}} {part}\n```\n\n" for part in ("commit", "execution", "versions"))
    texts, warnings, _ = build(tmp_path, **{"02_flow": page})
    assert warnings == ""
    assert "340" in texts["02_flow"]  # the memory in the costs.json of the tiny book
    assert f"pytest {pytest.__version__}" in texts["02_flow"]
