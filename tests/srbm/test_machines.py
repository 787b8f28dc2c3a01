"""The contract that all machines keep, against sums and integrals of exp(-S) over both layers."""

import inspect
from itertools import product

import numpy as np
import pytest
from scipy import integrate

from srbm import DatasetError, GaussianBernoulliRBM, NotNormalizableError, Phi4RBM, ScalarRBM, autocorrelation_time
from srbm.machine import Machine
from srbm.phi4 import quartic_mean

WEIGHTS = np.array([[0.9, 0.3], [-0.4, 0.7]])
MACHINES = {
    "ScalarRBM": ScalarRBM(WEIGHTS, [2.5, 3.0], 0.8, [0.6, -0.9]),
    "Phi4RBM": Phi4RBM(WEIGHTS, 2.5, 0.4, 0.8),
    "GaussianBernoulliRBM": GaussianBernoulliRBM(1.5 * WEIGHTS, 2.5, [0.6, -0.9]),
}
WRONG = {
    "ScalarRBM": ScalarRBM(WEIGHTS, [2.5, 3.0], 0.8, [-0.6, 0.9]),  # the sign of Eq. (88)
    "Phi4RBM": Phi4RBM(WEIGHTS, 2.5, 0.4 / 24, 0.8),  # a coupling with 1/4!
    "GaussianBernoulliRBM": GaussianBernoulliRBM(1.5 * WEIGHTS, 2.5, [-0.6, 0.9]),  # the sign of Eq. (7)
}
# The trapezoidal rule converges exponentially for what is analytic and decays like a Gaussian.
STEP = 0.25
PLANE, WIDE = (np.array(list(product(np.arange(-end, end + STEP / 2, STEP), repeat=2))) for end in (7, 12))


def joint_action(rbm, phi, h):
    """S(phi, h) as the classes define it, Eqs. (7) and (88), for phi (..., 2) and h (..., 2)."""
    coupling = np.einsum("...i,ia,...a->...", phi, rbm.weights, h)
    S = (rbm.mass_squared * phi**2).sum(axis=-1) / 2 - coupling
    if isinstance(rbm, GaussianBernoulliRBM):
        return S + h @ rbm.hidden_bias
    if isinstance(rbm, Phi4RBM):
        return S + rbm.quartic * (phi**4).sum(axis=-1) + (h**2).sum(axis=-1) / (2 * rbm.hidden_variance)
    return S + ((h - rbm.hidden_bias) ** 2).sum(axis=-1) / (2 * rbm.hidden_variance)


def layer(rbm):
    """All h that are summed over: spins, or a grid."""
    return np.array(list(product((-1.0, 1.0), repeat=2))) if isinstance(rbm, GaussianBernoulliRBM) else WIDE


def marginal(rbm):
    """p(phi) on `PLANE`, from sums over both layers."""
    h = layer(rbm)
    weight = np.array([np.exp(-joint_action(rbm, phi, h)).sum() for phi in PLANE])
    return weight / (weight.sum() * STEP**2)


