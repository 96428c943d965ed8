"""Two models on the same images: counts, test, interval, and the sentence made from them."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from mnistlab.metrics.comparison import (
    Comparison,
    clopper_pearson_interval,
    compare_predictions,
    difference_interval,
    mcnemar_p_value,
    p_text,
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


@pytest.mark.parametrize("n", [100, 1797, 10_000])
def test_the_interval_excludes_0_exactly_where_the_test_rejects(n: int) -> None:
    for a in range(61):
        for b in range(min(61, n - a + 1)):
            low, high = difference_interval(a, b, n)
            assert low <= (a - b) / n <= high
            assert (mcnemar_p_value(a, b) < 0.05) == (low > 0 or high < 0), (a, b, low, high)
            assert difference_interval(b, a, n) == pytest.approx((-high, -low), abs=1e-12)


@pytest.mark.parametrize(
    ("discordant", "favour"),
    [(5, 0.0), (5, 0.9), (30, 0.0), (30, 0.5), (150, 0.2), (300, 0.0), (300, 0.5)],
)
def test_the_interval_covers_the_truth_in_95_percent(discordant: int, favour: float) -> None:
    """Exactly computed: over all counts that 1,000 images can give, weighted by their chance."""
    n, rate = 1000, discordant / 1000
    covered = 0.0
    for d in range(int(binom.ppf(1e-6, n, rate)), int(binom.ppf(1 - 1e-6, n, rate)) + 1):
        splits = np.arange(d + 1)
        chances = binom.pmf(d, n, rate) * binom.pmf(splits, d, (1 + favour) / 2)
        for a, chance in zip(splits, chances, strict=True):
            if chance > 1e-7:
                low, high = difference_interval(int(a), int(d - a), n)
                covered += chance if low <= rate * favour <= high else 0
    assert 0.945 <= covered <= 1


def test_with_many_discordant_images_the_interval_is_the_normal_approximations() -> None:
    a, b, n = 1200, 800, 10_000
    low, high = difference_interval(a, b, n)
    difference = (a - b) / n
    half = 1.96 * np.sqrt((a + b) / n - difference**2) / np.sqrt(n)
    assert (low, high) == pytest.approx((difference - half, difference + half), abs=0.05 * half)


def test_the_interval_at_the_edges() -> None:
    low, high = difference_interval(0, 0, 10_000)
    assert -low == high
    assert 0 < high < 0.0005  # not 0: models alike on these images may differ on the next
    assert difference_interval(100, 0, 100)[1] == 1
    assert difference_interval(0, 1, 1)[0] == -1
    wide, narrow = difference_interval(12, 4, 1000), difference_interval(120, 40, 10_000)
    assert wide[1] - wide[0] > narrow[1] - narrow[0]


def test_exact_intervals_are_scipys() -> None:
    for successes, trials in ((0, 5), (5, 5), (3, 12), (40, 61), (1, 10_000)):
        expected = binomtest(successes, trials).proportion_ci(0.95, "exact")
        found = clopper_pearson_interval(successes, trials)
        assert found == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_verdict_where_one_is_better() -> None:
    text = compared(9000, 120, 40, 30).verdict("CNN", "MLP")
    assert text.startswith(
        "CNN is significantly better on these 9,190 test images: only CNN is right on 120, only "
        "MLP on 40 (p < 0.001; "
    )
    assert "difference +0.87 points, 95 % interval +0." in text
    assert text.endswith(").")
    assert "\n" not in text


def test_verdict_names_the_better_one_first() -> None:
    worse = compared(9000, 40, 120, 30).verdict("MLP", "CNN")
    assert worse.startswith("CNN is significantly better")
    assert "+0.87 points" in worse
    numbers = worse[worse.index("interval ") + len("interval ") : -2].split(" to ")
    low, high = (float(number) for number in numbers)
    assert 0 < low < 0.87 < high


def test_verdict_without_a_significant_difference() -> None:
    assert compared(9900, 30, 25, 45).verdict("CNN", "MLP") == (
        "No significant difference between CNN and MLP on these 10,000 test images (p = 0.59; "
        "difference +0.05 points, 95 % interval -0.11 to +0.21)."
    )
    alike = compared(3, 0, 0, 0).verdict("CNN", "MLP")
    assert "on these 3 test images (p = 1.00; difference 0.00 points" in alike


def test_verdict_at_the_edges() -> None:
    tiny = replace(compared(9000, 40, 20, 0), p_value=0.0)
    assert "(p < 0.001;" in tiny.verdict("A", "B")
    assert "(p < 0.001;" in replace(tiny, p_value=3.2e-5).verdict("A", "B")
    assert "p = 0.032" in replace(tiny, p_value=0.032).verdict("A", "B")
    assert "significantly" not in replace(tiny, p_value=0.05).verdict("A", "B")


def test_rounding_never_contradicts_the_verdict() -> None:
    """What a sentence shows, read back, leads to the same verdict."""
    for a in range(200):
        for b in range(a + 1):
            c = Comparison(
                9000, a, b, 0, mcnemar_p_value(a, b), (a - b) / 9e3, difference_interval(a, b, 9000)
            )
            text = c.verdict("A", "B")
            found = re.search(r"p [=<] ([\d.]+); .* interval (\S+) to ([^)]+)\)", text)
            assert found is not None, text
            p, low, high = (float(number) for number in found.groups())
            assert (p < 0.05) == ("significantly" in text) == (low > 0 or high < 0), text
    for p in (0.04996, 0.0499999, 0.0500001, 0.05004):
        shown = float(re.findall(r"[\d.]+", p_text(p))[0])
        assert (shown < 0.05) == (p < 0.05)


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
