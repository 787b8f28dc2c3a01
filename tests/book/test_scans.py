"""The scan of Figure 19, which has its own stack of trainings, is what the package computes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from results import freezing_scan
from srbm import PCD, FreeScalarField, ScalarRBM, StepDecay, train

MANY = 10**9  # so many chains that hardly any noise is left


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(freezing_scan, "EPOCHS", 300)
    return freezing_scan.frozen(MANY)


def package(rate, every):
    starts = [ScalarRBM.random(10, 10, freezing_scan.START, rng=seed) for seed in range(freezing_scan.RUNS)]
    return train(
        starts,
        FreeScalarField(10, 4.0).propagator,
        300,
        StepDecay(rate, 0.99, every),
        PCD(MANY, 1),
        learn_mass=True,
        record_every=300,
        rng=0,
    )


@pytest.mark.parametrize("index", [0, 2, 5])
def test_the_scan_is_the_training_of_the_package(short, index):
    training = package(freezing_scan.RATES[index], 128)
    for scanned, own in zip(
        short, (training.eigenvalues, training.singular_values, training.mass_squared), strict=True
    ):
        assert_allclose(scanned[index], own[-1], rtol=2e-3, atol=1e-3)


def test_another_schedule_is_noticed(short):
    training = package(freezing_scan.RATES[5], 12)
    assert np.abs(short[2][5] / training.mass_squared[-1] - 1).max() > 2e-3
