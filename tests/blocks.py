"""A small dataset that a model can learn in a second."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import Dataset


def _images(n: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Digit d as a bright block whose place says d, on noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.uint8) % 10
    images = rng.integers(0, 80, (n, 28, 28), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = 3 + 12 * (label // 5), 1 + 5 * (label % 5)
        image[row : row + 10, column : column + 5] = 255
    return images, labels


@pytest.fixture(scope="session")
def blocks() -> Dataset:
    """1,200 training and 100 test images of ten kinds of blocks."""
    x_train, y_train = _images(1200, 1)
    x_test, y_test = _images(100, 2)
    digest = hashlib.sha256(b"".join(a.tobytes() for a in (x_train, y_train, x_test, y_test)))
    return Dataset(
        name="blocks",
        title="blocks",
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        digest=digest.hexdigest(),
        folder=None,
        source="made by the tests",
    )
