"""Reliability and temperature: against SciPy's optimum and models made with a known temperature."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from mnistlab.metrics.calibration import (
    COLDEST,
    apply_temperature,
    calibrate,
    fit_temperature,
)
from mnistlab.metrics.scores import evaluate_probabilities, reliability


def honest_logits(n: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels drawn from the very probabilities that the logits stand for."""
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(n, 10))
    odds = softmax(logits, axis=1).cumsum(axis=1)
    return (rng.random((n, 1)) > odds[:, :9]).sum(axis=1), logits


def nll(y: NDArray[np.int64], proba: NDArray[np.float64], temperature: float) -> float:
    scaled = log_softmax(np.log(proba) / temperature, axis=1)
    return float(-scaled[np.arange(len(y)), y].mean())


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_found(true: float) -> None:
    y, logits = honest_logits(20_000, seed=1)
    found = fit_temperature(y, softmax(true * logits, axis=1))
    assert found == pytest.approx(true, rel=0.03)


@pytest.mark.parametrize(("true", "n"), [(0.3, 50), (1.0, 400), (2.0, 1000), (4.0, 3000)])
def test_it_is_the_optimum_that_scipy_finds(true: float, n: int) -> None:
    y, logits = honest_logits(n, seed=n)
    proba = softmax(true * logits, axis=1)
    best = minimize_scalar(
        lambda inverse: nll(y, proba, 1 / inverse), bounds=(0.05, 20), options={"xatol": 1e-10}
    )
    found = fit_temperature(y, proba)
    # A minimum is flat, so no optimiser knows its place better than to the root of rounding.
    assert found == pytest.approx(1 / best.x, rel=1e-6)
    assert nll(y, proba, found) <= best.fun + 1e-12


def test_single_precision_that_came_out_as_zero() -> None:
    """An overconfident network: float32 probabilities of 0, and some wrong ones of 1."""
    y, logits = honest_logits(5000, seed=3)
    single = softmax((30 * logits).astype(np.float32), axis=1)
    assert (single[np.arange(5000), y] == 0).any()
    found = fit_temperature(y, single)
    assert np.isfinite(found)
    assert found > 10
    mended = apply_temperature(single, found)
    assert np.isfinite(np.log(mended)).all()
    assert evaluate_probabilities(y, mended).nll < evaluate_probabilities(y, single).nll / 2


def test_where_temperature_changes_nothing_it_is_one() -> None:
    digits = np.arange(10)
    assert fit_temperature(digits, np.eye(10)) == 1
    assert fit_temperature(digits, np.full((10, 10), 0.1)) == 1


def test_right_everywhere_but_unsure_is_as_cold_as_allowed() -> None:
    unsure = np.full((10, 10), 0.05) + 0.5 * np.eye(10)
    assert fit_temperature(np.arange(10), unsure) == pytest.approx(COLDEST)
    # And worse than guessing gets as near to guessing as allowed.
    wrong = fit_temperature((np.arange(10) + 1) % 10, unsure)
    assert apply_temperature(unsure, wrong) == pytest.approx(0.1, abs=0.01)


def test_temperature_keeps_the_answers() -> None:
    y, logits = honest_logits(300, seed=5)
    proba = softmax(logits, axis=1)
    for temperature in (0.2, 1.0, 7.0):
        changed = apply_temperature(proba, temperature)
        np.testing.assert_allclose(changed, softmax(logits / temperature, axis=1), rtol=1e-9)
        np.testing.assert_array_equal(changed.argmax(axis=1), proba.argmax(axis=1))
    assert apply_temperature(proba.astype(np.float32), 2).dtype == np.float64
    assert len(y) == 300


def test_reliability_by_hand() -> None:
    """Four answers at 0.9, three of them right, and two at 0.5, both right, in ten bins."""
    sure, unsure = [0.9, 0.1, *[0.0] * 8], [0.5, 0.3, 0.2, *[0.0] * 7]
    found = reliability([0, 0, 0, 1, 0, 0], [sure] * 4 + [unsure] * 2, bins=10)
    np.testing.assert_allclose(found.edges, np.arange(11) / 10)
    np.testing.assert_array_equal(found.count, [0, 0, 0, 0, 2, 0, 0, 0, 4, 0])
    assert found.confidence[[4, 8]] == pytest.approx([0.5, 0.9])
    assert found.accuracy[[4, 8]] == pytest.approx([1, 0.75])
    empty = found.count == 0
    assert np.isnan(found.confidence[empty]).all()
    assert np.isnan(found.accuracy[empty]).all()
    assert found.ece == pytest.approx(0.15 * 4 / 6 + 0.5 * 2 / 6, abs=1e-12)


def test_its_calibration_error_is_that_of_the_scores() -> None:
    y, logits = honest_logits(999, seed=8)
    proba = softmax(2 * logits, axis=1)
    found = reliability(y, proba)
    assert len(found.count) == 15
    assert found.count.sum() == 999
    assert found.ece == evaluate_probabilities(y, proba).ece
    full = found.count > 0
    gaps = np.abs(found.confidence - found.accuracy)[full] * found.count[full]
    assert gaps.sum() / 999 == pytest.approx(found.ece, abs=1e-12)


def test_calibration_of_an_overconfident_model() -> None:
    y, logits = honest_logits(8000, seed=9)
    proba = softmax(3 * logits, axis=1)
    found = calibrate(y[:4000], proba[:4000], y[4000:], proba[4000:])
    assert found.temperature == pytest.approx(3, rel=0.1)
    assert found.temperature == fit_temperature(y[:4000], proba[:4000])
    assert found.after.ece < found.before.ece / 3
    assert found.nll_after < found.nll_before
    assert found.brier_after < found.brier_before
    scores = evaluate_probabilities(y[4000:], proba[4000:])
    assert (found.before.ece, found.nll_before, found.brier_before) == (
        scores.ece,
        scores.nll,
        scores.brier,
    )


def test_bad_input_is_refused() -> None:
    good = np.eye(10)
    with pytest.raises(ValueError, match="at least 1 bin"):
        reliability(np.arange(10), good, bins=0)
    with pytest.raises(ValueError, match="apply a softmax"):
        fit_temperature(np.arange(10), 5 * good)
    with pytest.raises(ValueError, match="apply a softmax"):
        apply_temperature(5 * good, 1)
    for temperature in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="above 0"):
            apply_temperature(good, temperature)
