"""Reads the files of public test sets into arrays or drawings, and checks them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.benchmark_sets.place import AGAIN, Found, SetsFolder, text_of
from mnistlab.data.benchmark_sets.table import CORRUPTIONS, SetInfo
from mnistlab.data.mnist import load_mnist
from mnistlab.data.own.files import check_kind, read_array, reading
from mnistlab.data.own.orientation import detect_orientation
from mnistlab.data.own.source import Source
from mnistlab.data.pens import PenDrawing, parse_drawings

_TEST_10K = 10_000  # QMNIST's first test images are MNIST's
_LETTERS = 26
_USPS_SIDE = 16

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Part:
    """Images of a test set with their labels; one of `images` and `drawings` is there."""

    name: str
    """Of the corruption; empty for a set with one part."""
    labels: Labels
    """`(n,)`: digits from 0 to 9, or letters from 1 (A) to 26 (Z)."""
    images: Images | None = None
    """`(n, 28, 28)` bright ink on black, or `(n, 16, 16)`, which are to be preprocessed."""
    drawings: tuple[PenDrawing, ...] = ()
    """n drawings, which are to be preprocessed."""


@dataclass(frozen=True, eq=False)
class BenchmarkSet:
    """A test set that was read and checked."""

    info: SetInfo
    parts: tuple[Part, ...]
    digest: str
    """SHA-256 over the contents as they were read, before any preprocessing: images and labels in
    turn. Two cards with the same digest judged the same data."""
    source: str
    """The files, for people."""
    notes: tuple[str, ...] = ()
    """What was done to read it."""


def load_set(info: SetInfo, folder: SetsFolder) -> BenchmarkSet:
    """Read a public test set and check its shapes, counts and labels.

    Parameters
    ----------
    info : from the table of sets; its `counts` say how many images there must be
    folder : with its files. MNIST comes from `load_mnist` instead

    Raises
    ------
    FileNotFoundError
        When its files are not in the folder; the message says which.
    DataError
        When a file is damaged or something else.
    """
    return _LOADERS[info.name](info, folder)


def _load_mnist(info: SetInfo, _: SetsFolder) -> BenchmarkSet:
    dataset = load_mnist(progress=False)
    part = Part("", dataset.y_test, dataset.x_test)
    # Without the folders of a local file, which are nobody's business.
    source = Path(dataset.source).name if "local file" in dataset.source else dataset.source
    return BenchmarkSet(info, (part,), _digest((part,)), source)


def _load_qmnist(info: SetInfo, folder: SetsFolder) -> BenchmarkSet:
    x = _find(info, folder, "qmnist-test-images-idx3-ubyte")
    y = _find(info, folder, "qmnist-test-labels-idx2-int", "qmnist-test-labels-idx1-ubyte")
    labels = _array(y)
    # The extended labels have the class and seven columns on its source.
    labels = labels[:, 0] if labels.ndim == 2 else labels
    part = _part(info, x, _array(x), y, labels)
    assert part.images is not None
    kept = Part("", part.labels[_TEST_10K:], part.images[_TEST_10K:])
    note = "The first 10,000 test images, which are MNIST's, were left out."
    return _set(info, [kept], [x, y], [note])


def _load_emnist(info: SetInfo, folder: SetsFolder) -> BenchmarkSet:
    x, y = (_find(info, folder, name) for name in info.files)
    upright = _array(x)
    if upright.ndim == 3:
        upright = upright.swapaxes(1, 2)
    part = _part(
        info, x, upright, y, _array(y), (1, _LETTERS) if info.kind == "letters" else (0, 9)
    )
    return _set(info, [part], [x, y], ["Rows and columns were swapped, to set images upright."])


def _load_corruptions(info: SetInfo, folder: SetsFolder) -> BenchmarkSet:
    parts, files = [], []
    for name in CORRUPTIONS:
        x = _find(info, folder, f"{name}/test_images.npy")
        y = _find(info, folder, f"{name}/test_labels.npy")
        images = _array(x)
        if images.ndim == 4 and images.shape[3] == 1:
            images = images[..., 0]
        parts.append(_part(info, x, images, y, _array(y), name=name))
        files.append(x)
    return _set(info, parts, files[:1])


def _load_usps(info: SetInfo, folder: SetsFolder) -> BenchmarkSet:
    found = _find(info, folder, "usps.t.bz2", "usps.t", "zip.test")
    with reading(found.source):
        lines = [line.split() for line in text_of(found).splitlines() if line.strip()]
        is_libsvm = any(":" in word for line in lines[:1] for word in line)
        rows = [_usps_row(line, is_libsvm) for line in lines]
        labels = np.array([float(line[0]) for line in lines])
        values = np.array(rows, np.float64).reshape(-1, _USPS_SIDE, _USPS_SIDE)
        if not np.isfinite(values).all() or (values.size and np.abs(values).max() > 1.01):
            raise found.source.unfit(f"has pixels beyond -1 to 1; {AGAIN}")
        # LIBSVM's copy counts the digits from 1, with 1 for a zero.
        y = labels - 1 if is_libsvm else labels
        y = np.where(y == np.rint(y), y, -1).astype(np.int64)
        x = np.rint((np.clip(values, -1, 1) + 1) * 127.5).astype(np.uint8)
    part = _part(info, found, x, found, y, side=_USPS_SIDE)
    return _set(info, [part], [found])


def _usps_row(words: list[str], is_libsvm: bool) -> list[float]:
    """Return the 256 pixels of a line; LIBSVM's format leaves out those that are 0."""
    pixels = _USPS_SIDE**2
    if not is_libsvm:
        if len(words) != pixels + 1:
            raise ValueError(f"a line has {len(words) - 1} pixels instead of {pixels}")
        return [float(word) for word in words[1:]]
    row = [0.0] * pixels
    for word in words[1:]:
        index, value = word.split(":")
        if not 1 <= int(index) <= pixels:
            raise ValueError(f"a line has a pixel number {index}")
        row[int(index) - 1] = float(value)
    return row


