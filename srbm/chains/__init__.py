"""Block Gibbs sampling of many chains at once: the obvious way (`explicit`), and faster ways with the same law.

Each module has one kind of chains with two methods (`stack.Sampler`),

    memory = kind.start(ensemble, correlation, rng)
    term, memory = kind.model_term(ensemble, memory, rng)

of which the second makes the sweeps of one update and averages over the chains. `srbm.training.strategies` chooses,
and says what the memory of each is.
"""
