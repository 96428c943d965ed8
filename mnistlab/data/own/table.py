"""Labelled images in a CSV file, however its columns are arranged."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import chain
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.rows import blocks, whole_numbers
from mnistlab.errors import DataError
from mnistlab.texts import counted

PIXELS = 784
WANTED = "give 784 pixels and a label in each line, under a header: label, then pixel0 to pixel783"
_LABELS = {"label", "labels", "class", "target", "y", "digit"}
_INDEXES = {"", "id", "index", "imageid", "row", "no", "number"}
# In the order in which they are tried: with semicolons, a comma separates decimals.
_SEPARATORS = {";": "semicolons", "\t": "tabs", ",": "", " ": "spaces"}
_MAX_DIGITS = 7  # of a whole number: an index column may count ten million rows
_MIN_COLUMNS = 100  # a line with fewer is not an image of 784 pixels
_MAX_NAMED = 4  # columns that are not pixels; more mean that the pixels have unexpected names
_BOM = b"\xef\xbb\xbf"

Numbers = NDArray[np.generic]


def read_table(
    file: BinaryIO, name: str, max_bytes: int, remarks: list[str]
) -> tuple[Numbers, Numbers]:
    """Read images and labels from a CSV file, in blocks.

    The separator may be a comma, semicolon, tab or space. With semicolons, the decimal mark may be
    a comma. The header may be missing. The label is found by its name, or as the only column of
    digits at either end.

    Parameters
    ----------
    file : binary, at its start
    name : what errors call the file
    max_bytes : limit for the numbers in memory
    remarks : extended by how the columns were read, unless they are label, pixel0, pixel1, ...

    Returns
    -------
    x : array (n, 784)
        uint8 where all values are whole numbers from 0 to 255, else float32.
    y : array (n,) of the same type

    Raises
    ------
    DataError
        With the line's number where one line is at fault.
    """
    try:
        return _read(file, name, max_bytes, remarks)
    except ValueError as error:  # from `blocks`
        raise DataError(f"{name} {error}; {WANTED}.") from error


def _read(file: BinaryIO, name: str, max_bytes: int, remarks: list[str]) -> tuple[Numbers, Numbers]:
    stream = blocks(file)
    block, line = _skip_comments(next(stream, b"\n").removeprefix(_BOM), remarks)
    first, _, rest = block.partition(b"\n")
    separator = _find_separator(first, name, line, remarks)
    cells = _cells(first.lstrip(b"# "), separator)
    has_header = _is_header(cells)
    if has_header:
        block, line = rest, line + 1
    else:
        remarks.append("There is no header.")
    # Lines of values may end with a separator, whether or not the header does.
    columns = len(cells) - (not cells[-1])
    values = _cells(next(filter(bytes.strip, block.split(b"\n")), b""), separator)
    has_empty_end = len(values) == columns + 1 and not values[-1]
    if has_empty_end:
        remarks.append("The last column is empty and was left out.")
        del cells[columns:]
    kept = _named_columns(cells, name, remarks) if has_header else None
    parts: list[Numbers] = []
    for raw in chain([block], stream):
        numbers = _numbers(_with_commas(raw, separator, has_empty_end), len(cells), name, line)
        line += raw.count(b"\n")
        if len(numbers):
            kept = kept or _unnamed_columns(numbers, name, remarks)
            parts.append(_narrow(numbers[:, kept]))
        if sum(part.nbytes for part in parts) > max_bytes:
            raise DataError(f"{name} has over {max_bytes >> 20} MB of pixels; give a part of it.")
    if not parts:
        raise DataError(f"{name} has no images; {WANTED}.")
    has_label = has_header and any(cell.lower() in _LABELS for cell in cells)
    return _split_label(np.concatenate(parts), has_label, name, remarks)


# The first lines


def _skip_comments(block: bytes, remarks: list[str]) -> tuple[bytes, int]:
    """Return the block from its first line with columns on, and that line's number from 1."""
    found: list[str] = []
    start = 0
    for number, text in enumerate(block.split(b"\n"), 1):
        if re.fullmatch(rb'"?sep=."?', text.strip(b" "), re.IGNORECASE):
            found.append("The line that names the separator was skipped.")
        elif text.startswith(b"#") and not _is_wide(text):
            found.append("Lines that begin with # were skipped.")
        elif text.strip():
            remarks += dict.fromkeys(found)
            return block[start:], number
        start += len(text) + 1
    return b"", 1


