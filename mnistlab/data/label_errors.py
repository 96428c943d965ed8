"""Published label errors of MNIST's test set, and their corrections.

From Northcutt, Athalye and Mueller, "Pervasive Label Errors in Test Sets Destabilize Machine
Learning Benchmarks" (NeurIPS 2021, arXiv:2103.14749; labelerrors.com): an algorithm chose images
with doubtful labels, and five raters examined each of them. 15 of the 10,000 labels were not
confirmed: most raters, though not always all, chose another answer, or they did not agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import Dataset
from mnistlab.errors import DataError

Kind = Literal["corrected", "no agreement", "not a digit"]


@dataclass(frozen=True)
class LabelError:
    """An image of MNIST's test set whose label most raters did not confirm."""

    index: int
    """Its row in `x_test`."""
    given: int
    """The label in MNIST."""
    corrected: int | None
    """The answer of most raters; None where they did not agree or saw no digit."""
    kind: Kind

    @property
    def finding(self) -> str:
        """The result of the study, as a clause, such as `most raters read it as 9`."""
        if self.corrected is not None:
            return f"most raters read it as {self.corrected}"
        if self.kind == "not a digit":
            return "most raters saw no digit in it"
        return "the raters did not agree on a digit"


LABEL_ERRORS = (
    LabelError(947, 8, 9, "corrected"),
    LabelError(1621, 0, 6, "corrected"),
    LabelError(1901, 9, 4, "corrected"),
    LabelError(2130, 4, None, "no agreement"),
    LabelError(2462, 2, 0, "corrected"),
    LabelError(2597, 5, 3, "corrected"),
    LabelError(2654, 6, None, "not a digit"),
    LabelError(3520, 6, None, "not a digit"),
    LabelError(3558, 5, 0, "corrected"),
    LabelError(5937, 5, 3, "corrected"),
    LabelError(6651, 0, 6, "corrected"),
    LabelError(6783, 1, 6, "corrected"),
    LabelError(8527, 4, None, "no agreement"),
    LabelError(9679, 6, None, "not a digit"),
    LabelError(9729, 5, 6, "corrected"),
)
"""All 15, in the order of the test set."""

_TEST_IMAGES = 10_000


def applies_to(dataset: Dataset) -> bool:
    """Return whether the dataset has these label errors: its test set must be MNIST's."""
    labels = dataset.y_test
    return (
        dataset.name == "mnist"
        and len(labels) == _TEST_IMAGES
        and all(labels[error.index] == error.given for error in LABEL_ERRORS)
    )


def corrected_test_labels(dataset: Dataset) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the test set's labels with the answers of most raters, and which of them to score.

    Both are `(10000,)`: the labels uint8, a copy with the ten corrections; the others bool, False
    for the five images that have no right answer. Raises DataError when the test set is not
    MNIST's.
    """
    if not applies_to(dataset):
        raise DataError(
            f"Corrected labels are published for MNIST's test set only, and this is that of "
            f"{dataset.title}; load MNIST (`mnistlab data fetch`), or score the labels as given."
        )
    labels = np.array(dataset.y_test)
    keep = np.ones(len(labels), bool)
    for error in LABEL_ERRORS:
        if error.corrected is None:
            keep[error.index] = False
        else:
            labels[error.index] = error.corrected
    return labels, keep
