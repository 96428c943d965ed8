"""Mean and deviation images of each digit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    count = np.bincount(labels, minlength=10).astype(np.int64)
    parts = zip(chunks(images), _parts(labels), strict=True)
    return _averages(count, ((part, np.eye(10)[which]) for part, which in parts))


def average(
    images: NDArray[np.uint8], rows: NDArray[np.integer] | None = None
) -> tuple[Floats, Floats]:
    """Return the mean and deviation image (28, 28) of n images (n, 28, 28).

    `rows` (m,) selects images, in any order; None means all.
    """
    rows = np.arange(len(images)) if rows is None else np.sort(rows)
    parts = (take(images, part) for part in _parts(rows))
    both = _averages(np.array([len(rows)]), ((part, np.ones((len(part), 1))) for part in parts))
    return both.mean[0], both.std[0]


def _averages(
    count: NDArray[np.int64],
    parts: Iterable[tuple[NDArray[np.uint8], NDArray[np.float64]]],
) -> Averages:
    """Average groups of `count` (g,) images, from parts: images, and their group one-hot (n, g)."""
    total, squares = np.zeros((len(count), 784)), np.zeros((len(count), 784))
    for images, group in parts:
        pixels = images.reshape(-1, 784).astype(np.float32)
        which = group.astype(np.float32).T
        total += which @ pixels
        squares += which @ (pixels * pixels)
    n = np.maximum(count, 1)[:, None]
    mean = total / n
    std = np.sqrt(np.maximum(squares / n - mean**2, 0))
    return Averages(count, _images(mean), _images(std))


def _parts(values: NDArray[np.integer]) -> Iterator[NDArray[np.integer]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def _images(rows: NDArray[np.float64]) -> Floats:
    return rows.reshape(-1, 28, 28).astype(np.float32)
