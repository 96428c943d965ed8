"""Two models on the same images: counts, test, interval, and the sentence made from them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binomtest

from mnistlab.metrics.comparison import (
    Comparison,
    bootstrap_interval,
    compare_predictions,
    mcnemar_p_value,
)


def compared(both: int, only_a: int, only_b: int, neither: int) -> Comparison:
    """A comparison of two models that agree and differ on so many images."""
    a = [1] * both + [1] * only_a + [2] * only_b + [2] * neither
    b = [1] * both + [2] * only_a + [1] * only_b + [3] * neither
    return compare_predictions(np.ones(len(a), np.uint8), np.eye(10)[a], np.eye(10)[b])


def test_counts_and_difference() -> None:
    c = compared(9000, 120, 40, 30)
    assert (c.both_right, c.only_a, c.only_b, c.neither) == (9000, 120, 40, 30)
    assert c.n == 9190
    assert c.difference == pytest.approx(80 / 9190)


@pytest.mark.parametrize(
    ("a", "b"), [(0, 0), (1, 0), (5, 5), (3, 9), (9, 3), (40, 61), (120, 40), (1000, 900), (0, 60)]
)
def test_p_value_is_that_of_the_binomial_test(a: int, b: int) -> None:
    expected = binomtest(a, a + b).pvalue if a + b else 1.0
    assert mcnemar_p_value(a, b) == pytest.approx(expected, rel=1e-9)
    assert mcnemar_p_value(b, a) == mcnemar_p_value(a, b)


def test_p_value_by_hand() -> None:
    """Three heads or fewer, or nine or more, of twelve throws: 2 (1 + 12 + 66 + 220) / 4096."""
    assert mcnemar_p_value(3, 9) == 598 / 4096
    # And of 117 throws 21 or fewer: the sentence that a visitor reads.
    ways = sum(math.comb(117, heads) for heads in range(22))
    assert mcnemar_p_value(96, 21) == pytest.approx(float(Fraction(2 * ways, 2**117)), rel=1e-12)


def test_p_value_of_thousands_of_images_is_finite() -> None:
    assert 0 <= mcnemar_p_value(6000, 4000) < 1e-80
    assert mcnemar_p_value(5000, 5000) == 1


def test_bootstrap_interval_is_sane() -> None:
    a, b, n = 120, 40, 10_000
    low, high = bootstrap_interval(a, b, n)
    difference = (a - b) / n
    assert low < difference < high
    # By the normal approximation, which is good for counts this large.
    deviation = np.sqrt((a + b) / n - difference**2) / np.sqrt(n)
    assert high - low == pytest.approx(2 * 1.96 * deviation, rel=0.05)
    assert bootstrap_interval(a, b, n) == (low, high)
    assert bootstrap_interval(0, 0, n) == (0, 0)
    assert bootstrap_interval(n, 0, n) == (1, 1)
    wide = bootstrap_interval(12, 4, 1000)
    assert wide[1] - wide[0] > high - low


def test_bootstrap_agrees_with_drawing_the_images() -> None:
    """The multinomial is the ordinary paired bootstrap, only faster."""
    outcomes = np.repeat([1, -1, 0], [30, 12, 458])
    rng = np.random.default_rng(1)
    means = rng.choice(outcomes, (4000, len(outcomes))).mean(axis=1)
    np.testing.assert_allclose(
        bootstrap_interval(30, 12, 500), np.percentile(means, [2.5, 97.5]), atol=0.003
    )


@pytest.mark.parametrize(("a", "b", "n"), [(30, 12, 500), (4, 1, 60), (0, 3, 40)])
def test_bootstrap_is_within_a_step_of_the_exact_one(a: int, b: int, n: int) -> None:
    """All n**n resamples at once: their differences are distributed as n convolved images."""
    image = np.array([b, n - a - b, a]) / n
    exact = np.ones(1)
    for _ in range(n):
        exact = np.convolve(exact, image)
    low, high = (np.searchsorted(exact.cumsum(), [0.025, 0.975]) - n) / n
    assert bootstrap_interval(a, b, n) == pytest.approx((low, high), abs=1.001 / n)


def test_verdict_where_one_is_better() -> None:
    text = compared(9000, 120, 40, 30).verdict("CNN", "MLP")
    assert text.startswith(
        "CNN reads 120 digits that MLP misses and misses 40 that MLP reads: CNN is better (p = "
    )
    assert "+0.87 points, 95 % interval +0." in text
    assert text.endswith(").")
    assert "\n" not in text


def test_verdict_names_the_better_one_first() -> None:
    worse = compared(9000, 40, 120, 30).verdict("MLP", "CNN")
    assert worse.startswith("CNN reads 120 digits that MLP misses and misses 40")
    assert "+0.87 points" in worse
    numbers = worse[worse.index("interval ") + len("interval ") : -2].split(" to ")
    low, high = (float(number) for number in numbers)
    assert 0 < low < 0.87 < high


def test_verdict_where_nobody_can_tell() -> None:
    assert (
        compared(9900, 30, 25, 45).verdict("CNN", "MLP")
        == "No telling them apart on these 10,000 images (p = 0.59)."
    )
    alike = compared(3, 0, 0, 0).verdict("CNN", "MLP")
    assert alike == "No telling them apart on these 3 images (p = 1.00)."


def test_verdict_at_the_edges() -> None:
    tiny = replace(compared(9000, 40, 20, 0), p_value=0.0)
    assert "(p < 1e-300;" in tiny.verdict("A", "B")
    assert "p = 3e-05" in replace(tiny, p_value=3.2e-5).verdict("A", "B")
    assert "p = 0.032" in replace(tiny, p_value=0.032).verdict("A", "B")
    assert "is better" not in replace(tiny, p_value=0.05).verdict("A", "B")
    assert replace(tiny, only_a=1, only_b=0).verdict("A", "B").startswith("A reads 1 digit that")


def test_comparison_survives_json() -> None:
    c = compared(50, 8, 1, 2)
    plain = json.loads(json.dumps(c.to_dict("CNN", "MLP")))
    assert set(plain) == {
        *("both_right", "only_a", "only_b", "neither"),
        *("p_value", "difference", "difference_ci", "verdict"),
    }
    assert plain["difference_ci"] == list(c.difference_ci)
    assert plain["verdict"] == c.verdict("CNN", "MLP")


def test_answers_to_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="not"):
        compare_predictions([1, 2], np.eye(10)[[1, 2]], np.eye(10)[[1]])
