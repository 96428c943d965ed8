"""Whether a model is as often right as it says, and what one temperature mends of that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistlab.metrics.scores import brier_score, checked, negative_log_likelihood

BINS = 15  # of equal width, as in Guo et al. 2017
_LEAST, _MOST = 0.05, 20.0  # temperatures that are tried
_STEPS = 80  # of the golden section: the temperature is then exact to 1e-15 of that range

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reliability:
    """Confidence against accuracy, bin by bin. A bin `(a, b]` holds the answers that sure."""

    edges: Array
    """`(bins + 1,)`, 0 to 1."""
    confidence: Array
    """`(bins,)`, mean of the highest probability; NaN where a bin is empty."""
    accuracy: Array
    """`(bins,)`, share answered right; NaN where a bin is empty."""
    count: NDArray[np.int64]
    """`(bins,)`, answers."""
    ece: float
    """Expected calibration error, 0 to 1: the mean gap between the two, by count."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """A model's calibration on a test set, before and after one temperature."""

    temperature: float
    """Fitted on validation data; above 1 the model was too sure, below 1 not sure enough."""
    before: Reliability
    after: Reliability
    nll_before: float
    nll_after: float
    brier_before: float
    brier_after: float


def calibrate(
    y_val: ArrayLike, val_proba: ArrayLike, y_test: ArrayLike, test_proba: ArrayLike
) -> Calibration:
    """Fit a temperature on validation answers and hold it against the test set.

    Parameters
    ----------
    y_val, y_test : arrays (n,) and (m,) of digits
    val_proba, test_proba : arrays (n, 10) and (m, 10), rows summing to 1
    """
    temperature = fit_temperature(y_val, val_proba)
    y, proba = checked(y_test, test_proba)
    cooled = apply_temperature(proba, temperature)
    return Calibration(
        temperature,
        reliability(y, proba),
        reliability(y, cooled),
        negative_log_likelihood(y, proba),
        negative_log_likelihood(y, cooled),
        brier_score(y, proba),
        brier_score(y, cooled),
    )


def reliability(y_true: ArrayLike, y_proba: ArrayLike, bins: int = BINS) -> Reliability:
    """Confidence and accuracy of answers (n, 10), by bins of equal width."""
    y, proba = checked(y_true, y_proba)
    sure = proba.max(axis=1)
    right = (proba.argmax(axis=1) == y).astype(np.float64)
    which = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(which, minlength=bins)
    total_sure = np.bincount(which, sure, bins)
    total_right = np.bincount(which, right, bins)
    empty = np.where(count > 0, count, np.nan)
    return Reliability(
        edges=np.linspace(0, 1, bins + 1),
        confidence=total_sure / empty,
        accuracy=total_right / empty,
        count=count.astype(np.int64),
        ece=float(np.abs(total_sure - total_right).sum() / len(y)),
    )


def fit_temperature(y_val: ArrayLike, val_proba: ArrayLike) -> float:
    """The temperature T with the least log loss of softmax(logits / T) (Guo et al. 2017).

    The loss is convex in 1 / T, so a golden section finds the one minimum, from 0.05 to 20.
    """
    y, proba = checked(y_val, val_proba)
    logits = _logits(proba)

    def loss(inverse: float) -> float:
        scaled = logits * inverse
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(y)), y]).mean())

    golden = (np.sqrt(5) - 1) / 2
    low, high = 1 / _MOST, 1 / _LEAST
    for _ in range(_STEPS):
        step = golden * (high - low)
        if loss(high - step) <= loss(low + step):
            high = low + step
        else:
            low = high - step
    return float(2 / (low + high))


def apply_temperature(proba: ArrayLike, temperature: float) -> Array:
    """Probabilities (n, 10) float64 after the logits are divided by a temperature above 0."""
    scaled = _logits(np.asarray(proba, np.float64)) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    result: Array = powers / powers.sum(axis=1, keepdims=True)
    return result


def _logits(proba: Array) -> Array:
    """Logits up to a constant a row. What float32 rounded to 0 counts as its smallest number."""
    return np.log(np.maximum(proba, float(np.finfo(np.float32).tiny)))
