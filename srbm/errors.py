"""The exceptions of the package, each carrying what was computed before it was raised."""

from __future__ import annotations

from typing import Any


class NotNormalizableError(ValueError):
    """A Gaussian weight exp(-phi^T K phi / 2) whose kernel has an eigenvalue <= 0, so that Z does not exist.

    Also a training that diverges in any other way: numbers that leave double precision are of no model, either.

    Attributes
    ----------
    last_good : Training, BernoulliTraining, Flow or None
        Everything computed up to the last normalisable state, when there is one.
    """

    def __init__(self, message: str, last_good: Any = None) -> None:
        super().__init__(message)
        self.last_good = last_good


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during training; ``last_good`` is the `Training` or `BernoulliTraining` up to the last complete epoch."""

    def __init__(self, message: str, last_good: Any) -> None:
        super().__init__(message)
        self.last_good = last_good


class CheckpointError(OSError):
    """A checkpoint that could not be written, or one that cannot be continued; nothing has been overwritten.

    Attributes
    ----------
    last_good : Training or None
        The training up to the failure, when there is one.
    """

    def __init__(self, message: str, last_good: Any = None) -> None:
        super().__init__(message)
        self.last_good = last_good


class DatasetError(RuntimeError):
    """A data file that is missing, truncated or not the file it should be."""
