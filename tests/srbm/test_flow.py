"""Learning in continuous time: conservation laws, closed trajectories, rates, and the pole."""

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm, subspace_angles
from scipy.optimize import brentq

from srbm import (
    NotNormalizableError,
    ScalarRBM,
    eigenvalue_relaxation,
    gradient_flow,
    kl_divergence,
    learning_rate_limit,
    maximum_likelihood,
    mode_trajectory,
    natural_gradient_flow,
    relaxation_rates,
    train,
)
from srbm.chains.stack import Ensemble
from tests.srbm.helpers import correlation_with

KAPPA = np.array([1.0, 2.0, 3.2, 4.0])
TARGET = correlation_with(KAPPA, rng=3)


@pytest.mark.parametrize("learn_mass", [False, True, "mu"])
@pytest.mark.parametrize("n_hidden", [0, 2, 4, 6])
def test_limit_of_small_learning_rates(n_hidden, learn_mass):
    start = ScalarRBM.random(4, n_hidden, 6.0, scale=0.5, hidden_variance=0.7, rng=0)
    flow = gradient_flow(start, TARGET, [0.0, 0.5, 1.0], learn_mass)
    errors = []
    for rate in (2e-3, 1e-3):
        training = train(start, TARGET, round(1 / rate), rate, learn_mass=learn_mass, record_every=round(0.5 / rate))
        errors.append(np.abs(training.eigenvalues - flow.eigenvalues).max())
    if n_hidden or learn_mass:  # Euler's method is of first order: half the rate, half the error
        assert errors[0] / errors[1] == pytest.approx(2, abs=0.02)
        assert errors[1] < 0.05
    else:
        assert max(errors) == 0


@pytest.mark.parametrize("n_hidden", [4, 7])
@pytest.mark.parametrize("variance", [1.0, 0.6])
def test_conservation_laws(n_hidden, variance):
    """For N_h >= N_v a function of mu^2 plus ln det(W W^T) / 2 is conserved: the initial mass is not forgotten."""
    start = ScalarRBM.random(4, n_hidden, 5.0, 0.5, variance, rng=1)
    laws = {True: lambda mu2: 2 * variance * mu2, "mu": lambda mu2: variance * np.log(mu2) / 2}
    for learn_mass in laws:
        flow = gradient_flow(start, TARGET, np.linspace(0, 40, 9), learn_mass)
        assert np.ptp(flow.mass_squared) > 0.1
        for law, of in laws.items():
            invariant = of(flow.mass_squared) + np.log(flow.singular_values).sum(axis=1)
            if law == learn_mass:
                np.testing.assert_allclose(invariant, invariant[0], rtol=0, atol=1e-7)
            else:  # the law of one parameter does not hold for the other
                assert np.ptp(invariant) > 0.02


@pytest.mark.parametrize("learn_mass", [True, "mu"])
def test_with_few_hidden_nodes_nothing_is_conserved(learn_mass):
    flow = gradient_flow(ScalarRBM.random(4, 2, 5.0, 0.5, rng=1), TARGET, np.linspace(0, 40, 9), learn_mass)
    mass = 2 * flow.mass_squared if learn_mass is True else np.log(flow.mass_squared) / 2
    assert np.ptp(mass + np.log(flow.singular_values).sum(axis=1)) > 0.1


@pytest.mark.parametrize("learn_mass", [True, "mu"])
@pytest.mark.parametrize("n_hidden", [2, 4])
def test_which_parameter_is_learnt_changes_the_pace_of_the_mass_only(n_hidden, learn_mass):
    """By central differences of the flow: d mu^2/dt is 4 mu^2 times (27) when mu is learnt, dW/dt is Eq. (26)."""
    start = ScalarRBM.random(4, n_hidden, 5.0, 0.8, 0.7, rng=2)
    step = 1e-4
    flow = gradient_flow(start, TARGET, [0.0, step, 2 * step], learn_mass)
    middle = ScalarRBM(flow.weights[1], flow.mass_squared[1], 0.7)
    difference = middle.propagator - TARGET
    np.testing.assert_allclose(
        (flow.weights[2] - flow.weights[0]) / (2 * step), -0.7 * difference @ middle.weights, rtol=0, atol=1e-6
    )
    pace = (flow.mass_squared[2] - flow.mass_squared[0]) / (2 * step) / (np.trace(difference) / 2)
    expected, twin = 1, 4 * middle.mass_squared
    if learn_mass == "mu":
        expected, twin = twin, expected
    assert pace == pytest.approx(expected, rel=1e-5)
    assert pace != pytest.approx(twin, rel=0.5)


