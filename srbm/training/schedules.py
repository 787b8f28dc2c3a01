"""Learning rates that change with the epoch."""

from __future__ import annotations

from dataclasses import dataclass

from .._support.checks import count, number


@dataclass(frozen=True)
class StepDecay:
    """The learning rate of Eq. (A2): multiplied by `factor` (r) at epochs `every`, 2 `every`, ... (N_epoch^rate)."""

    initial: float
    factor: float = 0.99
    every: int = 128

    def __post_init__(self) -> None:
        object.__setattr__(self, "initial", number(self.initial, "initial", above=0))
        object.__setattr__(self, "factor", number(self.factor, "factor", above=0))
        object.__setattr__(self, "every", count(self.every, "every", least=1))

    def __call__(self, epoch: int) -> float:
        """The learning rate of the update that follows `epoch` updates."""
        return self.initial * self.factor ** (epoch // self.every)
