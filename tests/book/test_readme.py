"""The README's example runs as printed, and ends at the optimum it names; the citation is of this version."""

import re
from pathlib import Path

import numpy as np
import yaml

import srbm

ROOT = Path(__file__).parents[2]


def test_the_example(capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    assert len(blocks[0].splitlines()) <= 12  # ten lines and two imports
    scope = {}
    for block in blocks:
        exec(block, scope)
    assert capsys.readouterr().out.count("nats") == 2
    assert scope["samples"].shape == (1000, 20)
    optimum, trained = scope["rbm"].log_likelihood(scope["C"]), scope["training"].log_likelihood[-1]
    assert optimum - 0.05 < trained < optimum
    assert np.isfinite(scope["training"].eigenvalues).all()


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == srbm.__version__
    assert citation["preferred-citation"]["doi"] == "10.1103/PhysRevD.109.034521"
