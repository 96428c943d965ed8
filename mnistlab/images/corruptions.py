"""Sixteen corruptions in five severities, which make digits harder to read.

They follow MNIST-C (Mu and Gilmer 2019, arXiv:1906.02337), but corruptions and severities differ,
so results do not compare with those published for MNIST-C.

Each function takes images (n, 28, 28) from 0 to 1, a level and a generator, and returns as many
images, whose pixels may leave that range. Its random numbers do not depend on the level.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mnistlab.images.preprocessing import overlaps

Floats = NDArray[np.float32]
Images8 = NDArray[np.uint8]
Change = Callable[[Floats, float, Generator], Floats]

SEVERITIES = (1, 2, 3, 4, 5)
CHUNK = 100  # images at a time: 6 MB of intermediate arrays at most
_SIDE = 28
_CENTRE = (_SIDE - 1) / 2
_AXIS = np.arange(_SIDE, dtype=np.float32) - np.float32(_CENTRE)


def _gaussian_noise(x: Floats, deviation: float, rng: Generator) -> Floats:
    """Noise on every pixel; what it makes darker than black stays black."""
    return x + np.float32(deviation) * rng.standard_normal(x.shape, np.float32)


def _impulse_noise(x: Floats, fraction: float, rng: Generator) -> Floats:
    """Turn a fraction of the pixels black or white, half of them each."""
    draw = rng.random(x.shape, np.float32)
    changed = np.where(draw > 1 - fraction / 2, 1, x)
    return np.where(draw < fraction / 2, 0, changed).astype(np.float32)


def _contrast(x: Floats, factor: float, rng: Generator) -> Floats:
    """All pixels closer to the image's mean: fainter ink on a ground that is no longer black."""
    mean: Floats = x.mean(axis=(1, 2), keepdims=True)
    return mean + np.float32(factor) * (x - mean)


def _fog(x: Floats, amount: float, rng: Generator) -> Floats:
    """Clouds in front: smooth random fields of three sizes, each half as strong as the larger."""
    clouds = np.zeros_like(x)
    for points, weight in ((3, 4 / 7), (6, 2 / 7), (12, 1 / 7)):
        field = rng.random((len(x), points, points), np.float32)
        clouds += np.float32(weight) * _on_both_sides(_interpolation(points), field)
    return x + (1 - x) * (np.float32(amount) * (np.float32(0.5) + clouds))


def _inversion(x: Floats, fraction: float, rng: Generator) -> Floats:
    """Ink and ground change places in a fraction of the image, from a random side on."""
    along, _ = _lines(rng, len(x), through=0.0)
    reach = np.abs(along).max(axis=(1, 2), keepdims=True)
    return np.where(along < (2 * fraction - 1) * (reach + 1), 1 - x, x).astype(np.float32)


