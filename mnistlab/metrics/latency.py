"""How long one prediction takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LatencyMs:
    """Percentiles of the time of one prediction, in milliseconds."""

    p50: float
    p90: float
    p99: float

    def to_dict(self) -> dict[str, float]:
        """The same as a plain dictionary, ready for JSON."""
        return asdict(self)


def measure_latency(
    predict: Callable[[NDArray[np.uint8]], object],
    images: NDArray[np.uint8],
    n: int = 1000,
    warmup: int = 50,
) -> LatencyMs:
    """Time `n` single predictions, one after the other.

    Parameters
    ----------
    predict : callable
        Takes one image `(28, 28)` uint8.
    images : array (m, 28, 28) uint8
        Taken in turn, from the start again where there are fewer than `n`.
    n : int
        Timed predictions, at least 1.
    warmup : int
        Predictions before them that are not timed: the first ones pay for allocations.

    Raises
    ------
    ValueError
        When there is no image or `n` is below 1.
    """
    if n < 1 or not len(images):
        raise ValueError("Give at least one image and n of at least 1.")
    for i in range(warmup):
        predict(images[i % len(images)])
    nanoseconds = np.empty(n)
    for i in range(n):
        image = images[i % len(images)]
        start = time.perf_counter_ns()
        predict(image)
        nanoseconds[i] = time.perf_counter_ns() - start
    p50, p90, p99 = (float(p) for p in np.percentile(nanoseconds / 1e6, [50, 90, 99]))
    return LatencyMs(p50, p90, p99)
