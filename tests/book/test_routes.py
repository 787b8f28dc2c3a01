"""What the README tells a reader to type is there to be typed: its commands are taken from it, not copied.

Four routes lead from it to a running chapter: `make`, the same without make, the installed package with a chapter that
was downloaded, and JupyterLab. The first two begin with an environment that takes minutes to make: that is done by the
workflow, with these commands. Of the third the package is installed here, and runs a chapter as the pages offer it for
download, beside the present requirements. The fourth is `tests/browser/test_routes.py`.
"""

import contextlib
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
import yaml

import tasks
from book.reader import write_copies
from commands.anywhere import CHAPTERS, differences, without_images
from commands.dist import build_wheel

ROOT = tasks.ROOT
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
TYPED = [line.partition("#")[0].strip() for language, text in BLOCKS if not language for line in text.splitlines()]
INLINE = re.findall(r"`([^`\n]+)`", README)
INSTALLS = [line for line in TYPED if line.startswith("pip ")]
DOWNLOADED = "10_interactions"  # the quickest to execute


def test_the_readme_has_the_routes():
    assert [line for line in TYPED if line.startswith("make ")] == ["make book", "make check", "make test"]
    assert {"python tasks.py book", "make lab"} <= set(INLINE)
    assert any("[book]" in line and "jupyterlab" in line for line in INSTALLS)
    assert {word.split()[0] for word in TYPED} == {"make", "pip"}


@pytest.mark.parametrize(
    "command", sorted({line for line in [*TYPED, *INLINE] if re.match(r"(make|python tasks\.py) \w", line)})
)
def test_every_command_is_a_task(command):
    name = command.removeprefix("python tasks.py ").removeprefix("make ").split()[0]
    assert name in (*tasks.TASKS, "help")


def test_the_workflow_walks_both_routes_from_a_fresh_clone():
    """With make and without, in environments that their first commands make; the chapters are executed on each."""
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8"))["jobs"]
    runs = {name: [step.get("run", "") for step in job["steps"]] for name, job in jobs.items()}
    assert "make test" in runs["test"]
    assert {"python tasks.py check", "python tasks.py notebooks"} <= set(runs["machines"])
    systems = jobs["machines"]["strategy"]["matrix"]["os"]
    assert {system.partition("-")[0] for system in systems} == {"ubuntu", "macos", "windows"}


@pytest.mark.parametrize("line", INSTALLS)
def test_what_is_installed_is_offered(line):
    """The extras are those of the package, and whatever they ask for is what the chapters are tested with."""
    optional = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {name for names in re.findall(r"\[(.*?)\]", line) for name in names.split(",")} <= set(optional)
    if "[book]" in line:
        words = shlex.split(line)[1:]
        options = ["--dry-run", "--no-index", "--no-build-isolation", "-q", "--disable-pip-version-check"]
        subprocess.run([sys.executable, "-m", "pip", *words, *options], cwd=ROOT, check=True)


def needed_by(*names):
    """The distributions that these need, as with `name[extra]` for one with an extra, and they themselves."""
    found, left = set(), [*names]
    while left:
        name, extras = re.match(r"([\w.-]+)(?:\[(.*?)\])?", left.pop()).groups(default="")
        wanted = {"", *extras.split(",")}
        lines = []
        with contextlib.suppress(metadata.PackageNotFoundError):  # those of other systems
            lines = metadata.requires(name) or []
        for extra in wanted - {known for one, known in found if one == name}:
            found.add((name, extra))
            left += [line for line in lines if "".join(re.findall(r"extra == ['\"](.*?)['\"]", line)) == extra]
    return {re.sub(r"[-_.]+", "-", name).lower() for name, _ in found}


def test_what_conda_installs_writes_the_copies():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    conda = yaml.safe_load(text)["dependencies"]
    assert "python -m commands.reading lab" in text
    (pip,) = (entry["pip"] for entry in conda if isinstance(entry, dict))
    assert ".[book]" in pip
    known = needed_by("srbm[book]", *(name for name in [*conda, *pip] if isinstance(name, str) and name[0].isalpha()))
    code = "import sys; old = set(sys.modules); import commands.reading; print(*(set(sys.modules) - old))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    modules = {name.partition(".")[0] for name in done.stdout.split()} - sys.stdlib_module_names
    owners = metadata.packages_distributions()
    wanted = {re.sub(r"[-_.]+", "-", owners[name][0]).lower() for name in modules if name in owners}
    assert {"sphinx", "nbformat"} <= wanted <= known


@pytest.mark.slow
def test_a_downloaded_chapter_runs_beside_the_wheel(tmp_path, monkeypatch):
    """As the pages offer it, in an empty folder. What the wheel requires is taken from the present environment."""
    installed, empty = tmp_path / "installed", tmp_path / "empty folder"
    wheel = build_wheel(tmp_path / "wheel")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", installed, wheel]
    subprocess.run(pip, check=True)
    monkeypatch.setenv("PYTHONPATH", str(installed))
    empty.mkdir()
    (path,) = (path for path in write_copies(CHAPTERS, tmp_path / "downloads") if path.stem == DOWNLOADED)
    assert differences(without_images(nbformat.read(path, as_version=4)), empty) == []
    assert list(empty.iterdir()) == []


def test_a_page_offers_what_is_downloaded():
    """`book.site_links` writes the same copies beside the pages."""
    assert "write_copies" in Path(ROOT, "book", "site_links.py").read_text(encoding="utf-8")
