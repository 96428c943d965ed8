"""Pieces of ink that belong to no digit: dust, lines, edges of paper, grain of a table.

Every constant was tuned on `drawings-dev.jsonl` (tuning data) rendered as photos, see
`benchmarks/photos.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.images.filters import Grey, grown

RIM = 32
"""Grey levels: weaker ink is a rim where it touches stronger ink, and residue elsewhere."""

_SPECK = 0.02  # of the main piece's ink; smaller pieces are dust
_FAINT = 0.25  # of the main piece's contrast; fainter pieces are the grain of a table
_ALONG = 0.3  # of a side of the picture: ink that follows it so far is the edge of something
_WHOLE = 0.95  # of a side: no digit is cropped so closely
_FLUSH = 0.5  # of a piece's longer side: so much of a triangle at the border lies on the border
_CORNER = 0.25  # of the main piece's ink: such triangles are smaller
_ACROSS = 0.85  # of the picture: a thin line that goes so far is not a digit
_THIN = 0.03  # of the picture's longer side: the mean width of such a line

Mask = NDArray[np.bool_]


def away_from_ink(ink: Grey) -> Mask:
    """Return where (h, w) ink is faint and touches no stronger ink."""
    return np.asarray((ink > 0) & ~grown(ink > RIM))


def without_strays(ink: Grey, below: NDArray[np.float32]) -> Grey:
    """Drop the pieces of ink that are no part of a digit.

    Parameters
    ----------
    ink : array (h, w) uint8, bright on black
    below : array (h, w) float32, by how many grey levels the ink is darker than the paper
    """
    from scipy import ndimage  # imported here: 23 MB, and most visitors upload nothing

    labels, count = ndimage.label(ink > RIM, np.ones((3, 3)))
    if not count:
        return np.zeros_like(ink)
    size = np.bincount(labels.ravel())[1:]
    mass = np.bincount(labels.ravel(), weights=ink.ravel())[1:]
    contrast = np.bincount(labels.ravel(), weights=below.ravel())[1:] / size
    boxes = np.array([[p.stop - p.start for p in box] for box in ndimage.find_objects(labels)])
    on_border = _on_border(labels, count)
    follows = (on_border / np.array(ink.shape).repeat(2)[::-1]).max(axis=1)
    is_edge = follows >= _ALONG
    is_edge |= _is_line(boxes, mass, ink.shape)
    if is_edge.all():
        is_edge = follows >= _WHOLE  # better a line than nothing
    main = int(np.where(is_edge, 0, mass).argmax())
    is_corner = (on_border.max(axis=1) >= _FLUSH * boxes.max(axis=1)) & (
        mass < _CORNER * mass[main]
    )
    stray = is_edge | is_corner
    stray |= (mass < _SPECK * mass[main]) | (contrast < _FAINT * contrast[main])
    kept = grown(np.append(False, ~stray)[labels]) & ~np.append(False, stray)[labels]
    return np.where(kept, ink, 0).astype(np.uint8)


def _on_border(labels: NDArray[np.int32], count: int) -> NDArray[np.intp]:
    """Return (count, 4): how many pixels of each piece lie at the top, bottom, left and right."""
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    return np.stack([np.bincount(side, minlength=count + 1)[1:] for side in sides], axis=1)


def _is_line(boxes: NDArray[np.intp], mass: NDArray[Any], shape: tuple[int, ...]) -> Mask:
    """Return (count,): which pieces are thin and cross the whole picture."""
    is_across = (boxes / shape).max(axis=1) > _ACROSS
    return np.asarray(is_across & (mass / 255 < _THIN * max(shape) * boxes.max(axis=1)))
