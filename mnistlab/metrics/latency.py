"""How long one prediction takes, and how many a second there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Predict = Callable[[Images], object]

_BATCH = 1000  # images a call when throughput is measured


@dataclass(frozen=True)
class LatencyMs:
    """Percentiles of the time of one prediction, in milliseconds."""

    p50: float
    p90: float
    p99: float

    def to_dict(self) -> dict[str, float]:
        """The same as a plain dictionary, ready for JSON."""
        return asdict(self)


def measure_latency(predict: Predict, images: Images, n: int = 1000, warmup: int = 50) -> LatencyMs:
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
    return measure_latencies({"": predict}, images, n, warmup=warmup)[""]


def measure_latencies(
    predictors: Mapping[str, Predict],
    images: Images,
    n: int = 1000,
    block: int = 50,
    warmup: int = 50,
    should_stop: Callable[[], bool] | None = None,
) -> dict[str, LatencyMs]:
    """Time `n` single predictions of each model, in alternating blocks.

    A machine slows down and recovers as it pleases. In blocks that take turns, that happens to
    all models alike, where one after the other would charge it to whoever came last.

    Parameters
    ----------
    predictors : what a model is called -> a callable as `measure_latency` takes it
    block : predictions of one model before the next one's turn
    should_stop : asked between blocks; where it returns true, what was measured until then counts

    Raises
    ------
    ValueError
        When there is no image or `n` is below 1.
    """
    if n < 1 or not len(images):
        raise ValueError("Give at least one image and n of at least 1.")
    for predict in predictors.values():
        _time(predict, images, 0, warmup)
    taken: dict[str, list[float]] = {name: [] for name in predictors}
    for start in range(0, n, block):
        for name, predict in predictors.items():
            taken[name] += _time(predict, images, start, min(block, n - start))
        if should_stop is not None and should_stop():
            break
    return {name: _percentiles(times) for name, times in taken.items()}


def images_per_second(predict: Predict, images: Images, passes: int = 3) -> float:
    """Throughput of batches of up to 1,000 images: the median of a few passes after a first."""
    batch = images[:_BATCH]
    predict(batch)
    taken = []
    for _ in range(passes):
        start = time.perf_counter()
        predict(batch)
        taken.append(time.perf_counter() - start)
    return float(len(batch) / np.median(taken))


def _time(predict: Predict, images: Images, start: int, n: int) -> list[float]:
    taken = []
    for i in range(start, start + n):
        image = images[i % len(images)]
        begun = time.perf_counter_ns()
        predict(image)
        taken.append((time.perf_counter_ns() - begun) / 1e6)
    return taken


def _percentiles(milliseconds: list[float]) -> LatencyMs:
    p50, p90, p99 = (float(p) for p in np.percentile(milliseconds, [50, 90, 99]))
    return LatencyMs(p50, p90, p99)
