"""Two settings trained with several seeds each: is one better, or was it luck?

McNemar's test on two trained models asks whether these two differ on digits like the test images.
It says nothing about training again. Here the seeds are the sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

_LEVEL = 0.05
_MOST_EXACT = 200_000  # relabellings that are tried one by one: ten seeds each have 184,756
_DRAWN = 100_000  # of more
_ENOUGH = 4  # seeds each: with fewer, no split of them is rarer than 1 in 20


@dataclass(frozen=True)
class SeedSummary:
    """Accuracies of one setting over its seeds, shares from 0 to 1."""

    n: int
    mean: float
    std: float
    """Standard deviation of the sample (n - 1); NaN for one seed."""
    minimum: float
    maximum: float


@dataclass(frozen=True)
class SeedComparison:
    """Two settings, A and B, over their seeds."""

    a: SeedSummary
    b: SeedSummary
    difference: float
    """Mean accuracy of A less that of B."""
    difference_ci: tuple[float, float] | None
    """Its 95 % interval (Welch 1947); None where a side has one seed."""
    p_value: float
    """Of the two-sided permutation test (Fisher, Pitman): how often the same accuracies, dealt
    to A and B at random, are at least as far apart."""

    def verdict(self, name_a: str, name_b: str) -> str:
        """One or two sentences for people: would training again give the better model again?"""
        counts = f"{self.a.n} and {self.b.n} seeds"
        means = f"{self.a.mean:.2%} and {self.b.mean:.2%} on average".replace("%", " %")
        if self.p_value >= _LEVEL:
            few = min(self.a.n, self.b.n) < _ENOUGH
            more = f" {_ENOUGH} seeds of each or more could tell." if few else ""
            return (
                f"Over {counts}, {name_a} and {name_b} cannot be told apart ({means}; "
                f"p = {self.p_value:.2g}).{more}"
            )
        better = name_a if self.difference > 0 else name_b
        interval = ""
        if self.difference_ci is not None:
            low, high = self.difference_ci
            interval = f", 95 % interval {100 * low:+.2f} to {100 * high:+.2f}"
        return (
            f"Over {counts}, {better} is better when trained again ({means}; "
            f"{name_a} less {name_b}: {100 * self.difference:+.2f} points{interval}; "
            f"p = {self.p_value:.2g})."
        )

    def to_dict(self, name_a: str, name_b: str) -> dict[str, Any]:
        """The same as plain dictionaries and numbers, with the verdict, ready for JSON."""
        interval = None if self.difference_ci is None else list(self.difference_ci)
        return {
            **asdict(self),
            "difference_ci": interval,
            "verdict": self.verdict(name_a, name_b),
        }


def summarise(accuracies: Sequence[float]) -> SeedSummary:
    """Mean and spread of at least one accuracy."""
    values = np.asarray(accuracies, np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError("Give the accuracies of at least one seed.")
    std = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return SeedSummary(
        len(values), float(values.mean()), std, float(values.min()), float(values.max())
    )


def compare_seeds(accuracies_a: Sequence[float], accuracies_b: Sequence[float]) -> SeedComparison:
    """Compare the accuracies of two settings, one value for each seed.

    The seeds of both are taken as independent: the same number starts two different networks in
    two different places, so there is nothing to pair.
    """
    a, b = summarise(accuracies_a), summarise(accuracies_b)
    return SeedComparison(
        a,
        b,
        a.mean - b.mean,
        welch_interval(a, b),
        permutation_p_value(accuracies_a, accuracies_b),
    )


def permutation_p_value(a: Sequence[float], b: Sequence[float]) -> float:
    """Exact two-sided p-value of the difference of means; drawn at random where that takes long."""
    values = np.array([*a, *b], np.float64)
    n, k = len(values), len(a)
    observed = abs(float(np.mean(a)) - float(np.mean(b)))
    if math.comb(n, k) <= _MOST_EXACT:
        chosen = np.array(list(combinations(range(n), k)))
        sums = values[chosen].sum(axis=1)
        extra = 0
    else:
        rng = np.random.default_rng(0)
        order = rng.permuted(np.tile(values, (_DRAWN, 1)), axis=1)
        sums = order[:, :k].sum(axis=1)
        extra = 1  # the labelling that was seen counts among the drawn ones
    differences = np.abs(sums / k - (values.sum() - sums) / (n - k))
    # Sums in another order differ in the last digit; such ties count as at least as far.
    as_far = int((differences >= observed - 1e-12).sum())
    return (as_far + extra) / (len(sums) + extra)


def welch_interval(a: SeedSummary, b: SeedSummary) -> tuple[float, float] | None:
    """95 % interval of the difference of two means with unequal variances (Welch 1947)."""
    if min(a.n, b.n) < 2:
        return None
    parts = a.std**2 / a.n, b.std**2 / b.n
    error = math.sqrt(sum(parts))
    difference = a.mean - b.mean
    if error == 0:
        return difference, difference
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (a.n - 1) + parts[1] ** 2 / (b.n - 1))
    half = t_quantile(0.975, freedom) * error
    return difference - half, difference + half


def t_quantile(p: float, freedom: float) -> float:
    """The p-quantile of Student's t with any number of degrees of freedom, 0.5 <= p < 1.

    By bisection of its distribution function; SciPy's would cost the page's kernel 80 MB.
    """
    low, high = 0.0, 1.0
    while _t_cdf(high, freedom) < p:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if _t_cdf(middle, freedom) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _t_cdf(t: float, freedom: float) -> float:
    x = freedom / (freedom + t * t)
    return 1 - _incomplete_beta(freedom / 2, 0.5, x) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (DLMF 8.17.22)."""
    if x in (0.0, 1.0):
        return x
    if x > (a + 1) / (a + b + 2):  # where the fraction of the other tail converges faster
        return 1 - _incomplete_beta(b, a, 1 - x)
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    fraction = 0.0
    for m in range(400, 0, -1):  # from the inside out; far more terms than 1e-16 needs
        half = m // 2
        if m % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        fraction = term / (1 + fraction)
    return math.exp(log_front) / (a * (1 + fraction))
