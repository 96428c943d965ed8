"""Comparing two settings that were each trained with several seeds.

McNemar's test asks whether two trained networks differ. Another seed gives another network, a few
hundredths of a point better or worse, so that test says nothing about training again. Here each run
is one observation: its accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mnistlab.metrics.comparison import LEVEL, figures_text

LEAST_RUNS = 3
"""Runs of each setting that a test needs: two hardly show a spread."""
_ROUNDING = 1e-12  # accuracies of 10,000 images differ by 1e-4 or not at all


@dataclass(frozen=True)
class SeedSummary:
    """Accuracies of runs that differ in nothing but the seed, 0 to 1."""

    n: int
    """Runs."""
    mean: float
    std: float
    """Standard deviation of the runs (n - 1 in the denominator); nan for a single one."""
    minimum: float
    maximum: float


@dataclass(frozen=True)
class SeedComparison:
    """Two settings, A and B, each trained with several seeds."""

    a: SeedSummary
    b: SeedSummary
    difference: float
    """Mean accuracy of A minus that of B, -1 to 1."""
    difference_ci: tuple[float, float] | None
    """Its 95 % interval; it excludes 0 exactly where `p_value` is below 0.05. None where that is
    nan."""
    p_value: float
    """Two-sided, of Welch's test; nan with fewer than three runs of either or with no spread."""
    a_ahead: float
    """Fraction of the pairs of one run of each in which A is the more accurate, ties counted
    half."""

    def verdict(self, name_a: str, name_b: str) -> str:
        """Return a sentence: whether the better setting would win again with other seeds."""
        sides = [(self.a, name_a), (self.b, name_b)]
        (best, better), (rest, other) = sorted(sides, key=lambda side: -side[0].mean)
        runs = f"{best.n} and {rest.n} runs" if best.n != rest.n else f"{best.n} each"
        runs = f"{better} and {other} trained with several seeds ({runs})"
        if min(self.a.n, self.b.n) < LEAST_RUNS:
            return (
                f"{runs}: too few runs to tell which is better when trained again. Train each "
                f"with at least {LEAST_RUNS} seeds."
            )
        if self.difference_ci is None:
            return (
                f"{runs}: the runs of each are equally accurate, so there is no spread to judge a "
                "difference by. Check that their seeds differ, or test on more images."
            )
        figures = figures_text(self.p_value, self.difference, self.difference_ci)
        if self.p_value >= LEVEL:
            return f"{runs}: no significant difference in mean accuracy ({figures})."
        ahead = self.a_ahead if best is self.a else 1 - self.a_ahead
        return (
            f"{runs}: {better} is significantly better on average ({figures}) and is ahead in "
            f"{_percent(ahead)}."
        )

    def to_dict(self, name_a: str, name_b: str) -> dict[str, Any]:
        """Return plain lists and numbers, with the verdict, ready for JSON (nan as None)."""
        plain = asdict(self)
        for side in ("a", "b"):
            plain[side]["std"] = None if plain[side]["n"] < 2 else plain[side]["std"]
        return {
            **plain,
            "difference_ci": None if self.difference_ci is None else list(self.difference_ci),
            "p_value": None if math.isnan(self.p_value) else self.p_value,
            "verdict": self.verdict(name_a, name_b),
        }


def summarise(accuracies: Sequence[float]) -> SeedSummary:
    """Summarise the accuracies (0 to 1) of at least one run; ValueError without one."""
    try:
        values = np.asarray(accuracies, np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError("Give a list of accuracies from 0 to 1, one for each run, at least one.")
    return SeedSummary(
        n=len(values),
        mean=float(values.mean()),
        std=float(values.std(ddof=1)) if len(values) > 1 else math.nan,
        minimum=float(values.min()),
        maximum=float(values.max()),
    )


def compare_seeds(accuracies_a: Sequence[float], accuracies_b: Sequence[float]) -> SeedComparison:
    """Compare two settings by the accuracies of their runs, with Welch's t-test.

    The runs are not paired by seed: in different networks, the same seed gives unrelated weights,
    and pairs would only cost the test degrees of freedom.

    Parameters
    ----------
    accuracies_a, accuracies_b : sequences of float, 0 to 1
        At least one each, on the same test images; the numbers of runs may differ. A test needs
        three of each.

    Raises
    ------
    ValueError
        When either has no run, or an accuracy is not a number.
    """
    a, b = summarise(accuracies_a), summarise(accuracies_b)
    x, y = np.asarray(accuracies_a, np.float64), np.asarray(accuracies_b, np.float64)
    lead = x[:, None] - y
    ahead = (lead > _ROUNDING).mean() + (np.abs(lead) <= _ROUNDING).mean() / 2
    p_value, interval = welch_test(a, b)
    return SeedComparison(a, b, a.mean - b.mean, interval, p_value, float(ahead))


def welch_test(a: SeedSummary, b: SeedSummary) -> tuple[float, tuple[float, float] | None]:
    """Welch's test (1947) of two means whose spreads may differ: p-value and 95 % interval.

    They are nan and None with fewer than `LEAST_RUNS` of either, or where neither has any spread.
    The degrees of freedom are rounded down to a whole number, as in tables of t. With few runs the
    formula overestimates them: unrounded, 3 against 10 runs give up to 7.2 % false positives at 5
    %, rounded at most 6.4 % (400,000 simulations of each of 8 ratios of the spreads).
    """
    if min(a.n, b.n) < LEAST_RUNS or max(a.std, b.std) < _ROUNDING:
        return math.nan, None
    from scipy.special import stdtr, stdtrit  # 21 MB that only a verdict over seeds needs

    of_a, of_b = a.std**2 / a.n, b.std**2 / b.n
    df = math.floor((of_a + of_b) ** 2 / (of_a**2 / (a.n - 1) + of_b**2 / (b.n - 1)) + _ROUNDING)
    error = math.sqrt(of_a + of_b)
    difference = a.mean - b.mean
    half = float(stdtrit(df, 1 - LEVEL / 2)) * error
    return 2 * float(stdtr(df, -abs(difference) / error)), (difference - half, difference + half)


def _percent(fraction: float) -> str:
    # Rounding must not turn "nearly all" into all.
    if fraction == 1:
        return "every pair of runs"
    return f"{math.floor(100 * fraction)} % of the pairs of runs"
