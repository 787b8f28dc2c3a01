"""One update of the parameters: the gradients (20) and (22), and the step (25)."""

from __future__ import annotations

from .._support.arrays import namespace
from .._support.checks import Floats, LearntMass
from ..chains.stack import Ensemble, ModelTerm
from .target import Target


def weight_gradient(ensemble: Ensemble, target: Target, model: ModelTerm) -> Floats:
    """dL/dW = sigma_h^2 (<phi phi^T>_target - <phi phi^T>_model) W, Eq. (20); shape (runs, N_v, N_h)."""
    gradient = target.times(ensemble.weights)
    gradient -= model.correlation_weights
    if ensemble.hidden_variance != 1:  # of the passes over W, which cost as much as a tenth of the chains, one less
        gradient *= ensemble.hidden_variance
    return gradient


def mass_gradient(ensemble: Ensemble, target: Target, model: ModelTerm) -> Floats:
    """dL/dmu^2 = -(<phi^T phi>_target - <phi^T phi>_model) / 2, Eq. (22); node by node where each has a mass."""
    excess = target.variances - model.variances
    if ensemble.mass.shape[1] == 1:
        excess = namespace(excess).sum(excess, axis=1, keepdims=True)
    return -excess / 2


def ascend(ensemble: Ensemble, velocity: tuple[Floats, Floats], target: Target, model: ModelTerm, rate: float, *,
           learn_mass: LearntMass, momentum: float, weight_decay: float) -> tuple[Ensemble, tuple[Floats, Floats]]:
    """W + eta dL/dW, Eq. (25), and likewise the mass; with heavy-ball momentum, velocity = gradient + p velocity."""
    weights_velocity, mass_velocity = velocity
    ascent = weight_gradient(ensemble, target, model)
    if weight_decay:
        ascent -= weight_decay * ensemble.weights
    if momentum:
        ascent += momentum * weights_velocity
    mass = ensemble.mass
    if learn_mass == "mu":  # dL/dmu = 2 mu dL/dmu^2
        mu = namespace(mass).sqrt(mass)
        mass_velocity = momentum * mass_velocity + 2 * mu * mass_gradient(ensemble, target, model)
        mu = mu + rate * mass_velocity
        mass = mu * namespace(mu).abs(mu)  # a step through mu = 0 leaves the models: it is not to count as one
    elif learn_mass:
        mass_velocity = momentum * mass_velocity + mass_gradient(ensemble, target, model)
        mass = mass + rate * mass_velocity
    weights = rate * ascent
    weights += ensemble.weights
    return Ensemble(weights, mass, ensemble.hidden_variance), (ascent, mass_velocity)
