"""Many digits in one picture: a sheet with captions, a mosaic, and a map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mnistlab.markup import data_uri, escape

_SIDE = 28
MAP_WIDTH, MAP_HEIGHT = 640, 480
_MARGIN = 12  # of a map, in pixels
_FONT_SIZE = 11

# Paul Tol's light scheme and a violet, on the dark ground of the map: told apart with any colour
# vision. And the glyph of each point is its digit, so that no colour is needed at all.
_COLOURS = (
    "#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#99ddff",
    "#44bb99", "#bbcc33", "#aaaa00", "#dddddd", "#c792ea",
)  # fmt: skip


def picture_sheet(
    images: NDArray[np.uint8], captions: Sequence[Sequence[str]], name: str, label: str
) -> str:
    """A list of images (n, 28, 28), cut from one PNG, each with the lines of its caption under it.

    `name` is unlike any other sheet's on the page; `label` says in words what the images are.
    """
    if not len(images):
        return ""
    strip = np.concatenate(list(images), axis=1)
    figures = "".join(
        f"<li><svg viewBox='{_SIDE * i} 0 {_SIDE} {_SIDE}' role='img' "
        f"aria-label='{escape('; '.join(lines))}'><use href='#{escape(name)}'/></svg>"
        f"<span aria-hidden='true'>{'<br>'.join(map(escape, lines))}</span></li>"
        for i, lines in enumerate(captions)
    )
    # An image in the page, not in the background: browsers leave backgrounds out when they print.
    return (
        f"<svg class='ml-sheet' width='0' height='0' aria-hidden='true'><defs><image "
        f"id='{escape(name)}' width='{strip.shape[1]}' height='{_SIDE}' "
        f"href='{data_uri(strip)}'/></defs></svg>"
        f"<ul class='ml-pictures' aria-label='{escape(label)}'>{figures}</ul>"
    )


def mosaic(images: NDArray[np.uint8], columns: int = 10, zoom: int = 2) -> NDArray[np.uint8]:
    """Images (n, 28, 28) side by side in one array, with a dark line between them.

    Returns `(rows * 30 * zoom, columns * 30 * zoom)`; the last row is filled with black.
    """
    rows = -(-len(images) // columns)
    tiles = np.zeros((rows * columns, 30, 30), np.uint8)
    tiles[: len(images), 1:29, 1:29] = images
    sheet = tiles.reshape(rows, columns, 30, 30).swapaxes(1, 2).reshape(rows * 30, columns * 30)
    return sheet.repeat(zoom, 0).repeat(zoom, 1)


class MapFrame:
    """Where points (n, 2) of any range lie on a map."""

    def __init__(self, points: np.ndarray) -> None:
        # Outsiders would press all others together: the outermost half percent sit on the edge.
        self._low, self._high = np.percentile(points, [0.5, 99.5], axis=0)

    def place(self, points: np.ndarray) -> np.ndarray:
        """Pixels (n, 2), x and y, within the margins."""
        fraction = (points - self._low) / np.maximum(self._high - self._low, 1e-9)
        size = np.array([MAP_WIDTH, MAP_HEIGHT]) - 2 * _MARGIN
        placed: np.ndarray = _MARGIN + np.clip(fraction, 0, 1) * size
        return placed


def draw_map(
    places: np.ndarray, labels: np.ndarray, marked: np.ndarray, here: np.ndarray | None
) -> np.ndarray:
    """A map, on which each point is its digit in its digit's colour, (480, 640, 4) uint8.

    Parameters
    ----------
    places : pixels (n, 2)
    labels : digits (n,)
    marked : (n,) bool, the points that are selected; where none is, all are shown alike
    here : pixels (2,) of the drawing on the pad, or None
    """
    image = Image.new("RGBA", (MAP_WIDTH, MAP_HEIGHT), (0, 0, 0, 0))
    glyphs = [_glyph(str(digit), colour) for digit, colour in enumerate(_COLOURS)]
    faint = [glyph.copy() for glyph in glyphs]
    for glyph in faint:
        glyph.putalpha(glyph.getchannel("A").point(lambda value: value // 5))
    is_bright = marked if marked.any() else ~marked
    for (x, y), label, bright in zip(places, labels, is_bright, strict=True):
        glyph = glyphs[label] if bright else faint[label]
        corner = max(0, int(x) - glyph.width // 2), max(0, int(y) - glyph.height // 2)
        image.alpha_composite(glyph, corner)
    if here is not None:
        x, y = here
        pen = ImageDraw.Draw(image)
        for radius, colour in ((11, "#ffffff"), (9, "#000000")):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=colour, width=3)
    return np.asarray(image)


def _glyph(text: str, colour: str) -> Image.Image:
    font = ImageFont.load_default(_FONT_SIZE)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    glyph = Image.new("RGBA", (right - left + 1, bottom - top + 1), (0, 0, 0, 0))
    ImageDraw.Draw(glyph).text((-left, -top), text, fill=colour, font=font)
    return glyph
