"""Pen drawings become images that models can be trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data.pens import PenDrawing
from mnistlab.models.config import TrainingConfig
from mnistlab.training.examples import load_pens
from mnistlab.training.non_digits import NO_DIGIT
from mnistlab.training.pens import COPIES, jittered, pen_images

SEVEN = PenDrawing("7", (np.array([[0.0, 0], [50, 0], [20, 90]]), np.array([[20.0, 45], [50, 40]])))
LETTER = PenDrawing("k", (np.array([[0.0, 0], [0, 90]]), np.array([[40.0, 20], [0, 50], [40, 90]])))


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
    assert labels.tolist() == [NO_DIGIT]


def test_digits_come_with_changed_copies_that_stay_alike() -> None:
    images, labels = pen_images([SEVEN, LETTER], np.random.default_rng(0))
    assert labels.tolist() == [7] * (1 + COPIES) + [NO_DIGIT]
    first = images[0].astype(float).ravel()
    for copy in images[1 : 1 + COPIES]:
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
    assert (pens.drawings, len(pens.validation), len(pens.training[0])) == (
        48,
        4,
        44 * (1 + COPIES),
    )
    known = {image.tobytes() for image in pens.training[0]}
    assert not any(image.tobytes() in known for image in pens.validation)
    half = load_pens(TrainingConfig(pens=True, fraction=0.5))
    assert len(half.training[0]) == 22 * (1 + COPIES)
