"""What runs in a process of its own: the cells that were handed in, as Jupyter would execute them.

It is told what to do and replies through two pipes, in JSON, and does nothing before it is contained. Nothing here is
secret or has to be protected from the cells.
"""

import contextlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path

from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell

from commands.grading.values import decode, encode_answer

HOMES = ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP")
COPIED, COUNT = 64 * 2**20, 1000  # bytes and number of the files beside the notebook


class Channel:
    """The ends of both pipes. The cells find an empty input and an output that nobody reads."""

    def __init__(self, requests: Connection, replies: Connection):
        self.requests, self.replies = requests, replies
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nothing, number)
        if sys.platform == "linux":  # where this is a copy of a process that has other files open
            kept = {0, 1, 2, requests.fileno(), replies.fileno()}
            for number in sorted({int(name) for name in os.listdir("/proc/self/fd")} - kept):
                os.closerange(number, number + 1)
            resource_tracker._resource_tracker._fd = None  # closed: it listens to others, too

    def close(self):
        self.requests.close()
        self.replies.close()

    def send(self, **reply):
        self.replies.send_bytes(json.dumps(reply).encode())

    def receive(self) -> dict:
        return json.loads(self.requests.recv_bytes())


def copy_files(source: Path, target: Path):
    """Copy the regular files of a folder, the small ones first and as many as the limits leave room for.

    Notebooks are left out, and so is what is hidden.
    """
    files, left = [], COPIED
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [Path(folder, name) for name in names if not name.startswith(".") and not name.endswith(".ipynb")]
        files += [path for path in paths if path.is_file() and not path.is_symlink()]
        if len(files) > COUNT:
            break
    for path in sorted(files, key=lambda path: path.stat().st_size)[:COUNT]:
        left -= path.stat().st_size
        if left < 0:
            break
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):
            shutil.copyfile(path, place)


class Shell(InteractiveShell):
    """One that keeps no file of what was typed, and shows nothing."""

    def init_history(self):
        self.history_manager = HistoryManager(shell=self, parent=self, enabled=False)

    def init_display_formatter(self):
        super().init_display_formatter()
        self.display_formatter.active_types = ["text/plain"]

    def showtraceback(self, *_, **__):
        """A traceback that nobody sees."""

    showsyntaxerror = showtraceback


class Cells:
    """A shell that executes cells, where `judge` is a function that has the grader judge what it is given."""

    def __init__(self, channel, judge):
        self._channel, self._judge, self._judging = channel, judge, False
        self._shell = Shell.instance()

    def execute(self, source, name):
        """The name and the message of the exception that was raised, or None."""
        self._shell.user_ns[self._judge] = self._ask  # whatever cells before made of it
        self._shell.compile.get_code_name = lambda *_: name
        try:
            result = self._shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
        except BaseException as raised:
            error = raised
        return _described(error) if error is not None else None

    def _ask(self, *answers, **named):
        if self._judging:
            return  # by a function that is being judged
        self._judging, functions = True, []
        encode = partial(encode_answer, functions=functions)
        try:
            self._channel.send(
                asked=[[encode(answer) for answer in answers], {name: encode(answer) for name, answer in named.items()}]
            )
            while call := self._channel.receive().get("call"):
                try:
                    value = functions[call[0]](*decode(call[1]))
                    reply = {"value": encode(value)}
                except BaseException as error:
                    reply = {"raised": _described(error)}
                self._channel.send(**reply)
        finally:
            self._judging = False


def _described(error):
    try:
        return [type(error).__name__, str(error)]
    except BaseException:
        return [type(error).__name__, "without a message"]


def main(settings: dict, requests: Connection, replies: Connection):
    """Execute the cells that `requests` brings, contained as the `settings` of `host` say; never returns."""
    channel, scratch = Channel(requests, replies), Path(settings["scratch"])
    try:
        if os.name == "posix":
            from commands.grading import confine
        if sys.platform == "linux":
            confine.supervise(requests, replies, settings["namespaces"], settings["scratch"])
        copy_files(Path(settings["folder"]), scratch)
        os.chdir(scratch)
        sys.stdin = os.fdopen(0, closefd=False)  # a child of multiprocessing has another
        os.environ.update(dict.fromkeys(HOMES, str(scratch)), MPLBACKEND="agg")
        tempfile.tempdir = None
        multiprocessing.set_start_method(None, force=True)  # that of a new process, not the one that started this
        sys.path.append(str(scratch))  # after all others: no module that was handed in takes the place of one of ours
        cells = Cells(channel, settings["judge"])
        if os.name == "posix":
            confine.limit(settings["seconds"])
            os.register_at_fork(after_in_child=channel.close)  # a copy of this process has nothing to say
        channel.send(ready=True)
        while source := channel.receive():
            channel.send(raised=cells.execute(source["cell"], source["name"]))
    finally:
        os._exit(0)  # whatever threads and handlers were left
