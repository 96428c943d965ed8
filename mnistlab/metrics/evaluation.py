"""All figures of one model on one test set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.metrics.latency import LatencyMs, measure_latency
from mnistlab.metrics.scores import Scores, evaluate_probabilities
from mnistlab.models import Classifier


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's figures; `to_dict` is what `mnistlab evaluate --json` prints."""

    model: str
    title: str
    scores: Scores
    latency_ms: LatencyMs
    """Per single prediction, preprocessing apart, in milliseconds."""
    card: dict[str, Any]
    y_proba: NDArray[np.float32]
    """`(n, 10)`, the answers the scores are made from."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready figures."""
        return {
            "model": self.model,
            **self.scores.to_dict(),
            "latency_ms": self.latency_ms.to_dict(),
            "parameters": self.card.get("parameters"),
            "file_size": self.card.get("file_size"),
            "training_seconds": self.card.get("training_seconds"),
            "epochs": self.card.get("config", {}).get("epochs"),
        }


def evaluate(
    classifier: Classifier,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    latency_runs: int = 1000,
) -> Evaluation:
    """Predict a test set, score the answers, and time single predictions.

    Parameters
    ----------
    images : array (n, 28, 28) uint8
    labels : array (n,) of digits 0 to 9
    latency_runs : timed single predictions, after a warm-up
    """
    y_proba = classifier.predict_proba(images)
    return Evaluation(
        model=classifier.name,
        title=classifier.title,
        scores=evaluate_probabilities(labels, y_proba),
        latency_ms=measure_latency(classifier.predict_proba, images, n=latency_runs),
        card=classifier.card,
        y_proba=y_proba,
    )
