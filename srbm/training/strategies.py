"""Where <phi phi^T>_model of the gradient comes from: what can be asked for, and what then runs.

`Exact` inverts the kernel, `CD` and `PCD` average over Markov chains (Appendix A). They are specifications. The table
`METHODS` is the one place where it is chosen what carries them out: the first row that is possible and the best.

What a sampler carries from one update to the next, its memory, is

    exact       None
    explicit    phi (runs, B, N_v), or h (runs, B, N_h) where h persists
    gram        R (runs, N_v, N_v), upper triangular, with R^T R = phi^T phi
    single      as explicit, but h in units of sigma_h; float32
    hidden      what is left of phi along W, (runs, N_v + N_h, 2 N_h) float32, or a root (runs, N_h, N_h) of h^T h
    CD          a root (runs, N_v, N_v) of the data's <phi phi^T>, from which chains are drawn anew

For "single" and "hidden" with one mass for all nodes, W and phi are in the eigenbasis of the target.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from .._support.arrays import is_numpy, namespace
from .._support.checks import Floats, LearntMass, count, described
from ..chains.explicit import ExplicitChains
from ..chains.gram import GramChains
from ..chains.hidden import HiddenChains
from ..chains.single import SingleChains
from ..chains.stack import Ensemble, ModelTerm


class Task(NamedTuple):
    """What the choice of a method depends on."""

    n_visible: int
    n_hidden: int
    chains: int
    persistent: Literal["visible", "hidden"] | None
    """What the chains keep between two updates."""
    learn_mass: LearntMass
    host: bool
    """Whether it began with NumPy's arrays and random numbers."""


class Method(NamedTuple):
    """A way to carry out `CD` and `PCD`, all of the same law but for the rounding of single precision."""

    name: str
    kind: Callable[..., Any]
    needs: str
    """What it needs, in words and as a test."""
    possible: Callable[[Task], bool]
    best: Callable[[Task], bool]
    """Where "auto" takes it, if no row above does."""


_SMALL = 64
"""Up to this N_v double precision is as fast as single."""

# fmt: off
METHODS = (
    Method("hidden", HiddenChains, "1 <= N_h <= N_v, B >= 2 N_h, chains that persist, a fixed mass and NumPy's arrays",
           possible=lambda t: (1 <= t.n_hidden <= t.n_visible and t.chains >= 2 * t.n_hidden and t.host
                               and t.persistent is not None and not t.learn_mass),
           best=lambda t: t.n_visible > _SMALL and t.chains >= 4 * t.n_hidden),
    Method("gram", GramChains, "B >= 2 N_v, and not h to persist",
           possible=lambda t: t.chains >= 2 * t.n_visible and t.persistent != "hidden",
           best=lambda t: True),
    Method("single", SingleChains, "N_h >= 1, chains that persist and NumPy's arrays",
           possible=lambda t: t.n_hidden >= 1 and t.host and t.persistent is not None,
           best=lambda t: t.n_visible > _SMALL),
    Method("explicit", ExplicitChains, "nothing",
           possible=lambda t: True,
           best=lambda t: True),
)
# fmt: on


@dataclass(frozen=True)
class Exact:
    """The exact <phi phi^T> of the model, by inverting its kernel: no chains, no noise.

    Examples
    --------
    >>> from srbm import Exact, FreeScalarField, ScalarRBM, train
    >>> C, start = FreeScalarField(4).propagator, ScalarRBM.random(4, 4, 9.0, rng=0)
    >>> train(start, C, 10, 0.1, Exact()).method
    'exact'
    """

    method: ClassVar[str] = "exact"

    def start(self, ensemble: Ensemble, correlation: Floats, rng: np.random.Generator) -> None:
        """Start no chains.

        Parameters
        ----------
        ensemble : Ensemble
            The initial models.
        correlation : array (N_v, N_v)
            <phi phi^T>_target.
        rng : numpy.random.Generator
            Random numbers, of which none is drawn.
        """

    def model_term(self, ensemble: Ensemble, memory: None, rng: np.random.Generator) -> tuple[ModelTerm, None]:
        """The exact term of the gradient.

        Parameters
        ----------
        ensemble : Ensemble
            The models of all runs.
        memory : None
            There are no chains to be remembered.
        rng : numpy.random.Generator
            Random numbers, of which none is drawn.

        Returns
        -------
        (ModelTerm, None)
            What the gradient needs of K^-1, and again nothing to be remembered.
        """
        linalg = namespace(ensemble.weights).linalg
        propagator = linalg.inv(ensemble.kernel)
        return ModelTerm(propagator @ ensemble.weights, linalg.diagonal(propagator)), None


