"""The package changed everywhere by mutmut: ``make mutation MODULES="srbm.divergence" SAMPLE=20``.

`tests.mutants` changes the formulas that we have thought of. mutmut, a tool of the registry, changes every line of a
module in all the ways that it knows, messages and defaults included. It works on a copy of `srbm` and `tests`, runs
the tests named in `TESTS` and tells how each mutant ended. What is stored, in `chapters/mutation.json`, is the
number of mutants that were noticed and the text of those that lived, with the reason from `REASONS` where there is one.
It needs fork, and days for all mutants of the package: with a sample, drawn with a seed that is the module's name, a
module takes a minute or two, and what share of all mutants would be noticed is known to the error of the sample.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from commands.everywhere.records import commit
from srbm._support.files import write_text
from tests.mutants import FORMULAS

ROOT = Path(__file__).parent.parent
FILE = ROOT / "chapters" / "mutation.json"
TESTS = {module: files for module, (_, files) in FORMULAS.items()} | {
    "srbm._support.arrays": "test_arrays.py test_moments.py test_tables.py",
    "srbm._support.blocks": "test_infrared.py test_moments.py",
    "srbm._support.checks": "test_messages.py test_tables.py test_model.py test_counting.py",
    "srbm._support.files": "test_files.py test_load.py test_checkpoint.py test_fuzz.py",
    "srbm._support.modes": "test_divergence.py test_solutions.py test_stability.py",
    "srbm._support.newton": "test_newton.py test_latent.py",
    "srbm._support.range": "test_messages.py test_model.py test_lattice.py",
    "srbm._support.runtime": "test_runtime.py test_threads.py test_runs.py",
    "srbm.chains.explicit": "test_heart.py test_fast_chains.py",
    "srbm.chains.gram": "test_gradient.py test_fast_chains.py",
    "srbm.chains.hidden": "test_gradient.py test_fast_chains.py",
    "srbm.chains.normals": "test_fast_chains.py test_gradient.py",
    "srbm.chains.single": "test_fast_chains.py test_gradient.py",
    "srbm.chains.stack": "test_model.py test_fast_chains.py test_gradient.py",
    "srbm.clusters": "test_clusters.py",
    "srbm.counting": "test_counting.py",
    "srbm.datasets": "test_datasets.py test_downloads.py test_files.py",
    "srbm.errors": "test_messages.py",
    "srbm.estimator": "test_estimator.py",
    "srbm.figures.panel": "test_panel.py",
    "srbm.figures.plots": "test_plots.py",
    "srbm.figures.sliders": "test_sliders.py",
    "srbm.flow": "test_flow.py",
    "srbm.gaussian_bernoulli": "test_bernoulli.py test_condition.py test_machines.py",
    "srbm.held_out": "test_recommend.py",
    "srbm.latent": "test_latent.py test_newton.py",
    "srbm.lattice": "test_lattice.py test_progress.py test_statistics.py",
    "srbm.moments": "test_moments.py test_tables.py test_datasets.py",
    "srbm.phi4": "test_interactions.py test_machines.py test_progress.py",
    "srbm.random": "test_gradient.py test_fast_chains.py test_checkpoint.py test_files.py",
    "srbm.recommend": "test_recommend.py test_tables.py",
    "srbm.runs": "test_runs.py",
    "srbm.solutions": "test_solutions.py test_messages.py",
    "srbm.stability": "test_stability.py test_flow.py",
    "srbm.training.bernoulli": "test_bernoulli.py test_bernoulli_checkpoint.py",
    "srbm.training.bernoulli_checkpoint": "test_bernoulli_checkpoint.py",
    "srbm.training.checkpoint": "test_checkpoint.py test_load.py test_files.py",
    "srbm.training.history": "test_training.py test_progress.py",
    "srbm.training.loop": "test_training.py test_heart.py test_checkpoint.py test_progress.py",
    "srbm.training.positivity": "test_positivity.py test_training.py",
    "srbm.training.strategies": "test_training.py test_gradient.py test_heart.py",
    "srbm.training.target": "test_training.py test_messages.py",
    "srbm.trajectories": "test_flow.py",
}
"""By module: the files in `tests/srbm` that are to notice a change."""
EVERYWHERE = "test_arguments.py"
"""A table of what all functions refuse, which is run beside them for every module."""
_EITHER = "near the border either form is right to rounding"
_LONGER = "what is computed for nothing is not used"
_WHEN = "how often something is computed anew is a matter of time, and the answer is the same"
_SAME_NUMBERS = "either way the same random numbers give the same fields, with no hidden nodes too"
_ELSEWHERE = "only arrays of other libraries show it, whose tests run in an environment of their own"
# fmt: off
REASONS: dict[str, dict[str, str]] = {
    "srbm._support.modes": {
        "return (variances * mass_squared > 1) & (np.arange(variances.shape[-1]) < n_hidden)  ->  "
        "return (variances * mass_squared >= 1) & (np.arange(variances.shape[-1]) < n_hidden)":
            "a mode at mu^2 is kept with weight zero",
        "return kappa[kappa < mass_squared]  ->  return kappa[kappa <= mass_squared]": "the same",
    },
    "srbm._support.arrays": {
        "one = namespace(matrices).eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)  ->  "
        "one = namespace(matrices).eye(matrices.shape[-1], device=matrices.device)": _ELSEWHERE,
    },
    "srbm.random": {
        "generator._generator.set_state(generator._torch.tensor(state[\"state\"], dtype=generator._torch.uint8))  ->  "
        "generator._generator.set_state(None)": _ELSEWHERE,
        "generator._generator.set_state(generator._torch.tensor(state[\"state\"], dtype=generator._torch.uint8))  ->  "
        "generator._generator.set_state(generator._torch.tensor(state[\"state\"], ))": _ELSEWHERE,
        "np.broadcast_to(shape_parameter, size).copy(), dtype=self._torch.float64, device=self.device  ->  "
        "np.broadcast_to(None, size).copy(), dtype=self._torch.float64, device=self.device": _ELSEWHERE,
        "return self._torch.randn(shape, dtype=self._torch.float64, device=self.device, generator=self._generator)"
        "  ->  return self._torch.randn(shape, dtype=self._torch.float64, device=self.device, generator=None)":
            _ELSEWHERE,
    },
    "srbm.moments": {"return 0  ->  return 1": "a block without rows adds as many times that number as it has rows"},
    "srbm.chains.explicit": {
        "phi += like(rng.standard_normal(phi.shape), hidden) / namespace(mass).sqrt(mass)  ->  "
        "phi += like(rng.standard_normal(phi.shape), hidden) / namespace(None).sqrt(mass)": _ELSEWHERE,
        "shape = (root.shape[0], self.chains, root.shape[-1])  ->  "
        "shape = (root.shape[0], self.chains, root.shape[-2])": "a root is a square matrix",
    },
    "srbm.chains.gram": {
        "cholesky = namespace(factor).linalg.cholesky  ->  cholesky = namespace(None).linalg.cholesky": _ELSEWHERE,
        "if is_numpy(memory) and isinstance(rng, np.random.Generator) and ensemble.weights.shape[2]:  ->  "
        "if is_numpy(memory) and isinstance(rng, np.random.Generator) or ensemble.weights.shape[2]:": _SAME_NUMBERS,
        "if is_numpy(memory) and isinstance(rng, np.random.Generator) and ensemble.weights.shape[2]:  ->  "
        "if is_numpy(memory) or isinstance(rng, np.random.Generator) and ensemble.weights.shape[2]:": _SAME_NUMBERS,
    },
    "srbm.chains.normals": {
        "angle = words[len(cosine) :].view(np.int32).astype(np.float32)  ->  "
        "angle = words[len(cosine) :].view(np.int32).astype(None)": "an angle in double precision is only slower",
    },
    "srbm.chains.single": {
        "mean += single_normals(rng, mean.shape)  ->  mean -= single_normals(rng, mean.shape)":
            "noise of either sign has one law",
    },
    "srbm.chains.stack": {
        "if self.mass_squared.shape[-1] == 1 and n_hidden < n_visible:  ->  "
        "if self.mass_squared.shape[-1] == 2 and n_hidden < n_visible:": "the longer way gives the same",
        "linalg = namespace(ensemble.weights).linalg  ->  linalg = namespace(None).linalg": _ELSEWHERE,
        "xp = namespace(correlation)  ->  xp = namespace(None)": _ELSEWHERE,
    },
    "srbm._support.runtime": {
        'model = re.search(r"^model name\\s*:\\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), '
        're.MULTILINE)  ->  model = re.search(r"^model name\\s*:\\s*(.+)$", '
        'Path("/proc/cpuinfo").read_text(encoding="UTF-8"), re.MULTILINE)': "one encoding by another name",
    },
    "srbm.figures.plots": {
        "for level in np.unique(np.round(np.atleast_1d(levels if levels is not None else []), 10)):  ->  "
        "for level in np.unique(np.round(np.atleast_1d(levels if levels is not None else []), 11)):":
            "how near to each other levels are drawn once is a choice",
    },
    "srbm.figures.sliders": {
        "for combination, shown in zip(itertools.product(*values.values()), itertools.product(*texts.values()), "
        "strict=True):  ->  for combination, shown in zip(itertools.product(*values.values()), "
        "itertools.product(*texts.values()), strict=False):":
            "the texts are made of the values, as many",
    },
    "srbm.flow": {
        "if passed > reached:  ->  if passed >= reached:": "a bar that is told of no progress stays where it is",
        "if size <= 1000 and steps > 2000 + 20 * size + 12_000 * (size / 400) ** 3:  ->  "
        "if size <= 1000 and steps > 2001 + 20 * size + 12_000 * (size / 400) ** 3:":
            "where the two integrators are as fast is known to tens of per cent",
    },
    "srbm.lattice": {
        "chains: int = 100,  ->  chains: int = 101,": "how many chains run is a choice",
        "integers = (np.indices(self._extents).reshape(len(extents), -1).T + (extents - 1) // 2) % extents  ->  "
        "integers = (np.indices(self._extents).reshape(len(extents), -2).T + (extents - 1) // 2) % extents":
            "any negative extent asks numpy for what is left",
        "return [(tuple(offset), 1.0) for offset in np.eye(len(self._extents), dtype=np.int_).tolist()]  ->  "
        "return [(tuple(offset), 1.0) for offset in np.eye(len(self._extents), dtype=None).tolist()]":
            "an offset of 1.0 is one of 1",
        "return np.sin(np.pi * (turns - np.rint(turns)))  ->  return np.sin(np.pi * (turns + np.rint(turns)))":
            "by whole turns",
    },
    "srbm.machine": {
        "return mean + np.sqrt(cast(Any, self).hidden_variance) * rng.standard_normal(mean.shape)  ->  "
        "return mean + np.sqrt(cast(None, self).hidden_variance) * rng.standard_normal(mean.shape)":
            "a cast does nothing when it runs",
    },
    "srbm.model": {
        "if 0 < self.n_hidden < self.n_visible:  ->  if 0 <= self.n_hidden < self.n_visible:":
            "without hidden nodes either way gives the same",
    },
    "srbm.training.positivity": {
        "if 0 < kappa_min < mass_squared:  ->  if 0 <= kappa_min < mass_squared:": "no variance is infinite",
        "self._pause -= 1  ->  self._pause -= 2": _WHEN,
    },
    "srbm.divergence": {
        "excess = np.where(np.abs(excess) < 0.5, difference, excess)  ->  "
        "excess = np.where(np.abs(excess) < 1.5, difference, excess)": _EITHER,
        "excess = np.where(np.abs(excess) < 0.5, difference, excess)  ->  "
        "excess = np.where(np.abs(excess) <= 0.5, difference, excess)": _EITHER,
        "for power in range(37, 1, -2):  # y^2 <= 1/9  ->  for power in range(37, 2, -2):  # y^2 <= 1/9":
            "the same numbers",
        "if (np.abs(excess) < 0.5).any():  ->  if (np.abs(excess) < 1.5).any():": _LONGER,
        "if (np.abs(excess) < 0.5).any():  ->  if (np.abs(excess) <= 0.5).any():": _LONGER,
        "if (ratio < 0.5).any():  ->  if (ratio < 1.5).any():": _LONGER,
        "if (ratio < 0.5).any():  ->  if (ratio <= 0.5).any():": _LONGER,
        "near = np.abs(excess) < 0.5  ->  near = np.abs(excess) <= 0.5": _EITHER,
        "ratio = np.where(ratio < np.sqrt(ratio[-1] / inverse[0]), 1 / inverse, ratio)  ->  "
        "ratio = np.where(ratio <= np.sqrt(ratio[-1] / inverse[0]), 1 / inverse, ratio)": _EITHER,
        "series = np.zeros_like(y)  ->  series = np.zeros_like(None)": "a zero that becomes an array as well",
    },
}
# fmt: on
"""By module: why a mutant, named by its change, may live."""
LIVED, NOTICED = (0, 33), 1
"""Exit codes of mutmut: all tests pass, no test enters the function; a test fails."""
SHOW = """
import json, sys
from mutmut.__main__ import get_diff_for_mutant
json.dump({name: get_diff_for_mutant(name, path=sys.argv[1]) for name in sys.argv[2:]}, sys.stdout)
"""
"""What a process in the folder of a run says of mutants of the module in a file."""
BESIDE = ("results", "srbm_book/data")
"""What tests of srbm read beside it: stored results, and what made them."""
CONFIGURATION = """
[tool.pytest.ini_options]
addopts = "-ra --strict-markers --import-mode=importlib"
pythonpath = ["."]
markers = ["slow: takes more than a few seconds"]