def _load_ardis(info: SetInfo, folder: SetsFolder) -> BenchmarkSet:
    x, y = (_find(info, folder, name) for name in info.files)
    pixels, one_hot = _table(x), _table(y)
    if one_hot.ndim == 2 and one_hot.shape[1] == 10:
        if not (((one_hot == 0) | (one_hot == 1)).all() and (one_hot.sum(axis=1) == 1).all()):
            raise y.source.unfit(f"has labels that are not one 1 among nine 0s; {AGAIN}")
        one_hot = one_hot.argmax(axis=1)
    if pixels.ndim != 2 or pixels.shape[1] != 28 * 28:
        raise x.source.unfit(f"has {pixels.shape[-1]} numbers a line instead of 784; {AGAIN}")
    if not (pixels.min() >= 0 and pixels.max() <= 255):
        raise x.source.unfit(f"has pixels beyond 0 to 255; {AGAIN}")
    images = np.rint(pixels).astype(np.uint8).reshape(-1, 28, 28)
    part = _part(info, x, images, y, one_hot.reshape(-1).astype(np.int64))
    notes = []
    seen = detect_orientation([(images, part.labels)])
    if seen.inverted * 2 > seen.sample:
        part = Part("", part.labels, 255 - images)
        notes.append("Ink and paper were swapped.")
    return _set(info, [part], [x, y], notes)


def _table(found: Found) -> NDArray[np.float64]:
    text = text_of(found)
    with reading(found.source):
        return np.loadtxt(io.StringIO(text.replace(",", " ")), np.float64, ndmin=2)


