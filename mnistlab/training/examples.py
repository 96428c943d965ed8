"""The images that a model is trained, validated and thresholded on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.data.pens import training_drawings
from mnistlab.models.config import TrainingConfig
from mnistlab.training.handwriting import Image8, Images, handwriting_variants
from mnistlab.training.non_digits import NO_DIGIT, make_non_digits
from mnistlab.training.pens import pen_images

VALIDATION_FRACTION = 1 / 12  # 5,000 of MNIST's 60,000
DATASET_COPIES = {"mlp": 1, "cnn": 2}
"""How often the dataset counts beside pen drawings. Twice gives the CNN a twentieth of a percent
more on the validation part; the MLP would lose more on tuning data (`drawings-dev.jsonl`)."""
_ONES = 0.4  # of the dataset's ones get a flag or a foot where there are pen drawings too
_EXTRA_FRACTION, _MAX_COPIES = 1 / 20, 50  # of images that are added to a dataset


def split_training(n: int, config: TrainingConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return random indices `(train, validation)` of the used fraction of `n` training images."""
    used = max(24, round(n * config.fraction))
    order = np.random.default_rng(config.seed).permutation(n)[:used]
    held_out = max(1, round(len(order) * VALIDATION_FRACTION))
    return order[held_out:], order[:held_out]


def with_extra_images(x: NDArray[np.uint8], y: NDArray[np.uint8], dataset: Dataset) -> Images:
    """Return training images and labels with the dataset's extra ones.

    A few drawings among 55,000 images would have no effect, so they are repeated until they make
    up a twentieth, each at most fifty times; augmentation makes the copies differ.
    """
    extra = len(dataset.extra_images)
    if not extra:
        return x, y
    times = min(_MAX_COPIES, max(1, round(_EXTRA_FRACTION * len(x) / extra)))
    return joined((x, y), *[(dataset.extra_images, dataset.extra_labels)] * times)


@dataclass(frozen=True, eq=False)
class Pens:
    """Pen drawings as images."""

    training: Images
    """Digits with changed copies, and letters labelled `NO_DIGIT`."""
    validation: Image8
    """Digits, `(n, 28, 28)`, that are not trained on: they help to choose a threshold."""
    drawings: int
    """How many were found in all."""


_NO_IMAGES = np.zeros((0, 28, 28), np.uint8)
NO_PENS = Pens((_NO_IMAGES, np.zeros(0, np.uint8)), _NO_IMAGES, 0)


def load_pens(config: TrainingConfig) -> Pens:
    """Return the drawings of `mnistlab.data.pens` as images; `NO_PENS` where there are none.

    A twelfth is put aside for validation, as of the dataset. Raises `DataError` for a damaged file.
    """
    drawings = training_drawings()
    if not drawings:
        return NO_PENS
    parts = split_training(len(drawings), config)
    training, validation = ([drawings[row] for row in part] for part in parts)
    digits = [drawing for drawing in validation if drawing.digit is not None]
    rng = np.random.default_rng(config.seed)
    return Pens(pen_images(training, rng), pen_images(digits)[0], len(drawings))


def training_images(x: Image8, y: Image8, config: TrainingConfig, pens: Images) -> Images:
    """Return images (n, 28, 28) and labels (n,) with those that the settings add.

    Full augmentation adds handwriting variants; `config.non_digits` adds images labelled
    `NO_DIGIT`. `pens` are images of pen drawings; those labelled `NO_DIGIT` are left out where the
    network has no such output.
    """
    rng = np.random.default_rng(config.seed)
    parts = [(x, y)]
    if config.augmentation == "full":
        parts.append(_variants(x, y, rng, with_pens=len(pens[1]) > 0))
    if config.non_digits:
        others = make_non_digits(*joined(*parts), rng, config.printed_letters)
        parts.append((others, np.full(len(others), NO_DIGIT, np.uint8)))
    wanted = pens[1] < config.outputs
    if len(pens[1]):
        parts += [(x, y)] * (DATASET_COPIES[config.model] - 1)
    return joined(*parts, (pens[0][wanted], pens[1][wanted]))


def _variants(x: Image8, y: Image8, rng: np.random.Generator, with_pens: bool) -> Images:
    """Return handwriting variants.

    Pen drawings have barred sevens of their own and some flagged ones, so there are fewer beside
    them.
    """
    if not with_pens:
        return handwriting_variants(x, y, rng)
    ones = np.flatnonzero(y == 1)
    rows = np.sort(np.concatenate([np.flatnonzero(y == 0), ones[: round(_ONES * len(ones))]]))
    return handwriting_variants(x[rows], y[rows], rng)


def joined(*parts: Images) -> Images:
    """Return the images and labels of all parts, one after the other."""
    images, labels = zip(*parts, strict=True)
    return np.concatenate(images), np.concatenate(labels)
