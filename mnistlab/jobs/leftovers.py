"""What jobs leave on the disk, and its removal."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from mnistlab.data import Dataset, save_folder
from mnistlab.scratch import age, remove_orphans
from mnistlab.training.save import partial_folder

PREFIX = "mnistlab-job-"
"""Of the scratch folder of a job."""
_MAX_SAVING = 3600  # seconds; saving a run takes a few


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
        if age(folder) > _MAX_SAVING:
            shutil.rmtree(folder, ignore_errors=True)
    remove_orphans(PREFIX)
