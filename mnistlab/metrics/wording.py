"""Numbers of a comparison as text. Rounding never contradicts the verdict."""

from __future__ import annotations

LEVEL = 0.05
"""A difference is called significant where the p-value is below this."""
_MOST_DECIMALS = 8


def p_text(p: float) -> str:
    """Format a p-value (0 to 1) such as `p = 0.032`, with enough decimals for the verdict.

    A p-value of 0.0498 is not shown as 0.050, nor is one of 0.0502. Below 0.001 the size says
    nothing more to a reader; JSON has the exact figure.
    """
    if p < 0.001:
        return "p < 0.001"
    decimals = 3 if p < 0.1 else 2
    while float(f"{p:.{decimals}f}") == LEVEL != p and decimals < _MOST_DECIMALS:
        decimals += 1
    return f"p = {p:.{decimals}f}"


def points_text(difference: float) -> str:
    """Format a difference of two accuracies (-1 to 1) in percentage points, such as `+0.87`.

    A difference that is not 0 keeps its sign: it gets more decimals where two would show 0.
    """
    points = 100 * difference
    decimals = 2
    while points and float(f"{points:.{decimals}f}") == 0 and decimals < _MOST_DECIMALS:
        decimals += 1
    return f"{points:+.{decimals}f}" if round(points, decimals) else "0.00"


def difference_text(difference: float, interval: tuple[float, float]) -> str:
    """Format a difference of two accuracies with its interval (all -1 to 1)."""
    low, high = (points_text(end) for end in interval)
    return f"difference {points_text(difference)} points, 95 % interval {low} to {high}"
