"""Runs with several seeds: figures against SciPy's, and the sentence made from them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

import mnistlab
from mnistlab.metrics.seed_comparison import compare_seeds, summarise, welch_test

CNN = [0.9933, 0.9941, 0.9937, 0.9930, 0.9939]
MLP = [0.9820, 0.9811, 0.9835, 0.9829, 0.9818]
# Student's sleep data (Biometrika 1908, as in R's `sleep`), moved and shrunk to be accuracies.
SLEEP = (
    [(x + 2) / 10 for x in (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0)],
    [(x + 2) / 10 for x in (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4)],
)


def test_summary() -> None:
    found = summarise(CNN)
    assert found.n == 5
    assert found.mean == pytest.approx(np.mean(CNN))
    assert found.std == pytest.approx(np.std(CNN, ddof=1))
    assert (found.minimum, found.maximum) == (0.9930, 0.9941)
    assert math.isnan(summarise([0.99]).std)


@pytest.mark.parametrize("pair", [(CNN, MLP), (CNN[:3], MLP), SLEEP], ids=["five", "3:5", "sleep"])
def test_welch_is_scipys_with_whole_degrees_of_freedom(
    pair: tuple[list[float], list[float]],
) -> None:
    scipys = stats.ttest_ind(*pair, equal_var=False)
    df = math.floor(scipys.df)
    p_value, interval = welch_test(*map(summarise, pair))
    assert p_value == pytest.approx(2 * stats.t.sf(abs(scipys.statistic), df), rel=1e-9)
    half = (np.mean(pair[0]) - np.mean(pair[1])) / scipys.statistic * stats.t.ppf(0.975, df)
    difference = np.mean(pair[0]) - np.mean(pair[1])
    assert interval == pytest.approx((difference - half, difference + half), rel=1e-9)


@pytest.mark.parametrize("spreads", [(1, 1), (1, 3), (10, 1)], ids=["1:1", "1:3", "10:1"])
@pytest.mark.parametrize("runs", [(3, 3), (3, 10), (10, 3), (5, 5), (10, 10)], ids=str)
def test_equal_settings_are_called_different_in_7_percent_at_most(
    runs: tuple[int, int], spreads: tuple[int, int]
) -> None:
    rng = np.random.default_rng(7)
    rejected = sum(
        compare_seeds(
            rng.normal(0.98, 1e-3 * spreads[0], runs[0]).tolist(),
            rng.normal(0.98, 1e-3 * spreads[1], runs[1]).tolist(),
        ).p_value
        < 0.05
        for _ in range(4000)
    )
    assert rejected / 4000 <= 0.07


def test_the_interval_excludes_0_exactly_where_the_test_rejects() -> None:
    rng = np.random.default_rng(3)
    for _ in range(2000):
        runs, spread = rng.integers(3, 11, 2), rng.choice([0.1, 1, 3])
        x, y = rng.normal(0, 1, runs[0]), rng.normal(1, spread, runs[1])
        c = compare_seeds(0.5 + x / 100, 0.5 + y / 100)
        assert c.difference_ci is not None
        low, high = c.difference_ci
        assert low <= c.difference <= high
        assert (c.p_value < 0.05) == (low > 0 or high < 0)


def test_comparison() -> None:
    found = mnistlab.compare_seeds(CNN, MLP)
    assert found.a == summarise(CNN)
    assert found.b == summarise(MLP)
    assert found.difference == pytest.approx(np.mean(CNN) - np.mean(MLP))
    assert found.p_value < 1e-4
    assert found.a_ahead == 1
    # Of four pairs A is ahead in two and level in one.
    assert compare_seeds([0.9, 0.8], [0.8, 0.7]).a_ahead == pytest.approx(3.5 / 4)
    assert compare_seeds([0.9, 0.7], [0.8, 0.7]).a_ahead == pytest.approx(2.5 / 4)


def test_verdict_where_one_is_better() -> None:
    expected = (
        "CNN and MLP trained with several seeds (5 each): CNN is significantly better on average "
        "(p < 0.001; difference +1.13 points, 95 % interval +1.01 to +1.25) "
        "and is ahead in every pair of runs."
    )
    assert compare_seeds(CNN, MLP).verdict("CNN", "MLP") == expected
    assert compare_seeds(MLP, CNN).verdict("MLP", "CNN") == expected


def test_better_on_average_is_not_better_every_time() -> None:
    rng = np.random.default_rng(1)
    a, b = (rng.normal(mean, 0.01, 10).tolist() for mean in (0.98, 0.965))
    text = compare_seeds(a, b).verdict("A", "B")
    assert "A is significantly better on average" in text
    assert "% of the pairs of runs." in text


def test_verdict_without_a_significant_difference() -> None:
    text = compare_seeds(CNN, [x + 1e-4 for x in CNN]).verdict("CNN", "MLP")
    assert text == (
        "MLP and CNN trained with several seeds (5 each): no significant difference in mean "
        "accuracy (p = 0.73; difference +0.01 points, 95 % interval -0.06 to +0.08)."
    )


@pytest.mark.parametrize("runs", [(1, 1), (2, 2), (1, 20), (2, 10), (10, 2)], ids=str)
def test_fewer_than_three_runs_are_too_few(runs: tuple[int, int]) -> None:
    a, b = np.linspace(0.98, 0.99, runs[0]).tolist(), np.linspace(0.7, 0.71, runs[1]).tolist()
    found = compare_seeds(a, b)
    assert math.isnan(found.p_value)
    assert found.difference_ci is None
    text = found.verdict("CNN", "MLP")
    assert "too few runs" in text
    assert "at least 3 seeds" in text


@pytest.mark.parametrize(
    "odd",
    [[], [math.nan] * 3, [0.9, None, 0.8], [math.inf, 0.2], 0.9, None, [[0.9], [0.8]], {0.9},
     {"a": 0.9}, ["high"], iter([0.9])],
    ids=["none", "nan", "a gap", "infinite", "a number", "nothing", "rows", "a set", "a dict",
         "text", "an iterator"],
)  # fmt: skip
def test_anything_but_numbers_is_refused(odd: object) -> None:
    for pair in ((odd, CNN), (CNN, odd)):
        with pytest.raises(ValueError, match="from 0 to 1"):
            compare_seeds(*pair)


def test_three_runs_of_each_can_tell() -> None:
    assert "CNN is significantly better" in compare_seeds(CNN[:3], MLP[:3]).verdict("CNN", "MLP")


@pytest.mark.parametrize("accuracies", [([0.75] * 3, [0.5] * 3), ([0.1] * 3, [0.1] * 4)], ids=str)
def test_runs_without_any_spread_are_not_judged(
    accuracies: tuple[list[float], list[float]],
) -> None:
    found = compare_seeds(*accuracies)
    assert math.isnan(found.p_value)
    assert "no spread" in found.verdict("A", "B")


def test_one_side_without_spread_is_judged_by_the_other() -> None:
    found = compare_seeds([0.99] * 3, MLP)
    assert found.p_value == pytest.approx(stats.ttest_1samp(MLP, 0.99).pvalue)


def test_a_comparison_survives_json() -> None:
    for runs in (1, 5):
        found = compare_seeds(CNN[:runs], MLP[:runs])
        plain = json.loads(json.dumps(found.to_dict("CNN", "MLP"), allow_nan=False))
        assert plain["a"]["mean"] == found.a.mean
        assert plain["a"]["std"] == (None if runs == 1 else found.a.std)
        assert plain["p_value"] == (None if runs == 1 else found.p_value)
        assert plain["difference_ci"] == (None if runs == 1 else list(found.difference_ci or ()))
        assert plain["verdict"] == found.verdict("CNN", "MLP")
