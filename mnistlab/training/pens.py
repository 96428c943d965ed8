"""Images of real pen drawings: as drawn, and in copies that are changed as strokes.

Changing a drawing before it is rasterised keeps its ink as sharp and as wide as a pen's, which no
change to an image does. The ranges were chosen by eye: a person still reads the digit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.pens import PenDrawing
from mnistlab.images.drawing import PAD_SIZE, Drawing
from mnistlab.images.preprocessing import preprocess
from mnistlab.images.raster import spaced
from mnistlab.training.handwriting import Image8, Images
from mnistlab.training.non_digits import NO_DIGIT

COPIES = {"digit": 2, "letter": 1}
"""Changed copies of each drawing."""
_TURN = 8.0  # degrees, standard deviation
_STRETCH = 0.1  # of width against height, and of the slant
_DRIFT = 0.03  # of the drawing's size: how far a stroke moves against the others
_BEND = 0.02  # of the size: how far a smooth field moves points
_SHAKE = 0.006  # of the size: how far a trembling hand moves points
_CUT = 0.12  # of a stroke's length, at most, that its start or its end loses
_SPECK = 0.05  # of the drawing's length: a stroke shorter than that may be missing
_SHAKEN, _CUT_SHORT, _COARSE = 0.3, 0.3, 0.25  # how often a copy is changed in that way
_GRID = (14, 60)  # steps along the size of a tablet with coarse coordinates
_SPACING = 0.02  # of the size, between the points that are changed

Stroke = NDArray[np.float64]
Strokes = list[Stroke]


def pen_images(drawings: Iterable[PenDrawing], rng: np.random.Generator | None = None) -> Images:
    """Return images (n, 28, 28) of drawings, and labels (n,).

    With a generator each drawing is followed by `COPIES` changed copies. What is not a digit is
    labelled `NO_DIGIT`. A drawing without strokes is left out.
    """
    images: list[Image8] = []
    labels: list[int] = []
    for drawing in drawings:
        if not drawing.strokes:
            continue
        versions = [_normalised(drawing.strokes)]
        if rng is not None:
            copies = COPIES["letter" if drawing.digit is None else "digit"]
            versions += [jittered(versions[0], rng) for _ in range(copies)]
        images += [preprocess(Drawing.from_strokes(_on_pad(each))).image for each in versions]
        labels += [NO_DIGIT if drawing.digit is None else drawing.digit] * len(versions)
    return np.array(images, np.uint8).reshape(-1, 28, 28), np.array(labels, np.uint8)


def jittered(strokes: Sequence[Stroke], rng: np.random.Generator) -> Strokes:
    """Return strokes as another hand might have drawn them.

    Strokes (n, 2) of a drawing whose longer side is 1. They are turned, slanted and stretched,
    bent by a smooth field, moved against each other, cut short, and, some of the time, shaken,
    left out, or measured by a coarse tablet.
    """
    strokes = _without_short([spaced(stroke, _SPACING) for stroke in strokes], rng)
    matrix, bend = _affine(rng), _smooth_field(rng)
    shake = _SHAKE * (rng.random() < _SHAKEN) * rng.uniform(0, 2)
    changed = []
    for stroke in strokes:
        points = _shortened(stroke, rng) @ matrix
        points = points + bend(points) + rng.normal(0, _DRIFT * (len(strokes) > 1), 2)
        changed.append(points + rng.normal(0, shake, points.shape))
    if rng.random() < _COARSE:
        steps = rng.uniform(*_GRID)
        changed = [np.rint(points * steps) / steps for points in changed]
    return changed


def _affine(rng: np.random.Generator) -> NDArray[np.float64]:
    angle = math.radians(rng.normal(0, _TURN))
    cos, sin = math.cos(angle), math.sin(angle)
    turn, stretch = np.array([[cos, sin], [-sin, cos]]), np.exp(rng.normal(0, _STRETCH, 2))
    return np.asarray(turn @ [[stretch[0], 0], [rng.normal(0, _STRETCH), stretch[1]]])


def _smooth_field(rng: np.random.Generator) -> Callable[[Stroke], Stroke]:
    """Return a function from points (n, 2) to displacements: two waves along each axis."""
    waves = rng.normal(0, 4.0, (2, 2, 2))
    phases = rng.uniform(0, 2 * math.pi, (2, 2))
    size = _BEND * rng.uniform(0.3, 1.7)

    def field(points: Stroke) -> Stroke:
        along = np.einsum("nk,dwk->ndw", points, waves) + phases
        return np.asarray(size * np.sin(along).sum(axis=-1))

    return field


def _shortened(stroke: Stroke, rng: np.random.Generator) -> Stroke:
    """Cut off a little of a stroke at its start, its end, or neither."""
    count = len(stroke)
    if count < 6:
        return stroke
    start, end = (count * _CUT * rng.uniform(0, 1, 2) * (rng.random(2) < _CUT_SHORT)).astype(int)
    return stroke[start : count - end]


def _without_short(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Leave out a dot or speck of a stroke sometimes; a bar that makes the digit stays."""
    lengths = np.array([len(stroke) for stroke in strokes])
    keep = (lengths >= _SPECK * lengths.sum()) | (rng.random(len(strokes)) < 0.5)
    return [stroke for stroke, kept in zip(strokes, keep, strict=True) if kept] or strokes


def _normalised(strokes: Sequence[Stroke]) -> Strokes:
    points = np.concatenate(strokes)
    low, extent = points.min(axis=0), max(float(np.ptp(points, axis=0).max()), 1e-9)
    return [(stroke - low) / extent for stroke in strokes]


def _on_pad(strokes: Strokes) -> list[list[list[float]]]:
    return [(40 + stroke * 0.7 * PAD_SIZE).tolist() for stroke in _normalised(strokes)]