def _blur(x: Floats, deviation: float, rng: Generator) -> Floats:
    """Out of focus: a Gaussian of so many pixels; the ground beyond the edge is black."""
    weights = np.exp(-((_AXIS[:, None] - _AXIS) ** 2) / (2 * deviation**2))
    return _on_both_sides((weights / weights[_SIDE // 2].sum()).astype(np.float32), x)


def _motion_blur(x: Floats, length: float, rng: Generator) -> Floats:
    """The mean along a line of so many pixels, across, down or along a diagonal."""
    directions = ((0, 1, 1.0), (1, 1, math.sqrt(2)), (1, 0, 1.0), (1, -1, math.sqrt(2)))
    choice = rng.integers(len(directions), size=len(x))
    result = np.empty_like(x)
    for number, (down, right, step) in enumerate(directions):
        chosen = x[choice == number]
        reach = max(1, round((length / step - 1) / 2))
        padded = np.pad(chosen, ((0, 0), (reach, reach), (reach, reach)))
        total = np.zeros_like(chosen)
        for offset in range(-reach, reach + 1):
            top, left = reach + offset * down, reach + offset * right
            total += padded[:, top : top + _SIDE, left : left + _SIDE]
        result[choice == number] = total / (2 * reach + 1)
    return result


def _pixelation(x: Floats, blocks: float, rng: Generator) -> Floats:
    """Averaged down to so many blocks a side, each shown as one flat square."""
    averages = _averages(np.linspace(0, _SIDE, int(blocks) + 1))
    block = np.arange(_SIDE) * int(blocks) // _SIDE
    return _on_both_sides(averages[block], x)


def _shift(x: Floats, pixels: float, rng: Generator) -> Floats:
    """Off the middle by so many pixels, in a random direction; what leaves the image is lost."""
    angle = rng.uniform(0, 2 * math.pi, len(x))
    offset = pixels * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return _warped(x, np.broadcast_to(np.eye(2), (len(x), 2, 2)), offset)


def _rotation(x: Floats, degrees: float, rng: Generator) -> Floats:
    """Turned about the centre, to the left or to the right."""
    angle = math.radians(degrees) * rng.choice([-1, 1], len(x))
    cos, sin = np.cos(angle), np.sin(angle)
    return _warped(x, np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1))


def _shear(x: Floats, slope: float, rng: Generator) -> Floats:
    """Slanted to the left or to the right, by so many columns a row."""
    matrix = np.tile(np.eye(2), (len(x), 1, 1))
    matrix[:, 1, 0] = slope * rng.choice([-1, 1], len(x))
    return _warped(x, matrix)


def _scale(x: Floats, factor: float, rng: Generator) -> Floats:
    """Smaller about the centre, each pixel the mean of what it now covers."""
    edges = np.linspace(-_SIDE / 2, _SIDE / 2, _SIDE + 1) / factor + _SIDE / 2
    return _on_both_sides(_averages(edges), x)


def _stripes(x: Floats, brightness: float, rng: Generator) -> Floats:
    """Bright stripes two pixels wide, six apart, in a random direction."""
    along, _ = _lines(rng, len(x), through=3.0)
    return _drawn(x, np.float32(brightness) * np.clip(1.5 - _to_nearest(along, 6), 0, 1))


def _occlusion(x: Floats, side: float, rng: Generator) -> Floats:
    """A black square somewhere on the middle 20 by 20 pixels, where the digit is."""
    place = rng.random((len(x), 2, 1)).astype(np.float32)
    centre = (place - np.float32(0.5)) * (20 - np.float32(side))
    hit = np.abs(_AXIS - centre) <= side / 2
    return np.where(hit[:, 0, :, None] & hit[:, 1, None, :], 0, x).astype(np.float32)


def _dotted_lines(x: Floats, lines: float, rng: Generator) -> Floats:
    """Lines of dots, two pixels wide and four apart, across the image."""
    for _ in range(int(lines)):
        along, across = _lines(rng, len(x), through=8.0)
        distance = np.hypot(_to_nearest(along, 4), across)
        x = _drawn(x, np.clip(1.6 - distance, 0, 1))
    return x


def _zigzag(x: Floats, width: float, rng: Generator) -> Floats:
    """A zigzag line across the image, up and down by four pixels every ten."""
    along, across = _lines(rng, len(x), through=4.0)
    line = _to_nearest(along, 10) * np.float32(1.6) - 4
    distance = np.abs(across - line) / np.float32(math.hypot(1, 1.6))
    return _drawn(x, np.clip(np.float32(width / 2 + 0.5) - distance, 0, 1))


def _lines(rng: Generator, n: int, through: float) -> tuple[Floats, Floats]:
    """For every pixel of n images, how far along a random line it lies and how far beside it.

    Two arrays (n, 28, 28) in pixels. The line passes within `through` pixels of the middle.
    """
    draw = rng.random((n, 2, 1, 1)).astype(np.float32)
    angle, offset = 2 * np.float32(math.pi) * draw[:, 0], (2 * draw[:, 1] - 1) * through
    cos, sin = np.cos(angle), np.sin(angle)
    along = cos * _AXIS + sin * _AXIS[:, None]
    across = cos * _AXIS[:, None] - sin * _AXIS
    return along + np.float32(offset), across + np.float32(offset)


def _drawn(x: Floats, lines: Floats) -> Floats:
    """Bright lines over images, where they are brighter."""
    return x.clip(lines)


def _on_both_sides(matrix: Floats, x: Floats) -> Floats:
    """Rows and columns of images (n, k, k) mixed by a matrix (m, k): (n, m, m)."""
    return np.asarray(matrix @ x @ matrix.T, np.float32)


def _to_nearest(along: Floats, period: float) -> Floats:
    """The distance to the nearest multiple of `period`; NumPy's own modulo is far slower."""
    return abs(along - period * (along / period).round())


def _warped(
    x: Floats, matrix: NDArray[np.float64], offset: NDArray[np.float64] | None = None
) -> Floats:
    """Bilinear interpolation of images (n, 28, 28) at `matrix` (n, 2, 2) times each place.

    Places are rows and columns from the middle; `offset` (n, 2) is added. Black beyond the edge.
    """
    place = np.stack(np.meshgrid(_AXIS, _AXIS, indexing="ij")).reshape(2, -1)
    where = matrix.astype(np.float32) @ place + np.float32(_CENTRE + 1)
    if offset is not None:
        where = where + offset.astype(np.float32)[:, :, None]
    # A black rim, so that what lies outside needs no case of its own.
    side = _SIDE + 2
    pixels = np.pad(x, ((0, 0), (1, 1), (1, 1))).ravel()
    where = np.clip(where, 0, side - 1.001)
    corner = where.astype(np.intp)
    down, right = (where - corner).astype(np.float32).transpose(1, 0, 2)
    first = corner[:, 0] * side + corner[:, 1] + np.arange(len(x))[:, None] * side**2
    upper = pixels[first] * (1 - right) + pixels[first + 1] * right
    lower = pixels[first + side] * (1 - right) + pixels[first + side + 1] * right
    return np.asarray((upper * (1 - down) + lower * down).reshape(x.shape), np.float32)


def _averages(edges: NDArray[np.float64]) -> Floats:
    """(m, 28): the weight of each pixel in the mean between each edge and the next of m + 1."""
    return np.asarray(overlaps(edges, _SIDE) / np.diff(edges)[:, None], np.float32)


def _interpolation(points: int) -> Floats:
    """(28, points): linear interpolation of values at `points` places from edge to edge."""
    at = np.linspace(0, points - 1, _SIDE)[:, None]
    return np.asarray(np.maximum(0, 1 - np.abs(at - np.arange(points))), np.float32)


# Each change with its levels for severities 1 to 5. They were chosen so that a good network reads
# most of the first severity and loses much at the last, where people still read nearly all.
_TABLE: dict[str, tuple[Change, tuple[float, ...]]] = {
    "Gaussian noise": (_gaussian_noise, (0.06, 0.12, 0.18, 0.25, 0.35)),
    "Impulse noise": (_impulse_noise, (0.02, 0.05, 0.1, 0.16, 0.25)),
    "Blur": (_blur, (0.7, 1.0, 1.3, 1.6, 2.0)),
    "Motion blur": (_motion_blur, (3, 5, 7, 9, 11)),
    "Pixelation": (_pixelation, (14, 11, 9, 7, 6)),
    "Shift": (_shift, (2, 4, 5, 6, 7)),
    "Rotation": (_rotation, (15, 25, 35, 45, 55)),
    "Scale": (_scale, (0.85, 0.7, 0.6, 0.5, 0.4)),
    "Shear": (_shear, (0.25, 0.5, 0.75, 1.0, 1.25)),
    "Contrast": (_contrast, (0.8, 0.65, 0.5, 0.35, 0.2)),
    "Fog": (_fog, (0.05, 0.1, 0.2, 0.3, 0.45)),
    "Inversion": (_inversion, (0.1, 0.2, 0.35, 0.5, 1.0)),
    "Stripes": (_stripes, (0.1, 0.2, 0.3, 0.45, 0.6)),
    "Occlusion": (_occlusion, (4, 6, 8, 10, 12)),
    "Dotted lines": (_dotted_lines, (1, 2, 3, 4, 5)),
    "Zigzag": (_zigzag, (0.0, 0.5, 1.0, 1.5, 2.0)),
}

CORRUPTIONS = tuple(_TABLE)
"""Their names, for people, in the order of all lists."""


def corrupted_chunks(images: Images8, name: str, severity: int, seed: int = 0) -> Iterator[Images8]:
    """Corrupt images, each with its own noise, direction or place, and yield `CHUNK` at a time.

    A seed draws the same noise, directions and places for every severity, so that severities
    differ in nothing but their degree.

    Parameters
    ----------
    images : array (n, 28, 28) uint8
        Left as they are. Another shape or dtype raises `ValueError` at once.
    name, severity : of `CORRUPTIONS` and `SEVERITIES`; `ValueError` otherwise
    seed : int, at least 0
    """
    if name not in _TABLE:
        raise ValueError(f"Unknown corruption {name!r}; choose from {', '.join(CORRUPTIONS)}.")
    if severity not in SEVERITIES:
        raise ValueError(f"Unknown severity {severity!r}; choose from 1, 2, 3, 4, 5.")
    if images.dtype != np.uint8 or images.shape[1:] != (_SIDE, _SIDE):
        raise ValueError(
            f"Give images as (n, 28, 28) uint8, not {images.shape} {images.dtype}; "
            "mnistlab.preprocess makes them."
        )
    change, levels = _TABLE[name]

    def chunk(start: int) -> Images8:
        x = images[start : start + CHUNK].astype(np.float32) / np.float32(255)
        corrupted = change(x, levels[severity - 1], np.random.default_rng((seed, start)))
        return (corrupted.clip(0, 1) * 255).round().astype(np.uint8)

    return map(chunk, range(0, len(images), CHUNK))
