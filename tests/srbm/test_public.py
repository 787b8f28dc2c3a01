"""The package as a newcomer meets it."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import srbm


def run(code):
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", srbm.__all__)
def test_public_names_are_documented(name):
    thing = getattr(srbm, name)
    assert inspect.getdoc(thing)
    assert not (thing.__doc__ or "").startswith(f"{name}(")  # what a dataclass writes when nobody did
    if inspect.isclass(thing):
        for member, value in vars(thing).items():
            if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                assert inspect.getdoc(value), f"{name}.{member}"


def test_all_is_sorted_and_complete():
    assert len(set(srbm.__all__)) == len(srbm.__all__)
    public = {name for name, thing in vars(srbm).items() if not name.startswith("_") and not inspect.ismodule(thing)}
    assert public == set(srbm.__all__)


OLD_PLACES = {
    "accelerator": "TorchGenerator",
    "architecture": "Recommendation recommend",
    "bernoulli_training": "BernoulliTraining bernoulli_gradient train_bernoulli",
    "flow": "Flow eigenvalue_relaxation gradient_flow learning_rate_limit mode_trajectory natural_gradient_flow "
    "relaxation_rates",
    "gradient": "CD Exact PCD",
    "interactions": "GaussianBernoulliRBM Phi4RBM quartic_sites",
    "noise": "noise_floor",
    "panel": "Panel",
    "parallel": "sweep",
    "plotting": "curves eigenvalue_evolution matrix spectrum",
    "schedules": "StepDecay",
    "training": "Training train",
    "widgets": "Slider slider",
}
"""Where names of version 1.0 could be imported from, and still can for one release."""


@pytest.mark.parametrize("module", OLD_PLACES)
def test_old_places_lead_to_the_same_things(module):
    for name in OLD_PLACES[module].split():
        thing = getattr(importlib.import_module(f"srbm.{module}"), name)
        assert getattr(srbm, name, thing) is thing


def test_import_is_light_and_silent():
    heavy = (
        "matplotlib",
        "sklearn",
        "pooch",
        "tqdm",
        "IPython",
        "ipywidgets",
        "pandas",
        "joblib",
        "dask",
        "torch",
        "array_api_compat",
        "array_api_strict",
        "scipy.linalg",
        "scipy.special",
        "scipy.optimize",
        "scipy.integrate",
        "scipy.stats",
    )  # loaded when used
    result = run(f"import srbm, sys; print([name for name in {heavy} if name in sys.modules])")
    assert (result.returncode, result.stdout, result.stderr) == (0, "[]\n", "")


def test_work_without_the_optional_packages():
    result = run(
        "import os, sys\n"
        "for name in ('matplotlib', 'sklearn', 'pooch', 'tqdm', 'threadpoolctl', 'joblib', 'dask', 'torch',\n"
        "             'array_api_compat', 'array_api_strict'): sys.modules[name] = None\n"
        "import srbm\n"
        "field = srbm.FreeScalarField(6)\n"
        "rbm = srbm.ScalarRBM.random(6, 6, 9.0, rng=0)\n"
        "print(srbm.train(rbm, field.propagator, 3, 0.1, srbm.PCD(16), rng=0).model.is_normalizable)\n"
        "os.environ.pop('SRBM_DATA', None)\n"
        "for load in (srbm.load_digits, srbm.load_mnist):\n"
        "    try: load()\n"
        "    except srbm.DatasetError as error: print(str(error).partition('pip install ')[2].partition(';')[0])\n"
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "True\nscikit-learn\npooch\n", "")


def test_what_is_to_be_installed_can_be():
    """srbm itself is on no index, so a hint names the package that is missing."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in Path(srbm.__file__).parent.rglob("*.py")}
    assert not [name for name, text in sources.items() if "srbm[" in text]
    named = set(re.findall(r"pip install ([a-z][a-z-]+)", " ".join(sources.values())))
    assert {
        "matplotlib",
        "scikit-learn",
        "pooch",
        "tqdm",
        "joblib",
        "threadpoolctl",
        "torch",
        "array-api-compat",
    } == named
    result = run(
        "import sys\n"
        "from srbm.random import TorchGenerator\n"
        "for name, use in (('matplotlib', lambda: __import__('srbm.figures')),\n"
        "                  ('torch', lambda: TorchGenerator(0)),\n"
        "                  ('sklearn', lambda: __import__('srbm.estimator'))):\n"
        "    sys.modules[name] = None\n"
        "    try: use()\n"
        "    except ImportError as error: print(error)\n"
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (
        "figures need matplotlib: pip install matplotlib\n"
        "TorchGenerator needs PyTorch: pip install torch array-api-compat\n"
        "srbm.estimator needs scikit-learn, 1.6 or newer: pip install scikit-learn\n"
    )


WORK = """
import numpy as np, random, warnings
import srbm
np.random.seed(7); random.seed(7)
before, python = np.random.get_state(), random.getstate()
errors = np.geterr()
field = srbm.FreeScalarField((3, 2))
rbm = srbm.ScalarRBM.random(6, 4, 9.0)
field.sample(3); field.metropolis(3, burn_in=2, sweeps=1); rbm.sample(3); rbm.gibbs(rbm.sample(2), 2)
for gradient in (srbm.Exact(), srbm.CD(20), srbm.PCD(20), srbm.PCD(5)):
    srbm.train(rbm, field.propagator, 5, 0.1, gradient, learn_mass=True, runs=2)
srbm.gradient_flow(rbm, field.propagator, [0.0, 1.0], learn_mass=True)
srbm.mode_trajectory([0.5, 9.0, 12.0, np.inf, 3.0], 9.0, [4.0, 4.0, 4.0, 4.0, 1e-3], [0.0, 1e-9, 1.0, 1e9])
srbm.truncated_kl([1.0, np.inf], 1, 3.0)
srbm.maximum_likelihood(np.diag([1.0, 0.0]), 1, 4.0)
srbm.autocorrelation_time(np.ones(100))
after = np.random.get_state()
assert before[0] == after[0] and (before[1] == after[1]).all() and before[2:] == after[2:]
assert random.getstate() == python and np.geterr() == errors
"""


def test_no_global_state_no_warnings_no_output():
    result = run(WORK)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_seeds_are_reproducible_across_calls():
    for make in (
        lambda rng: srbm.FreeScalarField(5).sample(3, rng),
        lambda rng: srbm.FreeScalarField(5).metropolis(3, rng),
        lambda rng: srbm.ScalarRBM.random(4, 3, 9.0, rng=rng).weights,
        lambda rng: srbm.ScalarRBM(np.eye(3), 9.0).sample(3, rng),
        lambda rng: srbm.ScalarRBM(np.eye(3), 9.0).gibbs(np.zeros(3), 2, rng),
    ):
        np.testing.assert_array_equal(make(3), make(3))
        np.testing.assert_array_equal(make(3), make(np.random.default_rng(3)))
        assert (make(3) != make(4)).any()


def test_errors_are_what_they_are_caught_as():
    assert issubclass(srbm.NotNormalizableError, ValueError)
    assert issubclass(srbm.TrainingInterrupted, KeyboardInterrupt)
    assert issubclass(srbm.DatasetError, RuntimeError)
    assert srbm.NotNormalizableError("no model").last_good is None
