"""Finding the digits of one input in reading order, each as the 28x28 image that models see.

Strokes on the pad and connected ink in pictures are the parts that `grouping` joins to digits.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from mnistlab.images.connected import label_components
from mnistlab.images.cutting import find_cuts
from mnistlab.images.drawing import Drawing
from mnistlab.images.grouping import DigitScore, group_parts
from mnistlab.images.parts import Box, Part, around, join
from mnistlab.images.preprocessing import IMAGE_SIDE, Preprocessed, preprocess
from mnistlab.images.raster import spaced

Ink = NDArray[np.uint8]

_FAINT = 0.35  # of the brightest: ink below is a blurred rim, which would join neighbours
_SPECK = 0.03  # of the largest piece of ink: anything smaller is dust
_BORDER = 0.06  # of the picture's longer side: how far from the border an edge line may lie
_LONGER = 1.25  # times the longest other piece of ink: an edge line, not a digit
_SIDE = 400  # pixels of the longer side in which parts of a picture are looked for
_MAX_POINTS = 400  # of a path, when its distance from another is measured


@dataclass(eq=False)
class Piece:
    """One digit of an input."""

    box: Box
    """Left, top, right and bottom, in pad units of a drawing (of the strokes, without the pen) or
    pixels of an array of ink."""
    source: Drawing | Ink
    """The digit alone."""
    without: Collection[str] = ()
    """Steps of preprocessing that are left out."""
    line: int = 0
    """Which line of writing it stands on, from 0."""

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
    source : Drawing or array (h, w) uint8
        Ink is bright on black, as `decode_upload` returns it.
    single : bool
        Whether to read all ink as one digit.
    without : collection of str
        Steps of preprocessing to leave out; without "box" all ink is one digit.
    digit_score : function
        Takes images (n, 28, 28) uint8 and returns the probability (n,) that each is a digit. It
        helps to decide which parts belong together, and to cut digits apart that touch.

    Returns
    -------
    list of Piece
        In reading order: line by line, each from left to right.
    """
    single = single or "box" in without
    pieces = split_digits(source, None if single else digit_score)
    if len(pieces) > 1 and single:
        pieces = [Piece(around([piece.box for piece in pieces]), source)]
    if without:
        pieces = [replace(piece, without=without) for piece in pieces]
    return [piece for piece in pieces if not piece.prepared.is_blank]


def split_digits(source: Drawing | Ink, digit_score: DigitScore | None = None) -> list[Piece]:
    """Split a drawing or (h, w) uint8 ink, bright on black, into digits in reading order.

    Lines are read from top to bottom, each from left to right.

    Parameters
    ----------
    digit_score : images (n, 28, 28) uint8 -> (n,) in 0..1, the probability that each is a digit;
        without it, doubtful parts are joined by their places alone, and digits that touch stay one

    Returns
    -------
    list of Piece
        Empty without ink; one with all the ink where there are more than `MAX_DIGITS` parts.
    """
    if isinstance(source, Drawing):
        return _pieces(_Strokes(source), digit_score)
    writing = _Components(source)
    if source.shape == (IMAGE_SIDE, IMAGE_SIDE) and writing.parts:
        # MNIST's format is one digit, even where its strokes are broken.
        return [Piece(around([part.box for part in writing.parts]), source)]
    pieces = _pieces(writing, digit_score)
    if len(pieces) == 1 and not writing.has_edges:
        # A lone digit keeps its specks: what it looks like is not decided here.
        return [Piece(pieces[0].box, source)]
    return pieces


def _pieces(writing: _Strokes | _Components, digit_score: DigitScore | None) -> list[Piece]:
    pieces = []
    for line, parts in enumerate(group_parts(writing, digit_score)):
        for part in parts:
            piece = writing.piece(part)
            piece.line = line
            pieces.append(piece)
    return pieces