@pytest.mark.parametrize(
    ("initial", "learn_mass", "time", "rounded"),
    [
        (2.0, True, 120.0, 0.9771),
        (4.0, True, 20.0, 2.2924),
        (4.0, "mu", 200.0, 0.7364),
    ],
)
def test_final_mass_of_figure_2(initial, learn_mass, time, rounded):
    """The invariant, at xi^2 = mu^2 - kappa, is an equation for the final mu^2."""
    kappa = np.array([0.7, 0.2])
    turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)  # an angle of pi / 4 to the target's modes
    start = ScalarRBM(turn @ np.diag([0.3, 0.2]), initial)
    flow = gradient_flow(start, np.diag(1 / kappa), [0.0, time], learn_mass=learn_mass)
    mass = (lambda mu2: 2 * mu2) if learn_mass is True else (lambda mu2: np.log(mu2) / 2)
    begin = mass(initial) + np.log(0.3 * 0.2)
    final = brentq(lambda mu2: mass(mu2) + np.log(mu2 - kappa).sum() / 2 - begin, 0.7 + 1e-9, 10, xtol=1e-12)
    assert flow.mass_squared[-1] == pytest.approx(final, abs=1e-8)
    assert round(final, 4) == rounded
    np.testing.assert_allclose(flow.eigenvalues[-1], [0.2, 0.7], rtol=0, atol=1e-7)


@pytest.mark.parametrize("learn_mass", [False, True, "mu"])
@pytest.mark.parametrize("n_hidden", [1, 2, 3])
def test_subspace_theorem(n_hidden, learn_mass):
    """span W(t) = exp(sigma_h^2 C_t t) span W(0)."""
    start = ScalarRBM.random(4, n_hidden, 6.0, 0.3, 0.7, rng=2)
    flow = gradient_flow(start, TARGET, [0.0, 0.5, 3.0], learn_mass)
    for time, weights in zip(flow.times, flow.weights, strict=True):
        assert subspace_angles(weights, expm(0.7 * TARGET * time) @ start.weights).max() < 1e-7


@pytest.mark.parametrize(
    ("n_hidden", "learn_mass"), [(1, False), (3, False), (4, False), (1, True), (2, True), (2, "mu")]
)
def test_the_flow_ends_at_the_maximum(n_hidden, learn_mass):
    flow = gradient_flow(ScalarRBM.random(4, n_hidden, 5.0, 0.3, rng=0), TARGET, [0.0, 300.0], learn_mass)
    best = maximum_likelihood(TARGET, n_hidden, None if learn_mass else 5.0)
    np.testing.assert_allclose(flow.model.kernel, best.kernel, rtol=0, atol=1e-7)


def test_flow_starts_anywhere_in_time_and_at_one_time():
    start = ScalarRBM.random(4, 2, 5.0, rng=0)
    np.testing.assert_allclose(
        gradient_flow(start, TARGET, [7.0, 9.0]).weights[-1],
        gradient_flow(start, TARGET, [0.0, 2.0]).weights[-1],
        rtol=0,
        atol=1e-9,
    )
    only = gradient_flow(start, TARGET, [3.0])
    np.testing.assert_array_equal(only.weights, start.weights[None])
    assert only.mass_squared.tolist() == [5.0]
    assert only.eigenvalues.shape == (1, 4)


