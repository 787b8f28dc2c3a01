"""The noise floor: against the Lyapunov equation it solves, against training, and beyond its validity."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from srbm import (
    PCD,
    FreeScalarField,
    StepDecay,
    learning_rate_limit,
    noise_floor,
    relaxation_rates,
    sweeps_needed,
    symmetric_solution,
    train,
)


def by_lyapunov(kappa, mass_squared, rate, chains, steps, hidden_variance):
    """Oracle: the stationary covariance of (y, c) for each element of the kernel, solved as a 2 x 2 system."""
    steps_of_level = rate * relaxation_rates(kappa, mass_squared, hidden_variance)
    result = np.empty((len(kappa), len(kappa)))
    for i, j in np.ndindex(*result.shape):
        eps = steps_of_level[i, j]
        rho = (1 - kappa[i] / mass_squared) ** steps * (1 - kappa[j] / mass_squared) ** steps
        transition = np.array([[1 - eps * (1 - rho), eps * rho], [rho - 1, rho]])
        kick = np.array([eps, 1.0])
        noise = (1 + (i == j)) / chains * (1 - rho**2) * np.outer(kick, kick)
        result[i, j] = np.sqrt(solve_discrete_lyapunov(transition, noise)[0, 0])
    return result


@pytest.mark.parametrize("settings", [(9.0, 0.1, 128, 1, 1.0), (9.0, 1.5, 64, 2, 0.7), (40.0, 0.05, 512, 10, 2.0)])
def test_lyapunov(chain, settings):
    kappa = chain.eigenvalues
    mass_squared, rate, chains, steps, hidden_variance = settings
    floor = noise_floor(kappa, mass_squared, rate, chains, steps, hidden_variance)
    np.testing.assert_allclose(floor, by_lyapunov(kappa, *settings), rtol=1e-9)
    np.testing.assert_array_equal(floor, floor.T)


def test_a_decaying_rate_leaves_a_residue(chain):
    """Against the 2 x 2 system stepped through all epochs; neglected is what is of order e, 1 / (e N_r) and 1 / N_r."""
    kappa, mass_squared, chains, steps = chain.eigenvalues[[0, 4, 9]], 9.0, 128, 1
    schedule = StepDecay(0.05, 0.98, 64)
    memory = np.outer(*[(1 - kappa / mass_squared) ** steps] * 2)
    rates = relaxation_rates(kappa, mass_squared)
    # Var y, Cov(y, c), Var c of every element, from the stationary state of the initial rate on
    variance = noise_floor(kappa, mass_squared, 0.05, chains, steps) ** 2 * chains / (1 + np.eye(3))
    covariance, chain_variance = np.zeros((3, 3)), np.ones((3, 3))
    for epoch in range(30_001):
        if epoch in (15_000, 30_000):
            floor = noise_floor(kappa, mass_squared, schedule, chains, steps, epoch=epoch)
            np.testing.assert_allclose(floor**2 * chains / (1 + np.eye(3)), variance, rtol=0.03)
            fixed = noise_floor(kappa, mass_squared, schedule(epoch), chains, steps)
            assert (fixed < 0.9 * floor).all()  # without the residue the formula fails
        eps = schedule(epoch) * rates
        noise = 1 - memory**2
        yy, yc, cc = variance, covariance, chain_variance
        a, b, c, d = 1 - eps * (1 - memory), eps * memory, memory - 1, memory
        variance = a**2 * yy + 2 * a * b * yc + b**2 * cc + eps**2 * noise
        covariance = a * c * yy + (a * d + b * c) * yc + b * d * cc + eps * noise
        chain_variance = c**2 * yy + 2 * c * d * yc + d**2 * cc + noise
    with pytest.raises(ValueError, match="epoch"):
        noise_floor(kappa, mass_squared, schedule, chains)


def measured(kernel, mass_squared, rate, chains, steps, hidden_variance, runs=200):
    """Mean squares of Y over stationary records of independent runs, and their standard errors, (n, n) each."""
    kappa, modes = np.linalg.eigh(kernel)
    squares = []

    def record(epoch, models):
        if epoch >= 400:
            errors = [
                modes.T @ model.kernel @ modes / np.sqrt(np.outer(kappa, kappa)) - np.eye(len(kappa))
                for model in models
            ]
            squares.append(np.array(errors) ** 2)

    train(
        symmetric_solution(kernel, mass_squared, hidden_variance),
        np.linalg.inv(kernel),
        1200,
        rate,
        PCD(chains, steps),
        runs=runs,
        record_every=40,
        callback=record,
        rng=4,
    )
    by_run = np.mean(squares, axis=0)
    return by_run.mean(axis=0), by_run.std(axis=0, ddof=1) / np.sqrt(runs)


def test_training_has_these_fluctuations_and_no_others():
    """All elements of a kernel without degeneracies, strongly underdamped, where every factor matters."""
    kernel = np.diag([3.0, 5.0, 8.0])
    settings = {"mass_squared": 10.0, "rate": 0.9, "chains": 20_000, "steps": 2, "hidden_variance": 0.6}
    mean, error = measured(kernel, **settings)
    floor = noise_floor([3.0, 5.0, 8.0], 10.0, 0.9, 20_000, 2, 0.6)
    assert np.abs((mean - floor**2) / error).max() < 4.5
    # negative control: what it would be without the memory of the chains, and with that of the field for its square
    fresh = noise_floor([3.0, 5.0, 8.0], 10.0, 0.9, 20_000, 200, 0.6)
    wrong_power = noise_floor([3.0, 5.0, 8.0], 10.0, 0.9, 20_000, 1, 0.6)
    assert ((mean - fresh**2) / error).max() > 10
    assert np.abs((mean - wrong_power**2) / error).max() > 10


def test_scaling_and_limits(chain):
    kappa = chain.eigenvalues
    small = noise_floor(kappa, 9.0, 1e-6, 128)
    np.testing.assert_allclose(noise_floor(kappa, 9.0, 1e-6, 512), small / 2, rtol=1e-12)
    # independent gradients: eps (1 + delta) / 2 B, for rates so small that the pole is far
    rates = relaxation_rates(kappa, 9.0)
    many = noise_floor(kappa, 9.0, 1e-6, 128, steps=500) ** 2
    np.testing.assert_allclose(many, 1e-6 * rates * (1 + np.eye(10)) / 256, rtol=1e-5)


def test_no_stationary_state_beyond_the_pole(chain):
    kappa = chain.eigenvalues
    limit = learning_rate_limit(kappa, 9.0)  # of exact gradients, which many sweeps are
    assert np.isfinite(noise_floor(kappa, 9.0, 0.999 * limit, 128, steps=500)).all()
    beyond = noise_floor(kappa, 9.0, 1.001 * limit, 128, steps=500)
    assert np.isinf(beyond[0, 0])
    assert np.isfinite(beyond[9, 9])


def test_only_modes_below_the_cutoff():
    kappa = FreeScalarField(10, 4.0).eigenvalues
    assert noise_floor(kappa, 6.0, 0.1, 128).shape == (5, 5)
    assert noise_floor([7.0, np.inf], 6.0, 0.1, 128).shape == (0, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be greater than 0"),
        ({"chains": 0}, "chains must be an integer of at least 1"),
        ({"steps": 1.5}, "steps must be an integer of at least 1"),
        ({"eigenvalues": [-1.0]}, "eigenvalues must be positive"),
        ({"mass_squared": np.nan}, "mass_squared must be finite"),
    ],
)
def test_bad_input(change, message):
    settings = {"eigenvalues": [4.0], "mass_squared": 9.0, "learning_rate": 0.1, "chains": 8, "steps": 1} | change
    with pytest.raises(ValueError, match=message):
        noise_floor(**settings)


@pytest.mark.parametrize("steps", [1, 3])
def test_where_the_stationary_state_ends(steps):
    # One mode: the heavy ball with momentum rho and step (1 - rho) e is stable for e < 2 (1 + rho) / (1 - rho).
    kappa, mass_squared = 1.0, 4.0
    rho = (1 - kappa / mass_squared) ** (2 * steps)
    limit = 2 * (1 + rho) / (1 - rho) / (2 * (mass_squared - kappa) / kappa**2)
    for share in (0.5, 0.9, 1 - 1e-9):
        assert np.isfinite(noise_floor([kappa], mass_squared, share * limit, 16, steps)).all()
    for share in (1 + 1e-9, 2.0):
        assert np.isinf(noise_floor([kappa], mass_squared, share * limit, 16, steps)).all()


def test_light_modes_keep_their_digits():
    # kappa << mu^2: one sweep forgets x = kappa / mu^2 of each mode, tau = 2 / (x_i + x_j) - 1 to leading order.
    mass = 1.0
    for kappa in (1e-9, 1e-13, 1e-16):
        rate = 1e-3 / relaxation_rates([kappa], mass)[0, 0]
        tau = 1 / kappa - 0.5  # (1 + rho) / (1 - rho) with rho = (1 - kappa)^2, up to O(kappa)
        expected = np.sqrt(2 / 100 * 1e-3 * tau**2 / (2 * tau - 1e-3))
        np.testing.assert_allclose(noise_floor([kappa], mass, rate, 100), [[expected]], rtol=1e-8)


def test_so_many_sweeps_forget_the_square_of_the_slowest_mode():
    """Within them its memory a^(2 k) falls by e, and hardly more: the definition, with a of Eq. (A1)'s chains."""
    for kappa in ([0.02, 5.0], [0.3, np.inf, 1.0], [7.9, 0.011, 2.0]):
        steps, a = sweeps_needed(kappa, 8.0), 1 - min(kappa) / 8.0
        assert isinstance(steps, int)
        assert a ** (2 * steps) < np.exp(-1) < a ** (2 * steps - 1 - steps * min(kappa) / 4)
        assert a**steps > np.exp(-1)  # the mode itself remembers longer


