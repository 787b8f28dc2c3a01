"""The grader's side of the process in which answers run: starting it, asking it, believing nothing, and its end."""

import contextlib
import json
import multiprocessing
import os
import queue
import sys
import tempfile
import threading
import time
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from unittest import mock

from commands.grading.guest import main
from commands.grading.values import clean, decode_answer, encode

STARTING = 120  # seconds
LONGEST = 2**20  # bytes of a reply
CELLS = 10  # the processor time of all cells together is that of so many which run as long as one may
PRELOADED = ["commands.grading.guest", "matplotlib.pyplot", "scipy.integrate", "scipy.optimize", "scipy.stats",
             "sklearn.decomposition", "srbm", "srbm.figures", "srbm_book"]  # fmt: skip
REASONS = {3: "It started too many processes.", 4: "It used too much memory."}  # by exit code, see `confine`
NAMESPACES, LIMITS, TIME = "namespaces", "limits", "time"
UNCONTAINED = {
    NAMESPACES: "",
    LIMITS: "There are no namespaces here, only limits of time, memory and files: an answer can read, write, send and "
            "end what you can. Grade only what you trust.",
    TIME: "Here only the time of answers is limited: an answer can read, write, send and end what you can. "
          "Grade only what you trust.",
}  # fmt: skip
"""What holds an answer on this system, and the sentence that says what does not."""


class Ended(BaseException):
    """The process has ended, or had to be: why. No exception of an answer, which a judge would describe."""


@cache
def _context():
    """How processes are started: as copies of one that has imported what chapters do, where that is safe."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


@cache
def containment() -> str:
    """What holds an answer on this system: tried, since a system that has namespaces may not grant them."""
    if sys.platform == "linux":
        with (
            contextlib.suppress(RuntimeError),
            tempfile.TemporaryDirectory() as folder,
            Guest(Path(folder), "", 1.0, NAMESPACES),
        ):
            return NAMESPACES
    return LIMITS if os.name == "posix" else TIME


class Guest:
    """A process that executes cells of a notebook in `folder`; `seconds` for each, and for what is then asked of it.

    `judge` is the name of the function that asks the grader.
    """

    def __init__(self, folder: Path, judge: str, seconds: float, held_by: str | None = None):
        self._seconds, self._deadline = seconds, time.monotonic() + STARTING
        self._scratch = tempfile.TemporaryDirectory(prefix=f"answers-{os.getpid()}-", ignore_cleanup_errors=True)
        settings = {
            "scratch": os.path.realpath(self._scratch.name),
            "folder": str(folder.resolve()),
            "judge": judge,
            "seconds": CELLS * seconds + STARTING,
            "namespaces": (held_by or containment()) == NAMESPACES,
        }
        requests, self._requests = multiprocessing.Pipe(duplex=False)
        self._replies, replies = multiprocessing.Pipe(duplex=False)
        self._process = _context().Process(target=main, args=(settings, requests, replies))
        with mock.patch.dict(sys.modules, __main__=ModuleType("__main__")):  # the program of the grader is not needed
            self._process.start()
        requests.close()
        replies.close()
        try:
            self._exchange(None)
        except Ended as ended:
            self.close()
            raise RuntimeError(f"the process for the answers did not start: {ended}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End the process and all that it has started, and remove what it has written."""
        self._requests.close()  # which has the supervisor end, and all the others before
        self._process.join(STARTING if sys.platform == "linux" else 0)
        self._process.kill()
        self._process.join()
        self._replies.close()
        self._scratch.cleanup()

    def execute(self, source: str, name: str, judge) -> str | None:
        """Execute a cell, and call `judge` with what it asks to be judged; the exception that it raised, or None."""
        self._deadline = time.monotonic() + self._seconds
        reply = self._exchange({"cell": source, "name": name})
        while True:
            match reply:
                case {"asked": [list(answers), dict(named)]}:
                    judge(*map(self._read, answers), **{key: self._read(value) for key, value in named.items()})
                    reply = self._exchange({"go": "on"})
                case {"raised": [str(kind), str(message)]}:
                    return f"{clean(kind)}: {clean(message)}"
                case {"raised": None}:
                    return None
                case _:
                    raise Ended(NO_ANSWER)

    def _call(self, number, *arguments):
        """The value of a function of the process."""
        match self._exchange({"call": [number, encode(arguments)]}):
            case {"value": value}:
                return self._read(value)
            case {"raised": [str(kind), str(message)]}:
                raise type(clean(kind), (Exception,), {})(clean(message))
        raise Ended(NO_ANSWER)

    def _read(self, data):
        try:
            return decode_answer(data, lambda number: partial(self._call, number))
        except ValueError:
            raise Ended(NO_ANSWER) from None

    def _exchange(self, request) -> dict:
        """The reply to a request. All that can block does so in a thread of its own, which may be left behind."""
        replies: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=lambda: replies.put(self._blocking(request)), daemon=True).start()
        try:
            line = replies.get(timeout=max(self._deadline - time.monotonic(), 0.001))
        except queue.Empty:
            raise Ended(f"It ran longer than {self._seconds:g} s.") from None
        if not line:
            raise Ended(self._reason())
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            raise Ended(NO_ANSWER) from None

    def _blocking(self, request) -> bytes:
        try:
            if request:
                self._requests.send_bytes(json.dumps(request).encode())
            return self._replies.recv_bytes(LONGEST)
        except (OSError, EOFError):  # it has ended or says too much, or was closed meanwhile
            return b""

    def _reason(self) -> str:
        self._process.join(STARTING / 10)
        return REASONS.get(self._process.exitcode, "It ended Python.")


NO_ANSWER = "It sent something that is no answer."
