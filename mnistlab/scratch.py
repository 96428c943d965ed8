"""Temporary folders that are removed even after their process was killed."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_LOCK = ".lock"
_TRIES, _PAUSE = 20, 0.1  # to remove a folder; seconds between them
_MIN_AGE = 60  # seconds; a younger folder may not have its lock yet


@contextmanager
def scratch_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """Make a folder, by default among the temporary ones; it is removed on exit.

    A lock in it shows other processes' `remove_orphans` that its process lives.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        with FileLock(folder / _LOCK):
            yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, also where a process that is just ending still writes to it."""
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_PAUSE)


def remove_orphans(prefix: str) -> None:
    """Remove the folders with this prefix of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if age(folder) > _MIN_AGE and _is_orphan(folder):
            shutil.rmtree(folder, ignore_errors=True)


def age(folder: Path) -> float:
    """Seconds since something in the folder changed; 0 if unknown."""
    try:
        return time.time() - max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except OSError:  # another process is removing it, or it is another user's
        return 0.0


def _is_orphan(folder: Path) -> bool:
    # A lock ends with its process, however that ended. A process id may be reused, or belong to
    # another container.
    try:
        with FileLock(folder / _LOCK, timeout=0):
            return True
    except (Timeout, OSError):
        return False
