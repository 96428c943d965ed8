"""The server's own memory: after a hundred visits it is to be what it was after the first."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

_M_ARENA_MAX = -8  # of glibc's malloc.h


def prepare() -> None:
    """Before the server loads and serves; threads that start later all allocate in one place.

    glibc gives each thread an arena, in which what one visit leaves keeps another's memory.
    """
    with suppress(OSError, AttributeError, TypeError):  # not glibc, which alone needs it
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def keep_what_is_loaded() -> None:
    """Leave what is there now out of all later collections; it stays to the end anyway.

    To search its 200,000 objects each time would hold up everyone for 0.1 s; the rest takes 5 ms.
    """
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Return what ended visits took to the system.

    Python itself collects cycles so late that the objects of several ended visits lie between
    those of the next ones, and hardly any memory becomes free as a whole.
    """
    gc.collect()
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
