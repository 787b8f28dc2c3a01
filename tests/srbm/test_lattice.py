"""The free scalar field: spectrum and propagator against linear algebra, samplers against whole distributions."""

import dataclasses
import pickle

import mpmath
import numpy as np
import pytest
from scipy import stats

from srbm import FreeScalarField, NotNormalizableError, standard_error
from tests.srbm.helpers import RARE, assert_gaussian, gaussian_p_values

SHAPES = [1, 2, 3, (10,), (1, 1), (1, 5), (2, 2), (3, 4), (4, 4), (2, 1, 3), (3, 2, 4), (2, 2, 2, 2)]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@every_shape
def test_kernel_is_the_second_derivative_of_the_action(shape):
    field = FreeScalarField(shape, 1.7)
    phi = np.random.default_rng(0).standard_normal((2, field.n_sites))
    # The action is quadratic, so second differences with any step are exact up to rounding.
    basis = np.eye(field.n_sites)
    mixed = field.action(basis[:, None] + basis) - field.action(basis)[:, None] - field.action(basis)
    np.testing.assert_allclose(field.kernel, mixed, rtol=0, atol=1e-12)
    np.testing.assert_allclose(field.action(phi), np.einsum("ni,ij,nj->n", phi, field.kernel, phi) / 2, rtol=1e-12)


@every_shape
def test_spectrum(shape):
    field = FreeScalarField(shape, 0.6)
    np.testing.assert_allclose(field.eigenvalues, np.linalg.eigvalsh(field.kernel), rtol=0, atol=1e-12)


@every_shape
def test_momenta_belong_to_the_eigenvalues_of_their_rows(shape):
    field = FreeScalarField(shape, 0.6)
    momenta = field.momenta
    assert momenta.shape == (field.n_sites, len(field.shape))
    assert (momenta > -np.pi).all()
    assert (momenta <= np.pi + 1e-15).all()
    assert len(np.unique(momenta.round(12), axis=0)) == field.n_sites  # the whole Brillouin zone, each momentum once
    np.testing.assert_allclose(field.eigenvalues, 0.6 + (4 * np.sin(momenta / 2) ** 2).sum(axis=1), rtol=0, atol=1e-12)
    sites = np.indices(field.shape).reshape(len(field.shape), -1)
    waves = np.exp(1j * momenta @ sites)
    np.testing.assert_allclose(waves @ field.kernel, field.eigenvalues[:, None] * waves, rtol=0, atol=1e-10)


@every_shape
def test_propagator_inverts_the_kernel(shape):
    field = FreeScalarField(shape, 0.6)
    np.testing.assert_allclose(field.propagator @ field.kernel, np.eye(field.n_sites), rtol=0, atol=1e-13)


