"""Finding ink in a picture: paper and light, polarity, noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from mnistlab.images.connected import label_components
from mnistlab.images.grey import WORKING_SIDE, Grey, shrink

_FIT_SIDE = 64  # of a copy: the light on a page is smooth
_FIT_ROUNDS = 6
_WIDER = 13  # pixels of that copy, wider than a pen
_AROUND = 17  # pixels of that copy: less than half of such a square is ink
_EVEN = 0.25  # fraction of the pixels that have one and the same level, in pictures by a program
_LEAST_LIGHT = 30.0  # grey levels: darker shadows show nothing
_LEAST_CONTRAST = 24.0  # grey levels between paper and ink; less is an empty picture
_CLEAN = 1.0  # grey levels of noise up to which a picture was drawn by a program
_SPECK = 0.02  # of the largest piece of ink; smaller pieces are dust
_SPECK_SIDE = 128

Field = NDArray[np.float32]


def find_ink(grey: Grey) -> Grey:
    """Separate ink from paper, dark on light or light on dark, in even or uneven light.

    Parameters
    ----------
    grey : array (h, w) uint8

    Returns
    -------
    array (h', w') uint8
        Ink bright on black; all zero for an empty picture. It is smaller than the picture where
        the longer side exceeds `WORKING_SIDE`.
    """
    grey = shrink(grey, WORKING_SIDE)
    is_on_light = _is_on_light(grey)
    bright = 255 - grey if is_on_light else grey
    paper = _paper(bright)
    above = bright.astype(np.float32) - paper
    if _noise(above) > _CLEAN:
        shadow = _shadow(above)
        above -= shadow
        if is_on_light:  # ink absorbs a fraction of the light
            light = np.maximum(255 - paper - shadow, _LEAST_LIGHT)
            above *= float(np.median(light)) / light
    noise = _noise(above)
    top = float(np.quantile(above[above > above.max() / 2], 0.5)) if above.max() > 0 else 0.0
    if top < max(_LEAST_CONTRAST, 4 * noise):
        return np.zeros_like(grey)
    if noise <= _CLEAN:
        # Nothing to suppress: keep the grey rims, so that an image of MNIST stays what it is.
        return _stretch(above, 0.0, float(above.max()))
    ink = _stretch(above, max(0.4 * top, 3.5 * noise), 0.8 * top)
    return _without_specks(ink)


def _noise(above: Field) -> float:
    """Return the standard deviation of the paper's grain: ink covers less than half of it."""
    return 1.4826 * float(np.median(np.abs(above - np.median(above))))


def _shadow(above: Field) -> Field:
    """Return the light that the quadratic surface leaves, such as the edge of a hand's shadow.

    Opening by a square wider than any pen takes the ink away and leaves the light.
    """
    small = np.asarray(Image.fromarray(above).resize(_fitted(above.shape), Image.Resampling.BOX))
    level = Image.fromarray(np.clip(small + 128, 0, 255).astype(np.uint8))
    level = level.filter(ImageFilter.MinFilter(_WIDER)).filter(ImageFilter.MaxFilter(_WIDER))
    opened = np.asarray(level, np.float32)
    # Less its median: a paper's fine lines lie below every square, and are not light.
    light = Image.fromarray(opened - np.median(opened))
    size = (above.shape[1], above.shape[0])
    return np.asarray(light.resize(size, Image.Resampling.BICUBIC))


def _fitted(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return width and height of a copy whose longer side is at most `_FIT_SIDE`."""
    scale = min(1.0, _FIT_SIDE / max(shape))
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


def _is_on_light(grey: Grey) -> bool:
    """Whether the paper is lighter than the ink: the paper is what there is most of."""
    small = Image.fromarray(grey).resize(_fitted(grey.shape), Image.Resampling.BOX)
    if np.bincount(grey.ravel()).max() < _EVEN * grey.size:
        # A photo, perhaps half in shadow: ink differs from the paper around it to one side.
        around = np.asarray(small.filter(ImageFilter.MedianFilter(_AROUND)), np.float32)
        return float(((np.asarray(small, np.float32) - around) ** 3).mean()) < 0
    low, middle, high = np.percentile(grey, [1, 50, 99])
    if low == high:  # hardly any ink at all: look at the very extremes
        low, high = float(grey.min()), float(grey.max())
    return bool(high - middle < middle - low)


def _paper(bright: Grey) -> Field:
    """Return the paper's level at each pixel: a quadratic surface through all but the ink."""
    small = shrink(bright, _FIT_SIDE).astype(np.float64)
    basis = _quadratic(*small.shape)
    values = small.ravel()
    use = np.ones(len(values), bool)
    surface = np.full(len(values), np.median(values))
    for _ in range(_FIT_ROUNDS):
        rest = values - surface
        spread = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
        use = np.abs(rest - np.median(rest)) <= max(2.0 * spread, 1.0)
        if spread == 0 or use.sum() < 2 * basis.shape[1]:
            break
        weights, *_ = np.linalg.lstsq(basis[use], values[use], rcond=None)
        surface = basis @ weights
    level = np.clip(surface, 0, 255).reshape(small.shape).astype(np.float32)
    if not np.ptp(level):
        return np.full(bright.shape, level.flat[0], np.float32)
    size = (bright.shape[1], bright.shape[0])
    return np.asarray(Image.fromarray(level).resize(size, Image.Resampling.BILINEAR))


def _quadratic(height: int, width: int) -> NDArray[np.float64]:
    y = np.linspace(-1, 1, height).repeat(width)
    x = np.tile(np.linspace(-1, 1, width), height)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def _stretch(above: Field, low: float, high: float) -> Grey:
    scaled = np.clip((above - low) / max(high - low, 1.0), 0, 1) * 255
    ink: Grey = np.rint(scaled).astype(np.uint8)
    return ink


def _without_specks(ink: Grey) -> Grey:
    """Drop pieces of ink far smaller than the largest one."""
    small = shrink(ink, _SPECK_SIDE)
    pieces, _ = label_components(small > 32)
    mass = np.bincount(pieces.ravel(), weights=small.ravel())
    mass[0] = 0
    keep = mass >= _SPECK * mass.max(initial=0)
    keep[0] = False
    # A pixel around the pieces that stay: reducing has cut their faint rims.
    mask = Image.fromarray(keep[pieces].astype(np.uint8) * 255)
    size = (ink.shape[1], ink.shape[0])
    near = np.asarray(mask.resize(size, Image.Resampling.BICUBIC)) > 0
    return np.where(near, ink, 0).astype(np.uint8)
