"""The machine for tables: a scikit-learn estimator, on its optimum in closed form.

`ScalarRBMEstimator` takes what an analyst has, samples in rows and features in columns, and gives what scikit-learn
expects: `fit`, `transform`, `score`, and `impute` for tables with gaps. It needs scikit-learn, 1.6 or newer; nothing in
`srbm` imports this module. Rows are read as everywhere in the package (`second_moment`): what would lose a mask, a gap
or the shape of a sparse matrix is refused, with the words that help.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from ._support.checks import (
    Floats,
    count,
    described,
    fields,
    fields_with_gaps,
    finite,
    floats,
    missing_values,
    numpy_generator,
    refuse_containers,
    refuse_missing,
    varying_nodes,
)
from .latent import factor_analysis, latent_form
from .model import ScalarRBM
from .moments import FloatMoments, block_moments
from .recommend import Recommendation, recommend
from .solutions import maximum_likelihood

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("srbm.estimator needs scikit-learn, 1.6 or newer: pip install scikit-learn") from error


class ScalarRBMEstimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""The best scalar field RBM for a table, as a scikit-learn transformer with a density.

    With one mass for all features the model is probabilistic PCA, with a mass per feature factor analysis (Chapter 12),
    and `score` is that of scikit-learn's `PCA` and `FactorAnalysis`. (`PCA` estimates variances with n - 1 in the
    denominator; the maximum of the likelihood, which is fitted here, has n.) Units are those of the data, densities in
    nats per row.

    Parameters
    ----------
    n_components : int or "auto"
        N_h, the number of hidden nodes, below the number of features where the mass is free. "auto" takes the machine
        of `recommend`, which compares numbers of nodes and strengths of shrinkage on rows that were left out. Drop
        features that never vary first.
    mass_squared : None, float or "per feature"
        mu^2: the best one when None, a number, or "per feature" for a best one each (`factor_analysis`). The mass is
        that of scaled features, and the inverse variance of the noise that the model puts onto them.
    scale : bool
        Whether features are measured in units of their standard deviations. What does not vary keeps its unit. With a
        mass per feature this changes nothing but rounding.
    tolerance : float, "one standard error" or None
        For "auto": nats that may be lost on unseen rows against the best machine, which None takes.
    noise : float
        For "auto": variance of a measurement error on every (scaled) feature that need not be resolved. The machine
        describes features that have it.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        How "auto" splits the rows, or the starting point of the search for a mass per feature; nothing else is random.

    Notes
    -----
    `fit` sets ``machine_``, the `ScalarRBM` of the centred and scaled features; ``mean_`` and ``scale_``, both of shape
    (n_features,); ``components_``, its weights as rows (n_components, n_features); ``n_components_``;
    ``recommendation_``, what `recommend` found for "auto" and else None; ``n_features_in_`` and, for tables with names,
    ``feature_names_in_``.

    Data frames of pandas and polars are taken. Masked entries, missing values, sparse matrices and dicts are refused,
    with the words that make rows of them; `impute` takes gaps.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from srbm.estimator import ScalarRBMEstimator
    >>> wine = load_wine().data
    >>> machine = ScalarRBMEstimator(n_components=3, scale=True).fit(wine)
    >>> machine.transform(wine).shape, round(machine.machine_.mass_squared, 2)
    ((178, 3), 2.3)
    """

    def __init__(
        self,
        n_components: int | str = "auto",
        *,
        mass_squared: float | str | None = None,
        scale: bool = False,
        tolerance: float | Literal["one standard error"] | None = 0.1,
        noise: float = 0.0,
        random_state: Any = 0,
    ) -> None:
        self.n_components = n_components
        self.mass_squared = mass_squared
        self.scale = scale
        self.tolerance = tolerance
        self.noise = noise
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the machine of maximum likelihood, or with "auto" the one that `recommend` expects most of.

        Parameters
        ----------
        X : array or data frame (n_samples, n_features)
            A sample in each row.
        y : None
            Not used; pipelines pass it.

        Returns
        -------
        ScalarRBMEstimator
            Itself.

        Raises
        ------
        ValueError
            For rows that are not complete and finite, fewer than two of them, an `n_components` or a `mass_squared`
            that is none, and features that do not vary for "auto" and where each has a mass of its own.
        """
        rows = self._rows(X, reset=True)
        moments = block_moments(rows)
        moments = moments if isinstance(moments, FloatMoments) else moments.as_floats()
        covariance = moments.correlation(center=True)
        variances = np.diag(covariance)
        varies = varying_nodes(variances)
        scale = np.sqrt(variances, out=np.ones_like(variances), where=varies if self.scale else np.zeros_like(varies))
        machine, recommendation = self._best(
            covariance / np.outer(scale, scale), lambda: (rows - moments.mean) / scale, varies
        )
        self.mean_, self.scale_ = moments.mean, scale
        self.machine_, self.recommendation_ = machine, recommendation
        self.components_, self.n_components_ = machine.weights.T, machine.n_hidden
        return self

    def transform(self, X: ArrayLike) -> Floats:
        r"""The mean of the hidden nodes given each row.

        It is what principal components are, up to their lengths: node a of a machine with one mass has the component a
        of `PCA` times :math:`\sqrt{\mu^2 - \kappa_a}`, or minus that.

        Parameters
        ----------
        X : array or data frame (n_samples, n_features)
            Complete rows.

        Returns
        -------
        array (n_samples, n_components)
            <h | phi>; each h has the variance 1 around it.
        """
        check_is_fitted(self)
        return self.machine_.hidden_mean(self._scaled(self._rows(X)))

    def inverse_transform(self, X: ArrayLike) -> Floats:
        """The mean of the features given hidden nodes.

        Of transformed rows it is the mean of the signal given the row (`ScalarRBM.reconstruct`), in which noise is
        weighed: nearer to ``mean_`` than the projection that `PCA` returns.

        Parameters
        ----------
        X : array (n_samples, n_components)
            Hidden nodes.

        Returns
        -------
        array (n_samples, n_features)
            <phi | h>, in the units of the data.
        """
        check_is_fitted(self)
        hidden = fields(X, "X", self.n_components_)
        return self.mean_ + self.scale_ * self.machine_.visible_mean(hidden)

    def score_samples(self, X: ArrayLike) -> Floats:
        """The logarithm of the density of each row.

        Parameters
        ----------
        X : array or data frame (n_samples, n_features)
            Complete rows.

        Returns
        -------
        array (n_samples,)
            Nats, in the units of the data.
        """
        check_is_fitted(self)
        return self.machine_.log_density(self._scaled(self._rows(X))) - np.log(self.scale_).sum()

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """The average log-likelihood of rows, by which grid searches choose.

        Parameters
        ----------
        X : array or data frame (n_samples, n_features)
            Complete rows.
        y : None
            Not used.

        Returns
        -------
        float
            Nats per row.
        """
        return float(np.mean(self.score_samples(X)))

    def get_covariance(self) -> Floats:
        """The covariance of the features in the model.

        Returns
        -------
        array (n_features, n_features)
            In the units of the data.
        """
        check_is_fitted(self)
        return self.machine_.propagator * np.outer(self.scale_, self.scale_)

    def get_precision(self) -> Floats:
        """The inverse of the covariance, which is the kernel of the machine.

        Returns
        -------
        array (n_features, n_features)
            In the inverse units of the data.
        """
        check_is_fitted(self)
        return self.machine_.kernel / np.outer(self.scale_, self.scale_)

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Floats:
        """Rows drawn from the model.

        Parameters
        ----------
        n_samples : int
            How many.
        random_state : int, numpy.random.RandomState, numpy.random.Generator or None
            Random numbers, or their seed.

        Returns
        -------
        array (n_samples, n_features)
            Independent rows, in the units of the data.
        """
        check_is_fitted(self)
        drawn = self.machine_.sample(count(n_samples, "n_samples"), _generator(random_state))
        return self.mean_ + self.scale_ * drawn

    def impute(self, X: ArrayLike, return_std: bool = False) -> Any:
        """Rows with gaps, filled with the mean of what is missing given what is there (`ScalarRBM.fill`).

        Parameters
        ----------
        X : array or data frame (n_samples, n_features)
            Rows; what is NaN, None, masked or pandas' NA is filled in.
        return_std : bool
            Whether to return standard deviations, too.

        Returns
        -------
        array (n_samples, n_features), or two of them
            The complete rows; with `return_std` also how far a missing value lies from its mean in the model, zero for
            what was there.

        Raises
        ------
        ValueError
            For other features than were fitted, infinite values, and what is no table.
        """
        check_is_fitted(self)
        refuse_containers(None if isinstance(X, np.ma.MaskedArray) else X, "X")
        validate_data(self, X, reset=False, skip_check_array=True)
        rows = fields_with_gaps(X, "X", self.n_features_in_)
        if rows.ndim != 2:
            raise ValueError(f"X must have shape (n_samples, {self.n_features_in_}), got shape {rows.shape}")
        gaps = np.isnan(rows)
        filled = self.mean_ + self.scale_ * self.machine_.fill(self._scaled(rows))
        filled = np.where(gaps, filled, rows)
        if not return_std:
            return filled
        deviation = np.zeros_like(rows)
        for missing in np.unique(gaps, axis=0):
            if missing.any():
                A, noise = latent_form(self.machine_.condition(np.where(missing, np.nan, 0)))
                spread = self.scale_[missing] * np.sqrt(noise + (A**2).sum(axis=1))
                deviation[np.ix_((gaps == missing).all(axis=1), missing)] = spread
        return filled, deviation

    @property
    def _n_features_out(self) -> int:
        """How many names `get_feature_names_out` makes."""
        return self.n_components_

    def _rows(self, X: Any, *, reset: bool = False) -> np.ndarray:
        """`X` as complete, finite rows of numbers."""
        refuse_containers(X, "X")
        least = 2 if reset else 1
        try:
            rows = validate_data(self, X, reset=reset, ensure_all_finite=False, ensure_min_samples=least)
        except TypeError:
            refuse_missing(np.asarray(X), "X")
            raise
        rows = floats(rows, "X") if rows.dtype.kind == "O" else rows
        missing = int(np.isnan(rows).sum())
        if missing:
            raise ValueError(
                f"X has {missing_values(missing)} (NaN): pass the complete rows, of a data frame df.dropna(); "
                "impute(X) fills gaps, once the estimator has been fitted"
            )
        finite(rows, "X")
        return rows

    def _scaled(self, rows: np.ndarray) -> Floats:
        return (rows - self.mean_) / self.scale_

    def _best(
        self, correlation: Floats, rows: Callable[[], Floats], varies: np.ndarray
    ) -> tuple[ScalarRBM, Recommendation | None]:
        """The machine for scaled features, given as moments and, where they are asked for, as rows; what chose N_h."""
        n_features = len(correlation)
        mass, per_feature = self.mass_squared, False
        if isinstance(mass, str):
            per_feature = mass == "per feature"
            if not per_feature:
                raise ValueError(f'mass_squared must be None, a number or "per feature", got {mass!r}')
        if isinstance(self.n_components, str):
            if self.n_components != "auto":
                raise ValueError(f'n_components must be an integer or "auto", got {self.n_components!r}')
            if mass is not None and not per_feature:
                raise ValueError(
                    f'n_components="auto" chooses N_h together with the best mass, and mass_squared is '
                    f'{described(mass)}: pass n_components as an integer, or mass_squared=None or "per feature"'
                )
            _require_variation(varies, "which is no question of how many nodes")
            scaled = rows()
            recommendation = recommend(
                data=scaled,
                tolerance=self.tolerance,
                noise=self.noise,
                masses="node" if per_feature else "one",
                folds=min(5, len(scaled)),
                rng=_generator(self.random_state),
            )
            return recommendation.model, recommendation
        n_hidden = count(self.n_components, "n_components")
        if (mass is None or per_feature) and n_hidden >= n_features:
            raise ValueError(
                f"n_components = {n_hidden} must be below n_features = {n_features}, or any large mass would do: take "
                "fewer, or give the mass a number"
            )
        if not per_feature:
            return maximum_likelihood(correlation, n_hidden, mass), None  # type: ignore[arg-type]
        _require_variation(varies, "which makes the best mass infinite")
        return factor_analysis(correlation, n_hidden, rng=_generator(self.random_state)), None


def _require_variation(varies: np.ndarray, why_not: str) -> None:
    dead = int((~varies).sum())
    if dead:
        verb = "does" if dead == 1 else "do"
        raise ValueError(
            f"{dead} of the n_features = {len(varies)} features {verb} not vary, {why_not}: drop them, as "
            "VarianceThreshold() of sklearn.feature_selection does"
        )


def _generator(random_state: Any) -> np.random.Generator:
    """A generator of what scikit-learn calls a random state."""
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31 - 1)
    return numpy_generator(random_state)
