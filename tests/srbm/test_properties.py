"""Properties that hold for every input: shapes, types and layouts of arrays, units from 1e-150 to 1e150.

A field measured in other units, phi -> u phi, changes K, mu^2 and kappa by 1 / u^2 and correlations by u^2, and nothing
that has no units. Warnings are errors here, so that none escapes.

The examples are the same from run to run, but not in every selection of tests: Hypothesis tries the constants that it
finds in the modules imported so far, whatever its seed. So every example has to be quick, and any may come.
"""

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import srbm
from srbm import (
    CD,
    PCD,
    Exact,
    FreeScalarField,
    GaussianBernoulliRBM,
    NotNormalizableError,
    Phi4RBM,
    ScalarRBM,
    second_moment,
)
from tests.srbm.helpers import matrix_with

pytestmark = pytest.mark.filterwarnings("error")
few = settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
fewer = settings(few, max_examples=8)

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 6)
exponents = st.integers(-150, 150)
units = exponents.map(lambda n: 10.0**n)
"""Of mu^2 and kappa: the square of what fields are divided by."""


@st.composite
def spectra(draw, least=1):
    """(kappa ascending, mu^2, unit): up to six eigenvalues of order one in `unit`, degenerate ones among them."""
    kappa = np.sort(
        draw(
            st.lists(st.one_of(st.sampled_from([0.5, 1.0, 2.0, 6.0]), st.floats(0.01, 10)), min_size=least, max_size=6)
        )
    )
    unit = draw(units)
    return kappa * unit, draw(st.sampled_from([0.3, 3.0, 11.0])) * unit, unit


@st.composite
def models(draw, normalizable=True):
    """An RBM in any unit, with N_h from 0 to above N_v, one mass or many; the largest xi close to its bound or not."""
    n_visible, n_hidden = draw(sizes), draw(st.integers(0, 8))
    rng = np.random.default_rng(draw(seeds))
    mass = draw(st.sampled_from([np.array(3.0), rng.uniform(3, 9, n_visible)]))
    variance = draw(st.sampled_from([1.0, 0.3, 20.0]))
    weights = rng.standard_normal((n_visible, n_hidden))
    share = draw(st.sampled_from([0.0, 0.5, 0.99, 1 - 1e-9] + ([] if normalizable else [1.0, 1 + 1e-9, 3.0])))
    largest = np.linalg.norm(weights / np.sqrt(np.broadcast_to(mass, n_visible))[:, None], 2) if n_hidden else 1.0
    unit = draw(units)
    weights = weights * share / largest / np.sqrt(variance)
    return ScalarRBM(weights * np.sqrt(unit), mass * unit, variance), unit


@st.composite
def dressed(draw, array, number_types=(np.float64, np.float32)):
    """The same numbers (rounded to float32 beforehand) in another layout, another type or as lists."""
    array = np.asarray(array).astype(number_types[draw(st.integers(0, len(number_types) - 1))])
    match draw(st.integers(0, 6)):
        case 0:
            return np.asfortranarray(array)
        case 1:
            wide = np.full(tuple(2 * n + 1 for n in array.shape), np.nan, array.dtype)
            view = wide[tuple(slice(1, None, 2) for _ in array.shape)]
            view[...] = array
            return view
        case 2:
            flipped = tuple(slice(None, None, -1) for _ in array.shape)
            return array[flipped].copy()[flipped]
        case 3:
            array.flags.writeable = False
            return array
        case 4:
            return array.astype(array.dtype.newbyteorder())
        case 5:
            return array.tolist()
    return array


def single(array):
    return np.asarray(array).astype(np.float32).astype(np.float64)


def close(actual, expected, rtol=1e-9, atol=0.0, scale=None):
    """`atol` is in units of `scale`: the largest number expected, or what a difference was taken of."""
    scale = np.abs(expected).max(initial=0.0) if scale is None else np.max(scale)
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol * scale)


# Lattice