def test_spectra_of_the_paper(chain):
    assert len(np.unique(chain.eigenvalues.round(9))) == 6
    np.testing.assert_allclose(
        chain.eigenvalues[[0, 1, 3, 5, 7, 9]], 4 + 2 - 2 * np.cos(np.pi * np.arange(6) / 5), rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(
        FreeScalarField((4, 4), 4.0).eigenvalues, np.repeat([4, 6, 8, 10, 12], [1, 4, 6, 4, 1]), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("shape", [(10,), 1, 2, (1, 3), (4, 4), (2, 3, 2)], ids=str)
def test_sample(shape):
    field = FreeScalarField(shape, 4.0)
    assert_gaussian(field.sample(4000, rng=1), field.kernel)


@pytest.mark.parametrize("shape", [(6,), 1, 2, (1, 3), (2, 3)], ids=str)
def test_metropolis(shape):
    # Every chain gives one configuration, so these are independent. The slowest mode forgets phi = 0 within a few
    # sweeps; after 80 nothing of it is left.
    field = FreeScalarField(shape, 4.0)
    assert_gaussian(field.metropolis(2500, rng=2, chains=2500, burn_in=60, sweeps=20), field.kernel)


@pytest.mark.parametrize("burn_in", [1, 7])
def test_burning_in_is_sweeping(burn_in):
    """What is recorded first is what the same chains are like after as many sweeps, from the same random numbers."""
    field, chains = FreeScalarField((2, 3), 0.5), 20
    path = field.metropolis(chains * (burn_in + 3), rng=1, chains=chains, burn_in=0, sweeps=1)
    first = field.metropolis(chains, rng=1, chains=chains, burn_in=burn_in, sweeps=3)
    np.testing.assert_array_equal(first, path[-chains:])


IMPROVED = {1: 4 / 3, 2: -1 / 12}
LINKED = [
    (7, IMPROVED),
    (4, IMPROVED),
    (2, IMPROVED),
    ((3, 4), {(1, 0): 1, (0, 1): 1, (1, 1): 0.5, (1, -1): 0.5}),
    ((2, 5), {(0, 1): 2.0}),
    (6, {3: 0.7, -1: 1.0}),
    (5, {}),
]


@pytest.mark.parametrize(("shape", "links"), LINKED, ids=str)
def test_any_links(shape, links):
    field = FreeScalarField(shape, 1.7, links)
    basis = np.eye(field.n_sites)
    mixed = field.action(basis[:, None] + basis) - field.action(basis)[:, None] - field.action(basis)
    np.testing.assert_allclose(field.kernel, mixed, rtol=0, atol=1e-12)
    np.testing.assert_allclose(field.eigenvalues, np.linalg.eigvalsh(field.kernel), rtol=0, atol=1e-12)
    np.testing.assert_allclose(field.propagator @ field.kernel, np.eye(field.n_sites), rtol=0, atol=1e-12)
    assert_gaussian(field.sample(3000, rng=1), field.kernel)
    assert_gaussian(field.metropolis(2500, rng=3, chains=2500, burn_in=80, sweeps=20), field.kernel)
    assert hash(field) == hash(dataclasses.replace(field))
    assert pickle.loads(pickle.dumps(field)) == field


def test_the_improved_laplacian_is_closer_to_the_continuum():
    p = FreeScalarField(64).momenta[:, 0]
    small = (abs(p) < 0.5) & (p != 0)
    error = abs(FreeScalarField(64, 0.0, IMPROVED).eigenvalues[small] / p[small] ** 2 - 1)
    np.testing.assert_allclose(error, p[small] ** 4 / 90, rtol=0.05)  # and p^2 / 12 without the improvement
    plain = abs(FreeScalarField(64, 0.0).eigenvalues[small] / p[small] ** 2 - 1)
    np.testing.assert_allclose(plain, p[small] ** 2 / 12, rtol=0.05)


def test_nearest_neighbours_are_the_default():
    links = {(1, 0): 1, (0, 1): 1}
    np.testing.assert_array_equal(FreeScalarField((4, 3), 2.0, links).kernel, FreeScalarField((4, 3), 2.0).kernel)


@pytest.mark.parametrize(
    "links", [{0: 1.0}, {1.5: 1.0}, {(1, 0): 1.0}, {"a": 1.0}, {1: np.nan}, {1: 1.0, -1: 1.0}], ids=str
)
def test_links_that_are_none(links):
    with pytest.raises(ValueError, match="link"):
        FreeScalarField(10, 4.0, links)


@pytest.mark.parametrize("sampler", ["sample", "metropolis"])
def test_a_wrong_target_fails(sampler):
    options = {"chains": 2500, "burn_in": 60} if sampler == "metropolis" else {}
    samples = getattr(FreeScalarField(6, 4.0), sampler)(2500, rng=2, **options)
    assert gaussian_p_values(samples, FreeScalarField(6, 4.8).kernel)["action"] < RARE
    assert gaussian_p_values(samples, FreeScalarField(6, 4.8).kernel)["covariance"] < RARE
    assert gaussian_p_values(samples, FreeScalarField(6, 4.0).kernel, mean=0.1)["mean"] < RARE


def test_metropolis_averages_within_their_autocorrelated_error():
    field = FreeScalarField(4, 1.0)
    chains, length = 40, 3000
    density = field.action_density(field.metropolis(chains * length, rng=3, chains=chains, sweeps=1, burn_in=50))
    series = density.reshape(length, chains).T  # rows i and i + chains are of one chain
    error = standard_error(series)
    naive = series.std(axis=1) / np.sqrt(length)
    assert (error > naive).all()  # successive sweeps are correlated
    # The scatter of the chains' means is what the errors say: the squared ratios add up to chi^2. Each squared error is
    # itself uncertain by sqrt(2 (2 M + 1) / length) ~ 0.3; averaged over the chains that leaves 15 % at most.
    pulls = (series.mean(axis=1) - 0.5) / error
    assert stats.chi2(chains).sf((pulls**2).sum() / 1.15) > 1e-4
    assert stats.chi2(chains).cdf((pulls**2).sum() * 1.15) > 1e-4
    assert abs(density.mean() - 0.5) < 4.5 * np.sqrt((error**2).mean() / chains)


@pytest.mark.parametrize("shape", [(10,), (3, 4)], ids=str)
def test_equipartition_of_the_action(shape):
    field = FreeScalarField(shape, 4.0)
    n = field.n_sites
    density = field.action_density(field.sample(5000, rng=4))
    assert stats.kstest(density, stats.gamma(n / 2, scale=1 / n).cdf).pvalue > RARE
    assert stats.kstest(density, stats.gamma(n / 2, scale=1.05 / n).cdf).pvalue < RARE


def test_leading_axes_and_empty_samples(chain):
    phi = np.arange(60.0).reshape(2, 3, 10)
    assert chain.action(phi).shape == (2, 3)
    assert chain.action(phi)[1, 2] == chain.action(phi[1, 2])
    assert chain.sample(0, rng=0).shape == chain.metropolis(0, rng=0).shape == (0, 10)
    for chains in (1, 3):
        assert chain.metropolis(7, rng=0, chains=chains, burn_in=0, sweeps=1).shape == (7, 10)


def test_random_numbers_come_from_the_argument(chain):
    np.testing.assert_array_equal(chain.sample(3, rng=5), chain.sample(3, rng=np.random.default_rng(5)))
    generator = np.random.default_rng(5)
    assert (chain.sample(3, generator) != chain.sample(3, generator)).all()


def test_tachyonic_kernel_exists_but_cannot_be_sampled():
    field = FreeScalarField(6, -1.0)
    np.testing.assert_allclose(field.eigenvalues, np.linalg.eigvalsh(field.kernel), rtol=0, atol=1e-12)
    for use in (lambda: field.propagator, lambda: field.sample(2), lambda: field.metropolis(2)):
        with pytest.raises(NotNormalizableError, match=r"3 of 6 are <= 0 \(smallest -1\)"):
            use()
    with pytest.raises(NotNormalizableError, match="smallest 0"):
        FreeScalarField(6, 0.0).sample(1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), 4.0), "shape needs at least one extent"),
        ((0, 4.0), "each extent of shape must be an integer of at least 1, got 0"),
        (((3, -1), 4.0), "each extent of shape must be an integer of at least 1, got -1"),
        ((2.5, 4.0), "each extent of shape must be an integer"),
        ((3, np.nan), "mass_squared must be finite"),
        ((3, [1.0, 2.0]), "mass_squared must be one number"),
    ],
)
def test_wrong_lattices(arguments, message):
    with pytest.raises(ValueError, match=message):
        FreeScalarField(*arguments)


