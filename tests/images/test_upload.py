"""Uploads: what is read, what is refused, and that nothing but `UploadError` comes out."""

from __future__ import annotations

import io
import random
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile

from mnistlab.errors import UploadError
from mnistlab.images import Drawing, decode_upload, preprocess
from mnistlab.images.upload import MAX_BYTES, read_upload

Grey = NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
NEAR = 8.0  # grey levels on average; a three and a four lie more than three times that apart


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


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


def test_what_is_transparent_is_paper(page: Image.Image, drawing: Drawing) -> None:
    ink = Image.new("RGBA", page.size, (20, 30, 90, 0))
    ink.putalpha(Image.fromarray(255 - np.asarray(page)))
    assert difference(saved(ink), drawing) < NEAR


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_turned_as_it_says(page: Image.Image, drawing: Drawing, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned right by a quarter
    lying = page.transpose(Image.Transpose.ROTATE_90)
    assert difference(saved(lying, kind, exif=exif.tobytes()), drawing) < NEAR


def test_an_animation_gives_its_first_frame(page: Image.Image, drawing: Drawing) -> None:
    empty = Image.new("L", page.size, 245)
    data = saved(page, "PNG", save_all=True, append_images=[empty, empty])
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
        saved(Image.new("L", (9, 9)), "GIF"),
        saved(Image.new("L", (9, 9)), "TIFF"),
        png_header(0, 5),
        png_header(20, 20),
        png_header(5_000, 5_000),
        png_header(2**31 - 1, 2**31 - 1),
        b"BM" + bytes(100),
    ],
    ids=[
        *["empty", "text", "svg", "pdf", "gif", "tiff"],
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
    good += [saved(picture, "BMP"), saved(picture.convert("P")), saved(picture.convert("RGBA"))]
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


def test_of_an_animation_the_first_frame_is_read_and_said_so() -> None:
    frames = [Image.new("L", (60, 60), 255) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame.paste(0, (20, 10 + 5 * number, 30, 40 + 5 * number))
    file = io.BytesIO()
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    ink, note = read_upload(file.getvalue())
    assert note == "animated, its first frame was read"
    assert np.flatnonzero(ink.any(axis=1))[0] == 10
