"""Uploads: what is read, what is refused, and that nothing but `UploadError` comes out."""

from __future__ import annotations

import io
import random
import struct
import zlib
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile

from mnistlab import load_classifier
from mnistlab.errors import UploadError
from mnistlab.images import Drawing, decode_upload, preprocess
from mnistlab.images.upload import MAX_BYTES, read_upload
from tests.images.conftest import THREE

Grey = NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
three_only = pytest.mark.parametrize("drawing", [THREE], indirect=True)
NEAR = 8.0  # grey levels on average; a three and a four lie more than three times that apart


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(header: bytes, pixels: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + crc

    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def png_header(width: int, height: int) -> bytes:
    return png(struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), b"")


def deep_png(levels: NDArray[np.uint16]) -> bytes:
    """(h, w, 1 to 4) levels in a PNG of 16 bits; Pillow writes none in colour."""
    height, width, bands = levels.shape
    rows = np.zeros((height, 1 + 2 * bands * width), np.uint8)  # each after a 0: no filter
    rows[:, 1:] = levels.astype(">u2").reshape(height, -1).view(np.uint8)
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[bands], 0, 0, 0)
    return png(header, zlib.compress(rows.tobytes(), 1))


@pytest.fixture
def page(drawing: Drawing) -> Image.Image:
    """Dark ink on light paper, twice the pad's stage in size."""
    ink = preprocess(drawing).stages["ink"].repeat(2, 0).repeat(2, 1)
    return Image.fromarray((245 - ink * (215 / 255)).astype(np.uint8))


def difference(data: bytes, drawing: Drawing) -> float:
    """Mean difference of the 28x28 images of a file and of the drawing it shows.

    The least over shifts by a pixel: a centre of mass next to a whole number falls either way.
    """
    got = preprocess(decode_upload(data)).image.astype(int)
    expected = preprocess(drawing).image
    steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return min(float(np.abs(np.roll(got, step, (0, 1)) - expected).mean()) for step in steps)


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_read_the_same(page: Image.Image, drawing: Drawing, kind: str) -> None:
    assert difference(saved(page, kind), drawing) < NEAR


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGB", "RGBA"])
def test_modes_read_the_same(page: Image.Image, drawing: Drawing, mode: str) -> None:
    assert difference(saved(page.convert(mode, dither=Image.Dither.NONE)), drawing) < NEAR


def test_cmyk_reads_the_same(page: Image.Image, drawing: Drawing) -> None:
    assert difference(saved(page.convert("CMYK"), "JPEG"), drawing) < NEAR


def test_light_on_dark_reads_the_same(page: Image.Image, drawing: Drawing) -> None:
    inverted = Image.fromarray(255 - np.asarray(page))
    assert difference(saved(inverted), drawing) < NEAR


def test_sixteen_bits_are_scaled_not_clipped(page: Image.Image, drawing: Drawing) -> None:
    deep = Image.fromarray(np.asarray(page).astype(np.uint16) * 257)
    assert difference(saved(deep), drawing) < NEAR


@three_only
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_deep_pictures_use_as_many_bits_as_they_like(
    page: Image.Image, drawing: Drawing, bits: int, kind: str
) -> None:
    levels = np.rint(np.asarray(page) * ((2**bits - 1) / 255))
    assert difference(saved(Image.fromarray(levels.astype(np.uint16)), kind), drawing) < NEAR


@three_only
@pytest.mark.parametrize("alpha", [None, "as deep", "full"])
@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("bits", [12, 14, 16])
def test_deep_colours_use_as_many_bits_as_they_like(
    page: Image.Image, drawing: Drawing, bits: int, bands: int, alpha: str | None
) -> None:
    deep = 2**bits - 1
    levels = np.rint(np.asarray(page) * (deep / 255)).astype(np.uint16)
    planes = [levels] * bands
    if alpha:
        planes.append(np.full_like(levels, deep if alpha == "as deep" else 65535))
    # Pillow keeps 8 of the 16 bits, so 12 bits leave steps of 16.
    assert difference(deep_png(np.stack(planes, axis=2)), drawing) < NEAR


