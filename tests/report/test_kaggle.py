"""Kaggle's files, made of images at hand, and what is no such file."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.errors import UploadError
from mnistlab.report.kaggle import (
    TEST_ROWS,
    read_test,
    write_submission,
)

Array = NDArray[np.uint8]

PIXELS = [f"pixel{i}" for i in range(784)]


def write(path: Path, images: Array, labels: Array | None = None, end: str = "\n") -> Path:
    rows = images.reshape(len(images), -1).tolist()
    if labels is not None:
        rows = [[label, *row] for label, row in zip(labels.tolist(), rows, strict=True)]
    head = PIXELS if labels is None else ["label", *PIXELS]
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator=end).writerows([head, *rows])
    return path


@pytest.fixture
def images(mnist: Dataset) -> Array:
    return np.array(mnist.x_test[:300])


@pytest.fixture
def labels(mnist: Dataset) -> Array:
    return np.array(mnist.y_test[:300])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_was_written_is_read(images: Array, tmp_path: Path, end: str) -> None:
    read = read_test(write(tmp_path / "test.csv", images, end=end))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, images)


def test_all_values_many_blocks(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (1500, 28, 28), np.uint8)  # four megabytes of text
    np.testing.assert_array_equal(read_test(write(tmp_path / "t.csv", images), 1500), images)


def test_marks_quotes_spaces_blank_lines_and_no_last_newline(images: Array, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", images[:3])
    head, first, second, third = path.read_text().splitlines()
    quoted = ",".join(f'"{value}"' for value in second.split(","))
    spaced = third.replace(",", " , ")
    path.write_text("\ufeff" + "\n".join([head, first, "", quoted, spaced]), encoding="utf-8")
    np.testing.assert_array_equal(read_test(path), images[:3])


@pytest.mark.parametrize(
    ("line", "edit", "words"),
    [
        (1, lambda cells: ["label", *cells], "this is a train.csv; give a test.csv"),
        (
            1,
            lambda cells: [*cells[:5], "pixel6", "pixel5", *cells[7:]],
            "column 6 must be 'pixel5'",
        ),
        (1, lambda cells: cells[:-1], "column 784 must be 'pixel783', and here is nothing"),
        (1, lambda cells: [*cells, "x"], "column 785 must be the end of the line"),
        (1, lambda cells: ["0"] * 784, "column 1 must be 'pixel0'"),
        (4, lambda cells: cells[:-1], "783 values instead of 784"),
        (4, lambda cells: [*cells, "0"], "785 values instead of 784"),
        (7, lambda cells: ["256", *cells[1:]], "column 1 is '256'"),
        (7, lambda cells: [*cells[:9], "-1", *cells[10:]], "column 10 is '-1'"),
        (7, lambda cells: [*cells[:9], "0.5", *cells[10:]], "column 10 is '0.5'"),
        (7, lambda cells: [*cells[:9], "", *cells[10:]], "column 10 is ''"),
        (7, lambda cells: [*cells[:9], "1e2", *cells[10:]], "column 10 is '1e2'"),
        (7, lambda cells: [*cells[:9], "٣", *cells[10:]], "column 10 is '٣'"),
        (7, lambda cells: [*cells[:9], "0001", *cells[10:]], "column 10 is '0001'"),
        (2, lambda cells: ["\x00\xff"], "1 values instead of 784"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    images: Array,
    tmp_path: Path,
    line: int,
    edit: Callable[[list[str]], list[str]],
    words: str,
) -> None:
    path = write(tmp_path / "t.csv", images[:10])
    lines = path.read_text().splitlines()
    lines[line - 1] = ",".join(edit(lines[line - 1].split(",")))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(UploadError) as error:
        read_test(path)
    assert f"line {line}: " in str(error.value)
    assert words in str(error.value)


def test_two_short_lines_do_not_make_up_for_each_other(images: Array, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", images[:10])
    lines = path.read_text().splitlines()
    lines[2], lines[3] = lines[2] + ",0", lines[3].rpartition(",")[0]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UploadError, match="line 3: 785 values"):
        read_test(path)


def test_wrong_numbers_of_rows_are_told_with_the_line(images: Array, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", images[:10])
    with pytest.raises(UploadError, match=r"ends at line 11 after 10 images, not 28,000"):
        read_test(path, TEST_ROWS)
    with pytest.raises(UploadError, match="line 10: more than 8 images"):
        read_test(path, 8)
    assert len(read_test(path, 10)) == 10


def test_files_that_are_none(tmp_path: Path) -> None:
    empty, head, long = tmp_path / "empty.csv", tmp_path / "head.csv", tmp_path / "long.csv"
    empty.touch()
    head.write_text(",".join(PIXELS) + "\n")
    long.write_text(",".join(PIXELS) + "\n" + "0," * (1 << 20))
    for path, words in (
        (tmp_path / "none.csv", "cannot be read"),
        (tmp_path, "cannot be read"),
        (empty, "line 1: column 1 must be 'pixel0'"),
        (head, "line 2: there are no images"),
        (long, "a line of more than a megabyte"),
    ):
        with pytest.raises(UploadError, match=words):
            read_test(path)


def test_submission_counts_from_one_and_replaces_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    path.write_text("old")
    write_submission(path, np.array([7, 0, 9]))
    assert path.read_bytes() == b"ImageId,Label\n1,7\n2,0\n3,9\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("digits", [[10], [-1], [0.5], [[1, 2]]])
def test_what_is_no_digit_is_not_submitted(digits: list[Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 to 9"):
        write_submission(tmp_path / "s.csv", digits)
    assert not list(tmp_path.iterdir())
