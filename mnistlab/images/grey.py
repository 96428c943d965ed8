"""From any picture to grey levels, upright, in little memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

WORKING_SIDE = 1000
"""Larger pictures are reduced to this longer side, in pixels: a digit needs far fewer."""

_STRIP = 64  # rows, after reduction, that are converted at once
_ORIENTATION = ExifTags.Base.Orientation

Grey = NDArray[np.uint8]


def to_grey(image: Image.Image) -> Grey:
    """Return the luminance of any Pillow image, upright, transparent parts on white paper.

    Returns
    -------
    array (h, w) uint8
        In the size of the picture, or a whole fraction of it where its longer side is at least
        four times `WORKING_SIDE`.
    """
    grey = _in_strips(image, "white")
    if not np.ptp(grey) and _is_transparent(image):
        # White ink on a transparent ground.
        grey = _in_strips(image, "black")
    upright = Image.fromarray(grey)
    upright.getexif()[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)
    return np.asarray(ImageOps.exif_transpose(upright))


def shrink(grey: Grey, side: int) -> Grey:
    """Make a picture fit a square of `side` pixels by averaging areas."""
    scale = side / max(grey.shape)
    if scale >= 1:
        return grey
    height, width = (max(1, round(length * scale)) for length in grey.shape)
    return np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.BOX))


def _in_strips(image: Image.Image, ground: str) -> Grey:
    """Convert and reduce a large picture piece by piece: whole copies would cost its memory."""
    width, height = image.size
    factor, full = max(image.size) // (2 * WORKING_SIDE), _full_scale(image)
    if factor < 2:
        return _levels(image, ground, full)
    strips = []
    for top in range(0, height, _STRIP * factor):
        strip = image.crop((0, top, width, min(top + _STRIP * factor, height)))
        strips.append(Image.fromarray(_levels(strip, ground, full)).reduce(factor))
    return np.concatenate([np.asarray(strip) for strip in strips])


def _levels(image: Image.Image, ground: str, full: float) -> Grey:
    if _is_deep(image):
        # 16 and 32 bits a pixel: Pillow's own conversion would clip everything above 255.
        values = np.nan_to_num(np.asarray(image, np.float32))
        deep: Grey = np.clip(values * (255 / full), 0, 255).astype(np.uint8)
        return deep
    if _is_transparent(image):
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, ground)
        image = Image.alpha_composite(paper, image)
    return np.asarray(image.convert("L"), np.uint8)


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def _is_transparent(image: Image.Image) -> bool:
    with_alpha = ("PA", "LA", "La", "RGBa", "RGBA")
    return image.mode in with_alpha or "transparency" in image.info


def _full_scale(image: Image.Image) -> float:
    """Return the level of white; deep pictures do not say how many of their bits they use."""
    if not _is_deep(image):
        return 255.0
    highest = np.asarray(image).max(initial=0)
    return 65535.0 if highest > 255 else 255.0
