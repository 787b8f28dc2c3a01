"""Explicit Markov chains in double precision, written the obvious way: what the fast ones are compared with."""

import numpy as np


class ExplicitPCD:
    """PCD of one run with sigma_h = 1: B chains phi (B, N_v), k block-Gibbs sweeps per update."""

    def __init__(self, rbm, correlation, chains, steps, rate, rng):
        self.weights, self.mass = np.array(rbm.weights), rbm.mass_squared
        self.correlation, self.steps, self.rate = correlation, steps, rate
        self.rng = np.random.default_rng(rng)
        self.phi = rbm.sample(chains, self.rng)

    def update(self):
        """One epoch."""
        W, mu2, rng = self.weights, self.mass, self.rng
        phi = self.phi
        for _ in range(self.steps):
            h = phi @ W + rng.standard_normal((len(phi), W.shape[1]))
            phi = h @ W.T / mu2 + rng.standard_normal(phi.shape) / np.sqrt(mu2)
        self.weights = W + self.rate * (self.correlation @ W - phi.T @ (phi @ W) / len(phi))
        self.phi = phi

    def updates(self, n):
        """`n` epochs."""
        for _ in range(n):
            self.update()
