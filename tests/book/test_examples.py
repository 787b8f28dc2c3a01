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
    solving, training = blocks("README.md")
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
