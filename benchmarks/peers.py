"""An update at 784 x 500, B = 512, k = 1, with a minibatch of data, in other packages: scikit-learn and rbms.

Their machines are binary, ours is Gaussian; the matrix products are the same in kind. Ours averages the data of the
minibatch too, which `train` does once for all.
"""

import numpy as np

from benchmarks.timing import comparison, paired
from srbm import ScalarRBM
from srbm.chains.single import SingleChains
from srbm.chains.stack import Ensemble

N_VISIBLE, N_HIDDEN, BATCH, RATE, UPDATES = 784, 500, 512, 1e-5, 4


class Ours:
    """Chains of `PCD(512, 1)`, and the target's term from the minibatch."""

    def __init__(self, batch, persistent):
        rbm = ScalarRBM.random(N_VISIBLE, N_HIDDEN, 100.0, scale=0.01, rng=0)
        self.batch, self.rng = batch, np.random.default_rng(0)
        self.ensemble = Ensemble(rbm.weights[None], np.array([[100.0]]), 1.0)
        self.sampler = SingleChains(BATCH, 1, persistent)
        self.chains = self.sampler.start(self.ensemble, None, self.rng)

    def update(self):
        """One epoch."""
        weights = self.ensemble.weights
        ascent = self.batch.T @ (self.batch @ weights[0].astype(np.float32)) / np.float32(BATCH)
        term, self.chains = self.sampler.model_term(self.ensemble, self.chains, self.rng)
        self.ensemble = Ensemble(weights + RATE * (ascent - term.correlation_weights), self.ensemble.mass_squared, 1.0)


def sklearn_update(batch):
    """One call is one minibatch of scikit-learn's `BernoulliRBM`."""
    from sklearn.neural_network import BernoulliRBM

    rbm = BernoulliRBM(N_HIDDEN, learning_rate=RATE, batch_size=BATCH, n_iter=1, random_state=0).fit(batch)
    generator = np.random.RandomState(0)
    return lambda: rbm._fit(batch, generator)


def rbms_update(batch):
    """One call is one minibatch of the package rbms: its `fit_batch_pcd` and a step of its optimiser."""
    import torch
    from rbms.bernoulli_bernoulli.classes import BBRBM
    from rbms.training.pcd import fit_batch_pcd

    torch.set_num_threads(1)
    torch.manual_seed(0)
    rbm = BBRBM(0.01 * torch.randn(N_VISIBLE, N_HIDDEN), torch.zeros(N_VISIBLE), torch.zeros(N_HIDDEN))
    rbm.init_grad()
    optimiser = torch.optim.SGD(rbm.parameters(), lr=RATE, maximize=True)
    data = torch.from_numpy(batch), torch.ones(BATCH)
    chains = rbm.init_chains(BATCH)

    def update():
        nonlocal chains
        optimiser.zero_grad(set_to_none=False)
        chains, _ = fit_batch_pcd(data, chains, rbm, gibbs_steps=1, beta=1.0, centered=False)
        optimiser.step()

    return update


def run():
    """One comparison for each peer that is installed."""
    batch = (np.random.default_rng(1).random((BATCH, N_VISIBLE)) < 0.2).astype(np.float32)
    entries = []
    peers = [
        ("scikit-learn, float64", sklearn_update, np.float64),
        ("scikit-learn, float32", sklearn_update, np.float32),
        ("rbms", rbms_update, np.float32),
    ]
    for name, make, dtype in peers:
        try:
            peer = make(batch.astype(dtype))
        except ImportError as error:
            print(f"  {name} is left out: {error}")
            continue
        updates = {name: peer, "PCD": Ours(batch, "visible").update, "PCD keeping h": Ours(batch, "hidden").update}
        work = {key: lambda update=update: [update() for _ in range(UPDATES)] for key, update in updates.items()}
        entries.append(comparison("784 x 500, B = 512, k = 1, minibatch of 512", name, paired(work, 9, UPDATES)))
    return entries
