"""Pen drawings become images that models can be trained on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data.pens import PenDrawing
from mnistlab.models.config import TrainingConfig
from mnistlab.training.examples import NO_PENS, load_pens, training_images
from mnistlab.training.non_digits import NO_DIGIT
from mnistlab.training.pens import COPIES, jittered, pen_images

SEVEN = PenDrawing("7", (np.array([[0.0, 0], [50, 0], [20, 90]]), np.array([[20.0, 45], [50, 40]])))
LETTER = PenDrawing("k", (np.array([[0.0, 0], [0, 90]]), np.array([[40.0, 20], [0, 50], [40, 90]])))
EACH = 1 + COPIES["digit"]


def test_images_are_as_mnists_recipe_leaves_them() -> None:
    images, labels = pen_images([SEVEN, LETTER])
    assert images.shape == (2, 28, 28)
    assert labels.tolist() == [7, NO_DIGIT]
    for image in images:
        rows, columns = np.nonzero(image)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
        assert image.max() == 255


def test_what_is_no_drawing_of_a_digit_is_no_digit() -> None:
    empty, square = PenDrawing("3", ()), PenDrawing("²", SEVEN.strokes)
    _, labels = pen_images([empty, square], np.random.default_rng(0))
    assert set(labels) == {NO_DIGIT}


def test_drawings_come_with_changed_copies_that_stay_alike() -> None:
    images, labels = pen_images([SEVEN, LETTER], np.random.default_rng(0))
    assert labels.tolist() == [7] * EACH + [NO_DIGIT] * (1 + COPIES["letter"])
    first = images[0].astype(float).ravel()
    for copy in images[1:EACH]:
        cosine = first @ copy.ravel() / np.linalg.norm(first) / np.linalg.norm(copy.astype(float))
        assert 0.3 < cosine < 0.999
    again, _ = pen_images([SEVEN, LETTER], np.random.default_rng(0))
    np.testing.assert_array_equal(images, again)


def test_any_strokes_can_be_changed() -> None:
    rng = np.random.default_rng(1)
    dot, line = np.array([[0.5, 0.5]]), np.array([[0.0, 0.0], [1.0, 1.0]])
    for strokes in ([dot], [line], [line, dot], [np.repeat(dot, 9, axis=0)]):
        for _ in range(50):
            changed = jittered(strokes, rng)
            assert changed
            assert all(np.isfinite(stroke).all() and len(stroke) for stroke in changed)


def test_a_part_is_put_aside_and_settings_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_PENS", str(tmp_path))
    assert load_pens(TrainingConfig(pens=True)).drawings == 0
    rows = [
        {"label": str(i % 10), "strokes": [[[0, 0], [10 + i, 5], [3, 40 + i]]]} for i in range(48)
    ]
    (tmp_path / "pen-digits-train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pens = load_pens(TrainingConfig(pens=True))
    assert (pens.drawings, len(pens.validation), len(pens.training[0])) == (48, 4, 44 * EACH)
    known = {image.tobytes() for image in pens.training[0]}
    assert not any(image.tobytes() in known for image in pens.validation)
    half = load_pens(TrainingConfig(pens=True, fraction=0.5))
    assert len(half.training[0]) == 22 * EACH


def test_beside_pen_drawings_the_dataset_counts_more_and_fewer_ones_are_made() -> None:
    x = np.stack([pen_images([SEVEN])[0][0]] * 20)
    y = np.repeat(np.array([1, 7], np.uint8), 10)
    pens = pen_images([SEVEN, LETTER])
    config = TrainingConfig("cnn", augmentation="full", pens=True)
    alone = training_images(x, y, config, NO_PENS.training)[1]
    assert np.bincount(alone)[[1, 7]].tolist() == [20, 20]
    beside = training_images(x, y, config, pens)[1]
    assert np.bincount(beside)[[1, 7]].tolist() == [20 + 4, 20 + 1]
    mlp = training_images(x, y, replace(config, model="mlp"), pens)[1]
    assert np.bincount(mlp)[[1, 7]].tolist() == [10 + 4, 10 + 1]
    with_letters = training_images(x, y, replace(config, non_digits=True), pens)[1]
    assert NO_DIGIT in with_letters
