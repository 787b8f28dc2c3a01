"""The RBM as a latent-variable model: probabilistic PCA, and factor analysis with a mass for every visible node.

A Gaussian RBM with masses M = diag(mu_i^2) has the propagator

    K^-1 = (M - sigma_h^2 W W^T)^-1 = Psi + A A^T,        Psi = M^-1,
    A = sigma_h M^-1 W (1 - sigma_h^2 W^T M^-1 W)^-1/2,

that of fields phi = A z + noise with independent latent z ~ N(0, 1) and independent noise of variance Psi_ii. With one
mass for all nodes this is probabilistic PCA (Tipping and Bishop, J. R. Stat. Soc. B 61, 611 (1999)), and
`maximum_likelihood` gives its optimum; with a mass per node it is factor analysis (Rubin and Thayer, Psychometrika 47,
69 (1982)), whose optimum over W is closed for given Psi and has to be searched for over Psi (Joreskog, Psychometrika
32, 443 (1967)): `factor_analysis`, and `fit_factors`, which also says how sure the maximum is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ._support.arrays import add_to_diagonal
from ._support.checks import (
    Floats,
    Frozen,
    Seed,
    correlation_matrix,
    count,
    finite,
    frozen,
    number,
    numpy_generator,
    require_instance,
    require_positive,
    varying_nodes,
)
from ._support.modes import kept
from ._support.newton import minimum_in_box
from ._support.range import in_range
from .model import ScalarRBM


class LatentForm(NamedTuple):
    """A Gaussian RBM as a latent-variable model: phi = A z + noise with independent z ~ N(0, 1).

    Attributes
    ----------
    loadings : array (N_v, N_h)
        The matrix :math:`A`.
    noise : float or array (N_v,)
        Variance of the noise: one number, or one per visible node.

    Examples
    --------
    >>> import numpy as np
    >>> from srbm import LatentForm
    >>> LatentForm(np.array([[1.0], [2.0]]), 0.5).covariance
    array([[1.5, 2. ],
           [2. , 4.5]])
    """

    loadings: Floats
    noise: float | Floats

    @property
    def covariance(self) -> Floats:
        """Covariance of phi, the noise on the diagonal plus :math:`A A^T`, of shape (N_v, N_v)."""
        return add_to_diagonal(self.loadings @ self.loadings.T, self.noise)


@in_range
def latent_form(rbm: ScalarRBM) -> LatentForm:
    """The loadings and the noise of an RBM.

    Parameters
    ----------
    rbm : ScalarRBM
        The model; it may have a mass per node.

    Returns
    -------
    LatentForm
        Loadings and noise with the same covariance as the propagator of the model.

    Raises
    ------
    NotNormalizableError
        When the kernel of the model is not positive.

    Examples
    --------
    >>> from srbm import ScalarRBM, latent_form
    >>> form = latent_form(ScalarRBM([[1.0], [0.0]], mass_squared=2.0))
    >>> form.loadings.round(3), form.noise
    (array([[0.707],
           [0.   ]]), 0.5)
    """
    require_instance(rbm, "rbm", ScalarRBM)
    mass = np.broadcast_to(rbm.mass_squared, (rbm.n_visible,))[:, None]
    basis, s, Vt = np.linalg.svd(np.sqrt(rbm.hidden_variance / mass) * rbm.weights, full_matrices=False)
    room = (1 - s) * (1 + s)
    require_positive(room, "the RBM kernel")
    return LatentForm((basis * (s / np.sqrt(room)) @ Vt) / np.sqrt(mass), 1 / rbm.mass_squared)


@in_range
def from_latent(loadings: ArrayLike, noise: ArrayLike, hidden_variance: float = 1.0) -> ScalarRBM:
    """The RBM with the distribution of phi = A z + noise; it exists for all loadings and every positive noise.

    Parameters
    ----------
    loadings : array (N_v, N_h)
        The matrix :math:`A`.
    noise : float or array (N_v,)
        Variance of the noise, > 0; the mass mu_i^2 of node i is the inverse of its noise.
    hidden_variance : float
        sigma_h^2.

    Returns
    -------
    ScalarRBM
        The model, with a mass per node if the noise has one.

    Raises
    ------
    ValueError
        When the shapes do not fit, or a noise is not positive.

    Examples
    --------
    >>> from srbm import from_latent
    >>> from_latent([[1.0], [0.0]], noise=0.5).propagator.round(6)
    array([[1.5, 0. ],
           [0. , 0.5]])
    """
    loadings = finite(loadings, "loadings")
    noise = finite(noise, "noise")
    if loadings.ndim != 2 or noise.shape not in ((), loadings.shape[:1]):
        raise ValueError(
            "loadings must have shape (N_v, N_h) and noise be one number or have shape (N_v,), got shapes "
            f"{loadings.shape} and {noise.shape}"
        )
    if not (noise > 0).all():
        raise ValueError(
            f"noise must be positive, got {noise.min():g}: a node without noise would need an infinite "
            "mass; leave nodes that do not vary out"
        )
    hidden_variance = number(hidden_variance, "hidden_variance", above=0)
    root = np.sqrt(np.broadcast_to(noise, loadings.shape[:1]))[:, None]
    basis, b, Vt = np.linalg.svd(loadings / root, full_matrices=False)
    weights = (basis * (b / np.hypot(1, b)) @ Vt) / root / np.sqrt(hidden_variance)
    return ScalarRBM(weights, 1 / noise, hidden_variance)


@dataclass(frozen=True, eq=False)
class FactorFit(Frozen):
    """A factor analysis, and what is known about its maximum; prints as a few lines.

    Attributes
    ----------
    model : ScalarRBM
        The best model found, with a mass per node.
    log_likelihoods : array (starts,)
        Log-likelihood, in nats per configuration, of the maximum that each start has led to, descending.
    heywood : tuple of int
        The nodes whose noise has run to its bound (Heywood cases): hidden nodes have become copies of them.
    least_noise : float
        That bound, as a share of the variance of the node.

    Examples
    --------
    >>> import numpy as np
    >>> from srbm import fit_factors
    >>> print(fit_factors(np.outer([3, 2, 1], [3, 2, 1]) + np.diag([1.0, 2.0, 4.0]), 1))
    log-likelihood -6.549 nats, found from 8 of 8 starts
    """

    model: ScalarRBM
    log_likelihoods: Floats
    heywood: tuple[int, ...]
    least_noise: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "log_likelihoods", frozen(self.log_likelihoods))

    @property
    def agreed(self) -> int:
        """How many starts have led to the best maximum, to a millionth of a nat."""
        return int((self.log_likelihoods > self.log_likelihoods[0] - 1e-6).sum())

    def __str__(self) -> str:
        best, starts = self.log_likelihoods[0], len(self.log_likelihoods)
        lines = [f"log-likelihood {best:.4g} nats, found from {self.agreed} of {starts} starts"]
        if self.agreed < starts:
            lines.append(f"other maxima lie up to {best - self.log_likelihoods[-1]:.2g} nats lower")
        if self.agreed == 1 < starts:
            lines.append("a single start has found it: there may be a higher one, try more starts")
        if self.heywood:
            which = f"node{'s'[: len(self.heywood) > 1]} {', '.join(map(str, self.heywood))}"
            lines.append(
                f"the noise of {which} is at its bound, {self.least_noise:g} of the variance (Heywood case): "
                "fewer hidden nodes, or a higher least_noise, leave it some"
            )
        return "\n".join(lines)


@in_range
def fit_factors(
    correlation: ArrayLike,
    n_hidden: int,
    hidden_variance: float = 1.0,
    least_noise: float = 1e-6,
    starts: int = 8,
    rng: Seed = 0,
) -> FactorFit:
    """The maximum of the likelihood over W and a mass mu_i^2 of its own for every visible node, and how sure it is.

    For given masses the best W is known: in units in which every mu_i^2 is 1 it keeps the modes with kappa < 1, at most
    N_h. What is left is a function of the logarithms of N_v masses (Joreskog, Psychometrika 32, 443 (1967)), whose
    derivatives are known too: Eq. (22) without the sum over i, and the mixing of the modes (Clarke, Br. J. Math. Stat.
    Psychol. 23, 43 (1970)). Newton's method takes some ten steps, where the EM algorithm needs hundreds and stops
    short. There may be several maxima: the best one is returned, with the number of starts that have found it. At a
    maximum <phi_i^2> of model and data agree in every node.

    Parameters
    ----------
    correlation : array (N_v, N_v)
        <phi phi^T> of the data, positive semidefinite with a positive diagonal.
    n_hidden : int
        N_h < N_v.
    hidden_variance : float
        sigma_h^2.
    least_noise : float
        Smallest share of <phi_i^2> that the noise of node i, 1 / mu_i^2, may have. The likelihood of some data has no
        maximum, or one without noise in a node (a Heywood case); the noise of such a node ends at this share.
    starts : int
        Number of starting points. All of them are drawn at random, the first ones close to a good guess, since a
        symmetric start would keep its symmetry and could end on a saddle.
    rng : numpy.random.Generator or int, optional
        Random numbers of the starts, or their seed.

    Returns
    -------
    FactorFit
        The best model, how many starts agree on it, and the nodes without noise.

    Raises
    ------
    ValueError
        For a node that does not vary, N_h >= N_v, or a `least_noise` outside (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from srbm import fit_factors
    >>> fit_factors(np.outer([3, 2, 1], [3, 2, 1]) + np.diag([1.0, 2.0, 4.0]), 1).agreed
    8
    """
    correlation = correlation_matrix(correlation)
    n_hidden = count(n_hidden, "n_hidden")
    hidden_variance = number(hidden_variance, "hidden_variance", above=0)
    least_noise = number(least_noise, "least_noise", above=0)
    n_visible = len(correlation)
    if n_hidden >= n_visible:
        raise ValueError(
            f"with n_hidden = {n_hidden} >= N_v = {n_visible} the masses are not determined: every "
            "diagonal matrix above the target kernel is optimal. Take fewer hidden nodes"
        )
    if least_noise >= 1:
        raise ValueError(f"least_noise is a share of the variance and must be below 1, got {least_noise:g}")
    variances = np.diag(correlation)
    dead = int((~varying_nodes(variances)).sum())
    if dead:
        raise ValueError(
            f"{dead} of the {n_visible} nodes {'does' if dead == 1 else 'do'} not vary, which makes the best mass "
            "infinite: leave them out, as standardize(correlation) does"
        )
    scale = np.sqrt(variances)
    unit = correlation / np.outer(scale, scale)  # factor analysis does not care about the unit of each field
    lowest = np.log(least_noise)
    starting = _starts(unit, n_hidden, count(starts, "starts", least=1), numpy_generator(rng))
    found = [
        minimum_in_box(
            lambda log_noise: _profile(unit, log_noise, n_hidden),
            np.clip(start, 0.99 * lowest, 0.01 * lowest),
            lowest,
            0.0,
        )
        for start in starting
    ]
    log_noise = min(found, key=lambda end: end[1])[0]
    theta, modes = _in_units_of(unit, log_noise)
    signal = np.sqrt(np.maximum(theta[:n_hidden] - 1, 0))
    loadings = (scale * np.exp(log_noise / 2))[:, None] * modes[:, :n_hidden] * signal
    constant = n_visible * np.log(2 * np.pi) + np.log(variances).sum()
    return FactorFit(
        from_latent(loadings, variances * np.exp(log_noise), hidden_variance),
        -(np.sort([value for _, value in found]) + constant) / 2,
        tuple(int(i) for i in np.flatnonzero(log_noise < lowest + np.log(2))),
        least_noise,
    )


@in_range
def factor_analysis(
    correlation: ArrayLike,
    n_hidden: int,
    hidden_variance: float = 1.0,
    least_noise: float = 1e-6,
    starts: int = 8,
    rng: Seed = 0,
) -> ScalarRBM:
    """The model of maximum likelihood over W and a mass mu_i^2 of its own for every visible node.

    The `model` of `fit_factors`, which also tells how many starts agree on it and which nodes have no noise left.

    Parameters
    ----------
    correlation : array (N_v, N_v)
        <phi phi^T> of the data, positive semidefinite with a positive diagonal.
    n_hidden : int
        N_h < N_v.
    hidden_variance : float
        sigma_h^2.
    least_noise : float
        Smallest share of <phi_i^2> that the noise of node i, 1 / mu_i^2, may have.
    starts : int
        Number of starting points, drawn at random.
    rng : numpy.random.Generator or int, optional
        Random numbers of the starts, or their seed.

    Returns
    -------
    ScalarRBM
        The best model found, with a mass per node.

    Raises
    ------
    ValueError
        For a node that does not vary, N_h >= N_v, or a `least_noise` outside (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from srbm import factor_analysis
    >>> one_factor = np.outer([3, 2, 1], [3, 2, 1]) + np.diag([1.0, 2.0, 4.0])
    >>> factor_analysis(one_factor, 1).mass_squared.round(2)
    array([1.  , 0.5 , 0.25])
    """
    return fit_factors(correlation, n_hidden, hidden_variance, least_noise, starts, rng).model


def _in_units_of(unit: Floats, log_noise: Floats) -> tuple[Floats, Floats]:
    """Variances, descending, and modes of the data when the noise of every node is one."""
    root = np.exp(log_noise / 2)
    theta, modes = np.linalg.eigh(unit / np.outer(root, root))
    return theta[::-1], modes[:, ::-1]


def _profile(unit: Floats, log_noise: Floats, n_hidden: int) -> tuple[float, Floats, Callable[[], Floats]]:
    """Minus twice the log-likelihood at the best loadings, up to a constant, with its first and second derivatives.

    With x = ln(noise), theta and u of `_in_units_of`, and modes S kept and D discarded, the value is
    sum x + sum_S (ln theta + 1) + sum_D theta, the gradient sum_D (1 - theta) u_i^2, and

        sum_{m, n in D} theta_m u_im u_jm u_in u_jn
        + sum_{n in S, m in D} (1 - theta_m) (theta_n + theta_m) / (theta_n - theta_m) u_im u_jm u_in u_jn

    the second derivative by x_i and x_j.
    """
    theta, modes = _in_units_of(unit, log_noise)
    n = int(kept(theta, 1.0, n_hidden).sum())
    signal, noise = theta[:n], theta[n:]
    inside, outside = modes[:, :n], modes[:, n:]

    def curvature() -> Floats:
        second = (outside * noise @ outside.T) * (outside @ outside.T)
        for variance, mode in zip(signal, inside.T, strict=True):
            gap = np.maximum(variance - noise, 1e-6 * variance)  # where two modes cross there is no derivative
            second += np.outer(mode, mode) * (outside * ((1 - noise) * (variance + noise) / gap) @ outside.T)
        return second

    value = float(log_noise.sum() + (np.log(signal) + 1).sum() + noise.sum())
    return value, outside**2 @ (1 - noise), curvature


def _starts(unit: Floats, n_hidden: int, number_of: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Logarithms of noise to start from: around a guess, ever wider, and every other time anywhere."""
    n_visible = len(unit)
    # What a regression on all other nodes cannot explain is more than the noise; a part of it is a good guess.
    left = 1 / np.diag(np.linalg.inv(add_to_diagonal(unit.copy(), 1e-6)))
    guess = np.log((1 - n_hidden / (2 * n_visible)) * left)
    for k, width in enumerate(np.linspace(0.1, 1.0, number_of)):
        yield np.log(rng.uniform(0.02, 0.98, n_visible)) if k % 2 else guess + width * rng.standard_normal(n_visible)
