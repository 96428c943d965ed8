"""The queue of training jobs on one machine, shared by all processes that use its folder.

Each job holds a numbered file in the folder and locks it. A lock ends with its process, however
that ends, so no entry outlives its process. What else is known of a job stands in a second file:
on Windows, nobody else can read a locked one.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

_POLL_INTERVAL = 0.5  # seconds
_SUFFIX = ".job"
_OWNER = ".owner"
_RUNNING = ".running"
_SECONDS = re.compile(r"\d+\.\d")
_FINISHED = "finished.txt"  # a line for each job that ran: its seconds


class JobQueue:
    """Jobs of the processes that share a folder, run in the order in which they joined.

    At most `places` of them run at once. Where several jobs have the same owner, the second of them
    comes after the first ones of all others, and so on: nobody can take all places. The folder is
    created when it is missing.
    """

    def __init__(self, folder: Path, places: int) -> None:
        self._folder, self._places = folder, places

    @contextmanager
    def joined(self, owner: str = "") -> Iterator[Path]:
        """Hold an entry at the end of the queue; it is removed on exit. "" is nobody's."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._exclusive():
            number = max(map(_number, self._folder.glob(f"*{_SUFFIX}")), default=0) + 1
            entry = self._folder / f"{number:012d}{_SUFFIX}"
            entry.with_suffix(_OWNER).write_text(owner, encoding="utf-8")
            lock = FileLock(entry)
            lock.acquire()
        try:
            yield entry
        finally:
            with self._exclusive():
                with suppress(OSError):  # it never ran, or the disk is full: a figure less
                    seconds = max(0, time.time() - entry.with_suffix(_RUNNING).stat().st_mtime)
                    with (self._folder / _FINISHED).open("a", encoding="utf-8") as finished:
                        finished.write(f"{seconds:.1f}\n")
                lock.release()
                _remove(entry)

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
        """Return the number of jobs that must end before the job of an entry may run.

        0 lets it run: it counts as running from then on.
        """
        with self._exclusive():
            order = self._in_order()
            ahead = max(0, order.index(entry) - self._places + 1) if entry in order else 0
            if not ahead:
                entry.with_suffix(_RUNNING).touch()
        return ahead

    def _in_order(self) -> list[Path]:
        """Return the entries in the order in which they run, those that run already first."""
        earlier: Counter[str] = Counter()
        keys = {}
        for entry in sorted(self._held(), key=_number):
            owner = _owner(entry)
            turn = earlier[owner] if owner else 0
            earlier[owner] += 1
            keys[entry] = (not entry.with_suffix(_RUNNING).exists(), turn, _number(entry))
        return sorted(keys, key=keys.__getitem__)

    def finished(self, skip: int = 0) -> list[float]:
        """Return for how many seconds each job ran; `skip` leaves out as many that ended first."""
        try:
            lines = (self._folder / _FINISHED).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        # A line that a full disk has cut short counts as a job, and tells nothing else.
        return [float(line) if _SECONDS.fullmatch(line) else math.nan for line in lines[skip:]]

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
                _remove(entry)
        return held


def _owner(entry: Path) -> str:
    try:
        return entry.with_suffix(_OWNER).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _remove(entry: Path) -> None:
    # The entry last: what is left of another one would count for the next with its number.
    for each in (entry.with_suffix(_RUNNING), entry.with_suffix(_OWNER), entry):
        each.unlink(missing_ok=True)


def _number(entry: Path) -> int:
    return int(entry.stem) if entry.stem.isdecimal() else 0
