"""A map of images as one picture: each point is its digit, in its digit's colour."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 640, 480
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_MARGIN = 12
_FONT_SIZE = 11

# Paul Tol's light scheme and a violet, on the dark ground of the map: told apart with any colour
# vision. And the glyph of each point is its digit, so that no colour is needed at all.
COLOURS = (
    "#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#99ddff",
    "#44bb99", "#bbcc33", "#aaaa00", "#dddddd", "#c792ea",
)  # fmt: skip


class MapFrame:
    """Where points (n, 2) of any range lie on the picture."""

    def __init__(self, points: np.ndarray) -> None:
        # Outsiders would press all others together: the outermost half percent sit on the edge.
        self._low, self._high = np.percentile(points, [0.5, 99.5], axis=0)

    def place(self, points: np.ndarray) -> np.ndarray:
        """Pixels (n, 2), x and y, within the margins."""
        fraction = (points - self._low) / np.maximum(self._high - self._low, 1e-9)
        size = np.array([WIDTH, HEIGHT]) - 2 * _MARGIN
        placed: np.ndarray = _MARGIN + np.clip(fraction, 0, 1) * size
        return placed


def draw_map(
    places: np.ndarray, labels: np.ndarray, marked: np.ndarray, here: np.ndarray | None
) -> np.ndarray:
    """The map as an image (480, 640, 4) uint8.

    Parameters
    ----------
    places : pixels (n, 2)
    labels : digits (n,)
    marked : (n,) bool, the points that are selected; where none is, all are shown alike
    here : pixels (2,) of the drawing on the pad, or None
    """
    image = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(_FONT_SIZE)
    glyphs = [_glyph(str(digit), colour, font) for digit, colour in enumerate(COLOURS)]
    faint = [_faint(glyph) for glyph in glyphs]
    some = bool(marked.any())
    for (x, y), label, is_marked in zip(places, labels, marked, strict=True):
        glyph = glyphs[label] if is_marked or not some else faint[label]
        corner = int(x) - glyph.width // 2, int(y) - glyph.height // 2
        image.alpha_composite(glyph, (max(0, corner[0]), max(0, corner[1])))
    if here is not None:
        x, y = here
        for radius, colour in ((11, "#ffffff"), (9, "#000000")):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=colour, width=3)
    return np.asarray(image)


def _glyph(
    text: str, colour: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> Image.Image:
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    glyph = Image.new("RGBA", (right - left + 1, bottom - top + 1), (0, 0, 0, 0))
    ImageDraw.Draw(glyph).text((-left, -top), text, fill=colour, font=font)
    return glyph


def _faint(glyph: Image.Image) -> Image.Image:
    values = np.asarray(glyph).copy()
    values[..., 3] = values[..., 3] // 5
    return Image.fromarray(values)
