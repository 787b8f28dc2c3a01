"""Shared by the tests: kernels with a chosen spectrum, and tests of whole distributions that return p-values.

A p-value below `RARE` (about five standard deviations) counts as a rejection. With a fixed seed a test either always
passes or always fails; `RARE` says how unlikely a failure of right code was when the seed was chosen.
"""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

RARE = 1e-6


def _makes_links() -> bool:
    try:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "link").symlink_to("file")
    except (OSError, NotImplementedError):
        return False
    return True


needs_links = pytest.mark.skipif(
    not _makes_links(), reason="links cannot be made here, as by ordinary users of Windows"
)


def matrix_with(spectrum, rng):
    """A symmetric matrix with this spectrum in a random orthonormal basis."""
    spectrum = np.asarray(spectrum, dtype=float)
    basis, _ = np.linalg.qr(np.random.default_rng(rng).standard_normal((len(spectrum),) * 2))
    result = basis * spectrum @ basis.T
    return (result + result.T) / 2


def correlation_with(kappa, rng):
    """A correlation matrix whose kernel has the eigenvalues `kappa` in a random orthonormal basis."""
    return np.linalg.inv(matrix_with(kappa, rng))


def half_drawn(seed):
    """A generator that has given away one half of a word of 64 bits, and keeps the other."""
    rng = np.random.default_rng(seed)
    rng.integers(2**32, dtype=np.uint32)
    assert rng.bit_generator.state["has_uint32"] == 1
    return rng


def gaussian_p_values(samples, kernel, mean=0.0):
    """p-values of independent rows being N(mean, kernel^-1): of mean, covariance, action and each component."""
    n, size = samples.shape
    centred = samples - mean
    white = centred @ np.linalg.cholesky(kernel)
    moment = white.T @ white / n
    lower = np.tril_indices(size, -1)
    deviation = n * (moment[lower] ** 2).sum() + n * ((np.diag(moment) - 1) ** 2).sum() / 2
    action = np.einsum("ni,ij,nj->n", centred, kernel, centred)
    return {
        "mean": stats.chi2(size).sf(n * (white.mean(axis=0) ** 2).sum()),
        "covariance": stats.chi2(size * (size + 1) // 2).sf(deviation),
        "action": stats.kstest(action, stats.chi2(size).cdf).pvalue,
        "components": stats.kstest(white.ravel(), stats.norm.cdf).pvalue,
    }


def assert_gaussian(samples, kernel, mean=0.0):
    """The rows are independent draws of N(mean, kernel^-1)."""
    p_values = gaussian_p_values(samples, kernel, mean)
    assert min(p_values.values()) > RARE, p_values


def same_law_p_value(first, second, rng=0):
    """p-value (Bonferroni) of two samples (n, features) having one law.

    Two-sample Kolmogorov-Smirnov tests of every feature, of random projections and of products of two projections,
    which also see the covariances; and z-tests of all means and all second moments.
    """
    rng = np.random.default_rng(rng)
    centre, width = first.mean(axis=0), first.std(axis=0)
    first, second = (first - centre) / width, (second - centre) / width
    directions = rng.standard_normal((first.shape[1], 12)) / np.sqrt(first.shape[1])
    p_values = []
    for view in (lambda x: x, lambda x: x @ directions, lambda x: (x @ directions[:, :6]) * (x @ directions[:, 6:])):
        p_values += [stats.ks_2samp(a, b).pvalue for a, b in zip(view(first).T, view(second).T, strict=True)]
    pairs = np.triu_indices(first.shape[1])
    for view in (lambda x: x, lambda x: x[:, pairs[0]] * x[:, pairs[1]]):
        a, b = view(first), view(second)
        error = np.sqrt(a.var(axis=0) / len(a) + b.var(axis=0) / len(b))
        p_values += list(2 * stats.norm.sf(np.abs(a.mean(axis=0) - b.mean(axis=0)) / error))
    return min(1.0, min(p_values) * len(p_values))


def numerical_gradient(function, x, step=1e-6):
    """Central differences of a scalar function of an array, in the shape of the array."""
    x = np.array(x, dtype=float)
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        shift = np.zeros_like(x)
        shift[index] = step
        gradient[index] = (function(x + shift) - function(x - shift)) / (2 * step)
    return gradient
