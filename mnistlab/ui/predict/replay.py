"""A drawing being drawn once more, a few dozen pictures a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from mnistlab.images.drawing import Point, Stroke

FRAME = 1 / 30  # seconds between two pictures
POINTS_A_SECOND = 60  # as many as a mouse gives: most drawings take the time they took
SECONDS = (0.6, 3.0)  # the least and the most that a replay takes


class Replay:
    """Which pieces of the strokes are due, by the clock.

    Parameters
    ----------
    strokes : what is drawn, in this order
    clock : seconds, monotonic; the replay begins now
    """

    def __init__(self, strokes: Sequence[Stroke], clock: Callable[[], float]) -> None:
        self._strokes = strokes
        self._clock = clock
        self._begun = clock()
        self._total = sum(map(len, strokes))
        self._shown = 0
        self.seconds = min(max(self._total / POINTS_A_SECOND, SECONDS[0]), SECONDS[1])

    @property
    def is_over(self) -> bool:
        """Whether all points were due."""
        return self._shown >= self._total

    def due(self) -> list[Sequence[Point]]:
        """The pieces that became due since the last call, each joined to the one before it."""
        share = min(1.0, (self._clock() - self._begun) / self.seconds)
        before, self._shown = self._shown, int(share * self._total)
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
