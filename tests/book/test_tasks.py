"""The tasks: what is refused before anything is installed, that nothing half-made stays, and that `make` has them."""

import ast
import inspect
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import tasks

ROOT = tasks.ROOT
AS_IF = """
import runpy, sys
sys.version_info = {}
sys.argv = ["tasks.py", *sys.argv[1:]]
runpy.run_path("tasks.py", run_name="__main__")
"""


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository, in a folder with a difficult name, that needs a package which is nowhere."""
    folder = tmp_path / "a clöne"
    folder.mkdir()
    shutil.copy(ROOT / "tasks.py", folder)
    (folder / "requirements.txt").write_text("srbm-needs-what-is-nowhere==1.0\n")
    (folder / "pyproject.toml").touch()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return folder


def try_task(clone, *words, version=None):
    code = AS_IF.format(version or "sys.version_info")
    return subprocess.run([sys.executable, "-c", code, *words], cwd=clone, capture_output=True, text=True)


@pytest.mark.parametrize("version", ["(3, 10, 4, 'final', 0)", "(3, 15, 0, 'alpha', 1)", "(3, 6, 9)"])
def test_an_unsuitable_python_is_refused_in_one_sentence(clone, version):
    done = try_task(clone, "book", version=version)
    shown = ".".join(version.strip("()").split(", ")[:2])
    assert done.returncode == 1
    assert re.fullmatch(
        rf"The book needs Python 3\.11 to 3\.14, and \S+ is {shown}: use another one, .*\n", done.stderr
    )
    assert not done.stdout
    assert not (clone / ".venv").exists()


@pytest.mark.slow
def test_nothing_half_made_stays(clone):
    done = try_task(clone, "check")
    assert done.returncode
    assert done.stdout.startswith("Making an environment in .venv: a download of some hundred megabytes")
    assert "removed" in done.stdout
    assert not (clone / ".venv").exists()


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """The commands that would be run; the environment is in a folder of its own, and so are the files it depends on."""
    commands = []

    def run(*command, **_):
        commands.append([str(word) for word in command])
        if "venv" in command:
            venv.create(command[-1], with_pip=False, symlinks=os.name != "nt")

    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    monkeypatch.setattr(tasks, "run", run)
    monkeypatch.setattr(tasks, "ROOT", tmp_path)
    monkeypatch.setattr(tasks, "VENV", tmp_path / ".venv")
    return commands


def test_an_environment_is_made_once_and_renewed_when_what_it_needs_changes(ran):
    tasks.prepare()
    assert ran[0][1:3] == ["-m", "venv"]
    assert len(ran) == 4
    tasks.prepare()
    assert len(ran) == 4
    changed = tasks.ROOT / "requirements.txt"
    os.utime(changed, (changed.stat().st_mtime + 60,) * 2)
    tasks.prepare()
    assert [command[1:4] for command in ran[4:]] == [command[1:4] for command in ran[1:4]]


@pytest.mark.parametrize("spoil", ["an old version", "no Python"])
def test_an_environment_that_cannot_be_used_is_made_again(ran, spoil):
    tasks.prepare()
    if spoil == "no Python":
        tasks.program(tasks.VENV).unlink()
    else:
        file = tasks.VENV / "pyvenv.cfg"
        file.write_text(re.sub(r"version = \S+", "version = 3.10.12", file.read_text()))
    tasks.prepare()
    assert [command[1:3] for command in ran].count(["-m", "venv"]) == 2
    assert tasks.made_with(tasks.VENV) == sys.version_info[:2]


def test_programs_are_found_on_every_system():
    place = Path("x")
    assert tasks.program(place, windows=False) == place / "bin" / "python"
    assert tasks.program(place, windows=True) == place / "Scripts" / "python.exe"
    assert tasks.program(place, "jupyter-book", windows=True).name == "jupyter-book.exe"


def test_an_old_python_can_read_the_file():
    ast.parse((ROOT / "tasks.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def test_tasks_are_listed_and_others_are_none(capsys):
    assert tasks.main([]) == 0
    listed = capsys.readouterr().out
    for name, function in tasks.TASKS.items():
        assert re.search(rf"^{name} +\w", listed, re.MULTILINE)
        assert len(inspect.getdoc(function).splitlines()) == 1
    assert tasks.main(["bok"]) == 1
    assert "There is no task bok" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="takes no such words: 03_training"):
        tasks.main(["check", "03_training"])


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
@pytest.mark.parametrize("name", tasks.TASKS)
def test_make_has_every_task(name):
    run = ["make", "--no-print-directory", "-n", name, "PYTHON=py"]
    shown = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert shown.split()[:3] == ["py", "tasks.py", name]


def test_the_versions_are_those_of_the_package_and_of_the_workflow():
    workflow = (ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={tasks.dotted(tasks.OLDEST)}"' in project
    for minor in range(tasks.OLDEST[1], tasks.NEWEST[1] + 1):
        assert f'"Programming Language :: Python :: 3.{minor}"' in project
        assert f'"3.{minor}"' in workflow
