"""srbm: the scalar field restricted Boltzmann machine of Aarts, Lucini and Park (Phys. Rev. D 109, 034521).

Target theories, the Gaussian model, its closed-form solutions, divergences, training, and the flow of training in
continuous time. Figures live in `srbm.plotting`, which is imported only when asked for.
"""

from .architecture import Recommendation, recommend
from .datasets import load_digits, load_mnist, mnist_correlation
from .divergence import kl_divergence, truncated_kl
from .errors import DatasetError, NotNormalizableError, TrainingInterrupted
from .flow import (
    Flow,
    gradient_flow,
    learning_rate_limit,
    mode_trajectory,
    natural_gradient_flow,
    relaxation_rates,
)
from .gradient import CD, PCD, Exact
from .interactions import GaussianBernoulliRBM, Phi4RBM
from .lattice import FreeScalarField
from .model import ScalarRBM
from .moments import second_moment
from .solutions import cholesky_solution, maximum_likelihood, symmetric_solution
from .statistics import autocorrelation_time, standard_error
from .training import StepDecay, Training, train

__version__ = "1.0.0"

__all__ = [
    "CD", "PCD", "DatasetError", "Exact", "Flow", "FreeScalarField", "GaussianBernoulliRBM", "NotNormalizableError",
    "Phi4RBM", "Recommendation", "ScalarRBM", "StepDecay", "Training", "TrainingInterrupted",
    "autocorrelation_time", "cholesky_solution", "gradient_flow", "kl_divergence", "learning_rate_limit",
    "load_digits", "load_mnist", "maximum_likelihood", "mnist_correlation", "mode_trajectory",
    "natural_gradient_flow", "recommend", "relaxation_rates", "second_moment", "standard_error",
    "symmetric_solution", "train", "truncated_kl",
]
