"""How many hidden nodes, and which mu^2? An answer from the spectrum of the data alone.

The best RBM with N_h hidden nodes keeps the N_h smallest kappa and sets 1 / mu^2 to the mean of the other 1 / kappa
(`maximum_likelihood`). What it loses is known in closed form, so the smallest N_h that loses less than a tolerance can
be read off a curve, before any training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._validation import Floats, correlation_matrix, number


@dataclass(frozen=True, eq=False)
class Recommendation:
    """The smallest sufficient architecture; prints as a table.

    Attributes
    ----------
    n_hidden : int, the recommended N_h
    mass_squared : float, the mu^2 that belongs to it
    tolerance : float, nats that were allowed to be lost
    kl : array (rank,), nats lost at the optimum with N_h = 0, 1, ..., rank - 1
    mass_curve : array (rank,), the optimal mu^2 for each of these N_h
    eigenvalues : array (rank,), kappa of the directions in which the data vary, ascending
    n_null : int, directions in which the data do not vary; they are left out of the divergence, which they would
        make infinite
    """

    n_hidden: int
    mass_squared: float
    tolerance: float
    kl: Floats
    mass_curve: Floats
    eigenvalues: Floats
    n_null: int

    @property
    def variance_kept(self) -> float:
        """The share of <phi^T phi> carried by the kept modes."""
        variances = 1 / self.eigenvalues
        return float(variances[: self.n_hidden].sum() / variances.sum())

    def __str__(self) -> str:
        shown = sorted({0, self.n_hidden // 4, self.n_hidden // 2, self.n_hidden,
                        min(2 * self.n_hidden, len(self.kl) - 1), len(self.kl) - 1})
        lines = [f"N_h = {self.n_hidden}, mu^2 = {self.mass_squared:.4g}: loses {self.kl[self.n_hidden]:.4g} nats "
                 f"(tolerance {self.tolerance:g}), keeps {100 * self.variance_kept:.1f} % of the variance"]
        if self.n_null:
            lines.append(f"{self.n_null} directions in which the data do not vary are left out")
        lines.append("    N_h      mu^2   nats lost")
        lines += [f"{n:7d} {self.mass_curve[n]:9.4g} {self.kl[n]:11.4g}" for n in shown]
        return "\n".join(lines)

    def plot(self):
        """The curve of nats lost against N_h, as a `Panel`."""
        from . import plotting

        return plotting.curves(np.arange(len(self.kl)), {"": self.kl}, xlabel=r"hidden nodes $N_h$",
                               ylabel="KL divergence (nats)", levels=[self.tolerance],
                               marks={f"$N_h$ = {self.n_hidden}": self.n_hidden})


def recommend(correlation, tolerance: float) -> Recommendation:
    """The smallest N_h, and its mu^2, whose best RBM is within `tolerance` nats of data with these second moments.

    Parameters
    ----------
    correlation : array (N_v, N_v)
        <phi phi^T>; directions without variance (below 1e-12 of the largest) are left out and counted.
    tolerance : float
        KL divergence in nats per configuration that may be lost; > 0.
    """
    tolerance = number(tolerance, "tolerance", above=0)
    variances = np.linalg.eigvalsh(correlation_matrix(correlation))[::-1]
    if not variances.size or variances[0] <= 0:
        raise ValueError("the data do not vary in any direction: there is nothing to learn")
    varying = variances[variances > 1e-12 * variances[0]]
    tails = np.cumsum(varying[::-1])[::-1]
    logs = np.cumsum(np.log(varying)[::-1])[::-1]
    left = np.arange(len(varying), 0, -1)
    kl = np.maximum((left * np.log(tails / left) - logs) / 2, 0)
    n_hidden = int(np.argmax(kl <= tolerance))  # the last entry is 0: one discarded mode is exact
    return Recommendation(n_hidden, float(left[n_hidden] / tails[n_hidden]), tolerance, kl, left / tails, 1 / varying,
                          len(variances) - len(varying))
