"""The fold that says what the answers rest on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mnistlab.data import Dataset
from mnistlab.images.drawing import Drawing
from mnistlab.images.preprocessing import preprocess
from mnistlab.models import load_classifier
from mnistlab.models.neighbours import Neighbour
from mnistlab.ui.predict.why import AGAINST, BLANK, FOR, Why, coloured
from mnistlab.ui.state import AppState


class Given:
    """What lies on the pad, as the Predict tab would say it."""

    now: tuple[np.ndarray, dict[str, int]] | None = None

    def __call__(self) -> tuple[np.ndarray, dict[str, int]] | None:
        return self.now


@pytest.fixture
def given() -> Given:
    return Given()


@pytest.fixture
def why(app: AppState, given: Given) -> Why:
    models: dict[str, Any] = {name: load_classifier(name) for name in ("mlp", "cnn")}
    near = [Neighbour(5, 7, 0.2), Neighbour(9, 1, 0.4)]
    return Why(app, models, given, lambda image: near)


def test_nothing_is_computed_while_it_is_closed(why: Why, given: Given, digits: Dataset) -> None:
    given.now = (np.array(digits.x_test[0]), {"mlp": 7, "cnn": 7})
    why.refresh()
    assert why._panel.value == ""


def test_open_it_explains_both_and_names_neighbours(why: Why, given: Given) -> None:
    seven = preprocess(Drawing.from_strokes([[[60, 60], [200, 60], [120, 220]]])).image
    given.now = (seven, {"mlp": 7, "cnn": 7})
    why.toggle.value = True
    text = why._panel.value
    assert text.count("ml-why-map'") == 2
    assert "1 of 2 carry the label of the CNN's answer, 7." in text
    assert "MLP, what speaks for 7" in text
    assert "nearest guess" not in text
    assert "no. 5" in text
    assert "show where MNIST is at hand" in text  # these digits are scikit-learn's
    why.compare.value = True
    assert why._panel.value.count("ml-why-map'") == 4
    assert why._panel.value.count("Rank correlation with random weights") == 2


def test_of_what_is_not_a_digit_it_explains_the_nearest_guess(why: Why, given: Given) -> None:
    image = np.zeros((28, 28), np.uint8)
    image[4:24:4, 4:24] = image[4:24, 4:24:4] = 255  # a grid
    given.now = (image, {"mlp": 1, "cnn": 8})
    why.toggle.value = True
    text = why._panel.value
    assert "CNN, what speaks for its nearest guess, 8" in text
    assert "CNN does not recognise a digit." in text
    assert "0 of 2 carry the label of the CNN's nearest guess, 8." in text
    assert "answers no digit" not in text


def test_without_ink_it_says_what_will_be_here(why: Why) -> None:
    why.toggle.value = True
    assert BLANK in why._panel.value


def test_colours_follow_the_sign() -> None:
    image = np.full((28, 28), 255, np.uint8)
    heat = np.zeros((28, 28), np.float32)
    heat[0, 0], heat[1, 1] = 2, -2
    tinted = coloured(image, heat)
    assert tuple(tinted[0, 0]) == FOR
    assert tuple(tinted[1, 1]) == AGAINST
    assert tuple(tinted[2, 2]) == (255, 255, 255)
