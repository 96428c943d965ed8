"""Two settings trained with several seeds: what holds of the settings, not of two networks.

McNemar's test asks whether these two trained networks differ on digits like these. Another seed
gives another network, a few hundredths of a point better or worse, so that test says nothing about
training again. Here a run is one observation: its accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.metrics.student import t_quantile

_LEVEL = 0.05
_MOST_WAYS = 200_000  # relabelings that are all tried, in 0.2 s; ten seeds each have 184,756
_AT_A_TIME = 20_000
_ROUNDING = 1e-12  # accuracies of 10,000 images differ by 1e-4 or not at all


@dataclass(frozen=True)
class SeedSummary:
    """Accuracies of runs that differ in nothing but the seed, as shares, 0 to 1."""

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
    """Mean accuracy of A less that of B, -1 to 1."""
    difference_ci: tuple[float, float] | None
    """Its 95 % interval after Welch; None with fewer than two runs of either."""
    p_value: float
    """Two-sided, of a permutation test: how likely so large a difference of the means would be,
    had the runs been told A or B by chance. 1 for one run each."""
    a_ahead: float
    """Share of the pairs of one run of each in which A is the more accurate, ties counted half."""

    def verdict(self, name_a: str, name_b: str) -> str:
        """For people: whether training again, with other seeds, would give the better one again."""
        if self.difference < 0:
            return _swapped(self).verdict(name_b, name_a)
        again = f"training again, with other seeds, would put {name_a} before {name_b}"
        if _least_p(self.a.n, self.b.n) >= _LEVEL:
            return f"{_seeds(self)}: no telling whether {again}; train four seeds or more of each."
        p = _p_text(self.p_value)
        if self.p_value >= _LEVEL:
            return f"{_seeds(self)}: no telling whether {again} ({p}{self._interval()})."
        return (
            f"{_seeds(self)}: {again} on average ({p}{self._interval()}), and {name_a} is ahead in "
            f"{_percent(self.a_ahead)} of one run each."
        )

    def _interval(self) -> str:
        points = f"; {100 * self.difference:+.2f} points"
        if self.difference_ci is None:
            return points
        low, high = self.difference_ci
        return f"{points}, 95 % interval {100 * low:+.2f} to {100 * high:+.2f}"

    def to_dict(self, name_a: str, name_b: str) -> dict[str, Any]:
        """The same as plain lists and numbers, with the verdict, ready for JSON (nan as None)."""
        plain = asdict(self)
        for side in ("a", "b"):
            plain[side]["std"] = None if plain[side]["n"] < 2 else plain[side]["std"]
        interval = None if self.difference_ci is None else list(self.difference_ci)
        return {**plain, "difference_ci": interval, "verdict": self.verdict(name_a, name_b)}


def summarise(accuracies: Sequence[float]) -> SeedSummary:
    """Mean, spread and range of the accuracies (0 to 1) of at least one run, else ValueError."""
    values = np.asarray(accuracies, np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError("Give the accuracy of at least one run.")
    return SeedSummary(
        n=len(values),
        mean=float(values.mean()),
        std=float(values.std(ddof=1)) if len(values) > 1 else math.nan,
        minimum=float(values.min()),
        maximum=float(values.max()),
    )


def compare_seeds(accuracies_a: Sequence[float], accuracies_b: Sequence[float]) -> SeedComparison:
    """Compare two settings by the accuracies of their runs.

    The runs are not paired by seed: in networks of two shapes the same seed gives weights that
    have nothing to do with each other, and pairs would only take freedom from the test (with five
    seeds, signs within pairs give no p below 0.06, relabelings of all runs one of 0.008).

    Parameters
    ----------
    accuracies_a, accuracies_b : at least one each, 0 to 1
        On the same test images; the numbers of runs may differ.

    Raises
    ------
    ValueError
        When either has no run.
    """
    a, b = summarise(accuracies_a), summarise(accuracies_b)
    x, y = np.asarray(accuracies_a, np.float64), np.asarray(accuracies_b, np.float64)
    lead = x[:, None] - y
    ahead = (lead > _ROUNDING).mean() + (np.abs(lead) <= _ROUNDING).mean() / 2
    return SeedComparison(
        a=a,
        b=b,
        difference=a.mean - b.mean,
        difference_ci=welch_interval(a, b),
        p_value=permutation_p_value(x, y),
        a_ahead=float(ahead),
    )


def welch_interval(a: SeedSummary, b: SeedSummary) -> tuple[float, float] | None:
    """95 % interval of the difference of two means whose spreads may differ (Welch 1947).

    None with fewer than two values on either side; without any spread, the difference itself.
    """
    if min(a.n, b.n) < 2:
        return None
    difference = a.mean - b.mean
    of_a, of_b = a.std**2 / a.n, b.std**2 / b.n
    if of_a + of_b == 0:
        return difference, difference
    freedom = (of_a + of_b) ** 2 / (of_a**2 / (a.n - 1) + of_b**2 / (b.n - 1))
    half = t_quantile(1 - _LEVEL / 2, freedom) * math.sqrt(of_a + of_b)
    return difference - half, difference + half


def permutation_p_value(x: NDArray[np.float64], y: NDArray[np.float64], seed: int = 0) -> float:
    """Two-sided p-value of the difference of two means, by relabeling all values (Fisher 1935).

    Exact, over all relabelings, up to 200,000 of them. Beyond that over as many random ones, the
    labels as they are counted among them (Phipson and Smyth 2010), so that it is never 0.
    """
    values = np.concatenate([x, y])
    found = abs(x.mean() - y.mean()) - _ROUNDING
    ways = math.comb(len(values), len(x))
    exact = ways <= _MOST_WAYS
    total = values.sum()
    hits = 0
    for sums in _all_sums(values, len(x)) if exact else _random_sums(values, len(x), seed):
        hits += int((np.abs(sums / len(x) - (total - sums) / len(y)) >= found).sum())
    return hits / ways if exact else (hits + 1) / (_MOST_WAYS + 1)


def _all_sums(values: NDArray[np.float64], chosen: int) -> Iterator[NDArray[np.float64]]:
    """Sums of all ways to choose so many of the values."""
    every = chain.from_iterable(combinations(range(len(values)), chosen))
    rows = np.fromiter(every, np.int32).reshape(-1, chosen)
    for start in range(0, len(rows), _AT_A_TIME):
        yield values[rows[start : start + _AT_A_TIME]].sum(axis=1)


def _random_sums(
    values: NDArray[np.float64], chosen: int, seed: int
) -> Iterator[NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    for _ in range(_MOST_WAYS // _AT_A_TIME):
        keys = rng.random((_AT_A_TIME, len(values)))
        yield values[np.argpartition(keys, chosen - 1, axis=1)[:, :chosen]].sum(axis=1)


def _least_p(runs_a: int, runs_b: int) -> float:
    """The smallest p-value that so many runs can give.

    With as many of each, swapping all labels gives the same difference, so it counts twice.
    """
    return (2 if runs_a == runs_b else 1) / math.comb(runs_a + runs_b, runs_a)


def _swapped(c: SeedComparison) -> SeedComparison:
    interval = c.difference_ci and (-c.difference_ci[1], -c.difference_ci[0])
    return replace(
        c,
        a=c.b,
        b=c.a,
        difference=-c.difference,
        difference_ci=interval,
        a_ahead=1 - c.a_ahead,
    )


def _seeds(c: SeedComparison) -> str:
    if c.a.n == c.b.n:
        return "One seed each" if c.a.n == 1 else f"{c.a.n} seeds each"
    return f"{c.a.n} and {c.b.n} seeds"


def _p_text(p: float) -> str:
    return f"p = {p:.0e}" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def _percent(share: float) -> str:
    # Rounding must not turn "nearly all" into all.
    return "every pair" if share == 1 else f"{math.floor(100 * share)} % of the pairs"
