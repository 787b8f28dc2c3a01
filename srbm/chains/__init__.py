"""Block Gibbs sampling of many chains at once: the obvious way (`explicit`), and faster ways with the same law.

Each module has one kind of chains with two methods,

    chains = kind.start(ensemble, correlation, rng)
    term, chains = kind.model_term(ensemble, chains, rng)

of which the second makes the sweeps of one update and averages over the chains. `srbm.training.strategies` chooses.
"""
