"""Images and labels in the form of a `Dataset`, from arrays as people store them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import Images, Labels
from mnistlab.data.own.files import Piece, axes_hint
from mnistlab.data.own.source import Source, printable

_SIDE = 28
_FAINT = 64  # below this brightest pixel, fractions show that the scale is another one
_DIM = 192  # below this brightest pixel, images are dim; MNIST's reach 255
# Tolerance at the ends of the range, as a fraction of it, for rounding errors of floats. It is
# below half a step of 1 in 255, so that rounding removes it.
_NOISE = 1e-3
_PART = 2000  # images that are scaled at a time; as float64 they take 13 MB


def images_of(piece: Piece) -> Images:
    """Return images as `(n, 28, 28)` uint8; pixels from 0 to 1 are scaled, others rounded.

    Raises DataError, naming the shape, type or range that was found instead.
    """
    x = piece.values
    sides = [side for side in x.shape[1:] if side != 1]
    if x.ndim < 2 or sides not in ([_SIDE, _SIDE], [_SIDE * _SIDE]):
        size = " x ".join(map(str, x.shape))
        hint = ", the mean of its three" if x.ndim == 4 and 3 in (x.shape[1], x.shape[-1]) else ""
        hint += axes_hint(x.shape)
        raise piece.source.unfit(f"has images {size}; give n x 28 x 28, one channel{hint}")
    return _pixels(x.reshape(-1, _SIDE, _SIDE), piece.source)


def _pixels(x: NDArray[np.generic], source: Source) -> Images:
    """Return pixels as uint8 from 0 to 255, scaled or rounded where necessary."""
    if x.dtype.kind not in "biuf":
        raise source.unfit(f"has pixels of type {x.dtype}; give numbers from 0 to 255")
    if not x.size:
        return np.zeros(x.shape, np.uint8)
    low, high = _range(x, "pixels", source)
    found = f"has pixels from {low:.7g} to {high:.7g}"
    full = 1 if 0 < high <= 1 + _NOISE else 255
    if low < -_NOISE * full or high > (1 + _NOISE) * full:
        raise source.unfit(f"{found}; give 0 to 255, or 0 to 1{_hint(low, high)}")
    if full == 1:
        source.remark("Pixels from 0 to 1 were multiplied by 255.")
    elif not _is_whole(x):
        if high < _FAINT:
            raise source.unfit(
                f"{found}, neither 0 to 1 nor 0 to 255; scale them to 0 to 255: where {high:.7g} "
                f"is full ink, multiply them by 255 / {high:.7g}"
            )
        source.remark("Pixels were rounded to whole numbers.")
    if x.dtype == np.uint8 and full == 255:
        return np.ascontiguousarray(x)
    result = np.empty(x.shape, np.uint8)
    for part, out in zip(_parts(x), _parts(result), strict=True):
        out[:] = np.rint(part.astype(np.float64) * (255 // full))
    return result


def _hint(low: float, high: float) -> str:
    if low == -1 and high == 1:
        return ": (x + 1) * 127.5"
    if low < 0 and high < 10:
        return ": these look standardised, so multiply by the deviation and add the mean again"
    return ": divide by 257" if high == 65535 else ""


def remark_on_ink(images: Mapping[str, Images], source: Source) -> None:
    """Remark which images are blank, all the same, or dim.

    Parameters
    ----------
    images : arrays (n, 28, 28) uint8 with n at least 1, by what they are called
    """
    blank = {called: bool((x == x[:, :1, :1]).all()) for called, x in images.items()}
    for called, x in images.items():
        is_same = bool((x == x[0]).all())
        if blank[called]:
            same = f"every pixel is {x.flat[0]}" if is_same else "each is one even grey"
            source.remark(f"All {called} are blank: {same}. Check how they were saved.")
        elif len(x) > 1 and is_same:
            source.remark(f"All {called} are the same. Check how they were saved.")
    brightest = max(int(x.max()) for x in images.values())
    if brightest < _DIM and not all(blank.values()):
        source.remark(
            f"The brightest pixel is {brightest} of 255: where that is full ink, multiply the "
            f"pixels by 255 / {brightest} before you load them, or the models see dim images."
        )


def labels_of(piece: Piece, images: int) -> Labels:
    """Return the labels of so many images as `(n,)` uint8, 0 to 9; errors as of `images_of`."""
    y, source = piece.values, piece.source
    if y.shape == (images, 10) and images:
        y = _from_one_hot(y, source)
    if y.size == images and y.ndim == 2 and 1 in y.shape:
        y = y.reshape(-1)
    if y.shape != (images,):
        hint = ", such as y.argmax(axis=0)" if y.shape == (10, images) else ""
        what = f"has {images:,} images but labels of shape {y.shape}; give one label each{hint}"
        raise source.unfit(what)
    if y.dtype.kind in "SU":
        y = _from_text(y, source)
    if y.dtype.kind not in "iuf":
        raise source.unfit(f"has labels of type {y.dtype}; give whole numbers, 0 to 9")
    if not y.size:
        return np.zeros(0, np.uint8)
    low, high = _range(y, "labels", source)
    if not _is_whole(y):
        raise source.unfit("has labels that are not whole numbers; give 0 to 9")
    if low < 0 or high > 9:
        hint = ": y % 10 where 10 stands for 0, y - 1 where they are counted from 1"
        hint = hint if (low, high) == (1, 10) else ""
        raise source.unfit(f"has labels from {low:g} to {high:g}; give 0 to 9{hint}")
    return y.astype(np.uint8)


def _from_one_hot(y: NDArray[np.generic], source: Source) -> NDArray[np.generic]:
    ones = y.astype(bool) if y.dtype.kind in "biuf" else np.zeros(y.shape, bool)
    if not ((ones.sum(1) == 1).all() and bool((y == ones).all())):
        raise source.unfit(
            "has 10 values for each image that are not one 1 among nine 0s; give labels from 0 to "
            "9, such as y.argmax(axis=1)"
        )
    source.remark("One-hot labels were turned into digits.")
    return np.asarray(ones.argmax(1))


def _from_text(y: NDArray[np.generic], source: Source) -> NDArray[np.generic]:
    texts = [t.decode("latin-1") if isinstance(t, bytes) else str(t) for t in y.tolist()]
    wrong = next((t for t in texts if t.strip() not in "0123456789" or not t.strip()), None)
    if wrong is not None:
        raise source.unfit(
            f"has labels of type {y.dtype}, such as {printable(wrong[:20])!r}; give whole numbers, "
            "0 to 9"
        )
    source.remark("Labels that are text were read as digits.")
    return np.array([int(t) for t in texts])


def _range(values: NDArray[np.generic], what: str, source: Source) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if not np.isfinite((low, high)).all():
        raise source.unfit(f"has {what} that are not finite (NaN or infinite); correct those")
    return low, high


def _is_whole(x: NDArray[np.generic]) -> bool:
    return x.dtype.kind != "f" or all(bool((part == np.rint(part)).all()) for part in _parts(x))


def _parts(x: NDArray[np.generic]) -> Iterator[NDArray[np.generic]]:
    return (x[start : start + _PART] for start in range(0, len(x), _PART))
