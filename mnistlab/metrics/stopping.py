"""How a long measurement is stopped from outside."""

from __future__ import annotations

from collections.abc import Callable

from mnistlab.errors import MnistLabError

ShouldStop = Callable[[], bool]


class MeasurementStopped(MnistLabError):  # noqa: N818 - it went as asked, like StopIteration
    """A measurement was asked to stop and has no figures to give."""


def check(should_stop: ShouldStop | None) -> None:
    """Raise MeasurementStopped where `should_stop` says so."""
    if should_stop is not None and should_stop():
        raise MeasurementStopped("The measurement was stopped; start it again for its figures.")
