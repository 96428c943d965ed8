"""Kaggle's digit-recognizer: its `test.csv`, and a `submission.csv` for it.

A row is an image of MNIST, its 784 pixels row by row
(kaggle.com/competitions/digit-recognizer/data). The images are MNIST's own 70,000, shuffled, so a
model that was trained on MNIST has seen most of them. `load_own` reads its `train.csv`.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistlab.data.rows import BLOCK, blocks, numbers_of
from mnistlab.errors import UploadError
from mnistlab.files import atomic_write
from mnistlab.texts import counted

TEST_ROWS = 28_000
"""Images in Kaggle's test.csv; it takes submissions of as many rows and no others."""
_SIDE = 28
_PIXELS = [f"pixel{i}" for i in range(_SIDE * _SIDE)]
_BYTE = re.compile("[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]")
_SUBMISSIONS = (
    "Kaggle takes answers to all images of its test.csv, so give that as it was downloaded."
)

Bytes = NDArray[np.uint8]


def read_test(path: str | Path, rows: int | None = None) -> Bytes:
    """The images of `test.csv`, (n, 28, 28) uint8; n must be `rows`, unless that is None.

    Raises `UploadError` with the line's number, where columns, values or their number are wrong.
    """
    try:
        with Path(path).open("rb") as file:
            return _read(file, str(path), rows).reshape(-1, _SIDE, _SIDE)
    except ValueError as error:
        raise UploadError(f"{path} {error}; give a CSV file.") from error
    except OSError as error:
        raise UploadError(
            f"{path} cannot be read ({error.strerror or error}); give the path of a CSV file."
        ) from error


def write_submission(path: str | Path, digits: ArrayLike) -> None:
    """Write `submission.csv`: `ImageId,Label`, images numbered from 1, whole or not at all.

    `digits` (n,) are integers from 0 to 9, else `ValueError`, in the order of test.csv. Kaggle
    takes `TEST_ROWS` of them. Raises `OSError` when the file cannot be written.
    """
    labels = np.asarray(digits)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not np.isin(labels, range(10)).all():
        raise ValueError("Give one line of integers from 0 to 9.")
    lines = [f"{number},{label}\n" for number, label in enumerate(labels.tolist(), 1)]
    atomic_write(Path(path), ("ImageId,Label\n" + "".join(lines)).encode("ascii"))


def _read(file: BinaryIO, path: str, rows: int | None) -> Bytes:
    """All values of a file, (n, 784) uint8."""
    parts: list[Bytes] = []
    line, done = 2, 0
    _check_header(path, file.readline(BLOCK))
    for block in blocks(file):
        values = _parse(block, path, line)
        if rows is not None and done + len(values) > rows:
            raise UploadError(
                f"{path}, line {line + rows - done:,}: more than {counted(rows, 'image')}; "
                f"{_SUBMISSIONS}"
            )
        parts.append(values)
        line, done = line + block.count(b"\n"), done + len(values)
    if not done:
        raise UploadError(f"{path}, line 2: there are no images; give Kaggle's file as it is.")
    if rows is not None and done < rows:
        raise UploadError(
            f"{path} ends at line {line - 1:,} after {counted(done, 'image')}, not {rows:,}; "
            f"{_SUBMISSIONS}"
        )
    return np.concatenate(parts)


def _check_header(path: str, raw: bytes) -> None:
    text = raw.decode("utf-8-sig", errors="replace").strip()
    found = [name.strip().strip('"') for name in text.split(",")]
    if found == _PIXELS:
        return
    if found == ["label", *_PIXELS]:
        raise UploadError(f"{path}, line 1: this is a train.csv; give a test.csv.")
    pairs = enumerate(zip_longest(_PIXELS, found), 1)
    column, (wanted, got) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
    wanted = "the end of the line" if wanted is None else repr(wanted)
    got = "nothing" if got is None else repr(got[:30])
    raise UploadError(
        f"{path}, line 1: column {column} must be {wanted}, and here is {got}; the columns are "
        f"{_PIXELS[0]} to {_PIXELS[-1]}, in this order."
    )


def _parse(block: bytes, path: str, line: int) -> Bytes:
    """The values of a block whose first line is number `line`."""
    values = numbers_of(block, len(_PIXELS))
    if values is not None and values.dtype == np.int64 and (values <= 255).all():
        digits = values.size + (values > 9).sum() + (values > 99).sum()
        if len(block.translate(None, b",\n")) == digits:  # no quotes, and no zeros in front
            return values.astype(np.uint8)
    # Line by line, which allows quotes, spaces and blank lines, and finds what is wrong.
    lines = enumerate(block.decode("utf-8", errors="replace").split("\n"), line)
    rows = [_parse_line(text, f"{path}, line {i:,}") for i, text in lines if text.strip()]
    return np.array(rows, np.uint8).reshape(-1, len(_PIXELS))


def _parse_line(text: str, place: str) -> list[int]:
    cells = [cell.strip().strip('"') for cell in text.split(",")]
    wrong = [i for i, cell in enumerate(cells, 1) if not _BYTE.fullmatch(cell)]
    if len(cells) != len(_PIXELS):
        what = f"{len(cells):,} values instead of {len(_PIXELS)}"
    elif wrong:
        cell = cells[wrong[0] - 1][:20]
        what = f"column {wrong[0]} is {cell!r}, not a whole number from 0 to 255"
    else:
        return [int(cell) for cell in cells]
    raise UploadError(f"{place}: {what}; give Kaggle's file as it was downloaded.")
