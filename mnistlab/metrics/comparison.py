"""Whether one model is better than another on the same images."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import ArrayLike

from mnistlab.metrics.scores import checked

LEVEL = 0.05
"""A difference is called significant where the p-value is below this."""
_MOST_DECIMALS = 8


@dataclass(frozen=True)
class Comparison:
    """Paired answers of two models, A and B, in numbers of images."""

    both_right: int
    only_a: int
    """Right by A, wrong by B."""
    only_b: int
    neither: int
    p_value: float
    """Two-sided, of McNemar's exact test: how likely a split of the discordant images (those that
    only one model classifies correctly) at least as uneven is if both models are equally good."""
    difference: float
    """Accuracy of A minus that of B, -1 to 1."""
    difference_ci: tuple[float, float]
    """Its 95 % interval; it excludes 0 exactly where `p_value` is below 0.05."""

    @property
    def n(self) -> int:
        """Images."""
        return self.both_right + self.only_a + self.only_b + self.neither

    def verdict(self, name_a: str, name_b: str) -> str:
        """Return a sentence: which model is better, or that no difference is significant."""
        sides = [(self.only_a, name_a), (self.only_b, name_b)]
        (most, better), (fewest, other) = sorted(sides, key=lambda side: -side[0])
        images = "this test image" if self.n == 1 else f"these {self.n:,} test images"
        figures = figures_text(self.p_value, self.difference, self.difference_ci)
        if self.p_value >= LEVEL:
            return (
                f"No significant difference between {better} and {other} on {images} ({figures})."
            )
        return (
            f"{better} is significantly better on {images}: only {better} is right on {most:,}, "
            f"only {other} on {fewest:,} ({figures})."
        )

    def to_dict(self, name_a: str, name_b: str) -> dict[str, Any]:
        """Return plain lists and numbers, with the verdict, ready for JSON."""
        return {
            **asdict(self),
            "difference_ci": list(self.difference_ci),
            "verdict": self.verdict(name_a, name_b),
        }


def compare_predictions(y_true: ArrayLike, proba_a: ArrayLike, proba_b: ArrayLike) -> Comparison:
    """Compare two models' answers to the same images.

    Parameters
    ----------
    y_true : array (n,) of integers 0 to 9
    proba_a, proba_b : arrays (n, 10) of floats
        Rows sum to 1.

    Raises
    ------
    ValueError
        When the shapes do not fit or rows are not probabilities.
    """
    y, a = checked(y_true, proba_a)
    _, b = checked(y_true, proba_b)
    right_a, right_b = a.argmax(axis=1) == y, b.argmax(axis=1) == y
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    return Comparison(
        both_right=int((right_a & right_b).sum()),
        only_a=only_a,
        only_b=only_b,
        neither=int((~right_a & ~right_b).sum()),
        p_value=mcnemar_p_value(only_a, only_b),
        difference=(only_a - only_b) / len(y),
        difference_ci=difference_interval(only_a, only_b, len(y)),
    )


def mcnemar_p_value(only_a: int, only_b: int) -> float:
    """Return McNemar's exact two-sided p-value: that of `only_a` heads of a fair coin.

    It uses whole numbers up to the last division, so it is exact for any number of images.
    """
    throws = only_a + only_b
    ways, term = 0, 1
    for heads in range(min(only_a, only_b) + 1):
        ways += term
        term = term * (throws - heads) // (heads + 1)
    return min(1.0, float(2 * ways / (1 << throws)))


def difference_interval(only_a: int, only_b: int, n: int) -> tuple[float, float]:
    """Return a 95 % interval of a paired difference in accuracy that agrees with McNemar's test.

    The difference is a product: the fraction of discordant images times how far they favour A,
    `2 * P(A is right | discordant) - 1`. Both factors have an exact interval of Clopper and
    Pearson (1934), and that of the second excludes 0 exactly where McNemar's exact test rejects.
    Their limits are combined as in the method of variance estimates recovery (Zou and Donner
    2008, Statistics in Medicine 27:1693): the squared distance to a limit of the product is the
    sum of those that each factor adds near that limit. The sign of a limit is that of the second
    factor's limit, so test and interval always agree about 0. Away from 0 the interval is an
    approximation.

    `only_a` and `only_b` are discordant images, `n` all images; the limits are from -1 to 1.
    """
    discordant = only_a + only_b
    rate = discordant / n
    difference = (only_a - only_b) / n
    rates = clopper_pearson_interval(discordant, n)
    favours = [2 * limit - 1 for limit in clopper_pearson_interval(only_a, discordant)]
    low, high = (
        _product_limit(difference, rate, favour, rates[(favour > 0) == (side > 0)], side)
        for favour, side in zip(favours, (-1, 1), strict=True)
    )
    return max(-1.0, low), min(1.0, high)


def _product_limit(
    product: float, rate: float, favour: float, rate_limit: float, side: int
) -> float:
    """Return the limit below (`side` -1) or above (1) a product, from limits of its factors."""
    near = rate * favour
    return product + side * math.hypot(product - near, near - rate_limit * favour)


def clopper_pearson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a probability (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv  # 21 MB that only a verdict needs

    failures = trials - successes
    tail = LEVEL / 2
    low = float(betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, failures, 1 - tail)) if failures else 1.0
    return low, high


# Numbers as text, rounded so that they never contradict the verdict


def figures_text(p: float, difference: float, interval: tuple[float, float]) -> str:
    """Format a p-value and the difference of two accuracies (-1 to 1), better minus worse."""
    ends = interval if difference >= 0 else (-interval[1], -interval[0])
    low, high = (points_text(end) for end in ends)
    points = points_text(abs(difference))
    return f"{p_text(p)}; difference {points} points, 95 % interval {low} to {high}"


def p_text(p: float) -> str:
    """Format a p-value (0 to 1) such as `p = 0.032`, with enough decimals for the verdict.

    A p-value of 0.0498 is not shown as 0.050, nor is one of 0.0502. Below 0.001 the size says
    nothing more to a reader; JSON has the exact figure.
    """
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.{_decimals(p, 3 if p < 0.1 else 2, LEVEL)}f}"


def points_text(difference: float) -> str:
    """Format a difference of two accuracies (-1 to 1) in percentage points, such as `+0.87`.

    A difference that is not 0 keeps its sign: it gets more decimals where two would show 0.
    """
    points = 100 * difference
    decimals = _decimals(points, 2, 0)
    return f"{points:+.{decimals}f}" if round(points, decimals) else "0.00"


def _decimals(value: float, least: int, other: float) -> int:
    """Return the number of decimals, from `least` on, that tells a value from another one."""
    numbers = range(least, _MOST_DECIMALS)
    apart = (n for n in numbers if value == other or float(f"{value:.{n}f}") != other)
    return next(apart, _MOST_DECIMALS)
