"""Confusion matrices, their difference, figures by digit, the verdict, corrected labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mnistlab.charts.pair import (
    confusion_table,
    corrected_table,
    difference_table,
    per_class_table,
    verdict,
)
from mnistlab.metrics.evaluation import pair_up
from tests.charts.conftest import Make

EVIL = "<script>&'\""


def test_confusion_shows_counts_and_says_what_they_are() -> None:
    matrix = np.diag([5] * 10)
    matrix[3, 8] = 4
    matrix[2, 1] = 2
    text = confusion_table(matrix, EVIL)
    assert text.count("<td class='ml-right'>5</td>") == 10
    assert "--fraction:1.00' title='4 of digit 3 read as 8'>4</td>" in text
    assert "--fraction:0.50' title='2 of digit 2 read as 1'>2</td>" in text
    assert "<script" not in text


def test_a_matrix_without_errors_is_no_trouble() -> None:
    assert "--fraction:0.00" in confusion_table(np.diag([5] * 10), "A")


def test_difference_has_signs_and_two_hues() -> None:
    a, b = np.diag([5] * 10), np.diag([5] * 10)
    a[1, 7], b[4, 9], b[0, 0] = 6, 3, 8
    text = difference_table(a, b, "A", EVIL)
    assert "<td class='ml-more' style='--fraction:1.00'" in text
    assert ">+6</td>" in text
    assert text.count("class='ml-less'") == 2
    assert text.count(">−3</td>") == 2
    assert text.count("<td></td>") == 98
    assert "<script" not in text


def test_difference_of_equal_matrices_is_empty() -> None:
    text = difference_table(np.diag([5] * 10), np.diag([5] * 10), "A", "B")
    assert text.count("<td></td>") == 101


def test_the_better_one_of_each_digit_is_marked(make: Make, labels: NDArray[np.uint8]) -> None:
    a, b = make("a", 0), replace(make("b", 5), title=EVIL)
    text = per_class_table(pair_up(a, b, labels))
    assert text.count("<tr>") == 12
    # B reads one 0 of twenty as 1, so it also loses precision at 1; 9 is read as well by both.
    zero = text.split("<tr>")[3]
    assert "▲</abbr> 1.0000</td><td>0.9500</td>" in zero
    assert "▲" not in text.split("<tr>")[12].partition("</tr>")[0]
    assert "<script" not in text


def test_verdict_has_sentence_and_counts(make: Make, labels: NDArray[np.uint8]) -> None:
    a, b = replace(make("a", 3), title="A"), replace(make("b", 30), title=EVIL)
    text = verdict(pair_up(a, b, labels))
    assert "only A is right on 27" in text
    assert "<td>170</td><td>27</td>" in text
    assert "<td>0</td><td>3</td>" in text
    assert "<script" not in text


def test_corrected_labels_say_how_far_figures_move(make: Make, labels: NDArray[np.uint8]) -> None:
    given, corrected = (pair_up(make("a", n), make("b", n), labels) for n in (20, 17))
    text = corrected_table(given, corrected)
    for cell in ("90.00 %", "91.50 %", "+1.50 points", "20 of 200", "17 of 200"):
        assert f"<td>{cell}</td>" in text
