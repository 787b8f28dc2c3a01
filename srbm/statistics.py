"""Errors of averages over Markov chains: the integrated autocorrelation time and what it does to a mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._support.checks import finite
from ._support.range import in_range


@in_range
def autocorrelation_time(series: ArrayLike) -> Any:
    r"""Integrated autocorrelation time along the last axis, in steps.

    It is

    .. math:: \tau = 1 + 2 \sum_t \rho(t)

    with the normalised autocorrelation :math:`\rho(t)`, cut at the first window of at least 5 tau steps (Sokal), its
    last term counted half, which keeps it positive for alternating chains; for those, a window of at least 5 / tau is
    asked for too. An AR(1) chain with coefficient a has :math:`\tau = (1 + a) / (1 - a)`; independent and constant
    values have tau = 1.

    Parameters
    ----------
    series : array (..., n)
        Successive values of a chain, along the last axis.

    Returns
    -------
    float or array (...)
        The time of each series.

    Raises
    ------
    ValueError
        For a series shorter than 50 tau, whose estimate could not be trusted; the estimate is in the message.

    Examples
    --------
    >>> import numpy as np
    >>> from srbm import autocorrelation_time
    >>> round(autocorrelation_time(np.random.default_rng(0).standard_normal(1000)))
    1
    """
    series = finite(series, "series")
    length = series.shape[-1] if series.ndim else 0
    if length < 2:
        raise ValueError(f"series needs at least two values along its last axis, got shape {series.shape}")
    centred = series - series.mean(axis=-1, keepdims=True)
    padded = np.fft.rfft(centred, n=2 * length, axis=-1)
    covariance = np.fft.irfft(np.abs(padded) ** 2, axis=-1)[..., :length]
    rounding = length * (8 * np.finfo(float).eps * np.abs(series).max(axis=-1, keepdims=True)) ** 2
    varies = covariance[..., :1] > rounding
    rho = np.divide(covariance, covariance[..., :1], out=np.zeros_like(covariance), where=varies)
    rho[..., 0] = 1.0
    tau = 2 * np.cumsum(rho, axis=-1) - 1 - rho  # tau (1 - a^M) for an AR(1) chain: never negative
    window = np.arange(length)
    enough = (window >= 5 * tau) & (window * tau >= 5)
    first = np.where(enough.any(axis=-1), enough.argmax(axis=-1), tau.argmax(axis=-1))
    result = np.take_along_axis(tau, first[..., None], axis=-1)[..., 0]
    if length < 50 * result.max():
        raise ValueError(
            f"the series of {length} values is shorter than 50 autocorrelation times "
            f"(estimate {result.max():.3g}): its error cannot be trusted. Run longer chains"
        )
    return result if result.ndim else float(result)


@in_range
def standard_error(series: ArrayLike) -> Any:
    r"""Standard error of the mean along the last axis, autocorrelations included.

    .. math:: \sigma \sqrt{\tau / n}

    with the standard deviation :math:`\sigma` of the values and the `autocorrelation_time` tau.

    Parameters
    ----------
    series : array (..., n)
        Successive values of a chain, along the last axis.

    Returns
    -------
    float or array (...)
        The error of each mean, in the unit of the values.

    Raises
    ------
    ValueError
        For a series shorter than 50 tau.

    Examples
    --------
    >>> import numpy as np
    >>> from srbm import standard_error
    >>> round(float(standard_error(np.random.default_rng(0).standard_normal(10_000))), 2)
    0.01
    """
    series = finite(series, "series")
    tau = autocorrelation_time(series)
    return series.std(axis=-1, ddof=1) * np.sqrt(tau / series.shape[-1])
