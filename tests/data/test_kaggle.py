"""Kaggle's files, made here from images of our own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mnistlab.data.kaggle import (
    PIXELS,
    dataset_from_train,
    read_test,
    read_train,
    write_submission,
)
from mnistlab.errors import UploadError

RNG = np.random.default_rng(3)
IMAGES = RNG.integers(0, 256, (2100, 28, 28), dtype=np.uint8)
LABELS = RNG.integers(0, 10, 2100, dtype=np.uint8)


def write(path: Path, head: list[str], rows: np.ndarray) -> Path:
    lines = [",".join(head), *(",".join(map(str, row)) for row in rows.tolist())]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def train_csv(tmp_path: Path) -> Path:
    rows = np.concatenate([LABELS[:, None], IMAGES.reshape(-1, 784)], axis=1)
    return write(tmp_path / "train.csv", ["label", *PIXELS], rows)


@pytest.fixture
def test_csv(tmp_path: Path) -> Path:
    return write(tmp_path / "test.csv", PIXELS, IMAGES.reshape(-1, 784))


def test_both_files_are_read_as_they_are(train_csv: Path, test_csv: Path) -> None:
    images, labels = read_train(train_csv)
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    np.testing.assert_array_equal(read_test(test_csv), IMAGES)


def test_windows_lines_quotes_and_an_empty_end_are_taken(tmp_path: Path) -> None:
    head = ",".join(f'"{name}"' for name in PIXELS)
    row = ",".join(["7"] * 784)
    path = tmp_path / "test.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{head}\r\n{row}\r\n\r\n".encode())
    assert read_test(path).tolist() == np.full((1, 28, 28), 7).tolist()


def test_a_labelled_file_becomes_a_dataset(train_csv: Path) -> None:
    dataset = dataset_from_train(train_csv, "my digits")
    assert (len(dataset.x_train), len(dataset.x_test)) == (1750, 350)
    np.testing.assert_array_equal(dataset.x_test[0], IMAGES[5])
    assert not dataset.x_train.flags.writeable


@pytest.mark.parametrize(
    ("line", "change", "message"),
    [
        (1, lambda cells: cells[1:], r"line 1: 784 columns beginning with 'pixel0, "),
        (3, lambda cells: cells[:-1], r"line 3: 784 values; give 785"),
        (1500, lambda cells: [*cells, "1"], r"line 1500: 786 values"),
        (4, lambda cells: ["3", "-1", *cells[2:]], r"line 4: the value '-1'; give whole numbers"),
        (2101, lambda cells: ["3", "256", *cells[2:]], r"line 2101: the value '256'"),
        (5, lambda cells: ["3", "1.5", *cells[2:]], r"line 5: the value '1.5'"),
        (6, lambda cells: ["3", "", *cells[2:]], r"line 6: the value ''"),
        (7, lambda cells: ["10", *cells[1:]], r"line 7: the label is 10; give digits"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    train_csv: Path, line: int, change, message: str
) -> None:
    lines = train_csv.read_text().splitlines()
    lines[line - 1] = ",".join(change(lines[line - 1].split(",")))
    train_csv.write_text("\n".join(lines))
    with pytest.raises(UploadError, match=rf"train\.csv, {message}"):
        read_train(train_csv)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UploadError, match=r"cannot be read .* give the CSV file"):
        read_test(tmp_path / "nothing.csv")


def test_a_submission_has_kaggles_form(tmp_path: Path) -> None:
    digits = np.arange(28_000) % 10
    write_submission(tmp_path / "submission.csv", digits)
    lines = (tmp_path / "submission.csv").read_text().splitlines()
    assert lines[:3] == ["ImageId,Label", "1,0", "2,1"]
    assert lines[-1] == "28000,9"
    assert len(lines) == 28_001
    assert [path.name for path in tmp_path.iterdir()] == ["submission.csv"]


def test_another_number_of_answers_is_no_submission(tmp_path: Path) -> None:
    with pytest.raises(UploadError, match=r"28,000 answers, not 27,999"):
        write_submission(tmp_path / "submission.csv", np.zeros(27_999, int))
    assert list(tmp_path.iterdir()) == []
