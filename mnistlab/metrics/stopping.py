"""Stopping a long measurement."""

from __future__ import annotations

from collections.abc import Callable

from mnistlab.errors import MnistLabError

ShouldStop = Callable[[], bool]


class MeasurementStopped(MnistLabError):  # noqa: N818 - not an error, like StopIteration
    """A measurement was asked to stop and has no result."""


def check(should_stop: ShouldStop | None) -> None:
    """Raise MeasurementStopped if `should_stop` returns true."""
    if should_stop is not None and should_stop():
        raise MeasurementStopped("The measurement was stopped; start it again for its figures.")