def _is_wide(line: bytes) -> bool:
    """Whether a line has the columns of an image, as the header that numpy.savetxt writes."""
    return any(len(_cells(line, separator)) >= _MIN_COLUMNS for separator in _SEPARATORS)


def _find_separator(first: bytes, name: str, line: int, remarks: list[str]) -> str:
    for separator, called in _SEPARATORS.items():
        if len(_cells(first, separator)) >= _MIN_COLUMNS:
            remarks += [f"The columns are separated by {called}."] if called else []
            return separator
    if b"\0" in first:
        raise DataError(f"{name} cannot be read: it is not an npz, npy, IDX or CSV file.")
    cells = max(len(_cells(first, separator)) for separator in _SEPARATORS)
    raise DataError(
        f"{name} cannot be read: it is not an npz, npy or IDX file, and as a CSV file its line "
        f"{line:,} has {counted(cells, 'value')}; {WANTED}."
    )


def _cells(line: bytes, separator: str) -> list[str]:
    text = line.decode("utf-8", errors="replace").strip("\r\n")
    cells = text.split() if separator == " " else text.split(separator)
    return [cell.strip().strip('"').strip() for cell in cells]


def _is_header(cells: Sequence[str]) -> bool:
    """Whether the first line names columns: by words, or by numbers that count up."""
    numbers = [float(cell) for cell in cells if _is_number(cell)]
    return bool((np.diff(numbers) == 1).all())


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


# The columns


def _named_columns(names: Sequence[str], name: str, remarks: list[str]) -> list[int]:
    """Return the columns to keep: the label where one is named, then the pixels in order."""
    low = [each.lower() for each in names]
    labels = [i for i, each in enumerate(low) if each in _LABELS]
    if len(labels) > 1:
        found = " and ".join(names[i] for i in labels)
        raise DataError(f"{name} has {len(labels)} columns of labels ({found}); give one.")
    left_out = [i for i, each in enumerate(low) if each in _INDEXES or each.startswith("unnamed")]
    pixels = [i for i in range(len(low)) if i not in (*labels, *left_out)]
    others = [names[i] for i in pixels if not re.search(r"\d", low[i])]
    _check_width(len(pixels), bool(labels), name, others)
    remarks += [_left_out(i, names[i]) for i in left_out]
    if labels and labels[0] > pixels[0]:
        remarks.append(f"The label is column {labels[0] + 1} ({names[labels[0]]}).")
    if len(pixels) == PIXELS:
        ordered = _in_order(pixels, low, name)
        if ordered != pixels:
            remarks.append("The columns of pixels were put in the order of their names.")
        pixels = ordered
    return [*labels, *pixels]


def _unnamed_columns(numbers: Numbers, name: str, remarks: list[str]) -> list[int]:
    """Return the columns to keep of a file without a header, where the first may be an index."""
    columns = list(range(numbers.shape[1]))
    counts = len(numbers) > 1 and bool((np.diff(numbers[:, 0].astype(float)) == 1).all())
    if len(columns) == PIXELS + 2 and counts:
        remarks.append(_left_out(0, ""))
        return columns[1:]
    _check_width(len(columns), has_label=False, name=name)
    return columns


def _check_width(pixels: int, has_label: bool, name: str, others: Sequence[str] = ()) -> None:
    """Refuse a table that does not have 784 pixels and a label.

    Parameters
    ----------
    pixels : number of columns other than index and named label
    others : their names that do not look like a pixel's
    """
    if pixels == PIXELS + (not has_label):
        return
    if pixels == PIXELS:
        raise DataError(
            f"{name} has 784 pixels in each line but no label; add a column named label. Kaggle's "
            "test.csv has none: give its train.csv."
        )
    if pixels == PIXELS + 10 and not has_label:
        raise DataError(
            f"{name} has 794 columns: 784 pixels and, it seems, one-hot labels in 10. Give one "
            "column named label with digits from 0 to 9 in place of those."
        )
    if pixels > PIXELS and 0 < len(others) <= _MAX_NAMED:
        extra = ", ".join(repr(each[:20]) for each in others)
        which = "the column" if len(others) == 1 else "the columns"
        remedy = "remove those" if has_label else "name the label's column label and remove others"
        raise DataError(f"{name} has {which} {extra} beside the pixels; {remedy}.")
    raise DataError(f"{name} has {pixels:,} columns of pixels instead of 784; {WANTED}.")


