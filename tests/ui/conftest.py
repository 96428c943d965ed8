"""The page without a browser: fake models, a clock of our own, and what a canvas would be told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.models.classifier import Outputs
from mnistlab.ui.state import AppState


class FakeClassifier:
    """Says one digit, always, and keeps the images it was shown."""

    digit_threshold = 0.5

    def __init__(self, title: str, digit: int) -> None:
        self.title, self.digit = title, digit
        self.card = {"digits_kept": 0.98}
        self.score = 0.91
        self.scores: list[float] | None = None
        self.seen: list[NDArray[np.uint8]] = []

    def predict_proba(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.read(images).probabilities

    def read(self, images: NDArray[np.uint8]) -> Outputs:
        self.seen.append(images)
        result = np.full((len(images), 10), 0.01, np.float32)
        result[:, self.digit] = 0.91
        scores = np.array(self.scores or [self.score] * len(images), np.float32)
        return Outputs(result, scores, np.zeros((len(images), 0), np.float32))


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def app(digits: Dataset) -> AppState:
    return AppState(dataset=digits)


@pytest.fixture
def models() -> dict[str, Any]:
    return {"mlp": FakeClassifier("MLP", 7), "cnn": FakeClassifier("CNN", 1)}


@pytest.fixture
def clock() -> Clock:
    return Clock()
