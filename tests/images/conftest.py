"""Drawings and images that the tests of this folder share."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.images import Drawing, preprocess

THREE = [[[90, 60], [150, 45], [190, 80], [140, 130], [195, 170], [160, 230], [85, 220]]]
FOUR = [[[150, 40], [80, 160], [210, 160]], [[170, 90], [165, 240]]]
ZERO = [[[140, 40], [85, 100], [85, 190], [140, 240], [195, 190], [195, 100], [140, 40]]]
ONE = [[[140, 40], [135, 240]]]


@pytest.fixture(params=[THREE, FOUR, ZERO, ONE], ids=["three", "four", "zero", "one"])
def drawing(request: pytest.FixtureRequest) -> Drawing:
    return Drawing.from_strokes(request.param)


@pytest.fixture(scope="session")
def samples(mnist: Dataset) -> NDArray[np.uint8]:
    """(n, 28, 28) images in MNIST's format: its own where it is at hand, else drawn ones."""
    if mnist.name == "mnist":
        return np.array(mnist.x_test[:1000])
    return np.stack(
        [preprocess(Drawing.from_strokes(digit)).image for digit in (THREE, FOUR, ZERO, ONE)]
    )
