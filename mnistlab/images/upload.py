"""Uploaded files to ink, with limits that are checked before anything is decoded."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mnistlab.errors import UploadError
from mnistlab.images.ink import WORKING_SIDE, find_ink, to_grey

MAX_BYTES = 15 * 2**20
MAX_PIXELS = 16_000_000
MAX_JPEG_PIXELS = 50_000_000
"""A JPEG may be larger, because it can be decoded at a reduced size."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
_ACCEPTED = "use a PNG, JPEG, WEBP or BMP"


def decode_upload(data: bytes) -> NDArray[np.uint8]:
    """Find the ink in an uploaded picture.

    Args:
        data: the bytes of a PNG, JPEG, WEBP or BMP file; of an animation the first frame is read.

    Returns:
        (h, w) uint8, ink bright on black, the longer side at most 1000 pixels; all zero for an
        empty picture.

    Raises:
        UploadError: it is something else, damaged, or too large; the message says what to do.
    """
    if not data:
        raise UploadError("The file is empty; choose another one.")
    if len(data) > MAX_BYTES:
        raise UploadError(
            f"The file has {len(data) / 2**20:.0f} MB and at most {MAX_BYTES // 2**20} are read; "
            "make the picture smaller or cut it to the digit."
        )
    with _pillow_errors(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        _check_pixels(image)
        # Halved until just above the working size, while it is decoded: a phone's photo then
        # takes a sixteenth of the memory.
        image.draft("RGB" if image.mode not in ("L", "1") else "L", (WORKING_SIDE, WORKING_SIDE))
        image.load()
        grey = to_grey(image)
    return find_ink(grey)


def _check_pixels(image: Image.Image) -> None:
    limit = MAX_JPEG_PIXELS if image.format == "JPEG" else MAX_PIXELS
    width, height = image.size
    if width * height > limit:
        raise UploadError(
            f"The picture has {width} x {height} pixels and at most {limit // 10**6} million are "
            "read; make it smaller or cut it to the digit."
        )


@contextmanager
def _pillow_errors() -> Iterator[None]:
    """Whatever Pillow raises on a bad file, said in a sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is no concern of someone with a digit
            yield
    except UploadError:
        raise
    except UnidentifiedImageError as error:
        raise UploadError(f"This is not a picture that can be read; {_ACCEPTED} file.") from error
    except MemoryError as error:
        raise UploadError("The picture is too large to be read here; make it smaller.") from error
    except Exception as error:
        # Pillow's decoders raise nearly every built-in error on damaged files.
        raise UploadError(
            f"The picture is damaged or incomplete ({error}); save it again, or {_ACCEPTED} file."
        ) from error
