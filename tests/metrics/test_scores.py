"""Scores in NumPy against scikit-learn's, and by hand where it has none."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from mnistlab.metrics.scores import confusion_matrix, evaluate_probabilities, wilson_interval


def answers(n: int, seed: int, digits: int = 10) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels, and probabilities of a middling model."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, digits, n)
    logits = rng.normal(size=(n, 10)) + 2 * np.eye(10)[y]
    proba = np.exp(logits)
    return y, proba / proba.sum(axis=1, keepdims=True)


def certain(digits: list[int]) -> NDArray[np.float64]:
    return np.eye(10)[digits]


@pytest.mark.parametrize(
    ("n", "digits"), [(1, 10), (40, 10), (5000, 10), (300, 7)], ids=lambda v: str(v)
)
def test_scores_agree_with_scikit_learn(n: int, digits: int) -> None:
    y, proba = answers(n, seed=n, digits=digits)
    scores = evaluate_probabilities(y, proba)
    guess = proba.argmax(axis=1)
    every = range(10)
    assert scores.n == n
    assert scores.accuracy == pytest.approx(reference.accuracy_score(y, guess), rel=1e-9)
    np.testing.assert_array_equal(
        scores.confusion, reference.confusion_matrix(y, guess, labels=every)
    )
    for average, ours in (("macro", scores.f1_macro), ("weighted", scores.f1_weighted)):
        expected = reference.f1_score(y, guess, average=average, zero_division=0)
        assert ours == pytest.approx(expected, rel=1e-9), average
    theirs = reference.precision_recall_fscore_support(y, guess, labels=every, zero_division=0)
    np.testing.assert_allclose([scores.precision, scores.recall, scores.f1], theirs[:3], rtol=1e-9)
    assert scores.nll == pytest.approx(reference.log_loss(y, proba, labels=every), rel=1e-9)
    brier = ((proba - np.eye(10)[y]) ** 2).sum(axis=1).mean()
    assert scores.brier == pytest.approx(brier, rel=1e-9)


@pytest.mark.parametrize("n", [1, 40, 5000])
def test_calibration_error_agrees_with_scikit_learns_curve(n: int) -> None:
    """Its curve has bins `(a, b]` as well, without the empty ones and the number in each."""
    y, proba = answers(n, seed=n + 1)
    confidence, right = proba.max(axis=1), proba.argmax(axis=1) == y
    accuracy, said = calibration_curve(right, confidence, n_bins=15)
    bins = np.searchsorted(np.linspace(0, 1, 16)[1:-1], confidence)
    counts = np.unique(bins, return_counts=True)[1]
    expected = np.average(np.abs(accuracy - said), weights=counts)
    assert evaluate_probabilities(y, proba).ece == pytest.approx(expected, abs=1e-9)


def test_float32_probabilities_score_the_same() -> None:
    y, proba = answers(500, seed=3)
    exact = evaluate_probabilities(y, proba)
    single = evaluate_probabilities(y.astype(np.uint8), proba.astype(np.float32))
    assert single.accuracy == exact.accuracy
    assert single.nll == pytest.approx(exact.nll, rel=1e-5)
    assert single.ece == pytest.approx(exact.ece, abs=1e-3)


def test_calibration_error_by_hand() -> None:
    """Four answers at 0.9, three of them right, and two at 0.5, both right.

    Bin of 0.9: |0.9 - 0.75| = 0.15 in 4 of 6; bin of 0.5: |0.5 - 1| = 0.5 in 2 of 6.
    """
    sure, unsure = [0.9, 0.1, *[0.0] * 8], [0.5, 0.3, 0.2, *[0.0] * 7]
    scores = evaluate_probabilities([0, 0, 0, 1, 0, 0], [sure] * 4 + [unsure] * 2)
    assert scores.ece == pytest.approx(0.15 * 4 / 6 + 0.5 * 2 / 6)
    assert scores.accuracy == pytest.approx(5 / 6)


def test_gaps_in_one_bin_cancel_and_in_two_do_not() -> None:
    def at(confidence: float) -> list[float]:
        return [confidence, 1 - confidence, *[0.0] * 8]

    # Both in (9/15, 10/15]: on average as often right as said.
    together = evaluate_probabilities([0, 1], [at(0.61), at(0.66)])
    assert together.ece == pytest.approx(abs(0.635 - 0.5))
    apart = evaluate_probabilities([0, 1], [at(0.61), at(0.72)])
    assert apart.ece == pytest.approx((0.39 + 0.72) / 2)


def test_perfect_and_hopeless_answers_stay_finite() -> None:
    digits = list(range(10))
    perfect = evaluate_probabilities(digits, certain(digits))
    assert perfect.accuracy == perfect.f1_macro == perfect.f1_weighted == 1
    assert perfect.ece == perfect.nll == perfect.brier == 0
    assert perfect.accuracy_ci[1] == 1
    wrong = evaluate_probabilities(digits, certain([*digits[1:], 0]))
    assert wrong.accuracy == wrong.f1_macro == 0
    assert wrong.accuracy_ci[0] == 0
    assert wrong.ece == 1
    assert wrong.brier == 2
    assert 30 < wrong.nll < 40


def test_wilson_interval_of_known_values() -> None:
    # 81 of 263 is Newcombe's example (1998, table I): 0.2553 to 0.3662.
    low, high = wilson_interval(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    # And 0 of 20: 0 to 0.1611.
    low, high = wilson_interval(0, 20)
    assert (low, round(high, 4)) == (0.0, 0.1611)
    assert wilson_interval(20, 20) == pytest.approx((1 - 0.16113, 1), abs=1e-4)


@pytest.mark.parametrize("n", [1, 7, 263, 10_000])
@pytest.mark.parametrize("share", [0, 0.01, 0.31, 0.5, 0.9933, 1])
def test_wilson_interval_is_scipys(n: int, share: float) -> None:
    right = round(share * n)
    expected = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson_interval(right, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_rows_of_the_confusion_matrix_are_true_digits() -> None:
    matrix = confusion_matrix([3, 3, 7], [5, 3, 7])
    assert matrix.shape == (10, 10)
    assert (matrix[3, 5], matrix[3, 3], matrix[7, 7], matrix.sum()) == (1, 1, 1, 3)


def test_scores_survive_json() -> None:
    scores = evaluate_probabilities(*answers(50, seed=1))
    plain = json.loads(json.dumps(scores.to_dict()))
    assert plain["accuracy"] == scores.accuracy
    assert plain["accuracy_ci"] == list(scores.accuracy_ci)
    assert plain["confusion"] == scores.confusion.tolist()
    assert len(plain["f1"]) == 10


@pytest.mark.parametrize(
    ("y", "proba", "says"),
    [
        ([], np.zeros((0, 10)), "at least one image"),
        ([1, 2], certain([1]), r"\(2,\) and \(1, 10\)"),
        ([1], [[0.5, 0.5]], r"probabilities \(n, 10\)"),
        ([1], [[3.0, -2.0, *[0.0] * 8]], "apply a softmax"),
        ([1], [[5.0, *[0.0] * 9]], "apply a softmax"),
        ([1], [[float("nan"), *[0.0] * 9]], "apply a softmax"),
        ([10], certain([1]), "integers from 0 to 9"),
        ([-1], certain([1]), "integers from 0 to 9"),
        ([1.5], certain([1]), "integers from 0 to 9"),
    ],
)
def test_bad_input_is_refused(y: list[float], proba: NDArray[np.float64], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        evaluate_probabilities(y, proba)


def test_lengths_of_labels_and_answers_must_agree() -> None:
    with pytest.raises(ValueError, match="2 labels and 1 answers"):
        confusion_matrix([1, 2], [1])
