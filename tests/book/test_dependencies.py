"""Every requirement is listed, used, and under a licence that permits it; the core needs none but NumPy and SciPy."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from datetime import date
from pathlib import Path

import pytest

from book.dependencies import LICENCES, ROOT, asked, declared, licences, requirements, vendored
from commands.dist import build_wheel
from commands.releases import last_release, renewed

PERMITTED = (
    "MIT", "MIT License", "MIT-0", "MIT-CMU", "MIT OR Apache-2.0", "MIT AND PSF-2.0",
    "BSD", "BSD License", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
    "Apache 2.0", "Apache-2.0", "Apache Software License", "Apache License, Version 2.0", "Apache-2.0 OR BSD-2-Clause",
    "Apache-2.0 AND BSD-2-Clause", "Apache-2.0 AND BSD-2-Clause AND BSD-3-Clause AND ISC AND MIT",
    "ISC License (ISCL)", "PSF-2.0", "Python Software Foundation License",
    "MPL-2.0", "MPL-2.0 AND MIT", "Mozilla Public License 2.0 (MPL 2.0)",
)  # fmt: skip
"""Licences, as packages name them, under which one can be used by a program that is under the MIT licence: none asks
for more than a notice. Of a package with several at least one must be here."""
OURS = ("srbm", "srbm_book", "book", "commands", "results", "benchmarks", "chapters", "tests", "wasm_guest",
        *(path.stem for path in (ROOT / "chapters").glob("*.py")))  # fmt: skip
OPTIONAL = ("torch", "jax", "array_api_compat", "rbms")
"""Imported where they are installed: graphics processors, peers of the benchmarks."""


def test_the_list_is_complete():
    assert sorted(one.name for one in declared()) == sorted(requirements())


def imports_against(folder, lines):
    """What deptry says of all imports in the repository and these lines of a requirements.in."""
    (folder / "requirements.in").write_text("\n".join(lines))
    (folder / "empty.toml").touch()  # deptry would take the requirements of the package from pyproject.toml
    allowed = {
        "DEP001": OPTIONAL,
        "DEP002": [one.name for one in declared() if one.used],
        "DEP003": ["cycler", "traitlets", "websocket"],
    }  # which come with matplotlib, anywidget and the notebook server
    done = subprocess.run(
        [sys.executable, "-m", "deptry", ".", f"--config={folder / 'empty.toml'}", "--no-ansi",
         f"--requirements-files={folder / 'requirements.in'}", "--exclude=_build|student|\\.",
         *(f"--known-first-party={name}" for name in OURS),
         "--per-rule-ignores=" + ",".join(f"{rule}={'|'.join(names)}" for rule, names in allowed.items())],
        capture_output=True, text=True, cwd=ROOT)  # fmt: skip
    return [line for line in done.stderr.splitlines() if " DEP00" in line]


def test_what_is_imported_is_required_and_what_is_required_is_used(tmp_path):
    assert imports_against(tmp_path, requirements()) == []


@pytest.mark.parametrize(("lines", "said"), [
    ([name for name in requirements() if name != "mpmath"], "DEP003 'mpmath'"),
    ([*requirements(), "tornado"], "DEP002 'tornado'"),
], ids=["not required", "not used"])  # fmt: skip
def test_another_list_is_noticed(tmp_path, lines, said):
    assert all(said in line for line in imports_against(tmp_path, lines))
    assert imports_against(tmp_path, lines)


@pytest.mark.parametrize("one", declared(), ids=lambda one: one.name)
def test_each_has_a_version_and_a_purpose_and_is_maintained(one):
    assert one.version or sys.platform != "linux"  # where all are installed
    assert one.purpose.endswith(".")
    assert one.released <= asked()
    assert (asked() - one.released).days < 3 * 365, f"{one.name}: no release for three years, look for another"


@pytest.mark.parametrize("one", [one for one in declared() if one.used], ids=lambda one: one.name)
def test_what_is_not_imported_is_used_where_the_list_says(one):
    file, text = one.used.split(": ", 1)
    assert text in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("one", vendored(), ids=lambda one: one.name)
def test_what_is_vendored_is_there_with_its_licence(one):
    folder = ROOT / one.folder
    assert one.licence in ("ISC", "OFL-1.1", *PERMITTED)
    assert (folder / "LICENSE").is_file()
    file = {
        "mathjax": "startup.js",
        "@mathjax/mathjax-stix2-font": "chtml.js",
        "@fontsource/stix-two-text": "package.json",
    }.get(one.name)
    (script,) = (folder / file,) if file else folder.glob(f"{one.name}-*.js")
    text = script.read_text(encoding="utf-8")
    assert f'"{one.version}"' in text if file else f"/{one.name}/ v{one.version} Copyright" in text
    assert one.purpose.endswith(".")


def test_nothing_else_is_vendored():
    listed = {f"{one.name}-{one.version}.min.js" for one in vendored()}
    assert {path.name for path in (ROOT / "srbm_book/live/vendor").glob("*.js")} <= listed
    folders = {ROOT / one.folder for one in vendored()}
    assert {path for path in (ROOT / "book/vendor").iterdir() if path.is_dir()} <= folders


def judged(permitted):
    """pip-licenses on all packages of requirements.txt that are installed."""
    only = ["--allow-only", ";".join(permitted), "--packages", *requirements("requirements.txt")]
    return subprocess.run([*LICENCES, *only], capture_output=True, text=True)


def test_the_licence_of_every_package_is_permitted():
    assert judged(PERMITTED).returncode == 0, judged(PERMITTED).stderr
    assert licences()["numpy"] in PERMITTED


def test_a_licence_that_is_not_permitted_is_seen():
    assert "not in allow-only licenses" in judged([name for name in PERMITTED if "MPL" not in name]).stderr


def test_all_locks_keep_to_the_constraints():
    """One that was made before the constraint was written would not."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    for name, below in (constraint.split("<") for constraint in settings["constraint-dependencies"]):
        for file in ROOT.glob("requirements*.txt"):
            pinned = re.findall(rf"^{name}==(\d+)", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert all(int(version) < int(below) for version in pinned), file.name


def test_release_dates_are_renewed():
    page = json.dumps({"files": [{"upload-time": "2024-03-04T14:36:58Z"}, {"upload-time": "2023-09-21T10:00:00.1Z"}]})
    assert last_release(page) == date(2024, 3, 4)
    text = 'asked = 2020-01-01\n\n[a]\nfor = "x"\nreleased = 2019-01-01\n\n[a-b]\nfor = "y"\nreleased = 2019-01-01\n'
    new = tomllib.loads(renewed(text, {"a": last_release(page)}, date(2026, 1, 2)))
    assert new["asked"] == date(2026, 1, 2)
    assert [new[name]["released"] for name in ("a", "a-b")] == [date(2024, 3, 4), date(2019, 1, 1)]


def test_extras_name_requirements():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {name for names in extras.values() for name in names if not name.startswith("srbm")}
    assert {"matplotlib", "pooch", "scikit-learn", "tqdm", "threadpoolctl"} <= named
    large = {"gpu", "bench"}  # these bring PyTorch, gigabytes of it
    assert set(extras) == {"all", "book"} | large | {extra for name in extras["all"] for extra in name[5:-1].split(",")}


CORE = """
import importlib.util, importlib.metadata, sys
for name in ("matplotlib", "sklearn", "pooch", "tqdm", "threadpoolctl", "ipywidgets", "sphinx"):
    assert importlib.util.find_spec(name) is None, name
import numpy as np
import srbm
assert "site-packages" in srbm.__file__ and sys.prefix in srbm.__file__, srbm.__file__
assert importlib.util.find_spec("srbm.figures") is not None
field = srbm.FreeScalarField(6)
best = srbm.maximum_likelihood(field.propagator, 3)
start = srbm.ScalarRBM.random(6, 6, 9.0, rng=0)
training = srbm.train(start, field.propagator, 20, 0.1, srbm.PCD(16), rng=0, checkpoint=sys.argv[1])
assert srbm.Training.load(sys.argv[1]).resume(5).model.is_normalizable
assert srbm.mnist_correlation().shape == (784, 784)
print(srbm.recommend(field.propagator, 0.1))
def message(call):
    try:
        call()
    except (ImportError, srbm.DatasetError) as error:
        return str(error)
def plotting():
    import srbm.figures
print(message(plotting))
print(message(srbm.recommend(field.propagator, 0.1).plot))
print(message(srbm.load_digits))
print(message(lambda: srbm.train(start, field.propagator, 1, 0.1, progress=True)))
print(message(srbm.load_mnist))
from importlib.resources import files
assert files("srbm").joinpath("py.typed").is_file()
"""


@pytest.mark.slow
def test_the_wheel_works_with_numpy_and_scipy_alone(tmp_path):
    """Build it, install it into an empty environment that sees only NumPy and SciPy, and use it."""

    def run(*command, **options):
        result = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **options)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    wheel = build_wheel(tmp_path)
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    target = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", target, wheel)
    installed = Path(sysconfig.get_path("purelib"))
    for name in ("numpy", "numpy.libs", "scipy", "scipy.libs"):
        if (installed / name).exists():
            (Path(target) / name).symlink_to(installed / name)
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "SRBM_DATA")}
    shown = run(python, "-c", CORE, tmp_path / "run.npz", cwd=tmp_path, env=clean)
    hints = [line.partition("pip install ")[2].replace(",", ";").split(";")[0] for line in shown.splitlines()]
    assert [hint for hint in hints if hint] == ["matplotlib", "matplotlib", "scikit-learn", "tqdm", "pooch"]
    assert sorted(name.partition("-")[0] for name in os.listdir(target) if name.endswith(".dist-info")) == ["srbm"]
