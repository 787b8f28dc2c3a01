"""`PCD` against the update of the program that the authors of the paper have published, and that without one line.

Theirs is written anew, in the operations of version 1.0.0: PyTorch in double precision, derivatives being recorded for
which nobody asks, hidden nodes drawn once more than the sweeps need, momentum and decay of zero. For a hidden bias that
stays zero it makes a tensor of B x N_h x N_v zeros at every update: that is the line. What it does beside the update,
its loss and its history, is left out, as our records are.
"""

from benchmarks.timing import comparison, paired
from benchmarks.trainer import Trainer
from srbm import PCD, FreeScalarField, ScalarRBM, mnist_correlation

PUBLISHED, LEAN = "published", "published, without the zeros"


def published_update(rbm, correlation, rate, strategy, zeros):
    """One call is one update of theirs, with or without the tensor of `zeros`, and returns their weights."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    linear, sigma, momentum, decay = torch.nn.functional.linear, 1.0, 0.0, 0.0
    weights = torch.nn.Parameter(torch.tensor(rbm.weights.T.copy()))
    mu = torch.nn.Parameter(torch.full((rbm.n_visible,), rbm.mass_squared**0.5, dtype=torch.float64))
    bias = torch.nn.Parameter(torch.zeros(rbm.n_hidden, dtype=torch.float64))
    target, velocity = torch.tensor(correlation), torch.zeros_like(weights)
    phi = torch.ones(strategy.chains, rbm.n_visible, dtype=torch.float64)

    def hidden(visible):
        return torch.normal(linear(sigma**2 * visible, weights, bias), sigma)

    def update():
        nonlocal phi, velocity
        h = hidden(phi.detach())
        for _ in range(strategy.steps):
            phi = torch.normal(linear(h, weights.t()) / mu.pow(2), 1 / mu)
            h = hidden(phi)
        with torch.no_grad():
            term = sigma**2 * linear(linear(phi, weights).t(), phi.t()) / strategy.chains
            if zeros:
                term = term + torch.einsum("bi,j->bji", phi, bias).mean(0)
            velocity = momentum * velocity + (1 - momentum) * (weights @ target - term)
            weights.add_(rate * velocity - rate * (decay * weights))
        return weights.detach().numpy().T

    return update


def run():
    """Comparisons on the lattice, with one run and with 64 of them, and at the size of MNIST."""
    try:
        return [*_lattice(), *_images()]
    except ImportError as error:
        print(f"  the published update is left out: {error}")
        return []


def _lattice():
    correlation, rbm, rate = FreeScalarField(10, 4.0).propagator, ScalarRBM.random(10, 10, 9.0, rng=0), 1e-3
    for steps, one, many in ((1, 13, 90), (10, 27, 200)):
        strategy = PCD(128, steps)
        single = Trainer(rbm, correlation, rate, strategy, rng=0)
        stack = Trainer(rbm, correlation, rate, strategy, runs=64, rng=0)
        work = _theirs(rbm, correlation, rate, strategy, 20)
        units = dict.fromkeys(work, 20) | {"PCD, one run": 200, "PCD, 64 runs, each": 30 * 64}
        work["PCD, one run"] = lambda single=single: single.updates(200)
        work["PCD, 64 runs, each"] = lambda stack=stack: stack.updates(30)
        targets = {"PCD, one run": one, "PCD, 64 runs, each": many}
        case = f"N_v = N_h = 10, B = 128, k = {steps}"
        yield comparison(case, PUBLISHED, paired(work, 15, units), targets)


def _images():
    correlation, rate, strategy = mnist_correlation(), 1e-5, PCD(512, 1)
    for n_hidden, updates, aim in ((784, 2, 6), (64, 30, 20)):
        rbm = ScalarRBM.random(784, n_hidden, 100.0, rng=0)
        trainer = Trainer(rbm, correlation, rate, strategy, rng=0)
        work = _theirs(rbm, correlation, rate, strategy, 1)
        units = dict.fromkeys(work, 1) | {"PCD": updates}
        work["PCD"] = lambda trainer=trainer, n=updates: trainer.updates(n)
        case = f"N_v = 784, N_h = {n_hidden}, B = 512, k = 1"
        yield comparison(case, LEAN, paired(work, 7, units), {"PCD": aim})


def _theirs(rbm, correlation, rate, strategy, updates):
    """Their two contenders, so many updates at a call."""

    def contender(zeros):
        update = published_update(rbm, correlation, rate, strategy, zeros)
        return lambda: [update() for _ in range(updates)]

    return {PUBLISHED: contender(True), LEAN: contender(False)}
