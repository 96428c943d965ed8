"""How each image is written: ink, centre of mass, size, slant and stroke width.

Computed once for a whole dataset, vectorised, and kept beside the arrays, so that every page
after the first reads them in milliseconds.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.chunks import chunks
from mnistlab.data.dataset import Dataset
from mnistlab.files import atomic_write

FILE = "features.npy"
NAMES = ("ink", "centre_x", "centre_y", "width", "height", "slant", "stroke_width")
_TALL = 0.01  # variance of the rows with ink, in square pixels; of two rows it is 0.25
_INK = 128  # from this value on a pixel counts as written on

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Features:
    """One value for each of n images, arrays (n,) float32."""

    ink: Floats
    """Mean of the pixels, 0 (blank) to 1."""
    centre_x: Floats
    """Centre of mass in pixels from the left edge of the first column's centre; 0 to 27."""
    centre_y: Floats
    """The same from the top."""
    width: Floats
    """Columns from the first to the last with a pixel of at least half brightness."""
    height: Floats
    """Rows, likewise."""
    slant: Floats
    """Degrees by which the writing leans, right positive: the shear that second moments show."""
    stroke_width: Floats
    """Pixels: twice the area over the perimeter, which is exact for a long straight stroke."""

    def of(self, name: str) -> Floats:
        """The values of one of `NAMES`."""
        values: Floats = getattr(self, name)
        return values

    def measured(self, name: str) -> NDArray[np.bool_]:
        """Of which images a feature can be measured, (n,): a blank one has no centre, say."""
        if name == "ink":
            return np.ones(len(self), bool)
        if name in ("centre_x", "centre_y", "slant"):
            return np.asarray(self.ink > 0)
        return np.asarray(self.stroke_width > 0)  # by pixels of half brightness, which it may lack

    def __len__(self) -> int:
        return len(self.ink)


def features(dataset: Dataset) -> tuple[Features, Features]:
    """The features of the training and the test images, from the cache where it has them."""
    n_train, n_test = len(dataset.x_train), len(dataset.x_test)
    stored = _read(dataset.folder, n_train + n_test)
    if stored is None:
        parts = [compute_features(x) for x in (dataset.x_train, dataset.x_test)]
        stored = np.concatenate(parts)
        _write(dataset.folder, stored)
    return _named(stored[:n_train]), _named(stored[n_train:])


def compute_features(images: NDArray[np.uint8]) -> Floats:
    """Features of images (n, 28, 28) uint8: `(n, 7)` float32, columns as in `NAMES`."""
    parts = [_compute(part) for part in chunks(images)]
    return np.concatenate(parts) if parts else np.zeros((0, len(NAMES)), np.float32)


def by_digit(values: Floats, labels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Quantiles 5, 25, 50, 75, 95 % of each digit's values: `(10, 5)`, NaN where there are none."""
    result = np.full((10, 5), np.nan)
    for digit in range(10):
        members = values[labels == digit]
        if len(members):
            result[digit] = np.percentile(members, [5, 25, 50, 75, 95])
    return result


def _compute(images: NDArray[np.uint8]) -> Floats:
    pixels = images.reshape(len(images), -1).astype(np.float32)
    ink, x, y, xy, yy = (pixels @ _MOMENTS).T
    mass = np.maximum(ink, 1)  # a blank image has its centre in the corner and no slant
    centre_x, centre_y = x / mass, y / mass
    lean = xy / mass - centre_x * centre_y
    tall = yy / mass - centre_y**2
    # Ink in a single row does not lean; only rounding would give it a slant.
    lean, tall = np.where(tall > _TALL, lean, 0), np.maximum(tall, _TALL)
    written = images >= _INK
    columns, rows = np.asarray(written.any(1)), np.asarray(written.any(2))
    result = np.stack(
        [
            ink / (255 * pixels.shape[1]),
            centre_x,
            centre_y,
            _extent(columns),
            _extent(rows),
            # Rows count downwards, so a stroke that leans right has a negative covariance.
            np.degrees(np.arctan(-lean / tall)),
            _stroke_width(written),
        ],
        1,
    )
    return result.astype(np.float32)


def _moments() -> Floats:
    y, x = (axis.ravel().astype(np.float32) for axis in np.mgrid[:28, :28])
    return np.stack([np.ones_like(x), x, y, x * y, y * y], 1)


_MOMENTS = _moments()


def _extent(occupied: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From the first to the last true of each row of (n, 28), both included; 0 where none is."""
    first, last = occupied.argmax(1), occupied.shape[1] - occupied[:, ::-1].argmax(1)
    extent: NDArray[np.int64] = np.where(occupied.any(1), last - first, 0)
    return extent


def _stroke_width(written: NDArray[np.bool_]) -> NDArray[np.float64]:
    area = written.sum((1, 2))
    padded = np.pad(written, ((0, 0), (1, 1), (1, 1)))
    sides = (padded[:, 1:] != padded[:, :-1]).sum((1, 2))
    sides += (padded[:, :, 1:] != padded[:, :, :-1]).sum((1, 2))
    # Steps overstate a boundary that runs in all directions alike by 4 / pi.
    perimeter = np.maximum(sides * (np.pi / 4), 1)
    width: NDArray[np.float64] = 2 * area / perimeter
    return width


def _named(values: Floats) -> Features:
    return Features(**{name: values[:, i] for i, name in enumerate(NAMES)})


def _read(folder: Path | None, n: int) -> Floats | None:
    if folder is None:
        return None
    try:
        stored: Floats = np.load(folder / FILE, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # not there, or cut short: computed again
    fits = stored.shape == (n, len(NAMES)) and stored.dtype == np.float32
    # Older than the arrays means of other arrays.
    newer = (folder / FILE).stat().st_mtime_ns >= (folder / "x_train.npy").stat().st_mtime_ns
    return stored if fits and newer else None


def _write(folder: Path | None, values: Floats) -> None:
    if folder is None:
        return
    buffer = io.BytesIO()
    np.save(buffer, values)
    with contextlib.suppress(OSError):  # a cache that cannot be written only costs time
        atomic_write(folder / FILE, buffer.getvalue())
