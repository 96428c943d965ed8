"""The pretrained pair on real pen drawings: as drawn, moved and turned, with thick and thin pens.

The drawings are the test data of `benchmarks.drawings`, on which nothing was tuned. Every figure is
a fraction read right, over all or by writer, digit and way of writing; "shown" is right and not
answered with `?`; "loss" is against "as drawn". The table alone, of other drawings:

    python -m benchmarks.handwriting FILE.jsonl ...
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.drawings import TEST_FILE, described, held_out_rows, rows_of
from benchmarks.results import Comparison
from benchmarks.ways import ways
from mnistlab import Classifier, Drawing, load_classifier, load_default, preprocess

Strokes = list[list[list[float]]]
Images = NDArray[np.uint8]

PAD = 280
NAIVE_PEN = 10  # pixels on the pad, for the naive way
PENS = (0.04, 0.06, 0.09, 0.12, 0.16, 0.20, 0.25)  # of the digit's longer side
SCALES = (0.3, 0.6, 1.0)  # of the pad
ANGLES = (-15, 15)  # degrees
_ZOOM = 3


COMMAND = "make bench ARGS=handwriting"
SMALL = {"drawings": 10, "images": 10}
QUICK = {"images": 1000, "varied": False}


def main(
    drawings: int | None = None, images: int | None = None, varied: bool = True
) -> list[Comparison]:
    """On all drawings and all of MNIST's test images, or on so many of each.

    `varied` also reads the drawings moved, turned, and as images with other pens: minutes.
    """
    comparisons: list[Comparison] = []
    data = held_out_rows(drawings)
    strokes = [row["strokes"] for row in data]
    labels = np.array([int(row["label"]) for row in data])
    models = [load_classifier("cnn"), load_classifier("mlp")]
    recipe = _images(strokes, _as_drawn)
    for model in models:
        outputs = model.read(recipe)
        right = outputs.probabilities.argmax(1) == labels
        naive = model.predict_proba(_images(strokes, _resized)).argmax(1) == labels
        kept = outputs.digit_scores >= model.digit_threshold
        print(
            f"  {model.title}: of {len(data):,} drawings {right.mean():.2%} right with the recipe,"
        )
        print(f"    {(right & kept).mean():.2%} shown, {kept.mean():.2%} taken for digits,")
        print(f"    {naive.mean():.2%} right merely resized")
        comparisons.append(
            Comparison(
                f"pen drawings read right, {model.title}",
                "%",
                (100 * float(right.mean()),),
                {"merely resized": (100 * float(naive.mean()),)},
                COMMAND,
                lower_is_better=False,
                note=f"The same model on the same {len(data):,} drawings, prepared in two ways.",
            )
        )
    _print_table(models, data, TEST_FILE)
    _print_mnist(models, images)
    for name, changed in _variations(strokes).items() if varied else ():
        _print_loss(name, models, changed, recipe, labels)
    return comparisons


def _images(strokes: list[Strokes], render: Callable[[Strokes], Images]) -> Images:
    return np.stack([render(one) for one in strokes])


def of_files(files: list[Path], count: int | None = None) -> None:
    """Print the table of each file of drawings, or of so many of its drawings."""
    contents = [rows_of(file, count) for file in files]  # refused before anything is printed
    models = [load_classifier("cnn"), load_classifier("mlp")]
    for file, data in zip(files, contents, strict=True):
        _print_table(models, data, file)


def _print_table(models: list[Classifier], data: list[dict[str, Any]], file: Path) -> None:
    """By writer, digit and way of writing: how many drawings, and right and shown of each model."""
    labels = np.array([int(row["label"]) for row in data])
    recipe = _images([row["strokes"] for row in data], _as_drawn)
    marks = []
    for model in models:
        outputs = model.read(recipe)
        right = outputs.probabilities.argmax(1) == labels
        marks += [right, right & (outputs.digit_scores >= model.digit_threshold)]
    print(f"\n  {file.name}: {described(file)}")
    heads = [f"{model.title} {what}" for model in models for what in ("right", "shown")]
    print(f"  {'':<16}{'drawings':>9}" + "".join(f"{head:>11}" for head in heads))
    for name, rows in _parts(data).items():
        shares = "".join(f"{mark[rows].mean():>11.1%}" for mark in marks)
        print(f"  {name:<16}{len(rows):>9,}{shares}")


def _parts(data: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The rows of all drawings, of each writer, of each digit and of each way of writing."""
    groups: list[dict[str, list[int]]] = [{"all": list(range(len(data)))}, {}, {}, {}]
    for at, row in enumerate(data):
        groups[1].setdefault(f"writer {row.get('donor', 'unknown')}", []).append(at)
        groups[2].setdefault(f"digit {row['label']}", []).append(at)
        for way in ways(row["strokes"], str(row["label"])):
            groups[3].setdefault(way, []).append(at)
    return {name: group[name] for group in groups for name in sorted(group)}