@three_only
@pytest.mark.parametrize("white", [1.0, 255.0, 4095.0, 65535.0, 1e6])
def test_fractions_and_large_numbers_are_scaled(
    page: Image.Image, drawing: Drawing, white: float
) -> None:
    levels = np.asarray(page, np.float32) * np.float32(white / 255)
    levels[:2, :2] = np.nan, np.inf
    assert difference(saved(Image.fromarray(levels), "TIFF"), drawing) < NEAR


def test_what_is_transparent_is_paper(page: Image.Image, drawing: Drawing) -> None:
    ink = Image.new("RGBA", page.size, (20, 30, 90, 0))
    ink.putalpha(Image.fromarray(255 - np.asarray(page)))
    assert difference(saved(ink), drawing) < NEAR


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_photo_is_turned_as_it_says(page: Image.Image, drawing: Drawing, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned right by a quarter
    lying = page.transpose(Image.Transpose.ROTATE_90)
    assert difference(saved(lying, kind, exif=exif.tobytes()), drawing) < NEAR


STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@three_only
@pytest.mark.parametrize("more", [[], [Image.new("L", (9, 9))]], ids=["one page", "two pages"])
@pytest.mark.parametrize("packed", ["raw", "tiff_lzw"])
@pytest.mark.parametrize("orientation", STORED)
def test_a_scan_is_turned_once(
    page: Image.Image, orientation: int, packed: str, more: list[Image.Image]
) -> None:
    tags = {0x0112: orientation}
    pages = {"save_all": True, "append_images": more, "compression": packed}
    stored = saved(page.transpose(STORED[orientation]), "TIFF", tiffinfo=tags, **pages)
    assert np.array_equal(decode_upload(stored), decode_upload(saved(page)))


SCANS = [
    *product(["L", "RGB", "CMYK", "YCbCr"], ["raw", "packbits", "jpeg"]),
    *product(["RGB", "CMYK", "LAB", "RGBA", "P"], ["raw", "tiff_lzw", "tiff_adobe_deflate"]),
]


@three_only
@pytest.mark.parametrize(("mode", "packed"), dict.fromkeys(SCANS))
def test_scans_in_colour_read_the_same(
    page: Image.Image, drawing: Drawing, mode: str, packed: str
) -> None:
    grey = Image.new("L", page.size, 128)
    if mode == "LAB":
        scan = Image.merge("LAB", (page, grey, grey))
    else:
        scan = page.convert("RGB").convert(mode) if mode != "P" else page.convert("P")
    assert difference(saved(scan, "TIFF", compression=packed), drawing) < NEAR


@three_only
@pytest.mark.parametrize("packed", ["raw", "group3", "group4", "tiff_ccitt", "tiff_lzw"])
@pytest.mark.parametrize("white_is_zero", [True, False])
def test_scans_in_black_and_white_read_the_same(
    page: Image.Image, drawing: Drawing, packed: str, white_is_zero: bool
) -> None:
    scan = page.convert("1", dither=Image.Dither.NONE)
    tags = {262: 0 if white_is_zero else 1}
    assert difference(saved(scan, "TIFF", compression=packed, tiffinfo=tags), drawing) < NEAR


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "TIFF"])
def test_an_animation_gives_its_first_frame(page: Image.Image, drawing: Drawing, kind: str) -> None:
    empty = Image.new("L", page.size, 245)
    data = saved(page, kind, save_all=True, append_images=[empty, empty])
    assert difference(data, drawing) < NEAR


def test_near_means_something() -> None:
    three = Drawing.from_strokes(
        [[[90, 60], [150, 45], [190, 80], [140, 130], [195, 170], [160, 230], [85, 220]]]
    )
    four = Drawing.from_strokes([[[150, 40], [80, 160], [210, 160]], [[170, 90], [165, 240]]])
    picture = Image.fromarray(255 - preprocess(three).stages["ink"])
    assert difference(saved(picture), three) < NEAR
    assert difference(saved(picture), four) > 3 * NEAR


def test_shadow_and_grain_are_not_ink(page: Image.Image, drawing: Drawing) -> None:
    y, x = np.mgrid[0:1:280j, 0:1:280j]
    grain = np.random.default_rng(0).normal(0, 4, (280, 280))
    photo = np.asarray(page) * (0.9 - 0.35 * x - 0.1 * y**2) + grain
    data = saved(Image.fromarray(np.clip(photo, 0, 255).astype(np.uint8)), "JPEG", quality=60)
    assert difference(data, drawing) < NEAR


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_an_empty_picture_is_blank(shade: int) -> None:
    assert preprocess(decode_upload(saved(Image.new("L", (80, 60), shade)))).is_blank


