"""From any picture to grey levels, upright, in little memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

WORKING_SIDE = 1000
"""Larger pictures are reduced to this longer side, in pixels: a digit needs far fewer."""

_STRIP = 64  # rows, after reduction, that are converted at once
_ORIENTATION = ExifTags.Base.Orientation
_DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras and scanners give to a level

Grey = NDArray[np.uint8]
White = tuple[float, ...]
"""The level of white in each band of a picture."""


def to_grey(image: Image.Image) -> Grey:
    """Return the luminance of any Pillow image, upright, transparent parts on white paper.

    Returns
    -------
    array (h, w) uint8
        In the size of the picture, or a whole fraction of it where its longer side is at least
        four times `WORKING_SIDE`.
    """
    white = _load(image)
    grey = _in_strips(image, "white", white)
    if not np.ptp(grey) and _is_transparent(image):
        # White ink on a transparent ground.
        grey = _in_strips(image, "black", white)
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


def _in_strips(image: Image.Image, ground: str, white: White) -> Grey:
    """Convert and reduce a large picture piece by piece: whole copies would cost its memory."""
    width, height = image.size
    factor = max(image.size) // (2 * WORKING_SIDE)
    if factor < 2:
        return _levels(image, ground, white)
    strips = []
    for top in range(0, height, _STRIP * factor):
        strip = image.crop((0, top, width, min(top + _STRIP * factor, height)))
        strips.append(Image.fromarray(_levels(strip, ground, white)).reduce(factor))
    return np.concatenate([np.asarray(strip) for strip in strips])


def _levels(image: Image.Image, ground: str, white: White) -> Grey:
    if _is_deep(image):
        # 16 and 32 bits a pixel: Pillow's own conversion would clip everything above 255.
        values = np.nan_to_num(np.asarray(image, np.float32), nan=white[0])  # no value: paper
        deep: Grey = np.clip(values * (255 / white[0]), 0, 255).astype(np.uint8)
        return deep
    if any(full < 255 for full in white):
        image = image.point([min(255, int(255 * at / full)) for full in white for at in range(256)])
    if image.mode == "LAB":  # which Pillow converts by colour profiles only
        return np.asarray(image.getchannel("L"))
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


def _load(image: Image.Image) -> White:
    """Decode a picture that was only opened, and return the level of white in each band.

    Deep pictures do not say how many of their bits they use: cameras and scanners keep 10, 12 or
    14 bits in 16.
    """
    tiles = getattr(image, "tile", ())
    is_cut = any(";16" in str(tile.args) for tile in tiles[:1])
    image.load()
    if _is_deep(image):
        return (_full_scale(image),)
    bands = image.getbands()
    if not is_cut:
        return (255,) * len(bands)
    # Pillow keeps the upper 8 of the 16 bits of a colour.
    highest = {band: 256 * int(np.asarray(image.getchannel(band)).max()) for band in bands}
    alpha, colour = highest.pop("A", 0), max(highest.values())
    return tuple(max(1, _all_ones(alpha if band == "A" else colour) // 256) for band in bands)


def _full_scale(image: Image.Image) -> float:
    """Return the level of white of a deep picture, read piece by piece to save memory."""
    highest = 0.0
    for top in range(0, image.height, _STRIP):
        values = np.asarray(image.crop((0, top, image.width, min(top + _STRIP, image.height))))
        highest = max(highest, float(values.max(initial=0, where=np.isfinite(values))))
    if image.mode == "F" and highest <= 1:
        return 1.0
    return _all_ones(highest)


def _all_ones(highest: float) -> float:
    """Return the largest number of as many bits as it takes, or `highest` itself beyond 16."""
    return next((2.0**bits - 1 for bits in _DEPTHS if highest < 2**bits), highest)
