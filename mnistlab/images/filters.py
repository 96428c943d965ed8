"""Median and closing of grey levels, in a few passes over whole arrays of bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

_SLANT = 0.293  # of an octagon's width: how far each of its slanted sides reaches
_WAYS = ((0, 1), (1, 0), (1, 1), (1, -1))  # rows and columns of a step along each pair of sides


def closed(grey: Grey, width: int) -> Grey:
    """Return the closing of (h, w) uint8 by an octagon.

    Dark parts take the level around them where no octagon of `width` pixels, an odd number, fits
    into them. Edges of wider parts stay where they are, whichever way they run.
    """
    return ~spread(~spread(grey, width), width)


def spread(grey: Grey, width: int) -> Grey:
    """Return the greatest level in an octagon of `width` pixels around each pixel of (h, w).

    An octagon is a line spread along itself and three other lines (Adams, "Radial decomposition of
    discs and spheres", CVGIP 55(5), 1993). Outside, the border's own pixels continue.
    """
    slant = round(_SLANT * width) if width > 3 else 0
    straight = width - 1 - 2 * slant
    grey = np.pad(grey, width // 2, mode="edge")
    for (down, right), length in zip(_WAYS, (straight, straight, slant, slant), strict=True):
        reach = 0
        while reach < length:  # each pass doubles the line's length
            step = min(reach + 1, length - reach)
            grey = _greater_of_two(grey, down * step, right * step)
            reach += step
    return grey


def _greater_of_two(grey: Grey, down: int, right: int) -> Grey:
    """Return the greater of each pixel and the one that lies `down` and `right` of it."""
    height, width = grey.shape[0] - down, grey.shape[1] - abs(right)
    left = max(-right, 0)
    here = grey[:height, left : left + width]
    return np.maximum(here, grey[down:, left + right : left + right + width])


def grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a (h, w) mask with the eight neighbours of each of its pixels."""
    return spread(mask.astype(np.uint8), 3) > 0


def median(grey: Grey) -> Grey:
    """Return the median of the 3 x 3 pixels around each of (h, w) uint8.

    Of three sorted columns, it is the median of the greatest low, the middle middle and the least
    high (Smith, "Implementing median filters in XC4000E FPGAs", 1996).
    """
    grey = np.pad(grey, 1, mode="edge")
    low, middle, high = _sorted(grey[:-2], grey[1:-1], grey[2:])
    greatest_low = np.maximum(np.maximum(low[:, :-2], low[:, 1:-1]), low[:, 2:])
    least_high = np.minimum(np.minimum(high[:, :-2], high[:, 1:-1]), high[:, 2:])
    _, middle, _ = _sorted(middle[:, :-2], middle[:, 1:-1], middle[:, 2:])
    return _sorted(greatest_low, middle, least_high)[1]


def _sorted(a: Grey, b: Grey, c: Grey) -> tuple[Grey, Grey, Grey]:
    """Sort three arrays, pixel by pixel."""
    a, b = np.minimum(a, b), np.maximum(a, b)
    b, c = np.minimum(b, c), np.maximum(b, c)
    return np.minimum(a, b), np.maximum(a, b), c
