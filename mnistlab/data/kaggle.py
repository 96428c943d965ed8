"""Kaggle's digit-recognizer: its CSV files in, and a submission out.

`train.csv` has a column `label` and 784 columns `pixel0` to `pixel783`, `test.csv` the pixels
alone, a row for each image, values from 0 to 255.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistlab.data.dataset import Dataset, digest_of
from mnistlab.errors import UploadError

PIXELS = [f"pixel{i}" for i in range(784)]
SUBMISSION_ROWS = 28_000
_BATCH = 1000  # lines that are parsed at a time

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]


def read_train(path: Path) -> tuple[Images, Labels]:
    """Images (n, 28, 28) uint8 and labels (n,) uint8 of a file like `train.csv`.

    Raises
    ------
    UploadError
        Naming the line, what was found there, and what belongs there.
    """
    values = _read(path, ["label", *PIXELS])
    labels = values[:, 0]
    if len(labels) and labels.max() > 9:
        line = int(np.flatnonzero(labels > 9)[0]) + 2
        raise _bad(path, line, f"the label is {labels[line - 2]}", "give digits from 0 to 9")
    return values[:, 1:].reshape(-1, 28, 28), np.ascontiguousarray(labels)


def read_test(path: Path) -> Images:
    """Images (n, 28, 28) uint8 of a file like `test.csv`; raises `UploadError` as `read_train`."""
    return _read(path, PIXELS).reshape(-1, 28, 28)


def dataset_from_train(path: Path, title: str) -> Dataset:
    """A labelled file as a dataset, every sixth image for testing, as MNIST has one in seven."""
    images, labels = read_train(path)
    if len(images) < 12:
        raise UploadError(f"{path.name} has {len(images)} images; give at least 12.")
    test = np.arange(len(images)) % 6 == 5
    arrays = (images[~test], labels[~test], images[test], labels[test])
    for array in arrays:
        array.flags.writeable = False
    return Dataset("own", title, *arrays, digest=digest_of(arrays), source=f"file {path.name}")


def write_submission(path: Path, digits: ArrayLike) -> None:
    """Write `ImageId,Label`, image numbers from 1; the file appears only when it is complete.

    Parameters
    ----------
    digits : array (28000,) of digits 0 to 9, in the order of `test.csv`

    Raises
    ------
    UploadError
        When there are not 28,000 digits: Kaggle would refuse them.
    OSError
        When the file cannot be written.
    """
    labels = np.asarray(digits)
    if labels.shape != (SUBMISSION_ROWS,):
        raise UploadError(
            f"A submission has {SUBMISSION_ROWS:,} answers, not {labels.size:,}; "
            "give Kaggle's test.csv as it is."
        )
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    lines = (f"{i},{label}" for i, label in enumerate(labels.tolist(), start=1))
    try:
        fresh.write_text("ImageId,Label\n" + "\n".join(lines) + "\n", encoding="ascii")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _read(path: Path, columns: list[str]) -> NDArray[np.uint8]:
    try:
        with path.open("rb") as file:
            _check_head(path, file.readline(), columns)
            parts = list(_batches(path, file, len(columns)))
    except OSError as error:
        raise UploadError(
            f"{path} cannot be read ({error.strerror}); give the CSV file that Kaggle offers."
        ) from error
    return np.concatenate(parts) if parts else np.zeros((0, len(columns)), np.uint8)


def _check_head(path: Path, line: bytes, columns: list[str]) -> None:
    found = line.decode("utf-8-sig", "replace").strip().replace('"', "").split(",")
    if found != columns:
        what = f"{len(found)} columns beginning with {', '.join(found[:3])[:60]!r}"
        raise _bad(path, 1, what, f"Kaggle's has {', '.join(columns[:2])} to {columns[-1]}")


def _batches(path: Path, file: Iterable[bytes], width: int) -> Iterator[NDArray[np.uint8]]:
    lines: list[bytes] = []
    first = 2  # the number of the first line of the batch
    for line in file:
        lines.append(line)
        if len(lines) == _BATCH:
            yield _parse(path, lines, first, width)
            first, lines = first + len(lines), []
    while lines and not lines[-1].strip():
        lines.pop()  # empty lines at the end mean nothing
    if lines:
        yield _parse(path, lines, first, width)


def _parse(path: Path, lines: list[bytes], first: int, width: int) -> NDArray[np.uint8]:
    """Many lines at once; only where that fails one by one, to name the one that is wrong."""
    try:
        values = np.array(b",".join(lines).split(b","), dtype=np.int64)
        if values.size == width * len(lines) and values.min() >= 0 and values.max() <= 255:
            counts = {line.count(b",") for line in lines}
            if counts == {width - 1}:
                return values.reshape(-1, width).astype(np.uint8)
    except ValueError:
        pass
    return np.stack([_parse_line(path, line, first + i, width) for i, line in enumerate(lines)])


def _parse_line(path: Path, line: bytes, number: int, width: int) -> NDArray[np.uint8]:
    cells = line.decode("utf-8", "replace").strip().split(",")
    if len(cells) != width:
        raise _bad(path, number, f"{len(cells)} values", f"give {width}")
    for cell in cells:
        if not cell.strip().isdecimal() or int(cell) > 255:
            raise _bad(path, number, f"the value {cell[:20]!r}", "give whole numbers from 0 to 255")
    return np.array([int(cell) for cell in cells], np.uint8)


def _bad(path: Path, line: int, what: str, remedy: str) -> UploadError:
    return UploadError(f"{path.name}, line {line}: {what}; {remedy}.")
