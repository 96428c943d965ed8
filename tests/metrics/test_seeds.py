"""Runs with several seeds: figures against SciPy's, and the sentence made from them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import special, stats

from mnistlab.metrics.seeds import compare_seeds, permutation_p_value, summarise, welch_interval
from mnistlab.metrics.student import incomplete_beta, t_quantile, t_tail

CNN = [0.9933, 0.9941, 0.9937, 0.9930, 0.9939]
MLP = [0.9820, 0.9811, 0.9835, 0.9829, 0.9818]
# Student's sleep data (Biometrika 1908, as in R's `sleep`): R's t.test, which is Welch's by
# default, gives t = -1.8608, df = 17.776, interval -3.3654832 to 0.2054832.
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)


def test_summary() -> None:
    found = summarise(CNN)
    assert found.n == 5
    assert found.mean == pytest.approx(np.mean(CNN))
    assert found.std == pytest.approx(np.std(CNN, ddof=1))
    assert (found.minimum, found.maximum) == (0.9930, 0.9941)
    assert math.isnan(summarise([0.99]).std)
    with pytest.raises(ValueError, match="at least one run"):
        summarise([])


@pytest.mark.parametrize("share", [0.001, 0.025, 0.5, 0.6, 0.9, 0.975, 0.9999])
@pytest.mark.parametrize("freedom", [0.5, 1, 1.5, 2, 3.7, 8, 17.776, 100, 10_000])
def test_quantiles_of_students_t_are_scipys(share: float, freedom: float) -> None:
    expected = stats.t.ppf(share, freedom)
    assert t_quantile(share, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert t_tail(2.0, freedom) == pytest.approx(stats.t.sf(2.0, freedom), rel=1e-9)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1, 3), (4, 0.5), (60, 2.5)])
@pytest.mark.parametrize("x", [0.0, 1e-9, 0.2, 0.5, 0.97, 1.0])
def test_incomplete_beta_is_scipys(a: float, b: float, x: float) -> None:
    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-9)


@pytest.mark.parametrize(("share", "freedom"), [(0, 3), (1, 3), (0.5, 0), (0.5, float("nan"))])
def test_a_quantile_out_of_range_is_refused(share: float, freedom: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        t_quantile(share, freedom)


def test_welchs_interval_is_scipys_and_that_of_a_published_example() -> None:
    for a, b in ((CNN, MLP), (CNN[:2], MLP), SLEEP):
        expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
        found = welch_interval(summarise(a), summarise(b))
        assert found == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert welch_interval(*map(summarise, SLEEP)) == pytest.approx(
        (-3.3654832, 0.2054832), abs=5e-8
    )
    assert welch_interval(summarise([0.5]), summarise(MLP)) is None
    assert welch_interval(summarise([0.75] * 3), summarise([0.5] * 3)) == (0.25, 0.25)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (CNN, MLP),
        (CNN[:3], MLP),
        (CNN, [x + 1e-4 for x in CNN[:4]]),
        (SLEEP[0][:6], SLEEP[1][:6]),
    ],
    ids=["apart", "unequal", "ties", "sleep"],
)
def test_permutation_p_value_is_scipys(a: list[float], b: list[float]) -> None:
    """Of the size of the difference: SciPy's "two-sided" doubles the smaller tail instead."""
    expected = stats.permutation_test(
        (a, b), lambda x, y: abs(np.mean(x) - np.mean(y)), alternative="greater", n_resamples=np.inf
    )
    found = permutation_p_value(np.array(a), np.array(b))
    assert found == pytest.approx(expected.pvalue, abs=1e-9)
    assert permutation_p_value(np.array(b), np.array(a)) == pytest.approx(found)


def test_permutation_p_values_by_hand() -> None:
    # Clean splits: of 252, 20 and 4 relabelings two each are as far apart.
    assert permutation_p_value(np.array(CNN), np.array(MLP)) == 2 / 252
    assert permutation_p_value(np.array(CNN[:3]), np.array(MLP[:3])) == 2 / 20
    assert permutation_p_value(np.array(CNN[:1]), np.array(MLP[:1])) == 1
    # Three and four: the other split of the same kind does not exist.
    assert permutation_p_value(np.array(CNN[:3]), np.array(MLP[:4])) == 1 / 35


def test_many_runs_are_relabelled_at_random_and_repeatably() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.1, 1, 15), rng.normal(0.5, 1, 15)
    found = permutation_p_value(a, b)
    assert permutation_p_value(a, b) == found
    assert found == pytest.approx(stats.ttest_ind(a, b).pvalue, abs=0.02)
    apart = permutation_p_value(a, b + 100)
    assert 0 < apart < 1e-4


def test_comparison() -> None:
    found = compare_seeds(CNN, MLP)
    assert found.a == summarise(CNN)
    assert found.b == summarise(MLP)
    assert found.difference == pytest.approx(np.mean(CNN) - np.mean(MLP))
    assert found.p_value == 2 / 252
    assert found.a_ahead == 1
    # Of four pairs A is ahead in two and level in one.
    assert compare_seeds([0.9, 0.8], [0.8, 0.7]).a_ahead == pytest.approx(3.5 / 4)
    assert compare_seeds([0.9, 0.7], [0.8, 0.7]).a_ahead == pytest.approx(2.5 / 4)


def test_verdict_where_one_is_better() -> None:
    expected = (
        "5 seeds each: training again, with other seeds, would put CNN before MLP on average "
        "(p = 0.008; +1.13 points, 95 % interval +1.02 to +1.25), "
        "and CNN is ahead in every pair of one run each."
    )
    assert compare_seeds(CNN, MLP).verdict("CNN", "MLP") == expected
    assert compare_seeds(MLP, CNN).verdict("MLP", "CNN") == expected


def test_better_on_average_is_not_better_every_time() -> None:
    rng = np.random.default_rng(1)
    text = compare_seeds(rng.normal(0.98, 0.01, 10), rng.normal(0.965, 0.01, 10)).verdict("A", "B")
    assert "would put A before B on average" in text
    assert "% of the pairs of one run each." in text


def test_verdict_where_nobody_can_tell() -> None:
    text = compare_seeds(CNN, [x + 1e-4 for x in CNN]).verdict("CNN", "MLP")
    assert text == (
        "5 seeds each: no telling whether training again, with other seeds, would put MLP before "
        "CNN (p = 0.75; +0.01 points, 95 % interval -0.06 to +0.08)."
    )


@pytest.mark.parametrize(("runs", "says"), [(1, "One seed each"), (2, "2 seeds"), (3, "3 seeds")])
def test_too_few_seeds_can_never_tell(runs: int, says: str) -> None:
    found = compare_seeds(CNN[:runs], MLP[:runs])
    assert found.p_value >= 0.1
    text = found.verdict("CNN", "MLP")
    assert text.startswith(says)
    assert "no telling" in text
    assert text.endswith("train four seeds or more of each.")
    assert "would put CNN before MLP on average" in compare_seeds(CNN[:4], MLP[:4]).verdict(
        "CNN", "MLP"
    )


def test_a_comparison_survives_json() -> None:
    for runs in (1, 5):
        found = compare_seeds(CNN[:runs], MLP[:runs])
        plain = json.loads(json.dumps(found.to_dict("CNN", "MLP"), allow_nan=False))
        assert plain["a"]["mean"] == found.a.mean
        assert plain["a"]["std"] == (None if runs == 1 else found.a.std)
        assert plain["difference_ci"] == (None if runs == 1 else list(found.difference_ci or ()))
        assert plain["verdict"] == found.verdict("CNN", "MLP")
