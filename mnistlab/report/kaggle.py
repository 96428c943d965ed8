"""Kaggle's digit-recognizer: its `test.csv`, and a `submission.csv` for it.

A row is an image of MNIST, its 784 pixels row by row
(kaggle.com/competitions/digit-recognizer/data). The images are MNIST's own 70,000, shuffled, so a
model that was trained on MNIST has seen most of them. `load_own` reads its `train.csv`.
"""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistlab.data.rows import BLOCK, blocks, numbers_of
from mnistlab.errors import UploadError
from mnistlab.files import atomic_write
from mnistlab.texts import counted

TEST_ROWS = 28_000
"""Images in Kaggle's test.csv; it takes submissions of as many rows and no others."""
_SIDE = 28
_PIXELS = tuple(f"pixel{i}" for i in range(_SIDE * _SIDE))
_SUBMISSIONS = (
    "Kaggle takes answers to all images of its test.csv, so give that as it was downloaded."
)

Bytes = NDArray[np.uint8]


def read_test(path: str | Path, rows: int | None = None) -> Bytes:
    """The images of `test.csv`, (n, 28, 28) uint8.

    Parameters
    ----------
    rows : how many there must be, `TEST_ROWS` for a submission; by default any number

    Raises
    ------
    UploadError
        With the line's number, where columns, values or their number are not as they must be.
    """
    return _read(Path(path), rows).reshape(-1, _SIDE, _SIDE)


def write_submission(path: str | Path, digits: ArrayLike) -> None:
    """Write `submission.csv`: `ImageId,Label`, images numbered from 1, whole or not at all.

    Parameters
    ----------
    digits : array (n,) of integers 0 to 9
        In the order of test.csv. Kaggle takes `TEST_ROWS` of them.

    Raises
    ------
    ValueError
        When these are no digits.
    OSError
        When the file cannot be written.
    """
    labels = np.asarray(digits)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not np.isin(labels, range(10)).all():
        raise ValueError("Give one line of integers from 0 to 9.")
    lines = [f"{number},{label}\n" for number, label in enumerate(labels.tolist(), 1)]
    atomic_write(Path(path), ("ImageId,Label\n" + "".join(lines)).encode("ascii"))


def _read(path: Path, rows: int | None) -> Bytes:
    """All values of a file, (n, 784) uint8."""
    parts: list[Bytes] = []
    line, done = 2, 0
    try:
        with path.open("rb") as file:
            _check_header(path, file.readline(BLOCK))
            for block in blocks(file):
                values, lines = _parse(block, path, line)
                if rows is not None and done + len(values) > rows:
                    place = line + _lines_before(block, rows - done)
                    raise UploadError(
                        f"{path}, line {place:,}: more than {counted(rows, 'image')}; "
                        f"{_SUBMISSIONS}"
                    )
                parts.append(values)
                line, done = line + lines, done + len(values)
    except ValueError as error:
        raise UploadError(f"{path} {error}; give a CSV file.") from error
    except OSError as error:
        raise UploadError(
            f"{path} cannot be read ({error.strerror or error}); give the path of a CSV file."
        ) from error
    if not done:
        raise UploadError(f"{path}, line 2: there are no images; give Kaggle's file as it is.")
    if rows is not None and done < rows:
        raise UploadError(
            f"{path} ends at line {line - 1:,} after {counted(done, 'image')}, not {rows:,}; "
            f"{_SUBMISSIONS}"
        )
    return np.concatenate(parts)


def _lines_before(block: bytes, row: int) -> int:
    """How many lines stand before a row of a block, which may have blank ones."""
    return [i for i, text in enumerate(block.split(b"\n")) if text.strip()][row]


def _check_header(path: Path, raw: bytes) -> None:
    text = raw.decode("utf-8-sig", errors="replace").strip()
    found = [name.strip().strip('"') for name in text.split(",")]
    if found == list(_PIXELS):
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


def _parse(block: bytes, path: Path, line: int) -> tuple[Bytes, int]:
    """The values of a block whose first line is number `line`, and how many lines it has."""
    lines = block.count(b"\n")
    values = numbers_of(block, len(_PIXELS))
    if values is not None and values.dtype == np.int64 and (values <= 255).all():
        digits = values.size + (values > 9).sum() + (values > 99).sum()
        if len(block.translate(None, b",\n")) == digits:  # no quotes, and no zeros in front
            return values.astype(np.uint8), lines
    return _parse_slowly(block, path, line), lines


def _parse_slowly(block: bytes, path: Path, line: int) -> Bytes:
    """The same line by line: allows quotes, spaces and blank lines, and finds what is wrong."""
    rows = []
    for number, text in enumerate(block.decode("utf-8", errors="replace").split("\n"), line):
        if not text.strip():
            continue
        cells = text.split(",")
        if len(cells) != len(_PIXELS):
            raise UploadError(
                f"{path}, line {number:,}: {len(cells):,} values instead of {len(_PIXELS)}; "
                "give Kaggle's file as it was downloaded."
            )
        rows.append([_value(cell, path, number, i) for i, cell in enumerate(cells, 1)])
    return np.array(rows, np.uint8).reshape(-1, len(_PIXELS))


def _value(cell: str, path: Path, line: int, column: int) -> int:
    text = cell.strip().strip('"')
    if text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= 255:
        return int(text)
    raise UploadError(
        f"{path}, line {line:,}: column {column} is {text[:20]!r}, not a whole number from 0 to "
        "255; give Kaggle's file as it was downloaded."
    )
