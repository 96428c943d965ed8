"""Strings of two to five real drawings of one writer: in rows, in two lines, and touching.

They are read as strokes on a pad and as pictures, dark on white, in several layouts; digits are
taken apart by place alone and with both models' digit scores. Every number is a share of strings:
every digit found where it stands, then for each model all digits right, and wrong without a `?`.
The drawings are tuning data: segmentation was tuned on two of their writers, and the models'
recipe on all four, so the writers "held out" are so for segmentation only, and none of these
figures is published.
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
from mnistlab import Classifier, Drawing, load_classifier, load_default
from mnistlab.images.finding import Piece, split_digits
from mnistlab.images.grouping import DigitScore
from mnistlab.images.ink import find_ink
from mnistlab.images.raster import spaced
from mnistlab.models.classifier import digit_scorer

Paths = list[NDArray[np.float64]]
Digits = list[tuple[str, Paths]]

WRITERS = {"tuned": ("aga", "art"), "held out": ("imp", "uqb")}
LENGTHS = (2, 3, 4, 5)
STRINGS = 40  # of each length, layout and group of writers
HEIGHT = 100.0  # of a digit's longer side, before the string is fitted to the pad
PEN = 0.12  # of a digit's size
APART = 0.04  # of a digit's size, between the ink of neighbours: two or three pixels
PAD = 280.0
NEAR = 0.2  # of a digit's size: how far the edges of a found digit may be off
_IMAGE_HEIGHT = 60  # pixels of a digit in a picture
_NEAR_POINTS = 4.0  # between the points of paths whose distance is measured
_ZOOM = 4  # Pillow draws a pen a pixel too wide: little of that is left


@dataclass(frozen=True)
class Layout:
    """How digits are set side by side; lengths are shares of a digit's size."""

    gaps: tuple[float, float]  # between bounding boxes, at least as much as keeps ink apart
    jitter: float = 0.06  # of the base line
    as_drawn: bool = False  # size and height on the page as the writer left them
    late: bool = False  # second strokes, such as bars, are drawn when all digits stand
    on_pad: bool = True  # made smaller to fit a pad of 280; otherwise the pad is made larger
    lines: tuple[float, float] | None = None  # two lines, so far apart
    touching: tuple[float, float] | None = None  # how far the ink of neighbours overlaps
    pen: float = PEN  # of a digit's size


LAYOUTS = {
    "close": Layout((0.05, 0.2)),
    "even": Layout((0.2, 0.5)),
    "wide": Layout((0.5, 1.2)),
    "slanted in": Layout((-0.15, 0.05)),
    "late bars": Layout((0.1, 0.4), late=True),
    "uneven line": Layout((0.1, 0.4), jitter=0.25),
    "as drawn": Layout((0.1, 0.4), as_drawn=True, on_pad=False),
    "as drawn, close": Layout((0.03, 0.12), as_drawn=True, on_pad=False),
    "two lines": Layout((0.1, 0.4), lines=(0.15, 0.6)),
    "two lines, close": Layout((0.1, 0.4), lines=(0.0, 0.15)),
    "touching": Layout((0.1, 0.1), touching=(0.01, 0.05), pen=0.09),
}


SMALL = {"lengths": (2,), "count": 1, "lone": 4}


def main(lengths: Sequence[int] = LENGTHS, count: int = STRINGS, lone: int | None = None) -> None:
    """`count` strings of each length, layout and group of writers, and `lone` single digits."""
    models = [load_classifier(name) for name in ("mlp", "cnn")]
    ways = {"by place": None, "with both models": digit_scorer(models)}
    for way, digit_score in ways.items():
        for writers in WRITERS:
            for kind in (as_drawing, as_ink):
                print(f"  {way}, {kind.__name__}, writers {writers}:")
                for layout in LAYOUTS:
                    made = {n: strings(writers, layout, n, count) for n in lengths}
                    _print_layout(layout, made, kind, models, digit_score)
        _print_lone(way, digit_score, lone)


@cache
def strings(writers: str, name: str, length: int, count: int = STRINGS) -> list[Digits]:
    """Digits of one writer each, `length` on a line; the same at each call."""
    # Other digits for every layout: the same ones again would only look like more evidence.
    rng = np.random.default_rng([list(WRITERS).index(writers), list(LAYOUTS).index(name), length])
    layout = LAYOUTS[name]
    data = [row for row in rows() if row["donor"] in WRITERS[writers]]
    made = []
    for _ in range(count):
        donor = rng.choice(WRITERS[writers])
        own = [row for row in data if row["donor"] == donor]
        upper, *lower = (
            _set_side_by_side([own[i] for i in rng.integers(len(own), size=length)], layout, rng)
            for _ in range(2 if layout.lines else 1)
        )
        if layout.lines:
            upper = _set_below(upper, lower[0], rng.uniform(*layout.lines))
        made.append(upper)
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
        overlap = rng.uniform(*layout.touching) if layout.touching else None
        digits.append((row["label"], _moved_right(paths, digits, gap, layout.pen, overlap)))
    return digits


def _set_below(upper: Digits, lower: Digits, gap: float) -> Digits:
    """Put a second line under the first, `gap` of a digit's size between their inks' boxes."""
    bottom, top = _bounds(_all_paths(upper))[1][1], _bounds(_all_paths(lower))[0][1]
    down = np.array([0.0, bottom - top + (gap + PEN) * HEIGHT])
    return upper + [(label, [path + down for path in paths]) for label, paths in lower]