@pytest.mark.parametrize(
    ("kappa", "mass_squared", "steps"),
    [
        ([1.0], 4.0, 2),
        ([1.0], 4.000001, 3),
        ([1.0, 0.5], 4.0, 4),
        ([3.0], 4.0, 1),
        ([8.0], 4.0, 1),
        ([np.inf], 4.0, 1),
        ([], 4.0, 1),
        ([1e-3, np.inf], 1.0, 500),
        (2.0, 9.0, 3),
        ([1e-12], 100.0, 50_000_000_000_000),
    ],
)
def test_sweeps_are_rounded_up_and_at_least_one(kappa, mass_squared, steps):
    assert sweeps_needed(kappa, mass_squared) == steps


@pytest.mark.parametrize(
    ("kappa", "mass_squared", "message"),
    [
        ([0.0], 4.0, "eigenvalues must be positive"),
        ([1.0], 0.0, "mass_squared must be greater than 0"),
        ([[1.0]], 4.0, "one-dimensional"),
        ([1e-300], 1e300, "too large or too small"),
    ],
)
def test_sweeps_of_what_is_no_spectrum(kappa, mass_squared, message):
    with pytest.raises(ValueError, match=message):
        sweeps_needed(kappa, mass_squared)


def test_the_noise_floor_of_any_other_function_is_refused():
    with pytest.raises(ValueError, match="learning_rate must be a number"):
        noise_floor([1.0], 4.0, lambda epoch: 0.1, 10)