REGIMES = {
    "infrared": (0.3, 0.5),
    "near mu^2": (0.93, 0.5),
    "far above": (40.0, 0.4),
    "just above": (1.2, 0.7),
    "equal": (1.0, 0.6),
    "infinite": (np.inf, 0.5),
    "nearly equal, below": (1 - 1e-12, 0.3),
    "nearly equal, above": (1 + 1e-12, 0.3),
    "close, below": (1 - 1e-5, 0.3),
    "close, above": (1 + 1e-5, 0.3),
    "rising": (0.8, 0.2),
    "rising from near zero": (0.8, 1e-3),
    "decoupling from near zero": (3.0, 1e-3),
    "almost free": (0.4, 1 - 1e-9),
    "almost free, above": (2.0, 1 - 1e-9),
    "almost there": (0.4, 0.4 * (1 + 1e-9)),
    "almost there, below": (0.4, 0.4 * (1 - 1e-9)),
}


@pytest.mark.parametrize(("mass_squared", "variance"), [(1.0, 1.0), (9.0, 0.6)])
@pytest.mark.parametrize(("ratio", "start"), REGIMES.values(), ids=REGIMES.keys())
def test_mode_trajectory_solves_its_equation(ratio, start, mass_squared, variance):
    kappa, initial = ratio * mass_squared, start * mass_squared
    times = np.array([0.0, 0.01, 0.3, 2.0, 30.0, 300.0]) * mass_squared / variance

    def logarithmic(_, y):  # of y = ln(mu^2 - lambda): Eq. (81) without its stiff ends
        return 2 * variance * (1 / kappa - 1 / np.maximum(mass_squared - np.exp(y), 1e-9))

    solution = solve_ivp(
        logarithmic,
        (0, times[-1]),
        [np.log(mass_squared - initial)],
        method="Radau",
        t_eval=times,
        rtol=1e-11,
        atol=1e-13,
    )
    np.testing.assert_allclose(
        mode_trajectory(kappa, mass_squared, initial, times, variance),
        mass_squared - np.exp(solution.y[0]),
        rtol=0,
        atol=1e-10 * mass_squared,
    )


@pytest.mark.parametrize(("ratio", "start"), REGIMES.values(), ids=REGIMES.keys())
def test_mode_trajectory_is_monotone_to_its_end(ratio, start):
    times = np.concatenate([[0.0], np.logspace(-8, 12, 200)])
    path = mode_trajectory(ratio, 1.0, start, times)
    end = min(ratio, 1.0)
    assert path[0] == start
    assert (np.diff(path) * np.sign(end - start) >= -1e-15).all()
    assert ((path > 0) & (path <= 1)).all()
    assert path[-1] == pytest.approx(end, abs=1e-9)


def test_quadratic_case():
    """For mu^2 = 2 kappa the closed form is a quadratic equation."""
    kappa, times = 1.5, np.linspace(0, 5, 7)
    path = mode_trajectory(kappa, 2 * kappa, 0.7, times)
    ratio = (path - kappa) / (2 * kappa - path) ** 2
    np.testing.assert_allclose(ratio, ratio[0] * np.exp(-2 * times / kappa), rtol=0, atol=1e-12)


@pytest.mark.parametrize("variance", [1.0, 0.7])
def test_mode_trajectory_is_the_flow_of_an_aligned_start(variance):
    """W(0) = c 1 is aligned with every target; one mode here is null, and one lies above mu^2."""
    kappa = np.array([1.0, 3.0, 7.0, np.inf])
    basis, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))
    correlation = basis / kappa @ basis.T
    times = np.array([0.0, 0.5, 2.0, 20.0])
    flow = gradient_flow(ScalarRBM(0.8 * np.eye(4), 5.0, variance), correlation, times)
    path = mode_trajectory(kappa, 5.0, 5.0 - variance * 0.64, times, variance)
    np.testing.assert_allclose(flow.eigenvalues, np.sort(path, axis=1), rtol=0, atol=3e-8)  # the integrator's


def test_mode_trajectory_shapes_and_fixed_points():
    kappa = np.array([[1.0, 2.0, np.inf]] * 2)
    assert mode_trajectory(kappa, 5.0, 4.0, np.zeros((3, 4))).shape == (3, 4, 2, 3)
    assert mode_trajectory(1.0, 5.0, np.full(6, 4.0), 1.0).shape == (6,)
    assert mode_trajectory(1.0, 5.0, 4.0, 1.0).shape == ()
    every = mode_trajectory([1.0, 7.0], 5.0, [2.0, 3.0], [0.1, 4.0])
    assert every[1, 0] == mode_trajectory(1.0, 5.0, 2.0, 4.0)
    assert every[0, 1] == mode_trajectory(7.0, 5.0, 3.0, 0.1)
    np.testing.assert_array_equal(mode_trajectory([1.0, 7.0, 2.0], 5.0, [5.0, 5.0, 2.0], 3.0), [5, 5, 2])


