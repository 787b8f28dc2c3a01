"""What holds the process that executes answers, on Linux: limits, namespaces, and a supervisor that ends all of it.

With namespaces the process sees no other process and no network, and can write nothing but a scratch folder that
vanishes with it: files in memory, of a limited size. Where the system grants none, the limits are all there is.
The supervisor stands between the grader and the process. It ends when one of them does, and all that was started
with it, orphans included.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import struct
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

MEGABYTE = 2**20
ADDRESSES, MEMORY = 8192 * MEGABYTE, 4096 * MEGABYTE  # that one process may reserve, that all may occupy
PROCESSES = 64 + 2 * (os.cpu_count() or 1)  # a pool has as many as there are cores
FILES, LARGEST_FILE = 512, 64 * MEGABYTE
SCRATCH, SHARED = "256m", "128m"  # of the folder, and of the memory that processes share
TOO_MANY, TOO_MUCH = 3, 4  # the supervisor's exit codes
POLL = 50  # ms
NEW = {"user": 0x10000000, "mount": 0x00020000, "net": 0x40000000, "ipc": 0x08000000, "pid": 0x20000000}
SUBREAPER, NO_NEW_PRIVILEGES, DROP, PARENT_DEATH = 36, 38, 24, 1  # what prctl can set
PRIVATE, BIND, NOSUID, NODEV, NOEXEC = 0x44000, 0x1000, 0x2, 0x4, 0x8  # flags of mount
MOUNT_SETATTR, HERE, RECURSIVE, READ_ONLY = 442, -100, 0x8000, 0x1  # its number is the same on all processors
CAPABILITIES = 0x20080522  # the version of the structures of capset


def _call(name, *arguments):
    """A function of the C library; OSError if it fails."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def limit(seconds: float):
    """Limit this process and those that it starts; `seconds` of processor time."""
    user = os.getuid()
    limits = {"CORE": 0, "AS": ADDRESSES, "CPU": int(seconds) + 1, "NOFILE": FILES, "FSIZE": LARGEST_FILE}
    if sys.platform == "linux":  # where what a user runs besides counts as well
        limits["NPROC"] = sum(threads for _, threads, _, owner in _processes().values() if owner == user) + PROCESSES
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(OSError, ValueError):  # macOS has no limit of addresses
            resource.setrlimit(kind, (value, value))


def supervise(requests: Connection, replies: Connection, namespaces: bool, scratch: str):
    """Return in a new process, contained by `namespaces` if so asked; this one waits for the end of it, and exits.

    `requests` and `replies` are the ends of the pipes from and to the grader.
    """
    lines = [line.split(maxsplit=7) for line in Path("/proc/net/unix").read_text(errors="replace").splitlines()]
    sockets = [fields[7] for fields in lines if len(fields) == 8 and fields[7].startswith("/")]
    if namespaces:
        user, group = os.getuid(), os.getgid()
        _call("unshare", NEW["user"] | NEW["net"] | NEW["ipc"] | NEW["pid"])
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _call("prctl", SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    child = os.fork()
    if not child:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()  # what it sends to its group does not reach the supervisor
        _call("prctl", PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
        if namespaces:
            _seal(scratch, sockets)
        else:
            os.nice(15)  # among hundreds of processes the supervisor has to find them all
        return
    code = 0
    try:
        replies.close()
        code = _watch(child, requests)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)  # and with the first process of a namespace all others
        _end_all()
        os._exit(code)


def _seal(scratch, sockets):
    """Make all files read-only but those in `scratch`; hide processes, sockets and terminals; give up all power."""
    _call("unshare", NEW["mount"])
    _call("mount", None, b"/", None, PRIVATE, None)
    for place in sockets:  # whoever listens there might do what he is asked to
        with contextlib.suppress(OSError):  # it is gone
            _call("mount", b"/dev/null", os.fsencode(place), None, BIND, None)
    for place in (b"/run", b"/dev/pts"):
        with contextlib.suppress(OSError):  # there is none
            _call("mount", b"tmpfs", place, b"tmpfs", NOSUID | NODEV, None)
    attributes = struct.pack("4Q", READ_ONLY, 0, 0, 0)
    _call("syscall", MOUNT_SETATTR, HERE, b"/", RECURSIVE, attributes, ctypes.c_size_t(len(attributes)))
    for place, space in ((scratch, SCRATCH), ("/dev/shm", SHARED)):
        options = f"size={space},mode=0700".encode()
        _call("mount", b"tmpfs", os.fsencode(place), b"tmpfs", NOSUID | NODEV, options)
    _call("mount", b"proc", b"/proc", b"proc", NOSUID | NODEV | NOEXEC, None)
    for capability in range(64):
        with contextlib.suppress(OSError):  # there are fewer
            _call("prctl", DROP, capability, 0, 0, 0)
    _call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _call("capset", struct.pack("Ii", CAPABILITIES, 0), bytes(24))


def _watch(child, requests) -> int:
    """Wait until the child has ended, the grader has closed its pipe, or too much is used."""
    closed = select.poll()
    closed.register(requests, 0)
    while not closed.poll(POLL):
        while (ended := os.waitpid(-1, os.WNOHANG)[0]) and ended != child:
            pass  # an orphan
        if ended:
            return 0
        below = _descendants()
        if len(below) > PROCESSES:
            return TOO_MANY
        if sum(below.values()) > MEMORY and sum(map(_share, below)) > MEMORY:
            return TOO_MUCH
    return 0


def _end_all():
    """Kill what is below this process until nothing is: the children of what was killed become its own."""
    with contextlib.suppress(ChildProcessError):
        while True:
            for process in _descendants():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.001)


def _processes() -> dict[int, tuple[int, int, int, int]]:
    """Of each process its parent, its number of threads, the bytes that it and others occupy, and the user."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                resident = int(fields[21]) * resource.getpagesize()
                found[int(folder.name)] = int(fields[1]), int(fields[17]), resident, folder.stat().st_uid
    return found


def _descendants() -> dict[int, int]:
    """The processes that this one has started, and those that these have, with the bytes that they occupy."""
    processes, below, parents = _processes(), {}, {os.getpid()}
    while parents:
        parents = {one for one, (parent, *_) in processes.items() if parent in parents and one not in below}
        below |= {one: processes[one][2] for one in parents}
    return below


def _share(process) -> int:
    """The bytes that a process occupies, where of what it shares only its share counts: this takes long to find out."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return 0
