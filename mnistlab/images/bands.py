"""Straight bands across a picture: shadows as narrow as a pen, folds, and lines of paper.

A band runs from border to border, and every point of it is at least as dark as its lightest one.
So the least that is absorbed along each straight line through the picture is no ink: a stroke that
crosses the band is darker than that, and a line that leaves the band meets bare paper.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistlab.images.filters import median
from mnistlab.images.grey import shrink

_SIDE = 96  # pixels of the copy on which lines are followed
_SLOPES = 97  # lines in each of two sets: the flat ones and the steep ones

Field = NDArray[np.float32]


def bands(absorbed: Field) -> Field:
    """Return (h, w) how much of the light the bands absorb, where (h, w) is absorbed in all."""
    levels = np.rint(np.clip(absorbed, 0, 1) * 255).astype(np.uint8)
    small = median(shrink(levels, _SIDE)).astype(np.float32) / np.float32(255)
    found = np.maximum(_along_flat_lines(small), _along_flat_lines(small.T).T)
    height, width = absorbed.shape
    enlarged = Image.fromarray(found).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(enlarged, np.float32)


def _along_flat_lines(field: Field) -> Field:
    """Return the greatest of the least values along all lines no steeper than 45 degrees.

    Each runs from the left border to the right one.
    """
    height, width = field.shape
    slopes = np.linspace(-1, 1, _SLOPES)
    drop = np.rint(slopes[:, None] * (np.arange(width) - (width - 1) / 2)).astype(int)
    # Outside the picture there is paper, so lines that leave it at the top or bottom are none.
    reach = int(np.abs(drop).max())
    padded = np.pad(field, ((2 * reach, 2 * reach), (0, 0)))
    starts = np.arange(height + 2 * reach)[None, :, None]
    rows = starts + drop[:, None, :] + reach  # slopes, lines, columns
    least = padded[rows, np.arange(width)].min(axis=2)
    at = np.arange(height)[None, :, None] - drop[:, None, :] + reach
    found: Field = np.take_along_axis(least, at.reshape(_SLOPES, -1), axis=1).max(axis=0)
    return found.reshape(height, width)