def _print_mnist(models: list[Classifier], images: int | None) -> None:
    test = load_default()
    x, y = test.x_test[:images], test.y_test[:images]
    back = np.stack([preprocess(np.array(image)).image for image in x])
    for model in models:
        outputs = model.read(x)
        answers = outputs.probabilities.argmax(1)
        same = (model.predict_proba(back).argmax(1) == answers).mean()
        kept = (outputs.digit_scores >= model.digit_threshold).mean()
        print(f"  {test.title}, test, {model.title}: {(answers == y).mean():.2%} right,", end="")
        print(f" {kept:.2%} taken for digits; fed back through the recipe {same:.2%} the same")


def _print_loss(
    name: str, models: list[Classifier], images: Images, before: Images, labels: NDArray[np.int64]
) -> None:
    parts = []
    for model in models:
        right = (model.predict_proba(images).argmax(1) == labels).mean()
        loss = (model.predict_proba(before).argmax(1) == labels).mean() - right
        parts.append(f"{model.title} {right:.2%} (loss {100 * loss:+.2f})")
    print(f"  {name:<28} {'   '.join(parts)}")


def _variations(strokes: list[Strokes]) -> dict[str, Images]:
    rng = np.random.default_rng(0)
    cases: dict[str, Images] = {}

    def moved(one: Strokes, scale: float, angle: float) -> Images:
        return _as_drawn(_moved(one, scale, angle, rng))

    for scale in SCALES:
        cases[f"scaled to {scale} of the pad"] = _images(
            strokes, partial(moved, scale=scale, angle=0)
        )
    for angle in ANGLES:
        cases[f"turned by {angle} degrees"] = _images(
            strokes, partial(moved, scale=0.6, angle=angle)
        )
    cases["all at random"] = _images(
        strokes, lambda one: moved(one, rng.uniform(0.3, 1), rng.uniform(-15, 15))
    )
    for pen in PENS:
        cases[f"as image, pen of {pen:.0%}"] = _images(strokes, partial(_inked, pen=pen))
    return cases


def _as_drawn(strokes: Strokes) -> Images:
    return preprocess(Drawing.from_strokes(strokes)).image


def _moved(strokes: Strokes, scale: float, angle: float, rng: np.random.Generator) -> Strokes:
    """Turned, its longer side made `scale` of the pad, put anywhere on the pad."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turned = [np.array(stroke) @ np.array([[cos, sin], [-sin, cos]]) for stroke in strokes]
    low, high = _bounds(turned)
    factor = scale * PAD / max(float((high - low).max()), 1.0)
    corner = rng.uniform(0, 1, 2) * (PAD - (high - low) * factor)
    return [((stroke - low) * factor + corner).tolist() for stroke in turned]


def _inked(strokes: Strokes, pen: float) -> Images:
    """As a picture, black on white, the pen a share of the digit's longer side."""
    paths = [np.array(stroke, float) for stroke in strokes]
    low, high = _bounds(paths)
    factor = 200 * _ZOOM / max(float((high - low).max()), 1.0)
    sheet = Image.new("L", (320 * _ZOOM,) * 2, 255)
    drawer, width = ImageDraw.Draw(sheet), pen * 200 * _ZOOM
    for path in paths:
        points = [tuple(point) for point in (path - low) * factor + 60 * _ZOOM]
        drawer.line(points, fill=0, width=round(width))
        for x, y in points:
            box = [x - width / 2, y - width / 2, x + width / 2, y + width / 2]
            drawer.ellipse(box, fill=0)
    return preprocess(sheet.resize((320, 320), Image.Resampling.BOX)).image


def _bounds(paths: list[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    points = np.concatenate(paths)
    return points.min(axis=0), points.max(axis=0)


def _resized(strokes: Strokes) -> Images:
    """What most demos do: the pad as a picture, resized to 28x28."""
    pad = Image.new("L", (PAD, PAD))
    pen = ImageDraw.Draw(pad)
    for stroke in strokes:
        pen.line([tuple(point) for point in stroke], fill=255, width=NAIVE_PEN)
    return np.array(pad.resize((28, 28), Image.Resampling.BILINEAR))


if __name__ == "__main__":
    chosen = [Path(name) for name in sys.argv[1:]]
    of_files(chosen) if chosen else main()
