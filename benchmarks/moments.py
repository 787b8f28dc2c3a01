"""Second moments of 60,000 images of 784 bytes: exact, in one pass, against the float32 product alone."""

import tracemalloc

import numpy as np

from benchmarks.timing import comparison, paired
from srbm import second_moment
from srbm.moments import integer_moments


def images(n, rng=0):
    """Bytes, four fifths of them zero, as in MNIST."""
    rng = np.random.default_rng(rng)
    return rng.integers(0, 256, (n, 784), dtype=np.uint8) * (rng.random((n, 784), dtype=np.float32) < 0.2)


def peak(n):
    """Peak memory in MB of `second_moment` over `n` images that arrive in blocks of 2000."""
    block = images(2000)
    tracemalloc.start()
    second_moment(block for _ in range(n // 2000))
    found = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return found


def run():
    """The comparison, and the memory at three numbers of images."""
    data = images(60_000)
    single = data.astype(np.float32)
    times = paired({"float32 product": lambda: single.T @ single, "exact moments": lambda: integer_moments(data)}, 7)
    entry = comparison("60,000 x 784 bytes", "float32 product", times, {"exact moments": 0.5})
    return {"comparisons": [entry], "memory": {str(n): peak(n) for n in (20_000, 60_000, 180_000)}}
