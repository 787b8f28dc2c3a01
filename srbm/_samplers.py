"""Which sampler carries out a gradient strategy: the fastest one with the law that the strategy promises."""

from __future__ import annotations

from typing import Any

from ._arrays import is_numpy
from ._validation import LearntMass
from .gradient import PCD, Ensemble
from .gram_chains import GramChains
from .hidden_chains import HiddenChains
from .single_chains import SingleChains

_SMALL = 64
"""Up to this N_v double precision is as fast as single."""


def sampler_for(strategy: Any, ensemble: Ensemble, learn_mass: LearntMass, shortcuts: bool) -> Any:
    """An object with the `start` and `model_term` of `strategy`, equal to it in law up to single-precision rounding.

    It is `strategy` itself without `shortcuts`, which need NumPy's arrays and NumPy's random numbers.
    """
    n_visible, n_hidden = ensemble.weights.shape[1:]
    if type(strategy) is not PCD or not (shortcuts and is_numpy(ensemble.weights)) or not n_hidden:
        return strategy
    if n_visible <= _SMALL:
        return GramChains(strategy.chains, strategy.steps) if strategy.uses_gram(n_visible) else strategy
    # From 2 N_h chains on the hidden-space chains exist; from 4 N_h on they are the faster ones.
    if n_hidden <= n_visible and strategy.chains >= 4 * n_hidden and not learn_mass:
        return HiddenChains(strategy.chains, strategy.steps, strategy.persistent)
    if strategy.uses_gram(n_visible):
        return GramChains(strategy.chains, strategy.steps)
    return SingleChains(strategy.chains, strategy.steps, strategy.persistent)
