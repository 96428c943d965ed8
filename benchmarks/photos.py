"""The pretrained models on real pen drawings rendered as photos of paper, sent as JPEG files.

Each drawing becomes one photo of its own size, light, paper, pen, grain and rotation, and goes
through `decode_upload` and `preprocess` as an upload does. A figure is the fraction read right, or
shown: read right and not answered with `?`.
The drawings are the held-out ones of `benchmarks.drawings`. The renderings are not held out:
`images/ink.py` was tuned on photos of the same kinds, of other drawings. To tune on, name them:

    python -m benchmarks.photos ../shared/data/drawings-dev.jsonl  # tuning data
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.drawings import held_out_rows, rows_of
from mnistlab import decode_upload, load_classifier, preprocess

Range = tuple[float, float]
Size = tuple[int, int]  # height and width
Plane = NDArray[np.float32]  # (h, w) or (h, w, 3), 0 for nothing and 1 for full cover or light

SAMPLE = 500  # of the drawings, for each rendering: a photo takes a tenth of a second
PAPERS = ("plain", "ruled", "squared")
_ZOOM = 2  # what is drawn is drawn larger, then averaged, as a camera would


@dataclass(frozen=True)
class Rendering:
    """Ranges from which each photo draws its own values."""

    side: Range  # pixels
    cover: Range  # longer side of the digit as a share of the picture's shorter side
    pen: Range  # share of the digit's longer side
    ink: Range  # share of the light that ink swallows
    spacing: Range  # of the page's lines, pixels
    thickness: Range  # of the page's lines, pixels
    darkness: Range  # of the page's lines, share of the ink's
    grain: Range  # standard deviation, grey levels
    shadow: Range  # share of the light that is lost at the darkest place
    angle: float  # degrees at most, digit and page together or the digit alone
    quality: int
    lights: tuple[str, ...]
    tilt: float = 0.0  # share of each side by which the camera's view shifts a corner at most
    margin: Range = (0.0, 0.0)  # of a table around the page, share of the page's shorter side


TUNING = Rendering(
    side=(400, 1200), cover=(0.25, 0.9), pen=(0.04, 0.12), ink=(0.55, 0.9), spacing=(18, 80),
    thickness=(1, 3), darkness=(0.15, 0.6), grain=(2, 12), shadow=(0.1, 0.5), angle=10,
    quality=60, lights=("gradient", "vignette"),
)  # fmt: skip
REPORT = Rendering(
    side=(450, 1100), cover=(0.3, 0.85), pen=(0.045, 0.11), ink=(0.6, 0.85), spacing=(15, 70),
    thickness=(1, 2.5), darkness=(0.1, 0.6), grain=(3, 10), shadow=(0.2, 0.5), angle=10,
    quality=60, lights=("gradient", "vignette", "hand"),
)  # fmt: skip
KINDS = {
    "overexposed": replace(REPORT, lights=("glare",)),
    "hard shadow": replace(REPORT, lights=("edges",)),
    "thin pen": replace(REPORT, pen=(0.015, 0.035)),
    "tilted": replace(REPORT, cover=(0.3, 0.6), tilt=0.1),
    "on a table": replace(REPORT, margin=(0.08, 0.35)),
}
_PENS = ((0.1, 0.1, 0.12), (0.1, 0.15, 0.5), (0.05, 0.1, 0.3))  # black, blue, dark blue; RGB
_LINES = ((0.45, 0.45, 0.45), (0.35, 0.5, 0.85), (0.85, 0.4, 0.4))  # grey, blue, red


SMALL = {"sample": 2}


def main(sample: int = SAMPLE, drawings: str = "") -> None:
    rows = rows_of(Path(drawings)) if drawings else held_out_rows()
    data = np.random.default_rng(1).permutation(np.array(rows, dtype=object))[:sample]
    labels = np.array([int(row["label"]) for row in data])
    for name, rendering in {"tuning": TUNING, "report": REPORT, **KINDS}.items():
        chance = np.random.default_rng(0)
        papers = chance.choice(PAPERS, len(data))
        photos = (
            photo(row["strokes"], paper, rendering, chance)
            for row, paper in zip(data, papers, strict=True)
        )
        images = np.stack([preprocess(decode_upload(one)).image for one in photos])
        print(f"  {name} photos: {len(images)}")
        for model in (load_classifier("cnn"), load_classifier("mlp")):
            outputs = model.read(images)
            right = outputs.probabilities.argmax(1) == labels
            shown = right & (outputs.digit_scores >= model.digit_threshold)
            by_paper = (
                f"{paper} {right[papers == paper].mean():.1%}" for paper in np.unique(papers)
            )
            print(f"    {model.title} {right.mean():.2%} right, {shown.mean():.2%} shown;", end=" ")
            print(f"right by paper: {'  '.join(by_paper)}")


def photo(
    strokes: list[list[list[float]]], paper: str, rendering: Rendering, chance: np.random.Generator
) -> bytes:
    """A JPEG file of the digit on a page in some light."""
    height, width = (int(chance.uniform(*rendering.side)) for _ in range(2))
    angle = chance.uniform(-rendering.angle, rendering.angle)
    together = chance.random() < 0.5  # the whole page is turned, or the digit on a straight page
    ink = _digit(strokes, (height, width), angle, rendering, chance)
    lines = np.zeros((height, width), np.float32)
    if paper != "plain":
        turned = angle if together else 0.0
        lines = _page((height, width), turned, paper == "squared", rendering, chance)
    strength = chance.uniform(*rendering.ink)
    dark = strength * chance.uniform(*rendering.darkness)
    seen = np.array([0.96, 0.95, 0.9]) * chance.uniform(0.8, 1.0)
    seen = seen * (1 - lines[..., None] * _absorbed(_LINES, dark, chance))
    seen = seen * (1 - ink[..., None] * _absorbed(_PENS, strength, chance))
    seen = seen * _light((height, width), rendering, chance)[..., None]
    grain = chance.normal(0, chance.uniform(*rendering.grain), (height, width, 1))
    picture = Image.fromarray(np.clip(seen * 255 + grain, 0, 255).astype(np.uint8))
    if rendering.tilt:
        picture = _tilted(picture, rendering.tilt, chance)
    if any(rendering.margin):
        picture = _on_a_table(picture, rendering.margin, chance)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=rendering.quality)
    return file.getvalue()


def _tilted(page: Image.Image, tilt: float, chance: np.random.Generator) -> Image.Image:
    """A part of the page as a camera held aslant sees it."""
    inward = chance.uniform(0, tilt, (4, 2))
    corners = np.array([[0, 0], [0, 1], [1, 1], [1, 0]])
    seen = np.where(corners == 0, inward, 1 - inward) * page.size
    return page.transform(page.size, Image.Transform.QUAD, seen.ravel().tolist())


def _on_a_table(page: Image.Image, margin: Range, chance: np.random.Generator) -> Image.Image:
    """The page, turned a little, on darker wood."""
    border = int(chance.uniform(*margin) * min(page.size))
    width, height = (side + 2 * border for side in page.size)
    y, x = np.mgrid[0:height, 0:width]
    wood = chance.uniform(40, 150) + 8 * np.sin(y / chance.uniform(3, 9) + 2 * np.sin(x / 40))
    wood = np.clip(wood + chance.normal(0, 5, wood.shape), 0, 255)[..., None] * [1, 0.8, 0.6]
    table = Image.fromarray(wood.astype(np.uint8)).convert("RGBA")
    sheet = Image.new("RGBA", table.size)
    sheet.paste(page, (border, border))
    table.alpha_composite(sheet.rotate(chance.uniform(-12, 12), Image.Resampling.BICUBIC))
    return table.convert("RGB")


def _absorbed(
    colours: tuple[tuple[float, ...], ...], strength: float, chance: np.random.Generator
) -> NDArray[np.float64]:
    """(3,) share of red, green and blue light swallowed, `strength` of the grey level."""
    colour = 1 - np.array(colours[chance.integers(len(colours))])
    share: NDArray[np.float64] = colour * strength / (colour @ [0.299, 0.587, 0.114])
    return np.clip(share, 0, 0.97)


def _digit(
    strokes: list[list[list[float]]],
    size: Size,
    angle: float,
    rendering: Rendering,
    chance: np.random.Generator,
) -> Plane:
    paths = [np.array(stroke) @ _turn(angle) for stroke in strokes]
    low = np.min([path.min(0) for path in paths], axis=0)
    high = np.max([path.max(0) for path in paths], axis=0)
    side = chance.uniform(*rendering.cover) * min(size)
    pen = chance.uniform(*rendering.pen) * side
    factor = (side - pen) / max(float((high - low).max()), 1.0)
    room = np.array(size[::-1]) - (high - low) * factor - pen
    corner = chance.uniform(0.1, 0.9, 2) * room + pen / 2
    sheet = Image.new("L", (size[1] * _ZOOM, size[0] * _ZOOM))
    drawer, radius = ImageDraw.Draw(sheet), pen * _ZOOM / 2
    for path in paths:
        points = [tuple(point) for point in ((path - low) * factor + corner) * _ZOOM]
        drawer.line(points, fill=255, width=max(1, round(2 * radius)))
        for x, y in points:
            drawer.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    return _shrunk(sheet, size)


def _page(
    size: Size, angle: float, squared: bool, rendering: Rendering, chance: np.random.Generator
) -> Plane:
    height, width = size
    spacing = chance.uniform(*rendering.spacing)
    thickness = chance.uniform(*rendering.thickness)
    y, x = np.mgrid[0 : height * _ZOOM, 0 : width * _ZOOM] / _ZOOM
    turn = _turn(angle)
    cover = np.zeros(y.shape, bool)
    for axis in (1, 0)[: 1 + squared]:
        along = x * turn[0, axis] + y * turn[1, axis]
        cover |= (along + chance.uniform(0, spacing)) % spacing < thickness
    return _shrunk(Image.fromarray((cover * 255).astype(np.uint8)), size)


def _shrunk(sheet: Image.Image, size: Size) -> Plane:
    small = sheet.resize((size[1], size[0]), Image.Resampling.BOX)
    return np.asarray(small.filter(ImageFilter.GaussianBlur(0.6)), np.float32) / np.float32(255)


def _turn(angle: float) -> NDArray[np.float64]:
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.array([[cos, sin], [-sin, cos]])


def _light(size: Size, rendering: Rendering, chance: np.random.Generator) -> NDArray[np.float64]:
    """(h, w) share of the light that falls on each place."""
    y, x = np.mgrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    loss, way = chance.uniform(*rendering.shadow), chance.uniform(0, 2 * np.pi)
    across = np.cos(way) * x + np.sin(way) * y
    kind = chance.choice(rendering.lights)
    light: NDArray[np.float64]
    if kind == "gradient":
        light = 1 - loss * np.clip(0.5 + across / 2.2, 0, 1)
    elif kind == "vignette":
        light = 1 - loss * (x * x + y * y) / 2
    elif kind == "glare":  # lighter than the camera's white in a part of the picture
        light = 1.6 - chance.uniform(0.5, 1.1) * (across + 1) / 2
    elif kind == "edges":
        light = np.ones(size)
        for _ in range(chance.integers(1, 3)):
            way = chance.uniform(0, 2 * np.pi)
            edge = np.cos(way) * x + np.sin(way) * y - chance.uniform(-0.6, 0.6)
            edge = edge / chance.uniform(0.004, 0.03)
            light *= 1 - loss / (1 + np.exp(-np.clip(edge, -40, 40)))
    else:
        edge = (across - chance.uniform(-0.5, 0.5)) / chance.uniform(0.05, 0.2)
        light = 1 - loss / (1 + np.exp(-np.clip(edge, -40, 40)))
    return light


if __name__ == "__main__":
    main(drawings="".join(sys.argv[1:2]))
