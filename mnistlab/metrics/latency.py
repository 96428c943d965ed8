"""How long predictions take, one at a time and many at once, and how such measurements stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import MnistLabError

Predict = Callable[[NDArray[np.uint8]], object]
ShouldStop = Callable[[], bool]


class MeasurementStopped(MnistLabError):  # noqa: N818 - not an error, like StopIteration
    """A measurement was asked to stop and has no result."""


def check(should_stop: ShouldStop | None) -> None:
    """Raise MeasurementStopped if `should_stop` returns true."""
    if should_stop is not None and should_stop():
        raise MeasurementStopped("The measurement was stopped; start it again for its figures.")


@dataclass(frozen=True)
class LatencyMs:
    """Percentiles of the time of one prediction, in milliseconds."""

    p50: float
    p90: float
    p99: float

    def to_dict(self) -> dict[str, float]:
        """Return a plain dictionary, ready for JSON."""
        return asdict(self)


def measure_latency(
    predict: Predict,
    images: NDArray[np.uint8],
    n: int = 1000,
    warmup: int = 50,
) -> LatencyMs:
    """Time `n` single predictions of one model; see `measure_latencies`.

    To compare models, time them together: figures of one after the other are not comparable.
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
    """Time `n` single predictions of each model, in blocks that alternate.

    If models were timed one after the other, a machine that is warm, throttled or busy would
    distort the comparison. Every second round goes backwards, so that no model is always first.
    The first prediction of a block is made twice and timed once: other models have just filled the
    caches, and in blocks of 50 that prediction would be the 99th percentile.

    Parameters
    ----------
    predictors : by name, callables that take one image `(28, 28)` uint8
    images : array (m, 28, 28) uint8
        The same for all models, in turn, and from the start again where there are fewer than `n`.
    n, block : timed predictions of each, and how many of them in a row; at least 1
    warmup : predictions of each beforehand that are not timed
    should_stop : asked before every block

    Raises
    ------
    ValueError
        When there is no image, or `n` or `block` is below 1.
    MeasurementStopped
        When `should_stop` returned true.
    """
    _check_work(images, min(n, block))

    def run(name: str, numbers: Iterable[int]) -> list[float]:
        check(should_stop)
        return [_seconds(predictors[name], images[i % len(images)]) for i in numbers]

    for name in predictors:
        run(name, range(warmup))
    times: dict[str, list[float]] = {name: [] for name in predictors}
    names = list(predictors)
    for start in range(0, n, block):
        for name in names:
            numbers = range(start, min(start + block, n))
            times[name] += run(name, [start, *numbers])[1:]
        names.reverse()
    return {
        name: LatencyMs(*np.percentile(np.array(taken) * 1e3, [50, 90, 99]).tolist())
        for name, taken in times.items()
    }


def images_per_second(
    predictors: Mapping[str, Predict],
    images: NDArray[np.uint8],
    repeats: int = 5,
    should_stop: ShouldStop | None = None,
) -> dict[str, float]:
    """Return how many images a second each model predicts when it is given all of them at once.

    Of `repeats` passes, after one that is not timed, the median counts. Like single predictions,
    passes alternate, and every second round goes backwards. Other parameters and errors are those
    of `measure_latencies`; a thousand images are enough, and keep a pass short.
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


def _seconds(predict: Predict, images: NDArray[np.uint8]) -> float:
    start = time.perf_counter_ns()
    predict(images)
    # At least one step of the clock, which some systems count in 100 ns.
    return max(time.perf_counter_ns() - start, 1) / 1e9
