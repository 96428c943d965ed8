"""How long predictions take, one at a time and many at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.metrics.stopping import ShouldStop, check

Predict = Callable[[NDArray[np.uint8]], object]


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
    predict: Predict,
    images: NDArray[np.uint8],
    n: int = 1000,
    warmup: int = 50,
) -> LatencyMs:
    """Time `n` single predictions of one model, as `measure_latencies` does.

    The figures of two models that were timed one after the other are no comparison.

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
    return measure_latencies({"": predict}, images, n=n, warmup=warmup)[""]


def measure_latencies(
    predictors: Mapping[str, Predict],
    images: NDArray[np.uint8],
    n: int = 1000,
    block: int = 50,
    warmup: int = 50,
    should_stop: ShouldStop | None = None,
) -> dict[str, LatencyMs]:
    """Time `n` single predictions of each model, in blocks that take turns.

    One after the other, the model that happens to be timed while the machine is warm, throttled or
    busy would look slower than it is. In turns such drift falls on all alike, and every second
    round goes backwards, so that none is always the first. The first prediction of a block is made
    twice and timed once: the others have just had the caches, and in blocks of 50 that one in
    fifty would be the 99th percentile.

    Parameters
    ----------
    predictors : by name, callables that take one image `(28, 28)` uint8
    images : array (m, 28, 28) uint8
        All models get the same ones, in turn.
    n : timed predictions of each, at least 1
    block : predictions in a row, at least 1
    warmup : predictions of each beforehand that are not timed
    should_stop : asked before every block

    Returns
    -------
    dict of LatencyMs, with the names and the order of `predictors`

    Raises
    ------
    ValueError
        When there is no image, or `n` or `block` is below 1.
    MeasurementStopped
        When `should_stop` said so.
    """
    _check_work(images, min(n, block))
    times: dict[str, list[float]] = {name: [] for name in predictors}
    for predict in predictors.values():
        check(should_stop)
        for i in range(warmup):
            predict(images[i % len(images)])
    names = list(predictors)
    for start in range(0, n, block):
        for name in names:
            check(should_stop)
            predictors[name](images[start % len(images)])
            turn = range(start, min(start + block, n))
            times[name] += _timed(predictors[name], images, turn)
        names.reverse()
    return {name: _percentiles(taken) for name, taken in times.items()}


def images_per_second(
    predictors: Mapping[str, Predict],
    images: NDArray[np.uint8],
    repeats: int = 5,
    should_stop: ShouldStop | None = None,
) -> dict[str, float]:
    """How many images a second each model reads when it is given all of them at once.

    Like single predictions, the passes take turns, and every second round goes backwards.

    Parameters
    ----------
    predictors : by name, callables that take images `(m, 28, 28)` uint8
    images : array (m, 28, 28) uint8
        A thousand are enough, and keep a pass short.
    repeats : int
        Passes of each, at least 1, after one that is not timed; the median counts.
    should_stop : asked before every pass

    Returns
    -------
    dict of float, with the names and the order of `predictors`

    Raises
    ------
    ValueError
        When there is no image or `repeats` is below 1.
    MeasurementStopped
        When `should_stop` said so.
    """
    _check_work(images, repeats)
    passes: dict[str, list[float]] = {name: [] for name in predictors}
    names = list(predictors)
    for _ in range(1 + repeats):
        for name in names:
            check(should_stop)
            passes[name].append(_seconds(predictors[name], images))
        names.reverse()
    return {name: len(images) / float(np.median(taken[1:])) for name, taken in passes.items()}


def _check_work(images: NDArray[np.uint8], n: int) -> None:
    if n < 1 or not len(images):
        raise ValueError("Give at least one image and n of at least 1.")


def _timed(predict: Predict, images: NDArray[np.uint8], numbers: range) -> list[float]:
    """Seconds of each single prediction."""
    return [_seconds(predict, images[i % len(images)]) for i in numbers]


def _seconds(predict: Predict, images: NDArray[np.uint8]) -> float:
    start = time.perf_counter_ns()
    predict(images)
    # At least one step of the clock, which some systems count in 100 ns.
    return max(time.perf_counter_ns() - start, 1) / 1e9


def _percentiles(seconds: list[float]) -> LatencyMs:
    p50, p90, p99 = (float(p) for p in np.percentile(np.array(seconds) * 1e3, [50, 90, 99]))
    return LatencyMs(p50, p90, p99)