def velocity(weights, mass_squared, variance):
    kernel = mass_squared * np.eye(len(weights)) - variance * weights @ weights.T
    return variance * (TARGET - np.linalg.inv(kernel)) @ weights


@pytest.mark.parametrize("variance", [1.0, 0.6])
@pytest.mark.parametrize("n_hidden", [2, 4])
def test_relaxation_rates_are_those_of_the_linearised_flow(n_hidden, variance):
    weights = maximum_likelihood(TARGET, n_hidden, 6.0, variance).weights
    size, step = weights.size, 1e-6
    jacobian = np.column_stack(
        [
            (velocity(weights + shift, 6.0, variance) - velocity(weights - shift, 6.0, variance)).ravel() / (2 * step)
            for shift in step * np.eye(size).reshape(size, *weights.shape)
        ]
    )
    learnt = relaxation_rates(KAPPA, 6.0, variance)[:n_hidden, :n_hidden]
    mixing = variance * (1 / KAPPA[:n_hidden, None] - 1 / KAPPA[n_hidden:])  # with modes that are not kept
    gauge = np.zeros(n_hidden * (n_hidden - 1) // 2)  # rotations of the hidden layer
    expected = np.concatenate([learnt[np.triu_indices(n_hidden)], mixing.ravel(), gauge])
    np.testing.assert_allclose(np.sort(-np.linalg.eigvals(jacobian).real), np.sort(expected), rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("kappa", "mass_squared", "n_hidden", "variance", "level", "rate"),
    [
        ([1.0, 3.2, 4.0], 6.0, 3, 1.0, 0, 2 * 7 / 4),  # waits for the angle to the heaviest mode, not for itself
        ([1.0, 3.2, 4.0], 6.0, 3, 1.0, 1, 2 * 2.8 / 3.2**2),  # is slower than its angles
        ([1.0, 3.2, 4.0], 6.0, 3, 1.0, 2, 2 * 2 / 16),
        ([1.0, 4.0, 4.0], 6.0, 4, 0.7, 0, 2 * 0.7 * 7 / 4),  # a degenerate level, more hidden nodes than visible ones
        ([1.0, 2.5, 8.0], 6.0, 3, 1.0, 0, 2 * (1 - 1 / 8)),  # one mode lies above mu^2
        ([1.0, 2.5, 8.0], 6.0, 3, 1.0, 1, 2 * (0.4 - 1 / 8)),
        ([1.0, 2.5, 4.0], 6.0, 2, 0.6, 0, 1.2 * (1 - 0.25)),  # one mode has no node
        ([1.0, 2.5, 2.5], 6.0, 2, 1.0, 1, 2 * 3.5 / 2.5**2),  # its level is cut: which half is kept does not matter
    ],
)
def test_eigenvalues_relax_as_predicted(kappa, mass_squared, n_hidden, variance, level, rate):
    """From a random start near the optimum, the late decay of |lambda - kappa| in small steps of exact gradients."""
    rates = eigenvalue_relaxation(kappa, mass_squared, variance, n_hidden)
    assert rates[level] == pytest.approx(rate, rel=1e-12)
    best = maximum_likelihood(correlation_with(kappa, rng=3), n_hidden, mass_squared, variance)
    shift = 0.05 * np.random.default_rng(2).standard_normal(best.weights.shape)
    start = ScalarRBM(best.weights + shift, mass_squared, variance)
    step = 0.005 / rate
    training = train(start, correlation_with(kappa, rng=3), 4400, step, record_every=50)
    elapsed = training.epochs * step * rate
    late = (elapsed > 15) & (elapsed < 20)
    deviation = np.abs(training.eigenvalues[late, level] - kappa[level])
    slope = np.polyfit(elapsed[late], np.log(deviation), 1)[0]
    assert slope == pytest.approx(-1, abs=0.04)
    aligned = 2 * variance * (mass_squared - kappa[level]) / kappa[level] ** 2
    assert rate == pytest.approx(aligned) or aligned / rate > 1.5  # an aligned start would be another matter


def test_rates_of_the_ring_and_of_the_last_mode():
    from srbm import FreeScalarField

    ring = eigenvalue_relaxation(FreeScalarField(10, 4.0).eigenvalues, 9.0)
    np.testing.assert_allclose(ring[[0, 1, 3, -1]], [0.375, 0.3205, 0.2145, 1 / 32], rtol=2e-4)
    np.testing.assert_allclose(eigenvalue_relaxation([0.4, 0.2], 1.0), [35, 7.5], rtol=1e-13)
    assert eigenvalue_relaxation([2.0, np.inf, 0.5], 1.0).tolist() == [3.0]
    assert eigenvalue_relaxation([2.0, np.inf], 1.0).tolist() == []
    assert eigenvalue_relaxation([0.5, 0.25], 1.0, n_hidden=0).tolist() == []
    with pytest.raises(ValueError, match="n_hidden must be an integer of at least 0"):
        eigenvalue_relaxation([0.5], 1.0, n_hidden=-1)


def test_rates_of_figure_2():
    np.testing.assert_allclose(relaxation_rates([0.4, 0.2], 1.0), [[40, 17.5], [17.5, 7.5]], rtol=1e-13)
    assert relaxation_rates([2.0, np.inf, 0.5], 1.0).shape == (1, 1)


@pytest.mark.parametrize(("shape", "mass_squared", "limit"), [(10, 9.0, 3.2), ((4, 4), 16.0, 4 / 3)])
def test_learning_rate_limits_of_the_paper(shape, mass_squared, limit):
    from srbm import FreeScalarField

    assert learning_rate_limit(FreeScalarField(shape, 4.0).eigenvalues, mass_squared) == pytest.approx(limit)


@pytest.mark.parametrize("variance", [1.0, 0.5])
def test_learning_rate_limit_separates_convergence_from_divergence(variance):
    best = maximum_likelihood(TARGET, 4, 6.0, variance)
    start = ScalarRBM(best.weights * (1 + 1e-5), 6.0, variance)
    limit = learning_rate_limit(KAPPA, 6.0, variance)
    below, above = (train(start, TARGET, 600, limit * factor, record_every=600) for factor in (0.98, 1.02))
    # Per epoch the fastest deviation is multiplied by 1 - 2 * 0.98 = -0.96, or by -1.04.
    first = abs(start.eigenvalues[0] - 1)
    assert abs(below.model.eigenvalues[0] - 1) < 1e-9 * first
    assert abs(above.model.eigenvalues[0] - 1) > 1e2 * first
    assert learning_rate_limit([7.0, 8.0], 6.0) == np.inf


def test_the_pole_is_never_crossed():
    # A start within 1e-6 of lambda = 0 is repelled: the propagator diverges there.
    start = ScalarRBM(np.sqrt(5.0 - 1e-6) * np.eye(4), 5.0)
    flow = gradient_flow(start, TARGET, [0.0, 1e-13, 1e-3, 1.0, 300.0])
    assert (flow.eigenvalues > 0).all()
    np.testing.assert_allclose(flow.eigenvalues[-1], KAPPA, rtol=0, atol=1e-7)


def test_a_flow_that_cannot_be_followed_says_how_far_it_came(monkeypatch):
    def jumps(function, span, start, t_eval, **options):  # an integrator that steps over the pole and notices nothing
        states = np.stack([start, 20 * start], axis=1)
        states[-1] = start[-1]
        return type("Solution", (), {"t": t_eval, "y": states, "success": True, "message": "fine"})

    monkeypatch.setattr("scipy.integrate.solve_ivp", jumps)
    with pytest.raises(NotNormalizableError, match="the flow could not be followed") as caught:
        gradient_flow(ScalarRBM.random(4, 4, 5.0, rng=0), TARGET, [0.0, 1.0])
    assert (caught.value.last_good.eigenvalues > 0).all()
    assert len(caught.value.last_good.times) == 1


def test_wrong_flows():
    rbm = ScalarRBM.random(4, 2, 5.0, rng=0)
    with pytest.raises(ValueError, match="one mass_squared for all nodes and no hidden_bias"):
        gradient_flow(ScalarRBM(rbm.weights, [5.0] * 4), TARGET, [0.0, 1.0])
    with pytest.raises(ValueError, match="one mass_squared for all nodes and no hidden_bias"):
        gradient_flow(ScalarRBM(rbm.weights, 5.0, 1.0, [1.0, 1.0]), TARGET, [0.0, 1.0])
    for times in ([], [0.0, 0.0], [1.0, 0.5], [[0.0, 1.0]]):
        with pytest.raises(ValueError, match="times must be a non-empty, strictly increasing"):
            gradient_flow(rbm, TARGET, times)
    with pytest.raises(NotNormalizableError, match="the initial model is not normalisable"):
        gradient_flow(ScalarRBM(4 * np.eye(4), 5.0), TARGET, [0.0, 1.0])
    with pytest.raises(ValueError, match="correlation must be 4 x 4"):
        gradient_flow(rbm, np.eye(3), [0.0, 1.0])
    with pytest.raises(ValueError, match=r"learn_mass must be False .*, got 'mu2'"):
        gradient_flow(rbm, TARGET, [0.0, 1.0], learn_mass="mu2")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 5.0, 4.0, 1.0), "kappa must be positive"),
        ((np.nan, 5.0, 4.0, 1.0), "kappa must be positive"),
        ((1.0, 5.0, 0.0, 1.0), "initial_eigenvalue must lie in"),
        ((1.0, 5.0, 5.1, 1.0), "initial_eigenvalue must lie in"),
        ((1.0, 5.0, 4.0, -1.0), "times must be >= 0, got -1"),
        ((1.0, -5.0, 4.0, 1.0), "mass_squared must be greater than 0"),
        ((1.0, 5.0, 4.0, np.inf), "times must be finite"),
        ((1.0, 5.0, 4.0, 1.0, 0.0), "hidden_variance must be greater"),
    ],
)
def test_wrong_modes(arguments, message):
    with pytest.raises(ValueError, match=message):
        mode_trajectory(*arguments)


