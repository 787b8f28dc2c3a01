"""Wrong formulas that the tests have to notice: ``make mutants`` (or ``python -m tests.mutants srbm.stability``).

Each formula below is changed in one place at a time (a sign, an operator, a number, a comparison), and the tests named
beside it are run on the changed package. A mutant that they let pass is printed: either the tests have a gap, or the
change makes no difference, which is then said in `EQUIVALENT`. Nothing on the disk is changed. It needs fork.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.abc
import importlib.util
import io
import os
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
FORMULAS = {
    "srbm.divergence": ("_relative_entropy kl_divergence truncated_kl", "test_divergence.py"),
    "srbm._support.modes": ("lighter kept", "test_divergence.py test_solutions.py test_stability.py test_training.py"),
    "srbm.solutions": ("_symmetric_root cholesky_solution maximum_likelihood", "test_solutions.py"),
    "srbm._support.krylov": ("ritz_pairs upper_bounds leading_pairs", "test_infrared.py"),
    "srbm.infrared": ("_log_likelihood _rest discarded held_out multiply", "test_infrared.py"),
    "srbm.lattice": (
        "_dispersion momenta kernel action action_density sample metropolis",
        "test_lattice.py test_progress.py",
    ),
    "srbm.model": (
        "eigenvalues log_partition action log_likelihood sample hidden_mean _response fill",
        "test_model.py test_condition.py",
    ),
    "srbm.machine": (
        "visible_mean log_density trace condition fill _rest _hidden_given _visible_given",
        "test_machines.py test_model.py test_condition.py test_progress.py",
    ),
    "srbm.chains.stack": ("kernel_of", "test_model.py"),
    "srbm.chains.explicit": ("model_term hidden_given visible_given", "test_heart.py"),
    "srbm.chains.gram": ("_autoregression repeated _then", "test_gradient.py"),
    "srbm.training.positivity": ("_proves _norms", "test_positivity.py"),
    "srbm.stability": (
        "noise_floor eigenvalue_relaxation sweeps_needed _rates stable_rate slowest_sweeps",
        "test_stability.py test_flow.py",
    ),
    "srbm.latent": ("covariance latent_form from_latent", "test_latent.py"),
    "srbm.statistics": ("autocorrelation_time standard_error", "test_statistics.py"),
    "srbm.trajectories": ("natural_gradient_flow", "test_flow.py"),
    "srbm.training.schedules": ("__call__", "test_training.py"),
    "srbm.training.update": ("weight_gradient mass_gradient ascend", "test_training.py"),
    "srbm.training.history": ("measured", "test_training.py"),
    "srbm.phi4": ("action _mode quartic_mean", "test_interactions.py test_machines.py"),
    "srbm.gaussian_bernoulli": (
        "action _log_weights log_partition mean propagator psi _bias_given",
        "test_bernoulli.py test_condition.py",
    ),
    "srbm.training.bernoulli": ("sample_statistics model_statistics bernoulli_gradient", "test_bernoulli.py"),
    "srbm.recommend": ("_parameters _whole_parameters _size", "test_recommend.py"),
}
# fmt: off
EQUIVALENT = {
    "srbm.model.fill phi.reshape(-1, self.n_visible)  ->  phi.reshape(-2, self.n_visible)":
        "any negative length asks numpy for what is left",
    "srbm.machine.fill phi.reshape(-1, self.n_visible)  ->  phi.reshape(-2, self.n_visible)":
        "any negative length asks numpy for what is left",
    "srbm.solutions.cholesky_solution lower * np.where(np.diag(lower) < 0, -1.0, 1.0)  ->  lower / np.where(np.diag("
    "lower) < 0, -1.0, 1.0)": "by +-1",
    "srbm._support.modes.kept variances * mass_squared > 1  ->  variances * mass_squared >= 1":
        "a mode at mu^2 is kept with weight zero",
    "srbm.lattice.momenta np.indices(self._extents).reshape(len(extents), -1)  ->  np.indices(self._extents).reshape("
    "len(extents), -2)": "any negative extent asks numpy for what is left",
    "srbm.lattice.metropolis phi[site] + rng.uniform(-step, step, chains)  ->  phi[site] - rng.uniform(-step, step, "
    "chains)": "the proposal is even",
    "srbm.lattice.metropolis rng.exponential(size=chains) > change  ->  rng.exponential(size=chains) >= change":
        "they are never equal",
    "srbm.model.sample self.mean + scipy.linalg.solve_triangular(self._cholesky, noise, lower=True, trans='T').T  ->"
    "  self.mean - scipy.linalg.solve_triangular(self._cholesky, noise, lower=True, trans='T').T": "the noise is even",
    "srbm.machine._hidden_given mean + np.sqrt(cast(Any, self).hidden_variance) * rng.standard_normal(mean.shape)  ->"
    "  mean - np.sqrt(cast(Any, self).hidden_variance) * rng.standard_normal(mean.shape)": "the noise is even",
    "srbm.machine._visible_given mean + rng.standard_normal(mean.shape) / np.sqrt(self.mass_squared)  ->  mean - "
    "rng.standard_normal(mean.shape) / np.sqrt(self.mass_squared)": "the same",
    "srbm.gaussian_bernoulli._log_weights states @ couplings * states  ->  states @ couplings / states": "by +-1",
    "srbm.statistics.autocorrelation_time window >= 5 * tau  ->  window > 5 * tau":
        "they are equal for a constant only, whose tau does not depend on the window",
    "srbm.statistics.autocorrelation_time window * tau >= 5  ->  window * tau > 5": "the same",
    "srbm.statistics.autocorrelation_time 8 * np.finfo(float).eps  ->  9 * np.finfo(float).eps":
        "how much rounding is allowed for is a choice",
    "srbm.statistics.autocorrelation_time series.shape[-1] if series.ndim else 0  ->  series.shape[-1] if series.ndim "
    "else 1": "a number is refused as too short with either length",
    "srbm.statistics.autocorrelation_time length < 2  ->  length < 3":
        "two values are refused later, as shorter than 50 tau",
    "srbm.statistics.autocorrelation_time 2 * length  ->  3 * length": "more zeros than the transform needs",
    "srbm.training.positivity._norms weights.shape[1] < weights.shape[2]  ->  weights.shape[1] >= weights.shape[2]":
        "both Gram matrices have the same largest eigenvalue",
    "srbm.training.positivity._norms weights.shape[1]  ->  weights.shape[2]": "the same",
}
# fmt: on
"""Mutants that change no result, and why."""

SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.And: ast.Or,
    ast.Or: ast.And,
}

FRAGMENTS = ast.Constant, ast.UnaryOp, ast.Slice, ast.Tuple, ast.keyword
"""What says too little alone: a key shows what is around it."""


def mutations(tree: ast.Module, names: set[str]):
    """(key, node, field, old, new) for every place in the functions `names`, where `field` of `node` can be changed.

    A key is `function before  ->  after`, with a number where the same has occurred before: it depends on the code, and
    not on how that is laid out in lines.
    """
    seen: Counter[str] = Counter()
    for function in ast.walk(tree):
        if not (isinstance(function, ast.FunctionDef) and function.name in names):
            continue
        messages = {
            id(inner)
            for node in ast.walk(function)
            if isinstance(node, (ast.Raise, ast.JoinedStr))
            for inner in ast.walk(node)
        }
        around = {id(inner): node for node in ast.walk(function) for inner in ast.iter_child_nodes(node)}
        for statement in function.body:
            for node in ast.walk(statement):
                if id(node) in messages:
                    continue
                shown = node
                while isinstance(shown, FRAGMENTS):
                    shown = around[id(shown)]
                before = ast.unparse(shown)
                for field, old, new in alternatives(node):
                    setattr(node, field, new)
                    key = f"{function.name} {before}  ->  {ast.unparse(shown)}"
                    setattr(node, field, old)
                    seen[key] += 1
                    yield key if seen[key] == 1 else f"{key} ({seen[key]})", node, field, old, new


def alternatives(node: ast.AST):
    """(field, old, new) for what can go wrong in one node."""
    if isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)) and type(node.op) in SWAPS:
        yield "op", node.op, SWAPS[type(node.op)]()
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in SWAPS:
        yield "ops", node.ops, [SWAPS[type(node.ops[0])]()]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "op", node.op, ast.UAdd()
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield "value", node.value, node.value + 1


class Loader(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Imports one module from a changed tree."""

    def __init__(self, module: str, tree: ast.Module):
        self.module, self.tree = module, tree

    def find_spec(self, name, path, target=None):
        if name == self.module:
            return importlib.util.spec_from_file_location(name, self.get_filename(name), loader=self)
        return None

    def get_filename(self, name):
        return str(ROOT / (name.replace(".", "/") + ".py"))

    def get_data(self, path):
        return b""

    def source_to_code(self, data, path, **_):
        return compile(self.tree, path, "exec")

    def path_stats(self, path):
        raise OSError  # nothing is cached


