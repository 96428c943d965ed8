"""Counts and pixel statistics of a dataset, and mean and deviation images of each digit.

Counts and statistics are computed once, when the cache is built, and stored beside the arrays:
reading all 55 MB of MNIST again would add to the memory of every kernel.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import CHUNK, Dataset, chunks, take

FILE = "statistics.json"

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SplitStatistics:
    """Statistics of one split, train or test."""

    images: int
    counts: tuple[int, ...]
    """Images of each digit, 0 to 9."""
    shape: tuple[int, ...]
    """Of the array of images: `(n, 28, 28)`."""
    dtype: str
    mean: float
    """Of all pixels, 0 (black) to 1. This and what follows are 0 where there are no images."""
    std: float
    """Standard deviation of all pixels, 0 to 1."""
    ink: float
    """Fraction of pixels that are not black, 0 to 1."""


@dataclass(frozen=True)
class Statistics:
    """Statistics of a dataset."""

    train: SplitStatistics
    test: SplitStatistics

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, tuples and numbers, ready for JSON."""
        return asdict(self)


def statistics(dataset: Dataset) -> Statistics:
    """Return the statistics of a dataset, from its cache where possible."""
    stored = _read(dataset.folder) if dataset.folder is not None else None
    return stored if stored is not None else compute(dataset)


def compute(dataset: Dataset) -> Statistics:
    """Compute the statistics from the arrays, in passes of a few megabytes."""
    train = _split(dataset.x_train, dataset.y_train)
    return Statistics(train, _split(dataset.x_test, dataset.y_test))


def _split(x: NDArray[np.uint8], y: NDArray[np.uint8]) -> SplitStatistics:
    pixels = np.zeros(256, np.int64)
    for part in chunks(x):
        pixels += np.bincount(part.ravel(), minlength=256)
    if not x.size:  # 0 instead of NaN, which JSON lacks
        return SplitStatistics(0, (0,) * 10, tuple(x.shape), str(x.dtype), 0.0, 0.0, 0.0)
    values = np.arange(256) / 255
    # Everything follows exactly from how often each of the 256 values occurs.
    mean = float(np.average(values, weights=pixels))
    variance = float(np.average((values - mean) ** 2, weights=pixels))
    return SplitStatistics(
        images=len(x),
        counts=tuple(np.bincount(y, minlength=10).tolist()),
        shape=tuple(x.shape),
        dtype=str(x.dtype),
        mean=mean,
        std=variance**0.5,
        ink=1 - int(pixels[0]) / x.size,
    )


def _read(folder: Path) -> Statistics | None:
    try:
        stored = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Statistics(*(_from_json(stored[split]) for split in ("train", "test")))
    except (OSError, ValueError, KeyError, TypeError):
        # An older or damaged file costs one computation, not the page.
        return None


def _from_json(split: dict[str, Any]) -> SplitStatistics:
    lists = {name: tuple(split[name]) for name in ("counts", "shape")}
    return SplitStatistics(**{**split, **lists})


# Averages


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
