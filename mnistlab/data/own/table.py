"""Labelled images in a CSV file, however its columns are arranged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.own.source import Source
from mnistlab.data.rows import blocks, numbers_of
from mnistlab.errors import DataError
from mnistlab.texts import counted

PIXELS = 784
WANTED = "give 784 pixels and a label in each line, under a header: label, then pixel0 to pixel783"
_LABELS = {"label", "labels", "class", "target", "y", "digit"}
_INDEXES = {"", "id", "index", "imageid", "row", "no", "number"}
# In the order in which they are tried: with semicolons, a comma separates decimals.
_SEPARATORS = {";": "semicolons", "\t": "tabs", ",": "", " ": "spaces"}
_MIN_COLUMNS = 100  # a line with fewer is not an image of 784 pixels
_MAX_NAMED = 4  # columns that are not pixels; more mean that the pixels have unexpected names
_BOM = b"\xef\xbb\xbf"

Numbers = NDArray[np.generic]


def read_table(file: BinaryIO, source: Source) -> tuple[Numbers, Numbers]:
    """Read images (n, 784) and labels (n,) from a CSV file, in blocks.

    The separator may be a comma, semicolon, tab or space. With semicolons, the decimal mark may be
    a comma. The header may be missing. The label is found by its name, or as the only column of
    digits at either end. What differs from label, pixel0, pixel1, ... is remarked. The arrays are
    uint8 where all values are whole numbers from 0 to 255, else float32.

    Raises
    ------
    DataError
        With the line's number where one line is at fault.
    """
    try:
        return _read(file, source)
    except ValueError as error:  # from `blocks`
        raise source.unfit(f"{error}; {WANTED}") from error


def _read(file: BinaryIO, source: Source) -> tuple[Numbers, Numbers]:
    stream = blocks(file)
    block, line = _skip_comments(next(stream, b"\n").removeprefix(_BOM), source)
    first, _, rest = block.partition(b"\n")
    separator = _find_separator(first, line, source)
    names = _cells(first.lstrip(b"# "), separator)
    del names[len(names) - (not names[-1]) :]  # a separator may end the line
    kept: list[int] = []
    if has_header := _is_header(names):
        block, line = rest, line + 1
        kept = _named_columns(names, source)
    else:
        source.remark("There is no header.")
    parts: list[Numbers] = []
    for raw in chain([block], stream):
        text = _plain(raw, separator, source)
        numbers = numbers_of(text, len(names), separator)
        if numbers is None:
            raise _fault(text, len(names), separator, line, source)
        line += raw.count(b"\n")
        if len(numbers):
            kept = kept or _unnamed_columns(numbers, source)
            parts.append(_narrow(numbers[:, kept]))
        if sum(part.nbytes for part in parts) > 2 * source.max_bytes:
            raise source.unfit(f"has over {source.max_bytes >> 19} MB of pixels; give a part of it")
    if not parts:
        raise source.unfit(f"has no images; {WANTED}")
    has_label = has_header and any(name.lower() in _LABELS for name in names)
    return _split_label(np.concatenate(parts), has_label, source)


# The first lines


def _skip_comments(block: bytes, source: Source) -> tuple[bytes, int]:
    """Return the block from its first line with columns on, and that line's number from 1."""
    start = 0
    for number, text in enumerate(block.split(b"\n"), 1):
        if re.fullmatch(rb'"?sep=."?', text.strip(b" "), re.IGNORECASE):
            source.remark("The line that names the separator was skipped.")
        elif text.startswith(b"#") and not _separator(text):  # numpy.savetxt's header begins so
            source.remark("Lines that begin with # were skipped.")
        elif text.strip():
            return block[start:], number
        start += len(text) + 1
    return b"", 1


def _find_separator(first: bytes, line: int, source: Source) -> str:
    separator = _separator(first)
    if not separator:
        values = counted(max(len(_cells(first, each)) for each in _SEPARATORS), "value")
        raise source.unfit(
            "cannot be read: it is not an npz, npy or IDX file, and as a CSV file its line "
            f"{line:,} has {values}; {WANTED}"
        )
    if _SEPARATORS[separator]:
        source.remark(f"The columns are separated by {_SEPARATORS[separator]}.")
    return separator


def _separator(line: bytes) -> str:
    """Return what separates the columns of an image, or "" where a line has too few."""
    return next((each for each in _SEPARATORS if len(_cells(line, each)) >= _MIN_COLUMNS), "")


def _cells(line: bytes, separator: str) -> list[str]:
    text = line.decode("utf-8", errors="replace").strip("\r\n")
    cells = text.split() if separator == " " else text.split(separator)
    return [cell.strip().strip('"').strip() for cell in cells]


def _is_header(cells: Sequence[str]) -> bool:
    """Whether the first line names columns: by words, or by numbers that count up."""
    return _counts_up([float(cell.replace(",", ".")) for cell in cells if _is_number(cell)])


def _counts_up(numbers: Sequence[float] | Numbers) -> bool:
    return bool((np.diff(np.asarray(numbers, float)) == 1).all())


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


# The columns


