"""Ink in pictures of every kind: it is where the digit is, and the digit fills 20 pixels."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mnistlab.images import Drawing, decode_upload, preprocess
from mnistlab.images.filters import closed, median
from mnistlab.images.ink import find_ink

Grey = NDArray[np.uint8]
Field = NDArray[np.float64]

FAULTS = Path(__file__).parents[3] / "shared" / "data" / "faults"
SIDE = 300
PEN = 14
PATHS = (((110, 70), (95, 170), (200, 170)), ((170, 110), (165, 230)))  # an open four
Y, X = np.mgrid[0:SIDE, 0:SIDE] / SIDE


def four() -> Field:
    """(SIDE, SIDE), 1 where there is ink."""
    sheet = Image.new("L", (SIDE, SIDE))
    drawer = ImageDraw.Draw(sheet)
    for path in PATHS:
        drawer.line(path, fill=255, width=PEN)
        for x, y in path:
            drawer.ellipse([x - PEN / 2, y - PEN / 2, x + PEN / 2, y + PEN / 2], fill=255)
    return np.asarray(sheet, np.float64) / 255


INK = four()


def page(light: Field | float = 1.0, ink: Field = INK, strength: float = 0.75) -> Field:
    """Grey levels of the digit on white paper in some light, 1 for as much as the camera takes."""
    return 235 * light * (1 - strength * ink)


def lines(squared: bool) -> Field:
    across = (Y * SIDE % 30 < 2) | (squared & (X * SIDE % 30 < 2))
    faint: Field = page() * (1 - 0.3 * across)
    return faint


def on_a_table() -> Field:
    wood = 70 + 8 * np.sin(Y * SIDE / 4 + 2 * np.sin(X * 7))
    turned = 0.95 * X + 0.2 * Y, 0.95 * Y - 0.2 * X
    is_page = (abs(turned[0] - 0.56) < 0.38) & (abs(turned[1] - 0.38) < 0.38)
    return np.where(is_page, page(), wood)


def with_patch(rows: slice, columns: slice, level: float) -> Field:
    grey = page()
    grey[rows, columns] = level
    return grey


PHOTOS: dict[str, Callable[[], Field]] = {
    "plain": page,
    "gradient": lambda: page(1 - 0.5 * X - 0.1 * Y),
    "overexposed": lambda: page(1.6 - 1.1 * X),
    "overexposed spot": lambda: page(0.7 + np.exp(-((X - 0.3) ** 2 + (Y - 0.4) ** 2) / 0.1)),
    "hard shadow": lambda: page(np.where(X + 0.3 * Y < 0.6, 1.0, 0.45)),
    "two shadows": lambda: page(
        np.where(X + 0.3 * Y < 0.6, 1.0, 0.5) * np.where(Y - 0.4 * X < 0.4, 1.0, 0.6)
    ),
    "narrow shadow": lambda: page(np.where(np.abs(X + 0.3 * Y - 0.6) < 0.03, 0.6, 1.0)),
    "fold": lambda: page(np.where(np.abs(Y - 0.2 * X - 0.5) < 0.015, 0.7, 1.0)),
    "ruled": lambda: lines(squared=False),
    "squared": lambda: lines(squared=True),
    "faint pen": lambda: page(strength=0.35),
    "board": lambda: 40 + 180 * INK,
    "table": on_a_table,
    "speck": lambda: with_patch(slice(20, 24), slice(30, 34), 40),
    "sheet's edge": lambda: with_patch(slice(None), slice(294, 300), 60),
    "line at the edge": lambda: with_patch(slice(None), slice(288, 291), 60),
    "tinted corner": lambda: np.where(X + Y < 0.3, 0.6, 1) * page(),
}


def file(grey: Field, grain: float, kind: str = "JPEG", **options: int) -> bytes:
    noise = np.random.default_rng(0).normal(0, grain, grey.shape)
    picture = Image.fromarray(np.clip(grey + noise, 0, 255).astype(np.uint8))
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def coloured(colour: tuple[float, float, float]) -> bytes:
    picture = (page()[..., None] * colour).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=75)
    return data.getvalue()


def assert_is_the_four(data: bytes) -> None:
    ink = decode_upload(data)
    assert ink.shape == INK.shape
    found, drawn = ink > 127, INK > 0.5
    assert (found & drawn).sum() >= 0.85 * drawn.sum()
    assert (found & ~drawn).sum() <= 0.1 * drawn.sum()
    rows, columns = (np.flatnonzero((ink > 0).any(axis=axis)) for axis in (1, 0))
    edges = np.array([rows[0], rows[-1], columns[0], columns[-1]])
    assert np.abs(edges - [63, 237, 88, 207]).max() <= 6
    assert longer_side(preprocess(ink).image) == 20


def longer_side(image: Grey) -> int:
    """Of what is at least an eighth of full ink: a rim is less than a pixel."""
    at = np.nonzero(image > 32)
    return int(max(np.ptp(axis) for axis in at)) + 1


@pytest.mark.parametrize("grain", [0, 4], ids=["drawn", "grainy"])
@pytest.mark.parametrize("kind", PHOTOS)
def test_the_ink_is_the_digit_in_any_light_and_on_any_paper(kind: str, grain: float) -> None:
    assert_is_the_four(file(PHOTOS[kind](), grain, quality=75))


def test_a_stroke_from_border_to_border_is_ink() -> None:
    seven = (np.abs(Y - 0.2) < 0.04) | ((np.abs(X + 0.4 * Y - 0.9) < 0.04) & (Y > 0.2) & (Y < 0.9))
    ink = decode_upload(file(page(ink=seven * 1.0), 4, quality=75))
    assert (ink[seven] > 127).mean() > 0.9


@pytest.mark.parametrize("quality", [30, 60])
def test_residue_of_compression_is_no_ink(quality: int) -> None:
    assert_is_the_four(file(page(), 0, quality=quality))


@pytest.mark.parametrize("colour", [(1, 0.95, 0.45), (0.6, 0.85, 1), (0.75, 0.6, 0.45)])
def test_coloured_paper_is_paper(colour: tuple[float, float, float]) -> None:
    assert_is_the_four(coloured(colour))


def test_a_small_jpeg_fills_20_pixels() -> None:
    small = Image.fromarray((255 - 255 * INK).astype(np.uint8)).resize((56, 56))
    data = io.BytesIO()
    small.save(data, "JPEG", quality=40)
    assert longer_side(preprocess(decode_upload(data.getvalue())).image) == 20


def test_an_export_of_the_pad_keeps_every_grey_level(drawing: Drawing) -> None:
    ink = preprocess(drawing).stages["ink"]
    for picture in (ink, 255 - ink):
        assert (find_ink(picture) == ink).all()


def test_a_small_picture_by_a_program_keeps_every_grey_level() -> None:
    chance = np.random.default_rng(0)
    for _ in range(200):
        picture = np.zeros((28, 28), np.uint8)
        top, left = chance.integers(4, 8, 2)
        height, width = chance.integers(3, 16, 2)
        picture[top : top + height, left : left + width] = chance.integers(33, 256, (height, width))
        picture[top + 1, left + 1] = 255
        assert (find_ink(picture) == picture).all()
        assert (find_ink(255 - picture) == picture).all()


def test_samples_keep_every_grey_level(samples: Grey) -> None:
    for image in samples[:200]:
        expected = np.rint(image * (255 / image.max()))
        for picture in (image, 255 - image):
            assert np.abs(find_ink(picture) - expected).max() <= 1


@pytest.mark.parametrize("light", [1.0, 1.6 - 1.1 * X, np.where(X + 0.3 * Y < 0.6, 1.0, 0.45)])
def test_paper_without_ink_is_empty(light: Field | float) -> None:
    empty = page(light, np.zeros_like(INK))
    assert not decode_upload(file(empty, 4, quality=75)).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (3, 2), (2000, 40)])
@pytest.mark.parametrize("level", [0, 100, 255])
def test_pictures_of_any_shape_are_read(shape: tuple[int, int], level: int) -> None:
    picture = np.full(shape, level, np.uint8)
    assert not find_ink(picture).any()
    picture.flat[0] = 255 - level
    assert find_ink(picture).dtype == np.uint8


def test_closing_removes_strokes_and_keeps_wide_parts_with_their_edges() -> None:
    grey = np.full((60, 60), 200, np.uint8)
    grey[:, 40:] = 90
    grey[20:25, :30] = 10
    expected = np.full((60, 60), 200, np.uint8)
    expected[:, 40:] = 90
    assert (closed(grey, 9) == expected).all()


def test_median_is_that_of_nine_pixels() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
    padded = np.pad(grey, 1, mode="edge")
    around = np.stack([padded[y : y + 20, x : x + 30] for y in range(3) for x in range(3)])
    assert (median(grey) == np.median(around, axis=0)).all()


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    [
        *["jpeg_residue_9.jpg", "corner_tint_8.png", "speck_9.png", "edge_line_5.jpg"],
        *["overexposed_2.jpg", "overexposed_3.jpg", "overexposed_6.jpg", "page_on_table_8.jpg"],
    ],
)
def test_faulty_pictures_of_one_digit_fill_20_pixels_and_are_read(name: str) -> None:
    from mnistlab.models import load_classifier

    image = preprocess(decode_upload((FAULTS / name).read_bytes())).image
    assert longer_side(image) == 20
    for model in ("cnn", "mlp"):
        assert load_classifier(model).predict_proba(image).argmax() == int(Path(name).stem[-1])
