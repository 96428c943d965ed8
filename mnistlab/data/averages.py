"""Mean and deviation images of each digit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.chunks import CHUNK, chunks, take

Floats = NDArray[np.float32]


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
    """Average images (n, 28, 28) by their labels (n,), in passes of a few megabytes."""
    return _averages(chunks(images), np.eye(10, dtype=np.float32)[labels])


def average(
    images: NDArray[np.uint8], rows: NDArray[np.integer] | None = None
) -> tuple[Floats, Floats]:
    """Return the mean and deviation image (28, 28) of n images (n, 28, 28).

    `rows` (m,) selects images, in any order; None means all.
    """
    rows = np.arange(len(images)) if rows is None else np.sort(rows)
    parts = (take(images, rows[start : start + CHUNK]) for start in range(0, len(rows), CHUNK))
    both = _averages(parts, np.ones((len(rows), 1), np.float32))
    return both.mean[0], both.std[0]


def _averages(parts: Iterable[NDArray[np.uint8]], groups: Floats) -> Averages:
    """Average parts of n images by their groups (n, g), which are one-hot."""
    total, squares = np.zeros((2, groups.shape[1], 784))
    done = 0
    for images in parts:
        pixels = images.reshape(-1, 784).astype(np.float32)
        which = groups[done : done + len(images)].T
        total += which @ pixels
        squares += which @ (pixels * pixels)
        done += len(images)
    count = groups.sum(0).astype(np.int64)
    n = np.maximum(count, 1)[:, None]
    mean = total / n
    std = np.sqrt(np.maximum(squares / n - mean**2, 0))
    return Averages(count, *(a.reshape(-1, 28, 28).astype(np.float32) for a in (mean, std)))
