"""How well models read images that are noisy, blurred, bent or covered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import Dataset
from mnistlab.images.corruptions import CHUNK, CORRUPTIONS, SEVERITIES, corrupted_chunks
from mnistlab.metrics.evaluation import Robustness
from mnistlab.metrics.latency import ShouldStop, check
from mnistlab.models.classifier import Classifier

IMAGES = 1000
"""Enough for the page: each cell is then known to 3 points or better, and the mean to one."""


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
    should_stop : asked before every hundred predictions
    seed : of noise, directions and places

    Returns
    -------
    list of Robustness, in the order of `classifiers`

    Raises
    ------
    ValueError
        When there are no images, or not as many labels.
    MeasurementStopped
        When `should_stop` said so.
    """
    if not len(images) or len(images) != len(labels):
        raise ValueError(
            f"Give at least one image and a label for each, "
            f"not {len(images)} images and {len(labels)} labels."
        )
    right = np.zeros((len(classifiers), len(CORRUPTIONS), len(SEVERITIES)), np.int64)
    clean = _count_right(classifiers, _chunks(images), labels, should_stop, lambda done: None)
    done, total = 0, len(CORRUPTIONS) * len(SEVERITIES) * len(images)

    def advance(images_read: int) -> None:
        nonlocal done
        done += images_read
        if on_progress is not None:
            on_progress(done / total)

    for c, corruption in enumerate(CORRUPTIONS):
        for s, severity in enumerate(SEVERITIES):
            chunks = corrupted_chunks(images, corruption, severity, seed)
            right[:, c, s] = _count_right(classifiers, chunks, labels, should_stop, advance)
    return [
        Robustness(
            model=classifier.name,
            title=classifier.title,
            n=len(images),
            corruptions=CORRUPTIONS,
            severities=SEVERITIES,
            accuracy=right[i] / len(images),
            clean=float(clean[i] / len(images)),
        )
        for i, classifier in enumerate(classifiers)
    ]


def _chunks(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    return (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))


def _count_right(
    classifiers: Sequence[Classifier],
    chunks: Iterable[NDArray[np.uint8]],
    labels: NDArray[np.uint8],
    should_stop: ShouldStop | None,
    advance: Callable[[int], None],
) -> NDArray[np.int64]:
    """Images that each model reads right, (models,); `advance` gets the size of each chunk."""
    counts, start = np.zeros(len(classifiers), np.int64), 0
    for chunk in chunks:
        y_true = labels[start : start + len(chunk)]
        for i, classifier in enumerate(classifiers):
            check(should_stop)
            counts[i] += (classifier.predict_proba(chunk).argmax(axis=1) == y_true).sum()
        start += len(chunk)
        advance(len(chunk))
    return counts
