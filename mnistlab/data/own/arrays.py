"""Images and labels as a dataset has them, from arrays as people store them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import Images, Labels
from mnistlab.data.own.files import Piece, axes_hint, printable
from mnistlab.errors import DataError

SIDE = 28
_FAINT = 64  # brightest pixel below which fractions show that the scale is another one
_DIM = 192  # brightest pixel of all images; MNIST's images reach 255
# Of full ink: what arithmetic with floats adds. It is below half a step of 1 in 255, so that
# rounding takes it away again.
_NOISE = 1e-3
_PART = 2000  # images that are scaled at a time; as float64 they take 13 MB


def images_of(piece: Piece, remarks: list[str]) -> Images:
    """Images as `(n, 28, 28)` uint8.

    Pixels from 0 to 1 are scaled, others rounded, and `remarks` says so.

    Raises
    ------
    DataError
        Saying what shape, type or range was found instead.
    """
    x = piece.values
    sides = [side for side in x.shape[1:] if side != 1]
    if x.ndim < 2 or sides not in ([SIDE, SIDE], [SIDE * SIDE]):
        size = " x ".join(map(str, x.shape))
        hint = ", the mean of its three" if x.ndim == 4 and 3 in (x.shape[1], x.shape[-1]) else ""
        hint += axes_hint(x.shape)
        raise DataError(f"{piece.name} has images {size}; give n x 28 x 28, one channel{hint}.")
    return _pixels(piece.name, x.reshape(-1, SIDE, SIDE), remarks)


def _pixels(name: str, x: NDArray[np.generic], remarks: list[str]) -> Images:
    """Pixels as uint8 from 0 to 255; scaled or rounded where that is what they are."""
    if x.dtype.kind not in "biuf":
        raise DataError(f"{name} has pixels of type {x.dtype}; give numbers from 0 to 255.")
    if not x.size:
        return np.zeros(x.shape, np.uint8)
    low, high = _range(name, "pixels", x)
    full = 1 if 0 < high <= 1 + _NOISE else 255
    if low < -_NOISE * full or high > (1 + _NOISE) * full:
        raise DataError(
            f"{name} has pixels from {low:.7g} to {high:.7g}; give 0 to 255, or 0 to 1"
            f"{_hint(low, high)}."
        )
    if full == 1:
        remarks.append("Pixels from 0 to 1 were multiplied by 255.")
        return _by_parts(x, 255)
    if high < _FAINT and x.dtype.kind == "f" and not _is_whole(x):
        raise DataError(
            f"{name} has pixels from {low:.7g} to {high:.7g}, neither 0 to 1 nor 0 to 255; scale "
            f"them to 0 to 255: where {high:.7g} is full ink, multiply them by 255 / {high:.7g}."
        )
    if not _is_whole(x):
        remarks.append("Pixels were rounded to whole numbers.")
    return _by_parts(x, 1)


def ink_remarks(images: Mapping[str, Images]) -> list[str]:
    """What is odd about the ink of images: blank, all the same, or dim.

    Parameters
    ----------
    images : arrays (n, 28, 28) uint8 with n at least 1, by what they are called
    """
    remarks = []
    for called, x in images.items():
        if _is_blank(x):
            same = f"every pixel is {x.flat[0]}" if _is_same(x) else "each is one even grey"
            remarks.append(f"All {called} are blank: {same}. Check how they were saved.")
        elif len(x) > 1 and _is_same(x):
            remarks.append(f"All {called} are the same. Check how they were saved.")
    brightest = max(int(x.max()) for x in images.values())
    if brightest < _DIM and not all(_is_blank(x) for x in images.values()):
        remarks.append(
            f"The brightest pixel is {brightest} of 255: where that is full ink, multiply the "
            f"pixels by 255 / {brightest} before you load them, or the models see dim images."
        )
    return remarks


def _is_blank(x: Images) -> bool:
    return all(bool((part == part[:, :1, :1]).all()) for part in _parts(x))


def _is_same(x: Images) -> bool:
    return all(bool((part == x[0]).all()) for part in _parts(x))


def _hint(low: float, high: float) -> str:
    if low == -1 and high == 1:
        return ": (x + 1) * 127.5"
    if low < 0 and high < 10:
        return ": these look standardised, so multiply by the deviation and add the mean again"
    if high == 65535:
        return ": divide by 257"
    return ""


def _range(name: str, what: str, values: NDArray[np.generic]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if not np.isfinite((low, high)).all():
        raise DataError(f"{name} has {what} that are not finite (NaN or infinite); mend those.")
    return low, high


def _is_whole(x: NDArray[np.generic]) -> bool:
    return x.dtype.kind != "f" or all(bool((part == np.rint(part)).all()) for part in _parts(x))


def _by_parts(x: NDArray[np.generic], factor: int) -> Images:
    """Multiplied and rounded, without a second copy of all of it as floats."""
    if x.dtype == np.uint8 and factor == 1:
        return np.ascontiguousarray(x)
    result = np.empty(x.shape, np.uint8)
    for part, out in zip(_parts(x), _parts(result), strict=True):
        out[:] = np.rint(part.astype(np.float64) * factor)
    return result


def _parts(x: NDArray[np.generic]) -> Iterator[NDArray[np.generic]]:
    return (x[start : start + _PART] for start in range(0, len(x), _PART))


def labels_of(piece: Piece, images: int, remarks: list[str]) -> Labels:
    """Labels of a number of images as `(n,)` uint8 from 0 to 9, and `remarks` of what was done.

    Raises
    ------
    DataError
        Saying what shape, type or range was found instead.
    """
    y, name = piece.values, piece.name
    if y.shape == (images, 10) and images:
        y = _from_one_hot(y, name)
        remarks.append("One-hot labels were turned into digits.")
    if y.size == images and y.ndim == 2 and 1 in y.shape:
        y = y.reshape(-1)
    if y.shape != (images,):
        raise DataError(
            f"{name}: {images:,} images but labels of shape {y.shape}; give one label each"
            f"{', such as y.argmax(axis=0)' if y.shape == (10, images) else ''}."
        )
    if y.dtype.kind in "SU":
        y = _from_text(y, name)
        remarks.append("Labels that are text were read as digits.")
    if y.dtype.kind not in "iuf":
        raise DataError(f"{name} has labels of type {y.dtype}; give whole numbers, 0 to 9.")
    if not y.size:
        return np.zeros(0, np.uint8)
    low, high = _range(name, "labels", y)
    if low < 0 or high > 9 or not _is_whole(y):
        found = f"from {low:g} to {high:g}" if _is_whole(y) else "that are no whole numbers"
        hint = ""
        if (low, high) == (1, 10):
            hint = ": y % 10 where 10 stands for 0, y - 1 where they are counted from 1"
        raise DataError(f"{name} has labels {found}; give 0 to 9{hint}.")
    return y.astype(np.uint8)


def _from_one_hot(y: NDArray[np.generic], name: str) -> NDArray[np.generic]:
    ones = y.astype(bool) if y.dtype.kind in "biuf" else np.zeros(y.shape, bool)
    if not ((ones.sum(1) == 1).all() and bool((y == ones).all())):
        raise DataError(
            f"{name} has 10 values for each image that are not one 1 among nine 0s; give labels "
            "from 0 to 9, such as y.argmax(axis=1)."
        )
    digits: NDArray[np.generic] = ones.argmax(1)
    return digits


def _from_text(y: NDArray[np.generic], name: str) -> NDArray[np.generic]:
    texts = [t.decode("latin-1") if isinstance(t, bytes) else str(t) for t in y.tolist()]
    wrong = next((t for t in texts if t.strip() not in "0123456789" or not t.strip()), None)
    if wrong is not None:
        raise DataError(
            f"{name} has labels of type {y.dtype}, such as {printable(wrong[:20])!r}; give whole "
            "numbers, 0 to 9."
        )
    return np.array([int(t) for t in texts])
