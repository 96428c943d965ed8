"""What is no digit: letters of fonts that played no part in tuning, and scribbles.

Printed is the share answered with `?`, over all and by font, at each model's own threshold; the
benchmark `handwriting` prints the share of digits that the same threshold keeps.
"""

from __future__ import annotations

import string
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mnistlab import Drawing, load_classifier, preprocess

LIKE_DIGITS = "OoIliZzSsBbgq"
"""Letters that a person would read as 0, 1, 2, 5, 8, 6 or 9 when they stand alone."""

FONTS = {
    "font_intuitive": "Intuitive",
    "font_amatic_sc": "AmaticSC",
    "font_caladea": "Caladea",
    "font_manrope": "Manrope",
    "font_hanken_grotesk": "HankenGroteskLight",
    "font_fredoka_one": "FredokaOne",
}
"""Package -> name of the font's path in it. Two are handwritten. Tuning used Hershey's strokes."""

LETTERS = [letter for letter in string.ascii_letters if letter not in LIKE_DIGITS]
SCRIBBLES = 200
SMALL = {"letters": LETTERS[:3], "scribbles": 3}


def main(letters: Sequence[str] = LETTERS, scribbles: int = SCRIBBLES) -> None:
    groups = {**_letters(letters), "scribbles": _scribbles(scribbles)}
    for model in (load_classifier("cnn"), load_classifier("mlp")):
        refused = {
            name: model.read(images).digit_scores < model.digit_threshold
            for name, images in groups.items()
        }
        ours = np.concatenate([v for name, v in refused.items() if name != "scribbles"])
        print(f"  {model.title}: {ours.mean():.1%} of {len(ours)} letters answered with ?,")
        print(f"    {'  '.join(f'{name} {v.mean():.0%}' for name, v in refused.items())}")


def _letters(letters: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
    fonts = {}
    for package, name in FONTS.items():
        try:
            path = getattr(import_module(package), name)
        except ImportError:
            sys.exit(
                f'{package} is missing; install the bench extra: pip install "mnistlab[bench]"'
            )
        font = ImageFont.truetype(str(Path(path)), 160)
        fonts[name] = np.stack([_letter(letter, font) for letter in letters])
    return fonts


def _letter(letter: str, font: ImageFont.FreeTypeFont) -> NDArray[np.uint8]:
    sheet = Image.new("L", (320, 320), 255)
    ImageDraw.Draw(sheet).text((80, 60), letter, font=font, fill=0)
    return preprocess(sheet).image


def _scribbles(count: int) -> NDArray[np.uint8]:
    """A pen that wanders about."""
    rng = np.random.default_rng(0)
    images = []
    for _ in range(count):
        path = np.cumsum(rng.normal(0, 20, (int(rng.integers(25, 120)), 2)), axis=0)
        path = (path - path.min(axis=0)) / np.ptp(path) * 220 + 30
        images.append(preprocess(Drawing.from_strokes([path.tolist()])).image)
    return np.stack(images)


if __name__ == "__main__":
    main()
