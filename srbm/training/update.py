"""One update of the parameters: the gradients (20) and (22), and the step (25)."""

from __future__ import annotations

from .._support.arrays import namespace
from .._support.checks import Floats, LearntMass
from ..chains.stack import Ensemble, ModelTerm
from .target import Target


def weight_gradient(ensemble: Ensemble, target: Target, term: ModelTerm) -> Floats:
    """dL/dW = sigma_h^2 (<phi phi^T>_target - <phi phi^T>_model) W, Eq. (20); shape (runs, N_v, N_h)."""
    gradient = target.times(ensemble.weights)
    gradient -= term.correlation_weights
    if ensemble.hidden_variance != 1:  # of the passes over W, which cost as much as a tenth of the chains, one less
        gradient *= ensemble.hidden_variance
    return gradient


def mass_gradient(ensemble: Ensemble, target: Target, term: ModelTerm) -> Floats:
    """dL/dmu^2 = -(<phi^T phi>_target - <phi^T phi>_model) / 2, Eq. (22); node by node where each has a mass."""
    lacking = term.variances - target.variances
    if ensemble.mass_squared.shape[1] == 1:
        lacking = namespace(lacking).sum(lacking, axis=1, keepdims=True)
    return lacking / 2


def ascend(
    ensemble: Ensemble,
    velocity: tuple[Floats, Floats],
    target: Target,
    term: ModelTerm,
    rate: float,
    *,
    learn_mass: LearntMass,
    momentum: float,
    weight_decay: float,
) -> tuple[Ensemble, tuple[Floats, Floats]]:
    """The parameters after one step of gradient ascent, Eq. (25), and their velocity.

    With learning rate eta, momentum p and weight decay d

        V' = dL/dW - d W + p V,      W' = W + eta V',

    and likewise, without decay, for mu^2, or with learn_mass="mu" for mu, for which dL/dmu = 2 mu dL/dmu^2.
    """
    last_weights, last_mass = velocity
    weights_velocity = weight_gradient(ensemble, target, term)
    if weight_decay:
        weights_velocity -= weight_decay * ensemble.weights
    if momentum:
        weights_velocity += momentum * last_weights
    mass_squared, mass_velocity = ensemble.mass_squared, last_mass
    if learn_mass == "mu":
        mu = namespace(mass_squared).sqrt(mass_squared)
        mass_velocity = momentum * last_mass + 2 * mu * mass_gradient(ensemble, target, term)
        mu = mu + rate * mass_velocity
        mass_squared = mu * namespace(mu).abs(mu)  # a step through mu = 0 leaves the models: it must not count as one
    elif learn_mass:
        mass_velocity = momentum * last_mass + mass_gradient(ensemble, target, term)
        mass_squared = mass_squared + rate * mass_velocity
    weights = rate * weights_velocity
    weights += ensemble.weights
    return Ensemble(weights, mass_squared, ensemble.hidden_variance), (weights_velocity, mass_velocity)
