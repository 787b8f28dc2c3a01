"""Parts of stored results are remade: the same numbers come out, or at least the same law."""

import json
import os

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special

from results import bernoulli_mnist, bernoulli_seeds, mnist_scan, over_relaxation, patches, phi4_dynamics, phi4_scan
from srbm import FreeScalarField, load_mnist

images = pytest.mark.skipif(not os.environ.get("SRBM_DATA"), reason="needs the MNIST images, in $SRBM_DATA/mnist")


def test_autocorrelations_on_large_lattices_are_remade():
    stored = json.loads(over_relaxation.DATA.read_text(encoding="utf-8"))
    assert stored["window"] == over_relaxation.WINDOW
    assert [(row["size"], row["sampler"], row["omega"]) for row in stored["rows"]] == list(over_relaxation.jobs())
    fresh = over_relaxation.block(16, over_relaxation.best_omega(16), [16, 1, 0])
    old = np.array(stored["rows"][1]["sums"])[..., : over_relaxation.BLOCK]
    assert_allclose(fresh, old, rtol=1e-7, atol=0)  # a linear chain forgets its rounding errors


def test_a_sweep_of_the_links_is_that_of_the_dense_machine():
    """Of the same covariance: one sweep with weights 0 and 1 for the ends of the links of a lattice of 4 x 4."""
    size, chains, mu2 = 4, 400_000, over_relaxation.mass_squared(4) + 8
    start = np.random.default_rng(1).standard_normal((size, size))
    phi, h = np.tile(start, (chains, 1, 1)), np.zeros((2, chains, size, size))
    after, _ = over_relaxation.sweep(phi, h, mu2, 1.0, np.random.default_rng(2))
    neighbours = sum(np.roll(start, step, axis) for axis in (0, 1) for step in (-1, 1))
    mean = (4 * start + neighbours) / mu2
    variance = 1 / mu2 + 4 / mu2**2
    assert np.abs(after.mean(axis=0) - mean).max() < 5 * np.sqrt(variance / chains)
    assert_allclose(after.var(axis=0), variance, rtol=5 * np.sqrt(2 / chains), atol=0)


