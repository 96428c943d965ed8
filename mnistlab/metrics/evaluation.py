"""All figures of one model on one test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.metrics.latency import LatencyMs, images_per_second, measure_latencies
from mnistlab.metrics.scores import Scores, evaluate_probabilities
from mnistlab.metrics.stopping import ShouldStop
from mnistlab.models import Classifier

_BATCH = 1000  # images a pass when throughput is measured


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
    """All figures of one model; to compare several, use `evaluate_models`.

    Parameters
    ----------
    images : array (n, 28, 28) uint8
    labels : array (n,) of digits 0 to 9
    latency_runs : timed single predictions, after a warm-up
    """
    return evaluate_models([classifier], images, labels, latency_runs)[0]


def evaluate_models(
    classifiers: Sequence[Classifier],
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    latency_runs: int = 1000,
) -> list[Evaluation]:
    """Let models predict a test set, score the answers, and time all models against each other.

    Parameters
    ----------
    classifiers : one or more; the same one may occur twice
    images : array (n, 28, 28) uint8
    labels : array (n,) of digits 0 to 9
    latency_runs : timed single predictions of each, after a warm-up

    Returns
    -------
    list of Evaluation, in the order of `classifiers`
    """
    scored = [score(each, labels, each.predict_proba(images)) for each in classifiers]
    return time_models(scored, classifiers, images, latency_runs)


def time_models(
    evaluations: Sequence[Evaluation],
    classifiers: Sequence[Classifier],
    images: NDArray[np.uint8],
    latency_runs: int = 1000,
    should_stop: ShouldStop | None = None,
) -> list[Evaluation]:
    """The same evaluations with latency and throughput, measured in blocks that take turns.

    This is the one way in which models are timed: figures that stand side by side come from one
    call (see `measure_latencies` for why).

    Parameters
    ----------
    evaluations, classifiers : of the same models, in the same order
    images : array (n, 28, 28) uint8
        Single predictions take them in turn; throughput is that of the first thousand.
    latency_runs : timed single predictions of each, after a warm-up
    should_stop : asked before every block

    Raises
    ------
    MeasurementStopped
        When `should_stop` said so.
    """
    predictors = {str(i): each.predict_proba for i, each in enumerate(classifiers)}
    latencies = measure_latencies(predictors, images, n=latency_runs, should_stop=should_stop)
    speeds = images_per_second(predictors, images[:_BATCH], should_stop=should_stop)
    timed = zip(evaluations, latencies.values(), speeds.values(), strict=True)
    return [
        replace(evaluation, latency_ms=latency, images_per_second=speed)
        for evaluation, latency, speed in timed
    ]


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
