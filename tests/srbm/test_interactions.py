"""Lattice phi^4 as an RBM: the site sampler against quadrature, the machine against the transfer matrix."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from results import phi4_scan
from srbm import FreeScalarField, NotNormalizableError, Phi4RBM, ScalarRBM
from srbm.phi4 import quartic_sites
from tests.srbm.helpers import RARE, assert_gaussian

SITES = [(1.0, 0.3, 0.0), (1.0, 0.3, 2.5), (0.4, 1.5, -0.7), (6.0, 0.25, -9.0), (2.0, 1e-8, 3.0), (0.05, 2.0, 40.0)]


def site_density(mass_squared, quartic, source):
    """The normalised density of a site on a fine grid around its mode: (x, p)."""
    roots = np.roots([4 * quartic, 0, mass_squared, -source])
    mode = roots[np.argmin(np.abs(roots.imag))].real
    x = mode + np.linspace(-8, 8, 20001) / np.sqrt(max(mass_squared, 0.3))
    exponent = -mass_squared * x**2 / 2 - quartic * x**4 + source * x
    p = np.exp(exponent - exponent.max())
    return x, p / integrate.trapezoid(p, x)


def site_p_value(draws, mass_squared, quartic, source):
    """Kolmogorov-Smirnov p-value of draws against the density by quadrature."""
    x, p = site_density(mass_squared, quartic, source)
    cdf = integrate.cumulative_trapezoid(p, x, initial=0)
    return stats.kstest(draws, lambda y: np.interp(y, x, cdf)).pvalue


@pytest.mark.parametrize(("mass_squared", "quartic", "source"), SITES)
def test_sites_are_drawn_from_their_density(mass_squared, quartic, source):
    draws = quartic_sites(np.full(20_000, source), mass_squared, quartic, rng=1)
    assert site_p_value(draws, mass_squared, quartic, source) > RARE


def test_a_wrong_density_fails():
    draws = quartic_sites(np.full(20_000, 1.0), 1.0, 0.3, rng=1)
    assert site_p_value(draws, 1.0, 0.4, 1.0) < RARE


def test_sites_without_a_quartic_term_are_gaussian():
    draws = quartic_sites(np.full(20_000, 3.0), 2.0, 0.0, rng=2)
    assert stats.kstest(draws, stats.norm(1.5, np.sqrt(0.5)).cdf).pvalue > RARE


def test_sites_keep_their_shape_and_their_own_source():
    source = np.array([[-50.0, 0.0, 50.0], [20.0, -20.0, 0.0]])
    draws = quartic_sites(np.broadcast_to(source[:, :, None], (2, 3, 4000)), 1.0, 0.5, rng=3)
    assert draws.shape == (2, 3, 4000)
    for index in np.ndindex(2, 3):
        x, p = site_density(1.0, 0.5, source[index])
        mean = integrate.trapezoid(x * p, x)
        error = np.sqrt(integrate.trapezoid((x - mean) ** 2 * p, x) / 4000)
        assert abs(draws[index].mean() - mean) < 5 * error


def test_sites_of_an_empty_source():
    assert quartic_sites(np.empty((0, 3)), 1.0, 0.5, rng=0).shape == (0, 3)


def test_single_site_is_a_bessel_function():
    # W = w: the machine has one site of mass mu^2 - s2 w^2 = -1.5 and Z, <phi^2> follow from I_{+-1/4}.
    w, mu2, quartic, s2 = 1.5, 3.0, 0.3, 2.0
    rbm = Phi4RBM([[w]], mu2, quartic, s2)
    mass = mu2 - s2 * w**2
    np.testing.assert_allclose(rbm.kernel, [[mass]], rtol=1e-14)

    def partition(m2):
        z = m2**2 / (32 * quartic)
        return np.pi / 4 * np.sqrt(-m2 / quartic) * np.exp(z) * (special.iv(-0.25, z) + special.iv(0.25, z))

    weight = lambda x: np.exp(-rbm.effective_action([x]))  # noqa: E731
    np.testing.assert_allclose(integrate.quad(weight, -np.inf, np.inf, epsabs=1e-12)[0], partition(mass), rtol=1e-10)
    second = -(np.log(partition(mass + 1e-5)) - np.log(partition(mass - 1e-5))) / 1e-5
    samples = rbm.sample(20_000, rng=4, chains=20_000, burn_in=300, sweeps=1)
    assert abs((samples**2).mean() - second) < 5 * (samples**2).std() / np.sqrt(len(samples))


def test_effective_action_is_what_is_left_after_integrating_h():
    rng = np.random.default_rng(5)
    rbm = Phi4RBM(rng.standard_normal((2, 1)), 2.0, 0.4, 0.7)

    def marginal(phi):
        """-ln of the integral of exp(-S(phi, h)) over h, by quadrature."""

        def weight(h):
            return np.exp(
                -rbm.mass_squared * phi @ phi / 2
                - rbm.quartic * (phi**4).sum()
                - h**2 / (2 * rbm.hidden_variance)
                + phi @ rbm.weights[:, 0] * h
            )

        return -np.log(integrate.quad(weight, -30, 30, epsabs=1e-13, epsrel=1e-12)[0])

    phi = rng.standard_normal((5, 2))
    constant = np.log(2 * np.pi * rbm.hidden_variance) / 2
    np.testing.assert_allclose(rbm.effective_action(phi), [marginal(x) + constant for x in phi], rtol=0, atol=1e-9)


@pytest.mark.parametrize(("shape", "mass_squared"), [((6,), 0.7), ((6,), -2.0), ((3, 4), -1.3), ((5,), 0.0)], ids=str)
@pytest.mark.parametrize("above", [0.0, 1.5])
def test_on_lattice_is_lattice_phi4(shape, mass_squared, above):
    field = FreeScalarField(shape, mass_squared)
    rbm = Phi4RBM.on_lattice(field.kernel, 0.3, field.eigenvalues[-1] + above, hidden_variance=0.6)
    np.testing.assert_allclose(rbm.kernel, field.kernel, rtol=0, atol=1e-12)
    np.testing.assert_allclose(rbm.weights, rbm.weights.T, rtol=0, atol=1e-14)
    phi = np.random.default_rng(6).standard_normal((4, 3, field.n_sites))
    action = field.action(phi) + 0.3 * (phi**4).sum(-1)
    np.testing.assert_allclose(rbm.effective_action(phi), action, rtol=0, atol=1e-11)


def test_on_lattice_equals_the_gaussian_solution_where_that_exists():
    field = FreeScalarField(5, 1.0)
    rbm = Phi4RBM.on_lattice(field.kernel, 0.3, 6.0)
    np.testing.assert_allclose(rbm.weights @ rbm.weights, 6.0 * np.eye(5) - field.kernel, rtol=0, atol=1e-12)


def test_without_coupling_it_is_the_gaussian_machine():
    field = FreeScalarField(6, 1.0)
    rbm = Phi4RBM.on_lattice(field.kernel, 0.0, 5.0)
    samples = rbm.sample(3000, rng=7, chains=3000, burn_in=80, sweeps=1)
    assert_gaussian(samples, field.kernel)
    assert isinstance(ScalarRBM(rbm.weights, 5.0).log_partition, float)


class Ring:
    """phi^4 on a ring of n sites by its transfer matrix: the oracle in one dimension."""

    def __init__(self, n, mass_squared, quartic):
        self.x = np.linspace(-5, 5, 161)
        V = mass_squared * self.x**2 / 2 + quartic * self.x**4
        T = (self.x[1] - self.x[0]) * np.exp(-(V[:, None] + V + (self.x[:, None] - self.x) ** 2) / 2)
        t, psi = np.linalg.eigh(T)
        self.n, self.t, self.psi = n, t / t[-1], psi

    def correlator(self, f, distance):
        """<f(phi_0) f(phi_distance)>."""
        F = self.psi.T @ (f(self.x)[:, None] * self.psi)
        weights = np.outer(self.t ** (self.n - distance), self.t**distance)
        return (weights * F**2).sum() / (self.t**self.n).sum()

    def mean(self, f):
        """<f(phi_0)>."""
        return (self.t**self.n @ ((self.psi**2).T @ f(self.x))) / (self.t**self.n).sum()


def deviations(samples, ring):
    """<phi^2>, <phi^4> and the correlator of independent configurations (n, N), in standard errors."""
    z = []
    for power in (2, 4):
        values = (samples**power).mean(axis=1)
        z.append((values.mean() - ring.mean(lambda x, k=power: x**k)) / values.std() * np.sqrt(len(samples)))
    for distance in range(1, ring.n // 2 + 1):
        values = (samples * np.roll(samples, distance, axis=1)).mean(axis=1)
        z.append((values.mean() - ring.correlator(lambda x: x, distance)) / values.std() * np.sqrt(len(samples)))
    return np.array(z)


def test_transfer_matrix_of_the_free_field():
    field, ring = FreeScalarField(8, 0.5), Ring(8, 0.5, 0.0)
    np.testing.assert_allclose([ring.correlator(lambda x: x, d) for d in range(8)], field.propagator[0], rtol=2e-5)


@pytest.mark.parametrize("mass_squared", [0.5, -2.0])
def test_gibbs_against_the_transfer_matrix(mass_squared):
    kernel = FreeScalarField(8, mass_squared).kernel
    rbm = Phi4RBM.on_lattice(kernel, 0.25, mass_squared + 4.5, hidden_variance=0.8)
    samples = rbm.sample(4000, rng=8, chains=4000, burn_in=300, sweeps=1)
    assert np.abs(deviations(samples, Ring(8, mass_squared, 0.25))).max() < 5
    assert np.abs(deviations(samples, Ring(8, mass_squared, 0.30))).max() > 5  # the test can tell


def test_rows_of_a_sample_are_states_of_the_same_chains():
    rbm = Phi4RBM.on_lattice(FreeScalarField(4, -1.0).kernel, 0.5, 4.0)
    samples = rbm.sample(70, rng=9, chains=20, burn_in=5, sweeps=2)
    rng = np.random.default_rng(9)
    phi = rbm.gibbs(np.zeros((20, 4)), 5, rng)
    for block in range(4):
        phi = rbm.gibbs(phi, 2, rng)
        np.testing.assert_array_equal(samples[20 * block : 20 * block + 20], phi[: 70 - 20 * block][:20])
    assert len(samples) == 70
    assert rbm.sample(0, rng=0).shape == (0, 4)


def test_gibbs_takes_any_leading_shape_and_no_steps():
    rbm = Phi4RBM(np.ones((3, 2)), 2.0, 0.5)
    phi = np.random.default_rng(10).standard_normal((2, 5, 3))
    np.testing.assert_array_equal(rbm.gibbs(phi, 0, rng=0), phi)
    assert rbm.gibbs(phi, 2, rng=0).shape == (2, 5, 3)
    assert rbm.gibbs(phi[0, 0], 1, rng=0).shape == (3,)


def test_weights_are_frozen():
    W = np.ones((3, 2))
    rbm = Phi4RBM(W, 2.0, 0.5)
    W[0, 0] = 7.0
    assert rbm.weights[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        rbm.weights[0, 0] = 7.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quartic": -0.1}, "bounded below"),
        ({"quartic": np.nan}, "finite"),
        ({"mass_squared": 0.0}, "greater than 0"),
        ({"hidden_variance": -1.0}, "greater than 0"),
        ({"weights": np.ones(3)}, "shape"),
        ({"weights": [[np.inf]]}, "finite"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Phi4RBM(**{"weights": np.ones((3, 2)), "mass_squared": 1.0, "quartic": 0.1} | options)


def test_bad_fields_and_masses():
    rbm = Phi4RBM(np.ones((3, 2)), 2.0, 0.5)
    with pytest.raises(ValueError, match="3 components"):
        rbm.gibbs(np.zeros((5, 2)))
    with pytest.raises(ValueError, match=r"mass_squared = 2.9 is below the largest eigenvalue of the kernel, 3:"):
        Phi4RBM.on_lattice(FreeScalarField(6, -1.0).kernel, 0.3, 2.9)


def test_a_gaussian_machine_without_a_ground_state_needs_the_quartic_term():
    kernel = FreeScalarField(6, -1.0).kernel
    with pytest.raises(NotNormalizableError):
        _ = ScalarRBM(Phi4RBM.on_lattice(kernel, 0.3, 3.0).weights, 3.0).log_partition
    with pytest.raises(NotNormalizableError):
        Phi4RBM.on_lattice(kernel, 0.0, 3.0)


def test_hybrid_monte_carlo_against_the_transfer_matrix():
    rng = np.random.default_rng(11)
    phi, boltzmann = np.zeros((2000, 8)), []
    for _ in range(50):
        phi, change = phi4_scan.trajectory(phi, -2.0, 0.25, rng)
        boltzmann.append(np.exp(-change))
    assert np.abs(deviations(phi, Ring(8, -2.0, 0.25))).max() < 5
    late = np.mean(boltzmann[20:], axis=0)  # one value for each chain: independent
    assert abs(late.mean() - 1) < 5 * late.std() / np.sqrt(len(late))


@pytest.mark.slow
def test_the_stored_scan_is_what_the_script_makes():
    stored = np.load(phi4_scan.DATA)
    index = list(phi4_scan.MASSES).index(-1.2)
    assert stored["coupling"] == phi4_scan.COUPLING
    fresh = phi4_scan.gibbs(8, -1.2, 100, 1000, 500, rng=12)
    for sampler in ("gibbs", "hybrid"):
        old = stored[sampler][0, index]
        error = np.hypot(fresh.std(axis=0) / np.sqrt(len(fresh)), old.std(axis=0) / np.sqrt(len(old)))
        assert (np.abs(fresh.mean(axis=0) - old.mean(axis=0)) < 5 * error).all()
