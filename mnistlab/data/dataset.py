"""Images with their labels, and passes over them that keep a few megabytes in memory.

A page of a memory-mapped file counts in the memory of every process that has read it, and a few
thousand images at random touch all of MNIST's 55 MB. So pages are released after they were read;
the system's file cache still holds them.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import DataError

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]

CHUNK = 1000  # images; as float32 they take 3 MB
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of digits with their labels. The arrays are read-only."""

    name: str
    """For programs: `"mnist"` or `"digits"`."""
    title: str
    """For people: `"MNIST"` or `"scikit-learn digits"`."""
    x_train: Images
    """`(n, 28, 28)` uint8, bright ink (255) on black (0)."""
    y_train: Labels
    """`(n,)` uint8, 0 to 9."""
    x_test: Images
    y_test: Labels
    digest: str
    """SHA-256, in hexadecimal, over the bytes of the four arrays in this order."""
    source: str
    """Where the data is from, for people."""
    folder: Path | None = None
    """Folder of the arrays, from which another process can open the dataset (`open_folder`)."""
    notice: str = ""
    """A sentence for a banner, such as why another dataset is not available and what to do."""
    extra_images: Images = field(default_factory=lambda: np.zeros((0, 28, 28), np.uint8))
    """Images `(m, 28, 28)` that are trained on as well: a visitor's own digits."""
    extra_labels: Labels = field(default_factory=lambda: np.zeros(0, np.uint8))

    def with_extra(self, x: Images, y: Labels) -> Dataset:
        """Return the dataset with images (m, 28, 28) and labels (m,) that are trained on as well.

        `digest` stays the same, as do the images for validation and test. Raises DataError when
        there is no image, or shapes or labels do not fit.
        """
        x, y = np.asarray(x), np.asarray(y)
        if not len(x):
            raise DataError("There is nothing to add: keep drawings as My digits in Predict first.")
        if x.shape != (len(y), 28, 28) or x.dtype != np.uint8 or not 0 <= y.min() <= y.max() <= 9:
            raise DataError(
                f"Images {x.shape} {x.dtype} with {len(y)} labels cannot be added; give "
                "(n, 28, 28) uint8 and digits from 0 to 9."
            )
        return replace(self, extra_images=x, extra_labels=y.astype(np.uint8), folder=None)

    @property
    def fingerprint(self) -> str:
        """Identifies the data, including the extra images."""
        if not len(self.extra_images):
            return self.digest
        return f"{self.digest}-{digest_of((self.extra_images, self.extra_labels))}"

    def __repr__(self) -> str:
        return f"Dataset({self.title}: {len(self.x_train):,} train, {len(self.x_test):,} test)"

    def _repr_html_(self) -> str:
        # Imported here: only notebooks show datasets this way.
        from mnistlab.markup import note, strip, table

        has_training = len(self.y_train) > 0
        x = self.x_train if has_training else self.x_test
        y = self.y_train if has_training else self.y_test
        digits, rows = np.unique(y, return_index=True)
        examples = {str(digit): x[row] for digit, row in zip(digits, rows, strict=True)}
        facts = [
            ["training images", f"{len(self.x_train):,}"],
            ["test images", f"{len(self.x_test):,}"],
            *([["extra images", f"{len(self.extra_images):,}"]] if len(self.extra_images) else []),
            ["source", self.source],
            ["SHA-256", self.digest],
        ]
        notice = note(self.notice) if self.notice else ""
        return table([self.title, ""], facts, self.title) + notice + strip(examples, 56)


def digest_of(arrays: Iterable[NDArray[np.uint8]]) -> str:
    """Return the SHA-256, in hexadecimal, over the C-ordered bytes of the arrays in turn."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


def chunks(images: Images, size: int = CHUNK) -> Iterator[Images]:
    """Yield consecutive parts of at most `size` images, each released before the next."""
    for start in range(0, len(images), size):
        yield images[start : start + size]
        release(images)


def take(images: Images, rows: NDArray[np.integer]) -> Images:
    """Return copies of some images, `images[rows]`, and release the rest."""
    taken = np.array(images[rows])
    release(images)
    return taken


def release(array: Images) -> None:
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
