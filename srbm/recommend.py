"""How many hidden nodes, and which masses? An answer from data, or from the spectrum of their second moments alone.

The best RBM with N_h hidden nodes and one mass keeps the N_h smallest kappa and sets 1 / mu^2 to the mean of the other
1 / kappa (`maximum_likelihood`); with a mass per node it is a factor analysis (`fit_factors`). What a machine loses is
known in closed form, so the smallest one that loses less than a tolerance can be read off a curve, before any training.
Two things spoil the curve of real data, and both can be told:

* a finite resolution. In nats a direction of tiny variance counts as much as one of large variance. `noise` compares
  data and model after both have been blurred by a measurement error.
* a finite number of samples. Their spectrum is wider than the true one, so more modes seem to matter than do. Either
  every parameter is charged what it costs on unseen data (the *count*, after Akaike, IEEE Trans. Autom. Control 19, 716
  (1974), and Takeuchi), or parts of the rows are left out in turn and predicted (*cross-validation*).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ._support.arrays import add_to_diagonal, cholesky
from ._support.checks import (
    Floats,
    Frozen,
    Seed,
    correlation_matrix,
    count,
    described,
    finite,
    null_variance,
    number,
    numpy_generator,
    varying_nodes,
)
from ._support.krylov import are_few, leading_pairs
from ._support.range import in_range
from .held_out import LEAST_NOISE, PATIENCE, SHRINKAGES, centred_moments, node_masses, one_mass, shrunken, winsorised
from .latent import fit_factors, latent_form
from .model import ScalarRBM
from .solutions import maximum_likelihood

if TYPE_CHECKING:
    from .figures.panel import Panel

Masses: TypeAlias = Literal["one", "node", "either"]
Criterion: TypeAlias = Literal["closed form", "count", "cross-validation"]
FEW = 32
"""Modes that are tried at first where a diagonalisation is to be avoided."""
ONE_ERROR = "one standard error"
KINDS = {"one": "one mass", "node": "a mass per node"}


class Candidates(NamedTuple):
    """Machines of one kind with 0, 1, 2, ... hidden nodes, among which `recommend` has chosen.

    Attributes
    ----------
    masses : str
        "one" or "node": one mass for all nodes, or one for each.
    parameters : array (K,)
        Number of parameters; effective ones where they are charged.
    excess : array (K,)
        Nats lost, as the criterion estimates them: of the data, or on unseen data relative to the best machine of any
        kind.
    error : array (K,) or None
        Standard error of `excess` by cross-validation, from the differences between single rows.
    shrinkage : float
        Share of the moments that was given up for moments without correlations, by cross-validation.

    Examples
    --------
    >>> from srbm import FreeScalarField, recommend
    >>> [kind.masses for kind in recommend(FreeScalarField(10).propagator, 0.1).kinds]
    ['one']
    """

    masses: str
    parameters: Floats
    excess: Floats
    error: Floats | None = None
    shrinkage: float = 0.0


@dataclass(frozen=True, eq=False)
class Recommendation(Frozen):
    """The smallest sufficient machine; prints as a table.

    Attributes
    ----------
    n_hidden : int
        The recommended N_h.
    mass_squared : float or array (N_v,)
        The mu^2 that belongs to it, or one for every node that varies.
    tolerance : float or str
        Nats that were allowed to be lost.
    kl : array (K,)
        Nats that the best machines of the chosen kind with N_h = 0, 1, ... lose of the data; infinite where the data do
        not vary in some direction that is not left out.
    parameters : array (K,)
        Effective number of parameters. With one mass N_v N_h - N_h (N_h - 1) / 2 + 1, fewer with noise; with
        `n_samples` or `data` to second order in the errors of the moments.
    excess : array (K,)
        What was compared with the tolerance: `kl`, or the estimate of the nats lost on unseen data, relative to the
        best machine.
    mass_curve : array (K,) or (K, N_v)
        The optimal mu^2 for each of these N_h.
    eigenvalues : array (rank,)
        Kernel eigenvalues kappa of the directions in which the data (with the noise) vary, ascending; the smallest of
        them where `trace` is given.
    n_null : int
        Directions in which the data do not vary; they are left out of the divergence, which they would make infinite.
    noise : float
        Variance of the measurement error that was added to every node.
    n_samples : int or None
        The number of samples the second moments were estimated from.
    criterion : str
        "closed form", "count" or "cross-validation".
    masses : str
        "one" or "node": the kind of the machine.
    kinds : tuple of Candidates
        All machines that were compared, by kind.
    moments : array (N_v, N_v) or None
        Second moments, with the noise, of the nodes that vary, which `model` is fitted to.
    mean : array or None
        Mean of the data, of all columns.
    varies : array of bool or None
        Which columns of the data vary: the visible nodes of `model`.
    folds : int or None
        Into how many parts the rows were split.
    shrinkage : float
        Share of `moments` that was given up for moments without correlations, chosen by cross-validation.
    trace : float or None
        <phi^T phi> of the data, where the spectrum is known in part only: `kl` and the other curves then end early.

    Examples
    --------
    >>> from srbm import FreeScalarField, recommend
    >>> answer = recommend(FreeScalarField(10).propagator, tolerance=0.1)
    >>> answer.n_hidden, round(answer.mass_squared, 3), round(answer.variance_kept, 2)
    (2, 6.204, 0.27)
    >>> answer.model
    <ScalarRBM: N_v = 10, N_h = 2, mu^2 = 6.20367, sigma_h^2 = 1>
    """

    n_hidden: int
    mass_squared: float | Floats
    tolerance: float | str
    kl: Floats
    parameters: Floats
    excess: Floats
    mass_curve: Floats
    eigenvalues: Floats
    n_null: int
    noise: float = 0.0
    n_samples: int | None = None
    criterion: Criterion = "closed form"
    masses: str = "one"
    kinds: tuple[Candidates, ...] = ()
    moments: Floats | None = field(default=None, repr=False)
    mean: Floats | None = field(default=None, repr=False)
    varies: np.ndarray | None = field(default=None, repr=False)
    folds: int | None = None
    shrinkage: float = 0.0
    trace: float | None = None

    def __post_init__(self) -> None:
        self.__setstate__(self.__getstate__())  # with arrays that cannot be changed under a machine once it is made

    @cached_property
    def model(self) -> ScalarRBM:
        """The fitted machine, of deviations from the mean of the data as they are seen through `noise`."""
        if self.moments is None:
            raise ValueError("of eigenvalues alone no machine can be made: pass recommend the correlation matrix")
        if self.masses == "node":
            return fit_factors(self.moments, self.n_hidden, least_noise=LEAST_NOISE).model
        return maximum_likelihood(self.moments, self.n_hidden, float(self.mass_squared))

    @property
    def variance_kept(self) -> float:
        """Share of <phi^T phi>, noise not counted, that is carried by the kept modes or factors."""
        variances = 1 / self.eigenvalues - self.noise
        if self.masses == "node":
            return float((latent_form(self.model).loadings ** 2).sum() / variances.sum())
        return float(variances[: self.n_hidden].sum() / (variances.sum() if self.trace is None else self.trace))

    def __str__(self) -> str:
        return self._table_of_kinds() if self.mean is not None or len(self.kinds) > 1 else self._table_of_moments()

    def _table_of_kinds(self) -> str:
        """What was compared, how, and what was not known."""
        how = f"{self.folds}-fold cross-validation" if self.folds else f"the {self.criterion}"
        rule = self.tolerance if isinstance(self.tolerance, str) else f"{self.tolerance:g} nats"
        rows = f" of {self.n_samples} rows" if self.n_samples else ""
        lines = [
            f"N_h = {self.n_hidden}, {KINDS[self.masses]}: "
            + (f"the fewest parameters that lose no more than {rule}" if self.tolerance else "the best"),
            f"by {how}{rows}; keeps {100 * self.variance_kept:.1f} % of the variance",
            f"{'machine':16s} {'N_h':>4s} {'parameters':>10s} {'nats lost':>10s}" + " +- error" * bool(self.folds),
        ]
        for kind in self.kinds:
            best = int(np.argmin(kind.excess))
            chosen = {self.n_hidden} if kind.masses == self.masses else set()
            for n in sorted({0, best, len(kind.excess) - 1} | chosen):
                error = "" if kind.error is None else f" {kind.error[n]:8.2g}"
                mark = " <-" if n in chosen else ""
                name = KINDS[kind.masses]
                lines.append(f"{name:16s} {n:4d} {kind.parameters[n]:10.4g} {kind.excess[n]:10.3g}{error}{mark}")
        return "\n".join([*lines, *self._unknown()])

    def _unknown(self) -> list[str]:
        """What the reader should know about the answer."""
        lines = []
        if self.varies is not None and not self.varies.all():
            lines.append(f"columns that do not vary, left out: {', '.join(map(str, np.flatnonzero(~self.varies)))}")
        if self.noise:
            lines.append(f"data and model are compared with noise of variance {self.noise:.4g} on every node")
        if self.shrinkage:
            lines.append(f"{100 * self.shrinkage:g} % of the correlations were given up, which lost least")
        if self.masses == "one" and self.mean is not None:
            lines.append("one mass takes the columns as measured in one unit; standardise those of different kinds")
        if self.n_samples and self.moments is not None and self.n_samples <= len(self.moments):
            lines.append("fewer rows than columns: what the rows do not show is taken for noise")
        if self.criterion == "count":
            lines.append("the count expands in 1 / n; it knows no heavy tails beyond those of the rows at hand")
        if self.criterion == "cross-validation":
            lines.append("rows are taken as independent; rows in blocks or in time need folds of their own")
        return lines

    def _table_of_moments(self) -> str:
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
        if self.trace is not None:
            lines.append(f"from the {len(self.eigenvalues)} lightest modes, the trace and the determinant")
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
        """The curve of nats lost against N_h, or a curve for each kind of machine.

        Returns
        -------
        Panel
            The figure (needs matplotlib).
        """
        from . import figures

        if len(self.kinds) > 1 or self.folds:
            longest = max(len(kind.excess) for kind in self.kinds)
            names = {KINDS[k.masses]: np.pad(k.excess, (0, longest - len(k.excess)), constant_values=np.nan)
                     for k in self.kinds}  # fmt: skip
            lowest = 1e-3
        else:
            longest = len(self.kl)
            names = {"": self.kl} if self.n_samples is None else {"apparent": self.kl, "unseen data": self.excess}
            lowest = float(self.tolerance) / 100
        curves = {label: np.where((nats > lowest) & np.isfinite(nats), nats, np.nan) for label, nats in names.items()}
        return figures.curves(
            np.arange(longest),
            curves,
            xlabel=r"hidden nodes $N_h$",
            log="y",
            ylabel="nats lost" if self.folds else "KL divergence (nats)",
            levels=[self.tolerance] if isinstance(self.tolerance, float) and self.tolerance else [],
            marks={f"$N_h$ = {self.n_hidden}": self.n_hidden},
        )


@in_range
def recommend(
    correlation: ArrayLike | None = None,
    tolerance: float | Literal["one standard error"] | None = None,
    *,
    noise: float = 0.0,
    n_samples: int | None = None,
    data: ArrayLike | None = None,
    masses: Masses | None = None,
    criterion: Criterion | None = None,
    folds: int = 5,
    rng: Seed = 0,
) -> Recommendation:
    """The smallest machine that is good enough for data: given as rows, or as second moments.

    `recommend(data=rows)` compares machines with one mass and with a mass per node, fitted to moments of which a share
    is given up (`shrinkage`), on rows that were left out; `recommend(data=rows).model` is the one to use.
    `recommend(correlation, tolerance)` is the answer for a distribution that is known: the smallest N_h whose best RBM
    is within `tolerance` nats of it. For N_v > 1024 it comes from the trace, the determinant and the 32 (or 128, 512,
    ...) lightest modes, where at most N_v / 16 of them are enough and no direction is a billion times weaker than
    another; everything else takes the whole spectrum.

    Parameters
    ----------
    correlation : array (N_v, N_v) or (N_v,), optional
        <phi phi^T>, as `second_moment` gives it (with `center=True` for data whose mean is not zero), or its
        eigenvalues 1 / kappa where they are known. Directions without variance (no more than rounding, see
        `kernel_spectrum`) are left out and counted; mu^2 is then that of a machine without them, so drop nodes that
        never vary.
    tolerance : float or "one standard error", optional
        Nats per configuration that may be lost, > 0: of the data by the closed form, which needs it; on unseen data and
        relative to the best machine by the others, which take the best one without it. By cross-validation it may be
        "one standard error" of the difference to the best.
    noise : float
        Variance >= 0 of a measurement error, independent on every node, that is added to the data before they are
        compared with the model (1/12 of the squared spacing for numbers that were rounded). The optimal model of
        blurred data is the blurred optimal model, so N_h modes stay the same ones and every variance grows by `noise`;
        only the divergence changes, and never grows. Where nodes have different errors, divide each by its own first.
    n_samples : int, optional
        Number of independent samples behind `correlation`. The parameters of the model are then charged `1 / n_samples`
        nats each, half for what they gained from the samples at hand and half for what they lose on others; what
        remains above the best N_h must be within the tolerance. How much a parameter fluctuates is told to second order
        in the errors of the moments, for Gaussian data; added noise does not fluctuate. It must exceed N_v.
    data : array (n, N_v), optional
        Samples in rows, in place of `correlation`. Their mean is subtracted, and without noise columns that do not vary
        are left out.
    masses : {"one", "node", "either"}, optional
        One mass for all nodes (probabilistic PCA), a mass per node (factor analysis), or whichever does with fewer
        parameters. "either" for data, "one" for second moments.
    criterion : {"closed form", "count", "cross-validation"}, optional
        How the loss is told. Cross-validation for data, of which the fiftieth that is described worst counts as the
        next row does, so that no single row decides; the count for second moments with `n_samples`, which for data
        takes the fluctuations from the rows themselves instead of supposing that they are Gaussian; otherwise the
        closed form.
    folds : int
        Parts of cross-validation, 2 to n.
    rng : numpy.random.Generator or int, optional
        Random numbers that split the rows, or their seed.

    Returns
    -------
    Recommendation
        The choice, its machine, and the curves that it was read off.

    Raises
    ------
    ValueError
        For data that do not vary in any direction, a count of no more samples than nodes, or options that do not go
        together.

    Examples
    --------
    >>> from srbm import FreeScalarField, recommend
    >>> print(str(recommend(FreeScalarField(10).propagator, tolerance=0.1)).splitlines()[0])
    N_h = 2, mu^2 = 6.204: loses 0.08127 nats (tolerance 0.1), keeps 27.1 % of the variance
    >>> rows = FreeScalarField(6, mass_squared=0.1).sample(200, rng=1)
    >>> recommend(data=rows).model
    <ScalarRBM: N_v = 6, N_h = 3, mu^2 = 2.97752, sigma_h^2 = 1>
    """
    if (data is None) == (correlation is None):
        raise ValueError(
            "pass either second moments, recommend(correlation, tolerance), or samples, recommend(data=rows)"
        )
    allowed = 0.0 if tolerance is None or tolerance == ONE_ERROR else number(tolerance, "tolerance", above=0)
    noise = number(noise, "noise")
    if noise < 0:
        raise ValueError(f"noise is a variance and cannot be negative, got {noise:g}")
    criterion = criterion or ("cross-validation" if data is not None else "count" if n_samples else "closed form")
    masses = masses or ("one" if data is None else "either")
    for name, value, known in (("criterion", criterion, Criterion), ("masses", masses, Masses)):
        if value not in get_args(known):
            raise ValueError(f"{name} must be one of {', '.join(get_args(known))}, got {described(value)}")
    if criterion == "closed form" and tolerance is None:
        raise ValueError("the closed form needs a tolerance: how many nats may be lost?")
    if correlation is not None and criterion == "closed form" and masses == "one":
        answer = _from_few_modes(correlation, allowed, noise)
        if answer is not None:
            return answer
    task = _task(correlation, data, noise, n_samples, criterion)
    kinds = [kind for kind in ("one", "node") if masses in (kind, "either")]
    if "node" in kinds and task.moments is None:
        raise ValueError('masses = "node" needs the correlation matrix: its eigenvalues do not say which node is which')
    if criterion == "cross-validation":
        assert task.rows is not None
        parts = count(folds, "folds", least=2)
        if parts > len(task.rows):
            raise ValueError(f"folds = {parts} needs as many rows at least, got {len(task.rows)}")
        order = np.array_split(numpy_generator(rng).permutation(len(task.rows)), parts)
        curves = [_cross_validated(task, kind, order) for kind in kinds]
    else:
        if tolerance == ONE_ERROR:
            raise ValueError("a standard error is known by cross-validation only: recommend(data=rows)")
        curves = [_one_mass(task) if kind == "one" else _node_masses(task, criterion, allowed) for kind in kinds]
    candidates = _compared(curves, task, criterion)
    small = []
    for index, kind in enumerate(candidates):
        limit = kind.error if tolerance == ONE_ERROR and kind.error is not None else allowed
        for n in np.flatnonzero(kind.excess <= np.maximum(limit, 1e-12)):
            small.append((_size(len(task.varying), int(n), kind.masses), index, int(n)))
    _, index, n_hidden = min(small)
    chosen, curve = candidates[index], curves[index]
    mass_squared: float | Floats = curve.masses[n_hidden]
    if chosen.masses == "node" and curve.moments is not None:  # that of `model`, from more starts than the search had
        mass_squared = fit_factors(curve.moments, n_hidden, least_noise=LEAST_NOISE).model.mass_squared
    return Recommendation(
        n_hidden,
        mass_squared if chosen.masses == "node" else float(mass_squared),
        tolerance or 0.0,
        curve.kl,
        chosen.parameters,
        curve.kl if criterion == "closed form" else chosen.excess,
        curve.masses,
        1 / task.varying[task.varying > 0],
        task.n_null,
        noise,
        task.n_samples,
        criterion,
        chosen.masses,
        tuple(candidates),
        curve.moments,
        task.mean,
        task.varies,
        parts if criterion == "cross-validation" else None,
        chosen.shrinkage,
    )


def _from_few_modes(correlation: ArrayLike, tolerance: float, noise: float) -> Recommendation | None:
    """The closed form without the spectrum: the discarded 1 / kappa enter by the trace and the determinant only."""
    size = np.shape(correlation)[0] if np.ndim(correlation) == 2 else 0
    if not are_few(FEW, size):
        return None
    moments = correlation_matrix(correlation)
    trace = float(np.trace(moments))
    add_to_diagonal(moments, noise)
    log_determinant = _log_determinant(moments)
    n = FEW
    while log_determinant is not None and are_few(n, size):
        found = leading_pairs(moments, n)
        if found is None:
            break
        kept, logs = (np.concatenate([[0.0], np.cumsum(x)]) for x in (found.values, np.log(found.values)))
        left = size - np.arange(n + 1)
        floor = (trace + size * noise - kept) / left
        kl = np.maximum((left * np.log(floor) - (log_determinant - logs)) / 2, 0)
        if kl[-1] <= tolerance:
            share = np.append(1 - noise / found.values, 0.0)
            parameters = _whole_parameters(share, 1 - noise / floor, size)
            n_hidden = int(np.argmax(kl <= np.maximum(tolerance, 1e-12)))
            return Recommendation(
                n_hidden,
                1 / float(floor[n_hidden]),
                tolerance,
                kl,
                parameters,
                kl,
                1 / floor,
                1 / found.values,
                0,
                noise,
                kinds=(Candidates("one", parameters, kl),),
                moments=moments,
                trace=trace,
            )
        n *= 4
    return None


def _log_determinant(matrix: Floats) -> float | None:
    """ln det of a matrix whose eigenvalues are all above 1e-9 of the largest; None for others."""
    factor = cholesky(matrix.copy())
    if factor is None:
        return None
    norm = float(np.abs(matrix).sum(axis=0).max())  # no eigenvalue is larger, and none smaller than norm / condition
    inverse_condition, _ = scipy.linalg.lapack.dpocon(factor, norm, uplo="L")
    return 2 * float(np.log(np.diag(factor)).sum()) if inverse_condition > 1e-9 else None


class _Task(NamedTuple):
    """What is asked: the data in every form that a criterion may need."""

    varying: Floats
    """Variances with the noise, descending; those of moments without any are left out."""
    n_null: int
    noise: float
    n_samples: int | None
    moments: Floats | None
    squares: Floats | None = None
    """Squares of the rows along the modes (n, N_v), the noise not included."""
    rows: Floats | None = None
    mean: Floats | None = None
    varies: np.ndarray | None = None


class _Curve(NamedTuple):
    """The best machines of one kind with 0, 1, ... nodes: nats they lose, parameters, masses; unseen rows (K, n)."""

    kind: str
    kl: Floats
    gain: Floats
    """Log-likelihood of the data, up to a constant common to all kinds."""
    parameters: Floats
    masses: Floats
    moments: Floats | None
    """What they are fitted to."""
    unseen: Floats | None = None
    shrinkage: float = 0.0


def _task(
    correlation: ArrayLike | None, data: ArrayLike | None, noise: float, n_samples: int | None, criterion: Criterion
) -> _Task:
    """The arguments of `recommend`, checked."""
    if data is not None:
        if n_samples is not None:
            raise ValueError("n_samples is the number of rows when data are passed: leave it out")
        return _task_of_rows(data, noise, criterion)
    assert correlation is not None
    if criterion == "cross-validation":
        raise ValueError("cross-validation needs the samples themselves: recommend(data=rows)")
    if criterion == "count" and n_samples is None:
        raise ValueError("the count needs n_samples, the number of samples behind the second moments")
    matrix = None if np.ndim(correlation) == 1 else correlation_matrix(correlation)
    variances = _variances(correlation) if matrix is None else np.linalg.eigvalsh(matrix)[::-1]
    if not variances.size or variances[0] <= 0:
        raise ValueError("the data do not vary in any direction: there is nothing to learn")
    varying = variances + noise
    null = varying <= null_variance(correlation, variances)
    if n_samples is not None:
        n_samples = count(n_samples, "n_samples", least=1)
        _require_more_samples(n_samples, len(variances))
    moments = None if matrix is None else add_to_diagonal(matrix, noise)
    used = n_samples if criterion == "count" else None
    return _Task(varying[~null], int(null.sum()), noise, used, moments)


def _require_more_samples(n_samples: int, n_visible: int) -> None:
    if n_samples <= n_visible:
        raise ValueError(
            f"n_samples = {n_samples} must exceed N_v = {n_visible}: fewer samples leave directions without variance, "
            "of which the count, an expansion in 1 / n, says nothing. Cross-validation does: recommend(data=rows)"
        )


def _task_of_rows(data: ArrayLike, noise: float, criterion: Criterion) -> _Task:
    rows = finite(data, "data")
    if rows.ndim != 2 or len(rows) < 2:
        raise ValueError(f"data must have shape (n, N_v), with two samples at least, got shape {rows.shape}")
    mean, moments = centred_moments(rows)
    varies = varying_nodes(np.diag(moments))
    if not varies.any():
        raise ValueError("the data do not vary in any column: there is nothing to learn")
    varies |= noise > 0  # what is seen of such a column is the noise
    if criterion == "count":
        _require_more_samples(len(rows), int(varies.sum()))
    rows = rows[:, varies]
    moments = moments[np.ix_(varies, varies)]
    variances, modes = np.linalg.eigh(moments)
    variances, modes = variances[::-1], modes[:, ::-1]
    varying = np.where(variances > null_variance(moments, variances), variances, 0.0) + noise
    squares = ((rows - mean[varies]) @ modes) ** 2
    return _Task(varying, 0, noise, len(rows), add_to_diagonal(moments, noise), squares, rows, mean, varies)


def _one_mass(task: _Task) -> _Curve:
    """Machines with one mass, in closed form."""
    varying = task.varying
    left = np.arange(len(varying), 0, -1)
    tails = np.cumsum(varying[::-1])[::-1]
    usable = slice(0, int((varying > 0).sum()))
    logs = np.log(varying[usable])
    full = usable.stop == len(varying)
    after = np.concatenate([[0.0], np.cumsum(logs)[:-1]])
    floor = (tails / left)[usable]
    gain = -(after + left[usable] * np.log(floor)) / 2
    below = np.cumsum(logs[::-1])[::-1]
    kl = np.maximum((left * np.log(tails / left) - below) / 2, 0) if full else np.full(usable.stop, np.inf)
    data = np.maximum(varying - task.noise, 0)
    if task.n_samples is None:
        parameters = _whole_parameters(1 - task.noise / varying, 1 - task.noise * left / tails, len(varying))
    else:
        parameters = _parameters(data, varying, task.n_samples, task.squares)[usable]
    return _Curve("one", kl, gain, parameters, 1 / floor, task.moments)


def _node_masses(task: _Task, criterion: Criterion, tolerance: float = 0.0, most: int | None = None) -> _Curve:
    """Factor analyses with ever more factors, until more of them do not help."""
    assert task.moments is not None
    n_visible = len(task.moments)
    sign, determinant = np.linalg.slogdet(task.moments)
    saturated = -determinant / 2 if sign > 0 else np.inf
    most = _most_factors(n_visible) if most is None else most
    gain, masses, parameters = [], [], []
    for n in range(most + 1):
        starts = 1 if criterion == "cross-validation" else 4
        fit = fit_factors(task.moments, n, least_noise=LEAST_NOISE, starts=starts)
        gain.append(fit.log_likelihoods[0] + n_visible * (1 + np.log(2 * np.pi)) / 2)
        masses.append(fit.model.mass_squared)
        parameters.append(_size(n_visible, n, "node"))
        charged = np.array(gain) - np.array(parameters) / (task.n_samples or np.inf)
        late = n - int(np.argmax(charged)) >= PATIENCE
        if (criterion == "count" and late) or (criterion == "closed form" and saturated - gain[-1] <= tolerance):
            break
    kl = np.maximum(saturated - np.array(gain), 0)
    return _Curve("node", kl, np.array(gain), np.array(parameters), np.array(masses), task.moments)


def _most_factors(n_visible: int) -> int:
    """With more factors there are more parameters than second moments."""
    return max(int(n_visible + 0.5 - np.sqrt(2 * n_visible + 0.25)), 0)


def _cross_validated(task: _Task, kind: str, parts: list[np.ndarray]) -> _Curve:
    """Machines of a kind at the shrinkage that is best for rows that were left out, with their log-likelihoods."""
    rows, moments = task.rows, task.moments
    assert rows is not None
    assert moments is not None
    split = [(np.delete(rows, part, axis=0), rows[part]) for part in parts]
    order = np.argsort(np.concatenate(parts))
    best: tuple[float, float, Floats] | None = None
    for share in SHRINKAGES[kind]:
        if kind == "one":
            scores = np.concatenate([one_mass(*pair, task.noise, share) for pair in split], axis=1)
            unseen = winsorised(scores[:, order])
        else:
            found: list[Floats] = []
            for n in range(_most_factors(rows.shape[1]) + 1):
                scores = np.concatenate([node_masses(*pair, n, task.noise, share) for pair in split])
                found.append(winsorised(scores[order]))
                if n - int(np.argmax([each.mean() for each in found])) >= PATIENCE:
                    break
            unseen = np.array(found)
        top = float(unseen.mean(axis=1).max())
        if best is None or top > best[0]:
            best = top, share, unseen
    assert best is not None
    _, share, unseen = best
    bare = add_to_diagonal(moments.copy(), -task.noise)
    given = add_to_diagonal(shrunken(bare, kind, share), task.noise)
    varying = np.maximum(np.linalg.eigvalsh(given)[::-1], 0)
    fitted = task._replace(moments=given, varying=varying, n_samples=None)
    curve = _one_mass(fitted) if kind == "one" else _node_masses(fitted, "cross-validation", most=len(unseen) - 1)
    usable = min(len(unseen), len(curve.gain))
    return _Curve(
        kind,
        curve.kl[:usable],
        curve.gain[:usable],
        np.array([_size(rows.shape[1], n, kind) for n in range(usable)]),
        curve.masses[:usable],
        given,
        unseen[:usable],
        share,
    )


def _compared(curves: list[_Curve], task: _Task, criterion: Criterion) -> list[Candidates]:
    """What each machine loses by the criterion, relative to the best of all kinds where unseen data are meant."""
    if criterion == "closed form":
        return [Candidates(curve.kind, curve.parameters, curve.kl) for curve in curves]
    if criterion == "count":
        assert task.n_samples is not None
        scores = [curve.gain - curve.parameters / task.n_samples for curve in curves]
        best = max(score.max() for score in scores)
        return [Candidates(c.kind, c.parameters, best - score) for c, score in zip(curves, scores, strict=True)]
    unseen = [curve.unseen for curve in curves if curve.unseen is not None]
    tops = [scores[scores.mean(axis=1).argmax()] for scores in unseen]
    best_row = tops[int(np.argmax([top.mean() for top in tops]))]
    candidates = []
    for curve, of_rows in zip(curves, unseen, strict=True):
        usable = np.asarray(np.isfinite(of_rows).all(axis=1))
        lost = best_row - np.where(usable[:, None], of_rows, 0.0)
        error = lost.std(axis=1, ddof=1) / np.sqrt(lost.shape[1])
        excess = np.where(usable, lost.mean(axis=1), np.inf)
        candidates.append(
            Candidates(curve.kind, curve.parameters, excess, np.where(usable, error, 0.0), curve.shrinkage)
        )
    return candidates


def _size(n_visible: int, n_hidden: int, masses: str) -> float:
    """Number of parameters: weights less the rotations of hidden nodes, and the masses."""
    return n_visible * n_hidden - n_hidden * (n_hidden - 1) / 2 + (n_visible if masses == "node" else 1)


def _whole_parameters(share: Floats, share_discarded: Floats, n_visible: int) -> Floats:
    """How many parameters the best model with 0, 1, ... nodes has; `share` is f of each mode.

    The kept modes' variances and their rotations into each other (f_i f_j, i <= j), into the discarded ones (f_i times
    the share of the mean discarded variance) and the mass.
    """
    nodes = np.arange(len(share))
    first, squares = (np.concatenate([[0.0], np.cumsum(x)[:-1]]) for x in (share, share**2))
    return (first**2 + squares) / 2 + (n_visible - nodes) * first * share_discarded + share_discarded**2


def _parameters(data: Floats, seen: Floats, n_samples: int, squares: Floats | None = None) -> Floats:
    """How many parameters of the best model with 0, 1, ... nodes follow the samples, to second order in their errors.

    `data` and `seen` are the variances v without and V with the noise. An error e of the moments between modes i and j
    has the mean square v_i v_j / n, or that of the rows whose `squares` are given. It moves the kernel by the divided
    difference of 1 / V, or of 1 / V and 1 / (mean of the discarded V) where only one of the two modes is kept:

        sum_{i <= j kept} <e^2> / (V_i V_j) + sum_{i kept, j discarded} <e^2> (1 / mean V - 1 / V_i) / (V_i - V_j)
        + (half the variance of the sum of the discarded squares) / (number (mean V)^2).

    Two levels that are closer than their errors repel each other, hence the root in place of V_i - V_j.
    """
    size = len(seen)
    left = np.arange(size, 0, -1)
    floor = np.cumsum(seen[::-1])[::-1] / left
    if squares is None:
        loose = np.cumsum(data[::-1] ** 2)[::-1]
    else:
        loose = np.cumsum(squares[:, ::-1], axis=1)[:, ::-1].var(axis=0) / 2
    counted = np.zeros(size)
    kept = across = within = 0.0
    for k in range(size):
        if seen[k] <= 0:
            break
        counted[k] = kept + across / floor[k] - within + loose[k] / left[k] / floor[k] ** 2
        error = data * data[k] if squares is None else squares.T @ squares[:, k] / len(squares)
        own = data[k] ** 2 if squares is None else (error[k] - data[k] ** 2) / 2
        kept += (error[:k] / seen[:k]).sum() / seen[k] + own / seen[k] ** 2
        gap = np.hypot(seen - seen[k], 2 * np.sqrt(error / n_samples))
        mixing = np.divide(error, gap, out=np.zeros(size), where=gap > 0)
        across += mixing[k + 1 :].sum() - mixing[:k].sum()
        within += mixing[k + 1 :].sum() / seen[k] - (mixing[:k] / seen[:k]).sum()
    return counted


def _variances(correlation: ArrayLike) -> Floats:
    """Eigenvalues of a correlation matrix, descending, from themselves."""
    variances = np.sort(finite(correlation, "correlation"))[::-1]
    if variances.size and variances[-1] < 0:
        raise ValueError(f"the eigenvalues of a correlation matrix cannot be negative, got {variances[-1]:g}")
    return variances