def test_wrong_spectra():
    for function in (relaxation_rates, eigenvalue_relaxation, learning_rate_limit):
        with pytest.raises(ValueError, match="eigenvalues must be positive"):
            function([1.0, 0.0], 3.0)
        with pytest.raises(ValueError, match="mass_squared must be greater than 0"):
            function([1.0], 0.0)


def fisher_in_weights(weights, mass_squared, variance):
    """The Fisher matrix (n m, n m), as the Hessian of KL(p || p') at p' = p, by central differences."""

    def divergence(shift):
        shifted = ScalarRBM(weights + shift.reshape(weights.shape), mass_squared, variance)
        return kl_divergence(ScalarRBM(weights, mass_squared, variance).kernel, shifted.kernel)

    def quadratic(vector, step=1e-3):  # of fourth order in the step; the divergence vanishes at zero
        near, far = (divergence(s * vector) + divergence(-s * vector) for s in (step, 2 * step))
        return (16 * near - far) / (12 * step**2)

    unit = np.eye(weights.size)
    return np.array([[(quadratic(e + f) - quadratic(e - f)) / 4 for f in unit] for e in unit])


@pytest.mark.parametrize("n_hidden", [3, 4])
def test_natural_gradient_is_the_pseudo_inverse_fisher_flow_of_the_weights(n_hidden):
    target = correlation_with([1.0, 2.0, 3.5], rng=1)
    start = ScalarRBM.random(3, n_hidden, 5.0, 0.8, 0.7, rng=4)
    fisher = fisher_in_weights(start.weights, 5.0, 0.7)
    assert np.linalg.matrix_rank(fisher, tol=1e-5) == 6  # n (n + 1) / 2: rotations of the hidden layer are flat
    euclidean = 0.7 * (target - start.propagator) @ start.weights
    natural = (np.linalg.pinv(fisher, rcond=1e-5, hermitian=True) @ euclidean.ravel()).reshape(start.weights.shape)

    def change_of_propagator(velocity):
        kernel = -0.7 * (velocity @ start.weights.T + start.weights @ velocity.T)
        return -start.propagator @ kernel @ start.propagator

    step = 1e-5
    before, after = natural_gradient_flow(start, target, [0.0, step])
    np.testing.assert_allclose((after - before) / step, change_of_propagator(natural), rtol=0, atol=2e-5)
    # Negative control: the gradient in the Euclidean metric of the weights moves the model elsewhere.
    assert np.abs((after - before) / step - change_of_propagator(euclidean)).max() > 0.05


