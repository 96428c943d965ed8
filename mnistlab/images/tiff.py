"""The layout of a TIFF file's first page, checked before a decoder sees it.

The format lets small files ask for much: more tiles than the picture has, a tile of gigabytes, or
a picture that is unpacked thousands of times. Source: TIFF, revision 6.0 (Adobe, 1992), section 2.
"""

from __future__ import annotations

import struct

from mnistlab.errors import UploadError

_HEADERS = {b"II*\0": "<", b"MM\0*": ">"}
_BIG = (b"II+\0", b"MM\0+")  # BigTIFF, for files of more than 4 GB
_WIDTH, _HEIGHT, _COMPRESSION, _SAMPLES, _ROWS_PER_STRIP = 256, 257, 259, 277, 278
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_STRIP_OFFSETS, _TILE_OFFSETS = 273, 324
_SINGLE = (_WIDTH, _HEIGHT, _COMPRESSION, _SAMPLES, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_HEIGHT)
_SHORT, _LONG = 3, 4
_BYTES = (1, 2, 6, 7)  # types whose values stay bytes, such as texts and colour profiles
# None, the three of fax machines, LZW, JPEG, Deflate, PackBits, Deflate's old number.
_COMPRESSIONS = (1, 2, 3, 4, 5, 7, 8, 32773, 32946)
_MAX_VALUES = 65_536  # of one tag: each becomes a Python object
_MAX_TILE_PIXELS = 16_000_000

_DAMAGED = "The TIFF file is damaged or unusual; save the picture as PNG."

Layout = dict[int, tuple[int, int]]
"""By tag: how many values it has, and the value where it is a single one."""


def check_tiff(data: bytes) -> None:
    """Refuse a TIFF file whose first page would take far more time or memory than its pixels.

    Other files pass. The number of pixels itself is not checked here.

    Raises
    ------
    UploadError
        The message names the remedy.
    """
    if data[:4] in _BIG:
        raise UploadError("This is a BigTIFF file; save the picture as PNG.")
    if data[:4] not in _HEADERS:
        return
    try:
        layout = _read_layout(data)
    except struct.error as error:
        raise UploadError(_DAMAGED) from error
    if layout.get(_COMPRESSION, (1, 1))[1] not in _COMPRESSIONS:
        raise UploadError("This TIFF file has a rare compression; save the picture as PNG.")
    if any(layout[tag][0] > most for tag, most in _most_pieces(layout).items() if tag in layout):
        raise UploadError(_DAMAGED)


def _most_pieces(layout: Layout) -> dict[int, int]:
    """Return how many strips and how many tiles the picture can have, by the tag that has them."""

    def value(tag: int, default: int) -> int:
        found = layout.get(tag, (1, default))[1]
        if not found:
            raise UploadError(_DAMAGED)
        return found

    width, height = value(_WIDTH, 0), value(_HEIGHT, 0)
    tile_width, tile_height = value(_TILE_WIDTH, width), value(_TILE_HEIGHT, height)
    if _TILE_OFFSETS in layout and tile_width * tile_height > _MAX_TILE_PIXELS:
        raise UploadError("This TIFF file has huge tiles; save the picture as PNG.")
    planes = value(_SAMPLES, 1)  # each colour may have strips or tiles of its own
    strips = _ceil(height, value(_ROWS_PER_STRIP, height))
    tiles = _ceil(width, tile_width) * _ceil(height, tile_height)
    return {_STRIP_OFFSETS: strips * planes, _TILE_OFFSETS: tiles * planes}


def _ceil(length: int, step: int) -> int:
    return -(-length // step)


def _read_layout(data: bytes) -> Layout:
    order = _HEADERS[data[:4]]
    (start,) = struct.unpack_from(f"{order}L", data, 4)
    (entries,) = struct.unpack_from(f"{order}H", data, start)
    layout: Layout = {}
    for at in range(start + 2, start + 2 + 12 * entries, 12):
        tag, kind, count = struct.unpack_from(f"{order}HHL", data, at)
        if kind not in _BYTES and count > _MAX_VALUES:
            raise UploadError("This TIFF file is packed in too many pieces; save it as PNG.")
        if tag not in (*_SINGLE, _STRIP_OFFSETS, _TILE_OFFSETS):
            continue
        # Decoders differ in which of two values they take, and in how they read other types.
        if tag in layout or kind not in (_SHORT, _LONG) or (tag in _SINGLE and count != 1):
            raise UploadError(_DAMAGED)
        (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "L"), data, at + 8)
        layout[tag] = (count, value)
    return layout
