"""Newton's method in a box, on functions whose minima are known."""

import numpy as np
import pytest

from srbm._support.newton import minimum_in_box

BOWL = np.array([[3.0, 1.0], [1.0, 2.0]])


def bowl(centre):
    def cost(x):
        return 0.5 * (x - centre) @ BOWL @ (x - centre), BOWL @ (x - centre), lambda: BOWL

    return cost


def test_a_quadratic_takes_one_step():
    calls = []

    def cost(x):
        calls.append(x)
        return bowl([0.3, -0.2])(x)

    x, value = minimum_in_box(cost, np.array([1.0, 1.0]), -5, 5)
    np.testing.assert_allclose(x, [0.3, -0.2], rtol=0, atol=1e-14)
    assert value == pytest.approx(0, abs=1e-28)
    assert len(calls) <= 3


def test_a_minimum_on_the_bound_is_that_of_the_others_there():
    x, _ = minimum_in_box(bowl([9.0, 0.0]), np.array([0.0, 0.0]), -5, 5)
    np.testing.assert_allclose(x, [5, 2], rtol=0, atol=1e-12)  # 1 (5 - 9) + 2 x_2 = 0


def test_it_leaves_what_curves_downwards():
    def cost(x):  # minima at +-1, a maximum at 0
        return ((x**2 - 1) ** 2).sum(), 4 * x * (x**2 - 1), lambda: np.diag(12 * x**2 - 4)

    x, value = minimum_in_box(cost, np.array([0.01, -0.2, 2.0]), -5, 5)
    np.testing.assert_allclose(x, [1, -1, 1], rtol=0, atol=1e-9)
    assert value < 1e-15


def test_steps_that_are_too_long_are_halved():
    def cost(x):  # Newton's method alone diverges from beyond 1.09
        return np.log(np.cosh(x)).sum(), np.tanh(x), lambda: np.diag(1 / np.cosh(x) ** 2)

    x, _ = minimum_in_box(cost, np.array([3.0, -2.0]), -5, 5)
    np.testing.assert_allclose(x, 0, rtol=0, atol=1e-9)
