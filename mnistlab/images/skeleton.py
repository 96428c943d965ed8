"""The strokes of ink in a picture, from its skeleton."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnistlab.images.connected import label_components
from mnistlab.images.filters import grown

MOST_STROKES = 16  # more are no row of digits
_SHORT = 3  # pixels: shorter strokes are burrs of the skeleton

Mask = NDArray[np.bool_]


def stroke_distances(mask: Mask) -> list[NDArray[np.float32]]:
    """Return how far each pixel of a piece of ink is from each of its strokes.

    Parameters
    ----------
    mask : array (h, w) bool

    Returns
    -------
    list of arrays (h, w) float32
        One for each stroke between ends and crossings of the skeleton, in pixels: 0 on it, and
        infinity where there is no ink. The crossings at its ends belong to it. None where there
        are more than `MOST_STROKES`.
    """
    skeleton = thin(mask)
    knots = grown(skeleton & (_branches(skeleton) > 2)) & skeleton
    strokes, boxes = label_components(skeleton & ~knots)
    sizes = np.bincount(strokes.ravel(), minlength=len(boxes) + 1)
    burrs = (sizes < _SHORT)[strokes] & skeleton
    knot_labels, _ = label_components(knots | burrs)
    numbers = [number for number in range(1, len(sizes)) if sizes[number] >= _SHORT]
    distances = []
    for number in numbers if len(numbers) <= MOST_STROKES else []:
        own = strokes == number
        touched = np.unique(knot_labels[grown(own)])
        distances.append(_distances(mask, own | np.isin(knot_labels, touched[touched > 0])))
    return distances


def _distances(mask: Mask, stroke: Mask) -> NDArray[np.float32]:
    """Return how far each pixel of ink is from a stroke; infinity where there is no ink."""
    ink, line = (np.argwhere(each).astype(np.float32) for each in (mask, stroke))
    squares = sum((ink[:, None, axis] - line[None, :, axis]) ** 2 for axis in (0, 1))
    distances = np.full(mask.shape, np.inf, np.float32)
    distances[mask] = np.sqrt(np.min(squares, axis=1))
    return distances


def thin(mask: Mask) -> Mask:
    """Return the skeleton of ink, lines of one pixel (Zhang and Suen, CACM 27(3), 1984)."""
    ink = np.pad(mask, 1)
    while True:
        before = ink.sum()
        for first in (True, False):
            around = _around(ink)
            north, _, east, _, south, _, west, _ = around
            count = np.sum(around, axis=0)
            kept = (north & east & south) | (east & south & west)
            if not first:
                kept = (north & east & west) | (north & south & west)
            removed = (count >= 2) & (count <= 6) & (_branches_of(around) == 1) & ~kept
            ink[1:-1, 1:-1] &= ~removed
        if ink.sum() == before:
            return ink[1:-1, 1:-1]


def _branches(skeleton: Mask) -> NDArray[np.int64]:
    """Return how many lines leave each pixel."""
    return _branches_of(_around(np.pad(skeleton, 1)))


def _around(padded: Mask) -> list[Mask]:
    """Return the eight neighbours of each pixel, from the one above clockwise."""
    height, width = (side - 2 for side in padded.shape)
    steps = ((0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0))
    return [padded[y : y + height, x : x + width] for y, x in steps]


def _branches_of(around: list[Mask]) -> NDArray[np.int64]:
    """Count the changes from no ink to ink around each pixel."""
    behind = [*around[1:], around[0]]
    changes = [~a & b for a, b in zip(around, behind, strict=True)]
    return np.asarray(np.sum(changes, axis=0))
