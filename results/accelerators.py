"""Remake srbm_book/data/accelerators.npz, the same trainings by other array libraries: python -m results.accelerators

One row for each library and device that this environment has: PyTorch (pip install '.[gpu]') and JAX, on the CPU and on
a GPU where there is one. The random numbers are NumPy's, the same in every row. Takes half a minute.
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np

from srbm import CD, PCD, Exact, FreeScalarField, ScalarRBM, load_digits, second_moment, train
from srbm._support.arrays import to_numpy

STORED = Path(__file__).parent.parent / "srbm_book" / "data" / "accelerators.npz"
FIELD = FreeScalarField(10, 4.0)
START = ScalarRBM.random(10, 10, 12.0, 0.3, rng=1)
STRATEGIES = (Exact(), CD(128, 2), PCD(128, 10), PCD(16, 2))
EPOCHS, EVERY = 600, 20


def torch_places():
    """(name, function that makes an array there) of every device of PyTorch."""
    try:
        import torch
    except ImportError:
        return
    for device in ["cpu", "cuda"][: 1 + torch.cuda.is_available()]:
        where = torch.cuda.get_device_name() if device == "cuda" else "CPU"
        yield f"PyTorch {version('torch')}, {where}", lambda x, device=device: torch.asarray(x, device=device)


def jax_places():
    """Devices of JAX: (name, how an array gets there)."""
    try:
        import jax
    except ImportError:
        return
    jax.config.update("jax_enable_x64", True)
    for device in {str(d.device_kind): d for d in [*jax.devices("cpu")[:1], *jax.devices()[:1]]}.values():
        where = "CPU" if device.platform == "cpu" else device.device_kind
        yield f"JAX {version('jax')}, {where}", lambda x, device=device: jax.device_put(jax.numpy.asarray(x), device)


def spectra(strategy, place=np.asarray, epochs: int = EPOCHS):
    """Recorded eigenvalues (T, N_v) of a training where `place` puts its argument."""
    return train(START, place(FIELD.propagator), epochs, 0.2, strategy, rng=18, record_every=EVERY).eigenvalues


def moments(place=np.asarray):
    """Second moments (64, 64) of the bytes of the digits, by a library."""
    return to_numpy(second_moment(place(load_digits(scale=False))))


def main() -> None:
    places = dict([*torch_places(), *jax_places()])
    if not places:
        raise SystemExit("neither PyTorch nor JAX is installed: pip install '.[gpu]'")
    STORED.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        STORED,
        places=list(places),
        strategies=[repr(strategy) for strategy in STRATEGIES],
        eigenvalues=[[spectra(strategy, place) for strategy in STRATEGIES] for place in places.values()],
        moments=[moments(place) for place in places.values()],
    )
    print(f"{STORED.name}: {', '.join(places)}, {STORED.stat().st_size} bytes")


if __name__ == "__main__":
    main()
