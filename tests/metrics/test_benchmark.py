"""Rates, refusals, letters, and the interval over corruptions."""

from __future__ import annotations

import numpy as np
import pytest

from mnistlab.metrics.benchmark import Rate, clustered_interval, judge_digits, judge_letters
from mnistlab.metrics.scores import wilson_interval

LABELS = np.array([0, 1, 2, 3], np.uint8)


def answers(*digits: int, sure: float = 0.91) -> np.typing.NDArray[np.float32]:
    proba = np.full((len(digits), 10), (1 - sure) / 9, np.float32)
    proba[np.arange(len(digits)), digits] = sure
    return proba


def test_a_rate_of_nothing_is_unknown() -> None:
    assert Rate(0, 0).to_dict() == {"count": 0, "n": 0, "fraction": None, "ci": None}
    assert Rate(1, 4).to_dict()["ci"] == list(wilson_interval(1, 4))


def test_refused_answers_count_in_the_accuracy_but_not_among_those_shown() -> None:
    refused = np.array([False, False, True, True])
    found = judge_digits(LABELS, answers(0, 5, 2, 9), refused)
    assert found.scores.accuracy == 0.5
    assert found.refused == Rate(2, 4)
    assert found.shown == Rate(1, 2)
    facts = found.to_dict()
    assert facts["recall"] == [1, 0, 1, 0, None, None, None, None, None, None]
    assert facts["recall_ci"][0] == list(wilson_interval(1, 1))
    assert facts["support"] == [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]


def test_a_model_that_cannot_refuse_has_no_such_figures() -> None:
    found = judge_digits(LABELS, answers(0, 1, 2, 3), None)
    assert found.refused is None
    assert found.to_dict()["accuracy_shown"] is None


def test_letters_with_and_without_those_that_look_like_digits() -> None:
    labels = np.array([1, 2, 15, 26], np.uint8)  # A, B, O and Z, of which only A is clear
    found = judge_letters(labels, answers(1, 2, 3, 4), np.array([True, False, True, False]))
    assert found.refused == Rate(2, 4)
    assert found.refused_clear == Rate(1, 1)
    assert found.confident == Rate(4, 4)
    assert found.to_dict()["refused_by_letter"]["O"] == 1
    assert found.to_dict()["refused_by_letter"]["C"] is None


def test_letters_of_a_model_that_cannot_refuse() -> None:
    found = judge_letters(np.array([1, 2], np.uint8), answers(1, 2, sure=0.5), None).to_dict()
    assert found["refused"] is found["refused_by_letter"] is None
    assert (found["confidence"], found["confident"]["fraction"]) == (0.9, 0)


def test_corruptions_of_the_same_images_are_no_independent_images() -> None:
    right = np.arange(1000) % 10 > 0
    same = clustered_interval([right] * 15)
    assert same == pytest.approx(wilson_interval(900, 1000), abs=0.002)
    mixed = clustered_interval([np.roll(right, i) for i in range(10)])
    assert mixed == pytest.approx((0.9, 0.9))


def test_nothing_but_right_answers_still_has_an_interval() -> None:
    assert clustered_interval([np.ones(100, bool)] * 3) == wilson_interval(100, 100)
    assert clustered_interval([np.zeros(1, bool)]) == wilson_interval(0, 1)
