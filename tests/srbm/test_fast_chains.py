"""Fast chains for large models against explicit chains in double precision: whole distributions after some updates."""

import numpy as np
import pytest
from scipy import stats

from srbm import CD, PCD, Exact, ScalarRBM, Training, train
from srbm.chains.explicit import ExplicitChains
from srbm.chains.gram import GramChains
from srbm.chains.hidden import HiddenChains, _decompose
from srbm.chains.normals import single_normals
from srbm.chains.single import SingleChains
from srbm.chains.stack import Ensemble
from tests.srbm.helpers import RARE, matrix_with, same_law_p_value


def nearly_equal_columns():
    column = np.array([0.7, -0.5, 0.3, 0.6])
    return ScalarRBM(np.stack([column, column * (1 + 1e-9 * np.arange(4))], axis=1), 4.0)


# With a learning rate so large that what happens between two updates matters.
MODELS = {
    "N_h < N_v": (ScalarRBM.random(4, 2, 4.0, scale=0.6, rng=4), 0.4),
    "N_h = N_v": (ScalarRBM.random(3, 3, 4.0, scale=0.4, hidden_variance=1.7, rng=1), 0.2),
    "mass per node": (ScalarRBM.random(4, 2, [4.0, 6.0, 5.0, 4.5], scale=0.65, hidden_variance=0.6, rng=3), 0.2),
    "nearly rank deficient": (nearly_equal_columns(), 0.4),
}
every_model = pytest.mark.parametrize("name", MODELS)
every_persistence = pytest.mark.parametrize("persistent", ["visible", "hidden"])


def stack(rbm, runs=1):
    return Ensemble(
        np.stack([rbm.weights] * runs), np.stack([np.atleast_1d(rbm.mass_squared)] * runs), rbm.hidden_variance
    )


def after_updates(sampler, name, seed, runs=4000, updates=5):
    """W and C W of each run, (runs, features)."""
    rbm, rate = MODELS[name]
    target = matrix_with(np.linspace(0.2, 0.7, rbm.n_visible), rng=0)
    ensemble, rng = stack(rbm, runs), np.random.default_rng(seed)
    chains = sampler.start(ensemble, target, rng)
    for _ in range(updates):
        term, chains = sampler.model_term(ensemble, chains, rng)
        ascent = rbm.hidden_variance * (target @ ensemble.weights - term.correlation_weights)
        ensemble = Ensemble(ensemble.weights + rate * ascent, ensemble.mass_squared, rbm.hidden_variance)
    return np.concatenate([ensemble.weights.reshape(runs, -1), term.correlation_weights.reshape(runs, -1)], axis=1)


@every_model
@every_persistence
@pytest.mark.parametrize("steps", [1, 3])
def test_fast_chains_equal_explicit_chains_in_law(name, persistent, steps):
    oracle = after_updates(ExplicitChains(8, steps, persistent), name, 1)
    for fast in (SingleChains(8, steps, persistent), HiddenChains(8, steps, persistent)):
        assert same_law_p_value(after_updates(fast, name, 3), oracle) > RARE, fast


@pytest.mark.parametrize("name", ["mass per node", "nearly rank deficient"])
@pytest.mark.parametrize(
    "wrong",
    [HiddenChains(8, 1, "hidden"), SingleChains(8, 1, "hidden"), HiddenChains(11, 1), HiddenChains(8, 2)],
    ids=["h in hidden space", "h explicitly", "B", "k"],
)
def test_the_comparison_sees_what_persists_and_how_many_chains(name, wrong):
    assert same_law_p_value(after_updates(wrong, name, 3), after_updates(ExplicitChains(8), name, 1)) < RARE


