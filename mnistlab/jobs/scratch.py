"""Folders that must not be left behind: a job's scratch, and runs that never became complete."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mnistlab.training.save import partial_folder

PREFIX = "mnistlab-job-"
_LOCK = ".lock"
_NEW = 60  # seconds in which a scratch folder may not have its lock yet
_SAVING = 3600  # seconds; saving a run takes a few, whichever machine does it


@contextmanager
def scratch_folder(parent: Path | None = None, prefix: str = PREFIX) -> Iterator[Path]:
    """A folder for one job, by default among the system's temporary ones; gone afterwards.

    A lock in it says that its process lives, for `clean_up` in another one.
    """
    with (
        tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True) as name,
        FileLock(Path(name) / _LOCK),
    ):
        yield Path(name)


def discard_partial(run: str, runs: Path) -> None:
    """Remove a run that is not complete.

    It loses its name first, so that it cannot become a run should its writer still be at work.
    """
    _remove(partial_folder(run, runs), partial_folder(f"{run}.discarded", runs))


def discard(run: str, runs: Path) -> None:
    """Remove what there is of a run, complete or not; it is never listed half removed."""
    discard_partial(run, runs)
    _remove(runs / run, partial_folder(f"{run}.discarded", runs))


def _remove(folder: Path, trash: Path) -> None:
    with suppress(OSError):  # mostly there is no such folder
        folder.replace(trash)
    shutil.rmtree(trash, ignore_errors=True)


def clean_up(runs: Path) -> None:
    """Remove what jobs of killed processes left; whatever may still be in use stays."""
    now = time.time()
    for folder in runs.glob(".*.partial"):
        if _age(folder, now) > _SAVING:
            shutil.rmtree(folder, ignore_errors=True)
    remove_orphans(PREFIX)


def remove_orphans(prefix: str) -> None:
    """Remove the scratch folders of processes that were killed."""
    now = time.time()
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if _age(folder, now) > _NEW and _is_orphan(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _age(folder: Path, now: float) -> float:
    """Seconds since something in the folder changed; 0 where that cannot be told."""
    try:
        return now - max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except OSError:  # another process removes it this very moment, or it is another user's
        return 0.0


def _is_orphan(folder: Path) -> bool:
    # A lock ends with its process, however that ended; a process id may be another's by now, or
    # belong to another container.
    try:
        with FileLock(folder / _LOCK, timeout=0):
            return True
    except (Timeout, OSError):
        return False
