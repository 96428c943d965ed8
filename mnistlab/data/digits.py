"""scikit-learn's 1,797 digits in MNIST's format, where MNIST is not available.

They are UCI's "Optical Recognition of Handwritten Digits" test set (Alpaydin, Kaynak 1998;
CC BY 4.0): 8x8 images of 0 to 16, each pixel a count of ink in a 4x4 block of a 32x32 scan.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib.util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistlab import settings
from mnistlab.data.dataset import Dataset, Images, digest_of
from mnistlab.data.folder import open_folder, replace_folder
from mnistlab.errors import DataError

_RECIPE = 1  # part of the cache's name: a new recipe never reads an old cache
_BOX = 20  # longest side of a digit in MNIST
_SIZE = 28


def load_digits() -> Dataset:
    """Load scikit-learn's digits: 1,437 training and 360 test images.

    Read from the data file of the installed package, which is not imported. Each is put into
    MNIST's format: its box scaled to 20x20 keeping its proportions, brightest pixel 255, centre
    of mass in the middle of 28x28. Every fifth image of a class, in a fixed random order, is for
    testing.

    Returns
    -------
    Dataset
        Images `(n, 28, 28)` uint8, labels `(n,)` uint8; read-only, memory-mapped where the cache
        can be written.

    Raises
    ------
    DataError
        When scikit-learn's data file cannot be found or read.
    """
    folder = settings.cache_folder() / f"digits-{_RECIPE}"
    with contextlib.suppress(DataError):
        return open_folder(folder)
    dataset = _build()
    with contextlib.suppress(DataError):
        replace_folder(dataset, folder)
    with contextlib.suppress(DataError):
        # Also where that failed: another process may just have written its own.
        return open_folder(folder)
    # Without a cache the arrays stay in memory, 1.4 MB.
    return dataset


def _build() -> Dataset:
    path = _data_file()
    x8, y = _read(path)
    x = np.stack([to_mnist_format(image) for image in x8])
    test = _test_part(y)
    arrays = (x[~test], y[~test], x[test], y[test])
    for array in arrays:
        array.flags.writeable = False
    digest, source = digest_of(arrays), f"scikit-learn's data file {path}"
    return Dataset("digits", "scikit-learn digits", *arrays, digest=digest, source=source)


def _data_file() -> Path:
    # find_spec of a top-level package locates it without importing it (1.7 s and 116 MB).
    spec = importlib.util.find_spec("sklearn")
    for location in (spec.submodule_search_locations if spec else None) or ():
        path = Path(location) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            return path
    raise DataError("scikit-learn's digits are not installed; run `pip install scikit-learn`.")


def _read(path: Path) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    try:
        with gzip.open(path, "rt", encoding="ascii") as file:
            table = np.loadtxt(file, delimiter=",")
        return table[:, :64].reshape(-1, 8, 8), table[:, 64].astype(np.uint8)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read ({error}); run `pip install --force-reinstall scikit-learn`."
        ) from error


def _test_part(y: NDArray[np.uint8]) -> NDArray[np.bool_]:
    # RandomState's stream is frozen, so the split is the same under every NumPy.
    shuffled = np.random.RandomState(0).permutation(len(y))
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    test = np.zeros(len(y), bool)
    test[by_class[::5]] = True
    return test


def to_mnist_format(image: NDArray[np.float64]) -> Images:
    """Return an image as `(28, 28)` uint8, similar to MNIST's own recipe.

    Parameters
    ----------
    image : array (height, width), 0 for paper and above for ink, of which there is some
    """
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    ink = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = _BOX / max(ink.shape)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    large = _stretch(ink.shape[0], height) @ ink @ _stretch(ink.shape[1], width).T
    large *= 255 / large.max()
    top, left = (int(_SIZE / 2 + 1 - _centre(large.sum(axis=axis))) for axis in (1, 0))
    top, left = min(max(top, 0), _SIZE - height), min(max(left, 0), _SIZE - width)
    result = np.zeros((_SIZE, _SIZE), np.uint8)
    # A small offset, so that the rounding is the same on all platforms.
    result[top : top + height, left : left + width] = np.floor(large + 0.5 + 1e-6)
    return result


def _centre(mass: NDArray[np.float64]) -> float:
    return float(np.average(np.arange(len(mass)) + 0.5, weights=mass))


def _stretch(old: int, new: int) -> NDArray[np.float64]:
    """Return the matrix `(new, old)` of a linear interpolation of a line of pixels."""
    position = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    distance = np.abs(position[:, None] - np.arange(old))
    weights: NDArray[np.float64] = np.clip(1 - distance, 0, None)
    return weights
