"""Inputs with several digits are taken apart in reading order, and single ones stay whole."""

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


def moved(strokes: Strokes, right: float, down: float) -> list[list[list[float]]]:
    return [[[x + right, y + down] for x, y in stroke] for stroke in strokes]


def as_tall_ink(strokes: Strokes) -> Ink:
    sheet = Image.new("L", (SIZE, SIZE))
    drawer = ImageDraw.Draw(sheet)
    for stroke in strokes:
        drawer.line([(x, y) for x, y in stroke], fill=255, width=10, joint="curve")
    return np.array(sheet)


@pytest.mark.parametrize("make", [as_drawing, as_tall_ink])
@pytest.mark.parametrize("slope", [-0.15, 0, 0.15])
def test_lines_are_read_one_after_the_other(make: Make, slope: float) -> None:
    upper = side_by_side([THREE, ONE, CAPPED_FIVE, BARRED_SEVEN], 40)
    lower = moved(side_by_side([CAPPED_FIVE, ZERO, FOUR], 50), 10, 130)
    leaning = [[[x, y + slope * (x - 200)] for x, y in stroke] for stroke in [*lower, *upper]]
    pieces = split_digits(make(leaning))
    assert [piece.line for piece in pieces] == [0, 0, 0, 0, 1, 1, 1]
    for line in (pieces[:4], pieces[4:]):
        assert [piece.box[0] for piece in line] == sorted(piece.box[0] for piece in line)


@pytest.mark.parametrize("make", [as_drawing, as_tall_ink])
def test_a_row_with_an_uneven_base_line_is_one_line(make: Make) -> None:
    row = side_by_side([THREE], 0)
    for i, down in enumerate((60.0, -30.0, 70.0, 0.0), 1):
        row += moved(side_by_side([ZERO], 0), 80 * i, down)
    pieces = split_digits(make(row))
    assert [piece.line for piece in pieces] == [0] * 5


def test_three_lines_of_unequal_length() -> None:
    lines: list[list[Strokes]] = [[ZERO, THREE, ONE], [FOUR], [THREE, ZERO]]
    rows = [side_by_side(digits, 40) for digits in lines]
    strokes = [stroke for i, row in enumerate(rows) for stroke in moved(row, 0, 140 * i)]
    assert [piece.line for piece in split_digits(as_drawing(strokes))] == [0, 0, 0, 1, 2, 2]


def test_a_line_along_the_border_is_no_digit() -> None:
    ink = as_ink(side_by_side([CAPPED_FIVE], 0))[:, :300]
    (alone,) = split_digits(ink.copy())
    ink[:, 292:295] = 255
    (piece,) = split_digits(ink)
    assert piece.box == alone.box
    assert np.abs(piece.prepared.image - alone.prepared.image.astype(int)).mean() < 2


def test_a_one_at_the_border_is_a_digit() -> None:
    ink = as_ink(side_by_side([ONE, THREE], 40))
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert len(split_digits(cropped)) == 2


def test_a_picture_in_the_format_of_mnist_is_one_digit() -> None:
    broken = np.zeros((28, 28), np.uint8)
    broken[4:15, 7:9] = broken[13:15, 7:13] = broken[5:24, 17:19] = 255
    (piece,) = split_digits(broken)
    assert piece.source is broken
    assert len(split_digits(broken.repeat(4, 0).repeat(4, 1))) == 2


def narrow_is_a_digit(images: Ink) -> NDArray[np.float32]:
    """Take what is narrower than high for a digit, as models that refuse a wide image."""
    wide, high = ((images > 0).any(axis=axis).sum(axis=1) for axis in (1, 2))
    return np.where(wide < 0.9 * high, 0.99, 0.01).astype(np.float32)


@pytest.mark.parametrize("make", [as_drawing, as_ink])
def test_digits_that_touch_are_cut_where_each_side_is_a_digit(make: Make) -> None:
    strokes = side_by_side([ZERO, ZERO], -5)
    left, right = split_digits(make(strokes), narrow_is_a_digit)
    contact = 20 + 55 - 2.5  # of the first zero's left edge and width, and half the overlap
    assert abs(left.box[2] - contact) < 15
    assert abs(right.box[0] - contact) < 15


def test_the_end_of_a_digit_that_runs_into_the_next_is_cut() -> None:
    arches = [[[20.0 + 2 * i, 200 - 100 * abs(np.sin(i / 16))] for i in range(101)]]
    two = as_ink([[[float(x), float(y)] for x, y in stroke] for stroke in arches])
    assert len(split_digits(two)) == 1
    assert len(split_digits(two, narrow_is_a_digit)) >= 2


@pytest.mark.parametrize("make", [as_drawing, as_ink])
def test_what_no_cut_makes_a_digit_stays_whole(make: Make) -> None:
    strokes = side_by_side([ZERO, ZERO], -5)
    assert len(split_digits(make(strokes), lambda x: np.full(len(x), 0.02, np.float32))) == 1


def test_a_narrow_digit_alone_needs_no_score() -> None:
    def never(images: Ink) -> NDArray[np.float32]:
        raise AssertionError("no digit to score")

    assert len(split_digits(as_drawing(ONE), never)) == 1


def test_a_wide_digit_stays_whole_when_the_models_recognise_it() -> None:
    wide = [[[1.4 * x, y] for x, y in stroke] for stroke in ZERO]
    sure = split_digits(as_ink(wide), lambda x: np.ones(len(x), np.float32))
    assert len(sure) == 1
