"""What a model answers to images, and how the page words it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.models.classifier import Classifier
from mnistlab.texts import percent

NOT_A_DIGIT = 10  # the outcome after the ten digits


@dataclass(frozen=True, eq=False)
class Answer:
    """What one model answers to n images.

    A model answers `?` where its digit score is below its threshold. A threshold of 0 means that it
    has not learned what is not a digit.
    """

    name: str
    title: str
    probabilities: NDArray[np.float32]
    """`(n, 10)`, given that the image shows a digit; rows sum to 1."""
    scores: NDArray[np.float32]
    """`(n,)`, 0 to 1, the digit scores: the probability that the image shows a digit."""
    threshold: float = 0.0
    kept: float | None = None
    """The fraction of validation digits with a score above the threshold, where it is known."""
    seconds: float = 0.0
    """How long the model took."""

    @property
    def outcomes(self) -> NDArray[np.float32]:
        """Probabilities of all that the model can answer; rows sum to 1.

        `(n, 11)`: the ten digits, and last "not a digit", index `NOT_A_DIGIT`; `(n, 10)` for a
        model that always answers with a digit.
        """
        if not self.threshold:
            return self.probabilities
        scores = self.scores[:, None]
        return np.hstack([scores * self.probabilities, 1 - scores]).astype(np.float32)

    @property
    def digits(self) -> tuple[int, ...]:
        """The most probable digits, also where the model does not recognise one."""
        return tuple(self.probabilities.argmax(axis=1).tolist())

    @property
    def accepted(self) -> tuple[bool, ...]:
        """Whether the model recognises each as a digit."""
        return tuple((self.scores >= self.threshold).tolist())

    @property
    def text(self) -> str:
        """A digit for each image, `?` where the model does not recognise one."""
        pairs = zip(self.digits, self.accepted, strict=True)
        return "".join(str(digit) if accepted else "?" for digit, accepted in pairs)


def ask(name: str, model: Classifier, images: NDArray[np.uint8]) -> Answer:
    """One model's answer to images (n, 28, 28)."""
    start = time.perf_counter()
    read = model.read(images)
    seconds = time.perf_counter() - start
    threshold, kept = model.digit_threshold, model.card.get("digits_kept")
    return Answer(
        name, model.title, read.probabilities, read.digit_scores, threshold, kept, seconds
    )


def sentences(answer: Answer) -> list[str]:
    """For each image, such as "CNN reads 4 (97.1 %)" or that it is not a digit for the model."""

    def sentence(outcomes: list[float], digit: int, is_accepted: bool) -> str:
        if is_accepted:
            return f"{answer.title} reads {digit} ({percent(outcomes[digit], 1)})"
        refused = percent(outcomes[NOT_A_DIGIT], 1)
        return f"{answer.title}: not a digit ({refused}), nearest guess {digit}"

    return list(map(sentence, answer.outcomes.tolist(), answer.digits, answer.accepted))
