"""Fixtures of the package's tests."""

import os

import pytest

from srbm import FreeScalarField


@pytest.fixture(scope="session")
def chain():
    """The paper's one-dimensional target: ten sites, m^2 = 4, kappa from 4 to 8."""
    return FreeScalarField(10, 4.0)


@pytest.fixture(scope="session")
def mnist_pixels():
    """The bytes of the MNIST training images, where $SRBM_DATA holds them."""
    if not os.environ.get("SRBM_DATA"):
        pytest.skip("needs the MNIST images: SRBM_DATA is not set to a folder with mnist/")
    from srbm import load_mnist

    return load_mnist("train", scale=False)
