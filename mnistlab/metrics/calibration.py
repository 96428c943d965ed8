"""Whether a model is as often right as it says, and the one number that mends most of it.

A network trained to small losses often says 99.9 % where 99 % would be honest. Dividing its logits
by one temperature, fitted on validation images, changes no answer and mends that (Guo, Pleiss, Sun
and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, arXiv:1706.04599). Of a
network that is honest already it mends nothing: the few images it misreads say too little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistlab.metrics.scores import Array, brier_score, checked, negative_log_likelihood

BINS = 15  # as in Guo et al. 2017
COLDEST, HOTTEST = 0.01, 100.0
"""The temperatures among which `fit_temperature` looks."""
_LEAST = 2.0**-149  # the smallest float32 above 0: all that is known of a probability printed as 0
_HALVINGS = 60  # leave of the interval of log temperatures less than a float64 can tell
_FLAT = 1e-12  # nats of slope that no temperature makes anything of


@dataclass(frozen=True, eq=False)
class Reliability:
    """What a model says of its answers against how often they are right, in bins."""

    edges: Array
    """`(bins + 1,)`, 0 to 1; a bin `(a, b]` holds the answers of that confidence."""
    confidence: Array
    """`(bins,)`, mean confidence; nan in an empty bin."""
    accuracy: Array
    """`(bins,)`, share of right answers; nan in an empty bin."""
    count: NDArray[np.int64]
    """`(bins,)`, images."""
    ece: float
    """Expected calibration error, 0 (honest) to 1."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """A model's probabilities on test images before and after its temperature."""

    temperature: float
    """Above 1 the model was too sure of itself, below 1 not sure enough."""
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
    """Fit a temperature on validation images and see what it does to the test images' answers.

    Parameters
    ----------
    y_val, y_test : arrays of integers 0 to 9
    val_proba, test_proba : arrays (n, 10) of floats
        Rows sum to 1. The two sets must not share images, or the gain is flattery.

    Raises
    ------
    ValueError
        When the shapes do not fit or rows are no probabilities.
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
    """Confidence against accuracy over bins of equal width.

    Confidence is the highest probability. With 15 bins `ece` is `Scores.ece`.

    Parameters
    ----------
    y_true : array (n,) of integers 0 to 9
    y_proba : array (n, 10) of floats
        Rows sum to 1.
    bins : int
        At least 1.

    Raises
    ------
    ValueError
        When the shapes do not fit, rows are no probabilities, or there is no bin.
    """
    y, proba = checked(y_true, y_proba)
    if bins < 1:
        raise ValueError(f"Give at least 1 bin, not {bins}.")
    confidence = proba.max(axis=1)
    right = proba.argmax(axis=1) == y
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    # The sum of the gaps, not the gap of the means: that is how `Scores.ece` rounds.
    gap = np.bincount(index, weights=confidence - right, minlength=bins)
    return Reliability(
        edges=np.linspace(0, 1, bins + 1),
        confidence=_means(index, confidence, count),
        accuracy=_means(index, right, count),
        count=count,
        ece=float(np.abs(gap).sum() / len(y)),
    )


def _means(
    index: NDArray[np.int64], values: NDArray[np.generic], count: NDArray[np.int64]
) -> Array:
    totals = np.bincount(index, weights=values, minlength=len(count))
    means: Array = np.full(len(count), np.nan)
    return np.divide(totals, count, out=means, where=count > 0)


def fit_temperature(y_val: ArrayLike, val_proba: ArrayLike) -> float:
    """The temperature T that makes softmax(log(p) / T) most likely, `COLDEST` to `HOTTEST`.

    The loss is convex in 1 / T, so its slope changes sign once, and halving an interval finds
    the place whatever the probabilities are. A float32 probability that came out as 0 counts as
    the smallest one above it. 1 where no temperature makes a difference: for a model that is
    certain and right everywhere, or one that always says 10 %.

    Parameters
    ----------
    y_val : array (n,) of integers 0 to 9
        Of images that the model was not trained on.
    val_proba : array (n, 10) of floats
        Rows sum to 1.

    Raises
    ------
    ValueError
        When the shapes do not fit or rows are no probabilities.
    """
    y, proba = checked(y_val, val_proba)
    log_p = np.log(np.maximum(proba, _LEAST))
    # Relative to the true digit, so that nothing is lost where the answer is all but certain.
    margins = log_p - log_p[np.arange(len(y)), y][:, None]
    if abs(_slope(margins, 1.0)) < _FLAT:
        return 1.0
    low, high = math.log(COLDEST), math.log(HOTTEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _slope(margins, math.exp(-middle)) > 0:
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)


def _slope(margins: Array, inverse: float) -> float:
    """The loss's derivative by 1 / T at `inverse`: the expected margin, in nats."""
    scaled = margins * inverse
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return float(((powers * margins).sum(axis=1) / powers.sum(axis=1)).mean())


def apply_temperature(proba: ArrayLike, temperature: float) -> Array:
    """softmax(log(p) / T): the probabilities had the logits been divided by T.

    Parameters
    ----------
    proba : array (n, 10) of floats
        Rows sum to 1.
    temperature : float
        Above 0. The most probable digit stays what it is.

    Returns
    -------
    array (n, 10) float64, rows summing to 1

    Raises
    ------
    ValueError
        When rows are no probabilities or the temperature is not above 0.
    """
    shares = np.asarray(proba, np.float64)
    checked(np.zeros(len(shares), int), shares)
    if not 0 < temperature < math.inf:
        raise ValueError(f"Give a temperature above 0, not {temperature}.")
    scaled = np.log(np.maximum(shares, _LEAST)) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
