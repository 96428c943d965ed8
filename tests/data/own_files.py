"""Files of one's own, made of arrays."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.data.own.reader import read_own_files


def npz(name: str = "data.npz", **arrays: Any) -> dict[str, bytes]:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return {name: buffer.getvalue()}


def npy(array: NDArray[Any], *, pickled: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=pickled)
    return buffer.getvalue()


def idx(array: NDArray[Any], kind: int = 8, dtype: str = ">u1") -> bytes:
    head = bytes([0, 0, kind, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.astype(dtype).tobytes()


def csv(
    rows: Sequence[Sequence[object]],
    header: list[str] | None = None,
    separator: str = ",",
    end: str = "\n",
) -> bytes:
    lines = rows if header is None else [header, *rows]
    return "".join(separator.join(map(str, line)) + end for line in lines).encode()


def rows_of(x: NDArray[Any], y: NDArray[np.uint8]) -> list[list[int]]:
    """A label and 784 pixels a row."""
    pixels = x.reshape(len(x), -1).tolist()
    return [[label, *row] for label, row in zip(y.tolist(), pixels, strict=True)]


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """The files in a folder; the path of the file where there is one only, else of the folder."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder if len(files) > 1 else folder / next(iter(files))


def read_own(
    files: Mapping[str, bytes], *, invert: bool = False, transpose: bool = False
) -> Dataset:
    """A dataset from the contents of files by their names."""
    return read_own_files(files).dataset(invert=invert, transpose=transpose)