@few
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
    units,
    st.sampled_from([-5.0, -1.0, 0.0, 1e-3, 1.0, 40.0]),
    seeds,
)
def test_lattice(shape, unit, mass_squared, seed):
    field = FreeScalarField(tuple(shape), mass_squared * unit)
    n = field.n_sites
    kappa = field.eigenvalues
    assert kappa.shape == (n,)
    assert (np.diff(kappa) >= 0).all()
    close(kappa, np.linalg.eigvalsh(field.kernel), atol=1e-13)
    phi = np.random.default_rng(seed).standard_normal((2, 3, n))
    close(field.action(phi), np.einsum("...i,ij,...j", phi, field.kernel, phi) / 2, atol=1e-12)
    close(field.action_density(phi), field.action(phi) / n)
    assert field.momenta.shape == (n, len(shape))
    calls = [
        lambda: field.propagator,
        lambda: field.sample(3, seed),
        lambda: field.metropolis(
            3, seed, chains=2, burn_in=1, sweeps=1, step=1 / np.sqrt(max(abs(mass_squared) * unit, 1e-100))
        ),
    ]
    for call in calls:
        if kappa[0] > 0:
            assert np.isfinite(call()).all()
        else:
            with pytest.raises(NotNormalizableError):
                call()
    if kappa[0] > 0:
        close(np.linalg.eigvalsh(field.propagator)[::-1], 1 / kappa, atol=1e-12)


# The model


@few
@given(models(normalizable=False), seeds)
def test_model(made, seed):
    rbm, unit = made
    n = rbm.n_visible
    kernel = rbm.kernel
    close(
        kernel,
        rbm.mass_squared * np.eye(n) - rbm.hidden_variance * rbm.weights @ rbm.weights.T,
        atol=1e-14,
        scale=rbm.mass_squared,
    )
    np.testing.assert_array_equal(kernel, kernel.T)
    assert rbm.eigenvalues.shape == (n,)
    assert (np.diff(rbm.eigenvalues) >= -1e-12 * unit).all()
    close(rbm.eigenvalues.sum(), np.trace(kernel), atol=1e-12, scale=rbm.mass_squared)
    assert rbm.singular_values.shape == (min(n, rbm.n_hidden),)
    assert rbm.is_normalizable is bool(rbm.eigenvalues[0] > 0)
    phi = np.random.default_rng(seed).standard_normal((2, 3, n)) / np.sqrt(unit)
    close(rbm.reconstruct(phi), rbm.visible_mean(rbm.hidden_mean(phi)))
    assert rbm.gibbs(phi, 3, seed).shape == phi.shape
    assert rbm.gibbs(phi[0, 0], 3, seed).shape == (n,)
    rest = [
        lambda: rbm.propagator,
        lambda: rbm.log_partition,
        lambda: rbm.sample(4, seed),
        lambda: rbm.mean,
        lambda: rbm.log_likelihood(np.eye(n) / unit),
    ]
    if not rbm.is_normalizable:
        for call in rest:
            with pytest.raises(NotNormalizableError):
                call()
        return
    if rbm.eigenvalues[0] < 1e-12 * unit:  # it may be lost in rounding
        with contextlib.suppress(NotNormalizableError):
            assert np.isfinite(rbm.log_partition)
        return
    for call in rest:
        assert np.isfinite(call()).all()
    condition = np.max(rbm.mass_squared) / rbm.eigenvalues[0]
    close(kernel @ rbm.propagator, np.eye(n), atol=1e-14 * condition)
    close(
        rbm.log_partition,
        (n * np.log(2 * np.pi) - np.log(rbm.eigenvalues).sum()) / 2,
        atol=1e-14 * condition + 1e-9,
        scale=1,
    )


