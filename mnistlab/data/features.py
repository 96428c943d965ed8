"""Features of handwriting: ink, centre of mass, size, slant and stroke width.

They are computed once for a whole dataset and kept beside the arrays, so that every page after the
first reads them in milliseconds.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import Dataset, chunks
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
    """Degrees by which the writing leans to the right: the shear of its second moments."""
    stroke_width: Floats
    """Pixels; see `stroke_widths`."""

    def of(self, name: str) -> Floats:
        """Return the values of one of `NAMES`."""
        values: Floats = getattr(self, name)
        return values

    def measured(self, name: str) -> NDArray[np.bool_]:
        """Return which images have a feature, (n,): a blank one has no centre, for example."""
        if name == "ink":
            return np.ones(len(self), bool)
        if name in ("centre_x", "centre_y", "slant"):
            return np.asarray(self.ink > 0)
        return np.asarray(self.stroke_width > 0)  # by pixels of half brightness, which it may lack

    def __len__(self) -> int:
        return len(self.ink)


def features(dataset: Dataset) -> tuple[Features, Features]:
    """Return the features of the training and the test images, cached where possible."""
    n_train, n_test = len(dataset.x_train), len(dataset.x_test)
    stored = _read(dataset.folder, n_train + n_test) if dataset.folder else None
    if stored is None:
        parts = [compute_features(x) for x in (dataset.x_train, dataset.x_test)]
        stored = np.concatenate(parts)
        if dataset.folder is not None:
            buffer = io.BytesIO()
            np.save(buffer, stored)
            with contextlib.suppress(OSError):  # a cache that cannot be written only costs time
                atomic_write(dataset.folder / FILE, buffer.getvalue())
    return _named(stored[:n_train]), _named(stored[n_train:])


def compute_features(images: NDArray[np.uint8]) -> Floats:
    """Return features of images (n, 28, 28) uint8: `(n, 7)` float32, columns as in `NAMES`."""
    parts = [_compute(part) for part in chunks(images)]
    return np.concatenate(parts) if parts else np.zeros((0, len(NAMES)), np.float32)


def by_digit(values: Floats, labels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return quantiles 5, 25, 50, 75, 95 % by digit: `(10, 5)`, NaN for a digit without images."""
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
    values = {
        "ink": ink / (255 * pixels.shape[1]),
        "centre_x": centre_x,
        "centre_y": centre_y,
        "width": _extent(columns),
        "height": _extent(rows),
        # Rows count downwards, so a stroke that leans right has a negative covariance.
        "slant": np.degrees(np.arctan(-lean / tall)),
        "stroke_width": stroke_widths(written),
    }
    return np.stack([values[name] for name in NAMES], 1).astype(np.float32)


_Y, _X = (axis.ravel().astype(np.float32) for axis in np.mgrid[:28, :28])
_MOMENTS = np.stack([np.ones_like(_X), _X, _Y, _X * _Y, _Y * _Y], 1)


def _extent(occupied: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the distance from the first to the last true of each row of (n, 28), inclusive."""
    first, last = occupied.argmax(1), occupied.shape[1] - occupied[:, ::-1].argmax(1)
    return np.asarray(np.where(occupied.any(1), last - first, 0))


def stroke_widths(written: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return stroke widths (n,) in pixels of masks (n, h, w) of the ink.

    Twice the area over the perimeter, which is exact for a long straight stroke.
    """
    area = written.sum((1, 2))
    padded = np.pad(written, ((0, 0), (1, 1), (1, 1)))
    sides = (padded[:, 1:] != padded[:, :-1]).sum((1, 2))
    sides += (padded[:, :, 1:] != padded[:, :, :-1]).sum((1, 2))
    # Pixel edges overstate a boundary that runs in all directions alike by 4 / pi.
    perimeter = np.maximum(sides * (np.pi / 4), 1)
    return np.asarray(2 * area / perimeter)


def _named(values: Floats) -> Features:
    return Features(**{name: values[:, i] for i, name in enumerate(NAMES)})


def _read(folder: Path, n: int) -> Floats | None:
    try:
        stored: Floats = np.load(folder / FILE, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # not there, or cut short: computed again
    fits = stored.shape == (n, len(NAMES)) and stored.dtype == np.float32
    # A file older than the arrays belongs to other arrays.
    newer = (folder / FILE).stat().st_mtime_ns >= (folder / "x_train.npy").stat().st_mtime_ns
    return stored if fits and newer else None
