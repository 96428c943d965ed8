"""How well models read images that are noisy, blurred, bent or covered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import Dataset
from mnistlab.images.corruptions import CHUNK, CORRUPTIONS, SEVERITIES, corrupted_chunks
from mnistlab.metrics.robustness import Robustness
from mnistlab.metrics.stopping import ShouldStop, check
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
    on_progress : called with the share that is done, rising to 1, after every hundred images; that
        is more often than a page should be told
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
    cells = list(product(range(len(CORRUPTIONS)), range(len(SEVERITIES))))
    right = np.zeros((len(classifiers), len(CORRUPTIONS), len(SEVERITIES)), np.int64)
    clean = np.zeros(len(classifiers), np.int64)
    for chunk, chunk_labels in _labelled(_plain_chunks(images), labels):
        clean += _right(classifiers, chunk, chunk_labels, should_stop)
    done = 0
    for c, s in cells:
        chunks = corrupted_chunks(images, CORRUPTIONS[c], SEVERITIES[s], seed)
        for chunk, chunk_labels in _labelled(chunks, labels):
            right[:, c, s] += _right(classifiers, chunk, chunk_labels, should_stop)
            done += len(chunk)
            if on_progress is not None:
                on_progress(done / (len(cells) * len(images)))
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


def _plain_chunks(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    return (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))


def _labelled(
    chunks: Iterator[NDArray[np.uint8]], labels: NDArray[np.uint8]
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    start = 0
    for chunk in chunks:
        yield chunk, labels[start : start + len(chunk)]
        start += len(chunk)


def _right(
    classifiers: Sequence[Classifier],
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    should_stop: ShouldStop | None,
) -> NDArray[np.int64]:
    """How many of the images each model reads right, (models,)."""
    counts = []
    for classifier in classifiers:
        check(should_stop)
        counts.append(int((classifier.predict_proba(images).argmax(axis=1) == labels).sum()))
    return np.array(counts, np.int64)
