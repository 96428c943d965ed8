"""What pytest-xdist's processes take next: whole files, the long ones first.

Used by `make test`, as a plugin.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

# As in mnistlab/server/__init__.py: 2 s of each process's start.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

# These share the trainings of `tests/trained.py`, so one process takes them all.
_TRAINED = ("tests/training/test_training.py", "tests/jobs/test_cluster.py")
_LONG = ("tests/browser/", "tests/deploy/", "tests/server/", "notebooks/")


class LongFilesFirst(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """A file is done by one process, for the sake of what its tests share.

    A long file that came last would keep one process busy while the others have nothing to do.
    """

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # not by number of tests, but as sorted below

    def _split_scope(self, nodeid: str) -> str:
        return "trained" if nodeid.startswith(_TRAINED) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LongFilesFirst:
    return LongFilesFirst(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files first whose tests train, drive a browser or ask a server."""
    training = {item.path for item in items if item.get_closest_marker("tensorflow")}

    def rank(item: pytest.Item) -> int:
        if item.nodeid.startswith(_TRAINED):
            return 0
        return 1 if item.path in training or item.nodeid.startswith(_LONG) else 2

    items.sort(key=rank)
