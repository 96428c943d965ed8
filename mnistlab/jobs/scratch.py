"""Scratch folders of jobs and unfinished runs, and their removal after a crash."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mnistlab.data import Dataset, save_folder
from mnistlab.training.save import partial_folder

_PREFIX = "mnistlab-job-"
_LOCK = ".lock"
_MIN_AGE = 60  # seconds; a younger scratch folder may not have its lock yet
_MAX_SAVING = 3600  # seconds; saving a run takes a few


@contextmanager
def scratch_folder(parent: Path | None = None, prefix: str = _PREFIX) -> Iterator[Path]:
    """Make a folder for one job, by default among the temporary ones; it is removed on exit.

    A lock in it shows other processes' `clean_up` that its process lives.
    """
    with (
        tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True) as name,
        FileLock(Path(name) / _LOCK),
    ):
        yield Path(name)


def folder_of(dataset: Dataset, scratch: Path) -> Path:
    """Return a dataset's folder, written into a scratch folder if it has none."""
    if dataset.folder is not None:
        return dataset.folder
    save_folder(dataset, scratch / "data")
    return scratch / "data"


def discard(run: str, runs: Path, *, complete: bool = True) -> None:
    """Remove what there is of a run, a complete one only if `complete`.

    It is never listed half removed.
    """
    for folder in [partial_folder(run, runs), runs / run][: 1 + complete]:
        # Renamed first, so that it cannot become a run even if its writer is still at work.
        trash = partial_folder(f"{run}.discarded", runs)
        with suppress(OSError):  # mostly there is no such folder
            folder.replace(trash)
        shutil.rmtree(trash, ignore_errors=True)


def clean_up(runs: Path) -> None:
    """Remove the folders that killed jobs left; those that may still be in use stay."""
    for folder in runs.glob(".*.partial"):
        if _age(folder) > _MAX_SAVING:
            shutil.rmtree(folder, ignore_errors=True)
    remove_orphans(_PREFIX)


def remove_orphans(prefix: str) -> None:
    """Remove the scratch folders of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if _age(folder) > _MIN_AGE and _is_orphan(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _age(folder: Path) -> float:
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