[tool.mutmut]
source_paths = ["srbm"]
also_copy = {beside}
only_mutate = {paths}
pytest_add_cli_args = ["-q", "-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = {tests}
use_git_change_detection = false
track_dependencies = false
timeout_multiplier = 4.0
timeout_constant = 5.0
"""
"""Of mutmut in the copy. A mutant whose tests take four times as long as before, and twenty seconds, loops for ever."""


def all_modules() -> list[str]:
    """Every module of srbm that has a function, by name."""
    paths = sorted((ROOT / "srbm").rglob("*.py"))
    return [module_of(path) for path in paths if "def " in path.read_text(encoding="utf-8")]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def change_of(difference: str) -> str:
    """A mutant in one line: what its diff takes out and puts in."""
    lines = difference.splitlines()
    out, put = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign) and not line.startswith(sign * 3))
        for sign in "-+"
    )
    return f"{out}  ->  {put}"


def undecorated(source: str) -> str:
    """The same module with ``f = decorator(f)`` after each decorated function: mutmut changes no decorated ones."""
    lines = source.splitlines(keepends=True)
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for node in sorted(functions, key=lambda node: -node.lineno):  # from the last, so that line numbers stay true
        wanted = [ast.unparse(decorator) for decorator in node.decorator_list]
        if not wanted or any(name.endswith((".setter", "overload")) for name in wanted):
            continue
        call = "".join(f"({name})(" for name in wanted) + node.name + ")" * len(wanted)
        assert node.end_lineno is not None
        lines.insert(node.end_lineno, f"{' ' * node.col_offset}{node.name} = {call}\n")
        del lines[node.decorator_list[0].lineno - 1 : node.lineno - 1]
    return "".join(lines)


def drawn(module: str, mutants: Iterable[str], size: int | None) -> list[str]:
    """At most `size` of the mutants of a module, each as likely as any other, and the same ones each time."""
    ordered = sorted(mutants)
    return ordered if size is None or size >= len(ordered) else random.Random(module).sample(ordered, size)


def judged(module: str, codes: dict[str, int | None], changes: dict[str, str], mutants: int) -> dict[str, Any]:
    """What is stored of a module: the mutants by how mutmut says that they ended, and the text of those that lived.

    `codes` are those of the mutants that were tried, of `mutants` altogether.
    """
    unjudged = [name for name, code in codes.items() if code is None]
    if unjudged or not codes:
        raise RuntimeError(f"{module}: mutmut did not judge {len(unjudged)} of {len(codes)} mutants")
    lived = sorted(changes[name] for name, code in codes.items() if code in LIVED)
    reasons = REASONS.get(module, {})
    return {
        "mutants": mutants,
        "killed": len(codes) - len(lived),
        "survived": [{"change": change, "reason": reasons.get(change, "")} for change in lived],
        "commit": commit(),
        "date": date.today().isoformat(),
    }


def shown(path: Path, mutants: Iterable[str], folder: Path) -> dict[str, str]:
    """The change that each mutant of a module is."""
    show = subprocess.run(
        [sys.executable, "-c", SHOW, path, *mutants], cwd=folder, capture_output=True, text=True, check=True
    )
    return {name: change_of(difference) for name, difference in json.loads(show.stdout).items()}


def known(module: str, changes: dict[str, str], stored: dict[str, Any] | None) -> dict[str, int]:
    """How those of the mutants end that need not be tried again; none, where the entry is not one of these mutants.

    What was noticed still is, when tests have been added, and what lives for a reason lives.
    """
    survived = {one["change"] for one in stored["survived"]} if stored else set()
    if not stored or stored["killed"] + len(survived) != len(changes) or not survived <= set(changes.values()):
        return {}
    gaps = survived - set(REASONS.get(module, {}))
    return {name: LIVED[0] if change in survived else NOTICED for name, change in changes.items() if change not in gaps}


def mutated(
    modules: Sequence[str], size: int | None = None, before: dict[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Run mutmut on modules, or on a sample of each one's mutants, in a copy of the package and its tests.

    The tests of all of them are run together, so that those that modules share are timed once. Where all that is stored
    as having lived `before` is in the sample, only that is tried again, if no reason says why it lives. That supposes a
    module that is as it was, and the same size.
    """
    paths = {module: Path(*module.split(".")).with_suffix(".py") for module in modules}
    tests = dict.fromkeys(f"tests/srbm/{file}" for module in modules for file in [*TESTS[module].split(), EVERYWHERE])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("srbm", "tests", *BESIDE):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        for path in paths.values():
            (folder / path).write_text(undecorated((ROOT / path).read_text(encoding="utf-8")), encoding="utf-8")
        (folder / "tests" / "test_nothing.py").write_text("def test_nothing():\n    pass\n", encoding="utf-8")

        def run(tests: Iterable[str], *mutants: str) -> dict[str, dict[str, int | None]]:
            changed = json.dumps([path.as_posix() for path in paths.values()])
            configuration = CONFIGURATION.format(
                paths=changed, tests=json.dumps(list(tests)), beside=json.dumps(BESIDE)
            )
            (folder / "pyproject.toml").write_text(configuration, encoding="utf-8")
            tool = [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *mutants]
            ended = subprocess.run(tool, cwd=folder, capture_output=True, text=True)
            stored = {module: folder / "mutants" / f"{path}.meta" for module, path in paths.items()}
            if (mutants and ended.returncode) or not all(file.exists() for file in stored.values()):
                raise RuntimeError(f"mutmut failed on {modules}:\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}")
            read = {module: json.loads(file.read_text(encoding="utf-8")) for module, file in stored.items()}
            return {module: file["exit_code_by_key"] for module, file in read.items()}

        mutants = run(["tests/test_nothing.py"])  # makes them and stops: no test enters any
        chosen = {module: drawn(module, names, size) for module, names in mutants.items()}
        codes = {}
        for module, names in chosen.items():
            entry = (before or {}).get(module)
            codes[module] = known(module, shown(paths[module], names, folder), entry) if entry else {}
        tried = [name for module, names in chosen.items() for name in names if name not in codes[module]]
        ended = run(tests, *tried) if tried else mutants
        entries = {}
        for module, names in chosen.items():
            codes[module] |= {name: ended[module][name] for name in names if name in tried}
            changes = shown(paths[module], [name for name, code in codes[module].items() if code in LIVED], folder)
            entries[module] = judged(module, codes[module], changes, len(mutants[module]))
    return entries


def stored(file: Path = FILE) -> dict[str, dict[str, Any]]:
    """What is stored of each module."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def store(entries: dict[str, dict[str, Any]], modules: Iterable[str], file: Path = FILE) -> None:
    """Put new entries among the stored ones, with an empty one for each module that was not run.

    The reasons of all are those that are known now.
    """
    before = stored(file)
    found = {module: entries.get(module, before.get(module, {})) for module in modules}
    for module, entry in found.items():
        for one in entry.get("survived", []):
            one["reason"] = REASONS.get(module, {}).get(one["change"], "")
    write_text(file, json.dumps(found, indent=1) + "\n")


def main(arguments: list[str]) -> int:
    """Run the named modules, or all that have tests here; the number of survivors without a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="as in srbm.divergence; all, when none is named")
    parser.add_argument("--sample", type=int, metavar="N", help="at most this many mutants of each module")
    parser.add_argument("--together", action="store_true", help="run the tests that modules share once for them all")
    parser.add_argument(
        "--again", action="store_true", help="try only what lived without a reason when it was last run"
    )
    given = parser.parse_args(arguments)
    before = stored() if given.again else {}
    unexplained = 0
    modules = given.modules or list(TESTS)
    for group in [modules] if given.together else [[module] for module in modules]:
        entries = mutated(group, given.sample, before)
        store(entries, all_modules())
        for module, entry in entries.items():
            gaps = [one["change"] for one in entry["survived"] if not one["reason"]]
            print(f"{module}: {entry['killed']} noticed, {len(entry['survived'])} lived", *gaps, sep="\n  ", flush=True)
            unexplained += len(gaps)
    return unexplained


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 100))
