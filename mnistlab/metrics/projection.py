"""Images as points: principal components and nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import chunks

Floats = NDArray[np.float32]
_QUERIES, _POINTS = 250, 4000  # at a time; their distances take 4 MB


@dataclass(frozen=True, eq=False)
class Projection:
    """Principal components of images of 28x28 pixels, the strongest first."""

    mean: Floats
    """`(784,)`."""
    axes: Floats
    """`(784, k)`, orthonormal columns."""
    explained: Floats
    """`(k,)`, the fraction of the variance along each axis, 0 to 1."""

    def transform(self, images: NDArray[np.uint8]) -> Floats:
        """Return the points (n, k) of images (n, 28, 28) uint8, in passes of a few megabytes."""
        points = np.empty((len(images), self.axes.shape[1]), np.float32)
        done = 0
        for part in chunks(images):
            points[done : done + len(part)] = (part.reshape(-1, 784) - self.mean) @ self.axes
            done += len(part)
        return points


def fit_projection(images: NDArray[np.uint8], components: int = 2) -> Projection:
    """Fit the principal components of images (n, 28, 28) uint8, n of at least 1.

    From the covariance matrix, whose size does not grow with n. The sign of an axis is arbitrary;
    here its largest weight is positive, so that a map is the same every time.
    """
    total, products = np.zeros(784), np.zeros((784, 784))
    for part in chunks(images):
        pixels = part.reshape(-1, 784).astype(np.float32)
        total += pixels.sum(0)
        products += pixels.T @ pixels
    mean = total / len(images)
    products /= len(images)
    products -= np.outer(mean, mean)  # in place: it is a covariance from here on
    variance = max(np.trace(products), 1e-12)
    # Double precision would take twice as long, more than all the rest together.
    values, vectors = np.linalg.eigh(products.astype(np.float32))
    axes = vectors[:, ::-1][:, :components]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(components)])
    explained = np.maximum(values[::-1][:components], 0) / variance
    return Projection(*(a.astype(np.float32) for a in (mean, axes, explained)))


def nearest(
    points: Floats, queries: Floats, k: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the k points (n, d) nearest to each query (m, d): indices, distances (m, k), sorted.

    Of points equally near, the first ones. Where there are fewer than k points, all of them.
    """
    squares = np.einsum("ij,ij->i", points, points)
    parts = [
        _nearest(points, squares, queries[start : start + _QUERIES], min(k, len(points)))
        for start in range(0, len(queries), _QUERIES)
    ]
    if not parts:
        return np.zeros((0, k), np.int64), np.zeros((0, k), np.float32)
    indices, distances = zip(*parts, strict=True)
    return np.concatenate(indices), np.concatenate(distances)


def _nearest(
    points: Floats, squares: Floats, queries: Floats, k: int
) -> tuple[NDArray[np.int64], Floats]:
    """`nearest` for a few queries; `squares` (n,) are the points' squared norms."""
    indices = np.zeros((len(queries), 0), np.int64)
    away = np.zeros((len(queries), 0), np.float32)  # squared, less the query's own square
    for start in range(0, len(points), _POINTS):
        block = queries @ points[start : start + _POINTS].T
        block *= -2
        block += squares[start : start + _POINTS]
        found = _least(block, k)
        indices = np.concatenate([indices, start + found], axis=1)
        away = np.concatenate([away, np.take_along_axis(block, found, 1)], axis=1)
        order = away.argsort(1, kind="stable")[:, :k]
        indices = np.take_along_axis(indices, order, 1)
        away = np.take_along_axis(away, order, 1)
    own = np.einsum("ij,ij->i", queries, queries)[:, None]
    return indices, np.sqrt(np.maximum(away + own, 0)).astype(np.float32)


def _least(values: Floats, k: int) -> NDArray[np.int64]:
    """Columns of the k least values of each row, in ascending order of the columns."""
    if k >= values.shape[1]:
        return np.broadcast_to(np.arange(values.shape[1]), values.shape)
    if k == 1:  # many times faster than a partition
        least: NDArray[np.int64] = values.argmin(1)[:, None]
        return least
    return np.sort(np.argpartition(values, k, axis=1)[:, :k], axis=1)


def neighbour_agreement(points: Floats, labels: NDArray[np.uint8]) -> float:
    """Return the fraction of points (n, d) whose nearest other point has the same label.

    1 for fewer than two points, which have no other.
    """
    if len(points) < 2:
        return 1.0
    found, _ = nearest(points, points, 2)
    other = np.where(found[:, 0] == np.arange(len(points)), found[:, 1], found[:, 0])
    return float((np.asarray(labels)[other] == labels).mean())
