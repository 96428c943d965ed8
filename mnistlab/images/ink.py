"""Finding ink in a picture: polarity, the light on the paper, noise, and what is not a digit.

The paper under the ink is found by a grey-scale closing (Serra, *Image Analysis and Mathematical
Morphology*, 1982): whatever is narrower than a window is replaced by the level around it. Ink is
narrow. Shadows, overexposed patches and sheets of paper are wide, so their edges stay part of the
paper, however hard they are. How wide the pen is comes from the picture's pattern spectrum
(Maragos, "Pattern spectrum and multiscale shape representation", IEEE PAMI 11(7), 1989).

Straight shadows as narrow as a pen are found by `bands`.

Every constant was tuned on `drawings-dev.jsonl` (tuning data) rendered as photos, see
`benchmarks/photos.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnistlab.images.bands import bands
from mnistlab.images.filters import closed, median
from mnistlab.images.grey import WORKING_SIDE, Grey, shrink
from mnistlab.images.strays import RIM, away_from_ink, without_strays

_COPY_SIDE = 160  # pixels of the copy on which light and pen are measured
_WIDTHS = (3, 5, 7, 9, 13, 19, 27, 39, 55)  # pixels of that copy that a pen may be wide
_SETTLED = 0.5  # of the contrast within two widths more: at that width most strokes are seen
_WIDER = 1.5  # times the pen's width: the window, for blots and crossings
_LEAST_LIGHT = 30.0  # grey levels: darker paper shows nothing
_LEAST_CONTRAST = 24.0  # grey levels between paper and ink; less is an empty picture
_FAINT, _FULL = 0.4, 0.8  # of the ink's typical absorption: 0 and 255 in the result
_PALE = 0.75  # of the ink's typical absorption: a darker band is a stroke
_DOT = 0.1  # of the pen's width squared: less ink is the edge of a shadow on empty paper
_LEAST_RAMP = 0.05  # share of the light: at least as far apart are those two

_EVEN = 0.25  # fraction of the pixels that have one and the same level, in pictures by a program
_FLAT = 3.0  # grey levels by which the paper of such a picture varies
_LIGHTER = 2  # grey levels above the paper; more is not the paper of such a picture
_FEW = 0.05  # fraction of such pixels that residue of compression explains
_TINY_SIDE = 64  # pixels: in smaller pictures by a program, single pixels are part of a stroke
_RESIDUE = 0.01  # fraction of the pixels that are faint and touch no ink, after compression

Field = NDArray[np.float32]


def find_ink(grey: Grey) -> Grey:
    """Separate ink from paper, dark on light or light on dark, in any light.

    Parameters
    ----------
    grey : array (h, w) uint8

    Returns
    -------
    array (h', w') uint8
        Ink bright on black; all zero for an empty picture. It is smaller than the picture where
        the longer side exceeds `WORKING_SIDE`. A small picture by a program, such as an image of
        MNIST, keeps all its grey levels.
    """
    grey = shrink(grey, WORKING_SIDE)
    drawn = _on_even_paper(grey)
    if drawn is None:
        dark, width = max(((way, *_pen(way)) for way in (grey, ~grey)), key=lambda way: way[1])[::2]
        return _from_photo(dark, width)
    ink = _from_drawing(drawn)
    return _from_photo(drawn, _pen(drawn)[1]) if ink is None else ink


def _on_even_paper(grey: Grey) -> Grey | None:
    """Return a picture by a program with its ink darker than the paper; None for a photo."""
    counts = np.bincount(grey.ravel(), minlength=256)
    level = int(counts.argmax())
    if counts[level] < _EVEN * grey.size:
        return None
    is_on_light = counts @ (np.arange(256.0) - level) ** 3 <= 0
    dark, level = (grey, level) if is_on_light else (~grey, 255 - level)
    light = closed(median(shrink(dark, _COPY_SIDE)), _WIDTHS[-1])
    low, high = np.percentile(light, [5, 95])
    is_even = high - low < _FLAT and (dark > level + _LIGHTER).mean() < _FEW
    return dark if is_even else None


def _from_drawing(dark: Grey) -> Grey | None:
    """Return the ink of a picture by a program; None for a large one with residue of JPEG."""
    below = np.maximum(_level(dark) - dark.astype(np.float32), 0)
    most = float(below.max())
    if most < _LEAST_CONTRAST:
        return np.zeros_like(dark)
    ink = np.rint(below * (255 / most)).astype(np.uint8)
    residue = float(away_from_ink(ink).mean())
    if max(dark.shape) < _TINY_SIDE and residue < _RESIDUE:
        return ink
    if residue > 0 and max(dark.shape) >= _COPY_SIDE:
        return None
    if residue > 0:
        ink = np.where(ink > RIM, ink, 0).astype(np.uint8)
    return without_strays(ink, below)


def _level(grey: Grey) -> int:
    return int(np.bincount(grey.ravel()).argmax())


def _from_photo(dark: Grey, width: float) -> Grey:
    """Return the ink of a photo with ink darker than paper, by a pen `width` pixels wide."""
    dark = _smoothed(dark)
    paper = closed(dark, round(width * _WIDER) | 1)
    below = (paper - dark).astype(np.float32)
    below -= np.median(_sample(below))
    noise = _noise(below)
    strong = _strong(below, noise)
    if strong is None:
        return np.zeros_like(dark)
    # Ink absorbs a fraction of the light, grain does not depend on it.
    light = np.maximum(paper, _LEAST_LIGHT).astype(np.float32)
    absorbed = below / light
    typical = float(np.median(absorbed[strong]))
    band = bands(absorbed)
    band = np.where(band > _PALE * typical, 0, band)
    absorbed = (absorbed - band) / (1 - band)
    below = absorbed * light
    if _strong(below, noise) is None:
        return np.zeros_like(dark)
    low = np.maximum(_FAINT * typical, 3.5 * noise / light)
    ramp = np.maximum(_FULL * typical - low, _LEAST_RAMP)
    ink = np.rint(np.clip((absorbed - low) / ramp, 0, 1) * 255).astype(np.uint8)
    ink = without_strays(ink, below)
    return ink if (ink > RIM).sum() >= _DOT * width**2 else np.zeros_like(ink)


def _strong(below: Field, noise: float) -> NDArray[np.bool_] | None:
    """Return (h, w), where ink is darkest against the paper; None without ink."""
    strong = below > max(float(below.max()) / 2, 1.0)
    if not strong.any() or np.median(below[strong]) < max(_LEAST_CONTRAST, 4 * noise):
        return None
    return np.asarray(strong)


def _smoothed(grey: Grey) -> Grey:
    """Take the grain out, in pictures where a pen is wider than three pixels."""
    return median(grey) if max(grey.shape) >= _COPY_SIDE else grey


def _sample(field: Field) -> Field:
    """Return each ninth pixel of a large picture: enough for a median."""
    return field[::3, ::3] if max(field.shape) >= _COPY_SIDE else field


def _noise(field: Field) -> float:
    """Return the standard deviation of the paper's grain: ink covers less than half of it."""
    values = _sample(field)
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def _pen(dark: Grey) -> tuple[float, float]:
    """Return how much of the contrast is narrow and dark, and the pen's width in pixels.

    The wider a closing's window, the more dark parts disappear in it. What each width adds, cubed
    to favour ink before lines of paper, and divided by the width's square, is large for strokes
    and small for shadows and the gaps between strokes.
    """
    small = _smoothed(shrink(dark, _COPY_SIDE))
    # Edges of paper lie near the border, digits mostly do not: contrast there counts less.
    y, x = (np.sin(np.pi * (np.arange(side) + 0.5) / side) for side in small.shape)
    contrast = [
        float(y @ (closed(small, width) - small).astype(np.float32) ** 3 @ x) for width in _WIDTHS
    ]
    narrow = np.diff(contrast, prepend=0) / np.square(_WIDTHS)
    at = int(narrow.argmax())
    while contrast[at] < _SETTLED * contrast[min(at + 2, len(_WIDTHS) - 1)]:
        at += 1
    scale = max(1.0, max(dark.shape) / _COPY_SIDE)
    return float(narrow.sum()), _WIDTHS[at] * scale
