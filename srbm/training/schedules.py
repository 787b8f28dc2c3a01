"""Learning rates that change with the epoch."""

from __future__ import annotations

from dataclasses import dataclass

from .._support.checks import count, number


@dataclass(frozen=True)
class StepDecay:
    r"""A learning rate that falls by a factor every so many epochs.

    After :math:`n` updates, by Eq. (A2), it is

    .. math:: \eta_n = \eta_0 \, r^{\lfloor n / N \rfloor}.

    Parameters
    ----------
    initial : float
        eta_0 > 0.
    factor : float
        The factor :math:`r` > 0.
    every : int
        N, the number of epochs from one decay to the next; the paper's :math:`N_\mathrm{epoch}^\mathrm{rate}`.

    Examples
    --------
    >>> from srbm import StepDecay
    >>> rate = StepDecay(0.5, factor=0.5, every=100)
    >>> rate(99), rate(100), rate(250)
    (0.5, 0.25, 0.125)
    """

    initial: float
    factor: float = 0.99
    every: int = 128

    def __post_init__(self) -> None:
        object.__setattr__(self, "initial", number(self.initial, "initial", above=0))
        object.__setattr__(self, "factor", number(self.factor, "factor", above=0))
        object.__setattr__(self, "every", count(self.every, "every", least=1))

    def __call__(self, epoch: int) -> float:
        """The learning rate of an update.

        Parameters
        ----------
        epoch : int
            Number of updates before it.

        Returns
        -------
        float
            The rate.
        """
        return self.initial * self.factor ** (epoch // self.every)
