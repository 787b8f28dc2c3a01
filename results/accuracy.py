"""How many digits are right, over all scales, against arithmetic of 60 digits: python -m results.accuracy

Each quantity is computed by srbm for many arguments, drawn over the whole range that its row names, and again by mpmath
from the same floating-point numbers. What is stored is the worst relative error and where it was found, beside what
no formula could avoid: how far the exact value moves when each argument is changed by its rounding, one part in 2^53.
The unit in which fields are measured is drawn as well, over twelve orders of magnitude.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import mpmath
import numpy as np

from srbm import (
    FreeScalarField,
    ScalarRBM,
    kl_divergence,
    learning_rate_limit,
    maximum_likelihood,
    mode_trajectory,
    relaxation_rates,
    truncated_kl,
)
from srbm._support.files import write_text

FILE = Path(__file__).parent.parent / "chapters" / "accuracy.json"
DIGITS = 60
EPS = 2.0**-53


class Quantity(NamedTuple):
    """A row of the table."""

    what: str
    """What is computed."""
    over: str
    """The range of its arguments."""
    ours: Callable[..., Any]
    """By srbm."""
    exact: Callable[..., Any]
    """By mpmath, of the same arguments."""
    draw: Callable[[np.random.Generator], tuple[Any, ...]]
    """Arguments, numbers or arrays of numbers."""
    where: Callable[..., str]
    """Which arguments they are, for the table."""
    bound: float
    """What a test holds the worst error below, in multiples of what rounding of the arguments does (or of 2^-53)."""


def log_uniform(rng: np.random.Generator, low: float, high: float, size: Any = None) -> Any:
    return np.exp(rng.uniform(math.log(low), math.log(high), size))


def digits(value: float) -> str:
    return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def symmetric(rng: np.random.Generator, spectrum: np.ndarray) -> np.ndarray:
    basis = np.linalg.qr(rng.standard_normal((len(spectrum),) * 2))[0]
    matrix = basis * spectrum @ basis.T
    return (matrix + matrix.T) / 2


def mp(matrix: np.ndarray) -> Any:
    return mpmath.matrix(np.atleast_2d(matrix).tolist())


def near_pole(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Weights (3, 2) and mu^2 in some unit, with one eigenvalue down to 1e-9 mu^2."""
    unit = log_uniform(rng, 1e-6, 1e6)
    depth = log_uniform(rng, 1e-9, 0.5, 2)
    left = np.linalg.qr(rng.standard_normal((3, 3)))[0][:, :2]
    right = np.linalg.qr(rng.standard_normal((2, 2)))[0]
    return left * np.sqrt(unit * (1 - depth)) @ right, unit


def exact_kernel(weights: np.ndarray, mass: Any) -> Any:
    w = mp(weights)
    return mass * mpmath.eye(len(weights)) - w * w.T


def of_model(weights: np.ndarray, mass: float) -> str:
    return f"lambda_min / mu^2 = {digits(ScalarRBM(weights, mass).eigenvalues[0] / mass)}, mu^2 = {digits(mass)}"


def exact_log_partition(weights: np.ndarray, mass: float) -> list[Any]:
    log_det = mpmath.log(mpmath.det(exact_kernel(weights, mpmath.mpf(mass))))
    return [(len(weights) * mpmath.log(2 * mpmath.pi) - log_det) / 2]


def exact_spectrum(weights: np.ndarray, mass: float) -> list[Any]:
    return sorted(mpmath.eigsy(exact_kernel(weights, mpmath.mpf(mass)), eigvals_only=True))


