"""TIFF files whose layout asks for more than their pixels are refused before they are decoded."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Mapping

import pytest
from PIL import Image

from mnistlab.errors import UploadError
from mnistlab.images.tiff import check_tiff
from mnistlab.images.upload import decode_upload

SHORT, LONG, UNDEFINED = 3, 4, 7
Entry = tuple[int, int, int, int]  # tag, type, count, value
PAGE = {256: 64, 257: 64, 258: 8, 259: 1, 262: 1, 273: 200, 277: 1, 278: 64, 279: 4096}


def tiff(tags: Mapping[int, int | Entry], order: str = "<", *more: Entry) -> bytes:
    """A TIFF file; a number stands for one LONG."""
    entries = [v if isinstance(v, tuple) else (tag, LONG, 1, v) for tag, v in sorted(tags.items())]
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}L", 8)
    table = b"".join(struct.pack(f"{order}HHLL", *entry) for entry in (*entries, *more))
    count = struct.pack(f"{order}H", len(entries) + len(more))
    return (head + count + table + bytes(4)).ljust(5000, b"\0")


@pytest.mark.parametrize("order", ["<", ">"])
def test_plain_pages_pass_in_strips_and_in_tiles(order: str) -> None:
    check_tiff(tiff(PAGE, order))
    check_tiff(tiff({**PAGE, 273: (273, LONG, 4, 200), 278: 16}, order))
    check_tiff(tiff({**PAGE, 277: 3, 273: (273, LONG, 3, 200)}, order))  # a plane for each colour
    tiles = {tag: value for tag, value in PAGE.items() if tag not in (273, 278)}
    check_tiff(tiff({**tiles, 322: 16, 323: 32, 324: (324, LONG, 8, 200)}, order))


def test_other_files_pass() -> None:
    check_tiff(b"")
    check_tiff(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({273: (273, LONG, 5, 200), 278: 16}, "damaged or unusual"),  # more strips than there are
        ({322: 64, 323: 16, 324: (324, LONG, 5, 200)}, "damaged or unusual"),
        ({273: (273, LONG, 5, 200), 278: 32, 322: 1, 323: 1}, "damaged or unusual"),
        ({324: (324, LONG, 2, 200), 322: 64, 323: 64, 278: 1}, "damaged or unusual"),
        ({273: (273, LONG, 70_000, 200), 278: 1, 257: 70_000}, "too many pieces"),
        ({40_000: (40_000, SHORT, 70_000, 200)}, "too many pieces"),
        ({322: 40_000, 323: 40_000, 324: 200}, "huge tiles"),
        ({257: 0}, "damaged or unusual"),
        ({278: 0}, "damaged or unusual"),
        ({322: 0}, "damaged or unusual"),
        ({256: (256, 9, 1, 64)}, "damaged or unusual"),  # a signed number
        ({256: (256, LONG, 2, 64)}, "damaged or unusual"),
        ({259: 6}, "rare compression"),
        ({259: 34676}, "rare compression"),
    ],
)
def test_layouts_that_cost_too_much_are_refused(
    tags: Mapping[int, int | Entry], reason: str
) -> None:
    with pytest.raises(UploadError, match=f"{reason}.*save .* as PNG[.]$"):
        check_tiff(tiff({**PAGE, **tags}))


def test_a_tag_that_comes_twice_is_refused() -> None:
    with pytest.raises(UploadError, match="damaged or unusual"):
        check_tiff(tiff(PAGE, "<", (256, LONG, 1, 65_000)))


def test_long_texts_and_colour_profiles_pass() -> None:
    check_tiff(tiff({**PAGE, 34675: (34675, UNDEFINED, 500_000, 200)}))


def test_big_tiff_and_half_a_table_are_refused() -> None:
    with pytest.raises(UploadError, match=r"BigTIFF.*as PNG[.]$"):
        check_tiff(b"II+\0" + bytes(100))
    last_value = 8 + 2 + 12 * len(PAGE) - 4
    for size in range(4, last_value):
        with pytest.raises(UploadError, match="damaged or unusual"):
            check_tiff(tiff(PAGE)[:size])


def test_the_decoder_reports_no_faults_past_python(capfd: pytest.CaptureFixture[str]) -> None:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 60).save(file, "TIFF", compression="tiff_adobe_deflate")
    start = file.getvalue().index(b"x\x9c") if b"x\x9c" in file.getvalue() else 8
    broken = bytearray(file.getvalue())
    broken[start + 20 : start + 60] = bytes(40)
    with pytest.raises(UploadError, match="damaged or incomplete"):
        decode_upload(bytes(broken))
    os.write(2, b"later")
    assert capfd.readouterr().err == "later"
