"""From uploaded files to ink, with limits that are checked before anything is decoded."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mnistlab.errors import UploadError
from mnistlab.files import silent_stderr
from mnistlab.images.grey import WORKING_SIDE, to_grey
from mnistlab.images.ink import find_ink
from mnistlab.images.tiff import check_tiff

MAX_BYTES = 15 * 2**20
MAX_PIXELS = 16_000_000
MAX_JPEG_PIXELS = 50_000_000
"""A JPEG may be larger, because it can be decoded at a reduced size."""

MAX_COPIED_PIXELS = 12_200_000
"""The decoders of WebP and TIFF hold up to three copies of the picture."""

MAX_SCAN_PIXELS = 36_000_000
"""A TIFF in grey or black and white may be larger: a scanned page at 600 dots an inch."""

MAX_SIDE = 50_000
"""A picture a pixel wide and millions high would cost far more memory than its pixels."""

_LIMITS = {
    **dict.fromkeys(("JPEG", "MPO"), MAX_JPEG_PIXELS),  # MPO: a phone's JPEG with a second picture
    **dict.fromkeys(("WEBP", "TIFF"), MAX_COPIED_PIXELS),
}
_MAX_SCANS = 64  # of a progressive JPEG; each one costs a pass over the whole picture
_MAX_RUN_LENGTH_BYTES = 1_000_000  # Pillow unpacks these BMP files in Python
_MAX_GIF_BYTES = 2 * 2**20  # Pillow collects the pieces of a GIF in Python, one by one

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
_ACCEPTED = "use a PNG, JPEG, WEBP, BMP, GIF or TIFF"
_OTHERS = (
    (rb"\s*%PDF", "This is a PDF document, not a photo or a bitmap; export it as PNG."),
    (
        rb"(?s).{0,1000}<svg[\s>]",
        "This is an SVG drawing, not a photo or a bitmap; export it as PNG.",
    ),
    (rb"\s*<(!doctype|html)", "This is a web page, not a picture; save the picture itself."),
    (rb'\s*({\s*["}]|\[)', "This is JSON, not a picture; on the page, Load opens a saved drawing."),
    (rb"PK\x03\x04", "This is an archive or an office document; save the picture in it as PNG."),
)
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF = frozenset({b"avif", b"avis"})


def decode_upload(data: bytes) -> NDArray[np.uint8]:
    """Find the ink in an uploaded picture: `read_upload` without its note."""
    return read_upload(data)[0]


def read_upload(data: bytes) -> tuple[NDArray[np.uint8], str]:
    """Find the ink in a PNG, JPEG, WEBP, BMP, GIF or TIFF file.

    Of an animation the first frame is read, of a document the first page.

    Returns
    -------
    ink : array (h, w) uint8
        Bright on black, the longer side at most 1000 pixels; all zero for an empty picture.
    note : str
        A few words for the visitor about what was read; mostly empty.

    Raises
    ------
    UploadError
        When it is something else, damaged, or too large; the message names the remedy.
    """
    if not data:
        raise UploadError("The file is empty; choose another one.")
    if len(data) > MAX_BYTES:
        raise UploadError(
            f"The file has {len(data) / 2**20:.0f} MB and at most {MAX_BYTES // 2**20} are read; "
            "make the picture smaller or cut it to the digit."
        )
    _refuse_other_kinds(data)
    _check_packing(data)
    with _pillow_errors(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        _check_pixels(image)
        _check_coding(image, data)
        # Halved until just above the working size, while it is decoded: a phone's photo then
        # takes a sixteenth of the memory.
        image.draft("RGB" if image.mode not in ("L", "1") else "L", (WORKING_SIDE, WORKING_SIDE))
        # libtiff reports each fault of a file there, perhaps once a row.
        with silent_stderr() if image.format == "TIFF" else nullcontext():
            grey = to_grey(image)
        note = _note(image)
    return find_ink(grey), note


def _refuse_other_kinds(data: bytes) -> None:
    """Name what people upload by mistake, and the remedy."""
    for pattern, sentence in _OTHERS:
        if re.match(pattern, data, re.IGNORECASE):
            raise UploadError(sentence)
    brands = _brands(data)
    if brands & _AVIF:
        raise UploadError("This is an AVIF picture, which cannot be read here; save it as PNG.")
    if brands & _HEIC:
        raise UploadError(
            "This is a HEIC photo, which cannot be read here; share or export it as JPEG. For JPEG "
            "photos from an iPhone, set Settings > Camera > Formats to Most Compatible."
        )
    if brands:
        raise UploadError("This is a video or a camera's raw file; upload a photo as JPEG or PNG.")


def _brands(data: bytes) -> frozenset[bytes]:
    """Return the brands of an ISO base media file (ISO/IEC 14496-12, section 4.3), else none."""
    if data[4:8] != b"ftyp":
        return frozenset()
    box = data[8 : min(int.from_bytes(data[:4], "big"), 1000)]
    return frozenset(box[at : at + 4] for at in range(0, max(len(box), 4), 4))


def _check_packing(data: bytes) -> None:
    """Refuse files that would take too long before their number of pixels is known."""
    check_tiff(data)
    if data.startswith(b"GIF8") and len(data) > _MAX_GIF_BYTES:
        raise UploadError(
            f"The GIF has {len(data) / 2**20:.0f} MB and at most {_MAX_GIF_BYTES // 2**20} are "
            "read; save its first frame as PNG."
        )


def _note(image: Image.Image) -> str:
    # Not `n_frames`, which walks over all of them. Phones put a photo and its depth into one JPEG.
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return ""
    if image.format == "TIFF":
        return "several pages, the first one was read"
    return "animated, its first frame was read"


def _check_pixels(image: Image.Image) -> None:
    limit = _LIMITS.get(str(image.format), MAX_PIXELS)
    if image.format == "TIFF" and image.mode in ("1", "L", "P"):
        limit = MAX_SCAN_PIXELS
    width, height = image.size
    has = f"The picture has {width} x {height} pixels and"
    if max(width, height) > MAX_SIDE:
        raise UploadError(f"{has} no side may be longer than {MAX_SIDE}; cut it to the digit.")
    if width * height > limit:
        most = f"at most {limit / 1e6:g} million are read"
        raise UploadError(f"{has} {most}; make it smaller or cut it to the digit.")


def _check_coding(image: Image.Image, data: bytes) -> None:
    """Refuse small files that would take seconds to unpack."""
    layers = data.count(b"\xff\xda") if image.info.get("progressive") else 0
    run_length = any(tile[0] == "bmp_rle" for tile in getattr(image, "tile", ()))
    if layers > _MAX_SCANS or (run_length and len(data) > _MAX_RUN_LENGTH_BYTES):
        raise UploadError("The picture is packed in a way that takes too long; save it as PNG.")


@contextmanager
def _pillow_errors() -> Iterator[None]:
    """Turn all exceptions of Pillow on a bad file into a sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd metadata
            yield
    except UploadError:
        raise
    except UnidentifiedImageError as error:
        raise UploadError(f"This is not a picture that can be read; {_ACCEPTED} file.") from error
    except (MemoryError, Image.DecompressionBombError) as error:
        raise UploadError("The picture is too large to be read here; make it smaller.") from error
    except Exception as error:
        # Pillow's decoders raise nearly every built-in error on damaged files.
        raise UploadError(
            f"The picture is damaged or incomplete ({error}); save it again, or {_ACCEPTED} file."
        ) from error
