"""Fast reading of numbers in lines of text, in blocks of whole lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 20  # bytes read at a time, and the longest line; a line of 785 floats has 20,000


def blocks(file: BinaryIO) -> Iterator[bytes]:
    r"""Yield the rest of a file in blocks of whole lines, each line ended by `\n`.

    In the file, lines may end with `\n`, `\r\n` or `\r`.

    Raises
    ------
    ValueError
        When a line is longer than `BLOCK`.
    """
    rest = b""
    while chunk := file.read(BLOCK):
        data = rest + chunk
        held = b"\r" if data.endswith(b"\r") else b""  # the next chunk may begin with its \n
        data = _with_newlines(data.removesuffix(held))
        end = data.rfind(b"\n") + 1
        if not end and len(data) > BLOCK:
            raise ValueError("has a line of more than a megabyte")
        if end:
            yield data[:end]
        rest = data[end:] + held
    if rest:
        yield rest.removesuffix(b"\r") + b"\n"


def _with_newlines(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def whole_numbers(block: bytes, columns: int, longest: int = 3) -> NDArray[np.int32] | None:
    """Return the whole numbers of comma-separated lines, or None where there is anything else.

    All numbers at once: a Python loop over the 22 million of a test.csv would take 20 seconds.

    Parameters
    ----------
    block : whole lines, as `blocks` yields them
    columns : how many numbers each line must have
    longest : digits that a number may have, at most 9

    Returns
    -------
    array (lines, columns) int32
        None where there are quotes, spaces, signs, points, blank lines, or lines of other lengths.
    """
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero((data == ord(",")) | (data == ord("\n")))
    if not len(ends) or len(ends) != int((data == ord("\n")).sum()) * columns:
        return None
    digits = data - np.uint8(ord("0"))
    lengths = np.diff(ends, prepend=-1) - 1
    line_ends = (data[ends] == ord("\n")).reshape(-1, columns)
    if (
        (digits > 9).sum() != len(ends)
        or lengths.min() < 1
        or lengths.max() > longest
        or line_ends[:, :-1].any()
        or not line_ends[:, -1].all()
    ):
        return None
    values = digits[ends - 1].astype(np.int32)
    for place in range(2, int(lengths.max()) + 1):
        longer = np.flatnonzero(lengths >= place)
        values[longer] += 10 ** (place - 1) * digits[ends[longer] - place].astype(np.int32)
    return values.reshape(-1, columns)
