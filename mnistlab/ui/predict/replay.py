"""A drawing that is drawn again, some dozens of frames a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from mnistlab.images.drawing import Point, Stroke

FRAME = 1 / 30  # seconds between two frames
POINTS_PER_SECOND = 60  # as many as a mouse gives: most drawings take the time they took
SECONDS = (0.6, 3.0)  # the shortest and the longest replay

Frames = Iterator[list[Sequence[Point]]]


def replay_frames(strokes: Sequence[Stroke], clock: Callable[[], float]) -> Frames:
    """Yield the pieces that have become due since the last frame, each joined to the one before.

    The replay starts with the first frame, by a monotonic `clock`.
    """
    start, shown, total = clock(), 0, sum(map(len, strokes))
    seconds = min(max(total / POINTS_PER_SECOND, SECONDS[0]), SECONDS[1])
    while shown < total:
        before, shown = shown, int(min(1.0, (clock() - start) / seconds) * total)
        pieces: list[Sequence[Point]] = []
        first = 0
        for stroke in strokes:
            begin, end = max(before - first, 0), min(shown - first, len(stroke))
            if begin < end:
                pieces.append(stroke[max(begin - 1, 0) : end])
            first += len(stroke)
        yield pieces


def every_frame(step: Callable[[], bool]) -> None:
    """Call `step` on a thread of its own, once a frame, until it returns False."""

    def run() -> None:
        while step():
            time.sleep(FRAME)

    threading.Thread(target=run, name="mnistlab-replay", daemon=True).start()
