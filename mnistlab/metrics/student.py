"""Student's t distribution in the standard library; SciPy would cost a visitor's kernel 100 MB."""

from __future__ import annotations

import math

_MOST_TERMS = 10_000
_TINY = 1e-300
_EPSILON = 1e-16


def t_quantile(share: float, freedom: float) -> float:
    """The value that a t-distributed number stays below with probability `share`.

    To ten digits up to 10,000 degrees of freedom, to eight up to a million.

    Parameters
    ----------
    share : 0 to 1, both excluded
    freedom : degrees of freedom, above 0; not necessarily whole

    Raises
    ------
    ValueError
        When either is out of its range.
    """
    if not (0 < share < 1 and 0 < freedom < math.inf):
        raise ValueError(f"Give a share between 0 and 1 and freedom > 0, not {share}, {freedom}.")
    if share < 0.5:
        return -t_quantile(1 - share, freedom)
    tail = 1 - share
    low, high = 0.0, 1.0
    while t_tail(high, freedom) > tail:
        low, high = high, 2 * high
    # Halving until no float lies between: some sixty steps of microseconds.
    while low < (middle := (low + high) / 2) < high:
        if t_tail(middle, freedom) > tail:
            low = middle
        else:
            high = middle
    return high


def t_tail(t: float, freedom: float) -> float:
    """The probability that a t-distributed number is above `t`, at least 0."""
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for x from 0 to 1 (DLMF 8.17.22)."""
    if x in (0, 1):
        return float(x)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)  # the fraction converges fast on that side only
    log_front = a * math.log(x) + b * math.log1p(-x)
    log_front -= math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    return math.exp(log_front) / (a * _fraction(a, b, x))


def _fraction(a: float, b: float, x: float) -> float:
    """1 + d1/(1 + d2/(1 + ...)), by Lentz's method as Thompson and Barnett (1986) changed it."""
    value, c, d = 1.0, 1.0, 0.0
    for term in range(1, _MOST_TERMS):
        m = term // 2
        if term % 2:
            step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            step = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / _nonzero(1 + step * d)
        c = _nonzero(1 + step / c)
        value *= c * d
        if abs(c * d - 1) < _EPSILON:
            break
    return value


def _nonzero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY
