"""Waiting for what other processes and threads do: never for luck, and never for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

from mnistlab.jobs import Job

SECONDS = 240.0  # generous, for a loaded machine
_INTERVAL = 0.01


def until(
    condition: Callable[[], object], what: str, seconds: float = SECONDS, job: Job | None = None
) -> None:
    """Wait for a condition; a failure names `what`, and comes at once when `job` has ended."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert job is None or not job.status.is_over, f"{job} {job.failure} before {what}"
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(_INTERVAL)


def holds(condition: Callable[[], object], what: str, seconds: float) -> None:
    """Look at a condition again and again for so long; it must hold each time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"no longer: {what}"
        time.sleep(_INTERVAL)
