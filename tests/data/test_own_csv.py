"""CSV files as people have them: with other headers, columns, separators and numbers."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.errors import DataError
from tests.data.own_files import csv, read_own, rows_of

Array = NDArray[np.uint8]
Rows = list[list[int]]  # a label and 784 pixels each

N = 24
PIXELS = [f"pixel{i}" for i in range(784)]


@pytest.fixture
def x(digits: Dataset) -> Array:
    return np.array(digits.x_test[:N])


@pytest.fixture
def y(digits: Dataset) -> Array:
    return np.array(digits.y_test[:N])


@pytest.fixture
def rows(x: Array, y: Array) -> Rows:
    return rows_of(x, y)


def check(content: bytes, x: Array, y: Array, *remarks: str) -> None:
    """The file has these images, and its notice says this of how it was read and no more."""
    found = read_own({"digits.csv": content})
    np.testing.assert_array_equal(found.x_test, x[5::6])
    np.testing.assert_array_equal(found.y_test, y[5::6])
    np.testing.assert_array_equal(found.x_train, np.delete(x, np.s_[5::6], 0))
    said = found.notice.partition("There is one set")[0]
    assert said == "".join(f"{remark} " for remark in remarks)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_kaggles_columns(rows: Rows, x: Array, y: Array, end: str) -> None:
    content = csv(rows, ["label", *PIXELS], end=end)
    check(content, x, y)
    check(b"\xef\xbb\xbf" + content, x, y)
    check(gzip.compress(content), x, y)


@pytest.mark.parametrize(
    "names",
    [
        [f"{r}x{c}" for r in range(1, 29) for c in range(1, 29)],
        [str(i) for i in range(784)],
        [f"Pixel {i}" for i in range(1, 785)],
        [f"p{i // 28}{chr(97 + i % 28)}" for i in range(784)],
    ],
)
def test_other_names_of_pixels(names: list[str], rows: Rows, x: Array, y: Array) -> None:
    check(csv(rows, ["label", *names]), x, y)
    check(csv(rows, ["Class", *names]), x, y)


def test_columns_in_the_order_of_the_alphabet(rows: Rows, x: Array, y: Array) -> None:
    header = ["label", *PIXELS]
    order = sorted(range(785), key=header.__getitem__)
    content = csv([[row[i] for i in order] for row in rows], [header[i] for i in order])
    check(content, x, y, "The columns of pixels were put in the order of their names.")


def test_without_a_header(rows: Rows, x: Array, y: Array) -> None:
    no_header = "There is no header."
    check(csv(rows), x, y, no_header, "The first column of values was read as the label.")
    last = [[*row[1:], row[0]] for row in rows]
    check(csv(last), x, y, no_header, "The last column was read as the label.")
    counted = [[i, *row] for i, row in enumerate(rows)]
    left_out = "The first column was left out as an index."
    first = "The first column of values was read as the label."
    check(csv(counted), x, y, no_header, left_out, first)


def test_the_label_elsewhere_and_an_index(rows: Rows, x: Array, y: Array) -> None:
    last = [[*row[1:], row[0]] for row in rows]
    check(csv(last, [*PIXELS, "label"]), x, y, "The label is column 785 (label).")
    counted = [[70_000 + i, *row] for i, row in enumerate(rows)]
    left_out = "The first column was left out as an index."
    check(csv(counted, ["", "label", *PIXELS]), x, y, left_out)
    check(csv(counted, ["id", "label", *PIXELS]), x, y, left_out.replace("n was", "n (id) was"))


def test_the_numbers_that_pandas_writes_as_a_header(rows: Rows, x: Array, y: Array) -> None:
    first = "The first column of values was read as the label."
    check(csv(rows, [str(i) for i in range(785)]), x, y, first)
    counted = [[i, *row] for i, row in enumerate(rows)]
    left_out = "The first column was left out as an index."
    check(csv(counted, ["", *map(str, range(785))]), x, y, left_out, first)


@pytest.mark.parametrize(
    ("separator", "name"), [(";", "semicolons"), ("\t", "tabs"), (" ", "spaces")]
)
def test_other_separators(separator: str, name: str, rows: Rows, x: Array, y: Array) -> None:
    said = f"The columns are separated by {name}."
    check(csv(rows, ["label", *PIXELS], separator), x, y, said)


def test_floats_quotes_spaces_and_blank_lines(rows: Rows, x: Array, y: Array) -> None:
    floats = [[float(value) for value in row] for row in rows]
    content = csv(floats, ["label", *PIXELS])
    check(content, x, y)
    check(content.replace(b"\n", b"\n\n"), x, y)
    check(content.replace(b",", b" , "), x, y)
    quoted = [[f'"{value}"' for value in row] for row in rows]
    check(csv(quoted, [f'"{name}"' for name in ["label", *PIXELS]]), x, y)


def test_a_label_of_another_name_is_found_by_its_values(rows: Rows, x: Array, y: Array) -> None:
    said = "The first column of values was read as the label."
    check(csv(rows, ["answer", *PIXELS]), x, y, said)


def test_lines_before_the_header(rows: Rows, x: Array, y: Array) -> None:
    content = csv(rows, ["label", *PIXELS], ";")
    semicolons = "The columns are separated by semicolons."
    for end in (b"\n", b"\r\n", b"\r"):
        named = b"\xef\xbb\xbfsep=;" + end + content.replace(b"\n", end)
        check(named, x, y, "The line that names the separator was skipped.", semicolons)
    content = csv(rows, ["label", *PIXELS])
    skipped = "Lines that begin with # were skipped."
    check(b"# drawn in class\n#28 x 28\n\n" + content, x, y, skipped)
    check(b"# " + content, x, y)  # as numpy.savetxt writes a header
    short = csv([rows[0], rows[1][:-1]], ["label", *PIXELS])
    with pytest.raises(DataError, match="line 5: 784 values"):
        read_own({"a.csv": b"# one\n# two\n" + short})


def test_a_comma_at_the_end_of_lines(rows: Rows, x: Array, y: Array) -> None:
    left_out = "The last column is empty and was left out."
    plain, header = csv(rows), csv([], ["label", *PIXELS])
    ended = plain.replace(b"\n", b",\n")
    check(header.replace(b"\n", b",\n") + ended, x, y, left_out)
    check(header + ended.replace(b"\n", b"\r\n"), x, y, left_out)
    first = "The first column of values was read as the label."
    check(ended, x, y, "There is no header.", left_out, first)
    semicolons = "The columns are separated by semicolons."
    check((header + ended).replace(b",", b";"), x, y, semicolons, left_out)


def test_columns_that_are_too_many_are_named(rows: Rows) -> None:
    named = [["a.png", *row] for row in rows]
    with pytest.raises(DataError, match="the column 'filename' beside the pixels; remove"):
        read_own({"a.csv": csv(named, ["filename", "label", *PIXELS])})
    one_hot = [[*(int(row[0] == digit) for digit in range(10)), *row[1:]] for row in rows]
    for header in (None, [*(f"is_{digit}" for digit in range(10)), *PIXELS]):
        with pytest.raises(DataError, match=r"one-hot labels in 10\. Give one column named label"):
            read_own({"a.csv": csv(one_hot, header)})


def test_lines_that_end_with_a_carriage_return_in_blocks() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (900, 28, 28), np.uint8)  # over two megabytes of text
    y = (np.arange(900) % 10).astype(np.uint8)
    for end in ("\r", "\r\n"):
        check(csv(rows_of(x, y), ["label", *PIXELS], end=end), x, y)


def test_pixels_from_0_to_1(rows: Rows, x: Array, y: Array) -> None:
    scaled = [[row[0], *(round(value / 255, 4) for value in row[1:])] for row in rows]
    said = "Pixels from 0 to 1 were multiplied by 255."
    check(csv(scaled, ["label", *PIXELS]), x, y, said)
    semicolons = "The columns are separated by semicolons."
    decimals = csv(scaled, ["label", *PIXELS], ";").replace(b".", b",")
    check(decimals, x, y, semicolons, said)


def test_a_training_and_a_test_file(rows: Rows, x: Array, y: Array) -> None:
    files = {"mnist_train.csv": csv(rows[:16]), "mnist_test.csv": csv(rows[16:])}
    found = read_own(files)
    np.testing.assert_array_equal(found.x_train, x[:16])
    np.testing.assert_array_equal(found.y_test, y[16:])


def test_all_values_in_many_blocks() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (1200, 28, 28), np.uint8)  # three megabytes of text
    y = (np.arange(1200) % 10).astype(np.uint8)
    check(csv(rows_of(x, y), ["label", *PIXELS]), x, y)
    check(csv(rows_of(x.astype(float), y), ["label", *PIXELS]), x, y)


@pytest.mark.parametrize(
    ("line", "edit", "words"),
    [
        (1, lambda cells: cells[:-1], "783 columns of pixels instead of 784"),
        (1, lambda cells: ["label", "label", *cells[2:]], "2 columns of labels"),
        (1, lambda cells: [*cells[:-1], "pixel0"], "the column 'pixel0' twice"),
        (4, lambda cells: cells[:-1], "line 4: 784 values instead of 785"),
        (4, lambda cells: [*cells, "0"], "line 4: 786 values instead of 785"),
        (7, lambda cells: [*cells[:9], "x" * 99, *cells[10:]], "line 7: column 10 is 'xxxxx"),
        (7, lambda cells: [*cells[:9], "", *cells[10:]], "line 7: column 10 is ''"),
        (7, lambda cells: [*cells[:9], "256", *cells[10:]], "pixels from 0 to 256"),
        (7, lambda cells: [*cells[:9], "nan", *cells[10:]], "not finite"),
        (7, lambda cells: [*cells[:9], "1e999", *cells[10:]], "not finite"),
        (7, lambda cells: ["11", *cells[1:]], "labels from 0 to 11"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    line: int, edit: Callable[[list[str]], list[str]], words: str, rows: Rows
) -> None:
    lines = csv(rows, ["label", *PIXELS]).decode().splitlines()
    lines[line - 1] = ",".join(edit(lines[line - 1].split(",")))
    with pytest.raises(DataError, match=words):
        read_own({"digits.csv": "\n".join(lines).encode()})


def test_what_has_no_labels_or_hides_them_is_refused(rows: Rows, x: Array) -> None:
    pixels = [row[1:] for row in rows]
    for content in (csv(pixels, PIXELS), csv(pixels)):
        with pytest.raises(DataError, match=r"add a column named label\. .* give its train\.csv"):
            read_own({"test.csv": content})
    with pytest.raises(DataError) as error:
        read_own({"notes.csv": b"hello"})
    assert ".." not in str(error.value)
    zeros = [[0, *row[1:]] for row in rows]
    with pytest.raises(DataError, match="does not show which column is the label"):
        read_own({"zeros.csv": csv(zeros)})
    with pytest.raises(DataError, match="has no images"):
        read_own({"header.csv": csv([], ["label", *PIXELS])})
    with pytest.raises(DataError, match="a line of more than a megabyte"):
        read_own({"line.csv": csv(rows, ["label", *PIXELS]) + b"0," * (1 << 20)})


def test_damaged_first_line_is_not_taken_for_a_header(rows: Rows) -> None:
    damaged: list[list[object]] = [[*row] for row in rows]
    damaged[0][300] = ""
    with pytest.raises(DataError, match="line 1: column 301 is ''"):
        read_own({"digits.csv": csv(damaged)})