def two_kernels(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Kernels of condition up to 1e6 that differ by a part of 1e-12 to 1e2."""
    unit, step = log_uniform(rng, 1e-6, 1e6), log_uniform(rng, 1e-12, 1e2)
    first = symmetric(rng, unit * log_uniform(rng, 1e-3, 1e3, 3))
    root = np.linalg.cholesky(first)
    signs = rng.choice([-min(0.9 / step, 1), 1], 3)  # no ratio of eigenvalues is below 0.1
    second = first + root @ symmetric(rng, step * rng.uniform(0.1, 1, 3) * signs) @ root.T
    return first, (second + second.T) / 2


def exact_kl(first: np.ndarray, second: np.ndarray) -> list[Any]:
    excess = mp(first) ** -1 * (mp(second) - mp(first))
    trace = mpmath.fsum(excess[i, i] for i in range(len(first)))
    return [(trace - mpmath.log(mpmath.det(mpmath.eye(len(first)) + excess))) / 2]


def of_kernels(first: np.ndarray, second: np.ndarray) -> str:
    return f"condition {digits(np.linalg.cond(first))}, KL = {digits(kl_divergence(first, second))}"


def one_mode(rng: np.random.Generator) -> tuple[float, float]:
    """kappa and mu^2, at any distance from each other."""
    unit = log_uniform(rng, 1e-6, 1e6)
    ratio = rng.choice([log_uniform(rng, 1e-9, 1), 1 - log_uniform(rng, 1e-12, 0.5)])
    return unit * ratio, unit


def exact_cost(kappa: float, mass: float) -> list[Any]:
    ratio = mpmath.mpf(mass) / mpmath.mpf(kappa)
    return [(ratio - 1 - mpmath.log(ratio)) / 2]


def of_mode(kappa: float, mass: float, *_: Any) -> str:
    return f"kappa / mu^2 = {digits(kappa / mass)}, 1 - kappa / mu^2 = {digits(1 - kappa / mass)}"


def trajectory(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """kappa, mu^2, lambda_0 and a time at which the mode is on its way."""
    mass = log_uniform(rng, 1e-6, 1e6)
    apart = log_uniform(rng, 1e-9, 0.5)
    kappa = mass * rng.choice([log_uniform(rng, 1e-6, 1e6), 1 - apart, 1 + apart])
    initial = mass * rng.choice([log_uniform(rng, 1e-9, 0.9), 1 - log_uniform(rng, 1e-9, 0.5)])
    speed = 2 * abs(mass - initial) * abs(1 / initial - 1 / kappa) / min(abs(kappa - initial) or mass, initial)
    return kappa, mass, initial, log_uniform(rng, 1e-3, 1e3) / speed


def exact_trajectory(kappa: float, mass: float, initial: float, time: float) -> list[Any]:
    """The root of the closed solution in `mode_trajectory`, by bisection in v, lambda = end - (end - lambda_0) e^-v."""
    k, m, start, t = (mpmath.mpf(x) for x in (kappa, mass, initial, time))
    end = min(k, m)

    def excess(v: Any) -> Any:
        gap = (end - start) * mpmath.exp(-v)
        to_kappa, to_mass = (-gap, m - end + gap) if end == k else (end - gap - k, gap)
        logs = k**2 * mpmath.log(to_kappa / (start - k)) - k * m * mpmath.log(to_mass / (m - start))
        return logs + 2 * (m - k) * t

    first, last, sign = mpmath.mpf(0), mpmath.mpf(1), mpmath.sign(m - k)  # of the excess before the time
    while mpmath.sign(excess(last)) == sign:
        last *= 2
    for _ in range(140):
        middle = (first + last) / 2
        first, last = (middle, last) if mpmath.sign(excess(middle)) == sign else (first, middle)
    return [end - (end - start) * mpmath.exp(-first)]


def of_trajectory(kappa: float, mass: float, initial: float, time: float) -> str:
    found = float(mode_trajectory(kappa, mass, initial, [time])[0])
    ratios = (kappa / mass, initial / mass, found / mass)
    return "kappa, lambda_0 and lambda over mu^2 = " + ", ".join(digits(ratio) for ratio in ratios)


def covariance(rng: np.random.Generator) -> tuple[np.ndarray]:
    """Second moments (4, 4) of condition up to 1e10, in some unit."""
    return (symmetric(rng, log_uniform(rng, 1e-6, 1e6) * log_uniform(rng, 1e-5, 1e5, 4)),)


def exact_best(C: np.ndarray) -> list[Any]:
    """mu^2 and the log-likelihood of the best model with two hidden nodes, by the formula of probabilistic PCA."""
    variances = sorted(mpmath.eigsy(mp(C), eigvals_only=True), reverse=True)
    noise = (variances[2] + variances[3]) / 2
    log_det = mpmath.log(variances[0]) + mpmath.log(variances[1]) + 2 * mpmath.log(noise)
    return [1 / noise, -(4 * mpmath.log(2 * mpmath.pi) + log_det + 4) / 2]


def our_best(C: np.ndarray) -> list[float]:
    best = maximum_likelihood(C, 2)
    return [float(best.mass_squared), best.log_likelihood(C)]


def lattice(rng: np.random.Generator) -> tuple[float, float]:
    """m^2 and the number of sites of a ring."""
    return log_uniform(rng, 1e-12, 1e3), float(np.round(log_uniform(rng, 3, 1e4)))


def exact_lattice(mass: float, sites: float) -> list[Any]:
    return [mpmath.mpf(mass) + 4 * mpmath.sinpi(mpmath.mpf(k) / int(sites)) ** 2 for k in (0, 1, int(sites) // 2)]


def our_lattice(mass: float, sites: float) -> np.ndarray:
    kappa = FreeScalarField(int(sites), mass).eigenvalues
    return kappa[[0, 1, -1]]


def exact_rates(kappa: float, mass: float) -> list[Any]:
    k, m = mpmath.mpf(kappa), mpmath.mpf(mass)
    return [2 * (m - k) / k**2, k**2 / (m - k)]


def our_rates(kappa: float, mass: float) -> list[float]:
    return [relaxation_rates([kappa], mass)[0, 0], learning_rate_limit([kappa], mass)]


def of_lattice(mass: float, sites: float) -> str:
    return f"m^2 = {digits(mass)}, {int(sites)} sites"


MODEL = "N_v = 3, N_h = 2, lambda_min / mu^2 from 1e-9 to 0.5"
MODES = "kappa / mu^2 from 1e-9 to 1 - 1e-12"
QUANTITIES = {
    "log_partition": Quantity(
        "ln Z of a model",
        MODEL,
        lambda weights, mass: [ScalarRBM(weights, mass).log_partition],
        exact_log_partition,
        near_pole,
        of_model,
        50,
    ),
    "spectrum": Quantity(
        "eigenvalues lambda of a model",
        MODEL,
        lambda weights, mass: ScalarRBM(weights, mass).eigenvalues,
        exact_spectrum,
        near_pole,
        of_model,
        50,
    ),
    "kl_divergence": Quantity(
        "`kl_divergence`",
        "three modes, condition up to 1e6, differences from 1e-12 to 1e2",
        lambda first, second: [kl_divergence(first, second)],
        exact_kl,
        two_kernels,
        of_kernels,
        50,
    ),
    "truncated_kl": Quantity(
        "`truncated_kl` of a mode that is not learnt",
        MODES,
        lambda kappa, mass: [truncated_kl([kappa], 0, mass)],
        exact_cost,
        one_mode,
        of_mode,
        8,
    ),
    "rates": Quantity(
        "`relaxation_rates` and `learning_rate_limit`", MODES, our_rates, exact_rates, one_mode, of_mode, 8
    ),
    "trajectory": Quantity(
        "`mode_trajectory`",
        "kappa / mu^2 from 1e-6 to 1e6 and to 1 +- 1e-9, lambda_0 / mu^2 from 1e-9 to 1 - 1e-9",
        lambda kappa, mass, initial, time: mode_trajectory(kappa, mass, initial, [time]),
        exact_trajectory,
        trajectory,
        of_trajectory,
        50,
    ),
    "maximum_likelihood": Quantity(
        "`maximum_likelihood`: mu^2 and the likelihood",
        "N_v = 4, N_h = 2, condition up to 1e10",
        our_best,
        exact_best,
        covariance,
        lambda correlation: f"condition {digits(np.linalg.cond(correlation))}",
        100,
    ),
    "lattice": Quantity(
        "kappa of a ring: the lightest two and the heaviest",
        "3 to 10000 sites, m^2 from 1e-12 to 1e3",
        our_lattice,
        exact_lattice,
        lattice,
        of_lattice,
        50,
    ),
}


def distance(found: Any, exact: Any) -> float:
    """The largest relative error of some numbers."""
    return max(float(abs(mpmath.mpf(float(a)) / b - 1)) for a, b in zip(found, exact, strict=True))


def nudged(arguments: tuple[Any, ...], rng: np.random.Generator) -> Iterator[Any]:
    """The arguments with their last bits changed; what is symmetric stays so, and whole numbers stay."""
    for argument in arguments:
        array = np.asarray(argument, dtype=float)
        moved = np.nextafter(array, array * rng.choice([0.0, 2.0], array.shape))
        if array.ndim == 2 and array.shape[0] == array.shape[1] and (array == array.T).all():
            moved = np.triu(moved) + np.triu(moved, 1).T
        yield moved if array.ndim else argument if float(argument).is_integer() else float(moved)


def measured(quantity: Quantity, number: int, seed: int) -> list[tuple[float, float, tuple[Any, ...]]]:
    """(relative error, what the last bits of the arguments do, the arguments) for so many of them."""
    rng, found = np.random.default_rng(seed), []
    with mpmath.workdps(DIGITS):
        for _ in range(number):
            arguments = quantity.draw(rng)
            exact = quantity.exact(*arguments)
            moved = [
                max(float(abs(a / b - 1)) for a, b in zip(quantity.exact(*nudged(arguments, rng)), exact, strict=True))
                for _ in range(2)
            ]
            found.append((distance(quantity.ours(*arguments), exact), max(*moved, EPS), arguments))
    return found


def entry(quantity: Quantity, number: int, seed: int) -> dict[str, Any]:
    """A row of the table."""
    found = measured(quantity, number, seed)
    error, moved, arguments = max(found, key=lambda one: one[0])
    return {
        "what": quantity.what,
        "over": quantity.over,
        "number": number,
        "median": float(np.median([one[0] for one in found])),
        "worst": error,
        "unavoidable": moved,
        "where": quantity.where(*arguments),
        "share": max(error / moved for error, moved, _ in found),
    }


def main(arguments: list[str]) -> None:
    number = int(arguments[0]) if arguments else 400
    found = {name: entry(quantity, number, seed) for seed, (name, quantity) in enumerate(QUANTITIES.items())}
    write_text(FILE, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