def test_a_trajectory_of_the_free_field_is_accepted_as_its_formula_says():
    size, chains, steps, rng = 16, 2000, 7, np.random.default_rng(3)
    field = FreeScalarField((size, size), over_relaxation.mass_squared(size))
    kappa = field.eigenvalues.min() + 4 - 2 * np.cos(2 * np.pi * np.fft.fftfreq(size))[:, None]
    kappa = (kappa - 2 * np.cos(2 * np.pi * np.fft.fftfreq(size)))[:, : size // 2 + 1]
    before = field.sample(chains, rng).reshape(chains, size, size)
    after = over_relaxation.trajectory(before, kappa, steps, rng)
    accepted, step = (before != after).any(axis=(1, 2)), np.pi / 2 / steps
    rate = special.erfc(np.sqrt(size**2 * step**4 / 32) / 2)
    assert abs(accepted.mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / chains) + step**2 * (1 - rate)
    moved, were = (x[accepted].mean(axis=(1, 2)) for x in (after, before))
    assert abs(np.corrcoef(moved, were)[0, 1]) < 5 / np.sqrt(accepted.sum())
    variance = 1 / (kappa[0, 0] * size**2)
    assert abs((after.mean(axis=(1, 2)) ** 2).mean() / variance - 1) < 5 * np.sqrt(2 / chains)


def test_what_updates_take_is_measured_again():
    """All of them; how long is no matter of a test."""
    stored = json.loads(over_relaxation.DATA.read_text(encoding="utf-8"))
    assert stored["steps"] == over_relaxation.STEPS
    assert set(over_relaxation.seconds()) == set(stored["seconds"])
    assert min(stored["seconds"].values()) > 0


@pytest.fixture(scope="module")
def scan():
    with np.load(phi4_scan.DATA) as arrays:
        return dict(arrays)


def test_a_block_of_the_scan_is_remade(scan):
    """Bit for bit where the arithmetic is the same; where it is another, by its averages."""
    fresh = phi4_scan.scan_block((8, -1.2), 0)
    index = phi4_scan.MASSES.index(-1.2)
    old = scan["gibbs"][0, index]
    if np.array_equal(phi4_scan.fingerprint(), scan["fingerprint"]):
        assert np.array_equal(fresh, old[: phi4_scan.BLOCK])
    error = np.hypot(fresh.std(axis=0) / np.sqrt(len(fresh)), old.std(axis=0) / np.sqrt(len(old)))
    assert (np.abs(fresh.mean(axis=0) - old.mean(axis=0)) < 5 * error).all()
    other = scan["gibbs"][0, index - 1]
    assert (np.abs(other.mean(axis=0) - old.mean(axis=0)) > 5 * error)[1:].all()


def test_the_machine_of_the_scan_has_no_singular_value_made_of_rounding():
    for size in (4, 6, 8, 12):
        kernel = phi4_scan.FreeScalarField((size, size), phi4_scan.CRITICAL).kernel
        weights = phi4_scan.Phi4RBM.on_lattice(kernel, phi4_scan.COUPLING, phi4_scan.CRITICAL + 8).weights
        assert np.linalg.svd(weights, compute_uv=False)[-1] < 1e-14


@pytest.fixture(scope="module")
def dynamics():
    rows = json.loads(phi4_dynamics.DATA.read_text(encoding="utf-8"))["rows"]
    return {(row["sampler"], row["size"]): row for row in rows}


def mean_and_error(row):
    """The mean of M^2 in a run, and its error, the autocorrelation included."""
    updates = phi4_dynamics.RUNS[row["sampler"]][row["size"]][1]
    return row["mean"], np.sqrt(np.mean(row["sums"][0]) / updates / phi4_dynamics.CHAINS)


def test_four_samplers_sample_one_theory(dynamics):
    assert {name: [size for other, size in dynamics if other == name] for name in phi4_dynamics.SAMPLERS} == {
        name: list(runs) for name, runs in phi4_dynamics.RUNS.items()
    }
    for (sampler, size), row in dynamics.items():
        (mean, error), (other, margin) = (mean_and_error(one) for one in (row, dynamics["machine and clusters", size]))
        assert abs(mean - other) < 5 * np.hypot(error, margin), (sampler, size)
    (small, error), (large, margin) = (mean_and_error(dynamics["machine", size]) for size in (8, 16))
    assert small - large > 5 * np.hypot(error, margin)


def test_times_with_clusters_are_remade(dynamics):
    """The same path where the arithmetic is the same, otherwise another one of the same law."""
    row = dynamics["machine and clusters", 4]
    (total, norm), mean = phi4_dynamics.sums("machine and clusters", 4)
    assert abs(mean - row["mean"]) < 5 * mean_and_error(row)[1]
    times = [np.sum(one) / np.sum(zero) for one, zero in ((total, norm), row["sums"])]
    left = (total.sum() - total) / (norm.sum() - norm)
    assert abs(times[0] - times[1]) < 5 * np.sqrt((len(left) - 1) * left.var())
    plain = np.sum(dynamics["machine", 8]["sums"][0]) / np.sum(dynamics["machine", 8]["sums"][1])
    assert plain > 2 * times[0]


def test_patches_of_the_photograph_are_cut_again():
    fresh = patches.tiles()
    with np.load(patches.DATA) as stored:
        assert fresh.shape == stored["tiles"].shape == (patches.KEPT, patches.SIDE**2)
        apart = np.abs(fresh.astype(int) - stored["tiles"])
    assert apart.max() <= 3  # another decoder
    assert np.abs(fresh.astype(int) - np.roll(fresh, 1, axis=0)).mean() > 10


@images
def test_spectra_of_parts_of_mnist_are_remade(monkeypatch):
    monkeypatch.setattr(mnist_scan, "SIZES", (937,))
    monkeypatch.setattr(mnist_scan, "SUBSETS", 2)
    fresh = mnist_scan.growth(load_mnist("train", scale=False))
    with np.load(mnist_scan.DATA) as stored:
        assert_allclose(fresh, stored["growth"][:2], rtol=1e-6, atol=0)


@images
@pytest.mark.slow
def test_stored_spins_are_trained_again():
    """The smallest machine, weights included: the better of two trainings, to a few steps of half precision."""
    train, _ = bernoulli_mnist.centred_images()
    starts = [bernoulli_mnist.rounded(bernoulli_mnist.enumerated_training(train, 4, seed)) for seed in range(2)]
    fresh = max(starts, key=lambda model: model.log_likelihood(train))
    with np.load(bernoulli_mnist.STORED) as arrays:
        stored = bernoulli_mnist.stored_model(arrays, 4)
    assert_allclose(fresh.weights, stored.weights, rtol=2e-3, atol=2e-3)
    assert_allclose(fresh.mass_squared, stored.mass_squared, rtol=1e-4)
    assert_allclose(fresh.hidden_bias, stored.hidden_bias, rtol=1e-3, atol=1e-3)


@images
@pytest.mark.slow
def test_the_first_updates_from_five_seeds_are_made_again():
    stored = json.loads(bernoulli_seeds.STORED.read_text(encoding="utf-8"))
    assert [row["seed"] for row in stored["rows"]] == list(range(bernoulli_seeds.SEEDS))
    train, _ = bernoulli_mnist.centred_images()
    fresh = bernoulli_seeds.first_mass(train, 1)
    masses = [row["first_mass"] for row in stored["rows"]]
    assert_allclose(fresh, masses[1], rtol=1e-4, atol=0)
    assert min(abs(fresh - other) for other in masses[:1] + masses[2:]) > 1e-3 * fresh
