"""The stored results of other array libraries: what they hold, and a part of them made again."""

import numpy as np
import pytest

from results import accelerators
from srbm import relaxation_rates

EPSILON = 0.2 * relaxation_rates(accelerators.FIELD.eigenvalues, accelerators.START.mass_squared)
ROUNDING = 10 * np.finfo(float).eps * accelerators.START.mass_squared / EPSILON.min()


@pytest.fixture(scope="module")
def stored():
    with np.load(accelerators.STORED, allow_pickle=False) as file:
        return dict(file)


def test_the_stored_results_are_those_of_the_script(stored):
    names = [str(name).partition("(")[0] for name in stored["strategies"]]
    assert names == [type(strategy).__name__ for strategy in accelerators.STRATEGIES]
    assert stored["eigenvalues"].shape == (len(stored["places"]), 4, accelerators.EPOCHS // accelerators.EVERY + 1, 10)
    assert accelerators.STORED.stat().st_size < 100_000


def test_numpy_agrees_with_the_first_epochs(stored):
    for index, strategy in enumerate(accelerators.STRATEGIES):
        here = accelerators.spectra(strategy, epochs=100)
        assert np.abs(stored["eigenvalues"][:, index, : len(here)] - here).max() < ROUNDING
        if index:  # another strategy is another trajectory
            assert np.abs(stored["eigenvalues"][:, index - 1, : len(here)] - here).max() > 1e-3


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_the_libraries_make_it_again(stored, library):
    pytest.importorskip(library, reason=f"{library} is not installed")
    places = dict(getattr(accelerators, f"{library}_places")())
    assert places
    for place in places.values():
        for index in (0, 2):
            again = accelerators.spectra(accelerators.STRATEGIES[index], place, epochs=60)
            assert np.abs(stored["eigenvalues"][:, index, : len(again)] - again).max() < ROUNDING
        np.testing.assert_array_equal(accelerators.moments(place), accelerators.moments())