@pytest.mark.parametrize("condition", [1, 10, 300, 3e3, 3e4, 3e5, 1e6, 1e15])
def test_the_decomposition_holds_however_unequal_the_couplings_are(condition):
    left, right = (np.linalg.qr(np.random.default_rng(seed).standard_normal((60, 12)))[0] for seed in (0, 1))
    w = left * np.geomspace(0.9, 0.9 / condition, 12) @ np.linalg.qr(right[:12])[0]
    single, gram, basis, triangle = _decompose(Ensemble(2 * w[None], np.array([[4.0]]), 1.0))
    np.testing.assert_allclose(single[0], w, rtol=0, atol=1e-7)
    np.testing.assert_allclose(gram[0], w.T @ w, rtol=0, atol=1e-15)
    assert (np.tril(triangle[0], -1) == 0).all()
    assert basis.spanning.dtype == np.float32
    orthonormal = basis.spanning[0] @ basis.mixing[0]
    np.testing.assert_allclose(orthonormal @ triangle[0], w, rtol=0, atol=3e-7)
    rounding = 1e-6 + 1e-7 * condition if condition < 1e3 else 2e-7  # from there on Q is rounded once, when it is done
    assert np.abs(orthonormal.T @ orthonormal - np.eye(12)).max() < rounding


@pytest.mark.parametrize(("method", "persistent"), [("gram", "visible"), ("hidden", "visible"), ("hidden", "hidden")])
def test_chains_of_weights_that_turn(method, persistent):
    """Infinitely many chains, through two updates; the first makes W forty times as large, in other directions."""
    target = matrix_with([0.2, 0.3, 0.4, 8.0, 12.0], rng=2)
    rbm = ScalarRBM(np.random.default_rng(3).standard_normal((5, 2)) / 100, 4.0, hidden_variance=1.5)
    s2, mu2, rates, before = 1.5, 4.0, (2.5, 0.01), rbm.weights
    after = before + rates[0] * s2 * (target - rbm.propagator) @ before
    expected = {}
    for kept, last in (("visible", after), ("hidden", before)):  # W that the h of the second update are drawn with
        hidden = s2 * np.eye(2) + s2**2 * last.T @ rbm.propagator @ last
        expected[kept] = (after @ hidden @ after.T / mu2**2 + np.eye(5) / mu2) @ after
    training = train(rbm, target, 2, rates.__getitem__, PCD(10**10, 1, persistent, method), rng=0)
    assert 1 < training.eigenvalues[1, 0] < 3
    ours = target @ after - (training.model.weights - after) / (rates[1] * s2)
    np.testing.assert_allclose(ours, expected[persistent], rtol=0, atol=3e-4)  # B^-1/2 = 1e-5
    assert np.abs(expected["visible"] - expected["hidden"]).max() > 1e-2


