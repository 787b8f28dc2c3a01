"""PCD on the lattice, N_v = N_h = 10: Gram chains against explicit ones, and a cost that does not depend on B."""

from benchmarks.timing import comparison, paired
from benchmarks.trainer import Trainer
from srbm import PCD, FreeScalarField, ScalarRBM

RATE = 1e-3


def run():
    """Comparisons at B = 128, and of B = 32 to 8192."""
    field = FreeScalarField(10, 4.0)
    C = field.propagator
    rbm = ScalarRBM.random(10, 10, 9.0, rng=0)
    entries = []
    for steps in (1, 10):
        plain = Trainer(rbm, C, RATE, PCD(128, steps, method="explicit"), rng=0)
        one = Trainer(rbm, C, RATE, PCD(128, steps), rng=0)
        many = Trainer(rbm, C, RATE, PCD(128, steps), runs=64, rng=0)
        work = {
            "explicit chains": lambda plain=plain: plain.updates(60),
            "PCD, one run": lambda one=one: one.updates(300),
            "PCD, 64 runs, each": lambda many=many: many.updates(30),
        }
        times = paired(work, 15, {"explicit chains": 60, "PCD, one run": 300, "PCD, 64 runs, each": 30 * 64})
        targets = {"PCD, one run": 5, "PCD, 64 runs, each": 20} if steps == 10 else {}
        entries.append(comparison(f"N_v = N_h = 10, B = 128, k = {steps}", "explicit chains", times, targets))
    trainers = {f"B = {chains}": Trainer(rbm, C, RATE, PCD(chains, 10), rng=0) for chains in (32, 128, 512, 2048, 8192)}
    times = paired({name: lambda trainer=trainer: trainer.updates(200) for name, trainer in trainers.items()}, 15, 200)
    entries.append(comparison("N_v = N_h = 10, k = 10: numbers of chains", "B = 32", times))
    return entries
