"""Cluster updates of signs against enumeration of bonds and signs, and against the transfer matrix."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from srbm import FreeScalarField, Phi4RBM
from srbm.clusters import Links, draw_clusters, flip_clusters
from tests.srbm.helpers import RARE
from tests.srbm.test_interactions import Ring, deviations

FERROMAGNET = np.diag([1.0, 1.0, 1.0, 1.0]) - np.array([[0, 1, 0, 2], [1, 0, 0.5, 0], [0, 0.5, 0, 1], [2, 0, 1, 0]])
FRUSTRATED = FERROMAGNET + np.array([[0, 0, 0, 4], [0, 0, 0, 0], [0, 0, 0, 0], [4, 0, 0, 0]])  # K_03 = 2
MODULI = np.array([0.4, 1.1, 0.7, 0.9])
STATES = np.array(list(product([-1.0, 1.0], repeat=4)))


def weights(kernel):
    """Boltzmann weights of all signs at the fixed moduli."""
    fields = STATES * MODULI
    w = np.exp(-((fields @ kernel) * fields).sum(axis=1) / 2)
    return w / w.sum()


def transitions(kernel, exponent=2.0):
    """The matrix of one update, from all sets of bonds and all signs of their clusters."""
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4) if kernel[i, j]]
    P = np.zeros((16, 16))
    for row, signs in enumerate(STATES):
        gain = [-kernel[i, j] * signs[i] * signs[j] * MODULI[i] * MODULI[j] for i, j in pairs]
        bond = [1 - np.exp(-exponent * g) if g > 0 else 0.0 for g in gain]
        for bonds in product([False, True], repeat=len(pairs)):
            chance = np.prod([p if there else 1 - p for p, there in zip(bond, bonds, strict=True)])
            allowed = [
                all(new[i] * new[j] == signs[i] * signs[j] for (i, j), there in zip(pairs, bonds, strict=True) if there)
                for new in STATES
            ]
            P[row] += chance * np.array(allowed) / sum(allowed)
    return P


@pytest.mark.parametrize("kernel", [FERROMAGNET, FRUSTRATED])
def test_an_update_has_the_transitions_of_the_enumeration(kernel):
    exact, n, rng = transitions(kernel), 20_000, np.random.default_rng(1)
    for row in (0, 5, 9):
        after = flip_clusters(np.tile(STATES[row] * MODULI, (n, 1)), Links.of(kernel), rng)
        assert np.array_equal(np.abs(after), np.tile(MODULI, (n, 1)))
        found = ((after > 0) @ [8, 4, 2, 1]).astype(int)
        seen = exact[row] > 0
        counts = np.bincount(found, minlength=16)
        assert counts[~seen].sum() == 0
        assert stats.chisquare(counts[seen], n * exact[row, seen]).pvalue > RARE


@pytest.mark.parametrize("kernel", [FERROMAGNET, FRUSTRATED])
def test_the_weights_of_the_signs_are_stationary(kernel):
    w = weights(kernel)
    assert np.abs(w @ transitions(kernel) - w).max() < 1e-14
    assert np.abs(w @ transitions(kernel, exponent=1.0) - w).max() > 1e-3  # the bonds of half the coupling


def chains(links, kernel, rng, sweeps=60):
    rbm, rng, phi = Phi4RBM.on_lattice(kernel, 0.25, 2.0), np.random.default_rng(rng), np.zeros((2000, 8))
    for _ in range(sweeps):
        phi = flip_clusters(rbm.gibbs(phi, 1, rng), links, rng)
    return phi


def test_a_machine_with_clusters_against_the_transfer_matrix():
    kernel, ring = FreeScalarField(8, -2.0).kernel, Ring(8, -2.0, 0.25)
    assert np.abs(deviations(chains(Links.of(kernel), kernel, 1), ring)).max() < 5
    assert np.abs(deviations(chains(Links.of(kernel / 2), kernel, 1), ring)).max() > 5


def test_the_order_parameter_is_forgotten_at_once():
    kernel, rng = FreeScalarField((4, 4), -1.27).kernel, np.random.default_rng(2)
    before = Phi4RBM.on_lattice(kernel, 0.25, 6.73).gibbs(np.ones((4000, 16)), 5, rng)
    after = flip_clusters(before, Links.of(kernel), rng)
    assert before.mean() > 0.3
    assert abs(after.mean()) < 5 * after.mean(axis=1).std() / np.sqrt(4000)


def test_clusters_join_equal_signs_of_one_chain():
    kernel = FreeScalarField((3, 3), 1.0).kernel
    phi = np.random.default_rng(3).standard_normal((50, 9))
    labels = draw_clusters(phi, Links.of(kernel), 4)
    assert sorted(set(labels.ravel())) == list(range(labels.max() + 1))
    chain = np.repeat(np.arange(50), 9)
    for label in range(labels.max() + 1):
        members = labels.ravel() == label
        assert len(set(chain[members])) == 1
        assert len(set(np.sign(phi.ravel()[members]))) == 1


def test_strong_links_join_all_and_weak_ones_none():
    kernel = FreeScalarField(6, 1.0).kernel
    assert draw_clusters(np.full((2, 6), 1e3), Links.of(kernel), 0).tolist() == [[0] * 6, [1] * 6]
    assert draw_clusters(np.full((1, 6), 1e-9), Links.of(kernel), 0).tolist() == [list(range(6))]


def test_residues_of_rounding_are_no_links():
    kernel = FreeScalarField((4, 6), -1.5).kernel
    exact, rounded = Links.of(kernel), Links.of(Phi4RBM.on_lattice(kernel, 0.25, 6.5).kernel)
    assert np.array_equal(exact.first, rounded.first)
    assert np.array_equal(exact.second, rounded.second)
    assert len(exact.first) == 2 * 24


def test_no_chains_and_no_links():
    free = Links.of(np.eye(3))
    assert flip_clusters(np.empty((0, 3)), free, 0).shape == (0, 3)
    assert np.array_equal(np.abs(flip_clusters(np.ones((5, 3)), free, 0)), np.ones((5, 3)))


def test_fields_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"phi must have 4 components along its last axis, got shape \(2, 3\)"):
        flip_clusters(np.ones((2, 3)), Links.of(FreeScalarField(4).kernel), 0)
