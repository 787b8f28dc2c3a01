"""What computes here, in one line: the kind of machine and the versions. Nothing in it identifies one machine."""

import importlib.metadata
import os
import platform

from srbm._support.runtime import processor

COMPUTING = {"NumPy": "numpy", "SciPy": "scipy", "Matplotlib": "matplotlib"}


def environment() -> str:
    """One line on what chapters are executed with: the machine and the versions that compute."""
    versions = ", ".join(f"{name} {importlib.metadata.version(package)}" for name, package in COMPUTING.items())
    return f"{machine()}; Python {platform.python_version()}, {versions}"


def machine() -> str:
    """The kind of processor, its cores, the memory and the system."""
    cores = os.cpu_count()
    return f"{processor()}, {cores} core{'s' if cores != 1 else ''}{_memory()}; {_system()}"


def _memory() -> str:
    """The memory as it stands in the line, where the system says; Windows has another way to ask."""
    if not hasattr(os, "sysconf"):
        return ""
    return f", {round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30)} GB"


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"
