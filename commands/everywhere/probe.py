"""What computes in this process, as one line of JSON: ``python probe.py``.

Run by the interpreter of a row, which need not have anything installed but NumPy, SciPy and threadpoolctl.
"""

import json
import platform


def blas(info):
    """(kernel, version, threads) of each linear algebra library that is loaded."""
    return [(one.get("architecture") or one["internal_api"], one["version"], one["num_threads"])
            for one in info() if one["user_api"] == "blas"]  # fmt: skip


def probe():
    """Versions, the vector instructions that NumPy may choose, and the kernels of NumPy's and SciPy's libraries."""
    import numpy
    from threadpoolctl import threadpool_info

    numpys = blas(threadpool_info)
    import scipy.linalg

    scipys = list(blas(threadpool_info))
    for one in numpys:
        scipys.remove(one)
    scipys = scipys or numpys  # where the two share one library
    try:
        from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
    except ImportError:
        from numpy.core._multiarray_umath import __cpu_dispatch__, __cpu_features__
    return {
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "features": [name for name in __cpu_dispatch__ if __cpu_features__[name]],
        "kernels": {"NumPy": sorted({one[0] for one in numpys}), "SciPy": sorted({one[0] for one in scipys})},
        "threads": sorted({one[2] for one in numpys + scipys}),
    }


if __name__ == "__main__":
    print(json.dumps(probe()))
