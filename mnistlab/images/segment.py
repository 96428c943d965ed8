"""One input with several digits, taken apart from left to right.

Strokes on the pad and connected ink in pictures are the parts that `grouping` joins to digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.images.connected import label_components
from mnistlab.images.drawing import Drawing
from mnistlab.images.grouping import Box, DigitScore, Part, group_parts
from mnistlab.images.preprocessing import preprocess

Ink = NDArray[np.uint8]

_FAINT = 0.35  # of the brightest: ink below is a blurred rim, which would join neighbours
_SPECK = 0.03  # of the largest piece of ink: what is smaller is dust
_SIDE = 400  # pixels of the longer side in which parts of a picture are looked for


@dataclass(frozen=True, eq=False)
class Piece:
    """One digit of an input."""

    box: Box
    """Left, top, right and bottom, in pad units of a drawing (of the strokes, without the pen) or
    pixels of an array of ink."""
    source: Drawing | Ink
    """The digit alone, ready for `preprocess`."""


def split_digits(source: Drawing | Ink, digit_score: DigitScore | None = None) -> list[Piece]:
    """The digits of a drawing or of (h, w) uint8 ink, bright on black, from left to right.

    Parameters
    ----------
    digit_score : images (n, 28, 28) uint8 -> (n,) in 0..1, how probably each is a digit; without it
        doubtful parts are joined by their places alone

    Returns
    -------
    list of Piece, empty where there is no ink; one with all the ink where there are more than
    `MAX_DIGITS` parts
    """
    if isinstance(source, Drawing):
        return _split_drawing(source, digit_score)
    return _split_ink(source, digit_score)


def _split_drawing(drawing: Drawing, digit_score: DigitScore | None) -> list[Piece]:
    strokes = drawing.strokes
    paths = [np.array(stroke) for stroke in strokes]
    parts = [Part(_bounds(path), (i,)) for i, path in enumerate(paths)]

    def cut(part: Part) -> Drawing:
        chosen = [strokes[i] for i in sorted(part.members)]
        return Drawing.from_strokes(chosen, drawing.size)

    def near(a: Part, b: Part, distance: float) -> bool:
        return any(_within(paths[i], paths[j], distance) for i in a.members for j in b.members)

    def image_of(part: Part) -> Ink:
        return preprocess(cut(part)).image

    return [Piece(part.box, cut(part)) for part in group_parts(parts, near, image_of, digit_score)]


def _split_ink(ink: Ink, digit_score: DigitScore | None) -> list[Piece]:
    factor = max(1, -(-max(ink.shape) // _SIDE))
    small = _shrunk(ink, factor)
    labels, boxes = label_components(small > _FAINT * small.max())
    sizes = np.bincount(labels.ravel(), minlength=len(boxes) + 1)[1:]
    large = np.flatnonzero(sizes >= _SPECK * sizes.max(initial=0))
    parts = [Part(_scaled(boxes[i], 1), (int(i) + 1,)) for i in large]

    def cut(part: Part) -> Ink:
        left, top, right, bottom = (int(edge) for edge in part.box)
        mask = np.isin(labels[top:bottom, left:right], part.members)
        mask = mask.repeat(factor, 0).repeat(factor, 1)
        own = ink[top * factor : bottom * factor, left * factor : right * factor]
        return own * mask[: own.shape[0], : own.shape[1]]

    def image_of(part: Part) -> Ink:
        return preprocess(cut(part)).image

    found = group_parts(parts, lambda a, b, distance: False, image_of, digit_score)
    if len(found) == 1:  # specks and all: what a lone digit looks like is not decided here
        return [Piece(_scaled(found[0].box, factor), ink)]
    return [Piece(_scaled(part.box, factor), cut(part)) for part in found]


def _scaled(box: Box, factor: float) -> Box:
    left, top, right, bottom = box
    return left * factor, top * factor, right * factor, bottom * factor


# Geometry


def _bounds(path: NDArray[np.float64]) -> Box:
    left, top = path.min(axis=0).tolist()
    right, bottom = path.max(axis=0).tolist()
    return left, top, right, bottom


def _within(a: NDArray[np.float64], b: NDArray[np.float64], distance: float) -> bool:
    """Whether two paths come as near as `distance` to each other."""
    reach = 1.2 * distance
    gaps = np.maximum(a.min(axis=0) - b.max(axis=0), b.min(axis=0) - a.max(axis=0))
    if gaps.max() > reach:
        return False  # their boxes are further apart: most pairs
    a, b = _spaced(a, distance), _spaced(b, distance)
    # Points lie up to half the distance apart from the nearest place on their path.
    apart = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])
    return bool(apart.min() < reach)


def _spaced(path: NDArray[np.float64], spacing: float) -> NDArray[np.float64]:
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = np.linspace(0, along[-1], min(int(along[-1] / spacing) + 2, 400))
    return np.stack([np.interp(at, along, path[:, 0]), np.interp(at, along, path[:, 1])], 1)


def _shrunk(ink: Ink, factor: int) -> Ink:
    """The brightest of each `factor` by `factor` pixels: thin strokes do not break."""
    height, width = (-(-side // factor) for side in ink.shape)
    padded = np.zeros((height * factor, width * factor), np.uint8)
    padded[: ink.shape[0], : ink.shape[1]] = ink
    small: Ink = padded.reshape(height, factor, width, factor).max(axis=(1, 3))
    return small
