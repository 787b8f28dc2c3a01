"""The table of how many digits are right: a part of it is made again, and worse formulas do not pass."""

import json

import numpy as np
import pytest

from book import verified
from results import accuracy
from srbm import FreeScalarField, kl_divergence, mode_trajectory

STORED = json.loads(accuracy.FILE.read_text(encoding="utf-8"))


def worst(quantity, number=40, seed=99):
    """The largest error in units of what the last bits of the arguments do."""
    return max(error / moved for error, moved, _ in accuracy.measured(quantity, number, seed))


@pytest.mark.parametrize("name", accuracy.QUANTITIES)
def test_the_digits_are_right(name):
    quantity = accuracy.QUANTITIES[name]
    assert worst(quantity) < quantity.bound
    stored = STORED[name]
    assert (stored["what"], stored["over"]) == (quantity.what, quantity.over)
    assert stored["share"] < quantity.bound
    assert stored["median"] <= stored["worst"]


def test_the_stored_rows_are_those_that_are_measured():
    assert list(STORED) == list(accuracy.QUANTITIES)
    again = accuracy.entry(accuracy.QUANTITIES["truncated_kl"], 20, list(STORED).index("truncated_kl"))
    assert again["worst"] < 4 * STORED["truncated_kl"]["worst"]  # the first of the stored ones


def by_determinant(weights, mass):
    kernel = mass * np.eye(3) - weights @ weights.T
    return [(3 * np.log(2 * np.pi) - np.log(np.linalg.det(kernel) * (1 + 1e-6))) / 2]


WORSE = {
    "log_partition": by_determinant,
    "spectrum": lambda weights, mass: np.linalg.eigvalsh(mass * np.eye(3) - weights @ weights.T) * (1 + 1e-13),
    "kl_divergence": lambda first, second: [kl_divergence(first, second) * (1 + 1e-13)],
    "truncated_kl": lambda kappa, mass: [(mass / kappa - 1 - np.log(mass / kappa)) / 2],
    "rates": lambda kappa, mass: [2 * (mass / kappa / kappa - 1 / kappa), 1 / (mass / kappa / kappa - 1 / kappa)],
    "trajectory": lambda kappa, mass, start, time: mode_trajectory(kappa, mass, start * (1 - 1e-13), [time]),
    "maximum_likelihood": lambda C: accuracy.our_best(C * (1 + 1e-12)),
    "lattice": lambda mass, sites: np.sort(mass + 2 - 2 * np.cos(2 * np.pi * np.arange(sites) / sites))[[0, 1, -1]],
}


@pytest.mark.parametrize("name", accuracy.QUANTITIES)
def test_a_worse_formula_is_found(name):
    quantity = accuracy.QUANTITIES[name]
    assert worst(quantity._replace(ours=WORSE[name])) > quantity.bound


def test_the_oracle_of_a_lattice_is_its_definition():
    np.testing.assert_allclose(
        accuracy.our_lattice(0.5, 7.0), FreeScalarField(7, 0.5).eigenvalues[[0, 1, 6]], rtol=1e-15
    )


def test_the_table():
    lines = verified.accuracy_table(STORED)
    assert len(lines) == len(STORED) + 3
    assert "where" in lines[0]
    assert all(STORED[name]["where"] in line for name, line in zip(STORED, lines[2:-1], strict=True))
