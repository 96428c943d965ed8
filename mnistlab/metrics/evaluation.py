"""All scores of one model on one test set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.metrics.latency import LatencyMs
from mnistlab.metrics.scores import Scores, evaluate_probabilities


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's scores and timings; `mnistlab evaluate --json` prints `to_dict`."""

    model: str
    title: str
    scores: Scores
    card: dict[str, Any]
    y_proba: NDArray[np.float32]
    """`(n, 10)`, the probabilities that were scored."""
    latency_ms: LatencyMs | None = None
    """Per single prediction, without preprocessing, in milliseconds; None until it is measured."""
    images_per_second: float | None = None
    """Of batches on one thread; None until it is measured."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
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
        """Score the same answers by other labels (n,), on the images that `keep` (n,) selects."""
        proba = self.y_proba[keep]
        return replace(self, y_proba=proba, scores=evaluate_probabilities(labels[keep], proba))
