"""Labelled images in a CSV file, however its columns are arranged."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.rows import BLOCK, blocks, whole_numbers
from mnistlab.errors import DataError

PIXELS = 784
WANTED = "give 784 pixels and a label in each line, under a header: label, then pixel0 to pixel783"
_LABELS = {"label", "labels", "class", "target", "y", "digit"}
_INDEXES = {"", "id", "index", "imageid", "row", "no", "number"}
_SEPARATORS = {";": "semicolons", "\t": "tabs", ",": "", " ": "spaces"}
_LONGEST = 7  # digits of a whole number: an index column may count ten million rows
_FEW = 100  # columns; a line with fewer is not an image of 784 pixels
_MANY = 4  # columns that are no pixels; of more, the names of pixels are others than expected
_MOST_COMMENTS = 1000  # lines before the header

Numbers = NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Table:
    """What a CSV file holds."""

    x: Numbers
    """`(n, 784)`, uint8 where all of it is whole numbers from 0 to 255, else float32."""
    y: Numbers
    """`(n,)`"""
    remarks: tuple[str, ...]
    """How the columns were taken where they are not label, pixel0, pixel1, ..."""


@dataclass(frozen=True)
class _Layout:
    """Which columns of a table are what."""

    columns: tuple[int, ...]
    """Those that are kept, the pixels in order; the label first where it is known."""
    has_label: bool
    """False where the values must show whether the label is first or last."""
    remarks: tuple[str, ...] = ()


def read_table(file: BinaryIO, name: str, most: int) -> Table:
    """Images and labels from a CSV file, read in blocks.

    The separator may be a comma, semicolon, tab or space, with semicolons also a decimal comma.
    The header may be missing. The label is found by its name, or as the one column of digits at
    either end.

    Parameters
    ----------
    file : binary, at its start
    name : what errors call the file
    most : bytes of numbers to accept

    Raises
    ------
    DataError
        With the line's number where one line is at fault.
    """
    try:
        return _read(file, name, most)
    except ValueError as error:  # of `blocks`
        raise DataError(f"{name} {error}; {WANTED}.") from error


def _read(file: BinaryIO, name: str, most: int) -> Table:
    line, first, skipped = _first_line(file)
    separator = _separator(first, name, line)
    cells = _cells(first.lstrip(b"# "), separator)
    has_header = _is_header(cells)
    has_empty_end = _has_empty_end(cells, _peek(file) if has_header else first, separator)
    if has_empty_end and not cells[-1]:
        cells.pop()
    layout = _layout_of_names(cells, name) if has_header else None
    if has_header:
        line += 1
    else:
        file.seek(-len(first), io.SEEK_CUR)
    parts: list[NDArray[np.uint8] | NDArray[np.float32]] = []
    for block in blocks(file):
        data = _with_commas(block, separator)
        data = re.sub(rb",[ \t]*\n", b"\n", data) if has_empty_end else data
        numbers = _numbers(data, len(cells), name, line)
        line += block.count(b"\n")
        if not len(numbers):
            continue
        layout = layout or _layout_of_values(numbers, name)
        parts.append(_narrow(numbers[:, layout.columns]))
        if sum(part.nbytes for part in parts) > most:
            raise DataError(f"{name} has over {most >> 20} MB of pixels; give a part of it.")
    if layout is None or not parts:
        raise DataError(f"{name} has no images; {WANTED}.")
    remarks = layout.remarks
    if has_empty_end:
        remarks = ("The last column is empty and was left out.", *remarks)
    if not has_header:
        remarks = ("There is no header.", *remarks)
    if _SEPARATORS[separator]:
        remarks = (f"The columns are separated by {_SEPARATORS[separator]}.", *remarks)
    remarks = (*skipped, *remarks)
    return _with_label(np.concatenate(parts), replace(layout, remarks=remarks), name)


# The first line


def _first_line(file: BinaryIO) -> tuple[int, bytes, tuple[str, ...]]:
    """The first line with columns, its number from 1, and remarks on the lines before it."""
    number, mark = 1, b"\xef\xbb\xbf"
    remarks: list[str] = []
    while text := _line(file):
        text = text.removeprefix(mark) if number == 1 else text
        if not text.strip():
            pass
        elif re.fullmatch(rb'"?sep=."?', text.strip(b" \r\n"), re.IGNORECASE):
            remarks.append("The line that names the separator was skipped.")
        elif text.startswith(b"#") and number <= _MOST_COMMENTS and not _is_wide(text):
            remarks.append("Lines that begin with # were skipped.")
        else:
            return number, text, tuple(dict.fromkeys(remarks))
        number += 1
    return number, b"", ()


def _line(file: BinaryIO) -> bytes:
    r"""The next line of a seekable file, which may end with `\n`, `\r\n` or `\r`."""
    text = file.readline(BLOCK)
    line, end, rest = text.partition(b"\r")
    if rest in (b"", b"\n"):
        return text
    file.seek(-len(rest), io.SEEK_CUR)
    return line + end


def _peek(file: BinaryIO) -> bytes:
    """The next line that is not blank, which is yet to be read."""
    place = file.tell()
    text = _line(file)
    while text and not text.strip():
        text = _line(file)
    file.seek(place)
    return text


def _is_wide(line: bytes) -> bool:
    """Whether a line has the columns of images, such as the header that numpy.savetxt writes."""
    return any(len(_cells(line, separator)) >= _FEW for separator in _SEPARATORS)


def _has_empty_end(header: Sequence[str], line: bytes, separator: str) -> bool:
    """Whether the first line of values ends with a separator, after as many values as columns."""
    values = _cells(line, separator)
    columns = len(header) - (not header[-1])
    return not values[-1] and len(values) == columns + 1


def _separator(first: bytes, name: str, line: int) -> str:
    # The semicolon first: beside it a comma separates decimals.
    for separator in _SEPARATORS:
        if len(_cells(first, separator)) >= _FEW:
            return separator
    if b"\0" in first:
        raise DataError(f"{name} cannot be read: it is not an npz, npy, IDX or CSV file.")
    cells = max((_cells(first, separator) for separator in _SEPARATORS), key=len)
    raise DataError(
        f"{name} cannot be read: it is not an npz, npy or IDX file, and as a CSV file its line "
        f"{line:,} has {len(cells):,} {'value' if len(cells) == 1 else 'values'}; {WANTED}."
    )


def _cells(line: bytes, separator: str) -> list[str]:
    text = line.decode("utf-8", errors="replace").strip("\r\n")
    cells = text.split() if separator == " " else text.split(separator)
    return [cell.strip().strip('"').strip() for cell in cells]


def _is_header(cells: Sequence[str]) -> bool:
    """Whether the first line names columns: by words, or by numbers that count up."""
    numbers = [float(cell) for cell in cells if _is_number(cell)]
    counts_up = bool(numbers) and bool((np.diff(numbers) == 1).all())
    return counts_up if numbers else True


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


# Which columns are what


def _layout_of_names(names: Sequence[str], name: str) -> _Layout:
    low = [each.lower() for each in names]
    labels = [i for i, each in enumerate(low) if each in _LABELS]
    if len(labels) > 1:
        found = " and ".join(names[i] for i in labels)
        raise DataError(f"{name} has {len(labels)} columns of labels ({found}); give one.")
    left_out = [i for i, each in enumerate(low) if each in _INDEXES or each.startswith("unnamed")]
    pixels = [i for i in range(len(low)) if i not in (*labels, *left_out)]
    others = [names[i] for i in pixels if not re.search(r"\d", low[i])]
    _check_width(len(pixels), bool(labels), name, others)
    remarks = [_left_out(i, names[i]) for i in left_out]
    if labels and labels[0] > pixels[0]:
        remarks.append(f"The label is column {labels[0] + 1} ({names[labels[0]]}).")
    if len(pixels) == PIXELS:
        ordered = _in_order(pixels, low, name)
        if ordered != pixels:
            remarks.append("The columns of pixels were put in the order of their names.")
        pixels = ordered
    return _Layout((*labels, *pixels), bool(labels), tuple(remarks))


def _check_width(pixels: int, has_label: bool, name: str, others: Sequence[str] = ()) -> None:
    """Refuse a table whose columns, less label and index, are no images with or without a label.

    Parameters
    ----------
    pixels : columns that are left
    others : names among theirs that no pixel has
    """
    if pixels == PIXELS and not has_label:
        raise DataError(
            f"{name} has 784 pixels in each line but no label; add a column named label. Kaggle's "
            "test.csv has none: give its train.csv."
        )
    if pixels == PIXELS + (not has_label):
        return
    if pixels == PIXELS + 10 and not has_label:
        raise DataError(
            f"{name} has 794 columns: 784 pixels and, it seems, one-hot labels in 10. Give one "
            "column named label with digits from 0 to 9 in place of those."
        )
    if pixels > PIXELS and 0 < len(others) <= _MANY:
        extra = ", ".join(repr(each[:20]) for each in others)
        which = "the column" if len(others) == 1 else "the columns"
        remedy = "remove those" if has_label else "name the label's column label and remove others"
        raise DataError(f"{name} has {which} {extra} beside the pixels; {remedy}.")
    raise DataError(f"{name} has {pixels:,} columns of pixels instead of 784; {WANTED}.")


def _in_order(columns: list[int], names: Sequence[str], name: str) -> list[int]:
    """The columns by the numbers in their names, such as pixel12 or 3x28; as they are if none."""
    found = [re.fullmatch(r"(?:\D*?)(?:(\d+)x)?(\d+)", names[i]) for i in columns]
    places = [(int(m[1] or 0), int(m[2])) for m in found if m]
    if len(places) < len(columns):
        return columns
    twice = [names[i] for i, place in zip(columns, places, strict=True) if places.count(place) > 1]
    if twice:
        raise DataError(f"{name} has the column {twice[0]!r} twice; give each pixel once.")
    return [column for _, column in sorted(zip(places, columns, strict=True))]


def _layout_of_values(numbers: Numbers, name: str) -> _Layout:
    """Without a header: whether the first column counts the rows."""
    width = numbers.shape[1]
    counts = len(numbers) > 1 and bool((np.diff(numbers[:, 0].astype(float)) == 1).all())
    if width == PIXELS + 2 and counts:
        return _Layout(tuple(range(1, width)), has_label=False, remarks=(_left_out(0, ""),))
    _check_width(width, has_label=False, name=name)
    return _Layout(tuple(range(width)), has_label=False)


def _left_out(column: int, name: str) -> str:
    named = f" ({name})" if name else ""
    which = "The first column" if column == 0 else f"Column {column + 1}"
    return f"{which}{named} was left out as an index."


def _with_label(kept: Numbers, layout: _Layout, name: str) -> Table:
    if layout.has_label:
        return Table(kept[:, 1:], kept[:, 0], layout.remarks)
    # A corner pixel is mostly 0, which is a digit too; a label changes from row to row.
    ends = [kept[:, 0], kept[:, -1]]
    fit = [bool(np.isin(end, range(10)).all()) for end in ends]
    if all(fit):
        fit = [bool((end != end[0]).any()) for end in ends]
    if fit[0] == fit[1]:
        raise DataError(
            f"{name} does not show which column is the label: neither the first nor the last is "
            "the only one with digits from 0 to 9. Add a header: label, then pixel0 to pixel783."
        )
    if fit[0]:
        remark = "The first column of values was read as the label."
        return Table(kept[:, 1:], kept[:, 0], (*layout.remarks, remark))
    remark = "The last column was read as the label."
    return Table(kept[:, :-1], kept[:, -1], (*layout.remarks, remark))


# Numbers


def _with_commas(block: bytes, separator: str) -> bytes:
    if separator == ",":
        return block
    if separator == ";":
        return block.replace(b",", b".").replace(b";", b",")
    if separator == " ":
        return b"".join(b",".join(line.split()) + b"\n" for line in block.split(b"\n")[:-1])
    return block.replace(separator.encode(), b",")


def _numbers(block: bytes, columns: int, name: str, line: int) -> Numbers:
    """The values of a block whose first line is number `line`: `(lines, columns)`."""
    whole = whole_numbers(block, columns, _LONGEST)
    if whole is not None:
        return whole
    if not block.strip():
        return np.zeros((0, columns), np.uint8)
    text = block.decode("utf-8", errors="replace")
    try:
        numbers = np.loadtxt(
            io.StringIO(text), np.float64, comments=None, delimiter=",", ndmin=2, quotechar='"'
        )
    except ValueError as error:
        raise _fault(text, columns, name, line) from error
    if numbers.shape[1] != columns:
        raise _fault(text, columns, name, line)
    return numbers


def _narrow(numbers: Numbers) -> NDArray[np.uint8] | NDArray[np.float32]:
    """The same in a byte each where that holds all of them, else as float32."""
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and more than float32 holds: refused
        small = numbers.astype(np.uint8)
        return small if np.array_equal(small, numbers) else numbers.astype(np.float32)


def _fault(text: str, columns: int, name: str, line: int) -> DataError:
    """The error for the first line of a block that is not as it must be."""
    for number, each in enumerate(text.split("\n"), line):
        if not each.strip():
            continue
        cells = _cells(each.encode(), ",")
        if len(cells) != columns:
            return DataError(
                f"{name}, line {number:,}: {len(cells):,} values instead of {columns}; {WANTED}."
            )
        wrong = [i for i, cell in enumerate(cells) if not _is_number(cell)]
        if wrong:
            return DataError(
                f"{name}, line {number:,}: column {wrong[0] + 1} is {cells[wrong[0]][:20]!r}, "
                f"not a number; {WANTED}."
            )
    return DataError(f"{name} cannot be read as a table of numbers; {WANTED}.")
