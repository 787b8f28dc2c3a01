"""Every requirement is listed, used, and under a licence that permits it; the core needs none but NumPy and SciPy."""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from datetime import date
from pathlib import Path

import pytest

from book.dependencies import (
    PERMITTED,
    ROOT,
    Requirement,
    asked,
    declared,
    requirements,
)
from commands.releases import last_release, renewed


def test_the_list_is_complete():
    assert sorted(one.name for one in declared()) == sorted(requirements())


@pytest.mark.parametrize("one", declared(), ids=lambda one: one.name)
def test_each_is_used_and_permitted(one):
    assert one.text in (ROOT / one.file).read_text(encoding="utf-8"), f"{one.name} is not used where the list says"
    assert one.licences, f"{one.name} states no licence that is known"
    assert set(one.licences) <= PERMITTED
    assert one.version
    assert one.purpose.endswith(".")


@pytest.mark.parametrize("one", declared(), ids=lambda one: one.name)
def test_each_is_maintained(one):
    assert one.released <= asked()
    assert (asked() - one.released).days < 3 * 365, f"{one.name}: no release for three years, look for another"


def test_release_dates_are_renewed():
    page = json.dumps({"files": [{"upload-time": "2024-03-04T14:36:58Z"}, {"upload-time": "2023-09-21T10:00:00.1Z"}]})
    assert last_release(page) == date(2024, 3, 4)
    text = 'asked = 2020-01-01\n\n[a]\nfor = "x"\nreleased = 2019-01-01\n\n[a-b]\nfor = "y"\nreleased = 2019-01-01\n'
    new = tomllib.loads(renewed(text, {"a": last_release(page)}, date(2026, 1, 2)))
    assert new["asked"] == date(2026, 1, 2)
    assert [new[name]["released"] for name in ("a", "a-b")] == [date(2024, 3, 4), date(2019, 1, 1)]


def test_a_licence_that_is_not_permitted_is_seen(monkeypatch):
    class About(dict):
        def get_all(self, name, default):
            return default

    for stated, found in (("GPL-3.0-or-later", ["GPL"]), ("MIT", ["MIT"]), ("unheard of", []),
                          ("BSD-3-Clause AND 0BSD", ["0BSD", "BSD"])):
        monkeypatch.setattr("book.dependencies.metadata.metadata",
                            lambda _, stated=stated: About({"License-Expression": stated}))
        assert Requirement("x", "", "", "", date.today()).licences == found


def test_extras_name_requirements():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {name for names in extras.values() for name in names if not name.startswith("srbm")}
    assert {"matplotlib", "pooch", "scikit-learn", "tqdm", "threadpoolctl"} <= named
    large = {"gpu", "bench"}  # these bring PyTorch, gigabytes of it
    assert set(extras) == {"all"} | large | {extra for name in extras["all"] for extra in name[5:-1].split(",")}


CORE = """
import importlib.util, importlib.metadata, sys
for name in ("matplotlib", "sklearn", "pooch", "tqdm", "threadpoolctl", "ipywidgets", "sphinx"):
    assert importlib.util.find_spec(name) is None, name
import numpy as np
import srbm
assert "site-packages" in srbm.__file__ and sys.prefix in srbm.__file__, srbm.__file__
assert importlib.util.find_spec("srbm.plotting") is not None
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
    import srbm.plotting
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

    source = tmp_path / "source"
    source.mkdir()
    for name in ("srbm", "pyproject.toml", "README.md", "LICENSE"):
        (source / name).symlink_to(ROOT / name)
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", tmp_path, source)
    wheel, = tmp_path.glob("srbm-*.whl")
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