def survives(module: str, tree: ast.Module, tests: list[str], seconds: float = 300) -> bool:
    """Whether the tests pass with `module` made of `tree`, in a process of their own."""
    child = os.fork()
    if child == 0:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            import pytest

            sys.meta_path.insert(0, Loader(module, ast.fix_missing_locations(tree)))
            os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.02)
    os.kill(child, 9)  # an endless loop is noticed, too
    os.waitpid(child, 0)
    return False


def main(modules: list[str]) -> int:
    """Run the mutants of the named modules, or of all; the number of unexplained survivors."""
    import hypothesis  # noqa: F401  what the tests import anyway is imported once
    import pytest  # noqa: F401
    import scipy.integrate
    import scipy.optimize
    import scipy.stats  # noqa: F401

    unexplained = 0
    for module in modules or FORMULAS:
        names, files = FORMULAS[module]
        tests = [str(ROOT / "tests" / "srbm" / file) for file in files.split()]
        source = (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")
        tree = ast.parse(source)
        if not survives(module, tree, tests):
            raise SystemExit(f"the tests of {module} fail without any mutant")
        died = total = 0
        for place, node, field, old, new in list(mutations(tree, set(names.split()))):
            setattr(node, field, new)
            alive = survives(module, tree, tests)
            setattr(node, field, old)
            total, died = total + 1, died + (not alive)
            key = f"{module}.{place}"
            if alive and key not in EQUIVALENT:
                unexplained += 1
                print(f"survived: {key}", flush=True)
        print(f"{module}: {died} of {total} mutants died", flush=True)
    return unexplained


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