@pytest.mark.parametrize("n_hidden", [4, 6])
def test_natural_gradient_solves_the_riccati_equation(n_hidden):
    start = ScalarRBM.random(4, n_hidden, 5.0, 0.5, 0.7, rng=5)
    times = np.array([0.0, 0.2, 1.0, 4.0])

    def riccati(_, kernel):
        kernel = kernel.reshape(4, 4)
        return (kernel - kernel @ TARGET @ kernel).ravel()

    solution = solve_ivp(riccati, (0, 4), start.kernel.ravel(), method="DOP853", rtol=1e-12, atol=1e-13)
    flow = natural_gradient_flow(start, TARGET, times)
    assert flow.shape == (4, 4, 4)
    np.testing.assert_allclose(flow[0], start.propagator, rtol=0, atol=1e-15)
    np.testing.assert_allclose(np.linalg.inv(flow[-1]), solution.y[:, -1].reshape(4, 4), rtol=0, atol=1e-9)
    # It stays inside the model, whose propagator is at least 1 / mu^2.
    assert (np.linalg.eigvalsh(flow) >= 1 / 5.0 - 1e-12).all()


def test_natural_gradient_has_one_rate_and_the_euclidean_one_has_many():
    start = ScalarRBM.random(4, 4, 5.0, 0.5, rng=6)
    early, late = natural_gradient_flow(start, TARGET, [1.0, 2.5]) - TARGET
    np.testing.assert_allclose(np.log(early / late), 1.5, rtol=0, atol=1e-10)
    assert natural_gradient_flow(start, TARGET, 1.0).shape == (4, 4)
    rates = relaxation_rates(KAPPA, 5.0)
    assert rates.max() > 10 * rates.min()


