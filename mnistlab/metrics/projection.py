"""Images as points: principal components, and what lies near what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_CHUNK = 2000  # images; as float32 they take 6 MB


@dataclass(frozen=True, eq=False)
class Projection:
    """Principal components of images of 28x28 pixels, the strongest first."""

    mean: Floats
    """`(784,)`."""
    axes: Floats
    """`(784, k)`, orthonormal columns."""
    explained: Floats
    """`(k,)`, the share of the variance along each axis, 0 to 1."""

    def transform(self, images: NDArray[np.uint8]) -> Floats:
        """Points (n, k) of images (n, 28, 28) uint8, in passes of a few megabytes."""
        parts = [
            (images[i : i + _CHUNK].reshape(-1, 784) - self.mean) @ self.axes
            for i in range(0, len(images), _CHUNK)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self.axes.shape[1]), np.float32)


def fit_projection(images: NDArray[np.uint8], components: int = 2) -> Projection:
    """Principal components of images (n, 28, 28) uint8, n of at least 2.

    From the covariance matrix, whose size does not grow with n. The sign of an axis is arbitrary;
    here its largest weight is positive, so that a map is the same every time.
    """
    total, products = np.zeros(784), np.zeros((784, 784))
    for start in range(0, len(images), _CHUNK):
        pixels = images[start : start + _CHUNK].reshape(-1, 784).astype(np.float32)
        total += pixels.sum(0)
        products += pixels.T @ pixels
    mean = total / len(images)
    covariance = products / len(images) - np.outer(mean, mean)
    values, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, ::-1][:, :components]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(components)])
    shares = np.maximum(values[::-1][:components], 0) / max(np.trace(covariance), 1e-12)
    return Projection(*(a.astype(np.float32) for a in (mean, axes, shares)))


def nearest(
    points: Floats, queries: Floats, k: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k points (n, d) nearest to each query (m, d): indices and distances (m, k), sorted."""
    squares = (points**2).sum(1)
    indices, distances = [], []
    for start in range(0, len(queries), 500):
        chunk = queries[start : start + 500]
        away = squares - 2 * chunk @ points.T + (chunk**2).sum(1)[:, None]
        if k == 1:  # many times faster than a partition
            found = away.argmin(1)[:, None]
        else:
            found = np.argpartition(away, min(k, away.shape[1] - 1), axis=1)[:, :k]
        order = np.take_along_axis(away, found, 1).argsort(1, kind="stable")
        found = np.take_along_axis(found, order, 1)
        indices.append(found)
        distances.append(np.sqrt(np.maximum(np.take_along_axis(away, found, 1), 0)))
    return np.concatenate(indices), np.concatenate(distances).astype(np.float32)


def neighbour_agreement(points: Floats, labels: NDArray[np.uint8]) -> float:
    """Share of points (n, d) whose nearest other point has the same label, 0 to 1.

    1 for fewer than two points: there is no other that could disagree.
    """
    if len(points) < 2:
        return 1.0
    found, _ = nearest(points, points, 2)
    other = np.where(found[:, 0] == np.arange(len(points)), found[:, 1], found[:, 0])
    return float((np.asarray(labels)[other] == labels).mean())
