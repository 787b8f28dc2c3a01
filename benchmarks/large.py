"""PCD at the size of MNIST, N_v = 784, B = 512: the chains of `train` against explicit ones in double precision."""

from benchmarks.timing import comparison, paired
from benchmarks.trainer import Trainer
from srbm import PCD, ScalarRBM, maximum_likelihood, mnist_correlation

SIZES = {784: (4, {"PCD": 3, "PCD keeping h": 3}), 64: (100, {"PCD": 8, "PCD keeping h": 8})}


def run():
    """Comparisons from a small random start, and, where the guard has most to do, from the optimum."""
    C = mnist_correlation()
    entries = []
    for n_hidden, (updates, targets) in SIZES.items():
        start = ScalarRBM.random(784, n_hidden, 100.0, rng=0)
        optimum = maximum_likelihood(C, n_hidden, 100.0)
        for name, rbm, rate in (("a random start", start, 1e-5), ("the optimum", optimum, 1e-7)):
            plain = Trainer(rbm, C, rate, PCD(512, 1, method="explicit"), rng=0)
            phi = Trainer(rbm, C, rate, PCD(512, 1), rng=0)
            h = Trainer(rbm, C, rate, PCD(512, 1, persistent="hidden"), rng=0)
            work = {
                "explicit chains": lambda plain=plain, n=updates: plain.updates(n),
                "PCD": lambda phi=phi, n=updates: phi.updates(n),
                "PCD keeping h": lambda h=h, n=updates: h.updates(n),
            }
            times = paired(work, 9, updates)
            entries.append(
                comparison(
                    f"N_v = 784, N_h = {n_hidden}, B = 512, k = 1, from {name}",
                    "explicit chains",
                    times,
                    targets if rbm is start else {},
                )
            )
    return entries
