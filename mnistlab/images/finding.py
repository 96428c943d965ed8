"""Finding the digits of one input, from left to right, each as the 28x28 image that models see.

Strokes on the pad and connected ink in pictures are the parts that `grouping` joins to digits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from mnistlab.images.connected import label_components
from mnistlab.images.drawing import Drawing
from mnistlab.images.grouping import Box, DigitScore, Part, around, group_parts
from mnistlab.images.preprocessing import Preprocessed, preprocess
from mnistlab.images.raster import spaced

Ink = NDArray[np.uint8]

_FAINT = 0.35  # of the brightest: ink below is a blurred rim, which would join neighbours
_SPECK = 0.03  # of the largest piece of ink: anything smaller is dust
_SIDE = 400  # pixels of the longer side in which parts of a picture are looked for
_MAX_POINTS = 400  # of a path, when its distance from another is measured


@dataclass(frozen=True, eq=False)
class Piece:
    """One digit of an input."""

    box: Box
    """Left, top, right and bottom, in pad units of a drawing (of the strokes, without the pen) or
    pixels of an array of ink."""
    source: Drawing | Ink
    """The digit alone."""
    without: Collection[str] = ()
    """Steps of preprocessing that are left out."""

    @cached_property
    def prepared(self) -> Preprocessed:
        """The digit as models see it, computed once."""
        return preprocess(self.source, self.without)


def find_digits(
    source: Drawing | Ink,
    *,
    single: bool = False,
    without: Collection[str] = (),
    digit_score: DigitScore | None = None,
) -> list[Piece]:
    """Find the digits in a drawing or in (h, w) uint8 ink; without ink there are none.

    Parameters
    ----------
    single : read all ink as one digit
    without : steps of preprocessing to leave out; without "box" all ink is one digit
    digit_score : helps to decide which parts belong together, see `split_digits`
    """
    single = single or "box" in without
    pieces = split_digits(source, None if single else digit_score)
    if len(pieces) > 1 and single:
        pieces = [Piece(around([piece.box for piece in pieces]), source)]
    if without:
        pieces = [Piece(piece.box, piece.source, without) for piece in pieces]
    return [piece for piece in pieces if not piece.prepared.is_blank]


def split_digits(source: Drawing | Ink, digit_score: DigitScore | None = None) -> list[Piece]:
    """Split a drawing or (h, w) uint8 ink, bright on black, into digits from left to right.

    Parameters
    ----------
    digit_score : images (n, 28, 28) uint8 -> (n,) in 0..1, the probability that each is a digit;
        without it, doubtful parts are joined by their places alone

    Returns
    -------
    list of Piece
        Empty without ink; one with all the ink where there are more than `MAX_DIGITS` parts.
    """
    if isinstance(source, Drawing):
        return _split_drawing(source, digit_score)
    return _split_ink(source, digit_score)


def _split_drawing(drawing: Drawing, digit_score: DigitScore | None) -> list[Piece]:
    strokes = drawing.strokes
    paths = [np.array(stroke) for stroke in strokes]

    def near(a: Part, b: Part, distance: float) -> bool:
        return any(_within(paths[i], paths[j], distance) for i in a.members for j in b.members)

    def cut(part: Part) -> Drawing:
        return Drawing.from_strokes([strokes[i] for i in sorted(part.members)], drawing.size)

    parts = [
        Part((*path.min(axis=0).tolist(), *path.max(axis=0).tolist()), (i,))
        for i, path in enumerate(paths)
    ]
    return _pieces(parts, near, cut, digit_score)


def _split_ink(ink: Ink, digit_score: DigitScore | None) -> list[Piece]:
    factor = max(1, -(-max(ink.shape) // _SIDE))
    small = _shrunk(ink, factor)
    labels, boxes = label_components(small > _FAINT * small.max())
    sizes = np.bincount(labels.ravel(), minlength=len(boxes) + 1)[1:]
    large = np.flatnonzero(sizes >= _SPECK * sizes.max(initial=0)).tolist()

    def cut(part: Part) -> Ink:
        left, top, right, bottom = (int(edge) for edge in part.box)
        mask = np.isin(labels[top:bottom, left:right], part.members)
        mask = mask.repeat(factor, 0).repeat(factor, 1)
        own = ink[top * factor : bottom * factor, left * factor : right * factor]
        return own * mask[: own.shape[0], : own.shape[1]]

    parts = [Part(boxes[i], (i + 1,)) for i in large]
    pieces = _pieces(parts, lambda a, b, distance: False, cut, digit_score, factor)
    # A lone digit keeps its specks: what it looks like is not decided here.
    return pieces if len(pieces) != 1 else [Piece(pieces[0].box, ink)]


def _pieces(
    parts: list[Part],
    near: Callable[[Part, Part, float], bool],
    cut: Callable[[Part], Drawing | Ink],
    digit_score: DigitScore | None,
    scale: int = 1,
) -> list[Piece]:
    """Group parts to digits, each preprocessed at most once; boxes are multiplied by `scale`."""

    @cache
    def piece(part: Part) -> Piece:
        left, top, right, bottom = part.box
        return Piece((left * scale, top * scale, right * scale, bottom * scale), cut(part))

    def image_of(part: Part) -> Ink:
        return piece(part).prepared.image

    return [piece(part) for part in group_parts(parts, near, image_of, digit_score)]


def _within(a: NDArray[np.float64], b: NDArray[np.float64], distance: float) -> bool:
    """Whether two paths come as near as `distance` to each other."""
    reach = 1.2 * distance
    gaps = np.maximum(a.min(axis=0) - b.max(axis=0), b.min(axis=0) - a.max(axis=0))
    if gaps.max() > reach:
        return False  # their boxes are further apart: most pairs
    # Points lie up to half the distance apart from the nearest place on their path.
    a, b = (spaced(path, distance, _MAX_POINTS) for path in (a, b))
    apart = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])
    return bool(apart.min() < reach)


def _shrunk(ink: Ink, factor: int) -> Ink:
    """Return the brightest of each `factor` by `factor` pixels: thin strokes do not break."""
    height, width = (-(-side // factor) for side in ink.shape)
    padded = np.zeros((height * factor, width * factor), np.uint8)
    padded[: ink.shape[0], : ink.shape[1]] = ink
    small: Ink = padded.reshape(height, factor, width, factor).max(axis=(1, 3))
    return small
