"""How many hidden nodes, and which mu^2? An answer from the spectrum of the data alone.

The best RBM with N_h hidden nodes keeps the N_h smallest kappa and sets 1 / mu^2 to the mean of the other 1 / kappa
(`maximum_likelihood`). What it loses is known in closed form, so the smallest N_h that loses less than a tolerance can
be read off a curve, before any training. Two things spoil the curve of real data, and both can be told:

* a finite resolution. In nats a direction of tiny variance counts as much as one of large variance. `noise` compares
  data and model after both have been blurred by a measurement error.
* a finite number of samples. Their spectrum is wider than the true one, so more modes seem to matter than do.
  `n_samples` charges every parameter what it costs on unseen data (Akaike, IEEE Trans. Autom. Control 19, 716 (1974)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ._support.checks import Floats, correlation_matrix, count, finite, null_variance, number
from ._support.range import in_range

if TYPE_CHECKING:
    from .figures.panel import Panel


@dataclass(frozen=True, eq=False)
class Recommendation:
    """The smallest sufficient architecture; prints as a table.

    Attributes
    ----------
    n_hidden : int
        The recommended N_h.
    mass_squared : float
        The mu^2 that belongs to it.
    tolerance : float
        Nats that were allowed to be lost.
    kl : array (rank,)
        Nats lost at the optimum with N_h = 0, 1, ..., rank - 1.
    parameters : array (rank,)
        Effective number of parameters, N_v N_h - N_h (N_h - 1) / 2 + 1; fewer with noise.
    excess : array (rank,)
        What was compared with the tolerance: `kl`, or with `n_samples` the estimate of the nats lost on unseen data,
        relative to the best N_h.
    mass_curve : array (rank,)
        The optimal mu^2 for each of these N_h.
    eigenvalues : array (rank,)
        Kernel eigenvalues kappa of the directions in which the data (with the noise) vary, ascending.
    n_null : int
        Directions in which the data do not vary; they are left out of the divergence, which they would make infinite.
    noise : float
        Variance of the measurement error that was added to every node.
    n_samples : int or None
        The number of samples the second moments were estimated from.

    Examples
    --------
    >>> from srbm import FreeScalarField, recommend
    >>> answer = recommend(FreeScalarField(10).propagator, tolerance=0.1)
    >>> answer.n_hidden, round(answer.mass_squared, 3), round(answer.variance_kept, 2)
    (2, 6.204, 0.27)
    """

    n_hidden: int
    mass_squared: float
    tolerance: float
    kl: Floats
    parameters: Floats
    excess: Floats
    mass_curve: Floats
    eigenvalues: Floats
    n_null: int
    noise: float = 0.0
    n_samples: int | None = None

    @property
    def variance_kept(self) -> float:
        """Share of <phi^T phi>, noise not counted, that is carried by the kept modes."""
        variances = 1 / self.eigenvalues - self.noise
        return float(variances[: self.n_hidden].sum() / variances.sum())

    def __str__(self) -> str:
        last = len(self.kl) - 1
        shown = sorted({0, self.n_hidden // 4, self.n_hidden // 2, self.n_hidden, min(2 * self.n_hidden, last), last})
        whose = "more on unseen data than the best N_h " if self.n_samples else ""
        lines = [
            f"N_h = {self.n_hidden}, mu^2 = {self.mass_squared:.4g}: loses {self.excess[self.n_hidden]:.4g} nats "
            f"{whose}(tolerance {self.tolerance:g}), keeps {100 * self.variance_kept:.1f} % of the variance"
        ]
        if self.n_null:
            which = "1 direction" if self.n_null == 1 else f"{self.n_null} directions"
            lines.append(f"{which} in which the data do not vary left out: mu^2 is that of a machine for the others")
        if self.noise:
            lines.append(f"data and model are compared with noise of variance {self.noise:.4g} on every node")
        heading = "    N_h      mu^2   nats lost"
        if self.n_samples:
            lines.append(f"unseen data: estimated from {self.n_samples} samples")
            heading += "  on unseen data"
        lines.append(heading)
        for n in shown:
            unseen = f" {self.excess[n]:15.4g}" if self.n_samples else ""
            lines.append(f"{n:7d} {self.mass_curve[n]:9.4g} {self.kl[n]:11.4g}{unseen}")
        return "\n".join(lines)

    def plot(self) -> Panel:
        """The curve of nats lost against N_h.

        Returns
        -------
        Panel
            The figure (needs matplotlib).
        """
        from . import figures

        names = {"": self.kl} if self.n_samples is None else {"apparent": self.kl, "unseen data": self.excess}
        lowest = self.tolerance / 100
        curves = {label: np.where(nats > lowest, nats, np.nan) for label, nats in names.items()}
        return figures.curves(
            np.arange(len(self.kl)),
            curves,
            xlabel=r"hidden nodes $N_h$",
            log="y",
            ylabel="KL divergence (nats)",
            levels=[self.tolerance],
            marks={f"$N_h$ = {self.n_hidden}": self.n_hidden},
        )


@in_range
def recommend(
    correlation: ArrayLike, tolerance: float, *, noise: float = 0.0, n_samples: int | None = None
) -> Recommendation:
    """The smallest N_h, and its mu^2, whose best RBM is within `tolerance` nats of data with these second moments.

    Parameters
    ----------
    correlation : array (N_v, N_v) or (N_v,)
        <phi phi^T>, as `second_moment` gives it (with `center=True` for data whose mean is not zero), or its
        eigenvalues 1 / kappa where they are known. Directions without variance (no more than rounding, see
        `kernel_spectrum`) are left out and counted; mu^2 is then that of a machine without them, so drop nodes that
        never vary.
    tolerance : float
        Kullback-Leibler divergence in nats per configuration that may be lost; > 0.
    noise : float
        Variance >= 0 of a measurement error, independent on every node, that is added to the data before they are
        compared with the model (1/12 of the squared spacing for numbers that were rounded). The optimal model of
        blurred data is the blurred optimal model, so N_h modes stay the same ones and every variance grows by `noise`;
        only the divergence changes, and never grows. Where nodes have different errors, divide each by its own first.
    n_samples : int, optional
        Number of independent samples behind `correlation`; > N_v. The parameters of the model are then charged
        `1 / n_samples` nats each, half for what they gained from the samples at hand and half for what they lose on
        others; what remains above the best N_h must be within the tolerance. Noise that is added does not fluctuate
        from sample to sample, so a parameter that ties modes i and j counts only f_i f_j, where f is the share of the
        data in the blurred variance. The estimate assumes Gaussian data and an N_h that does not split equal variances.

    Returns
    -------
    Recommendation
        The choice, and the curves that it was read off.

    Raises
    ------
    ValueError
        For data that do not vary in any direction, or no more samples than nodes.

    Examples
    --------
    >>> from srbm import FreeScalarField, recommend
    >>> print(str(recommend(FreeScalarField(10).propagator, tolerance=0.1)).splitlines()[0])
    N_h = 2, mu^2 = 6.204: loses 0.08127 nats (tolerance 0.1), keeps 27.1 % of the variance
    """
    tolerance = number(tolerance, "tolerance", above=0)
    noise = number(noise, "noise")
    if noise < 0:
        raise ValueError(f"noise is a variance and cannot be negative, got {noise:g}")
    variances = _variances(correlation)
    if not variances.size or variances[0] <= 0:
        raise ValueError("the data do not vary in any direction: there is nothing to learn")
    varying = variances + noise
    varying = varying[varying > null_variance(correlation, variances)]
    tails = np.cumsum(varying[::-1])[::-1]
    logs = np.cumsum(np.log(varying)[::-1])[::-1]
    left = np.arange(len(varying), 0, -1)
    kl = np.maximum((left * np.log(tails / left) - logs) / 2, 0)
    parameters = _parameters(1 - noise / varying, 1 - noise * left / tails)
    excess = kl
    if n_samples is not None:
        n_samples = count(n_samples, "n_samples", least=1)
        if n_samples <= len(variances):
            raise ValueError(
                f"n_samples = {n_samples} must exceed N_v = {len(variances)}: fewer samples leave "
                "directions without variance that only more data can fill"
            )
        excess = kl + parameters / n_samples
        excess = excess - excess.min()
    n_hidden = int(np.argmax(excess <= tolerance))  # the smallest entry of `excess` is 0, so there is one
    return Recommendation(
        n_hidden,
        float(left[n_hidden] / tails[n_hidden]),
        tolerance,
        kl,
        parameters,
        excess,
        left / tails,
        1 / varying,
        len(variances) - len(varying),
        noise,
        n_samples,
    )


def _parameters(share: Floats, share_discarded: Floats) -> Floats:
    """How many parameters of the best model with 0, 1, ... nodes follow the samples; `share` is f of each mode.

    The kept modes' variances and their rotations into each other (f_i f_j, i <= j), into the discarded ones (f_i times
    the share of the mean discarded variance) and the mass.
    """
    nodes = np.arange(len(share))
    first, squares = (np.concatenate([[0.0], np.cumsum(x)[:-1]]) for x in (share, share**2))
    return (first**2 + squares) / 2 + (len(share) - nodes) * first * share_discarded + share_discarded**2


def _variances(correlation: ArrayLike) -> Floats:
    """Eigenvalues of a correlation matrix, descending, from it or from themselves."""
    if np.ndim(correlation) != 1:
        return np.linalg.eigvalsh(correlation_matrix(correlation))[::-1]
    variances = np.sort(finite(correlation, "correlation"))[::-1]
    if variances.size and variances[-1] < 0:
        raise ValueError(f"the eigenvalues of a correlation matrix cannot be negative, got {variances[-1]:g}")
    return variances
