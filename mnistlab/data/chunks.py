"""Passes over large arrays of images that keep a few megabytes in memory.

A page of a memory-mapped file counts in the memory of every process that has read it, and a few
thousand images at random touch all of MNIST's 55 MB. So pages are released after they were read;
the system's file cache still holds them.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 1000  # images; as float32 they take 3 MB


def chunks(images: NDArray[np.uint8], size: int = CHUNK) -> Iterator[NDArray[np.uint8]]:
    """Yield consecutive parts of at most `size` images, each released before the next."""
    for start in range(0, len(images), size):
        yield images[start : start + size]
        release(images)


def take(images: NDArray[np.uint8], rows: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return copies of some images, `images[rows]`, and release the rest."""
    taken = np.array(images[rows])
    release(images)
    return taken


def release(array: NDArray[np.uint8]) -> None:
    """Release a memory-mapped array's pages from this process's memory, where possible.

    They come back when they are read. Other arrays stay as they are, and so do writable mappings,
    which would lose changes.
    """
    owner: Any = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    is_read_only = getattr(owner, "mode", "") == "r"
    # Windows has no such call and trims by itself.
    if isinstance(owner.base, mmap.mmap) and is_read_only and hasattr(mmap, "MADV_DONTNEED"):
        owner.base.madvise(mmap.MADV_DONTNEED)
