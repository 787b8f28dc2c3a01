"""Counted operations against sums done by hand, and counted arrays against plain ones."""

import numpy as np
import pytest

from srbm import CD, PCD, Exact, FreeScalarField, ScalarRBM, train
from srbm.counting import Tally


def test_prices():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3, 4, 5)), rng.standard_normal((3, 5, 2))
    square = a @ a.mT + np.eye(4)
    cases = [
        (lambda xp, x, y, s: x @ y, 3 * 2 * 4 * 5 * 2, a.nbytes + b.nbytes + 3 * 4 * 2 * 8),
        (lambda xp, x, y, s: x.mT + 1.0, 60, 2 * a.nbytes),
        (lambda xp, x, y, s: 2 / x, 60, 2 * a.nbytes),
        (lambda xp, x, y, s: x * x[0, ...], 60, 2 * a.nbytes + a.nbytes // 3),
        (lambda xp, x, y, s: xp.sqrt(s * s), 2 * 48, (3 + 2) * square.nbytes),
        (lambda xp, x, y, s: xp.linalg.cholesky(s), 3 * 30, 2 * square.nbytes),
        (lambda xp, x, y, s: xp.linalg.inv(s), 3 * 2 * 64, 2 * square.nbytes),
        (lambda xp, x, y, s: xp.sum(x, axis=1), 60, a.nbytes + 15 * 8),
        (lambda xp, x, y, s: xp.vecdot(x, x, axis=-2), 120, 2 * a.nbytes + 15 * 8),
        (lambda xp, x, y, s: xp.linalg.diagonal(s), 0, 0),
    ]
    for operation, flops, size in cases:
        tally = Tally()
        counted = [tally.array(x) for x in (a, b, square)]
        result = operation(counted[0].__array_namespace__(), *counted)
        np.testing.assert_array_equal(np.from_dlpack(result), operation(np, a, b, square))
        assert (tally.flops, tally.bytes) == (flops, size)
    with pytest.raises(NotImplementedError, match=r"no price for linalg\.svd"):
        Tally().array(a).__array_namespace__().linalg.svd(a)


def test_cholesky_is_counted_as_it_is_done():
    """Row by row, multiplications, additions, divisions and roots one by one."""
    n, flops = 7, 0
    for i in range(n):
        for j in range(i + 1):
            flops += 2 * j + 1  # a scalar product of length j, and a division or a root
    tally = Tally()
    x = tally.array(np.eye(n))
    x.__array_namespace__().linalg.cholesky(x)
    assert tally.flops == flops


@pytest.mark.parametrize("strategy", [Exact(), CD(64, 3), PCD(64, 5), PCD(8, 1)], ids=repr)
def test_counting_changes_nothing(strategy, chain):
    rbm, tally = ScalarRBM.random(10, 6, 9.0, rng=0), Tally()
    plain = train(rbm, chain.propagator, 10, 0.05, strategy, learn_mass=True, rng=1)
    if isinstance(strategy, CD):
        with pytest.raises(NotImplementedError, match=r"no price for linalg\.eigh"):
            train(rbm, tally.array(chain.propagator), 1, 0.05, strategy)
        return
    counted = train(rbm, tally.array(chain.propagator), 10, 0.05, strategy, learn_mass=True, rng=tally.generator(1))
    np.testing.assert_allclose(counted.eigenvalues, plain.eigenvalues, rtol=1e-12)
    assert tally.calls > 0
    assert (tally.normals > 0) == isinstance(strategy, PCD)


@pytest.mark.parametrize(("chains", "steps", "drawn"), [(128, 1, 78), (128, 10, 78), (5, 3, 3 * 5 * 10)])
def test_random_numbers_of_an_update(chains, steps, drawn):
    """Gram chains draw 2 N^2 normals and N Gammas, whatever B and k are; explicit ones draw k B (N_v + N_h)."""
    C, rbm = FreeScalarField(6, 4.0).propagator, ScalarRBM.random(6, 4, 9.0, rng=0)
    counts = []
    for epochs in (1, 2):
        tally = Tally()
        train(rbm, tally.array(C), epochs, 0.01, PCD(chains, steps), rng=tally.generator(0))
        counts.append(tally)
    update = counts[1] - counts[0]
    assert update.normals == drawn
    assert update.calls == counts[1].calls - counts[0].calls > 0


def test_gamma_variables_are_those_of_the_generator_and_are_counted():
    tally = Tally()
    drawn = tally.generator(3).standard_gamma(2.5, size=(4, 5))
    np.testing.assert_array_equal(drawn, np.random.default_rng(3).standard_gamma(2.5, size=(4, 5)))
    assert tally == Tally(normals=20)


def test_tallies_are_subtracted_count_by_count():
    assert Tally(10, 20, 30, 40) - Tally(1, 2, 3, 4) == Tally(9, 18, 27, 36)
