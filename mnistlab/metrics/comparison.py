"""Whether one model is better than another on the same images."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mnistlab.metrics.scores import checked

_LEVEL = 0.05
_RESAMPLES = 20_000


@dataclass(frozen=True)
class Comparison:
    """Paired answers of two models, A and B, in numbers of images."""

    both_right: int
    only_a: int
    """Right by A, wrong by B."""
    only_b: int
    neither: int
    p_value: float
    """Of McNemar's exact test: how likely so uneven a split of the images that only one reads
    would be, were the models equally good."""
    difference: float
    """Accuracy of A less that of B, -1 to 1."""
    difference_ci: tuple[float, float]
    """Its 95 % interval by a paired bootstrap."""

    @property
    def n(self) -> int:
        """Images."""
        return self.both_right + self.only_a + self.only_b + self.neither

    def verdict(self, name_a: str, name_b: str) -> str:
        """One sentence for people: which model is better, or that they cannot be told apart."""
        p = _p_text(self.p_value)
        if self.p_value >= _LEVEL:
            return f"No telling them apart on these {self.n:,} images ({p})."
        if self.only_a < self.only_b:
            return _swapped(self).verdict(name_b, name_a)
        low, high = self.difference_ci
        return (
            f"{name_a} reads {_digits(self.only_a)} that {name_b} misses and misses "
            f"{self.only_b} that {name_b} reads: {name_a} is better ({p}; "
            f"{100 * self.difference:+.2f} points, 95 % interval "
            f"{100 * low:+.2f} to {100 * high:+.2f})."
        )

    def to_dict(self, name_a: str, name_b: str) -> dict[str, Any]:
        """The same as plain lists and numbers, with the verdict, ready for JSON."""
        return {
            **asdict(self),
            "difference_ci": list(self.difference_ci),
            "verdict": self.verdict(name_a, name_b),
        }


def compare_predictions(
    y_true: ArrayLike, proba_a: ArrayLike, proba_b: ArrayLike, *, seed: int = 0
) -> Comparison:
    """Compare two models' answers to the same images.

    Parameters
    ----------
    y_true : array (n,) of integers 0 to 9
    proba_a, proba_b : arrays (n, 10) of floats
        Rows sum to 1.
    seed : int
        Of the bootstrap.

    Raises
    ------
    ValueError
        When the shapes do not fit or rows are no probabilities.
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
        difference_ci=bootstrap_interval(only_a, only_b, len(y), seed),
    )


def mcnemar_p_value(only_a: int, only_b: int) -> float:
    """Exact two-sided p-value of McNemar's test: a fair coin's `only_a` heads in all throws.

    In whole numbers up to the last division, so it is exact however many images there are.
    """
    throws = only_a + only_b
    ways, term = 0, 1
    for heads in range(min(only_a, only_b) + 1):
        ways += term
        term = term * (throws - heads) // (heads + 1)
    return min(1.0, float(2 * ways / (1 << throws)))


def bootstrap_interval(only_a: int, only_b: int, n: int, seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of the difference in accuracy, images drawn with replacement.

    An image adds +1, -1 or 0 to the difference, so drawing n images is one draw from a
    multinomial with three outcomes: the same bootstrap in milliseconds.
    """
    shares = np.array([only_a, only_b, n - only_a - only_b]) / n
    draws = np.random.default_rng(seed).multinomial(n, shares, size=_RESAMPLES)
    low, high = np.percentile((draws[:, 0] - draws[:, 1]) / n, [2.5, 97.5])
    return float(low), float(high)


def _swapped(c: Comparison) -> Comparison:
    low, high = c.difference_ci
    return Comparison(
        c.both_right, c.only_b, c.only_a, c.neither, c.p_value, -c.difference, (-high, -low)
    )


def _p_text(p: float) -> str:
    if p < 1e-300:
        return "p < 1e-300"
    return f"p = {p:.0e}" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def _digits(count: int) -> str:
    return "1 digit" if count == 1 else f"{count} digits"
