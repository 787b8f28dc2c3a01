"""What can go wrong, provoked: the codes of `troubles.toml` are run, and their messages are those of the page."""

import contextlib
import os
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import srbm

FILE = Path(__file__).parent / "troubles.toml"


@dataclass(frozen=True)
class Trouble:
    """One entry of `troubles.toml`."""

    key: str
    what: str
    code: str
    error: str
    do: str

    def provoke(self) -> tuple[str, str]:
        """The name and the message of what the code raises."""
        with _elsewhere() as scope:
            try:
                exec(self.code, scope)
            except BaseException as error:
                return type(error).__name__, str(error)
        raise AssertionError(f"{self.key} goes well: {self.code}")


def troubles() -> list[Trouble]:
    """All entries."""
    return [Trouble(key, **entry) for key, entry in tomllib.loads(FILE.read_text(encoding="utf-8")).items()]


@contextlib.contextmanager
def _elsewhere():
    """What the codes may use, in an empty folder; folder, environment and modules are as before at the end."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        environment, modules = dict(os.environ), dict(sys.modules)
        os.environ["SRBM_DATA"] = "data"
        try:
            yield {"np": np, **{name: getattr(srbm, name) for name in srbm.__all__}, "press_ctrl_c": _press_ctrl_c,
                   "cut": _cut, "without": _without}  # fmt: skip
        finally:
            os.environ.clear()
            os.environ.update(environment)
            for name in [name for name, module in sys.modules.items() if module is None]:
                del sys.modules[name]
            sys.modules.update({name: module for name, module in modules.items() if name not in sys.modules})


def _press_ctrl_c(epoch, model):
    if epoch == 5:
        raise KeyboardInterrupt


def _cut(path: Path):
    path.write_bytes(path.read_bytes()[:200])


def _without(package: str):
    for name in {package, *(name for name in sys.modules if name.startswith(f"{package}."))}:
        sys.modules[name] = None
