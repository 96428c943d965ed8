"""The queue of training jobs on one machine, shared by all processes that use its folder.

Each job holds a numbered file in the folder and locks it. A lock ends with its process, however
that ends, so no entry outlives its process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_POLL_INTERVAL = 0.5  # seconds
_SUFFIX = ".job"


class JobQueue:
    """Jobs of the processes that share a folder, run in the order in which they joined.

    At most `places` of them run at once. The folder is created when it is missing.
    """

    def __init__(self, folder: Path, places: int) -> None:
        self._folder, self._places = folder, places

    @contextmanager
    def joined(self) -> Iterator[Path]:
        """Hold an entry at the end of the queue; it is removed on exit."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._exclusive():
            number = max(map(_number, self._folder.glob(f"*{_SUFFIX}")), default=0) + 1
            entry = self._folder / f"{number:012d}{_SUFFIX}"
            lock = FileLock(entry)
            lock.acquire()
        try:
            yield entry
        finally:
            with self._exclusive():
                lock.release()
                entry.unlink(missing_ok=True)

    def wait(
        self, entry: Path, cancelled: threading.Event, on_ahead: Callable[[int], None]
    ) -> bool:
        """Block until the job of an entry may run; return False when `cancelled` is set first.

        `on_ahead` is called with the number of jobs that must end before, whenever it changes.
        """
        reported = 0
        while ahead := self.ahead(entry):
            if ahead != reported:
                on_ahead(ahead)
                reported = ahead
            if cancelled.wait(_POLL_INTERVAL):
                return False
        return not cancelled.is_set()

    def ahead(self, entry: Path) -> int:
        """Return the number of jobs that must end before the job of an entry may run."""
        with self._exclusive():
            earlier = [e for e in self._held() if _number(e) < _number(entry)]
        return max(0, len(earlier) - self._places + 1)

    def counts(self, timeout: float = -1) -> tuple[int, int]:
        """Return the numbers of running and of waiting jobs.

        Raises `TimeoutError` if another process holds the queue's lock for `timeout` seconds.
        """
        if not self._folder.is_dir():
            return 0, 0
        with self._exclusive().acquire(timeout=timeout):
            held = len(self._held())
        return min(held, self._places), max(0, held - self._places)

    def _exclusive(self) -> FileLock:
        # Only one process at a time creates, inspects or removes entries.
        return FileLock(self._folder / "queue.lock")

    def _held(self) -> list[Path]:
        """Return the entries of living processes; remove the others."""
        held = []
        for entry in self._folder.glob(f"*{_SUFFIX}"):
            try:
                with FileLock(entry, timeout=0):
                    pass
            except Timeout:
                held.append(entry)
            else:
                # Only after the lock is released: Windows cannot delete an open file.
                entry.unlink(missing_ok=True)
        return held


def _number(entry: Path) -> int:
    return int(entry.stem) if entry.stem.isdecimal() else 0
