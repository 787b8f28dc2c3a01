"""srbm: the scalar field restricted Boltzmann machine of Aarts, Lucini and Park (Phys. Rev. D 109, 034521).

Target theories, the Gaussian model, its closed-form solutions, divergences, training, and the flow of training in
continuous time. Figures live in `srbm.figures`, which is imported only when asked for.
"""

from .chains.stack import ModelTerm
from .counting import Tally
from .datasets import load_digits, load_mnist, mnist_correlation
from .divergence import kl_divergence, truncated_kl
from .errors import CheckpointError, DatasetError, NotNormalizableError, TrainingInterrupted
from .flow import Flow, gradient_flow
from .gaussian_bernoulli import GaussianBernoulliRBM
from .infrared import LeadingModes, leading_modes
from .latent import FactorFit, LatentForm, factor_analysis, fit_factors, from_latent, latent_form
from .lattice import FreeScalarField
from .model import ScalarRBM
from .moments import Standardized, block_moments, kernel_spectrum, second_moment, standardize
from .phi4 import Phi4RBM
from .recommend import Candidates, Recommendation, recommend
from .runs import sweep
from .solutions import cholesky_solution, maximum_likelihood, symmetric_solution
from .stability import eigenvalue_relaxation, learning_rate_limit, noise_floor, relaxation_rates, sweeps_needed
from .statistics import autocorrelation_time, standard_error
from .training import Training, train
from .training.bernoulli import BernoulliTraining, bernoulli_gradient, train_bernoulli
from .training.schedules import StepDecay
from .training.strategies import CD, PCD, Exact
from .trajectories import mode_trajectory, natural_gradient_flow

__version__ = "1.0.0"

# fmt: off
__all__ = [  # noqa: RUF022  by task
    # theories and machines
    "FreeScalarField", "ScalarRBM", "Phi4RBM", "GaussianBernoulliRBM",
    # what is known in closed form
    "cholesky_solution", "symmetric_solution", "maximum_likelihood", "kl_divergence", "truncated_kl", "LatentForm",
    "latent_form", "from_latent", "factor_analysis", "fit_factors", "FactorFit",
    # training
    "train", "Training", "Exact", "CD", "PCD", "ModelTerm", "StepDecay", "train_bernoulli", "BernoulliTraining",
    "bernoulli_gradient",
    # its course and its limits
    "gradient_flow", "Flow", "mode_trajectory", "natural_gradient_flow", "relaxation_rates", "eigenvalue_relaxation",
    "learning_rate_limit", "sweeps_needed", "noise_floor",
    # from data
    "second_moment", "block_moments", "leading_modes", "LeadingModes", "standardize", "Standardized", "kernel_spectrum",
    "recommend", "Recommendation", "Candidates",
    "load_digits", "load_mnist", "mnist_correlation",
    # around it
    "autocorrelation_time", "standard_error", "sweep", "Tally",
    # errors
    "NotNormalizableError", "TrainingInterrupted", "CheckpointError", "DatasetError",
]
# fmt: on
