"""Calibration: whether a model is right as often as it claims, and temperature scaling.

A network trained to a small loss often claims 99.9 % where 99 % would be right. Dividing its logits
by one temperature, fitted on validation images, keeps every answer and corrects that (Guo, Pleiss,
Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, arXiv:1706.04599). For a
network that is calibrated already it improves nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistlab.metrics.scores import (
    BINS,
    Array,
    brier_score,
    checked,
    confidence_bins,
    expected_calibration_error,
    negative_log_likelihood,
)

COLDEST, HOTTEST = 0.01, 100.0
"""The range of temperatures that `fit_temperature` searches."""
_LEAST = 2.0**-149  # the smallest float32 above 0; a probability of 0 may have been anything below
_HALVINGS = 60  # narrow the interval of log temperatures to the precision of float64
_FLAT = 1e-12  # nats; with a smaller slope, no temperature makes a difference


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
class Calibration:
    """A model's probabilities on test images before and after temperature scaling."""

    temperature: float
    """Above 1 the model was overconfident, below 1 underconfident."""
    before: Reliability
    after: Reliability
    nll_before: float
    """Mean negative log-likelihood, in nats; lower is better."""
    nll_after: float
    brier_before: float
    """0 to 2; lower is better."""
    brier_after: float


def calibrate(
    y_val: ArrayLike, val_proba: ArrayLike, y_test: ArrayLike, test_proba: ArrayLike
) -> Calibration:
    """Fit a temperature on validation images and apply it to the answers on test images.

    The two sets must not share images, or the improvement is overestimated. Shapes and errors are
    those of `evaluate_probabilities`.
    """
    temperature = fit_temperature(y_val, val_proba)
    y, before = checked(y_test, test_proba)
    after = apply_temperature(before, temperature)
    return Calibration(
        temperature=temperature,
        before=reliability(y, before),
        after=reliability(y, after),
        nll_before=negative_log_likelihood(y, before),
        nll_after=negative_log_likelihood(y, after),
        brier_before=brier_score(y, before),
        brier_after=brier_score(y, after),
    )


def reliability(y_true: ArrayLike, y_proba: ArrayLike, bins: int = BINS) -> Reliability:
    """Compare confidence, the highest probability, with accuracy over bins of equal width.

    With 15 bins `ece` is `Scores.ece`. Parameters and errors are those of
    `evaluate_probabilities`, and ValueError where there is no bin.
    """
    y, proba = checked(y_true, y_proba)
    if bins < 1:
        raise ValueError(f"Give at least 1 bin, not {bins}.")
    confidence, index = confidence_bins(proba, bins)
    count = np.bincount(index, minlength=bins)

    def means(values: NDArray[np.generic]) -> Array:
        totals = np.bincount(index, weights=values, minlength=bins)
        return np.asarray(np.divide(totals, count, out=np.full(bins, np.nan), where=count > 0))

    return Reliability(
        edges=np.linspace(0, 1, bins + 1),
        confidence=means(confidence),
        accuracy=means(proba.argmax(axis=1) == y),
        count=count,
        ece=expected_calibration_error(y, proba, bins),
    )


def fit_temperature(y_val: ArrayLike, val_proba: ArrayLike) -> float:
    """Return the temperature T that makes softmax(log(p) / T) most likely.

    The loss is convex in 1 / T, so its slope changes sign once, and bisection finds the place
    whatever the probabilities are. A float32 probability that came out as 0 counts as the smallest
    one above it.

    Shapes and errors are those of `evaluate_probabilities`; the model must not have been trained
    on these images.

    Returns
    -------
    float, `COLDEST` to `HOTTEST`
        1 where no temperature makes a difference: for a model that is certain and right
        everywhere, or one that always says 10 %.
    """
    y, proba = checked(y_val, val_proba)
    log_p = np.log(np.maximum(proba, _LEAST))
    # Relative to the true digit, so that nothing is lost where the answer is all but certain.
    margins = log_p - log_p[np.arange(len(y)), y][:, None]

    def slope(inverse: float) -> float:
        """Derivative of the loss by 1 / T: the expected margin, in nats."""
        powers = _powers(margins * inverse)
        return float(((powers * margins).sum(axis=1) / powers.sum(axis=1)).mean())

    if abs(slope(1.0)) < _FLAT:
        return 1.0
    low, high = math.log(COLDEST), math.log(HOTTEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if slope(math.exp(-middle)) > 0:
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)


def apply_temperature(proba: ArrayLike, temperature: float) -> Array:
    """Return softmax(log(p) / T): the probabilities had the logits been divided by T.

    Parameters
    ----------
    proba : array (n, 10) of floats
        Rows sum to 1.
    temperature : float
        Above 0. The most probable digit stays the same.

    Returns
    -------
    array (n, 10) float64, rows summing to 1

    Raises
    ------
    ValueError
        When rows are not probabilities or the temperature is not above 0.
    """
    _, before = checked(np.zeros(len(np.asarray(proba)), int), proba)
    if not 0 < temperature < math.inf:
        raise ValueError(f"Give a temperature above 0, not {temperature}.")
    powers = _powers(np.log(np.maximum(before, _LEAST)) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _powers(logits: Array) -> Array:
    """Return the terms of a softmax, which are its rows before they are normalised."""
    return np.asarray(np.exp(logits - logits.max(axis=1, keepdims=True)))