def _moved_right(
    paths: Paths, before: Digits, gap: float, pen: float, overlap: float | None
) -> Paths:
    """Put `gap` behind the digits before, or further, until no ink touches.

    With an `overlap`, a share of a digit's size, it is moved back until the ink overlaps so far.
    """
    if not before:
        return paths
    edge = max(_bounds(there)[1][0] for _, there in before)
    last = np.concatenate(
        [spaced(path, _NEAR_POINTS) for _, there in before[-2:] for path in there]
    )
    own = np.concatenate([spaced(path, _NEAR_POINTS) for path in paths])
    shift = edge + gap
    pens = pen * (max(_size(there) for _, there in before[-2:]) + _size(paths)) / 2
    while _distance(own + np.array([shift, 0.0]), last) < pens + APART * HEIGHT:
        shift += 0.01 * HEIGHT
    while overlap is not None and (
        _distance(own + np.array([shift, 0.0]), last) > pens - overlap * HEIGHT
    ):
        shift -= 0.005 * HEIGHT
    return [path + np.array([shift, 0.0]) for path in paths]


def as_drawing(digits: Digits, layout: Layout) -> Drawing:
    paths = _all_paths(digits)
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
    low, high = _bounds(_all_paths(digits))
    width, height = (int(side) for side in (high - low + 40) * scale)
    sheet = Image.new("L", (width, height), 255)
    drawer = ImageDraw.Draw(sheet)
    for _, own in digits:
        for path in own:
            _ink_path(drawer, (path - low + 20) * scale, layout.pen * _size(own) * scale)
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
    models: Sequence[Classifier],
    digit_score: DigitScore | None,
) -> None:
    layout, cells, seconds = LAYOUTS[name], [], []
    for length, all_digits in made.items():
        found, texts = [], []
        for digits in all_digits:
            source = kind(digits, layout)
            begun = time.perf_counter()
            pieces = split_digits(source, digit_score)
            seconds.append(time.perf_counter() - begun)
            found.append(_are_found(pieces, digits))
            texts.append([_read(model, pieces) for model in models])
        meant = np.array([["".join(label for label, _ in digits)] for digits in all_digits])
        right = np.array(texts) == meant
        sure = np.array([["?" not in text for text in both] for both in texts])
        figures = [
            f"{model.name} {100 * r:.0f}-{100 * w:.0f}"
            for model, r, w in zip(
                models, right.mean(axis=0), (sure & ~right).mean(axis=0), strict=True
            )
        ]
        cells.append(f"{length}: {100 * np.mean(found):.0f} ({', '.join(figures)})")
    print(f"    {name:<16} {'   '.join(cells)}   {1e3 * np.median(seconds):.1f} ms")


def _read(model: Classifier, pieces: Sequence[Piece]) -> str:
    """The digits that a model reads, `?` where it recognises none."""
    images = np.array([piece.prepared.image for piece in pieces], np.uint8)
    outputs = model.read(images.reshape(-1, 28, 28))
    pairs = zip(outputs.probabilities.argmax(1), outputs.digit_scores, strict=True)
    return "".join(str(digit) if s >= model.digit_threshold else "?" for digit, s in pairs)


def _are_found(pieces: Sequence[Piece], digits: Digits) -> bool:
    """Whether the pieces are the digits, in order, by their boxes."""
    if len(pieces) != len(digits):
        return False
    found = np.array([piece.box for piece in pieces], float).reshape(-1, 2, 2)
    true = np.array([_bounds(paths) for _, paths in digits])
    origins = [boxes[:, 0].min(axis=0) for boxes in (found, true)]
    extents = [
        boxes[:, 1].max(axis=0) - low for boxes, low in zip((found, true), origins, strict=True)
    ]
    found = (found - origins[0]) * (extents[1].max() / extents[0].max())
    return bool(np.abs(found - (true - origins[1])).max() < NEAR * HEIGHT)


def _print_lone(way: str, digit_score: DigitScore | None, count: int | None) -> None:
    """Single digits must stay whole, drawn or as a picture of any size."""
    digits = [(row["label"], [np.array(s, float) for s in row["strokes"]]) for row in rows(count)]
    drawn = [Drawing.from_strokes(paths) for _, paths in digits]
    pictures = [as_ink([digit], LAYOUTS["even"]) for digit in digits]
    images = [np.array(image) for image in load_default().x_train[: count or 10_000]]
    kinds: dict[str, Sequence[Drawing | NDArray[np.uint8]]]
    kinds = {"drawings": drawn, "pictures of them": pictures, "training images": images}
    for name, sources in kinds.items():
        begun = time.perf_counter()
        whole = [len(split_digits(source, digit_score)) == 1 for source in sources]
        each = (time.perf_counter() - begun) / len(sources)
        print(f"  {way}: {np.mean(whole):.2%} of {name} stay one piece, {1e3 * each:.2f} ms each")


def _all_paths(digits: Digits) -> Paths:
    return [path for _, own in digits for path in own]


def _bounds(paths: Paths) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    points = np.concatenate(paths)
    return points.min(axis=0), points.max(axis=0)


def _size(paths: Paths) -> float:
    """The longer side of what is drawn."""
    return max(float(np.subtract(*_bounds(paths)[::-1]).max()), 1.0)


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1)).min())


if __name__ == "__main__":
    main()
