"""Strings of two to five real drawings of one writer, side by side without touching.

They are read as strokes on a pad and as pictures, dark on white, in several layouts; digits are
taken apart by place alone and with the CNN's digit scores. Every number is a share of strings:
all digits right, and in parentheses the right number of digits. The drawings are tuning data:
segmentation was tuned on two of their writers, and the models' recipe on all four, so the writers
"held out" are so for segmentation only, and none of these figures is published.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.drawings import rows
from mnistlab import Classifier, Drawing, load_classifier, load_default, preprocess
from mnistlab.images.finding import split_digits
from mnistlab.images.grouping import DigitScore
from mnistlab.images.ink import find_ink

Paths = list[NDArray[np.float64]]
Digits = list[tuple[str, Paths]]

WRITERS = {"tuned": ("aga", "art"), "held out": ("imp", "uqb")}
LENGTHS = (2, 3, 4, 5)
STRINGS = 40  # of each length, layout and group of writers
HEIGHT = 100.0  # of a digit's longer side, before the string is fitted to the pad
PEN = 0.12  # of a digit's size
APART = 0.04  # of a digit's size, between the ink of neighbours: two or three pixels
PAD = 280.0
_IMAGE_HEIGHT = 60  # pixels of a digit in a picture
_ZOOM = 4  # Pillow draws a pen a pixel too wide: little of that is left


@dataclass(frozen=True)
class Layout:
    """How digits are set side by side; lengths are shares of a digit's size."""

    gaps: tuple[float, float]  # between bounding boxes, at least as much as keeps ink apart
    jitter: float = 0.06  # of the base line
    as_drawn: bool = False  # size and height on the page as the writer left them
    late: bool = False  # second strokes, such as bars, are drawn when all digits stand
    on_pad: bool = True  # made smaller to fit a pad of 280; otherwise the pad is made larger


LAYOUTS = {
    "close": Layout((0.05, 0.2)),
    "even": Layout((0.2, 0.5)),
    "wide": Layout((0.5, 1.2)),
    "slanted in": Layout((-0.15, 0.05)),
    "late bars": Layout((0.1, 0.4), late=True),
    "uneven line": Layout((0.1, 0.4), jitter=0.25),
    "as drawn": Layout((0.1, 0.4), as_drawn=True, on_pad=False),
    "as drawn, close": Layout((0.03, 0.12), as_drawn=True, on_pad=False),
}


SMALL = {"lengths": (2,), "count": 1, "lone": 4}