@pytest.fixture(scope="module", params=MACHINES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def rbm(name):
    return MACHINES[name]


@pytest.fixture(scope="module")
def density(rbm):
    return marginal(rbm)


def log_z(rbm, phi=PLANE):
    """ln of the sum of exp(-action) over the plane."""
    return np.log(np.exp(-rbm.action(phi)).sum() * STEP**2)


def test_log_density_is_what_is_left_when_h_is_integrated_out(rbm, name, density):
    known = not isinstance(rbm, Phi4RBM)
    ours = rbm.log_density(PLANE) if known else rbm.log_density(PLANE, log_z(rbm))
    assert ours.shape == density.shape
    near = density > 1e-6 * density.max()  # beyond, the sum over h ends too soon
    np.testing.assert_allclose(ours[near], np.log(density[near]), rtol=0, atol=1e-9)
    if known:
        assert rbm.log_partition == pytest.approx(log_z(rbm), abs=1e-9)
        np.testing.assert_array_equal(ours, rbm.log_density(PLANE, rbm.log_partition))
    wrong = WRONG[name]
    other = wrong.log_density(PLANE, None if known else log_z(wrong))
    assert np.abs(other[near] - np.log(density[near])).max() > 0.1


def test_means_of_one_layer_given_the_other(rbm, name):
    h = layer(rbm)
    for phi in ([0.0, 0.0], [0.7, -1.1]):
        weight = np.exp(-joint_action(rbm, np.array(phi), h))
        mean = weight @ h / weight.sum()
        np.testing.assert_allclose(rbm.hidden_mean(phi), mean, rtol=0, atol=1e-10)
        assert np.abs(WRONG[name].hidden_mean(phi) - mean).max() > 0.1 or isinstance(rbm, Phi4RBM)
    for hidden in ([1.0, -1.0], [-1.0, -1.0]):
        weight = np.exp(-joint_action(rbm, PLANE, np.array(hidden)))
        mean = weight @ PLANE / weight.sum()
        np.testing.assert_allclose(rbm.visible_mean(hidden), mean, rtol=0, atol=1e-10)
        gaussian = rbm.weights @ hidden / rbm.mass_squared
        assert (np.abs(gaussian - mean).max() > 0.05) == isinstance(rbm, Phi4RBM)
    assert rbm.hidden_mean(np.zeros((2, 5, 2))).shape == rbm.visible_mean(np.zeros((2, 5, 2))).shape == (2, 5, 2)


def test_all_machines_are_called_alike(rbm):
    assert isinstance(rbm, Machine)
    for method in (
        "action",
        "effective_action",
        "log_density",
        "hidden_mean",
        "visible_mean",
        "condition",
        "fill",
        "gibbs",
        "trace",
        "save",
        "load",
    ):
        assert (
            inspect.signature(getattr(type(rbm), method)).parameters.keys()
            == inspect.signature(getattr(Machine, method)).parameters.keys()
        )
    assert list(inspect.signature(type(rbm).sample).parameters)[:3] == ["self", "n", "rng"]
    assert rbm.is_normalizable
    assert (rbm.n_visible, rbm.n_hidden) == (2, 2)
    np.testing.assert_array_equal(rbm.effective_action(PLANE), rbm.action(PLANE))


def test_without_z_there_is_no_density_and_an_error_says_why():
    with pytest.raises(ValueError, match=r"no closed form.* compare action\(phi\); or pass an estimate"):
        MACHINES["Phi4RBM"].log_density(np.zeros(2))
    many = GaussianBernoulliRBM.random(2, 30, 3.0, rng=0)
    with pytest.raises(ValueError, match="annealed_log_partition"):
        many.log_density(np.zeros(2))
    estimate, _ = many.annealed_log_partition(5, 5, rng=0)
    assert many.log_density(np.zeros(2), estimate) == -many.action(np.zeros(2)) - estimate
    beyond = ScalarRBM([[1.0], [2.0]], 4.0)
    with pytest.raises(NotNormalizableError, match="1 of 2 are <= 0"):
        beyond.log_density(np.zeros(2))
    with pytest.raises(ValueError, match="log_partition must be one number"):
        beyond.log_density(np.zeros(2), np.zeros(2))
    with pytest.raises(ValueError, match="phi must have 2 components"):
        beyond.log_density(np.zeros(3))


SITES = [
    (1.0, 0.0, 2.5),
    (1.0, 0.3, 2.5),
    (0.4, 1.5, -0.7),
    (6.0, 0.25, -9.0),
    (0.05, 2.0, 40.0),
    (1.0, 1e4, 3.0),
    (1e-4, 1.0, 0.3),
    (2.0, 1e-8, 300.0),
    (1.0, 1e-4, -900.0),
]


@pytest.mark.parametrize(("mass_squared", "quartic", "source"), SITES)
def test_the_mean_of_a_site(mass_squared, quartic, source):
    roots = np.roots([4 * quartic, 0, mass_squared, -source])
    mode = roots[np.argmin(np.abs(roots.imag))].real
    width = 1 / np.sqrt(mass_squared + 12 * quartic * mode**2 + np.sqrt(quartic))

    def weight(y):
        """Relative to the mode, expanded by hand: nothing cancels."""
        return np.exp(-(mass_squared / 2 + 6 * quartic * mode**2) * y**2 - 4 * quartic * mode * y**3 - quartic * y**4)

    y = np.linspace(-14, 14, 100_001) * width
    moments = [integrate.simpson(y**power * weight(y), x=y) for power in (0, 1)]
    expected = mode + moments[1] / moments[0]
    assert quartic_mean(source, mass_squared, quartic) == pytest.approx(expected, rel=1e-11)
    assert quartic == 0 or abs(mode - expected) > 1e-11 * abs(expected)  # the mode would not do
    np.testing.assert_allclose(
        quartic_mean([[source, -source]], mass_squared, quartic), [[expected, -expected]], rtol=1e-11, atol=0
    )


def looped(rbm, draws, phi, rng, *, sweeps=1, burn_in=0, measure=lambda phi: phi):
    """What `trace` replaces."""
    for _ in range(burn_in):
        phi = rbm.gibbs(phi, 1, rng)
    path = []
    for _ in range(draws):
        for _ in range(sweeps):
            phi = rbm.gibbs(phi, 1, rng)
        path.append(measure(phi))
    return np.array(path)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"burn_in": 7},
        {"sweeps": 3},
        {"burn_in": 2, "sweeps": 4},
        {"measure": lambda phi: (phi**4).mean()},
        {"measure": lambda phi: [phi.mean(), (phi[:, 0] * phi[:, 1]).mean()], "burn_in": 1},
        {"measure": lambda phi: np.exp(1j * phi)},
        {"measure": lambda phi: 1 / np.zeros(2)},
    ],
    ids=range(8),
)
def test_a_trace_is_the_loop_bit_for_bit(rbm, options):
    start = np.random.default_rng(2).standard_normal((5, 2))
    ours, loop = np.random.default_rng(3), np.random.default_rng(3)
    with np.errstate(all="ignore"):
        path, expected = rbm.trace(6, start, ours, **options), looped(rbm, 6, start, loop, **options)
    assert path.dtype == expected.dtype
    np.testing.assert_array_equal(path, expected)
    assert ours.random() == loop.random()
    if not options:
        assert path.shape == (6, 5, 2)
        assert (path[0] != start).all()
        np.testing.assert_array_equal(rbm.trace(6, start, 3), path)
        assert (rbm.trace(6, start, 4) != path).all()
        assert (rbm.trace(6, start, 3, burn_in=1)[:-1] == path[1:]).all()
        assert rbm.trace(0, start).shape == (0, 5, 2)
        assert rbm.trace(0, start, measure=lambda phi: phi.sum(axis=1)).shape == (0, 5)
        assert rbm.trace(3, start[0]).shape == (3, 2)


