"""Whose turn it is to train, over all the processes that share a machine.

Each waiting or running training holds a ticket: a numbered file in one folder, locked as long as
its process lives. A lock ends with its process however that died, so no ticket outlives one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_LOOK = 0.5  # seconds between looks at the folder
_SUFFIX = ".ticket"


class Turns:
    """The queue in one folder.

    Parameters
    ----------
    folder : shared by all who queue here; made when it is missing
    places : how many may train at once
    """

    def __init__(self, folder: Path, places: int) -> None:
        self._folder = folder
        self._places = places

    @contextmanager
    def queued(self) -> Iterator[Ticket]:
        """A ticket at the end of the queue, given back afterwards."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            number = max((_number(path) for path in self._tickets()), default=0) + 1
            path = self._folder / f"{number:012d}{_SUFFIX}"
            lock = FileLock(path)
            lock.acquire()
        try:
            yield Ticket(self, path)
        finally:
            with self._alone():
                lock.release()
                path.unlink(missing_ok=True)

    def counts(self, timeout: float = -1) -> tuple[int, int]:
        """How many trainings run, and how many wait.

        Raises `TimeoutError` if another process holds the queue's lock for `timeout` seconds.
        """
        if not self._folder.is_dir():
            return 0, 0
        with self._alone().acquire(timeout=timeout):
            held = len(self._held())
        return min(held, self._places), max(0, held - self._places)

    def ahead(self, path: Path) -> int:
        """How many must end before a ticket's turn comes; 0 when it has come."""
        with self._alone():
            before = [other for other in self._held(but=path) if _number(other) < _number(path)]
        return max(0, len(before) - self._places + 1)

    def _alone(self) -> FileLock:
        # A ticket is made and locked, or looked at and thrown away, by one process at a time.
        return FileLock(self._folder / "queue.lock")

    def _tickets(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_SUFFIX}"))

    def _held(self, but: Path | None = None) -> list[Path]:
        """Tickets whose process lives; the others are removed."""
        held = []
        for path in self._tickets():
            if path == but:
                continue
            try:
                with FileLock(path, timeout=0):
                    pass
            except Timeout:
                held.append(path)
            else:
                # Not before the lock is given back: Windows deletes no file that is open. Nobody
                # takes the ticket in between, for that needs the queue's lock, which is held here.
                path.unlink(missing_ok=True)
        return held


class Ticket:
    """A place in the queue."""

    def __init__(self, turns: Turns, path: Path) -> None:
        self._turns = turns
        self._path = path

    def wait(self, cancelled: threading.Event, tell: Callable[[int], None]) -> bool:
        """Block until it is this ticket's turn; false when `cancelled` came first.

        `tell` is called with the number of trainings that must end before, whenever it changes.
        """
        told = 0
        while ahead := self._turns.ahead(self._path):
            if ahead != told:
                tell(ahead)
                told = ahead
            if cancelled.wait(_LOOK):
                return False
        return not cancelled.is_set()


def _number(path: Path) -> int:
    return int(path.stem) if path.stem.isdecimal() else 0
