"""Inputs with several digits are taken apart from left to right, and single ones stay whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mnistlab.images import Drawing, preprocess
from mnistlab.images.finding import split_digits

from .conftest import FOUR, ONE, THREE, ZERO

Strokes = Sequence[Sequence[Sequence[float]]]
Ink = NDArray[np.uint8]
Make = Callable[[Strokes], Drawing | Ink]

REAL = Path(__file__).parents[3] / "shared" / "data" / "drawings-dev.jsonl"
SIZE = 1000
CAPPED_FIVE: Strokes = [
    [[90, 50], [85, 120], [170, 140], [180, 200], [80, 230]],
    [[105, 35], [180, 30]],
]
BARRED_SEVEN: Strokes = [[[70, 50], [200, 50], [110, 235]], [[100, 140], [190, 140]]]
OPEN_FOUR: Strokes = [[[110, 40], [80, 130], [160, 135]], [[152, 152], [142, 240]]]
FLAGGED_ONE: Strokes = [[[140, 40], [138, 240]], [[100, 75], [125, 55]]]
TWO_PARTS = {
    "five": CAPPED_FIVE,
    "seven": BARRED_SEVEN,
    "four": FOUR,
    "open four": OPEN_FOUR,
    "flagged one": FLAGGED_ONE,
}


def side_by_side(
    digits: list[Strokes], gap: float, scales: tuple[float, ...] = (1.0,)
) -> list[list[list[float]]]:
    """Digits on a line, `gap` between their bounding boxes."""
    placed: list[list[list[float]]] = []
    edge = 20.0
    for i, digit in enumerate(digits):
        scale = scales[i % len(scales)] * 0.5
        left = min(x for stroke in digit for x, _ in stroke)
        shift = edge - left * scale
        moved = [[[x * scale + shift, y * scale + 100] for x, y in stroke] for stroke in digit]
        edge = max(x for stroke in moved for x, _ in stroke) + gap
        placed += moved
    return placed


def as_drawing(strokes: Strokes) -> Drawing:
    return Drawing.from_strokes(strokes, SIZE)


def as_ink(strokes: Strokes, pen: int = 10) -> Ink:
    sheet = Image.new("L", (SIZE, 300))
    drawer = ImageDraw.Draw(sheet)
    for stroke in strokes:
        drawer.line([(x, y) for x, y in stroke], fill=255, width=pen, joint="curve")
    return np.array(sheet)


@pytest.mark.parametrize("make", [as_drawing, as_ink])
@pytest.mark.parametrize("gap", [18, 40, 120])
def test_digits_are_found_from_left_to_right(make: Make, gap: float) -> None:
    digits: list[Strokes] = [THREE, ZERO, ONE, FOUR, THREE]
    pieces = split_digits(make(side_by_side(digits, gap)))
    assert len(pieces) == len(digits)
    assert [piece.box[0] for piece in pieces] == sorted(piece.box[0] for piece in pieces)
    for piece, digit in zip(pieces, digits, strict=True):
        alone = preprocess(make(side_by_side([digit], 0))).image.astype(int)
        assert np.abs(preprocess(piece.source).image - alone).mean() < 12


@pytest.mark.parametrize("make", [as_drawing, as_ink])
def test_digits_of_unequal_size_are_found(make: Make) -> None:
    strokes = side_by_side([ZERO, THREE, FOUR, ONE], 30, (1.2, 0.6))
    assert len(split_digits(make(strokes))) == 4


@pytest.mark.parametrize("make", [as_drawing, as_ink])
def test_eleven_is_two_ones(make: Make) -> None:
    assert len(split_digits(make(side_by_side([ONE, ONE], 25)))) == 2


@pytest.mark.parametrize("make", [as_drawing, as_ink])
@pytest.mark.parametrize("name", TWO_PARTS)
def test_parts_of_a_digit_are_joined_alone_and_among_others(make: Make, name: str) -> None:
    digit = TWO_PARTS[name]
    assert len(split_digits(make(side_by_side([digit], 0)))) == 1
    assert len(split_digits(make(side_by_side([ZERO, digit, THREE], 40)))) == 3


def test_boxes_of_slanted_digits_may_overlap() -> None:
    slanted = [[[x + 0.3 * (240 - y), y] for x, y in stroke] for stroke in ONE]
    for make in (as_drawing, as_ink):
        assert len(split_digits(make(side_by_side([slanted, slanted, slanted], -8)))) == 3


def test_the_order_of_strokes_does_not_matter() -> None:
    strokes = side_by_side([CAPPED_FIVE, BARRED_SEVEN, FOUR], 40)
    boxes = [piece.box for piece in split_digits(as_drawing(strokes))]
    late = [strokes[i] for i in (4, 0, 2, 5, 3, 1)]
    assert [piece.box for piece in split_digits(as_drawing(late))] == boxes


@pytest.mark.parametrize("make", [as_drawing, as_ink])
def test_specks_are_no_digits(make: Make) -> None:
    specks = [[[700.0, 150.0], [702.0, 151.0]], [[5.0, 280.0], [6.0, 281.0]]]
    assert len(split_digits(make([*side_by_side([ZERO, FOUR], 40), *specks]))) == 2


def test_boxes_are_those_of_the_strokes_or_pixels() -> None:
    strokes = side_by_side([ONE, ZERO], 60)
    one = split_digits(as_drawing(strokes))[0]
    points = np.array(as_drawing(strokes).strokes[0])
    assert one.box == (*points.min(axis=0), *points.max(axis=0))
    ink = as_ink(strokes)
    left, top, right, bottom = (int(edge) for edge in split_digits(ink)[0].box)
    assert ink[top:bottom, left:right].any()
    assert not ink[:, :left].any()


def test_blank_input_has_no_digits() -> None:
    assert split_digits(Drawing()) == []
    assert split_digits(np.zeros((40, 60), np.uint8)) == []


def test_samples_stay_whole(samples: Ink) -> None:
    whole = [len(split_digits(image)) == 1 for image in samples]
    assert np.mean(whole) >= 0.99


def test_real_drawings_stay_whole(drawing: Drawing) -> None:
    drawings = [drawing]
    if REAL.is_file():
        lines = REAL.read_text().splitlines()
        drawings = [Drawing.from_dict(json.loads(line)) for line in lines]
    assert np.mean([len(split_digits(one)) == 1 for one in drawings]) >= 0.995


def test_likeness_decides_what_places_leave_open() -> None:
    # Two upright parts that overlap: one digit if that looks like one, else two.
    strokes = side_by_side([ONE, ONE], 8)
    calls = []

    def joined_is_likelier(images: Ink) -> NDArray[np.float32]:
        calls.append(images.shape[1:])
        wide = (images > 0).any(axis=1).sum(axis=1)
        return np.where(wide == wide.max(), 1.0, 1e-3).astype(np.float32)

    assert len(split_digits(as_drawing(strokes), joined_is_likelier)) == 1
    assert len(split_digits(as_drawing(strokes), lambda x: np.ones(len(x), np.float32))) == 2
    assert set(calls) == {(28, 28)}


def test_wild_input_gives_few_pieces() -> None:
    rng = np.random.default_rng(0)
    dots = [[[float(x), float(y)]] for x, y in rng.uniform(0, SIZE, (200, 2))]
    grid = np.zeros((400, 400), np.uint8)
    grid[::8, ::8] = 255
    noise = rng.integers(0, 256, (300, 300)).astype(np.uint8)
    rows = side_by_side([ZERO, ONE], 40)
    two_rows = rows + [[[x, y + 200] for x, y in stroke] for stroke in rows]
    for source in (as_drawing(dots), grid, noise, as_drawing(two_rows)):
        assert 1 <= len(split_digits(source)) <= 20