@few
@given(models(), units)
def test_units_of_a_model(made, factor):
    rbm, unit = made
    factor = 10.0 ** np.clip(np.log10(factor), -150 - np.log10(unit), 150 - np.log10(unit))
    other = ScalarRBM(rbm.weights * np.sqrt(factor), rbm.mass_squared * factor, rbm.hidden_variance)
    close(other.kernel, factor * rbm.kernel, atol=1e-12, scale=other.mass_squared)
    close(other.singular_values, np.sqrt(factor) * rbm.singular_values, atol=1e-12)
    if rbm.eigenvalues[0] > 1e-6 * unit:
        close(other.propagator, rbm.propagator / factor, rtol=1e-6, atol=1e-6)
        close(other.log_partition, rbm.log_partition - rbm.n_visible * np.log(factor) / 2, rtol=1e-8, atol=1e-8)
        close(other.sample(3, 0), rbm.sample(3, 0) / np.sqrt(factor), rtol=1e-6, atol=1e-6)
        close(srbm.kl_divergence(other.kernel, other.kernel * 2), srbm.kl_divergence(rbm.kernel, rbm.kernel * 2))


@few
@given(st.data(), st.integers(1, 4), st.integers(0, 6), seeds)
def test_layouts_and_types_of_arguments(data, n, n_hidden, seed):
    """The same numbers give the same results, whatever holds them."""
    rng = np.random.default_rng(seed)
    weights, mass = single(0.3 * rng.standard_normal((n, n_hidden))), single(rng.uniform(5, 9, n))
    phi, bias = single(rng.standard_normal((7, n))), single(rng.standard_normal(n_hidden))
    kernel = single(np.diag(rng.uniform(1, 4, n)) + 0.1)
    target = single(np.linalg.inv(kernel))
    target = (target + target.T) / 2
    times = single(np.linspace(0, 1, 3))

    def results(arrays):
        weights, mass, phi, bias, kernel, target, times = arrays
        rbm = ScalarRBM(weights, mass, hidden_bias=bias)
        plain = ScalarRBM(weights, 6.0)
        bernoulli = GaussianBernoulliRBM(weights, 6.0, bias)
        quartic = Phi4RBM(weights, 6.0, 0.5)
        yield from (rbm.kernel, rbm.mean, rbm.propagator, rbm.hidden_mean(phi), rbm.gibbs(phi, 2, 1), rbm.sample(2, 1))
        yield from (rbm.log_likelihood(target, np.zeros(n)), FreeScalarField(n).action(phi))
        yield from (bernoulli.effective_action(phi), bernoulli.gibbs(phi, 2, 1), bernoulli.log_likelihood(phi))
        yield from (quartic.effective_action(phi), quartic.gibbs(phi, 2, 1))
        yield from (srbm.cholesky_solution(kernel, 9.0).weights, srbm.symmetric_solution(kernel, 9.0).weights)
        yield from (srbm.maximum_likelihood(target, 1, 9.0).kernel, srbm.kl_divergence(kernel, np.eye(n)))
        yield srbm.truncated_kl(mass, 1, 6.5)
        yield from (second_moment(np.asarray(phi)), second_moment([np.asarray(phi)], center=True))
        for gradient in (Exact(), CD(2), PCD(2), PCD(20)):
            yield srbm.train(plain, target, 3, 0.01, gradient, rng=1).eigenvalues
        yield from (
            srbm.gradient_flow(plain, target, times).eigenvalues,
            srbm.natural_gradient_flow(ScalarRBM(np.zeros((n, n)), 9.0), target, times),
        )
        yield from (srbm.mode_trajectory(mass, 6.0, np.full(n, 5.0), times), srbm.relaxation_rates(mass, 10.0))
        yield from (srbm.noise_floor(mass, 10.0, 0.01, 64), srbm.learning_rate_limit(mass, 10.0))
        yield from (srbm.recommend(target, 0.1).kl, srbm.from_latent(weights, mass).kernel)
        yield from srbm.bernoulli_gradient(bernoulli, phi)
        yield srbm.train_bernoulli(bernoulli, phi, 2, 0.01, rng=1).model.weights
        yield srbm.latent_form(rbm).covariance

    plain = [weights, mass, phi, bias, kernel, target, times]
    for one, other in zip(results(plain), results([data.draw(dressed(array)) for array in plain]), strict=True):
        close(one, other, rtol=1e-6, atol=1e-6)  # single precision of `target` is not exact to begin with


