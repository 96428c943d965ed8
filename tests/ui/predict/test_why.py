"""The fold that says what the answers rest on."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.images.drawing import Drawing
from mnistlab.images.preprocessing import preprocess
from mnistlab.models import load_classifier
from mnistlab.models.neighbours import Neighbour
from mnistlab.ui.common.answers import Answer
from mnistlab.ui.common.widgets import NEGATIVE, POSITIVE
from mnistlab.ui.predict.state import PredictState, Reading
from mnistlab.ui.predict.why import BLANK, Why, coloured
from mnistlab.ui.state import AppState

ONE = np.ones(1, np.float32)


class Page:
    """The fold, and what lies on the pad."""

    def __init__(self, app: AppState) -> None:
        models = {name: load_classifier(name) for name in ("mlp", "cnn")}
        self.state = PredictState(models=models)
        self.why = Why(app, self.state)

    def show(self, image: NDArray[np.uint8], **digits: int) -> None:
        """Read an image as the digit given for each model."""
        answers = (
            Answer(name, name.upper(), np.eye(10, dtype=np.float32)[[digit]], ONE)
            for name, digit in digits.items()
        )
        self.state.reading = Reading(image, tuple(answers), (preprocess(image),))

    @property
    def text(self) -> str:
        return str(self.why._panel.value)


@pytest.fixture
def page(app: AppState, monkeypatch: pytest.MonkeyPatch) -> Page:
    near = SimpleNamespace(nearest=lambda *_: [Neighbour(5, 7, 0.2), Neighbour(9, 1, 0.4)])
    monkeypatch.setattr("mnistlab.ui.predict.why.load_neighbours", lambda: near)
    return Page(app)


def test_nothing_is_computed_while_it_is_closed(page: Page, digits: Dataset) -> None:
    page.show(np.array(digits.x_test[0]), mlp=7, cnn=7)
    assert page.text == ""


def test_open_it_explains_both_and_names_neighbours(page: Page) -> None:
    seven = preprocess(Drawing.from_strokes([[[60, 60], [200, 60], [120, 220]]])).image
    page.show(seven, mlp=7, cnn=7)
    page.why.toggle.value = True
    text = page.text
    assert text.count("ml-why-map'") == 2
    assert "1 of 2 have the label 7, the CNN's answer." in text
    assert "MLP: evidence for 7" in text
    assert "nearest guess" not in text
    assert "no. 5" in text
    assert "shown where MNIST is available" in text  # these digits are scikit-learn's
    page.why.compare.value = True
    assert page.text.count("ml-why-map'") == 4
    assert page.text.count("Rank correlation with random weights") == 2


def test_of_what_is_not_a_digit_it_explains_the_nearest_guess(page: Page) -> None:
    image = np.zeros((28, 28), np.uint8)
    image[4:24:4, 4:24] = image[4:24, 4:24:4] = 255  # a grid
    page.show(image, mlp=1, cnn=8)
    page.why.toggle.value = True
    text = page.text
    assert "CNN: evidence for 8, its nearest guess" in text
    assert "CNN does not recognise a digit." in text
    assert "0 of 2 have the label 8, the CNN's nearest guess." in text
    assert "answers no digit" not in text


def test_without_ink_it_says_what_will_be_here(page: Page) -> None:
    page.why.toggle.value = True
    assert BLANK in page.text


def test_colours_follow_the_sign() -> None:
    image = np.full((28, 28), 255, np.uint8)
    heat = np.zeros((28, 28), np.float32)
    heat[0, 0], heat[1, 1] = 2, -2
    tinted = coloured(image, heat)
    assert tuple(tinted[0, 0]) == POSITIVE
    assert tuple(tinted[1, 1]) == NEGATIVE
    assert tuple(tinted[2, 2]) == (255, 255, 255)
