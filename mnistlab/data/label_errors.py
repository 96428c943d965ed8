"""Labels of MNIST's test set that are known to be wrong.

From the label error study of Northcutt, Athalye and Mueller ("Pervasive Label Errors in Test
Sets", 2021), in which five people each looked at the images that a model doubted: 15 of 10,000.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import Dataset
from mnistlab.data.mnist import MNIST_DIGEST
from mnistlab.errors import DataError

NO_AGREEMENT, NOT_A_DIGIT = "one on which they did not agree", "not a digit"


@dataclass(frozen=True)
class LabelError:
    """A test image whose label is wrong."""

    index: int
    """Its row in the test set."""
    given: int
    """The label as published."""
    corrected: int | None
    """What most of the five people read; None where there is no right answer."""
    kind: str = "corrected"
    """`"corrected"`, `NO_AGREEMENT` or `NOT_A_DIGIT`."""


LABEL_ERRORS = (
    LabelError(947, 8, 9),
    LabelError(1621, 0, 6),
    LabelError(1901, 9, 4),
    LabelError(2130, 4, None, NO_AGREEMENT),
    LabelError(2462, 2, 0),
    LabelError(2597, 5, 3),
    LabelError(2654, 6, None, NOT_A_DIGIT),
    LabelError(3520, 6, None, NOT_A_DIGIT),
    LabelError(3558, 5, 0),
    LabelError(5937, 5, 3),
    LabelError(6651, 0, 6),
    LabelError(6783, 1, 6),
    LabelError(8527, 4, None, NO_AGREEMENT),
    LabelError(9679, 6, None, NOT_A_DIGIT),
    LabelError(9729, 5, 6),
)


def applies_to(dataset: Dataset) -> bool:
    """Whether the corrections are of this dataset."""
    return dataset.digest == MNIST_DIGEST


def corrected_test_labels(dataset: Dataset) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """MNIST's test labels with the ten corrections, and which images have a right answer.

    Returns
    -------
    labels : array (10000,) uint8
    keep : array (10000,) bool
        False for the five images on which there is no agreement or that are no digit.

    Raises
    ------
    DataError
        When the dataset is not MNIST.
    """
    if not applies_to(dataset):
        raise DataError(
            f"Corrected labels are published for MNIST only, not for {dataset.title}; "
            "score it on its own labels."
        )
    labels, keep = np.array(dataset.y_test), np.ones(len(dataset.y_test), bool)
    for error in LABEL_ERRORS:
        if error.corrected is None:
            keep[error.index] = False
        else:
            labels[error.index] = error.corrected
    return labels, keep
