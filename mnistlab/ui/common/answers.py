"""A model's answers to images, as the page shows them."""

from __future__ import annotations

import time

import numpy as np

from mnistlab.models.classifier import Classifier
from mnistlab.ui.common.widgets import percent
from mnistlab.ui.state import NOT_A_DIGIT, Answer


def ask(name: str, model: Classifier, images: np.ndarray) -> Answer:
    """One model's answer for images (n, 28, 28) uint8, and how long the model took."""
    start = time.perf_counter()
    outputs = model.read(images)
    seconds = time.perf_counter() - start
    return Answer(
        name=name,
        title=model.title,
        probabilities=outputs.probabilities,
        scores=outputs.digit_scores,
        threshold=model.digit_threshold,
        kept=model.card.get("digits_kept"),
        seconds=seconds,
    )


def sentences(answer: Answer) -> list[str]:
    """For each image, such as "CNN reads 4 (97.1 %)" or that it is not a digit for the model."""
    said = []
    outcomes = answer.outcomes
    for row, digit, accepted in zip(outcomes, answer.digits, answer.accepted, strict=True):
        if accepted:
            said.append(f"{answer.title} reads {digit} ({percent(float(row[digit]))})")
        else:
            sure = percent(float(row[NOT_A_DIGIT]))
            said.append(f"{answer.title}: not a digit ({sure}), nearest guess {digit}")
    return said
