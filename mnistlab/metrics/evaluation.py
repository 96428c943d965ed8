"""All figures of one model on one test set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.metrics.latency import LatencyMs, images_per_second, measure_latency
from mnistlab.metrics.scores import Scores, evaluate_probabilities
from mnistlab.models import Classifier


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's figures; `to_dict` is what `mnistlab evaluate --json` prints."""

    model: str
    title: str
    scores: Scores
    card: dict[str, Any]
    y_proba: NDArray[np.float32]
    """`(n, 10)`, the answers the scores are made from."""
    latency_ms: LatencyMs | None = None
    """Per single prediction, preprocessing apart, in milliseconds; None until it is measured."""
    images_per_second: float | None = None
    """Of batches on one thread; None until it is measured."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready figures."""
        return {
            "model": self.model,
            "title": self.title,
            **self.scores.to_dict(),
            "latency_ms": self.latency_ms.to_dict() if self.latency_ms else None,
            "images_per_second": self.images_per_second,
            "parameters": self.card.get("parameters"),
            "file_size": self.card.get("file_size"),
            "training_seconds": self.card.get("training_seconds"),
            "epochs": self.card.get("config", {}).get("epochs"),
            "seed": self.card.get("seed"),
        }

    def rescored(self, labels: NDArray[np.uint8], keep: NDArray[np.bool_]) -> Evaluation:
        """The same answers held against other labels (n,), on the images that `keep` (n,) keeps."""
        proba = self.y_proba[keep]
        return replace(self, y_proba=proba, scores=evaluate_probabilities(labels[keep], proba))


def evaluate(
    classifier: Classifier,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    latency_runs: int = 1000,
) -> Evaluation:
    """Predict a test set, score the answers, and time single predictions and batches.

    Parameters
    ----------
    images : array (n, 28, 28) uint8
    labels : array (n,) of digits 0 to 9
    latency_runs : timed single predictions, after a warm-up
    """
    return replace(
        score(classifier, labels, classifier.predict_proba(images)),
        latency_ms=measure_latency(classifier.predict_proba, images, n=latency_runs),
        images_per_second=images_per_second(classifier.predict_proba, images),
    )


def score(
    classifier: Classifier, labels: NDArray[np.uint8], y_proba: NDArray[np.float32]
) -> Evaluation:
    """Score answers (n, 10) that are known already; nothing is timed."""
    return Evaluation(
        model=classifier.name,
        title=classifier.title,
        scores=evaluate_probabilities(labels, y_proba),
        card=classifier.card,
        y_proba=y_proba,
    )