def test_wrong_fields(chain):
    with pytest.raises(ValueError, match=r"phi must have 10 components .* got shape \(3,\)"):
        chain.action(np.zeros(3))
    with pytest.raises(ValueError, match="1 of its 10 entries are NaN"):
        chain.action([np.nan] + [0] * 9)
    with pytest.raises(ValueError, match="n must be an integer of at least 0"):
        chain.sample(-1)
    with pytest.raises(ValueError, match="step must be greater than 0"):
        chain.metropolis(3, step=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        chain.mass_squared = 5.0


def test_the_number_of_sites_does_not_overflow():
    assert FreeScalarField((2**32, 2**32), 1.0).n_sites == 2**64


@pytest.mark.parametrize("offset", [1, 3, -2])
def test_the_infrared_of_a_large_lattice_keeps_its_digits(offset):
    """kappa - m^2 = 4 sin^2(p / 2), which is 4e-7 here, is not rounded like 2."""
    n = 10_000
    field = FreeScalarField(n, 1e-12, links={offset: 0.5})
    with mpmath.workdps(30):
        exact = np.sort([1e-12 + 2 * float(mpmath.sinpi(mpmath.mpf(k * offset) / n) ** 2) for k in range(n)])
    np.testing.assert_allclose(field.eigenvalues, exact, rtol=3e-14)  # above, phases of up to three turns are rounded


def test_the_infrared_of_a_diagonal_link():
    field = FreeScalarField((40, 60), 1e-9, links={(1, -2): 1.0})
    with mpmath.workdps(30):
        turns = [mpmath.mpf(3 * j - 4 * k) / 120 for j in range(40) for k in range(60)]
        exact = np.sort([1e-9 + 4 * float(mpmath.sinpi(turn) ** 2) for turn in turns])
    np.testing.assert_allclose(field.eigenvalues, exact, rtol=3e-14)
