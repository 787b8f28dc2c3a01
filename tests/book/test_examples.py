"""The examples of the README and of the API page run as printed; the citation is of this version."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

import srbm

ROOT = Path(__file__).parents[2]


def blocks(name):
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)


def test_the_readme(capsys):
    solving, training, _ = blocks("README.md")
    assert len(solving.splitlines()) <= 12  # ten lines and two imports
    scope = {}
    exec(solving, scope)
    exec(training, scope)
    printed = capsys.readouterr().out
    assert "N_h = 10" in printed
    assert "log-likelihood" in printed
    assert scope["samples"].shape == (1000, 20)
    optimum, trained = scope["rbm"].log_likelihood(scope["C"]), scope["training"].log_likelihood[-1]
    assert optimum - 0.05 < trained < optimum
    assert np.isfinite(scope["training"].eigenvalues).all()


@pytest.mark.parametrize("n", [6, 10, 40])
@pytest.mark.parametrize("wrong", [False, True])
def test_how_it_works_is_how_it_works(n, wrong):
    """The loop of the README is `train` with explicit chains, bit for bit; another number of sweeps is not."""
    loop = blocks("README.md")[2]
    start = srbm.ScalarRBM.random(n, n - 2, 9.0, rng=0)
    C = srbm.FreeScalarField(n, 4.0).propagator
    C = (C + C.T) / 2
    (N_v, N_h), B, k, rate = start.weights.shape, 20, 3, 0.05
    scope = {
        "np": np,
        "rng": np.random.default_rng(1),
        "C": C,
        "W": start.weights,
        "mu2": 9.0,
        "B": B,
        "N_v": N_v,
        "N_h": N_h,
        "k": k + wrong,
        "rate": rate,
        "epochs": 10,
    }
    exec(loop, scope)
    training = srbm.train(start, C, 10, rate, srbm.PCD(B, k, method="explicit"), rng=1)
    assert training.method == "explicit"
    assert np.array_equal(training.model.weights, scope["W"]) is not wrong


def test_the_floor_plan_names_what_is_there():
    """Every module that ARCHITECTURE.md names exists, and every module but the old names is named."""
    plan = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("## A training")[0]
    modules = {
        path.stem
        for path in (ROOT / "srbm").rglob("*.py")
        if not path.stem.startswith("_") and "The old name of" not in path.read_text(encoding="utf-8")
    }
    support = {path.stem for path in (ROOT / "srbm" / "_support").glob("*.py")}
    assert not [name for name in modules - support if not re.search(rf"\b{name}\b", plan)]
    for folder in ("training", "chains", "figures", "_support"):
        assert f"  {folder}/" in plan


def test_the_api_page(capsys):
    pytest.importorskip("sklearn")
    (example,) = blocks("chapters/api.md")
    scope = {}
    exec(example, scope)
    assert "nats lost" in capsys.readouterr().out
    best, trained = scope["best"].log_likelihood(scope["C"]), scope["training"].log_likelihood[-1]
    assert best - 0.01 < trained < best
    assert scope["figure"].axes


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == srbm.__version__
    assert citation["preferred-citation"]["doi"] == "10.1103/PhysRevD.109.034521"