def test_natural_gradient_at_the_edge_and_beyond():
    start = ScalarRBM.random(4, 4, 4.0, 0.3, rng=7)
    flow = natural_gradient_flow(start, TARGET, 60.0)  # mu^2 = kappa_max
    np.testing.assert_allclose(flow, TARGET, rtol=0, atol=1e-14)
    with pytest.raises(ValueError, match="the largest kappa of the target, 4, lies above"):
        natural_gradient_flow(ScalarRBM(start.weights, 3.9), TARGET, [0.0, 1.0])
    with pytest.raises(ValueError, match="the largest kappa of the target, inf, lies above"):
        natural_gradient_flow(start, np.diag([1.0, 1.0, 1.0, 0.0]), [0.0, 1.0])
    with pytest.raises(ValueError, match="needs n_hidden >= N_v = 4, got 3"):
        natural_gradient_flow(ScalarRBM.random(4, 3, 5.0, rng=0), TARGET, [0.0, 1.0])
    with pytest.raises(ValueError, match="one mass_squared for all nodes and no hidden_bias"):
        natural_gradient_flow(ScalarRBM(start.weights, [5.0] * 4), TARGET, [0.0, 1.0])
    with pytest.raises(ValueError, match="times must be finite"):
        natural_gradient_flow(start, TARGET, [0.0, np.inf])


@pytest.mark.parametrize("kappa", [4.0, 5.999, 6.0, 6.001, 9.0, np.inf])
@pytest.mark.parametrize("start", [1e-200, 1e-12, 1e-8, 1e-3, 0.4, 1.4999, 1.5])
def test_a_mode_keeps_its_digits_near_the_pole(kappa, start):
    mu2, s2 = 6.0, 0.7
    with mpmath.workdps(60):
        m, x0, k = mpmath.mpf(mu2), mpmath.mpf(start), mpmath.mpf(kappa)

        def slowness(y):
            """dt / dlambda of Eq. (81), for 2 sigma_h^2 = 1."""
            return y / ((m - y) * (1 - (y / k if kappa < np.inf else 0)))

        def time_to(lam):
            return mpmath.quad(slowness, mpmath.linspace(x0, lam, 9)) / (2 * mpmath.mpf(s2))

        levels = [level for level in (2e-12, 2e-8, 1.1e-3, 0.1, 1.6, 2.5, 3.7) if level > start]
        times = [time_to(mpmath.mpf(level)) for level in levels]
    found = mode_trajectory(kappa, mu2, start, [float(t) for t in times], s2)
    np.testing.assert_allclose(found, levels, rtol=1e-12)


