"""One BLAS thread for small matrices: below N ~ 256 a second thread only adds waiting."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


def single_threaded(size: int) -> AbstractContextManager[object]:
    """A context that limits BLAS to one thread when `size` is small and threadpoolctl is installed."""
    if size >= 256:
        return nullcontext()
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(limits=1, user_api="blas")
