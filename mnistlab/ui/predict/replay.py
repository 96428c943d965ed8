"""A drawing that is drawn again, some dozens of frames a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from mnistlab.images.drawing import Point, Stroke

FRAME = 1 / 30  # seconds between two frames
POINTS_PER_SECOND = 60  # as many as a mouse gives: most drawings take the time they took
SECONDS = (0.6, 3.0)  # the shortest and the longest replay


class Replay:
    """Which pieces of the strokes are due, by a monotonic `clock`; the replay starts now."""

    def __init__(self, strokes: Sequence[Stroke], clock: Callable[[], float]) -> None:
        self._strokes, self._clock, self._start = strokes, clock, clock()
        self._total = sum(map(len, strokes))
        self._shown = 0
        self._seconds = min(max(self._total / POINTS_PER_SECOND, SECONDS[0]), SECONDS[1])

    @property
    def is_over(self) -> bool:
        """Whether all points were due."""
        return self._shown >= self._total

    def due(self) -> list[Sequence[Point]]:
        """The pieces that became due since the last call, each joined to the one before it."""
        done = min(1.0, (self._clock() - self._start) / self._seconds)
        before, self._shown = self._shown, int(done * self._total)
        pieces: list[Sequence[Point]] = []
        first = 0
        for stroke in self._strokes:
            start, stop = max(before - first, 0), min(self._shown - first, len(stroke))
            if start < stop:
                pieces.append(stroke[max(start - 1, 0) : stop])
            first += len(stroke)
        return pieces


def every_frame(step: Callable[[], bool]) -> None:
    """Call `step` on a thread of its own, once a frame, until it returns False."""

    def run() -> None:
        while step():
            time.sleep(FRAME)

    threading.Thread(target=run, name="mnistlab-replay", daemon=True).start()