@dataclass(frozen=True)
class CD:
    """Contrastive divergence (Hinton 2002): every update starts its chains afresh from the data distribution.

    Parameters
    ----------
    chains : int
        B, the number of Markov chains.
    steps : int
        k, block-Gibbs sweeps per update.
    method : "auto", "explicit" or "gram"
        Chains one by one, or their Gram matrix, which needs B >= 2 N_v; "auto" takes the second where it can.

    Examples
    --------
    >>> from srbm import CD, FreeScalarField, ScalarRBM, train
    >>> C, start = FreeScalarField(4).propagator, ScalarRBM.random(4, 4, 9.0, rng=0)
    >>> train(start, C, 10, 0.1, CD(chains=64), rng=0).method
    'gram'
    """

    chains: int = 128
    steps: int = 1
    method: str = "auto"

    persistent: ClassVar[None] = None
    methods: ClassVar[tuple[str, ...]] = ("auto", "explicit", "gram")

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class PCD:
    r"""Persistent contrastive divergence (Tieleman 2008): chains go on from where the last update left them.

    They start in equilibrium with the initial model. Chains that lag behind the model destabilise the training: the
    slowest mode needs about :math:`\mu^2 / (2 \kappa_\min)` sweeps to move.

    Parameters
    ----------
    chains : int
        B, the number of Markov chains.
    steps : int
        k, block-Gibbs sweeps per update.
    persistent : "visible" or "hidden"
        What persists: phi, or h drawn with the weights from before the update, a quarter cheaper for large models and
        of a law that differs in the order of the learning rate.
    method : "auto", "explicit", "gram", "hidden" or "single"
        How it is computed; the law is the same. "explicit" is block Gibbs sampling written the obvious way. "gram"
        keeps only the Gram matrix of the chains, "hidden" does so in the space of the hidden nodes, "single" has
        explicit chains in single precision. "auto" takes what is fastest from a dozen nodes on; `Training.method` says
        which that was, also of a training of no epochs.

    Examples
    --------
    >>> from srbm import PCD, FreeScalarField, ScalarRBM, train
    >>> C, start = FreeScalarField(4).propagator, ScalarRBM.random(4, 4, 9.0, rng=0)
    >>> train(start, C, 10, 0.1, PCD(chains=5), rng=0).method
    'explicit'
    """

    chains: int = 128
    steps: int = 1
    persistent: Literal["visible", "hidden"] = "visible"
    method: str = "auto"

    methods: ClassVar[tuple[str, ...]] = ("auto", *(method.name for method in METHODS))

    def __post_init__(self) -> None:
        _check(self)
        if self.persistent not in ("visible", "hidden"):
            raise ValueError(f'persistent must be "visible" or "hidden", got {self.persistent!r}')


def _check(strategy: CD | PCD) -> None:
    object.__setattr__(strategy, "chains", count(strategy.chains, "chains", least=1))
    object.__setattr__(strategy, "steps", count(strategy.steps, "steps", least=1))
    if strategy.method not in strategy.methods:
        raise ValueError(
            f"method of {type(strategy).__name__} must be one of {', '.join(strategy.methods)}, got "
            f"{described(strategy.method)}"
        )


def sampler_for(strategy: Any, ensemble: Ensemble, learn_mass: LearntMass, host: bool) -> Any:
    """What carries out `strategy`: an object with `start` and `model_term`; one that has them itself is returned.

    `host` is true of a training that began with NumPy's arrays and random numbers.
    """
    if not isinstance(strategy, (CD, PCD)):
        return strategy
    n_visible, n_hidden = ensemble.weights.shape[1:]
    task = Task(
        n_visible, n_hidden, strategy.chains, strategy.persistent, learn_mass, host and is_numpy(ensemble.weights)
    )
    if strategy.method == "auto":
        chosen = next(method for method in METHODS if method.possible(task) and method.best(task))
    else:
        chosen = next(method for method in METHODS if method.name == strategy.method)
        if not chosen.possible(task):
            raise ValueError(
                f'method="{chosen.name}" needs {chosen.needs}; here N_v = {task.n_visible}, N_h = '
                f'{task.n_hidden}, B = {task.chains}. Take method="auto"'
            )
    return chosen.kind(strategy.chains, strategy.steps, strategy.persistent)


def method_of(sampler: Any) -> str:
    """The name of what runs: that of its row in `METHODS`, "exact", or of a class that the caller has written."""
    names = {method.kind: method.name for method in METHODS} | {Exact: Exact.method}
    return names.get(type(sampler), type(sampler).__name__)
