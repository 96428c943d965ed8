"""What is measured of models on a test set: scores, times, calibration and robustness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.images.corruptions import CHUNK, CORRUPTIONS, SEVERITIES, corrupted_chunks
from mnistlab.metrics.calibration import Calibration, calibrate
from mnistlab.metrics.evaluation import Evaluation, Robustness
from mnistlab.metrics.latency import ShouldStop, check, images_per_second, measure_latencies
from mnistlab.metrics.scores import evaluate_probabilities
from mnistlab.models import Classifier, TrainingConfig, list_runs
from mnistlab.models.store import PRETRAINED, read_predictions
from mnistlab.training.examples import split_training

_BATCH = 1000  # images a pass when throughput is measured
IMAGES = 1000
"""Enough for the page: each cell is then known to 3 points or better, and the mean to one."""


def evaluate(
    classifier: Classifier,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    latency_runs: int = 1000,
) -> Evaluation:
    """All figures of one model, as `evaluate_models` gives them for several."""
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
    classifiers : sequence of Classifier
        One or more; the same one may occur twice.
    images : array (n, 28, 28) uint8
    labels : array (n,) of digits 0 to 9
    latency_runs : int
        Timed single predictions of each, after a warm-up.

    Returns
    -------
    list of Evaluation
        In the order of `classifiers`.
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
    should_stop : asked before every block; if it says so, `MeasurementStopped` is raised
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
        backend=classifier.backend,
    )


def validation_answers(
    classifier: Classifier, dataset: Dataset, runs: Path | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]] | None:
    """Labels and probabilities of the validation part, which no weight was fitted to.

    A run has them in its folder. A pretrained model reads them again, where `dataset` is the one
    that it was trained on. `runs` is by default the folder under `MNISTLAB_HOME`. Raises
    `ModelError` when the run is damaged.

    Returns
    -------
    `(y_val (n,) uint8, val_proba (n, 10) float32)`, or None where the validation part is not known
    """
    if classifier.name not in PRETRAINED:
        run = next((run for run in list_runs(runs) if run.id == classifier.name), None)
        kept = None if run is None else read_predictions(run)
        return None if kept is None else (kept["y_val"], kept["val_proba"])
    if classifier.card["data"]["digest"] != dataset.digest:
        return None
    config = TrainingConfig.from_dict(classifier.card["config"])
    _, rows = split_training(len(dataset.x_train), config)
    return dataset.y_train[rows], classifier.predict_proba(dataset.x_train[rows])


def calibrate_model(
    classifier: Classifier, evaluation: Evaluation, dataset: Dataset, runs: Path | None = None
) -> Calibration | None:
    """Fit a temperature on the validation part and try it on the test set's answers.

    None where the validation part is not known; raises `ModelError` when the run is damaged.
    """
    answers = validation_answers(classifier, dataset, runs)
    return None if answers is None else calibrate(*answers, dataset.y_test, evaluation.y_proba)


def sample(dataset: Dataset) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """`IMAGES` images and labels from all of the test set: its first half is the easier one."""
    step = max(1, len(dataset.x_test) // IMAGES)
    return dataset.x_test[::step][:IMAGES], dataset.y_test[::step][:IMAGES]


def measure_robustness(
    classifiers: Sequence[Classifier],
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    on_progress: Callable[[float], None] | None = None,
    should_stop: ShouldStop | None = None,
    seed: int = 0,
) -> list[Robustness]:
    """Let models read the same images under every corruption and severity.

    Parameters
    ----------
    classifiers : all of them read the very same corrupted images
    images : array (n, 28, 28) uint8
    labels : array (n,) of digits 0 to 9
    on_progress : called after every hundred images with the fraction that is done, 0 to 1
    should_stop : asked before every hundred predictions; if it says so, `MeasurementStopped` is
        raised
    seed : of noise, directions and places

    Returns
    -------
    list of Robustness, in the order of `classifiers`

    Raises
    ------
    ValueError
        When there are no images, or not as many labels.
    """
    if not len(images) or len(images) != len(labels):
        raise ValueError(
            f"Give at least one image and a label for each, "
            f"not {len(images)} images and {len(labels)} labels."
        )
    cells = 1 + len(CORRUPTIONS) * len(SEVERITIES)  # the first has the images as they are
    right = np.zeros((len(classifiers), cells), np.int64)
    for cell, chunks in enumerate(_corrupted(images, seed)):
        start = 0
        for chunk in chunks:
            y_true = labels[start : start + len(chunk)]
            for i, classifier in enumerate(classifiers):
                check(should_stop)
                right[i, cell] += (classifier.predict_proba(chunk).argmax(axis=1) == y_true).sum()
            start += len(chunk)
            if on_progress is not None:
                on_progress((cell + start / len(images)) / cells)
    return [
        Robustness(
            model=classifier.name,
            title=classifier.title,
            n=len(images),
            corruptions=CORRUPTIONS,
            severities=SEVERITIES,
            accuracy=accuracy[1:].reshape(len(CORRUPTIONS), len(SEVERITIES)),
            clean=float(accuracy[0]),
        )
        for classifier, accuracy in zip(classifiers, right / len(images), strict=True)
    ]


def _corrupted(images: NDArray[np.uint8], seed: int) -> Iterator[Iterator[NDArray[np.uint8]]]:
    """The images in chunks, as they are and then under every corruption and severity."""
    yield (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
    for corruption in CORRUPTIONS:
        for severity in SEVERITIES:
            yield corrupted_chunks(images, corruption, severity, seed)
