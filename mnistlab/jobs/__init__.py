"""Where a training runs: a process on this machine or a worker of a Dask cluster.

Names are loaded when they are first used: the server needs only the queue, and NumPy, which the
others need, would be a tenth of its memory.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnistlab.jobs.job import Job, JobStatus
    from mnistlab.jobs.submission import obstacle, submit

_HOME_OF = {"Job": "job", "JobStatus": "job", "obstacle": "submission", "submit": "submission"}

__all__ = ["Job", "JobStatus", "obstacle", "submit"]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