def main(lengths: Sequence[int] = LENGTHS, count: int = STRINGS, lone: int | None = None) -> None:
    """`count` strings of each length, layout and group of writers, and `lone` single digits."""
    cnn = load_classifier("cnn")

    def with_cnn(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return cnn.read(images).digit_scores

    ways: dict[str, DigitScore | None] = {"by place": None, "with the CNN": with_cnn}
    for way, digit_score in ways.items():
        for writers in WRITERS:
            for kind in (as_drawing, as_ink):
                print(f"  {way}, {kind.__name__}, writers {writers}:")
                for layout in LAYOUTS:
                    made = {n: strings(writers, layout, n, count) for n in lengths}
                    _print_layout(layout, made, kind, cnn, digit_score)
        _print_lone(way, digit_score, lone)


@cache
def strings(writers: str, name: str, length: int, count: int = STRINGS) -> list[Digits]:
    """Digits of one writer each, placed on a line; the same at each call."""
    # Other digits for every layout: the same ones again would only look like more evidence.
    rng = np.random.default_rng([list(WRITERS).index(writers), list(LAYOUTS).index(name), length])
    layout = LAYOUTS[name]
    data = [row for row in rows() if row["donor"] in WRITERS[writers]]
    made = []
    for _ in range(count):
        donor = rng.choice(WRITERS[writers])
        own = [row for row in data if row["donor"] == donor]
        chosen = [own[i] for i in rng.integers(len(own), size=length)]
        made.append(_set_side_by_side(chosen, layout, rng))
    return made


def _set_side_by_side(
    chosen: list[dict[str, Any]], layout: Layout, rng: np.random.Generator
) -> Digits:
    digits: Digits = []
    for row in chosen:
        paths = [np.array(stroke, float) for stroke in row["strokes"]]
        low, high = _bounds(paths)
        if layout.as_drawn:
            scale, top = HEIGHT / 170, low[1] * HEIGHT / 170  # their median size
        else:
            scale = HEIGHT * rng.uniform(0.8, 1.2) / _size(paths)
            top = -(high - low)[1] * scale + rng.normal(0, layout.jitter) * HEIGHT
        paths = [(path - low) * scale + [0, top] for path in paths]
        gap = rng.uniform(*layout.gaps) * HEIGHT
        digits.append((row["label"], _moved_right(paths, digits, gap)))
    return digits


def _moved_right(paths: Paths, before: Digits, gap: float) -> Paths:
    """Put `gap` behind the digits before, or further, until no ink touches."""
    if not before:
        return paths
    edge = max(_bounds(there)[1][0] for _, there in before)
    last = np.concatenate([_dense(path) for _, there in before[-2:] for path in there])
    own = np.concatenate([_dense(path) for path in paths])
    shift = edge + gap
    pens = PEN * max(_size(there) for _, there in before[-2:]) / 2 + PEN * _size(paths) / 2
    while _distance(own + np.array([shift, 0.0]), last) < pens + APART * HEIGHT:
        shift += 0.01 * HEIGHT
    return [path + np.array([shift, 0.0]) for path in paths]


def as_drawing(digits: Digits, layout: Layout) -> Drawing:
    paths = [path for _, own in digits for path in own]
    if layout.late:
        first = [own[0] for _, own in digits]
        paths = first + [path for _, own in digits for path in own[1:]]
    low, high = _bounds(paths)
    size = max(PAD, float((high - low).max()) + 20)
    scale = PAD / size if layout.on_pad else 1.0
    placed = [((path - low + 10) * scale).tolist() for path in paths]
    return Drawing.from_strokes(placed, PAD if layout.on_pad else size)


def as_ink(digits: Digits, layout: Layout) -> NDArray[np.uint8]:
    """A picture, black on white, drawn larger and reduced, and the ink found in it."""
    scale = _ZOOM * _IMAGE_HEIGHT / HEIGHT
    low, high = _bounds([path for _, own in digits for path in own])
    width, height = (int(side) for side in (high - low + 40) * scale)
    sheet = Image.new("L", (width, height), 255)
    drawer = ImageDraw.Draw(sheet)
    for _, own in digits:
        for path in own:
            _ink_path(drawer, (path - low + 20) * scale, PEN * _size(own) * scale)
    return find_ink(np.asarray(sheet.reduce(_ZOOM)))


def _ink_path(drawer: ImageDraw.ImageDraw, path: NDArray[np.float64], pen: float) -> None:
    points = [(x, y) for x, y in path.tolist()]
    drawer.line(points, fill=0, width=max(1, round(pen)))
    for x, y in points:
        drawer.ellipse([x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2], fill=0)


def _print_layout(
    name: str,
    made: Mapping[int, list[Digits]],
    kind: Callable[[Digits, Layout], Drawing | NDArray[np.uint8]],
    cnn: Classifier,
    digit_score: DigitScore | None,
) -> None:
    layout, cells, seconds = LAYOUTS[name], [], []
    for length, all_digits in made.items():
        counted, right = [], []
        for digits in all_digits:
            source = kind(digits, layout)
            begun = time.perf_counter()
            pieces = split_digits(source, digit_score)
            seconds.append(time.perf_counter() - begun)
            images = np.array([preprocess(piece.source).image for piece in pieces], np.uint8)
            read = cnn.predict_proba(images.reshape(-1, 28, 28)).argmax(1)
            counted.append(len(pieces) == length)
            right.append("".join(map(str, read)) == "".join(label for label, _ in digits))
        cells.append(f"{length}: {np.mean(right):4.0%} ({np.mean(counted):4.0%})")
    print(f"    {name:<16} {'   '.join(cells)}   {1e3 * np.median(seconds):.1f} ms")


def _print_lone(way: str, digit_score: DigitScore | None, count: int | None) -> None:
    """Single digits must stay whole."""
    dataset = load_default()
    drawn = [Drawing.from_strokes(row["strokes"]) for row in rows(count)]
    test = [np.array(image) for image in dataset.x_test[:count]]
    for name, sources in (("drawings", drawn), (f"{dataset.title}'s test images", test)):
        begun = time.perf_counter()
        whole = [len(split_digits(source, digit_score)) == 1 for source in sources]
        each = (time.perf_counter() - begun) / len(sources)
        print(f"  {way}: {np.mean(whole):.2%} of {name} stay one piece, {1e3 * each:.2f} ms each")


def _bounds(paths: Paths) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    points = np.concatenate(paths)
    return points.min(axis=0), points.max(axis=0)


def _size(paths: Paths) -> float:
    """The longer side of what is drawn."""
    return max(float(np.subtract(*_bounds(paths)[::-1]).max()), 1.0)


def _dense(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points along a path, 4 apart at most."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = np.linspace(0, along[-1], int(along[-1] / 4) + 2)
    return np.column_stack([np.interp(at, along, path[:, axis]) for axis in (0, 1)])


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1)).min())


if __name__ == "__main__":
    main()
