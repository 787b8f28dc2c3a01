"""`srbm.train` update by update, without its records: what one epoch costs."""

from srbm import train
from srbm.random import generator_from
from srbm.training.loop import one_epoch
from srbm.training.positivity import PositivityGuard
from srbm.training.strategies import sampler_for


class Trainer:
    """Goes on with a training, guard included."""

    def __init__(self, rbm, correlation, rate, gradient, **options):
        start = train(rbm, correlation, 0, rate, gradient, **options)
        self.settings, self.state, self.rate = start._settings, start._state, rate
        self.sampler = sampler_for(gradient, self.state.ensemble, self.settings.learn_mass, host=True)
        self.guard, self.rng = PositivityGuard(), generator_from(self.state.generator)

    def updates(self, n):
        """`n` epochs."""
        for _ in range(n):
            self.state = one_epoch(self.settings, self.state, self.sampler, self.guard, self.rate, self.rng)
