"""How much memory a server takes, whatever it consists of."""

from __future__ import annotations

from contextlib import suppress

import psutil

MEGABYTE = 1e6


def pss(pid: int) -> float:
    """Megabytes (PSS) of a process and all that it started."""
    process, total = psutil.Process(pid), 0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            total += each.memory_full_info().pss
    return total / MEGABYTE
