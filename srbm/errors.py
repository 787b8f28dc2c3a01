"""The exceptions of the package, each carrying what was computed before it was raised."""

from __future__ import annotations

from typing import Any


class NotNormalizableError(ValueError):
    """A Gaussian weight whose kernel has an eigenvalue <= 0, so that Z does not exist.

    Also a training that diverges in any other way: numbers that leave double precision are of no model, either.

    Parameters
    ----------
    message : str
        What happened, and what to do.

    Attributes
    ----------
    last_good : Training, BernoulliTraining, Flow or None
        Everything computed up to the last normalisable state, when there is one.

    Examples
    --------
    >>> from srbm import NotNormalizableError, ScalarRBM
    >>> try:
    ...     ScalarRBM([[3.0]], mass_squared=4.0).sample(1)
    ... except NotNormalizableError as error:
    ...     print("no model:", error.last_good)
    no model: None
    """

    def __init__(self, message: str, last_good: Any = None) -> None:
        super().__init__(message)
        self.last_good = last_good


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during a training, which is not lost.

    Parameters
    ----------
    message : str
        What happened, and how to go on.

    Attributes
    ----------
    last_good : Training or BernoulliTraining
        The training up to the last complete epoch.

    Examples
    --------
    >>> from srbm import TrainingInterrupted
    >>> issubclass(TrainingInterrupted, KeyboardInterrupt)
    True
    """

    def __init__(self, message: str, last_good: Any) -> None:
        super().__init__(message)
        self.last_good = last_good


class CheckpointError(OSError):
    """A checkpoint that could not be written, or one that cannot be continued; nothing has been overwritten.

    Parameters
    ----------
    message : str
        What happened, and what to do.

    Attributes
    ----------
    last_good : Training or None
        The training up to the failure, when there is one.

    Examples
    --------
    >>> from srbm import CheckpointError
    >>> issubclass(CheckpointError, OSError)
    True
    """

    def __init__(self, message: str, last_good: Any = None) -> None:
        super().__init__(message)
        self.last_good = last_good


class DatasetError(RuntimeError):
    """A data file that is missing, truncated or not the file it should be.

    Examples
    --------
    >>> from srbm import DatasetError
    >>> issubclass(DatasetError, RuntimeError)
    True
    """
