"""Autocorrelation times of chains for which they are known."""

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from srbm import autocorrelation_time, standard_error


def ar1(a, shape, seed=0):
    """Stationary AR(1) chains of unit variance along the last axis."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(shape)
    noise[..., 1:] *= np.sqrt(1 - a**2)
    return lfilter([1], [1, -a], noise, axis=-1)


@pytest.mark.parametrize("a", [-0.9, -0.5, 0.0, 0.5, 0.9, 0.97])
def test_autoregression(a):
    length, chains = 50_000, 20
    tau = (1 + a) / (1 - a)
    estimate = autocorrelation_time(ar1(a, (chains, length)))
    # Madras and Sokal: var(tau) = 2 (2 M + 1) tau^2 / n with M <= 6 max(tau, 1 / tau) + 6; truncation costs exp(-5/2)
    # of 1 - a at most, i.e. under 2 % for a window of five times tau ~ 2 tau_exp.
    window = 6 * max(tau, 1 / tau) + 6
    error = tau * np.sqrt(2 * (2 * window + 1) / length / chains)
    assert abs(estimate.mean() - tau) < 4.5 * error + 0.02 * tau


def sum_until_it_holds_still(series):
    """tau by the definition: lag by lag, until the window is five times as long as the sum (and as its inverse)."""
    centred = series - sum(series) / len(series)
    square = sum(centred * centred)
    tau = 0.0
    for window in range(len(series)):
        last = sum(centred[window:] * centred[: len(series) - window]) / square
        tau += last if window == 0 else 2 * last
        half = tau - last
        if window >= 5 * half and window * half >= 5:
            return half
    raise AssertionError("the window never closed")


@pytest.mark.parametrize("a", [-0.8, -0.3, 0.0, 0.4, 0.8])
def test_definition(a):
    for series in ar1(a, (20, 2000), seed=3):
        assert autocorrelation_time(series) == pytest.approx(sum_until_it_holds_still(series), rel=1e-9)
        error = np.sqrt(sum((series - series.mean()) ** 2) / 1999 * autocorrelation_time(series) / 2000)
        assert standard_error(series) == pytest.approx(error, rel=1e-12)


def test_white_noise_has_none():
    tau = autocorrelation_time(np.random.default_rng(0).standard_normal((100, 2000)))
    assert tau.shape == (100,)
    assert abs(tau.mean() - 1) < 0.05


def test_each_of_several_series_has_its_own_error():
    series = np.random.default_rng(5).standard_normal((2, 3, 500)) * [[[1.0], [2.0], [5.0]], [[0.1], [10.0], [3.0]]]
    errors = standard_error(series)
    assert errors.shape == (2, 3)
    for place in np.ndindex(2, 3):
        assert errors[place] == pytest.approx(standard_error(series[place]), rel=1e-12)


@pytest.mark.parametrize("a", [-0.7, 0.0, 0.8])
def test_standard_error_is_the_scatter_of_means(a):
    series = 3.0 + 2.0 * ar1(a, (400, 4000), seed=1)
    error = standard_error(series)
    pulls = (series.mean(axis=1) - 3.0) / error
    assert stats.kstest(pulls, stats.norm.cdf).pvalue > 1e-6
    assert abs(pulls.std() - 1) < 4.5 / np.sqrt(2 * 400) + 0.03
    naive = series.std(axis=1) / np.sqrt(4000)
    if a:  # leaving the autocorrelation out is seen
        assert abs(((series.mean(axis=1) - 3.0) / naive).std() - 1) > 4.5 / np.sqrt(2 * 400) + 0.03


def test_shift_and_scale_do_not_matter():
    series = ar1(0.5, 5000)
    assert autocorrelation_time(1e3 * series - 7) == pytest.approx(autocorrelation_time(series), rel=1e-9)
    # A billionth of the mean is still more than its rounding.
    assert autocorrelation_time(1 + 1e-9 * series) == pytest.approx(autocorrelation_time(series), rel=1e-3)
    assert type(autocorrelation_time(series)) is float


def test_degenerate_series():
    for value in (0.0, 0.1, 1e-9 / 3, 1e9 / 3):  # the mean of equal floats need not be equal to them
        assert autocorrelation_time(np.full(1000, value)) == 1
    assert standard_error(np.full(1000, 0.25)) == 0
    alternating = np.tile([1.0, -1.0], 500)
    assert 0 <= standard_error(alternating) <= 1 / np.sqrt(999)


def test_untrustworthy_series():
    assert autocorrelation_time(np.ones(50)) == 1
    with pytest.raises(ValueError, match="shorter than 50"):
        autocorrelation_time(np.ones(49))
    with pytest.raises(ValueError, match=r"series of 1000 values is shorter than 50 .*estimate .*Run longer chains"):
        autocorrelation_time(ar1(0.99, 1000))
    with pytest.raises(ValueError, match="shorter than 50"):
        standard_error(np.arange(1000.0))
    for series in (1.0, [1.0]):
        with pytest.raises(ValueError, match="at least two values along its last axis"):
            autocorrelation_time(series)
    with pytest.raises(ValueError, match="series must be finite"):
        autocorrelation_time([1.0, np.nan, 2.0])
