"""Charts over the ten digits, as HTML."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mnistlab.charts.plot import Axis, Plot, key, round_ticks

_DIGITS = Axis(-0.5, 9.5, "digit", range(10), lambda digit: f"{digit:.0f}")
_SPLITS = (("training", "ml-first"), ("test", "ml-second"))


def counts_chart(train: Sequence[int], test: Sequence[int]) -> str:
    """Images per digit, ten counts a split, as bars with one colour a split."""
    most = max(1, *train, *test)
    heights = Axis(
        0, 1.05 * most, "images", round_ticks(0, 1.05 * most, whole=True), "{:,.0f}".format
    )
    plot = Plot(_DIGITS, heights, "Images per digit, in both splits")
    for digit, counts in enumerate(zip(train, test, strict=True)):
        said = ", ".join(f"{n:,} {name}" for n, (name, _) in zip(counts, _SPLITS, strict=True))
        bars = [(float(n), kind) for n, (_, kind) in zip(counts, _SPLITS, strict=True)]
        plot.bars(digit, bars, f"digit {digit}: {said}", 0.75)
    return plot.html(legend=key(_SPLITS))


def distribution_chart(quantiles: NDArray[np.float64], title: str) -> str:
    """Quantiles by digit (10, 5), at 5, 25, 50, 75 and 95 %, as boxes.

    A digit without values has NaN. The title says what the values are, with their unit.
    """
    known = quantiles[~np.isnan(quantiles)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    margin = 0.05 * (high - low) or 1.0
    low, high = low - margin, high + margin
    plot = Plot(_DIGITS, Axis(low, high, title, round_ticks(low, high)), f"{title} by digit")
    for digit, row in enumerate(quantiles):
        if not np.isnan(row).any():
            said = f"digit {digit}: median {row[2]:.2f}, middle half {row[1]:.2f} to {row[3]:.2f}"
            plot.box(digit, row.tolist(), said, 0.6)
    return plot.html()