def test_modes_that_leave_the_pole_rise():
    times = np.append(0, np.geomspace(1e-30, 1e3, 400))
    for kappa in (4.0, 6.0, np.inf):
        path = mode_trajectory(kappa, 6.0, 1e-8, times)
        assert (path > 0).all()
        assert (np.diff(path) >= 0).all()
        np.testing.assert_allclose(path[-1], min(kappa, 6.0), rtol=1e-2)  # a power law at kappa = mu^2


@pytest.mark.parametrize("learn_mass", [True, "mu"])
def test_the_implicit_integrator_follows_the_same_flow(learn_mass, monkeypatch):
    C = np.diag([1.0, 0.7, 0.3]) / 0.05
    start = ScalarRBM.random(3, 2, 0.15, scale=0.05, rng=0)
    times = [0.0, 0.01, 0.05, 0.2]
    explicit = gradient_flow(start, C, times, learn_mass)
    monkeypatch.setattr("srbm.flow._explicit_steps", lambda *_: 1e5)
    implicit = gradient_flow(start, C, times, learn_mass)
    assert not np.array_equal(explicit.weights, implicit.weights)
    np.testing.assert_allclose(implicit.weights, explicit.weights, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(implicit.mass_squared, explicit.mass_squared, rtol=1e-6)


def test_large_fields_are_followed():
    u = 1e-6  # fields of order 1000: the mass relaxes 10^6 times faster than W
    C = np.diag(np.linspace(0.2, 1, 5)) / u
    start = ScalarRBM.random(5, 4, 3 * u, scale=0.3 * np.sqrt(u), rng=0)
    flow = gradient_flow(start, C, np.linspace(0, 0.1 * u, 4), learn_mass=True)
    traces = (1 / flow.eigenvalues).sum(axis=1)
    assert abs(traces[0] / np.trace(C) - 1) > 0.1
    np.testing.assert_allclose(traces[1:], np.trace(C), rtol=1e-4)  # mu^2 is the slave of W
    growth = np.linalg.norm(flow.weights[-1]) / np.linalg.norm(flow.weights[1])
    assert abs(growth - 1) > 1e-3  # while W moves


@pytest.mark.parametrize("learn_mass", [False, True, "mu"])
def test_light_modes_do_not_make_a_flow_slow(learn_mass, monkeypatch):
    """The lightest of these modes relaxes within a hundred-thousandth of the time that is asked for."""
    kappa, mass, times = np.array([0.05, 1.0, 2.0, 20.0]), 9.0, np.array([0.0, 0.01, 1.0, 30.0])
    calls = []
    normalizable = Ensemble.normalizable
    monkeypatch.setattr(Ensemble, "normalizable", lambda self: calls.append(1) or normalizable(self))
    flow = gradient_flow(ScalarRBM(np.eye(4) / 10, mass), np.diag(1 / kappa), times, learn_mass)
    assert len(calls) < 10_000  # an explicit integrator takes 400 000
    if not learn_mass:
        expected = np.sort(mode_trajectory(kappa, mass, mass - 0.01, times), axis=1)
        np.testing.assert_allclose(flow.eigenvalues, expected, rtol=1e-6)


def test_a_flow_that_would_take_hours_is_refused():
    kappa, start = np.r_[1e-3, np.linspace(1, 2, 39)], ScalarRBM.random(40, 40, 9.0, rng=0)
    with pytest.raises(
        ValueError, match=r"to t = 10 would take 3e\+07 steps, hours: ask for times up to 0.33, take max"
    ):
        gradient_flow(start, np.diag(1 / kappa), [0.0, 10.0])
