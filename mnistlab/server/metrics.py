"""What `/metrics` tells Prometheus.

Counters and histograms are filled where things happen; gauges are read when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE

from mnistlab.server.visits import State, Visits

__all__ = ["CONTENT_TYPE", "Metrics", "Readings"]

_PAGE = (0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
_ANSWER = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_TRAINING = (5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)


@dataclass(frozen=True)
class Readings:
    """What is read for each answer; None where it could not be read."""

    warm_kernels: int
    kernel_bytes: int | None
    trainings_running: int | None
    trainings_queued: int | None


@dataclass
class Metrics:
    """The metrics of a server; `text` renders them."""

    visits: Visits
    _registry: CollectorRegistry = field(default_factory=CollectorRegistry, init=False)

    def __post_init__(self) -> None:
        registry = self._registry
        self._readings = Readings(0, None, None, None)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"mnistlab_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"mnistlab_{name}", text, buckets=buckets, registry=registry)

        self.arrivals = counter("arrivals", "Visits that began.")
        self.refused = counter("arrivals_refused", "Visits that were refused.", "reason")
        self.refused_messages = counter("messages_refused", "Messages of pages that were refused.")
        self.culled = counter("kernels_culled", "Kernels that the server ended.", "reason")
        self.died = counter("kernels_died", "Kernels that ended by themselves.")
        self.page_seconds = histogram(
            "page_seconds", "From the request for a page to its last byte.", _PAGE
        )
        self.answer_seconds = histogram(
            "answer_seconds", "From the end of a stroke to its answer, in the server.", _ANSWER
        )
        self.training_seconds = histogram(
            "training_seconds", "Of trainings on this machine, however they ended.", _TRAINING
        )
        registry.register(_Gauges(self))

    def text(self, readings: Readings) -> bytes:
        """All metrics in the text format of Prometheus."""
        self._readings = readings
        return generate_latest(self._registry)

    def gauges(self) -> Iterator[Metric]:
        """What holds now."""
        visits, now = self.visits, self._readings
        states = [visit.state for visit in visits]
        counts = {
            state.name.lower(): states.count(state) for state in State if state != State.ENDED
        }
        yield _gauge("visits", "Visits by state.", counts, "state")
        yield _gauge("places", "Visits that may be there at once, 0 for no limit.", visits.places)
        yield _gauge("draining", "1 while no new visits are taken.", int(visits.is_draining))
        yield _gauge("warm_kernels", "Kernels that wait for a visit.", now.warm_kernels)
        if now.kernel_bytes is not None:
            memory = "Memory of all kernels: proportional set size where the system tells it."
            yield _gauge("kernel_memory_bytes", memory, now.kernel_bytes)
        if now.trainings_running is not None and now.trainings_queued is not None:
            trainings = {"running": now.trainings_running, "queued": now.trainings_queued}
            yield _gauge("trainings", "Trainings on this machine.", trainings, "state")


class _Gauges:
    """Read anew for each answer."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics.gauges()

    def describe(self) -> Iterable[Metric]:
        """Nothing: without it, the registry would read the gauges to learn their names."""
        return ()


def _gauge(name: str, text: str, value: float | Mapping[str, float], label: str = "") -> Any:
    if isinstance(value, Mapping):
        made = GaugeMetricFamily(f"mnistlab_{name}", text, labels=[label])
        for key, each in value.items():
            made.add_metric([key], each)
        return made
    return GaugeMetricFamily(f"mnistlab_{name}", text, value=value)