def _in_order(columns: list[int], names: Sequence[str], name: str) -> list[int]:
    """Sort columns by the numbers in their names, such as pixel12 or 3x28, if all have them."""
    found = [re.fullmatch(r"(?:\D*?)(?:(\d+)x)?(\d+)", names[i]) for i in columns]
    places = [(int(m[1] or 0), int(m[2])) for m in found if m]
    if len(places) < len(columns):
        return columns
    twice = [names[i] for i, place in zip(columns, places, strict=True) if places.count(place) > 1]
    if twice:
        raise DataError(f"{name} has the column {twice[0]!r} twice; give each pixel once.")
    return [column for _, column in sorted(zip(places, columns, strict=True))]


def _left_out(column: int, name: str) -> str:
    named = f" ({name})" if name else ""
    which = "The first column" if column == 0 else f"Column {column + 1}"
    return f"{which}{named} was left out as an index."


def _split_label(
    kept: Numbers, is_first: bool, name: str, remarks: list[str]
) -> tuple[Numbers, Numbers]:
    """Split rows of 785 into pixels and label, which is first or has to be found at either end."""
    if not is_first:
        # A corner pixel is mostly 0, which is a digit too. A label changes from row to row.
        ends = [kept[:, 0], kept[:, -1]]
        fit = [bool(np.isin(end, range(10)).all()) for end in ends]
        if all(fit):
            fit = [bool((end != end[0]).any()) for end in ends]
        if fit[0] == fit[1]:
            raise DataError(
                f"{name} does not show which column is the label: neither the first nor the last "
                "is the only one with digits from 0 to 9. Add a header: label, then pixel0 to "
                "pixel783."
            )
        which = "first column of values" if fit[0] else "last column"
        remarks.append(f"The {which} was read as the label.")
        is_first = fit[0]
    return (kept[:, 1:], kept[:, 0]) if is_first else (kept[:, :-1], kept[:, -1])


# The numbers


def _with_commas(block: bytes, separator: str, has_empty_end: bool) -> bytes:
    if separator == " ":
        return b"".join(b",".join(line.split()) + b"\n" for line in block.split(b"\n")[:-1])
    if separator == ";":
        block = block.replace(b",", b".")
    block = block.replace(separator.encode(), b",")
    return re.sub(rb",[ \t]*\n", b"\n", block) if has_empty_end else block


def _numbers(block: bytes, columns: int, name: str, line: int) -> Numbers:
    """Return the values (lines, columns) of a block whose first line has the number `line`."""
    whole = whole_numbers(block, columns, _MAX_DIGITS)
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
    """Return the values as uint8 where that holds all of them, else as float32."""
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are refused later
        small = numbers.astype(np.uint8)
        return small if np.array_equal(small, numbers) else numbers.astype(np.float32)


def _fault(text: str, columns: int, name: str, line: int) -> DataError:
    """Return the error for the first line of a block that does not fit."""
    for number, each in enumerate(text.split("\n"), line):
        cells = _cells(each.encode(), ",")
        wrong = [i for i, cell in enumerate(cells) if not _is_number(cell)]
        what = ""
        if each.strip() and len(cells) != columns:
            what = f"{len(cells):,} values instead of {columns}"
        elif each.strip() and wrong:
            what = f"column {wrong[0] + 1} is {cells[wrong[0]][:20]!r}, not a number"
        if what:
            return DataError(f"{name}, line {number:,}: {what}; {WANTED}.")
    return DataError(f"{name} cannot be read as a table of numbers; {WANTED}.")