class _Strokes:
    """The strokes of a drawing as parts."""

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing
        self._paths = [np.array(stroke) for stroke in drawing.strokes]
        self.parts = [self._part(i) for i in range(len(self._paths))]
        self.piece = cache(self._piece)  # each is preprocessed at most once

    def near(self, a: Part, b: Part, distance: float) -> bool:
        """Whether strokes of two parts come as near as `distance`."""
        paths = self._paths
        return any(_within(paths[i], paths[j], distance) for i in a.members for j in b.members)

    def cuts(self, part: Part) -> list[tuple[Part, Part]]:
        """Return the ways to part strokes from left to right."""
        strokes = [self._part(i) for i in part.members]
        strokes.sort(key=lambda stroke: stroke.box[0] + stroke.box[2])
        return [(join(strokes[:i]), join(strokes[i:])) for i in range(1, len(strokes))]

    def image(self, part: Part) -> Ink:
        """Return the (28, 28) image that models see of a part alone."""
        return self.piece(part).prepared.image

    def _part(self, i: int) -> Part:
        low, high = self._paths[i].min(axis=0), self._paths[i].max(axis=0)
        return Part((*low.tolist(), *high.tolist()), (i,))

    def _piece(self, part: Part) -> Piece:
        strokes = [self._drawing.strokes[i] for i in sorted(part.members)]
        return Piece(part.box, Drawing.from_strokes(strokes, self._drawing.size))


class _Components:
    """The connected pieces of ink as parts, found in a smaller copy of it."""

    def __init__(self, ink: Ink) -> None:
        self._ink = ink
        self._factor = max(1, -(-max(ink.shape) // _SIDE))
        small = _shrunk(ink, self._factor)
        self._labels, boxes = label_components(small > _FAINT * small.max())
        self._masks: dict[Part, NDArray[np.bool_]] = {}  # of parts that were cut
        sizes = np.bincount(self._labels.ravel(), minlength=len(boxes) + 1)[1:]
        large = np.flatnonzero(sizes >= _SPECK * sizes.max(initial=0)).tolist()
        parts = [Part(boxes[i], (i + 1,)) for i in large]
        self.parts = _without_edges(parts, small.shape)
        self.has_edges = len(self.parts) < len(parts)
        self.piece = cache(self._piece)  # each is preprocessed at most once

    def near(self, a: Part, b: Part, distance: float) -> bool:
        """Return False: ink that touches is connected."""
        return False

    def cuts(self, part: Part) -> list[tuple[Part, Part]]:
        """Return the ways to cut ink in two."""
        cuts = find_cuts(self._mask(part))
        return [(self._side(part, left), self._side(part, right)) for left, right in cuts]

    def _side(self, part: Part, mask: NDArray[np.bool_]) -> Part:
        """Return what a (h, w) mask keeps of a part."""
        ys, xs = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        left, top = part.box[:2]
        box = (left + xs[0], top + ys[0], left + xs[-1] + 1, top + ys[-1] + 1)
        side = Part((float(box[0]), float(box[1]), float(box[2]), float(box[3])), part.members)
        self._masks[side] = mask[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
        return side

    def _mask(self, part: Part) -> NDArray[np.bool_]:
        """Return where in its box a part has ink."""
        if part in self._masks:
            return self._masks[part]
        left, top, right, bottom = (int(edge) for edge in part.box)
        return np.isin(self._labels[top:bottom, left:right], part.members)

    def image(self, part: Part) -> Ink:
        """Return the (28, 28) image that models see of a part alone."""
        return self.piece(part).prepared.image

    def _piece(self, part: Part) -> Piece:
        mask = self._mask(part).repeat(self._factor, 0).repeat(self._factor, 1)
        left, top, right, bottom = (int(edge) * self._factor for edge in part.box)
        own = self._ink[top:bottom, left:right]
        own = own * mask[: own.shape[0], : own.shape[1]]
        return Piece((left, top, right, bottom), own)


def _without_edges(parts: list[Part], shape: tuple[int, ...]) -> list[Part]:
    """Drop a line along the border of a (h, w) picture, such as the edge of a sheet."""
    height, width = shape
    border = _BORDER * max(shape)
    lengths = sorted(max(part.width, part.height) for part in parts)
    longest = lengths[-2] if len(parts) > 1 else np.inf  # of the others, seen from an edge line

    def is_edge(part: Part) -> bool:
        left, top, right, bottom = part.box
        ends = (right, bottom, width - left, height - top)
        return min(ends) <= border and max(part.width, part.height) > _LONGER * longest

    return [part for part in parts if not is_edge(part)]


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
