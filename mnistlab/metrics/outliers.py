"""Outliers of a dataset: images far from their class, doubtful images, duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import chunks, release
from mnistlab.metrics.projection import fit_projection, nearest

_COMPONENTS = 40  # of the pixels' principal components, in which neighbours are searched
_CANDIDATES = 400  # nearest pairs there that are compared pixel by pixel

Images = NDArray[np.uint8]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Twins:
    """A test image and a training image that are the same, or nearly."""

    test: int
    """Row in the test set."""
    train: int
    """Row in the training set."""
    distance: float
    """Root of the mean squared difference of their pixels, 0 (the same) to 255."""


def far_from_class(points: NDArray[np.floating], labels: NDArray[np.uint8], each: int = 2) -> Rows:
    """Return for each label the rows of the points (m, d) farthest from its mean.

    By label, the farthest first, since the widest class would fill a common list. A label whose
    points are all the same has none.
    """
    found = []
    for digit in np.unique(labels):
        members = np.flatnonzero(labels == digit)
        if not np.ptp(points[members], axis=0).any():
            continue
        distances = np.linalg.norm(points[members] - points[members].mean(0), axis=1)
        found.append(members[np.argsort(-distances, kind="stable")[:each]])
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def least_confident(proba: NDArray[np.float32], n: int = 20) -> Rows:
    """Return the rows of the n answers (m, 10) with the lowest confidence, lowest first."""
    return np.argsort(proba.max(1), kind="stable")[:n]


def exact_duplicates(x_train: Images, x_test: Images) -> list[Twins]:
    """Find test images that also occur in the training set; each with the first such."""
    sought: dict[bytes, list[int]] = {}
    for row, image in enumerate(_each(x_test)):
        sought.setdefault(_hash(image), []).append(row)
    found = []
    for twin, image in enumerate(_each(x_train)):
        # Hashes may collide; the pixels decide.
        rows = sought.pop(_hash(image), ())
        found += [Twins(row, twin, 0.0) for row in rows if np.array_equal(x_test[row], image)]
    release(x_test)
    return sorted(found, key=lambda twins: twins.test)


def near_duplicates(x_train: Images, x_test: Images, n: int = 20) -> list[Twins]:
    """Find the n pairs of a test and a training image that are most alike, nearest first.

    Candidates are found by their leading principal components and compared pixel by pixel. The
    same image again counts as the nearest of all.
    """
    if not len(x_train) or not len(x_test):
        return []
    projection = fit_projection(x_train[:: max(1, len(x_train) // 6000)], _COMPONENTS)
    found, away = nearest(projection.transform(x_train), projection.transform(x_test))
    candidates = np.argsort(away[:, 0], kind="stable")[:_CANDIDATES]
    twins = [
        Twins(int(row), int(found[row, 0]), _difference(x_test[row], x_train[found[row, 0]]))
        for row in candidates
    ]
    release(x_train)
    release(x_test)
    return sorted(twins, key=lambda twins: twins.distance)[:n]


def _each(images: Images) -> Iterator[Images]:
    return (image for part in chunks(images) for image in part)


def _difference(a: Images, b: Images) -> float:
    return float(np.sqrt(np.mean((a.astype(np.float32) - b.astype(np.float32)) ** 2)))


def _hash(image: Images) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()
