"""Passes over large arrays of images that keep a few megabytes in memory.

A page of a memory-mapped file counts in the memory of every process that has read it, and a few
thousand images at random touch all of MNIST's 55 MB. So what has been read is released again; the
system's file cache still holds it.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 1000  # images; as float32 they take 3 MB


def chunks(images: NDArray[np.uint8], size: int = CHUNK) -> Iterator[NDArray[np.uint8]]:
    """Consecutive parts of at most `size` images, each released once the next is asked for."""
    for start in range(0, len(images), size):
        yield images[start : start + size]
        release(images)


def take(images: NDArray[np.uint8], rows: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Copies of some images, `images[rows]`, which leave nothing else in memory."""
    taken = np.array(images[rows])
    release(images)
    return taken


def release(array: NDArray[np.uint8]) -> None:
    """Take a memory-mapped array's pages out of this process's memory, where the system can.

    They come back when they are read. Any other array stays as it is, and so does a mapping that
    can be written to, which would lose what was written.
    """
    owner: Any = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    is_read_only = getattr(owner, "mode", "") == "r"
    # Windows has no such call, and trims by itself.
    if isinstance(owner.base, mmap.mmap) and is_read_only and hasattr(mmap, "MADV_DONTNEED"):
        owner.base.madvise(mmap.MADV_DONTNEED)