@every_persistence
def test_a_training_goes_on_however_near_the_pole(persistent):
    """Gram matrices of chains that fluctuate 1e8 times as much along one mode have digits left in double precision."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((size, 3)))[0] for size in (8, 3))
    rbm = ScalarRBM(left * np.sqrt(1 - np.array([1e-8, 0.1, 0.5])) @ right.T, 1.0)
    training = train(rbm, rbm.propagator, 20, 1e-22, PCD(24, 2, persistent, "hidden"), rng=1)
    np.testing.assert_allclose(training.eigenvalues[-1, 0], 1e-8, rtol=0.1, atol=0)


def test_variances_of_single_chains():
    rbm = MODELS["mass per node"][0]
    features = []
    for sampler, seed in ((ExplicitChains(6), 1), (SingleChains(6), 2)):
        ensemble, rng = stack(rbm, 4000), np.random.default_rng(seed)
        term, _ = sampler.model_term(ensemble, sampler.start(ensemble, None, rng), rng)
        features.append(term.variances)
    assert same_law_p_value(*features) > RARE
    assert same_law_p_value(features[0], 1.1 * features[1]) < RARE


def test_what_persists_matters_in_the_order_of_the_learning_rate():
    """Infinitely many chains: <h h^T> is s^2 + s^4 W^T C W with W from after, or from before, the last update."""
    rbm = ScalarRBM.random(5, 2, 4.0, scale=0.5, hidden_variance=1.3, rng=1)
    s2, mu2, before = rbm.hidden_variance, 4.0, rbm.weights
    rates, differences = np.array([0.08, 0.04, 0.02]), []
    for rate in rates:
        after = before + rate * matrix_with([0.2, 0.4, 0.5, 0.6, 0.9], rng=2) @ before
        found = []
        for persistent, last in (("visible", after), ("hidden", before)):
            sampler, rng = HiddenChains(10**11, 1, persistent), np.random.default_rng(0)
            _, chains = sampler.model_term(stack(rbm), sampler.start(stack(rbm), None, rng), rng)
            term, _ = sampler.model_term(stack(ScalarRBM(after, mu2, s2)), chains, rng)
            hidden = s2 * np.eye(2) + s2**2 * last.T @ rbm.propagator @ last
            expected = (after @ hidden @ after.T / mu2**2 + np.eye(5) / mu2) @ after
            np.testing.assert_allclose(term.correlation_weights[0], expected, rtol=0, atol=1e-5)  # B^-1/2 = 3e-6
            found.append(term.correlation_weights[0])
        differences.append(np.abs(found[0] - found[1]).max())
    assert differences[-1] > 20 * 1e-5
    slopes = np.diff(np.log(differences)) / np.diff(np.log(rates))
    assert (np.abs(slopes - 1) < 0.15).all(), slopes


@pytest.mark.parametrize("size", [1, 2, 7, 65_535, 65_536, 65_537, 1_000_001])
def test_single_normals(size):
    values = single_normals(np.random.default_rng(size), (size,))
    assert values.dtype == np.float32
    assert stats.kstest(values.astype(float), "norm").pvalue > RARE


def test_single_normals_in_the_tails_and_in_pairs():
    values = single_normals(np.random.default_rng(0), (4, 1000, 1000)).astype(float)
    for bound in (3.5, 4.0, 4.5):
        expected = values.size * 2 * stats.norm.sf(bound)
        assert stats.poisson.cdf((np.abs(values) > bound).sum(), expected) > RARE
        assert stats.poisson.sf((np.abs(values) > bound).sum() - 1, expected) > RARE
    flat = values.ravel()
    for lag in (1, 2, 32_768, 65_536):  # the two of a pair are half a block apart
        for power in (1, 2):
            x = flat**power - (power == 2)
            correlation = (x[lag:] * x[:-lag]).mean() / x.var()
            assert abs(correlation) * np.sqrt(x.size) < 5
    assert (single_normals(np.random.Generator(np.random.MT19937(0)), (3, 5)) != 0).all()


LARGE = ScalarRBM.random(66, 3, 6.0, scale=0.12, rng=2)
TARGET = matrix_with(np.linspace(0.18, 0.9, 66), rng=0)


@pytest.mark.parametrize(
    ("strategy", "shape", "learn_mass", "chosen"),
    [
        (PCD(12), (66, 3), False, "hidden"),
        (PCD(12, 2, "hidden"), (66, 3), False, "hidden"),
        (PCD(11), (66, 3), False, "single"),
        (PCD(11, 2, "hidden"), (66, 3), False, "single"),
        (PCD(12), (66, 3), True, "single"),
        (PCD(12), (66, 3), "mu", "single"),
        (PCD(300), (66, 67), False, "gram"),
        (PCD(300), (66, 66), False, "hidden"),
        (PCD(300, 1, "hidden"), (66, 67), False, "single"),
        (PCD(12), (64, 3), False, "explicit"),
        (PCD(300), (66, 0), False, "gram"),
        (PCD(12), (66, 0), False, "explicit"),
        (PCD(128), (64, 3), True, "gram"),
        (PCD(127), (64, 3), True, "explicit"),
        (PCD(128, 1, "hidden"), (64, 3), False, "explicit"),
        (PCD(12, method="explicit"), (66, 3), False, "explicit"),
        (PCD(8, method="hidden"), (4, 4), False, "hidden"),
        (PCD(2, method="single"), (4, 4), True, "single"),
        (CD(128), (64, 3), False, "gram"),
        (CD(127), (64, 3), False, "explicit"),
        (CD(999), (66, 3), False, "gram"),
        (CD(12), (66, 3), False, "explicit"),
        (CD(128, method="explicit"), (64, 3), False, "explicit"),
        (Exact(), (66, 3), False, "exact"),
    ],
)
def test_the_choice_of_a_method(strategy, shape, learn_mass, chosen):
    rbm = ScalarRBM.random(*shape, 9.0, scale=0.05, rng=0)
    training = train(rbm, np.eye(shape[0]) / 2, 1, 1e-3, strategy, learn_mass=learn_mass, rng=0)
    assert training.method == chosen
    assert training.resume(1).method == chosen


@pytest.mark.parametrize(
    ("strategy", "options", "needs"),
    [
        (PCD(7, method="gram"), {}, "B >= 2 N_v"),
        (CD(7, method="gram"), {}, "B >= 2 N_v"),
        (PCD(8, 1, "hidden", "gram"), {}, "not h to persist"),
        (PCD(3, method="hidden"), {}, "B >= 2 N_h"),
        (PCD(9, method="hidden"), {"learn_mass": True}, "a fixed mass"),
    ],
)
def test_a_method_that_cannot_be_used_says_what_it_needs(strategy, options, needs):
    rbm = ScalarRBM.random(4, 2, 9.0, rng=0)
    with pytest.raises(ValueError, match=rf'method="{strategy.method}" needs .*{needs}.*here N_v = 4, N_h = 2, B = '):
        train(rbm, np.eye(4), 1, 0.01, strategy, **options)


@pytest.mark.parametrize("method", ["hidden", "single"])
def test_methods_in_single_precision_need_hidden_nodes(method):
    with pytest.raises(ValueError, match=rf'method="{method}" needs .*N_h'):
        train(ScalarRBM(np.zeros((4, 0)), 9.0), np.eye(4), 1, 0.01, PCD(9, method=method))


def test_methods_that_do_not_exist():
    with pytest.raises(ValueError, match="method of PCD must be one of auto, hidden, gram, single, explicit, got 'fas"):
        PCD(8, method="fast")
    with pytest.raises(ValueError, match="method of CD must be one of auto, explicit, gram, got 'single'"):
        CD(8, method="single")


def trained(strategy, seed, runs=1500, **options):
    training = train(LARGE, TARGET, 4, 0.1, strategy, runs=runs, rng=seed, record_every=4, **options)
    directions = np.linalg.qr(np.random.default_rng(0).standard_normal((66, 3)))[0]
    weights = np.stack([model.weights for model in training.models])
    return np.concatenate(
        [
            (directions.T @ weights).reshape(runs, -1),
            training.log_likelihood[-1][:, None],
            training.mass_squared[-1][:, None] if options else weights[:, 0],
        ],
        axis=1,
    )


@every_persistence
@pytest.mark.parametrize("options", [{}, {"learn_mass": True}], ids=["hidden space", "explicit"])
def test_training_of_large_models_in_law(persistent, options):
    oracle = trained(PCD(12, 1, persistent, "explicit"), 1, **options)
    assert same_law_p_value(trained(PCD(12, 1, persistent), 2, **options), oracle) > RARE
    assert same_law_p_value(trained(PCD(20, 1, persistent), 2, **options), oracle) < RARE


@every_persistence
@pytest.mark.parametrize("chains", [8, 12], ids=["explicit", "hidden space"])
def test_large_models_go_on_exactly_where_they_stopped(persistent, chains, tmp_path):
    rbm = [ScalarRBM.random(66, 3, 6.0, scale=0.12, rng=seed) for seed in range(2)]
    options = {"momentum": 0.5, "record_every": 2, "weight_decay": 1e-3}
    whole = train(rbm, TARGET, 6, 0.05, PCD(chains, 2, persistent), rng=1, **options)
    half = train(rbm, TARGET, 4, 0.05, PCD(chains, 2, persistent), rng=1, **options)
    half.save(tmp_path / "half.npz")
    for resumed in (half.resume(2), Training.load(tmp_path / "half.npz").resume(2)):
        np.testing.assert_array_equal(resumed.log_likelihood, whole.log_likelihood)
        for one, other in zip(resumed.models, whole.models, strict=True):
            np.testing.assert_array_equal(one.weights, other.weights)
        np.testing.assert_array_equal(resumed._state.memory, whole._state.memory)


def test_large_models_are_reported_in_the_basis_of_the_nodes():
    seen = []
    training = train(LARGE, TARGET, 2, 1e-9, PCD(12), rng=0, callback=lambda epoch, model: seen.append(model.weights))
    for weights in (*seen, training.model.weights):
        np.testing.assert_allclose(weights, LARGE.weights, rtol=0, atol=1e-7)
    np.testing.assert_allclose(training.log_likelihood[0], LARGE.log_likelihood(TARGET), rtol=1e-12)
    np.testing.assert_allclose(training.eigenvalues[0], LARGE.eigenvalues, rtol=1e-12)


def test_exactly_equal_and_vanishing_columns():
    """W = Q F with a singular F: the chains go on, and a column of zeros stays one, as with explicit chains."""
    weights = np.array(LARGE.weights)
    weights[:, 1], weights[:, 2] = weights[:, 0], 0
    training = train(ScalarRBM(weights, 6.0), TARGET, 50, 0.05, PCD(12), rng=0)
    final = training.model.weights
    np.testing.assert_array_equal(final[:, 2], 0)
    np.testing.assert_allclose(final[:, 1], final[:, 0], rtol=1e-4)
    assert np.isfinite(final).all()


@every_persistence
@pytest.mark.parametrize("lightest", [1e-2, 1e-4])
def test_single_precision_near_the_pole(lightest, persistent):
    """Infinitely many chains stay in equilibrium but for rounding, which the pole amplifies by mu^2 / lambda."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((size, 3)))[0] for size in (80, 3))
    rbm = ScalarRBM(left * np.sqrt(1 - np.array([lightest, 0.1, 0.5])) @ right.T, 1.0)
    sampler = HiddenChains(10**13, 1, persistent)
    chains = sampler.start(stack(rbm), None, rng)
    for _ in range(100):
        term, chains = sampler.model_term(stack(rbm), chains, rng)
    exact = Exact().model_term(stack(rbm), None, None)[0].correlation_weights[0]
    ours = np.einsum("ia,ij,ja->a", left, term.correlation_weights[0], right)
    np.testing.assert_allclose(ours / np.einsum("ia,ij,ja->a", left, exact, right), 1, rtol=0, atol=3e-7 / lightest)


