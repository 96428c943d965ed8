"""Strokes to ink: discs of the pen's width along the path, sampled at pixel centres.

The pen on the pad has a width for the eye. The ink that models see has a width that follows the
drawing's size, as if every digit had been written at the same size with the same pen.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mnistlab.images.drawing import Drawing

PEN_FRACTION = 0.12
"""Pen width as a fraction of the longer side of the strokes' bounding box, tuned on tuning data
(`drawings-dev.jsonl`)."""

MIN_PEN = 0.01
"""Least pen width as a fraction of the pad's side, so that a dot stays a dot."""

PAD_PEN = 18 / 280
"""Width of the visible pen as a fraction of the pad's side."""

BOX_SIDE = 160
"""Longer side of the inked box in pixels: 8 by 8 samples for each pixel of the later 20x20."""

# Discs a third of a radius apart leave dents of 1.4 % of the radius: a hundredth of a pixel at
# 20x20.
_DISCS_PER_RADIUS = 3.0
_MANY_DISCS = 4_000

Paths = list[NDArray[np.float64]]


def rasterise_box(drawing: Drawing) -> NDArray[np.uint8]:
    """Return the drawing's ink at `BOX_SIDE` pixels, cut close around it.

    Returns
    -------
    array (h, w) uint8
        255 where there is ink and 0 elsewhere. The longer side is `BOX_SIDE` plus a margin of a
        pixel or two. A blank drawing gives (1, 1) of zero.
    """
    paths, low, extent, pen = _paths(drawing)
    if not paths:
        return np.zeros((1, 1), np.uint8)
    scale = BOX_SIDE / (float(extent.max()) + pen)
    radius = pen * scale / 2
    width, height = np.ceil(extent * scale + 2 * radius + 2).astype(int).tolist()
    return _stamp(paths, low - (radius + 1) / scale, scale, radius, height, width)


def rasterise_pad(drawing: Drawing, side: int = 140, pen: float | None = None) -> NDArray[np.uint8]:
    """Return the whole pad with the drawing's ink in its place: (side, side) uint8, 0 or 255.

    `pen` is its width in pad units; it follows the drawing's size when not given.
    """
    paths, _, _, standard = _paths(drawing)
    if not paths:
        return np.zeros((side, side), np.uint8)
    scale = side / drawing.size
    radius = max((pen or standard) * scale / 2, 0.75)
    # Ink over the pad's edge is drawn on a margin, then cut off.
    margin = math.ceil(radius) + 1
    origin = np.full(2, -margin / scale)
    full = _stamp(paths, origin, scale, radius, side + 2 * margin, side + 2 * margin)
    return full[margin:-margin, margin:-margin]


def spaced(
    path: NDArray[np.float64], spacing: float, limit: int | None = None
) -> NDArray[np.float64]:
    """Return points along a (n, 2) path at most `spacing` apart, or `limit` points if fewer.

    Both ends are included.
    """
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    count = math.ceil(along[-1] / spacing) + 1
    at = np.linspace(0.0, along[-1], count if limit is None else min(count, limit))
    return np.column_stack([np.interp(at, along, path[:, 0]), np.interp(at, along, path[:, 1])])


def _paths(drawing: Drawing) -> tuple[Paths, NDArray[np.float64], NDArray[np.float64], float]:
    """Return the strokes as arrays, their top left corner and extent, (2,) each, and the pen."""
    paths = [np.array(stroke) for stroke in drawing.strokes]
    points = np.concatenate(paths or [np.zeros((1, 2))])
    low = points.min(axis=0)
    extent = points.max(axis=0) - low
    return paths, low, extent, max(PEN_FRACTION * float(extent.max()), MIN_PEN * drawing.size)


def _stamp(
    paths: Paths,
    origin: NDArray[np.float64],
    scale: float,
    radius: float,
    height: int,
    width: int,
) -> NDArray[np.uint8]:
    """Draw discs of `radius` pixels along the paths; all must lie inside the picture."""
    spacing = max(radius / _DISCS_PER_RADIUS, 0.5)
    centres = np.concatenate([spaced((path - origin) * scale, spacing) for path in paths])
    if len(centres) > _MANY_DISCS:
        # A scribble: discs closer than half a pixel add nothing, and there may be a million.
        centres = np.unique(np.rint(centres * 2), axis=0) / 2
    # One row of a disc is a span of pixels. All spans of all discs are summed at once: +1 where
    # a span starts, -1 behind its end, and a running sum over the flattened picture.
    x, y = centres[:, :1], centres[:, 1:]
    rows = np.floor(y - radius) + np.arange(math.ceil(2 * radius) + 2)
    half = np.sqrt(np.maximum(radius**2 - (rows + 0.5 - y) ** 2, 0))
    start = np.ceil(x - half - 0.5)
    stop = np.maximum(np.floor(x + half - 0.5) + 1, start)
    cells = height * width
    inside = half > 0
    first = (rows * width + start)[inside].astype(np.intp)
    behind = (rows * width + stop)[inside].astype(np.intp)
    change = np.bincount(first, minlength=cells + 1) - np.bincount(behind, minlength=cells + 1)
    covered = np.cumsum(change[:cells]).reshape(height, width) > 0
    return covered * np.uint8(255)
