"""Images as a bad camera, a scanner or a hurried hand would leave them.

In the manner of MNIST-C (Mu and Gilmer 2019), but with kinds and strengths of our own: figures do
not compare with those published for MNIST-C.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SEVERITIES = (1, 2, 3, 4, 5)
_SIDE = 28

Images = NDArray[np.uint8]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
_Change = Callable[[Floats, int, np.random.Generator], np.ndarray]


def corrupt(images: Images, name: str, severity: int, seed: int = 0) -> Images:
    """Images changed in one way; the same for the same seed.

    Parameters
    ----------
    images : array (n, 28, 28) uint8
        Left as they are.
    name : one of `CORRUPTIONS`
    severity : 1 (hardly seen) to 5 (strong)

    Returns
    -------
    array (n, 28, 28) uint8

    Raises
    ------
    ValueError
        For another name or severity.
    """
    if name not in _CHANGES or severity not in SEVERITIES:
        raise ValueError(
            f"There is no corruption {name!r} of severity {severity!r}; choose one of "
            f"{', '.join(CORRUPTIONS)} and a severity from 1 to 5."
        )
    rng = np.random.default_rng([seed, CORRUPTIONS.index(name), severity])
    changed = _CHANGES[name](images.astype(np.float32), severity - 1, rng)
    result: Images = np.clip(np.round(changed), 0, 255).astype(np.uint8)
    return result


# Noise


def _gaussian_noise(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    return x + rng.normal(0, (25, 45, 65, 90, 120)[s], x.shape).astype(np.float32)


def _impulse_noise(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    draw = rng.random(x.shape)
    share = (0.02, 0.05, 0.1, 0.17, 0.25)[s]
    return np.where(draw < share / 2, 0, np.where(draw > 1 - share / 2, 255, x)).astype(np.float32)


def _speckle(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    return x * (1 + rng.normal(0, (0.3, 0.5, 0.8, 1.2, 1.8)[s], x.shape).astype(np.float32))


# Sharpness and light


def _blur(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    width = (0.6, 0.9, 1.2, 1.6, 2.1)[s]
    reach = np.arange(-6, 7)
    weights = np.exp(-0.5 * (reach / width) ** 2)
    weights /= weights.sum()
    return _along(_along(x, weights, 1), weights, 2)


def _motion_blur(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    length = (3, 4, 6, 8, 10)[s]
    angle = rng.uniform(0, np.pi, len(x))
    total = np.zeros_like(x)
    for step in np.linspace(-length / 2, length / 2, 2 * length + 1):
        total += _moved(x, step * np.cos(angle), step * np.sin(angle))
    return total / (2 * length + 1)


def _fog(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    strength = (0.2, 0.35, 0.5, 0.62, 0.74)[s]
    coarse = rng.random((len(x), 5, 5)).astype(np.float32)
    smooth = _along(_along(np.repeat(np.repeat(coarse, 6, 1), 6, 2)[:, :_SIDE, :_SIDE],
                           np.ones(7) / 7, 1), np.ones(7) / 7, 2)  # fmt: skip
    return x * (1 - strength) + 255 * strength * smooth


def _contrast(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    return 128 + (x - 128) * np.float32((0.6, 0.4, 0.27, 0.18, 0.12)[s])


def _inversion(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    # From a grey veil to white paper with black ink.
    return x + (255 - 2 * x) * np.float32((0.2, 0.35, 0.45, 0.7, 1.0)[s])


# Place and shape


def _shift(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    by, angle = (1.5, 2.5, 3.5, 5, 6.5)[s], rng.uniform(0, 2 * np.pi, len(x))
    return _moved(x, by * np.cos(angle), by * np.sin(angle))


def _rotation(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    angle = np.radians((10, 18, 27, 37, 48)[s]) * _signs(rng, len(x))
    cos, sin = np.cos(angle), np.sin(angle)
    return _mapped(x, cos, sin, -sin, cos)


def _scale(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    one = np.full(len(x), 1 / (0.85, 0.72, 0.6, 0.5, 0.42)[s])
    return _mapped(x, one, 0 * one, 0 * one, one)


def _shear(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    lean = (0.2, 0.35, 0.5, 0.7, 0.9)[s] * _signs(rng, len(x))
    one = np.ones(len(x))
    return _mapped(x, one, lean, 0 * one, one)


# Things over the digit


def _stripes(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    period, strength = 6, (0.15, 0.3, 0.5, 0.75, 1.0)[s]
    phase = rng.integers(0, period, len(x))
    rows = (np.arange(_SIDE)[None, :] + phase[:, None]) % period < 2
    changed: np.ndarray = np.maximum(x, 255 * strength * rows[:, :, None].astype(np.float32))
    return changed


def _occlusion(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    side = (5, 7, 9, 11, 13)[s]
    left, top = rng.integers(4, 24 - side + 1, (2, len(x)))
    axis = np.arange(_SIDE)
    columns = (axis >= left[:, None]) & (axis < left[:, None] + side)
    rows = (axis >= top[:, None]) & (axis < top[:, None] + side)
    changed: np.ndarray = x * ~(rows[:, :, None] & columns[:, None, :])
    return changed


def _dotted_line(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    lines = (1, 2, 3, 4, 6)[s]
    t = np.arange(_SIDE)
    result = x.copy()
    which = np.arange(len(x))[:, None]
    for _ in range(lines):
        start, slope = rng.uniform(4, 24, len(x)), rng.uniform(-0.6, 0.6, len(x))
        at = np.round(start[:, None] + slope[:, None] * (t - 14)).astype(int)
        there = (at >= 0) & (at < _SIDE) & (t % 3 != 2)
        at = np.clip(at, 0, _SIDE - 1)
        result[which, at, t[None]] = np.where(there, 255, result[which, at, t[None]])
    return result


def _zigzag(x: Floats, s: int, rng: np.random.Generator) -> np.ndarray:
    strength = (0.25, 0.4, 0.6, 0.8, 1.0)[s]
    t = np.arange(_SIDE)
    height, phase = rng.uniform(6, 22, len(x)), rng.integers(0, 8, len(x))
    wave = np.abs((t[None] + phase[:, None]) % 8 - 4) * 1.5 - 3
    at = height[:, None] + wave
    away = np.abs(np.arange(_SIDE)[None, :, None] - at[:, None, :])
    line = np.clip(1.6 - away, 0, 1).astype(np.float32)
    changed: np.ndarray = np.maximum(x, 255 * strength * line)
    return changed


_CHANGES: dict[str, _Change] = {
    "Gaussian noise": _gaussian_noise,
    "impulse noise": _impulse_noise,
    "speckle": _speckle,
    "blur": _blur,
    "motion blur": _motion_blur,
    "fog": _fog,
    "low contrast": _contrast,
    "inversion": _inversion,
    "shift": _shift,
    "rotation": _rotation,
    "smaller scale": _scale,
    "shear": _shear,
    "stripes": _stripes,
    "occlusion": _occlusion,
    "dotted lines": _dotted_line,
    "zigzag": _zigzag,
}
CORRUPTIONS = tuple(_CHANGES)


# Their parts


def _signs(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, 2, n) * 2.0 - 1


def _along(x: Floats, weights: Doubles, axis: int) -> np.ndarray:
    """A convolution along one axis, black beyond the edge."""
    reach = len(weights) // 2
    padding = [(0, 0), (0, 0), (0, 0)]
    padding[axis] = (reach, reach)
    padded = np.pad(x, padding)
    total = np.zeros_like(x)
    for i, weight in enumerate(weights):
        part = [slice(None)] * 3
        part[axis] = slice(i, i + x.shape[axis])
        total += np.float32(weight) * padded[tuple(part)]
    return total


def _moved(x: Floats, right: Doubles, down: Doubles) -> np.ndarray:
    one, none = np.ones(len(x)), np.zeros(len(x))
    return _mapped(x, one, none, none, one, -right, -down)


def _mapped(
    x: Floats,
    xx: Doubles,
    xy: Doubles,
    yx: Doubles,
    yy: Doubles,
    dx: Doubles | float = 0.0,
    dy: Doubles | float = 0.0,
) -> np.ndarray:
    """Images read at other places: column `xx * x + xy * y + dx`, row likewise, from the centre."""
    centre = (_SIDE - 1) / 2
    rows, columns = np.mgrid[:_SIDE, :_SIDE] - centre

    def place(by_x: Doubles, by_y: Doubles, shift: object) -> np.ndarray:
        moved = np.broadcast_to(np.asarray(shift, float), (len(x),))
        turned = by_x[:, None, None] * columns + by_y[:, None, None] * rows
        there: np.ndarray = turned + moved[:, None, None] + centre
        return there

    return _bilinear(x, place(xx, xy, dx), place(yx, yy, dy))


def _bilinear(x: Floats, column: Doubles, row: Doubles) -> np.ndarray:
    """Values between pixels, black beyond a rim of two pixels."""
    side = _SIDE + 4
    flat = np.pad(x, ((0, 0), (2, 2), (2, 2))).reshape(len(x), -1)
    column, row = (np.clip(at + 2, 0, side - 1.001) for at in (column, row))
    left, top = column.astype(int), row.astype(int)
    right_share, low_share = (column - left).astype(np.float32), (row - top).astype(np.float32)
    corner = (top * side + left).reshape(len(x), -1)

    def at(offset: int) -> np.ndarray:
        return np.take_along_axis(flat, corner + offset, 1).reshape(x.shape)

    upper = at(0) * (1 - right_share) + at(1) * right_share
    lower = at(side) * (1 - right_share) + at(side + 1) * right_share
    result: np.ndarray = upper * (1 - low_share) + lower * low_share
    return result
