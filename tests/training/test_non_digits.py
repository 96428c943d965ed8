"""Pictures that are no digit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.data.pens import LIKE_DIGITS
from mnistlab.models import TrainingConfig
from mnistlab.training import non_digits
from mnistlab.training.examples import NO_PENS, training_images
from mnistlab.training.non_digits import FRACTION, NO_DIGIT, make_non_digits


@pytest.fixture(scope="module")
def made(digits: Dataset) -> NDArray[np.uint8]:
    return make_non_digits(digits.x_train, digits.y_train, np.random.default_rng(0))


def test_non_digits_look_like_images_of_the_recipe(
    made: NDArray[np.uint8], digits: Dataset
) -> None:
    assert 0.5 * FRACTION * len(digits.x_train) < len(made) <= FRACTION * len(digits.x_train) + 1
    assert made.shape[1:] == (28, 28)
    assert made.dtype == np.uint8
    assert (made.max(axis=(1, 2)) == 255).all()


def test_a_seed_repeats_them(made: NDArray[np.uint8], digits: Dataset) -> None:
    again = make_non_digits(digits.x_train, digits.y_train, np.random.default_rng(0))
    np.testing.assert_array_equal(again, made)
    other = make_non_digits(digits.x_train, digits.y_train, np.random.default_rng(1))
    assert len(other) != len(made) or (other != made).any()


def test_they_are_no_copies_of_digits(made: NDArray[np.uint8], digits: Dataset) -> None:
    known = {image.tobytes() for image in digits.x_train}
    assert not any(image.tobytes() in known for image in made)


def test_training_gets_them_as_a_class_of_their_own(digits: Dataset) -> None:
    x, y = digits.x_train, digits.y_train
    config = TrainingConfig("mlp", non_digits=True)
    more_x, more_y = training_images(x, y, config, NO_PENS.training)
    np.testing.assert_array_equal(more_x[: len(x)], x)
    assert set(more_y[len(x) :]) == {NO_DIGIT}
    assert config.outputs == 11
    plain_x, _ = training_images(x, y, TrainingConfig("mlp"), NO_PENS.training)
    assert len(plain_x) == len(x)


def test_letters_of_print_are_among_them_but_none_that_looks_like_a_digit(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not set(non_digits._PRINTED) & LIKE_DIGITS
    for kind in ("GLYPHS_BESIDE_LETTERS", "SCRIBBLES"):
        monkeypatch.setattr(non_digits, kind, 0.0)
    monkeypatch.setattr(non_digits, "LETTERS", 1.0)
    letters = make_non_digits(digits.x_train, digits.y_train, np.random.default_rng(0), True)
    # Each is drawn anew: squeezed, slanted, light or bold.
    assert len(np.unique(letters, axis=0)) > 0.9 * len(letters)
