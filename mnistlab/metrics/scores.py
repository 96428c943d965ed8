"""Scores of a model's probabilities, in NumPy alone.

scikit-learn would cost a visitor's kernel 116 MB; the tests compare these scores with its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

CLASSES = 10
Z_95 = 1.959963984540054  # the normal distribution's 97.5 % quantile
BINS = 15  # of the calibration error, as in Guo et al. 2017

Array = NDArray[np.float64]
Float = TypeVar("Float", bound=np.floating)


@dataclass(frozen=True, eq=False)
class Reliability:
    """A model's confidence and accuracy, in bins of equal width."""

    edges: Array
    """`(bins + 1,)`, 0 to 1; a bin `(a, b]` holds the answers of that confidence."""
    confidence: Array
    """`(bins,)`, mean confidence; nan in an empty bin."""
    accuracy: Array
    """`(bins,)`, fraction of right answers; nan in an empty bin."""
    count: NDArray[np.int64]
    """`(bins,)`, images."""
    ece: float
    """Expected calibration error, 0 (calibrated) to 1."""


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of one model on one set of images. Rates are fractions, 0 to 1."""

    n: int
    """Images."""
    accuracy: float
    accuracy_ci: tuple[float, float]
    """Wilson's 95 % interval."""
    f1_macro: float
    """Mean over the digits that occur, each counting the same."""
    f1_weighted: float
    """Mean over the digits, each counting as often as it is true."""
    precision: Array
    """`(10,)`; 0 for a digit that was never predicted."""
    recall: Array
    """`(10,)`; 0 for a digit that never occurs."""
    f1: Array
    """`(10,)`; 0 where precision and recall are."""
    confusion: NDArray[np.int64]
    """`(10, 10)`, rows true, columns predicted."""
    ece: float
    """Expected calibration error of the most probable digit, 0 (calibrated) to 1."""
    nll: float
    """Mean negative log-likelihood of the true digit, in nats; lower is better."""
    brier: float
    """Mean squared distance from the true answer, 0 to 2; lower is better."""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain lists and numbers, ready for JSON."""
        values = {**vars(self), "accuracy_ci": list(self.accuracy_ci)}
        return {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in values.items()}


def evaluate_probabilities(y_true: ArrayLike, y_proba: ArrayLike) -> Scores:
    """Return all scores of a model's answers.

    Parameters
    ----------
    y_true : array (n,) of integers 0 to 9
    y_proba : array (n, 10) of floats
        Rows sum to 1. The most probable digit is the answer, the lower one on a tie.

    Raises
    ------
    ValueError
        When the shapes do not fit, there is nothing to score, or rows are not probabilities.
    """
    y, proba = checked(y_true, y_proba)
    confusion = confusion_matrix(y, proba.argmax(axis=1))
    precision, recall, f1 = per_class(confusion)
    support = confusion.sum(axis=1)
    occurs = (support + confusion.sum(axis=0)) > 0
    right = int(np.trace(confusion))
    return Scores(
        n=len(y),
        accuracy=right / len(y),
        accuracy_ci=wilson_interval(right, len(y)),
        f1_macro=float(f1[occurs].mean()),
        f1_weighted=float(np.average(f1, weights=support)),
        precision=precision,
        recall=recall,
        f1=f1,
        confusion=confusion,
        ece=reliability(y, proba).ece,
        nll=negative_log_likelihood(y, proba),
        brier=brier_score(y, proba),
    )


def checked(y_true: ArrayLike, y_proba: ArrayLike) -> tuple[NDArray[np.int64], Array]:
    """Return labels and probabilities as arrays that fit together, else ValueError."""
    y = np.asarray(y_true)
    proba = np.asarray(y_proba, np.float64)
    if y.ndim != 1 or not len(y) or proba.shape != (len(y), CLASSES):
        raise ValueError(
            f"Give labels (n,) and probabilities (n, {CLASSES}) of at least one image, "
            f"not {y.shape} and {proba.shape}."
        )
    if not (proba.min() >= 0 and np.abs(proba.sum(axis=1) - 1).max() < 1e-3):
        raise ValueError("The rows are not probabilities; apply a softmax to logits first.")
    return _labels(y), proba


def confusion_matrix(y_true: ArrayLike, y_pred: ArrayLike) -> NDArray[np.int64]:
    """Count how often each true digit (row) was predicted as each (column), `(10, 10)` int64."""
    true, predicted = _labels(np.asarray(y_true)), _labels(np.asarray(y_pred))
    if true.shape != predicted.shape:
        raise ValueError(f"{len(true)} labels and {len(predicted)} answers do not fit together.")
    cells = np.bincount(true * CLASSES + predicted, minlength=CLASSES**2)
    return cells.astype(np.int64).reshape(CLASSES, CLASSES)


def _labels(y: NDArray[Any]) -> NDArray[np.int64]:
    if y.dtype.kind not in "iu" or y.ndim != 1 or (y.size and not 0 <= y.min() <= y.max() < 10):
        raise ValueError("Labels must be one line of integers from 0 to 9.")
    return y.astype(np.int64)


def per_class(confusion: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """Return precision, recall and F1 of each digit, three arrays `(10,)`; 0 where undefined."""
    right = np.diag(confusion).astype(np.float64)
    predicted, true = confusion.sum(axis=0), confusion.sum(axis=1)
    return _ratio(right, predicted), _ratio(right, true), _ratio(2 * right, predicted + true)


def _ratio(part: Array, whole: NDArray[np.int64]) -> Array:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate of `right` in `n` (Wilson 1927)."""
    rate, z2 = right / n, Z_95**2
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
    # The ends are exact at none and all right, where rounding would leave them just off.
    low, high = (centre - half if right else 0.0), (centre + half if right < n else 1.0)
    return low, high


def reliability(y_true: ArrayLike, y_proba: ArrayLike, bins: int = BINS) -> Reliability:
    """Compare confidence, the highest probability, with accuracy over bins of equal width.

    The calibration error is their mean gap, where a bin counts as often as it holds images (Guo et
    al. 2017). Parameters and errors are those of `evaluate_probabilities`, and ValueError where
    there is no bin.
    """
    y, proba = checked(y_true, y_proba)
    if bins < 1:
        raise ValueError(f"Give at least 1 bin, not {bins}.")
    confidence, right = proba.max(axis=1), proba.argmax(axis=1) == y
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    totals = [np.bincount(index, weights=each, minlength=bins) for each in (confidence, right)]
    means = [np.divide(each, count, out=np.full(bins, np.nan), where=count > 0) for each in totals]
    return Reliability(
        edges=np.linspace(0, 1, bins + 1),
        confidence=means[0],
        accuracy=means[1],
        count=count,
        ece=float(np.abs(totals[0] - totals[1]).sum() / len(y)),
    )


def negative_log_likelihood(y: NDArray[np.int64], proba: Array) -> float:
    """Return the mean of -log(probability of the true digit), in nats.

    A probability of 0 counts as the smallest step of a float64, 2e-16, so that the mean is finite.
    """
    true = proba[np.arange(len(y)), y]
    return float(-np.log(np.clip(true, np.finfo(np.float64).eps, 1)).mean())


def brier_score(y: NDArray[np.int64], proba: Array) -> float:
    """Return the mean of the summed squared errors of the ten probabilities (Brier 1950)."""
    return float(((proba - np.eye(CLASSES)[y]) ** 2).sum(axis=1).mean())


def softmax(logits: NDArray[Float]) -> NDArray[Float]:
    """Return probabilities along the last axis, of the type of the logits."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