def _load_pendigits(info: SetInfo, folder: SetsFolder) -> BenchmarkSet:
    found = _find(info, folder, *info.files)
    with reading(found.source):
        if not found.content.lstrip().startswith(b"{"):
            head = found.content[:512]
            if not head.startswith(b"\x1f\x9d"):  # packed by compress, as UCI publishes it
                check_kind(head, found.source)
        drawings = [each for each in parse_drawings(found.content, found.path) if each.strokes]
    digits = [each.digit for each in drawings]
    if any(digit is None for digit in digits):
        raise found.source.unfit(f"has drawings that are not labelled 0 to 9; {AGAIN}")
    _check_count(info, found.source, len(drawings), "drawings")
    part = Part("", np.array(digits, np.uint8), drawings=tuple(drawings))
    return _set(info, [part], [found])


_Loader = Callable[[SetInfo, SetsFolder], BenchmarkSet]
_LOADERS: Mapping[str, _Loader] = {
    "mnist": _load_mnist,
    "qmnist": _load_qmnist,
    "emnist-digits": _load_emnist,
    "emnist-letters": _load_emnist,
    "usps": _load_usps,
    "ardis": _load_ardis,
    "pendigits": _load_pendigits,
    "mnist-c": _load_corruptions,
}


# Their parts


def _find(info: SetInfo, folder: SetsFolder, *names: str) -> Found:
    found = folder.find(names, [each.name for each in info.downloads])
    if found is None:
        raise FileNotFoundError(f"there is no {' or '.join(names)} in the folder of the test sets")
    return found


def _array(found: Found) -> NDArray[np.generic]:
    return read_array(io.BytesIO(found.content), found.source)


def _part(
    info: SetInfo,
    x: Found,
    images: NDArray[np.generic],
    y: Found,
    labels: NDArray[np.generic],
    allowed: tuple[int, int] = (0, 9),
    name: str = "",
    side: int = 28,
) -> Part:
    """Check images and labels, and return them as uint8."""
    if images.ndim != 3 or images.shape[1:] != (side, side) or images.dtype != np.uint8:
        size = " x ".join(map(str, images.shape))
        raise x.source.unfit(
            f"has an array {size} of {images.dtype} where images n x {side} x {side} of uint8 are "
            f"expected; {AGAIN}"
        )
    _check_count(info, x.source, len(images), "images")
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        size = " x ".join(map(str, labels.shape))
        raise y.source.unfit(
            f"has labels {size} of {labels.dtype} for {len(images):,} images; {AGAIN}"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < allowed[0] or high > allowed[1]:
        raise y.source.unfit(
            f"has labels from {low} to {high} instead of {allowed[0]} to {allowed[1]}; {AGAIN}"
        )
    return Part(name, labels.astype(np.uint8), np.ascontiguousarray(images.astype(np.uint8)))


def _check_count(info: SetInfo, source: Source, count: int, what: str) -> None:
    fewest, most = info.counts
    if not fewest <= count <= most:
        expected = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
        raise source.unfit(f"has {count:,} {what} instead of {expected}; {AGAIN}")


def _set(
    info: SetInfo, parts: Iterable[Part], files: Iterable[Found], notes: Iterable[str] = ()
) -> BenchmarkSet:
    found = list(files)
    kept = tuple(parts)
    remarks = chain.from_iterable(each.source.remarks for each in found)
    source = ", ".join(dict.fromkeys(each.source.name for each in found))
    return BenchmarkSet(info, kept, _digest(kept), source, (*notes, *remarks))


def _digest(parts: Iterable[Part]) -> str:
    sha = hashlib.sha256()
    for part in parts:
        for piece in _bytes_of(part):
            sha.update(piece)
    return sha.hexdigest()


def _bytes_of(part: Part) -> Iterator[bytes]:
    if part.images is not None:
        yield part.images.tobytes()
    for drawing in part.drawings:
        for stroke in drawing.strokes:
            # With its length, so that two drawings differ where their strokes are cut elsewhere.
            yield len(stroke).to_bytes(4, "little")
            yield np.ascontiguousarray(stroke, "<f8").tobytes()
        yield b"/"
    yield part.labels.tobytes()