def test_what_can_persist():
    with pytest.raises(ValueError, match=r'persistent must be "visible" or "hidden", got \'h\''):
        PCD(8, 1, persistent="h")


class _Alike:
    """The same random numbers from what is no generator of NumPy's, for which the definition is taken."""

    def __init__(self, rng):
        self.standard_normal, self.standard_gamma = rng.standard_normal, rng.standard_gamma


@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("mass", [9.0, [8.0, 8.5, 9.0, 9.5, 10.0]], ids=["mass", "mass per node"])
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7, 10, 12])
def test_gram_chains_are_those_of_the_definition(runs, mass, steps):
    """From the same random numbers the same fields, up to rounding."""
    ensemble = stack(ScalarRBM.random(5, 4, mass, scale=0.8, hidden_variance=1.2, rng=1), runs)
    results = []
    sampler = GramChains(12, steps)
    for rng in (_Alike(np.random.default_rng(0)), np.random.default_rng(0)):
        chains = sampler.start(ensemble, None, rng)
        for _ in range(5):
            term, chains = sampler.model_term(ensemble, chains, rng)
        results.append((*term, chains, rng.standard_normal()))
    for ours, definition in zip(*results, strict=True):
        np.testing.assert_allclose(ours, definition, rtol=1e-11, atol=1e-13)


def test_a_machine_without_hidden_nodes_is_trained_in_silence(capfd):
    C = np.diag(1 / np.linspace(1, 2, 65))
    training = train(ScalarRBM(np.zeros((65, 0)), 1.5), C, 20, 0.01, PCD(300), learn_mass=True, rng=0)
    assert training.eigenvalues.shape == (21, 65)
    assert training.mass_squared[-1] != 1.5
    assert capfd.readouterr() == ("", "")  # LAPACK would complain on the file descriptor