def test_empty_grainy_paper_in_a_shadow_is_blank() -> None:
    y, x = np.mgrid[0:1:200j, 0:1:300j]
    paper = 220 - 70 * x - 20 * y + np.random.default_rng(0).normal(0, 5, (200, 300))
    data = saved(Image.fromarray(paper.astype(np.uint8)), "JPEG", quality=70)
    assert preprocess(decode_upload(data)).is_blank


def test_large_pictures_are_reduced(page: Image.Image, drawing: Drawing) -> None:
    large = page.resize((3000, 3000))
    for kind in ("PNG", "JPEG"):
        data = saved(large, kind)
        assert max(decode_upload(data).shape) <= 1000
        assert difference(data, drawing) < NEAR


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7\n",
        saved(Image.new("L", (9, 9)), "PPM"),
        saved(Image.new("L", (9, 9)), "ICO"),
        saved(Image.new("L", (9, 9)), "GIF")[:20],
        saved(Image.new("L", (9, 9)), "TIFF")[:20],
        png_header(0, 5),
        png_header(20, 20),
        png_header(5_000, 5_000),
        png_header(2**31 - 1, 2**31 - 1),
        b"BM" + bytes(100),
    ],
    ids=[
        *["empty", "text", "svg", "pdf", "ppm", "ico", "half-a-gif", "half-a-tiff"],
        *["no-width", "no-pixels", "25-megapixels", "bomb", "bmp"],
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(UploadError, match=r"[.]$"):
        decode_upload(data)


def test_too_many_bytes_are_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> None:
        pytest.fail("the file was opened")

    monkeypatch.setattr(Image, "open", opened)
    with pytest.raises(UploadError, match="MB"):
        decode_upload(bytes(MAX_BYTES + 1))


def test_too_many_pixels_are_refused_undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(Image.new("1", (4_100, 4_000)))
    monkeypatch.setattr(
        ImageFile.ImageFile, "load", lambda _: pytest.fail("the picture was decoded")
    )
    with pytest.raises(UploadError, match="make it smaller"):
        decode_upload(data)


def hostile_files() -> list[bytes]:
    """Every format cut short and with bytes changed, and bytes of chance; the same each time."""
    chance = random.Random(0)
    picture = Image.new("L", (60, 50), 240)
    picture.paste(20, (25, 10, 32, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    good = [saved(picture, kind, exif=exif.tobytes()) for kind in ("PNG", "JPEG", "WEBP")]
    good += [saved(picture, kind) for kind in ("BMP", "GIF", "TIFF")]
    good += [
        saved(picture, "TIFF", compression="tiff_lzw"),
        saved(picture.convert("P")),
        saved(picture.convert("RGBA")),
    ]
    files = [chance.randbytes(n) for n in (1, 10, 100, 1000)]
    for data in good:
        files += [data[:size] for size in range(0, len(data), max(1, len(data) // 20))]
        for _ in range(40):
            changed = bytearray(data)
            for _ in range(chance.randint(1, 6)):
                # Headers, at the start, are where a changed byte does most.
                reach = chance.choice([len(data), min(80, len(data))])
                changed[chance.randrange(reach)] = chance.randrange(256)
            files.append(bytes(changed))
    return files


def test_damaged_files_raise_nothing_else() -> None:
    for data in hostile_files():
        try:
            ink = decode_upload(data)
        except UploadError:
            continue
        assert ink.dtype == np.uint8
        assert ink.ndim == 2


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_a_picture_a_pixel_high_and_millions_wide_is_refused_unread() -> None:
    with pytest.raises(UploadError, match="no side may be longer than 50000"):
        decode_upload(_png(Image.new("L", (60_000, 1))))


def test_white_ink_on_nothing_is_found() -> None:
    picture = Image.new("RGBA", (100, 100), (255, 255, 255, 0))
    picture.paste((255, 255, 255, 255), (45, 20, 55, 80))
    ink = decode_upload(_png(picture))
    assert ink[50, 50] == 255
    assert ink[5, 5] == 0


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7\n%...", "PDF"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    ],
)
def test_documents_are_refused_by_name(data: bytes, name: str) -> None:
    with pytest.raises(UploadError, match=f"{name}.*export it as PNG"):
        decode_upload(data)


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        ("PNG", "animated, its first frame was read"),
        ("WEBP", "animated, its first frame was read"),
        ("GIF", "animated, its first frame was read"),
        ("TIFF", "several pages, the first one was read"),
        ("MPO", ""),  # a second view of the same, which no one asks about
    ],
)
def test_of_several_pictures_the_first_one_is_read_and_said_so(kind: str, note: str) -> None:
    frames = [Image.new("L", (60, 60), 255) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame.paste(0, (20, 10 + 5 * number, 30, 40 + 5 * number))
    ink, said = read_upload(saved(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert said == note
    assert np.flatnonzero((ink > 128).any(axis=1))[0] == 10
    assert read_upload(saved(frames[0], kind))[1] == ""


def test_a_phones_double_photo_may_be_as_large_as_any_jpeg() -> None:
    photo = Image.new("L", (4_100, 4_000), 255)
    photo.paste(0, (2_000, 1_000, 2_300, 3_000))
    small = Image.new("L", (60, 60))
    assert decode_upload(saved(photo, "MPO", save_all=True, append_images=[small])).any()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b' {"strokes": []}', "JSON.*Load opens a saved drawing"),
        (b"<!DOCTYPE html><html>", "a web page.*save the picture itself"),
        (b"<html><body><p>Not found", "a web page.*save the picture itself"),
        (b"PK\x03\x04" + bytes(30), "an archive or an office document.*as PNG"),
    ],
)
def test_files_that_are_no_pictures_are_named(data: bytes, said: str) -> None:
    with pytest.raises(UploadError, match=f"This is {said}[.]$"):
        decode_upload(data)


def brands(*names: bytes) -> bytes:
    """The start of a HEIC, AVIF or MP4 file: its main brand, a version, and the other brands."""
    body = b"ftyp" + names[0] + bytes(4) + b"".join(names[1:])
    return struct.pack(">I", 4 + len(body)) + body + bytes(200)


@pytest.mark.parametrize(
    ("data", "name", "remedy"),
    [
        (brands(b"heic", b"mif1", b"heic", b"miaf"), "a HEIC photo", "Most Compatible"),
        (brands(b"mif1", b"heix"), "a HEIC photo", "as JPEG"),
        (brands(b"mif1"), "a HEIC photo", "as JPEG"),
        (brands(b"avif", b"mif1", b"miaf"), "an AVIF picture", "as PNG"),
        (brands(b"mif1", b"avif"), "an AVIF picture", "as PNG"),
        (brands(b"qt  "), "a video", "upload a photo"),
        (b"\0\0\0\x08ftyp", "a video", "upload a photo"),
    ],
)
def test_photos_and_videos_of_phones_are_refused_by_name(
    data: bytes, name: str, remedy: str
) -> None:
    with pytest.raises(UploadError, match=f"This is {name}.*{remedy}.*[.]$"):
        decode_upload(data)


@pytest.mark.shared
def test_a_phones_heic_photo_is_refused_and_a_deep_scan_is_read(shared: Path) -> None:
    with pytest.raises(UploadError, match=r"HEIC.*JPEG"):
        decode_upload((shared / "faults" / "phone_7.heic").read_bytes())
    ink = decode_upload((shared / "faults" / "deep12in16_3.png").read_bytes())
    cnn = load_classifier("cnn")
    assert cnn.predict_proba(preprocess(ink).image[None]).argmax() == 3


def test_a_long_gif_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("the file was opened"))
    with pytest.raises(UploadError, match=r"GIF has 3 MB.*save its first frame as PNG"):
        decode_upload(b"GIF89a" + bytes(3 * 2**20))


def test_a_scanned_page_at_600_dots_an_inch_is_read_in_grey_not_in_colour() -> None:
    scan = Image.new("1", (4_960, 7_016), 1)
    scan.paste(0, (2_000, 2_000, 2_400, 5_000))
    assert decode_upload(saved(scan, "TIFF", compression="group4")).any()
    colour = Image.new("RGB", (3_500, 3_500))
    with pytest.raises(UploadError, match=r"at most 12[.]2 million"):
        decode_upload(saved(colour, "TIFF", compression="packbits"))