def _named_columns(names: Sequence[str], source: Source) -> list[int]:
    """Return the columns to keep: the label where one is named, then the pixels in order."""
    low = [each.lower() for each in names]
    labels = [i for i, each in enumerate(low) if each in _LABELS]
    if len(labels) > 1:
        found = " and ".join(names[i] for i in labels)
        raise source.unfit(f"has {len(labels)} columns of labels ({found}); give one")
    left_out = [i for i, each in enumerate(low) if each in _INDEXES or each.startswith("unnamed")]
    pixels = [i for i in range(len(low)) if i not in (*labels, *left_out)]
    others = [names[i] for i in pixels if not re.search(r"\d", low[i])]
    _check_width(len(pixels), bool(labels), source, others)
    for i in left_out:
        which = f"Column {i + 1}" if i else "The first column"
        source.remark(f"{which}{f' ({names[i]})' if names[i] else ''} was left out as an index.")
    if labels and labels[0] > pixels[0]:
        source.remark(f"The label is column {labels[0] + 1} ({names[labels[0]]}).")
    if len(pixels) == PIXELS:
        ordered = _in_order(pixels, low, source)
        if ordered != pixels:
            source.remark("The columns of pixels were put in the order of their names.")
        pixels = ordered
    return [*labels, *pixels]


def _unnamed_columns(numbers: Numbers, source: Source) -> list[int]:
    """Return the columns to keep of a file without a header, where the first may be an index."""
    count = numbers.shape[1]
    is_index = count == PIXELS + 2 and len(numbers) > 1 and _counts_up(numbers[:, 0])
    return _named_columns(["" if is_index else "0", *map(str, range(1, count))], source)


def _check_width(pixels: int, has_label: bool, source: Source, others: Sequence[str] = ()) -> None:
    """Refuse a table that does not have 784 pixels and a label.

    `pixels` are the columns other than index and named label; `others` are the names of those that
    do not look like a pixel's.
    """
    if pixels == PIXELS + (not has_label):
        return
    what = f"has {pixels:,} columns of pixels instead of 784; {WANTED}"
    if pixels == PIXELS:
        what = (
            "has 784 pixels in each line but no label; add a column named label. Kaggle's test.csv "
            "has none: give its train.csv"
        )
    elif pixels == PIXELS + 10 and not has_label:
        what = (
            "has 794 columns: 784 pixels and, it seems, one-hot labels in 10. Give one column "
            "named label with digits from 0 to 9 in place of those"
        )
    elif pixels > PIXELS and 0 < len(others) <= _MAX_NAMED:
        extra = ("the column " if len(others) == 1 else "the columns ") + ", ".join(
            repr(each[:20]) for each in others
        )
        remedy = "remove those" if has_label else "name the label's column label and remove others"
        what = f"has {extra} beside the pixels; {remedy}"
    raise source.unfit(what)


def _in_order(columns: list[int], names: Sequence[str], source: Source) -> list[int]:
    """Sort columns by the numbers in their names, such as pixel12 or 3x28, if all have them."""
    found = [re.fullmatch(r"(?:\D*?)(?:(\d+)x)?(\d+)", names[i]) for i in columns]
    places = [(int(m[1] or 0), int(m[2])) for m in found if m]
    if len(places) < len(columns):
        return columns
    twice = [names[i] for i, place in zip(columns, places, strict=True) if places.count(place) > 1]
    if twice:
        raise source.unfit(f"has the column {twice[0]!r} twice; give each pixel once")
    return [column for _, column in sorted(zip(places, columns, strict=True))]


def _split_label(kept: Numbers, is_first: bool, source: Source) -> tuple[Numbers, Numbers]:
    """Split rows of 785 into pixels and label, which is first or has to be found at either end."""
    if not is_first:
        # A corner pixel is mostly 0, which is a digit too. A label changes from row to row.
        ends = [kept[:, 0], kept[:, -1]]
        fit = [bool(np.isin(end, range(10)).all()) for end in ends]
        if all(fit):
            fit = [bool((end != end[0]).any()) for end in ends]
        if fit[0] == fit[1]:
            raise source.unfit(
                "does not show which column is the label: neither the first nor the last is the "
                "only one with digits from 0 to 9. Add a header: label, then pixel0 to pixel783"
            )
        is_first = fit[0]
        which = "first column of values" if is_first else "last column"
        source.remark(f"The {which} was read as the label.")
    return (kept[:, 1:], kept[:, 0]) if is_first else (kept[:, :-1], kept[:, -1])


# The numbers


def _plain(block: bytes, separator: str, source: Source) -> bytes:
    """Return a block with decimal points, and without separators at the ends of lines."""
    if separator == ";":
        block = block.replace(b",", b".")
    end = separator.encode() + b"\n"
    if separator == " " or end not in block:
        return block
    source.remark("The last column is empty and was left out.")
    return block.replace(end, b"\n")


def _narrow(numbers: Numbers) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Return the values as uint8 where that holds all of them, else as float32."""
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are refused later
        small = numbers.astype(np.uint8)
        return small if np.array_equal(small, numbers) else numbers.astype(np.float32)


def _fault(block: bytes, columns: int, separator: str, line: int, source: Source) -> DataError:
    """Return the error for the first line that does not fit of a block that begins at `line`."""
    for number, each in enumerate(block.split(b"\n"), line):
        cells = _cells(each, separator)
        wrong = [i for i, cell in enumerate(cells) if not _is_number(cell)]
        what = ""
        if each.strip() and len(cells) != columns:
            what = f"{len(cells):,} values instead of {columns}"
        elif each.strip() and wrong:
            what = f"column {wrong[0] + 1} is {cells[wrong[0]][:20]!r}, not a number"
        if what:
            return source.named(f"{source.name}, line {number:,}:").unfit(f"{what}; {WANTED}")
    return source.unfit(f"cannot be read as a table of numbers; {WANTED}")
