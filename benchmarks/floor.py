"""How far the chains are from what the machine can do: its matrix products and normal numbers, and nothing else.

The floor of an update is the time of its large matrix products, at the rate measured for their shape, plus that of its
normal numbers.
"""

import numpy as np

from benchmarks.timing import timed
from benchmarks.trainer import Trainer
from srbm import PCD, ScalarRBM, mnist_correlation
from srbm.chains.normals import single_normals

N, B = 784, 512


def best(work, calls=15):
    """The shortest of several times: a floor is not a median."""
    work()
    return min(timed(work) for _ in range(calls))


def rate(rows, inner, columns, dtype):
    """Floating-point operations per second of a product (rows, inner) (inner, columns)."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((rows, inner)).astype(dtype), rng.standard_normal((inner, columns)).astype(dtype)
    out = np.empty((rows, columns), dtype)
    repeat = max(1, int(2e8 / (2 * rows * inner * columns)))
    return repeat * 2 * rows * inner * columns / best(lambda: [np.matmul(a, b, out=out) for _ in range(repeat)])


def run():
    """Rates of the machine, and per kernel (floor, time) in seconds."""
    rng = np.random.default_rng(0)
    normals = {
        "float32, Box-Muller": N * B / best(lambda: single_normals(rng, (B, N))),
        "float32, NumPy": N * B / best(lambda: rng.standard_normal((B, N), dtype=np.float32)),
        "float64, NumPy": N * B / best(lambda: rng.standard_normal((B, N))),
    }
    products = {
        "512 x 784 x 784, float32": rate(B, N, N, np.float32),
        "512 x 784 x 784, float64": rate(B, N, N, np.float64),
        "64 x 784 x 64, float32": rate(64, N, 64, np.float32),
        "64 x 784 x 64, float64": rate(64, N, 64, np.float64),
    }
    C, kernels = mnist_correlation(), {}
    for persistent, large, thin in (("visible", 4, 5), ("hidden", 3, 3)):
        name = "PCD" if persistent == "visible" else "PCD keeping h"
        floor = large * 2 * B * N**2 / products["512 x 784 x 784, float32"] + 2 * N * B / normals["float32, Box-Muller"]
        kernels[f"{name}, N_h = 784"] = floor, _update(C, 784, persistent, 5)
        floor = (
            thin * 2 * N * 64**2 / products["64 x 784 x 64, float32"]
            + 2 * N * 64**2 / products["64 x 784 x 64, float64"]
            + (N * 64 + 4 * 64**2) / normals["float32, Box-Muller"]
        )
        kernels[f"{name}, N_h = 64"] = floor, _update(C, 64, persistent, 50)
    return {"normals": normals, "products": products, "kernels": kernels}


def _update(correlation, n_hidden, persistent, updates):
    rbm = ScalarRBM.random(N, n_hidden, 100.0, rng=0)
    trainer = Trainer(rbm, correlation, 1e-5, PCD(B, 1, persistent=persistent), rng=0)
    trainer.updates(2)
    return best(lambda: trainer.updates(updates), 7) / updates
