"""All figures of one model on one test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mnistlab.metrics.evaluation import Evaluation
from mnistlab.metrics.latency import ShouldStop, images_per_second, measure_latencies
from mnistlab.metrics.scores import evaluate_probabilities
from mnistlab.models import Classifier

_BATCH = 1000  # images a pass when throughput is measured


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
