"""Weights in closed form: the exact solutions of Sec. II and the maximum-likelihood optimum for any N_h.

The exact solutions factorise (mu^2 - K^phi) / sigma_h^2 = W W^T (Eq. 13). When N_h or mu^2 is too small for that,
`maximum_likelihood` gives the best there is; with mu^2 free it is probabilistic PCA (Tipping and Bishop, J. R. Stat.
Soc. B 61, 611 (1999)).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ._support.checks import Floats, correlation_matrix, count, null_variance, number, require_positive, symmetric
from ._support.krylov import leading_pairs
from ._support.modes import kept
from ._support.range import in_range
from .infrared import LeadingModes
from .model import ScalarRBM

_SURELY = 1e-6
"""Of the largest variance: a mean of the others that exceeds it is known to ten digits from the trace."""


def _symmetric_root(kernel: ArrayLike, mass_squared: float, hidden_variance: float) -> Floats:
    """The symmetric W with W W = (mu^2 - K) / sigma_h^2."""
    kernel = symmetric(kernel, "kernel")
    mass_squared = number(mass_squared, "mass_squared", above=0)
    hidden_variance = number(hidden_variance, "hidden_variance", above=0)
    kappa, modes = np.linalg.eigh(kernel)
    require_positive(kappa, "the target kernel")
    excess = mass_squared - kappa
    if excess.min() < -1e-12 * mass_squared:
        raise ValueError(
            f"mass_squared = {mass_squared:g} is below the largest eigenvalue of the kernel, "
            f"{kappa[-1]:.6g}: an exact solution needs mu^2 >= kappa_max (Eq. 14). Raise mu^2, or use "
            "maximum_likelihood for the best model at this mu^2"
        )
    # At mu^2 = kappa_max rounding alone decides between a singular value of 0 and one of 5e-8, the root of its residue.
    excess = np.where(excess < 1e-12 * mass_squared, 0.0, excess)
    return modes * np.sqrt(excess / hidden_variance) @ modes.T


@in_range
def cholesky_solution(kernel: ArrayLike, mass_squared: float, hidden_variance: float = 1.0) -> ScalarRBM:
    """The exact solution whose W is lower triangular with a non-negative diagonal, with N_h = N_v.

    It factorises the target by Eq. (13) (item 1 of Sec. II).

    Parameters
    ----------
    kernel : array (N_v, N_v)
        Kernel of the target.
    mass_squared : float
        mu^2, not below the largest eigenvalue of `kernel`.
    hidden_variance : float
        sigma_h^2.

    Returns
    -------
    ScalarRBM
        The model with that kernel.

    Raises
    ------
    ValueError
        For a mu^2 below the spectrum of the kernel (Eq. 14).
    NotNormalizableError
        For a kernel that is not positive.

    Examples
    --------
    >>> from srbm import FreeScalarField, cholesky_solution
    >>> rbm = cholesky_solution(FreeScalarField(3).kernel, mass_squared=8.0)
    >>> rbm.kernel.round(6)
    array([[ 6., -1., -1.],
           [-1.,  6., -1.],
           [-1., -1.,  6.]])
    """
    root = _symmetric_root(kernel, mass_squared, hidden_variance)
    # The triangular factor of the root's QR decomposition also serves mu^2 = kappa_max, where Cholesky breaks down.
    lower = np.linalg.qr(root)[1].T
    return ScalarRBM(lower * np.where(np.diag(lower) < 0, -1.0, 1.0), mass_squared, hidden_variance)


@in_range
def symmetric_solution(kernel: ArrayLike, mass_squared: float, hidden_variance: float = 1.0) -> ScalarRBM:
    r"""The exact solution whose W is symmetric, with N_h = N_v.

    .. math:: W = W^T = O \sqrt{D} O^T

    with the eigenvalues D and the eigenvectors O of the right-hand side of Eq. (13): Eq. (16).

    Parameters
    ----------
    kernel : array (N_v, N_v)
        Kernel of the target.
    mass_squared : float
        mu^2, not below the largest eigenvalue of `kernel`.
    hidden_variance : float
        sigma_h^2.

    Returns
    -------
    ScalarRBM
        The model with that kernel.

    Raises
    ------
    ValueError
        For a mu^2 below the spectrum of the kernel (Eq. 14).
    NotNormalizableError
        For a kernel that is not positive.

    Examples
    --------
    >>> from srbm import FreeScalarField, symmetric_solution
    >>> symmetric_solution(FreeScalarField(3).kernel, mass_squared=7.0).weights.round(3)
    array([[0.577, 0.577, 0.577],
           [0.577, 0.577, 0.577],
           [0.577, 0.577, 0.577]])
    """
    return ScalarRBM(_symmetric_root(kernel, mass_squared, hidden_variance), mass_squared, hidden_variance)


@in_range
def maximum_likelihood(
    correlation: ArrayLike | LeadingModes,
    n_hidden: int,
    mass_squared: float | None = None,
    hidden_variance: float = 1.0,
) -> ScalarRBM:
    """The model of maximum likelihood for data with given second moments, over W and, if it is free, over mu^2.

    The model keeps the smallest kappa = 1 / (eigenvalue of `correlation`): with mu^2 given, the N_h smallest
    among those below mu^2; with mu^2 free, the N_h smallest, and 1 / mu^2 is the mean of the other 1 / kappa.
    Where the last of them has the same kappa as the next, any combination of the two would do as well: the maximum is
    then not unique, and the kernel returned is one of a continuum.

    For N_v > 1024 and N_h <= N_v / 16 only N_h modes and the trace are computed, by Lanczos' method, with residuals of
    the size of rounding errors and a proof that none is missing; otherwise, and where that fails, `correlation` is
    diagonalised. Of more nodes than an N_v x N_v matrix can be made for, `leading_modes` finds the modes from the rows.

    Parameters
    ----------
    correlation : array (N_v, N_v) or LeadingModes
        <phi phi^T> of the data, positive semidefinite; null directions (kappa infinite) are never kept. Or what
        `leading_modes` found of it, N_h modes at least.
    n_hidden : int
        N_h; columns of W beyond the kept modes are zero.
    mass_squared : float, optional
        mu^2; the best one when None.
    hidden_variance : float
        sigma_h^2.

    Returns
    -------
    ScalarRBM
        The best model.

    Raises
    ------
    ValueError
        With mu^2 free and N_h >= N_v (the optimum is a line: any mu^2 above the spectrum does), or when every discarded
        1 / kappa is zero, so that the likelihood grows without bound as mu^2 does.

    Examples
    --------
    >>> from srbm import FreeScalarField, maximum_likelihood
    >>> best = maximum_likelihood(FreeScalarField(10).propagator, n_hidden=5)
    >>> best
    <ScalarRBM: N_v = 10, N_h = 5, mu^2 = 7.24911, sigma_h^2 = 1>
    >>> best.eigenvalues.round(3)
    array([4.   , 4.382, 4.382, 5.382, 5.382, 7.249, 7.249, 7.249, 7.249,
           7.249])
    """
    n_hidden = count(n_hidden, "n_hidden")
    hidden_variance = number(hidden_variance, "hidden_variance", above=0)
    spectrum = correlation if isinstance(correlation, LeadingModes) else _spectrum(correlation, n_hidden)
    n_visible = len(spectrum.modes)
    if mass_squared is None:
        if n_hidden >= n_visible:
            raise ValueError(
                f"with n_hidden = {n_hidden} >= N_v = {n_visible} every mu^2 above the spectrum is "
                "optimal: pass mass_squared"
            )
        discarded = spectrum.discarded(n_hidden)
        if not discarded:
            raise ValueError(
                "the likelihood has no maximum: beyond n_hidden modes the data do not vary at all, so it "
                "grows with mu^2 without bound; choose a smaller n_hidden or pass mass_squared"
            )
        mass_squared = 1 / discarded
    mass_squared = number(mass_squared, "mass_squared", above=0)
    variances, modes = spectrum.variances, spectrum.modes
    n = int(kept(variances, mass_squared, n_hidden).sum())
    weights = np.zeros((n_visible, n_hidden))
    weights[:, :n] = modes[:, :n] * np.sqrt((mass_squared - 1 / variances[:n]) / hidden_variance)
    return ScalarRBM(weights, mass_squared, hidden_variance)


class _Spectrum(NamedTuple):
    """All eigenvalues of a correlation matrix, descending, and modes."""

    variances: Floats
    modes: Floats
    null: float

    def discarded(self, n_hidden: int) -> float:
        """Mean variance beyond the first `n_hidden`."""
        return float(np.where(self.variances > self.null, self.variances, 0)[n_hidden:].mean())


class _Leading(NamedTuple):
    """The largest eigenvalues, modes, and the trace."""

    variances: Floats
    modes: Floats
    trace: float

    def discarded(self, n_hidden: int) -> float:
        """Mean variance beyond the first `n_hidden`."""
        return (self.trace - float(self.variances[:n_hidden].sum())) / (len(self.modes) - n_hidden)


def _spectrum(correlation: ArrayLike, n_hidden: int) -> _Spectrum | _Leading:
    """What `maximum_likelihood` needs of a correlation matrix."""
    matrix = correlation_matrix(correlation)
    few = leading_pairs(matrix, n_hidden)
    if few is not None:
        leading = _Leading(few.values, few.vectors, float(np.trace(matrix)))
        if leading.discarded(n_hidden) > _SURELY * few.values[0]:
            return leading
    variances, modes = np.linalg.eigh(matrix)
    variances, modes = variances[::-1], modes[:, ::-1]
    return _Spectrum(variances, modes, null_variance(correlation, variances))