def test_a_trace_gives_autocorrelation_times():
    rbm = ScalarRBM([[2.0]], 9.0)  # a = 4/9
    path = rbm.trace(20_000, rbm.sample(20, rng=1), rng=2)
    tau = autocorrelation_time(np.moveaxis(path, 0, -1))
    assert tau.shape == (20, 1)
    error = tau.std(ddof=1) / np.sqrt(20)
    assert abs(tau.mean() - 13 / 5) < 5 * error
    assert abs(tau.mean() - 5 / 13) > 5 * error


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((-1, np.zeros(2)), {}, "draws must be an integer of at least 0"),
        ((3, np.zeros(3)), {}, "phi must have 2 components"),
        ((3, np.zeros(2)), {"sweeps": 0}, "sweeps must be an integer of at least 1"),
        ((3, np.zeros(2)), {"burn_in": 0.5}, "burn_in must be an integer"),
        ((3, np.zeros(2), -1), {}, "rng must be a seed"),
    ],
)
def test_wrong_arguments_of_a_trace(rbm, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        rbm.trace(*arguments, **options)


def parameters(rbm):
    return {name: np.asarray(value).tolist() for name, value in rbm.__getstate__().items()}


def test_a_file_holds_the_machine_to_the_last_bit(rbm, name, tmp_path):
    path = rbm.save(tmp_path / "machine.npz")
    again = type(rbm).load(path)
    assert type(again) is type(rbm)
    assert parameters(again) == parameters(rbm) != parameters(WRONG[name])
    np.testing.assert_array_equal(again.gibbs(np.ones(2), 3, rng=1), rbm.gibbs(np.ones(2), 3, rng=1))
    for other in MACHINES.values():
        if type(other) is not type(rbm):
            with pytest.raises(DatasetError, match=r"lacks |does not know"):
                type(other).load(path)
    with pytest.raises(FileNotFoundError, match="no file at"):
        type(rbm).load(tmp_path / "nothing.npz")


def test_no_bias_stays_none_and_any_other_stays_what_it_is(tmp_path):
    path = tmp_path / "machine.npz"
    for kind in (ScalarRBM, GaussianBernoulliRBM):
        balanced = kind(WEIGHTS, 3.0, hidden_bias=[0.5, -0.5])
        np.testing.assert_array_equal(kind.load(balanced.save(path)).hidden_bias, [0.5, -0.5])
    assert ScalarRBM.load(ScalarRBM(WEIGHTS, 3.0).save(path)).hidden_bias is None
    np.testing.assert_array_equal(
        GaussianBernoulliRBM.load(GaussianBernoulliRBM(WEIGHTS, 3.0).save(path)).hidden_bias, [0, 0]
    )
