"""Mean and deviation images of each digit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_CHUNK = 2000  # images; as float32 they take 6 MB


@dataclass(frozen=True, eq=False)
class Averages:
    """Per digit, over the images given. Pixels from 0 (black) to 255."""

    count: NDArray[np.int64]
    """`(10,)`, images of each digit."""
    mean: Floats
    """`(10, 28, 28)`; 0 for a digit without images."""
    std: Floats
    """`(10, 28, 28)`, the standard deviation of each pixel."""


def class_averages(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Averages:
    """Averages of images (n, 28, 28) by their labels (n,), in passes of a few megabytes."""
    total, squares = np.zeros((10, 784)), np.zeros((10, 784))
    count = np.bincount(labels, minlength=10).astype(np.int64)
    for start in range(0, len(images), _CHUNK):
        pixels = images[start : start + _CHUNK].reshape(-1, 784).astype(np.float32)
        which = np.eye(10, dtype=np.float32)[labels[start : start + _CHUNK]].T
        total += which @ pixels
        squares += which @ (pixels * pixels)
    n = np.maximum(count, 1)[:, None]
    mean = total / n
    std = np.sqrt(np.maximum(squares / n - mean**2, 0))
    return Averages(count, _images(mean), _images(std))


def average(images: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Mean and deviation image (28, 28) of n images (n, 28, 28), whatever their labels."""
    both = class_averages(images, np.zeros(len(images), np.uint8))
    return both.mean[0], both.std[0]


def _images(rows: NDArray[np.float64]) -> Floats:
    return rows.reshape(-1, 28, 28).astype(np.float32)
