"""Ways to cut a connected piece of ink in two, in case it is several digits that touch.

Where strokes cross or merge, the ink is taken apart into strokes along its skeleton, and each
stroke goes to one side. Where the end of one digit runs into the next one, there is no such place:
straight lines cut there, upright or leaning, where they cross the least ink.

These are only candidates: `grouping` decides, by the digits that they give.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mnistlab.images.connected import label_components
from mnistlab.images.skeleton import stroke_distances

_ROWS = 64  # that a piece is reduced to: enough to tell strokes from gaps
_LINES = 10  # straight cuts tried at most
_MOST_INK = 0.45  # of the height: a straight cut that crosses more follows a stroke
_LEAST = 0.12  # of the ink: each side has so much
_APART = 0.05  # of the ink: two cuts differ in so much
_SLIVER = 0.15  # of a side's largest piece of ink
_SLANTS = (0.0, 0.3)  # of digits, upright and leaning to the right

Mask = NDArray[np.bool_]
Cut = tuple[Mask, Mask]


def find_cuts(mask: Mask) -> list[Cut]:
    """Return ways to cut a piece of ink in two.

    Parameters
    ----------
    mask : array (h, w) bool, cut close around the ink

    Returns
    -------
    list of pairs of (h, w) bool
        The left and the right side. They share the ink where their strokes cross or merge.
    """
    factor = max(1, round(mask.shape[0] / _ROWS))
    height, width = (-(-side // factor) for side in mask.shape)
    padded = np.zeros((height * factor, width * factor), np.float32)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    ink = padded.reshape(height, factor, width, factor).mean(axis=(1, 3))

    def full(side: Mask) -> Mask:
        large = side.repeat(factor, 0).repeat(factor, 1)
        return large[: mask.shape[0], : mask.shape[1]] & mask

    return [(full(left), full(right)) for left, right in _distinct(ink)]


def _distinct(ink: NDArray[np.float32]) -> list[Cut]:
    """Return cuts that leave enough ink on each side and differ from each other."""
    total = float(ink.sum())
    found: list[Cut] = []
    for cut in (*_between_strokes(ink > 0), *_along_lines(ink)):
        amounts = [float(ink[side].sum()) for side in cut]
        is_new = all(
            max(float(ink[a ^ b].sum()) for a, b in zip(cut, other, strict=True)) >= _APART * total
            for other in found
        )
        if min(amounts) >= _LEAST * total and is_new:
            found.append(cut)
    return found


def _between_strokes(mask: Mask) -> Iterator[Cut]:
    """Yield cuts between strokes from left to right; a stroke may belong to both sides."""
    strokes = stroke_distances(mask)
    ys, xs = np.indices(mask.shape)
    for slant in _SLANTS:
        along = np.asarray(xs + slant * ys)
        places = [float(along[distance == 0].mean()) for distance in strokes]
        order = [strokes[i] for i in np.argsort(places)]
        for shared in (0, 1):
            for at in range(1, len(order) - shared):
                left = np.min(order[: at + shared], axis=0)
                right = np.min(order[at:], axis=0)
                yield mask & (left <= right + 1), mask & (right <= left + 1)


def _along_lines(ink: NDArray[np.float32]) -> Iterator[Cut]:
    """Yield cuts along straight lines, those that cross the least ink first."""
    mask, found = ink > 0, []
    ys, xs = np.indices(ink.shape)
    for slant in _SLANTS:
        columns = np.rint(xs + slant * ys).astype(int)
        crossed = np.bincount(columns.ravel(), ink.ravel())
        beside = np.pad(crossed, 1, constant_values=np.inf)
        is_lowest = (crossed < beside[:-2]) & (crossed <= beside[2:])
        for column in np.flatnonzero(is_lowest & (crossed < _MOST_INK * len(ink))):
            found.append((crossed[column], columns >= column))
    for _, right in sorted(found, key=lambda each: each[0])[:_LINES]:
        right = _tidied(mask, right)
        yield mask & ~right, mask & right


def _tidied(mask: Mask, right: Mask) -> Mask:
    """Return the right side of a line; slivers go to the side that they are connected to.

    A line that cuts a stroke's corner leaves a sliver of it on the other side.
    """
    sides = [mask & ~right, mask & right]
    for own, other in (sides, sides[::-1]):
        labels, _ = label_components(own)
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        slivers = (sizes < _SLIVER * sizes.max())[labels] & own
        own &= ~slivers
        other |= slivers
    return sides[1] | (right & ~mask)
