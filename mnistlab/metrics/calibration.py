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
from numpy.typing import ArrayLike

from mnistlab.metrics.scores import (
    Array,
    Reliability,
    brier_score,
    checked,
    negative_log_likelihood,
    reliability,
    softmax,
)

COLDEST, HOTTEST = 0.01, 100.0
"""The range of temperatures that `fit_temperature` searches."""
_LEAST = 2.0**-149  # the smallest float32 above 0; a probability of 0 may have been anything below
_HALVINGS = 60  # narrow the interval of log temperatures to the precision of float64
_FLAT = 1e-12  # nats; with a smaller slope, no temperature makes a difference


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


def fit_temperature(y_val: ArrayLike, val_proba: ArrayLike) -> float:
    """Return the temperature T, `COLDEST` to `HOTTEST`, that makes softmax(log(p) / T) most likely.

    The loss is convex in 1 / T, so its slope changes sign once, and bisection finds the place
    whatever the probabilities are. A float32 probability that came out as 0 counts as the smallest
    one above it. T is 1 where no temperature makes a difference: for a model that is certain and
    right everywhere, or one that always says 10 %.

    Shapes and errors are those of `evaluate_probabilities`; the model must not have been trained
    on these images.
    """
    y, proba = checked(y_val, val_proba)
    log_p = np.log(np.maximum(proba, _LEAST))
    # Relative to the true digit, so that nothing is lost where the answer is all but certain.
    margins = log_p - log_p[np.arange(len(y)), y][:, None]

    def slope(inverse: float) -> float:
        """Derivative of the loss by 1 / T: the expected margin, in nats."""
        return float((softmax(margins * inverse) * margins).sum(axis=1).mean())

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
    """Return softmax(log(p) / T): the probabilities (n, 10) had the logits been divided by T.

    The most probable digits stay the same. Raises ValueError when rows are not probabilities or the
    temperature is not above 0.
    """
    _, before = checked(np.zeros(len(np.asarray(proba)), int), proba)
    if not 0 < temperature < math.inf:
        raise ValueError(f"Give a temperature above 0, not {temperature}.")
    return softmax(np.log(np.maximum(before, _LEAST)) / temperature)
