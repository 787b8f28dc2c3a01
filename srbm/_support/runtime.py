"""What long work does to the process it runs in, and what it runs on.

One BLAS thread for small matrices, signals that do not end it before it has saved what there is, and a progress bar on
request. Below N ~ 256 a second thread only adds waiting.
"""

from __future__ import annotations

import platform
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SMALL = 256
"""Below this N_v results do not depend on the number of threads either, because there is one."""


@contextmanager
def single_threaded(size: int) -> Iterator[None]:
    """A context that limits BLAS to one thread when `size` is small and threadpoolctl is installed."""
    limited = size < SMALL and _LIMIT.enter()
    try:
        yield
    finally:
        if limited:
            _LIMIT.leave()


class _Limit:
    """The limit of the process, which all threads of Python share: set by the first that asks, lifted by the last.

    The number of BLAS threads is a property of the process; two trainings that each restored what they had found would
    leave it at one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._restore: Callable[[], object] | None = None

    def enter(self) -> bool:
        """Set the limit unless it is set; whether there is one to be left."""
        try:
            from threadpoolctl import threadpool_limits
        except ImportError:
            return False
        with self._lock:
            if self._users == 0:
                _take_control()
                self._restore = threadpool_limits(limits=1, user_api="blas").restore_original_limits
            self._users += 1
        return True

    def leave(self) -> None:
        """Lift the limit if nobody else needs it."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._restore is not None:
                _take_control()
                self._restore()
                self._restore = None


def _take_control() -> None:
    """Let this thread change the limit; later versions of threadpoolctl ignore all threads but the first that asked."""
    import threadpoolctl

    clear = getattr(getattr(threadpoolctl, "OpenBLASController", None), "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)


_LIMIT = _Limit()


@contextmanager
def ended_as_by_ctrl_c(wanted: bool) -> Iterator[None]:
    """A context in which a signal that asks the process to end, as batch systems send it, is what Ctrl-C is.

    Only where it would have ended the process at once: a handler that somebody has set stays, and so do signals that
    are ignored. Only the main thread of Python has handlers.
    """
    before: list[signal.Signals] = []
    if wanted and threading.current_thread() is threading.main_thread():
        names = ("SIGTERM", "SIGHUP")  # the second: the terminal is gone
        known = [getattr(signal, name) for name in names if hasattr(signal, name)]
        before = [number for number in known if signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in before:
            signal.signal(number, _interrupt)
        yield
    finally:
        for number in before:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


@contextmanager
def progress_bar(wanted: bool, total: float | None, unit: str, done: float = 0) -> Iterator[Callable[..., object]]:
    """A function advance(n=1) that moves the bar, or does nothing where none is wanted.

    `total` is the number of units to do in all, None when it is not known, and `done` of them are already.
    """
    if not wanted:
        yield lambda n=1: None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install tqdm, or leave progress out") from error
    with tqdm(total=total, initial=done, unit=unit) as bar:
        yield bar.update


def processor() -> str:
    """The model of processor that the system names, as in "AMD EPYC 7B13", or else the architecture."""
    try:
        model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        model = None
    return " ".join(model[1].split()) if model else platform.processor() or platform.machine()
