"""Images of real pen drawings: as drawn, and in copies that are changed as strokes.

Changing a drawing before it is rasterised keeps its ink as sharp and as wide as a pen's, which no
change to an image does. All ranges were tuned on tuning data (`drawings-dev.jsonl`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.pens import PenDrawing, training_drawings
from mnistlab.images.drawing import PAD_SIZE, Drawing
from mnistlab.images.preprocessing import preprocess
from mnistlab.images.raster import spaced
from mnistlab.models.config import TrainingConfig
from mnistlab.training.handwriting import Image8, Images
from mnistlab.training.non_digits import NO_DIGIT

VALIDATION_FRACTION = 1 / 12
COPIES = 2
"""Changed copies of each digit."""
_TURN = 8.0  # degrees, standard deviation
_STRETCH = 0.1  # of width against height, and of the slant
_DRIFT = 0.03  # of the drawing's size: how far a stroke moves against the others
_BEND = 0.02  # of the size: how far a smooth field moves points
_SHAKE = 0.006  # of the size: how far a trembling hand moves points
_CUT = 0.12  # of a stroke's length, at most, that its start or its end loses
_LOST = 0.3  # of the drawing's length: a stroke shorter than that may be missing
_GRID = (14, 60)  # steps along the size of a tablet with coarse coordinates
_SPACING = 0.02  # of the size, between the points that are changed

Stroke = NDArray[np.float64]
Strokes = list[Stroke]


@dataclass(frozen=True, eq=False)
class Pens:
    """Pen drawings as images."""

    training: Images
    """Digits with changed copies, and letters labelled `NO_DIGIT`."""
    validation: Image8
    """Digits, `(n, 28, 28)`, that are not trained on: they help to choose a threshold."""
    drawings: int
    """How many were found in all."""


_NO_IMAGES = np.zeros((0, 28, 28), np.uint8)
NO_PENS = Pens((_NO_IMAGES, np.zeros(0, np.uint8)), _NO_IMAGES, 0)


def load_pens(config: TrainingConfig) -> Pens:
    """Return the drawings of `mnistlab.data.pens` as images; `NO_PENS` where there are none.

    A twelfth is put aside for validation. The result depends on the drawings, and on `fraction`
    and `seed` of the settings. Raises `DataError` for a damaged file.
    """
    drawings = training_drawings()
    if not drawings:
        return NO_PENS
    rng = np.random.default_rng(config.seed)
    order = rng.permutation(len(drawings))[: max(2, round(len(drawings) * config.fraction))]
    held_out = max(1, round(len(order) * VALIDATION_FRACTION))
    shown, hidden = ([drawings[i] for i in part] for part in (order[held_out:], order[:held_out]))
    digits = [drawing for drawing in hidden if drawing.label.isdigit()]
    return Pens(pen_images(shown, rng), pen_images(digits)[0], len(drawings))


def pen_images(drawings: Iterable[PenDrawing], rng: np.random.Generator | None = None) -> Images:
    """Return images (n, 28, 28) of drawings, and labels (n,).

    With a generator each digit is followed by `COPIES` changed copies. What is not a digit is
    labelled `NO_DIGIT`. A drawing without ink is left out.
    """
    images, labels = [], []
    for drawing in drawings:
        label = int(drawing.label) if drawing.label.isdigit() else NO_DIGIT
        strokes = _normalised(drawing.strokes)
        versions = [strokes]
        if rng is not None and label != NO_DIGIT:
            versions += [jittered(strokes, rng) for _ in range(COPIES)]
        for version in versions:
            made = preprocess(Drawing.from_strokes(_on_pad(version)))
            if not made.is_blank:
                images.append(made.image)
                labels.append(label)
    return np.array(images, np.uint8).reshape(-1, 28, 28), np.array(labels, np.uint8)


def jittered(strokes: Sequence[Stroke], rng: np.random.Generator) -> Strokes:
    """Return strokes as another hand might have drawn them.

    Strokes (n, 2) of a drawing whose longer side is 1. They are turned, slanted and stretched,
    bent by a smooth field, moved against each other, cut short, and, some of the time, shaken,
    left out, or measured by a coarse tablet.
    """
    strokes = _without_short([spaced(stroke, _SPACING) for stroke in strokes], rng)
    matrix, bend = _affine(rng), _smooth_field(rng)
    shake = _SHAKE * (rng.random() < 0.3) * rng.uniform(0, 2)
    changed = []
    for stroke in strokes:
        points = _shortened(stroke, rng) @ matrix
        points = points + bend(points) + rng.normal(0, _DRIFT * (len(strokes) > 1), 2)
        changed.append(points + rng.normal(0, shake, points.shape))
    if rng.random() < 0.25:
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
    start, end = (int(count * _CUT * rng.uniform(0, 1) * (rng.random() < 0.3)) for _ in "ab")
    return stroke[start : count - end]


def _without_short(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Leave out a dot or speck of a stroke sometimes; a bar that makes the digit stays."""
    lengths = np.array([len(stroke) for stroke in strokes])
    keep = (lengths >= 0.05 * lengths.sum()) | (rng.random(len(strokes)) < 0.5)
    return [stroke for stroke, kept in zip(strokes, keep, strict=True) if kept] or strokes


def _normalised(strokes: Sequence[Stroke]) -> Strokes:
    points = np.concatenate(strokes)
    low, extent = points.min(axis=0), max(float(np.ptp(points, axis=0).max()), 1e-9)
    return [(stroke - low) / extent for stroke in strokes]


def _on_pad(strokes: Strokes) -> list[list[list[float]]]:
    return [(40 + stroke * 0.7 * PAD_SIZE).tolist() for stroke in _normalised(strokes)]
