"""A folder for each kernel: its temporary files, and on a shared server the visit's runs."""

from __future__ import annotations

import shutil
from pathlib import Path


class VisitFolders:
    """The folders of all kernels, below `parent`."""

    def __init__(self, parent: Path, shared: bool) -> None:
        self._parent, self._shared = parent, shared
        self._kernels: set[str] = set()

    def create(self, kernel_id: str) -> dict[str, str]:
        """Create a kernel's folder; returns the environment variables that name it."""
        self._kernels.add(kernel_id)
        folder = self._parent / kernel_id
        (folder / "tmp").mkdir(parents=True)
        variables = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder / "tmp"))
        return variables | ({"MNISTLAB_VISIT": str(folder)} if self._shared else {})

    def remove(self, kernel_id: str) -> None:
        """Delete a kernel's folder."""
        self._kernels.discard(kernel_id)
        shutil.rmtree(self._parent / kernel_id, ignore_errors=True)

    def clean_up(self) -> None:
        """Delete the folders of ended kernels, into which a training may have written later."""
        for folder in self._parent.glob("*"):
            if folder.name not in self._kernels:
                self.remove(folder.name)
