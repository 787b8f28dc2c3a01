"""Two nodes: the numbers of the live figure ``two_nodes.js`` from `srbm`."""

import numpy as np
from scipy import integrate

from srbm import ScalarRBM

START = {"xi_1": 0.5, "xi_2": 0.05, "angle": 80, "kappa_2": 0.6, "mu2": 1.0, "t": 8.0, "learn": False}
KAPPA = 0.4
TIMES = np.linspace(0, 8, 161)


def flow(start: np.ndarray, mu2: float, kappa: np.ndarray, learn: bool) -> tuple[np.ndarray, np.ndarray]:
    """W (161, 2, 2) and mu^2 (161,) at `TIMES` by Eqs. (26) and (27), more exactly than `srbm.gradient_flow`."""

    def motion(_: float, state: np.ndarray) -> np.ndarray:
        weights, mass = state[:4].reshape(2, 2), state[4]
        try:
            model = ScalarRBM(weights, mass).propagator
        except ValueError:
            return np.full(5, np.nan)  # beyond the pole: the step is tried again, shorter
        excess = np.diag(1 / kappa) - model
        return np.append((excess @ weights).ravel(), -np.trace(excess) / 2 if learn else 0.0)

    with np.errstate(invalid="ignore"):
        run = integrate.solve_ivp(
            motion,
            (0, TIMES[-1]),
            np.append(start.ravel(), mu2),
            "DOP853",
            TIMES,
            rtol=1e-13,
            atol=1e-15,
            max_step=TIMES[1],  # its interpolation between steps is of a lower order
        )
    return run.y[:4].T.reshape(-1, 2, 2), run.y[4]


def fixed_points(mu2: float, kappa: np.ndarray) -> tuple[list[np.ndarray], list[float]]:
    """Singular values, descending, at those that exist, and the largest rate: of the Jacobian, differentiated here."""
    places, rates = [], []
    for learnt in ((), (0,), (1,), (0, 1)):
        if not all(kappa[i] < mu2 for i in learnt):
            continue
        xi = np.array([np.sqrt(mu2 - kappa[i]) if i in learnt else 0.0 for i in (0, 1)])
        columns = []
        for step in 1e-30j * np.eye(4).reshape(4, 2, 2):
            W = np.diag(xi) + step
            inverse = np.linalg.inv(mu2 * np.eye(2) - W @ W.T)
            columns.append(((np.diag(1 / kappa) - inverse) @ W).imag.ravel() / 1e-30)
        found = np.linalg.eigvals(np.array(columns).T).real
        if learnt:  # the hidden nodes can be rotated: one rate is zero
            found = np.delete(found, np.abs(found).argmin())
        places.append(np.sort(xi)[::-1])
        rates.append(found.max())
    return places, rates


def numbers(
    xi_1: float, xi_2: float, angle: float, kappa_2: float, mu2: float, t: float, learn: bool
) -> dict[str, object]:
    """The flow from a start, and the fixed points.

    Parameters
    ----------
    xi_1, xi_2, angle : float
        Singular values at the start, and the angle of the first one to the first mode, in degrees.
    kappa_2, mu2 : float
        The second eigenvalue of the target (the first is 0.4), and the mass at the start.
    t : float
        The time that is looked at.
    learn : bool
        Whether the mass is learnt.

    Returns
    -------
    dict
        Against time ``mu2``, ``xi_1``, ``xi_2``, ``lambda_1``, ``lambda_2`` and the point (``p``, ``q``) of (x5.2); at
        the time t the ``propagator`` as (11, 12, 22), fixed points at ``rest`` and their ``rates``.
    """
    kappa, theta = np.array([KAPPA, kappa_2]), np.radians(angle)
    turn = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    weights, masses = flow(turn * [xi_1, xi_2], mu2, kappa, learn)
    square = weights @ weights.swapaxes(1, 2)
    xi = np.linalg.svd(weights, compute_uv=False)
    now = round(t / TIMES[-1] * (len(TIMES) - 1))
    places, rates = fixed_points(masses[now], kappa)
    return {
        "mu2": masses,
        "p": (square[:, 0, 0] - square[:, 1, 1]) / 2,
        "q": square[:, 0, 1],
        "xi_1": xi[:, 0],
        "xi_2": xi[:, 1],
        "lambda_1": masses - xi[:, 0] ** 2,
        "lambda_2": masses - xi[:, 1] ** 2,
        "propagator": ScalarRBM(weights[now], masses[now]).propagator[np.triu_indices(2)],
        "rest": places,
        "rates": rates,
    }
