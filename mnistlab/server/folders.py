"""A folder for each kernel: its temporary files, and on a shared server the visit's runs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

_STARTING_SECONDS = 120  # a folder is created before its kernel is known


class VisitFolders:
    """The folders of all kernels, below `parent`."""

    def __init__(self, parent: Path, shared: bool) -> None:
        self._parent = parent
        self._shared = shared

    def create(self, kernel_id: str) -> dict[str, str]:
        """Create a kernel's folder; returns the environment variables that name it."""
        folder = self._parent / kernel_id
        temporary = folder / "tmp"
        temporary.mkdir(parents=True)
        variables = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
        return variables | ({"MNISTLAB_VISIT": str(folder)} if self._shared else {})

    def remove(self, kernel_id: str) -> None:
        """Delete a kernel's folder."""
        shutil.rmtree(self._parent / kernel_id, ignore_errors=True)

    def remove_others(self, kernels: Collection[str]) -> None:
        """Delete folders of ended kernels, into which a training may have written later."""
        for folder in self._parent.glob("*"):
            with suppress(OSError):  # it may be deleted at this moment
                old = time.time() - folder.stat().st_mtime > _STARTING_SECONDS
                if old and folder.name not in kernels:
                    self.remove(folder.name)
