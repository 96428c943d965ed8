"""The published label errors, and the labels that ought to stand there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mnistlab.data import Dataset
from mnistlab.data.label_errors import LABEL_ERRORS, applies_to, corrected_test_labels
from mnistlab.errors import DataError


@pytest.fixture
def like_mnist(mnist: Dataset, digits: Dataset) -> Dataset:
    """MNIST where it is at hand, else labels that agree with it where that matters."""
    if mnist.name == "mnist":
        return mnist
    labels = np.zeros(10_000, np.uint8)
    for error in LABEL_ERRORS:
        labels[error.index] = error.given
    return replace(digits, name="mnist", title="MNIST", y_test=labels)


def test_fifteen_of_ten_thousand() -> None:
    indices = [error.index for error in LABEL_ERRORS]
    assert indices == sorted(set(indices))
    kinds = [error.kind for error in LABEL_ERRORS]
    assert (len(kinds), kinds.count("corrected")) == (15, 10)
    assert (kinds.count("no agreement"), kinds.count("not a digit")) == (2, 3)
    for error in LABEL_ERRORS:
        assert (error.corrected is None) == (error.kind != "corrected")
        assert error.corrected != error.given


def test_given_labels_are_mnists(like_mnist: Dataset) -> None:
    assert applies_to(like_mnist)


def test_corrections(like_mnist: Dataset) -> None:
    given = np.array(like_mnist.y_test)
    labels, keep = corrected_test_labels(like_mnist)
    assert labels.dtype == np.uint8
    assert keep.dtype == bool
    np.testing.assert_array_equal(like_mnist.y_test, given)
    changed = np.flatnonzero(labels != given)
    assert {int(i): int(labels[i]) for i in changed} == {
        **{947: 9, 1621: 6, 1901: 4, 2462: 0, 2597: 3},
        **{3558: 0, 5937: 3, 6651: 6, 6783: 6, 9729: 6},
    }
    assert np.flatnonzero(~keep).tolist() == [2130, 2654, 3520, 8527, 9679]


def test_other_data_has_other_errors(like_mnist: Dataset, digits: Dataset) -> None:
    relabelled = np.array(like_mnist.y_test)
    relabelled[947] = 9
    others = [
        digits,
        replace(like_mnist, name="digits"),
        replace(like_mnist, y_test=relabelled),
        replace(like_mnist, y_test=like_mnist.y_test[:9_999]),
    ]
    for other in others:
        assert not applies_to(other)
        with pytest.raises(DataError, match="published for MNIST's test set only"):
            corrected_test_labels(other)


def test_the_finding_speaks_of_most_raters() -> None:
    findings = {error.index: error.finding for error in LABEL_ERRORS}
    assert findings[947] == "most raters read it as 9"
    assert findings[2130] == "the raters did not agree on a digit"
    assert findings[2654] == "most raters saw no digit in it"
