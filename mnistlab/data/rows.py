"""Fast reading of numbers in lines of text, in blocks of whole lines."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 20  # bytes read at a time, and the longest line; a line of 785 floats has 20,000
_WHOLE = b'0123456789" \t\n,;'  # characters of lines that have whole numbers only


def blocks(file: BinaryIO) -> Iterator[bytes]:
    r"""Yield the rest of a file in blocks of whole lines, each line ended by `\n`.

    In the file, lines may end with `\n`, `\r\n` or `\r`. Raises ValueError when a line is longer
    than `BLOCK`.
    """
    rest = b""
    while chunk := file.read(BLOCK):
        data = rest + chunk
        held = b"\r" if data.endswith(b"\r") else b""  # the next chunk may begin with its \n
        data = data.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        end = data.rfind(b"\n") + 1
        if not end and len(data) > BLOCK:
            raise ValueError("has a line of more than a megabyte")
        if end:
            yield data[:end]
        rest = data[end:] + held
    if rest:
        yield rest.removesuffix(b"\r") + b"\n"


def numbers_of(block: bytes, columns: int, separator: str = ",") -> NDArray[np.number] | None:
    """Return the numbers of lines (lines, columns), which may be quoted; None where others occur.

    They are int64 where all are whole, which is five times as fast to read, else float64. Blank
    lines are skipped.
    """
    if not block.strip():
        return np.zeros((0, columns), np.int64)
    try:
        numbers = np.loadtxt(
            io.StringIO(block.decode("utf-8", errors="replace")),
            np.float64 if block.translate(None, _WHOLE) else np.int64,
            comments=None,
            delimiter=None if separator == " " else separator,
            ndmin=2,
            quotechar='"',
        )
    except ValueError:
        return None
    return numbers if numbers.shape[1] == columns else None
