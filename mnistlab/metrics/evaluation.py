"""All scores of one model on one test set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.markup import UNKNOWN, table
from mnistlab.metrics.latency import LatencyMs
from mnistlab.metrics.scores import Scores, evaluate_probabilities
from mnistlab.texts import percent


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

    def _repr_html_(self) -> str:
        low, high = self.scores.accuracy_ci
        latency = self.latency_ms
        rows = [
            ["Test images", f"{self.scores.n:,}"],
            ["Accuracy", f"{percent(self.scores.accuracy)} ({percent(low)} to {percent(high)})"],
            ["F1 macro", f"{self.scores.f1_macro:.4f}"],
            ["Loss", f"{self.scores.nll:.4f}"],
            ["Calibration error", f"{self.scores.ece:.4f}"],
            ["Latency p50", UNKNOWN if latency is None else f"{latency.p50:.3f} ms"],
        ]
        return table(["", self.title], rows, f"Scores of {self.title}")

    def rescored(self, labels: NDArray[np.uint8], keep: NDArray[np.bool_]) -> Evaluation:
        """Score the same answers by other labels (n,), on the images that `keep` (n,) selects."""
        proba = self.y_proba[keep]
        return replace(self, y_proba=proba, scores=evaluate_probabilities(labels[keep], proba))


def distinct_titles(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """The evaluations, each with its name behind a title that several models share."""
    known = list(evaluations)
    titles = Counter(title for _, title in {(each.model, each.title) for each in known})
    return [
        replace(each, title=f"{each.title} ({each.model})") if titles[each.title] > 1 else each
        for each in known
    ]