@few
@given(st.integers(1, 4), st.integers(0, 5), seeds, st.integers(1, 3))
def test_nothing_that_is_passed_is_changed(n, n_hidden, seed, runs):
    rng = np.random.default_rng(seed)
    weights, phi, target = 0.1 * rng.standard_normal((n, n_hidden)), rng.standard_normal((5, n)), np.eye(n) / 3
    copies = weights.copy(), phi.copy(), target.copy()
    rbm = ScalarRBM(weights, 6.0)
    rbm.gibbs(phi, 2, 0), rbm.reconstruct(phi), FreeScalarField(n).action(phi), second_moment(phi, center=True)
    GaussianBernoulliRBM(weights, 6.0).gibbs(phi, 1, 0)
    Phi4RBM(weights, 6.0, 1.0).gibbs(phi, 1, 0)
    srbm.train(rbm, target, 3, 0.01, PCD(4), runs=runs, momentum=0.5, learn_mass=True, rng=0)
    srbm.gradient_flow(rbm, target, [0.0, 1.0])
    for array, copy in zip((weights, phi, target), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    weights += 1
    assert not np.array_equal(rbm.weights, weights) or not weights.size  # the model keeps its own
    with pytest.raises(ValueError, match="read-only"):
        rbm.weights[...] = 0


# Closed forms


@few
@given(spectra(), seeds)
def test_exact_solutions(made, seed):
    kappa, mass_squared, unit = made
    kernel = matrix_with(kappa / unit, seed) * unit
    for solution in (srbm.cholesky_solution, srbm.symmetric_solution):
        if mass_squared >= kappa[-1] * (1 + 1e-9):
            close(solution(kernel, mass_squared).kernel, kernel, atol=1e-7)
        elif mass_squared < kappa[-1] * (1 - 1e-9):
            with pytest.raises(ValueError, match="below the largest eigenvalue"):
                solution(kernel, mass_squared)


@few
@given(spectra(), st.integers(0, 7), seeds, st.booleans())
def test_maximum_likelihood_and_its_divergence(made, n_hidden, seed, free):
    kappa, mass_squared, unit = made
    n = len(kappa)
    correlation = matrix_with(unit / kappa, seed) / unit
    if free and n_hidden >= n:
        with pytest.raises(ValueError, match="pass mass_squared"):
            srbm.maximum_likelihood(correlation, n_hidden)
        return
    best = srbm.maximum_likelihood(correlation, n_hidden, None if free else mass_squared)
    assert best.weights.shape == (n, n_hidden)
    assert best.is_normalizable
    kept = min(n_hidden, n if free else int((kappa < mass_squared * (1 - 1e-9)).sum()))
    close(best.eigenvalues[:kept], kappa[:kept], rtol=1e-6)
    left = srbm.truncated_kl(kappa, n_hidden, best.mass_squared)
    assert left >= 0
    if left > 1e-6:
        close(srbm.kl_divergence(np.linalg.inv(correlation * unit) * unit, best.kernel), left, rtol=1e-5)
    curve = srbm.truncated_kl(kappa, np.arange(n + 3), best.mass_squared)
    assert (np.diff(curve) <= 0).all()


@few
@given(spectra(), seeds, st.sampled_from([1e-9, 1e-12, 1e-15, 1e-17, 0.0]), st.integers(0, 7))
def test_nearly_singular_correlations(made, seed, smallness, n_hidden):
    """Data that hardly vary in some direction: everything is finite, or says what to do."""
    kappa, mass_squared, unit = made
    n = len(kappa)
    variances = np.concatenate([unit / kappa, [smallness * unit / kappa[-1]]])
    correlation = matrix_with(variances, seed) / unit
    best = srbm.maximum_likelihood(correlation, n_hidden, mass_squared)
    assert best.is_normalizable
    assert np.isfinite(best.log_likelihood(correlation))
    if variances[min(n_hidden, n) :].mean() > 2e-12 * variances.max():  # 1e-12 is taken for rounding
        assert np.isfinite(srbm.maximum_likelihood(correlation, min(n_hidden, n)).weights).all()
    elif smallness == 0:
        with pytest.raises(ValueError, match="no maximum"):
            srbm.maximum_likelihood(correlation, n)
    result = srbm.recommend(correlation, 0.1)
    assert np.isfinite(result.kl).all()
    assert (np.diff(result.kl) <= 1e-12).all()
    assert 0 <= result.n_hidden < len(result.kl)
    assert 0 <= result.n_null <= 1
    str(result)
    start = ScalarRBM.random(n + 1, n_hidden, mass_squared, scale=1e-2 * np.sqrt(unit), rng=seed)
    for gradient in (Exact(), PCD(4), PCD(40), CD(4), CD(40)):
        assert np.isfinite(srbm.train(start, correlation, 3, 1e-3 * unit, gradient, rng=0).log_likelihood).all()
    # Until the lightest mode has just arrived, exp(6) times as large as at the start. There it relaxes at the rate
    # 2 mu^2 / kappa^2, which only steps as small can follow: a time of order one would take minutes for some kappa.
    flow = srbm.gradient_flow(start, correlation, np.array([0.0, 1.0, 6.0]) * kappa[0])
    assert (flow.eigenvalues > 0).all()


@few
@given(spectra(), units)
def test_units_of_closed_forms(made, other):
    kappa, mass_squared, unit = made
    a, b = kappa / unit, mass_squared / unit
    hidden = np.arange(len(kappa) + 2)
    close(srbm.truncated_kl(a * other, hidden, b * other), srbm.truncated_kl(a, hidden, b), rtol=1e-6, atol=1e-9)
    rates = srbm.relaxation_rates(a * other, b * other)
    close(rates * other, srbm.relaxation_rates(a, b), rtol=1e-6)
    limit, limit_other = srbm.learning_rate_limit(a, b), srbm.learning_rate_limit(a * other, b * other)
    assert limit == limit_other == np.inf or limit_other == pytest.approx(limit * other, rel=1e-6)
    close(srbm.noise_floor(a * other, b * other, 0.01 * other, 32), srbm.noise_floor(a, b, 0.01, 32), rtol=1e-6)
    initial = np.minimum(np.linspace(0.1, 1.0, len(a)), 1.0) * b
    times = np.array([0.0, 1e-6, 1.0, 1e6])
    path = srbm.mode_trajectory(a, b, initial, times)
    assert ((path > 0) & (path <= b)).all()
    close(srbm.mode_trajectory(a * other, b * other, initial * other, times * other), path * other, rtol=1e-6)
    one, two = srbm.recommend(1 / a, 0.1), srbm.recommend(1 / (a * other), 0.1)
    assert one.n_hidden == two.n_hidden
    assert two.mass_squared == pytest.approx(one.mass_squared * other)


# Training and flow


@fewer
@given(
    models(),
    seeds,
    st.sampled_from([Exact(), CD(3), PCD(3), CD(40), PCD(40)]),
    st.sampled_from([False, True, "mu"]),
    st.sampled_from([1e-3, 0.1, 1e3, 1e9, 1e300]),
    st.integers(1, 3),
)
def test_training_stays_among_the_models_or_says_so(made, seed, gradient, learn_mass, rate, runs):
    rbm, unit = made
    target = matrix_with(np.linspace(0.2, 1, rbm.n_visible), seed) / unit
    try:
        training = srbm.train(rbm, target, 5, rate, gradient, learn_mass=learn_mass, runs=runs, rng=seed)
    except NotNormalizableError as error:
        training = error.last_good
        if training is None:
            assert rbm.eigenvalues[0] < 1e-7 * unit
            return
    assert (training.eigenvalues > 0).all()
    assert (np.diff(training.eigenvalues, axis=-1) >= -1e-12 * np.max(training.eigenvalues)).all()
    assert np.isfinite(training.log_likelihood).all()
    for model in training.models:
        assert model.is_normalizable


@fewer
@given(models(), seeds, st.booleans(), st.integers(-2, 0))
def test_gradient_flow_climbs(made, seed, learn_mass, exponent):
    rbm, unit = made
    target = matrix_with(np.linspace(0.2, 1, rbm.n_visible), seed) / unit
    times = np.array([0.0, 0.3, 1.0]) * 10.0**exponent * unit / rbm.hidden_variance
    if np.ndim(rbm.mass_squared):
        with pytest.raises(ValueError, match="one mass_squared"):
            srbm.gradient_flow(rbm, target, times)
        return
    try:
        flow = srbm.gradient_flow(rbm, target, times, learn_mass and 1e-9 < unit < 1e9)
    except NotNormalizableError as error:
        flow = error.last_good
        if flow is None:
            return
    assert (flow.eigenvalues > 0).all()
    assert np.isfinite(flow.weights).all()
    models = [ScalarRBM(w, m, flow.hidden_variance) for w, m in zip(flow.weights, flow.mass_squared, strict=True)]
    if all(model.eigenvalues[0] > 1e-6 * unit for model in models):
        climbed = np.diff([model.log_likelihood(target) for model in models])
        assert (climbed >= -1e-7).all()


# Latent form


@few
@given(models())
def test_latent_form_and_back(made):
    rbm, unit = made
    try:
        latent = srbm.latent_form(rbm)
    except NotNormalizableError:
        assert rbm.eigenvalues[0] < 1e-12 * unit
        return
    back = srbm.from_latent(*latent, rbm.hidden_variance)
    close(back.kernel, rbm.kernel, rtol=1e-5, atol=1e-6)
    assert latent.covariance.shape == (rbm.n_visible,) * 2


@fewer
@given(st.integers(2, 5), seeds, units)
def test_factor_analysis_keeps_the_variances(n, seed, unit):
    rng = np.random.default_rng(seed)
    loadings = rng.standard_normal((n, 1))
    correlation = (loadings @ loadings.T + np.diag(rng.uniform(0.5, 2, n))) / unit
    rbm = srbm.factor_analysis(correlation, 1, rng=seed)
    close(np.diag(rbm.propagator), np.diag(correlation), rtol=1e-4)


# Machines with interactions


@few
@given(st.integers(1, 4), st.integers(0, 5), seeds, st.sampled_from([-50, -20, 0, 20, 50]), st.floats(0, 3))
def test_bernoulli_machine(n, n_hidden, seed, exponent, strength):
    unit = 10.0**exponent  # of fields
    rng = np.random.default_rng(seed)
    rbm = GaussianBernoulliRBM(
        strength * rng.standard_normal((n, n_hidden)) / unit, 2.0 / unit**2, rng.standard_normal(n_hidden)
    )
    assert rbm.hidden_probabilities.sum() == pytest.approx(1)
    assert (np.abs(rbm.hidden_moments[0]) <= 1 + 1e-12).all()
    np.testing.assert_array_equal(rbm.propagator, rbm.propagator.T)
    assert (np.linalg.eigvalsh(rbm.propagator / unit**2) >= 0.5 - 1e-9).all()
    phi = unit * rng.standard_normal((2, 3, n))
    assert np.isfinite(rbm.effective_action(phi)).all()
    assert (np.abs(rbm.hidden_mean(phi)) <= 1).all()
    assert rbm.gibbs(phi, 2, seed).shape == phi.shape
    assert rbm.sample(3, seed).shape == (3, n)
    assert np.isfinite(rbm.log_likelihood(phi[0]))
    estimate, error = rbm.annealed_log_partition(5, 20, seed)
    assert np.isfinite(estimate)
    assert 0 <= error <= 1 + 1e-9
    data = unit * rng.standard_normal((6, n))
    for gradient in (srbm.bernoulli_gradient(rbm, data), srbm.bernoulli_gradient(rbm, data, data[:2])):
        assert [np.shape(part) for part in gradient] == [(n, n_hidden), (n_hidden,), ()]
    trained = srbm.train_bernoulli(rbm, data, 2, 1e-3 / unit**2, chains=3, learn_bias=False, rng=seed)
    assert np.isfinite(trained.singular_values).all()


@few
@given(
    st.integers(1, 4),
    st.integers(0, 5),
    seeds,
    st.sampled_from([-30, -10, 0, 10, 30]),
    st.sampled_from([0.0, 1e-12, 0.3, 1e6]),
)
def test_quartic_machine(n, n_hidden, seed, exponent, quartic):
    unit = 10.0**exponent
    rng = np.random.default_rng(seed)
    rbm = Phi4RBM(0.2 * rng.standard_normal((n, n_hidden)) / unit, 6.0 / unit**2, quartic / unit**4)
    phi = unit * rng.standard_normal((2, 3, n))
    action = rbm.effective_action(phi)
    close(action, np.einsum("...i,ij,...j", phi, rbm.kernel, phi) / 2 + rbm.quartic * (phi**4).sum(axis=-1))
    swept = rbm.gibbs(phi, 2, seed)
    assert np.isfinite(swept).all()
    assert swept.shape == phi.shape
    assert rbm.sample(3, seed, chains=2, burn_in=1, sweeps=1).shape == (3, n)


# Data


@few
@given(st.integers(1, 4), st.integers(1, 40), seeds, st.integers(-75, 75), st.booleans(), st.integers(1, 7))
def test_second_moments(n, rows, seed, exponent, center, blocks):
    data = np.random.default_rng(seed).standard_normal((rows, n)) * 10.0**exponent + 3 * 10.0**exponent
    parts = np.array_split(data, blocks)
    moment = second_moment(iter(parts), center)
    expected = np.cov(data.T, bias=True).reshape(n, n) if center else data.T @ data / rows
    close(moment, expected, atol=1e-10)
    np.testing.assert_array_equal(moment, moment.T)
    assert np.linalg.eigvalsh(moment / moment.max() if moment.any() else moment)[0] >= -1e-12


@few
@given(
    st.sampled_from([np.uint8, np.int8, np.int16, np.uint16, np.int32, bool]),
    st.integers(1, 4),
    st.integers(1, 300),
    seeds,
    st.booleans(),
)
def test_integer_moments_are_exact(kind, n, rows, seed, center):
    info = (0, 2) if kind is bool else (np.iinfo(kind).min // 64, np.iinfo(kind).max // 64 + 1)
    data = np.random.default_rng(seed).integers(*info, (rows, n)).astype(kind)
    wide = data.astype(object)
    exact = (wide.T @ wide).astype(float) / rows
    close(second_moment(data), exact, rtol=1e-14)
    close(second_moment(np.asfortranarray(data)[::-1]), exact, rtol=1e-14)
    if center:
        close(
            second_moment(data, center=True),
            np.cov(data.astype(float).T, bias=True).reshape(n, n),
            rtol=1e-7,
            atol=1e-7,
        )


@few
@given(seeds, st.sampled_from([-150, -20, 0, 20, 150]), st.floats(-0.5, 0.5), st.integers(0, 2))
def test_errors_of_averages(seed, exponent, coefficient, axes):
    rng = np.random.default_rng(seed)
    series = rng.standard_normal((2,) * axes + (4000,))
    for t in range(1, 4000):
        series[..., t] += coefficient * series[..., t - 1]
    series *= 10.0**exponent
    tau = srbm.autocorrelation_time(series)
    assert np.shape(tau) == (2,) * axes
    close(tau, (1 + coefficient) / (1 - coefficient), rtol=0.6)
    assert (np.asarray(srbm.standard_error(series)) > 0).all()


# Beyond every range: a documented exception, or a number.

POOL = np.array([0.0, -1.0, 1.0, 1e-320, 1e-150, 1e-75, 1e75, 1e150, 1e200, 1e308, -1e308, np.nan, np.inf])


@few
@given(seeds, st.integers(1, 3), st.integers(0, 3), st.sampled_from([0.05, 0.3, 0.9]))
def test_wild_numbers(seed, n, n_hidden, wildness):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        tame, wild = rng.uniform(0.1, 3, shape), rng.choice(POOL, shape)
        return np.where(rng.random(shape) < wildness, np.where(rng.random(shape) < 0.5, wild, -tame), tame)

    def attempt(function, *arguments, **options):
        try:
            return function(*arguments, **options)
        except ValueError:
            return None

    matrix = draw(n, n)
    symmetric = matrix + matrix.T if np.abs(matrix).max() < 1e300 else matrix
    rbm = attempt(ScalarRBM, draw(n, n_hidden), float(draw()), float(draw()))
    if rbm is not None:
        phi = draw(n)
        for call in (
            lambda: rbm.eigenvalues,
            lambda: rbm.propagator,
            lambda: rbm.log_partition,
            lambda: rbm.sample(2, 0),
            lambda: rbm.gibbs(phi, 2, 0),
            lambda: rbm.reconstruct(phi),
            lambda: rbm.log_likelihood(symmetric),
            lambda: srbm.latent_form(rbm).covariance,
            lambda: srbm.train(rbm, symmetric, 3, float(draw()), PCD(4), rng=0).eigenvalues,
            lambda: srbm.train(rbm, np.eye(n), 3, float(draw()), rng=0).eigenvalues,
        ):
            result = attempt(call)
            assert result is None or np.isfinite(result).all()
    bernoulli = attempt(GaussianBernoulliRBM, draw(n, n_hidden), float(draw()), draw(n_hidden))
    if bernoulli is not None:
        for call in (
            lambda: bernoulli.log_partition,
            lambda: bernoulli.propagator,
            lambda: bernoulli.sample(2, 0),
            lambda: bernoulli.gibbs(draw(n), 2, 0),
            lambda: bernoulli.effective_action(draw(n)),
        ):
            result = attempt(call)
            assert result is None or np.isfinite(result).all()
    quartic = attempt(Phi4RBM, draw(n, n_hidden), float(draw()), float(draw()))
    if quartic is not None:
        for call in (lambda: quartic.effective_action(draw(n)), lambda: quartic.gibbs(draw(n), 2, 0)):
            result = attempt(call)
            assert result is None or np.isfinite(result).all()
    field = attempt(FreeScalarField, n, float(draw()))
    if field is not None:
        for call in (lambda: field.propagator, lambda: field.sample(2, 0), lambda: field.action(draw(n))):
            result = attempt(call)
            assert result is None or np.isfinite(result).all()
    for result in (
        attempt(srbm.kl_divergence, symmetric, np.eye(n)),
        attempt(srbm.kl_divergence, np.eye(n), symmetric),
        attempt(second_moment, draw(3, n)),
        attempt(second_moment, draw(3, n), center=True),
        attempt(srbm.mode_trajectory, draw(n), float(draw()), draw(n), draw(2)),
        attempt(srbm.relaxation_rates, draw(n), float(draw())),
        attempt(srbm.autocorrelation_time, draw(60)),
    ):
        assert result is None or np.isfinite(result).all()
    for solve in (srbm.cholesky_solution, srbm.symmetric_solution):
        attempt(solve, symmetric, float(draw()))
    attempt(srbm.maximum_likelihood, symmetric, n_hidden, float(draw()))
    attempt(srbm.maximum_likelihood, symmetric, n_hidden)
    attempt(srbm.recommend, symmetric, float(draw()), noise=float(draw()))
    attempt(srbm.factor_analysis, symmetric, min(n_hidden, n - 1))
    attempt(srbm.from_latent, draw(n, n_hidden), float(draw()))
    for result in (
        attempt(srbm.truncated_kl, draw(n), 1, float(draw())),
        attempt(srbm.learning_rate_limit, draw(n), float(draw())),
        attempt(srbm.noise_floor, draw(n), float(draw()), float(draw()), 8),
    ):
        assert result is None or not np.isnan(result).any()  # infinite where the docstrings say so
