"""Ways of writing that MNIST's writers lack, made from its own images.

Much of the world slashes its zeros, puts a flag and a foot on its ones and a bar through its
sevens; MNIST was written in the United States around 1990 and hardly has such digits. They are
made here by adding a stroke as wide as the image's own and following MNIST's recipe again. The
ranges of the strokes were tuned on tuning data (`drawings-dev.jsonl`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mnistlab.data.features import stroke_widths
from mnistlab.images.preprocessing import area_average, centre, crop_to_square

_ZOOM = 4  # strokes are drawn at four times the size, for smooth edges
_MARGIN = 14  # pixels around the image, for strokes that reach beyond it
_MIN_WIDTH = 10  # pixels; in a narrower zero a slash would only be a thick line
_FAINT = 24  # the blurred rim of an enlarged image, which is no ink

Image8 = NDArray[np.uint8]
Images = tuple[Image8, Image8]
"""Images `(n, 28, 28)` and their labels `(n,)`."""
Point = tuple[float, float]
Strokes = list[list[Point]]


def handwriting_variants(
    images: Image8,
    labels: Image8,
    rng: np.random.Generator,
    digits: Sequence[int] = (0, 1, 7),
) -> Images:
    """Return one variant of every 1 and 7, and of every 0 that is wide enough for a slash.

    `images` are (n, 28, 28) and `labels` (n,); the result has the variants alone, of some digits.
    """
    add = {0: _slash, 1: _flag_and_foot, 7: _bar}
    rows = np.flatnonzero(np.isin(labels, list(digits)))
    rows = np.array([row for row in rows if labels[row] != 0 or _is_wide(images[row])], np.intp)
    made = [_redraw(images[row], add[int(labels[row])](images[row], rng), rng) for row in rows]
    return np.array(made, np.uint8).reshape(-1, 28, 28), labels[rows]


def recipe(ink: Image8) -> Image8 | None:
    """Return ink (h, w) as MNIST's recipe leaves it, (28, 28) uint8; None if there is none."""
    box = crop_to_square(ink)
    return None if box is None else centre(area_average(box))


def draw_dots(pen: ImageDraw.ImageDraw, points: Sequence[Point], width: float) -> None:
    """Draw a filled circle at each point."""
    for x, y in points:
        pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=255)


def _is_wide(image: Image8) -> bool:
    _, _, left, right = _bounds(image)
    return right - left >= _MIN_WIDTH


def _slash(image: Image8, rng: np.random.Generator) -> Strokes:
    """Return a stroke through the middle, rising to the right, often far beyond the zero."""
    top, bottom, left, right = _bounds(image)
    x, y = (left + right) / 2 + rng.normal(0, 0.8), (top + bottom) / 2 + rng.normal(0, 0.8)
    angle = math.radians(rng.uniform(25, 95))
    cos, sin = math.cos(angle), math.sin(angle)
    # The ellipse's radius in that direction, then shorter or longer than it at either end.
    a, b = max((right - left) / 2, 2.0), max((bottom - top) / 2, 2.0)
    radius = 1 / math.hypot(cos / a, sin / b)
    up, down = radius * rng.uniform(0.6, 1.9), radius * rng.uniform(0.6, 1.9)
    return [[(x + up * cos, y - up * sin), (x - down * cos, y + down * sin)]]


def _flag_and_foot(image: Image8, rng: np.random.Generator) -> Strokes:
    """Return a flag down to the left of the top, a foot under the bottom, or both."""
    top, bottom, _, _ = _bounds(image)
    height = bottom - top
    kind = rng.random()
    strokes: Strokes = []
    if kind < 0.85:
        x, y = _ink_at(image, top), top + 0.5
        angle = math.radians(rng.uniform(5, 65))
        length = height * rng.uniform(0.15, 0.45)
        bend = rng.uniform(-0.15, 0.25) * length
        tip = (x - length * math.cos(angle), y + length * math.sin(angle))
        halfway = ((x + tip[0]) / 2, (y + tip[1]) / 2 - bend)
        strokes.append([(x, y), halfway, tip])
    if kind > 0.5:
        x, y = _ink_at(image, bottom), bottom - 0.5
        slope = rng.normal(0, 0.1)
        strokes.append(_across(x, y, slope, height * rng.uniform(0.12, 0.5, 2)))
    return strokes


def _bar(image: Image8, rng: np.random.Generator) -> Strokes:
    """Return a short stroke across the stem."""
    top, bottom, _, _ = _bounds(image)
    height = bottom - top
    y = top + height * rng.uniform(0.4, 0.65)
    slope = rng.normal(-0.15, 0.2)
    return [_across(_ink_at(image, y), y, slope, height * rng.uniform(0.12, 0.35, 2))]


def _across(x: float, y: float, slope: float, lengths: NDArray[np.float64]) -> list[Point]:
    """Return a stroke that reaches to the left and to the right of a point by two lengths."""
    left, right = lengths
    return [(x - left, y - slope * left), (x + right, y + slope * right)]


def _bounds(image: Image8) -> tuple[float, float, float, float]:
    """Top, bottom, left and right of the ink, in pixels."""
    ink = image > 64
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not len(rows):
        return 4.0, 24.0, 4.0, 24.0
    return float(rows[0]), float(rows[-1]), float(columns[0]), float(columns[-1])


def _ink_at(image: Image8, row: float) -> float:
    """Return the ink's mean column around a row."""
    near = image[max(0, int(row) - 1) : int(row) + 2].astype(np.float64).sum(0)
    total = near.sum()
    return float(near @ np.arange(28) / total) if total else 14.0


def _redraw(image: Image8, strokes: Strokes, rng: np.random.Generator) -> Image8:
    width = float(np.clip(stroke_widths(image[None] > 127)[0], 1.2, 5.0))
    width *= rng.uniform(0.75, 1.15) * _ZOOM
    sheet = Image.new("L", ((28 + 2 * _MARGIN) * _ZOOM,) * 2)
    enlarged = Image.fromarray(image).resize((28 * _ZOOM,) * 2, Image.Resampling.BICUBIC)
    sheet.paste(enlarged, (_MARGIN * _ZOOM,) * 2)
    pen = ImageDraw.Draw(sheet)
    for stroke in strokes:
        path = [((x + 0.5 + _MARGIN) * _ZOOM, (y + 0.5 + _MARGIN) * _ZOOM) for x, y in stroke]
        pen.line(path, fill=255, width=round(width))
        draw_dots(pen, path, width)
    ink = np.array(sheet)
    ink[ink < _FAINT] = 0
    made = recipe(ink)
    return image if made is None else made
