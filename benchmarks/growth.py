"""How time and memory grow: exponents of power laws, from the three largest sizes, beside those of counting."""

import tracemalloc

import numpy as np

from benchmarks.timing import slope, timed
from benchmarks.trainer import Trainer
from srbm import PCD, Exact, ScalarRBM, second_moment


def measured(make, sizes):
    """Shortest time of a piece of work, and peak memory of preparing and doing it, for every size."""
    times, memory = [], []
    for size in sizes:
        work = make(size)
        work()
        times.append(min(timed(work) for _ in range(3)))
        tracemalloc.start()
        make(size)()
        memory.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return times, memory


def training(n_visible, n_hidden, gradient):
    """Work on a model of this size, as many updates as take some milliseconds; and how many they are."""
    mass = 9.0
    rbm = ScalarRBM.random(n_visible, n_hidden, mass, scale=0.5 / np.sqrt(n_visible + n_hidden), rng=0)
    trainer = Trainer(rbm, np.diag(np.linspace(0.12, 1, n_visible)), 1e-6, gradient, rng=0)
    updates = max(3, int(1e7 / (n_visible * n_hidden) ** 1.5))
    return lambda: trainer.updates(updates), updates


CASES = [  # name, what varies, its values, model and strategy, expected exponents of time and memory (None: not asked)
    ("exact gradient, N_v = N_h", "N_v", (128, 256, 512, 1024), lambda n: (n, n, Exact()), 3, 2),
    ("exact gradient, N_v = N_h", "N_v", (8, 16, 32), lambda n: (n, n, Exact()), None, None),
    ("Gram chains, N_h = N_v + 1, B = 2 N_h", "N_v", (128, 256, 512), lambda n: (n, n + 1, PCD(2 * n + 2)), 3, 2),
    ("explicit chains, N_h = 256, B = 512", "N_v", (256, 512, 1024, 2048), lambda n: (n, 256, PCD(512)), 1, None),
    ("explicit chains, N_v = 512, B = 512", "N_h", (256, 512, 1024, 2048), lambda n: (512, n, PCD(512)), 1, None),
    ("explicit chains, N_v = N_h = 512", "B", (128, 256, 512, 1024), lambda b: (512, 512, PCD(b)), 1, None),
    ("hidden-space chains, N_h = 64, B = 512", "N_v", (512, 1024, 2048), lambda n: (n, 64, PCD(512)), 1, None),
    ("hidden-space chains, N_v = 512, B = 2048", "N_h", (128, 256, 512), lambda n: (512, n, PCD(2048)), 2, None),
    ("hidden-space chains, N_v = 512, N_h = 64", "B", (512, 2048, 8192, 32768), lambda b: (512, 64, PCD(b)), 0, 0),
]


def run():
    """Per case: what varies, the sizes, times, memory, and the exponents found and expected (None: not asked)."""
    rows = []
    for name, what, sizes, make, expected_time, expected_memory in CASES:
        counts = [training(*make(size))[1] for size in sizes]
        times, memory = measured(lambda size, make=make: training(*make(size))[0], sizes)
        times = [time / count for time, count in zip(times, counts, strict=True)]
        rows.append(
            {
                "case": name,
                "what": what,
                "sizes": list(sizes),
                "times": times,
                "memory": memory,
                "slopes": [slope(sizes[-3:], times[-3:]), slope(sizes[-3:], memory[-3:])],
                "expected": [expected_time, expected_memory],
            }
        )
    sizes = (5_000, 10_000, 20_000, 40_000)
    block = np.random.default_rng(0).integers(0, 256, (1000, 784), dtype=np.uint8)
    times, memory = measured(lambda n: lambda: second_moment(block for _ in range(n // 1000)), sizes)
    rows.append(
        {
            "case": "second moments of bytes, N_v = 784",
            "what": "samples",
            "sizes": list(sizes),
            "times": times,
            "memory": memory,
            "slopes": [slope(sizes, times), slope(sizes, memory)],
            "expected": [1, 0],
        }
    )
    return rows
