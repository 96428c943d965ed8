"""Images that are not digits, made from MNIST and from random strokes, to train refusal with.

A network that has only seen digits reads everything as a digit; a confidence threshold refuses
about a third of letters. Trained on other images too, it also refuses kinds that it has not seen
("outlier exposure", Hendrycks, Mazeika and Dietterich, ICLR 2019, arXiv:1812.04606). They are
strokes joined at random, scribbles, digits taken apart, and, on request, letters of the font that
comes with Pillow. All constants were tuned on tuning data: `drawings-dev.jsonl` and letters of
Hershey's fonts.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mnistlab.data.pens import LIKE_DIGITS
from mnistlab.training.handwriting import Image8, draw_dots, recipe

NO_DIGIT = 10  # their label
FRACTION = 0.2  # non-digits for each training image
GLYPHS = 0.6  # of them are strokes joined at random ...
GLYPHS_BESIDE_LETTERS = 0.45  # ... where letters of a font are made, too
SCRIBBLES = 0.08
LETTERS = 0.25
_PRINTED = sorted(set(string.ascii_letters) - LIKE_DIGITS)
_SIDE = 112  # pixels of the sheet that strokes are drawn on
_STEPS = 12  # points along a curve
_COMPARED = 12_000  # digits that a non-digit is compared with
_BATCH = 2_000

Curve = NDArray[np.float64]
Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def make_non_digits(
    images: Image8, labels: Image8, rng: np.random.Generator, letters: bool = False
) -> Image8:
    """Return images (m, 28, 28) that are not digits, as MNIST's recipe leaves them.

    There are at most `FRACTION` times as many as training images (n, 28, 28), which come with
    their variants. Those as similar to a digit as digits are to each other are left out; blank
    training images count for nothing there. With `letters`, a part are letters of a font, all of
    which are kept.
    """
    wanted = round(FRACTION * len(images))
    parts = (GLYPHS_BESIDE_LETTERS, LETTERS) if letters else (GLYPHS, 0.0)
    glyphs, printed, scribbles = (round(part * wanted) for part in (*parts, SCRIBBLES))
    made = [_glyph(rng) for _ in range(glyphs)] + [_scribble(rng) for _ in range(scribbles)]
    rest = wanted - glyphs - scribbles - printed
    made += [_from_digits(images, labels, rng) for _ in range(rest)]
    found = np.array([image for image in made if image is not None], np.uint8)
    unlike = _unlike_digits(found.reshape(-1, 28, 28), images, rng)
    font = ImageFont.load_default(_SIDE)
    drawn = [_letter(font, rng) for _ in range(printed)]
    return np.concatenate([unlike, np.array(drawn, np.uint8).reshape(-1, 28, 28)])


# Strokes joined at random


def _glyph(rng: np.random.Generator) -> Image8 | None:
    """One to four lines, bows, hooks and zigzags, most of them starting on an earlier one."""
    strokes: list[Curve] = []
    number = rng.choice([1, 2, 3, 4], p=[0.2, 0.4, 0.3, 0.1])
    kinds = _STROKES if number > 1 else _ALONE
    for _ in range(number):
        strokes.append(_joined(kinds[rng.integers(len(kinds))](rng), strokes, rng))
    return _draw(strokes, rng)


def _joined(curve: Curve, strokes: list[Curve], rng: np.random.Generator) -> Curve:
    """Move a curve so that one of its points lies on an earlier one's."""
    if not strokes:
        return curve
    if rng.random() < 0.12:
        return curve + rng.normal(0, 0.4, 2)
    other = strokes[rng.integers(len(strokes))]
    # Letters join at ends and middles more often than elsewhere.
    there = (0, len(other) // 2, len(other) - 1, int(rng.integers(len(other))))
    here = (0, 0, len(curve) // 2, len(curve) - 1)
    meet: Curve = other[there[rng.integers(4)]] - curve[here[rng.integers(4)]]
    return curve + meet + rng.normal(0, 0.03, 2)


def _line(rng: np.random.Generator) -> Curve:
    angle = rng.choice([0, 90, 90, 60, 120, 30, 150]) + rng.normal(0, 8)
    length = rng.uniform(0.35, 1.2)
    step = length * np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    return np.linspace(-step / 2, step / 2, _STEPS)


def _bow(rng: np.random.Generator) -> Curve:
    start, sweep = rng.uniform(0, 360), rng.uniform(70, 320) * rng.choice([-1, 1])
    angle = np.radians(np.linspace(start, start + sweep, 2 * _STEPS))
    bow: Curve = np.stack([np.cos(angle), np.sin(angle)], 1) * rng.uniform(0.2, 0.6, 2)
    return bow


def _hook(rng: np.random.Generator) -> Curve:
    """Return a line that ends in a bow."""
    line, bow = _line(rng), _bow(rng)[: _STEPS + 4] * rng.uniform(0.3, 0.8)
    return np.concatenate([line, bow - bow[0] + line[-1]])


def _zigzag(rng: np.random.Generator) -> Curve:
    """Three to six corners, from left to right or from top to bottom."""
    corners = rng.integers(3, 7)
    along = np.linspace(-0.6, 0.6, corners) * rng.uniform(0.5, 1.2)
    across = np.where(np.arange(corners) % 2, 0.5, -0.5) * rng.uniform(0.5, 1.2)
    across = across * rng.choice([-1, 1]) + rng.normal(0, 0.1, corners)
    points = np.stack([along, across], 1)
    points = points if rng.random() < 0.7 else points[:, ::-1]
    return _smooth(points) if rng.random() < 0.4 else points


def _wave(rng: np.random.Generator) -> Curve:
    return _smooth(rng.uniform(-0.6, 0.6, (rng.integers(3, 6), 2)))


_ALONE = (_bow, _hook, _zigzag, _wave)  # a line alone is a 1
_STROKES = (_line, _line, _line, _bow, *_ALONE)


def _scribble(rng: np.random.Generator) -> Image8 | None:
    """Draw a curve through many random points, or hatching."""
    n = int(rng.integers(7, 30))
    points = rng.normal(0, 0.4, (n, 2))
    if rng.random() < 0.5:
        points[:, 0] = np.linspace(-0.7, 0.7, n) * rng.uniform(0.3, 1)
        points[:, 1] = np.where(np.arange(n) % 2, 0.5, -0.5) * rng.uniform(0.5, 1, n)
    return _draw([_smooth(points)], rng)


def _smooth(points: Curve) -> Curve:
    """Return a Catmull-Rom spline through the points."""
    p = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, 6, endpoint=False)[:, None, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    cubic = 2 * b + t * (c - a) + t**2 * (2 * a - 5 * b + 4 * c - d)
    cubic = (cubic + t**3 * (3 * b - a - 3 * c + d)) / 2
    return np.concatenate([cubic.transpose(1, 0, 2).reshape(-1, 2), points[-1:]])


def _draw(strokes: list[Curve], rng: np.random.Generator) -> Image8 | None:
    """Draw strokes with a pen of some width, after stretching and slanting all of them."""
    stretch = np.diag(np.exp(rng.normal(0, 0.2, 2)))
    slant = np.array([[1, 0], [rng.normal(0, 0.2), 1]])
    strokes = [curve @ stretch @ slant for curve in strokes]
    points = np.concatenate(strokes)
    low = points.min(axis=0)
    extent = float((points.max(axis=0) - low).max())
    width = rng.uniform(0.07, 0.2) * _SIDE
    scale = (_SIDE - width - 2) / max(extent, 1e-6)
    sheet = Image.new("L", (_SIDE, _SIDE))
    pen = ImageDraw.Draw(sheet)
    for curve in strokes:
        path = [tuple(point) for point in (curve - low) * scale + width / 2 + 1]
        pen.line(path, fill=255, width=round(width), joint="curve")
        draw_dots(pen, (path[0], path[-1]), width)
    return recipe(np.array(sheet))


# Letters of a font


def _letter(font: Font, rng: np.random.Generator) -> Image8:
    """Return a letter that is not shaped like a digit: light or bold, narrow or wide, slanted."""
    letter = _PRINTED[rng.integers(len(_PRINTED))]
    sheet = Image.new("L", (2 * _SIDE, 2 * _SIDE))
    ImageDraw.Draw(sheet).text(
        (_SIDE, _SIDE), letter, 255, font, anchor="mm", stroke_width=int(rng.integers(0, 7))
    )
    width, height = np.exp(rng.normal(-0.15, 0.3)), np.exp(rng.normal(0, 0.1))
    slant = rng.normal(0, 0.15)
    # The inverse mapping, about the centre of the sheet.
    matrix = np.array([[1 / width, slant], [0, 1 / height]])
    shift = _SIDE - matrix @ [_SIDE, _SIDE]
    data = (*matrix[0], shift[0], *matrix[1], shift[1])
    turned = sheet.transform(sheet.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    image = recipe(np.array(turned))
    assert image is not None
    return image


# Digits taken apart and put together


def _from_digits(images: Image8, labels: Image8, rng: np.random.Generator) -> Image8 | None:
    row, other = rng.integers(len(images), size=2)
    make = _MADE[rng.integers(len(_MADE))]
    return make(images[row], int(labels[row]), images[other], int(labels[other]), rng)


def _turned(a: Image8, label: int, b: Image8, _: int, rng: np.random.Generator) -> Image8 | None:
    """On its side, upside down or mirrored, unless that gives a digit."""
    turns = [turn for digits, turn in _TURNS if str(label) in digits]
    return recipe(turns[rng.integers(len(turns))](a)) if turns else None


def _spliced(a: Image8, la: int, b: Image8, lb: int, rng: np.random.Generator) -> Image8 | None:
    """One half of each, above each other or side by side."""
    if la == lb:
        return None
    cut, axis = int(rng.integers(11, 18)), int(rng.random() >= 0.5)
    return recipe(np.concatenate([np.split(a, [cut], axis)[0], np.split(b, [cut], axis)[1]], axis))


def _overlaid(a: Image8, la: int, b: Image8, lb: int, rng: np.random.Generator) -> Image8 | None:
    """One on top of the other, the second turned or moved."""
    moved = np.roll(np.rot90(b, int(rng.integers(1, 4))), rng.integers(-5, 6, 2), (0, 1))
    return recipe(np.maximum(a, moved))


def _beside(a: Image8, la: int, b: Image8, lb: int, rng: np.random.Generator) -> Image8 | None:
    """Two side by side, near enough to look like one."""
    left, top = 28 - int(rng.integers(0, 8)), int(rng.integers(0, 9))
    sheet = np.zeros((36, 56), np.uint8)
    sheet[4:32, :28] = a
    place = sheet[top : top + 28, left : left + 28]
    np.maximum(place, b, out=place)
    return recipe(sheet)


_MADE = (_turned, _turned, _spliced, _overlaid, _beside)
# A mirrored 2 is nearly a 5, a 6 upside down is a 9, and 0, 1 and 8 look the same in several ways.
_TURNS: tuple[tuple[str, Callable[[Image8], Image8]], ...] = (
    ("34679", np.fliplr),
    ("123456789", np.rot90),
    ("2345679", lambda image: np.rot90(image, -1)),
    ("347", lambda image: np.rot90(image, 2)),
)
"""The digits of which a turn makes something else."""


def _unlike_digits(made: Image8, images: Image8, rng: np.random.Generator) -> Image8:
    """Keep those less similar to any digit than the median digit is to its most similar one."""
    images = images[images.any(axis=(1, 2))]  # the cosine of a blank one would be 0 / 0
    if len(images) < 2:
        return made
    digits = images[rng.choice(len(images), min(_COMPARED, len(images)), replace=False)]
    known, probe = np.array_split(_blurred(digits), [len(digits) * 5 // 6])
    limit = float(np.median(_nearest(probe, known)))
    return made[_nearest(_blurred(made), known) < limit]


def _blurred(images: Image8) -> NDArray[np.float32]:
    """Return unit vectors of images with ink averaged over 2 by 2 pixels, `(n, 196)`."""
    small = images.reshape(-1, 14, 2, 14, 2).mean((2, 4), dtype=np.float32).reshape(-1, 196)
    unit: NDArray[np.float32] = small / np.linalg.norm(small, axis=1, keepdims=True)
    return unit


def _nearest(vectors: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the highest cosine similarity of each vector to one of the known."""
    parts = [vectors[i : i + _BATCH] @ known.T for i in range(0, len(vectors), _BATCH)]
    return np.concatenate([part.max(axis=1) for part in parts] or [np.zeros(0, np.float32)])
