"""Reading MNIST's four arrays from an npz file or a folder of IDX files.

Shapes and types are checked from the headers, before any array is read.
"""

from __future__ import annotations

import gzip
import math
import struct
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mnistlab.data.dataset import ARRAYS
from mnistlab.errors import DataError

SHAPES: dict[str, tuple[int, ...]] = {
    "x_train": (60000, 28, 28),
    "y_train": (60000,),
    "x_test": (10000, 28, 28),
    "y_test": (10000,),
}
IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
_REMEDY = (
    "give the mnist.npz that Keras publishes, or a folder with MNIST's four IDX files "
    "(MNISTLAB_MNIST names it; unset that to use the cache or a download)"
)
_MAX_BYTES = 2**26  # of an IDX file, unpacked; MNIST's largest has 47 MB
_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}

Arrays = dict[str, NDArray[np.uint8]]


def read_container(path: Path) -> Arrays:
    """Read MNIST's arrays from an npz file or a folder with the four IDX files, `.gz` or not.

    Returns
    -------
    dict of arrays uint8
        `x_train (60000, 28, 28)`, `y_train (60000,)`, `x_test (10000, 28, 28)`,
        `y_test (10000,)`. Their contents are not checked here.

    Raises
    ------
    DataError
        Naming the file, what was found, and what to give instead.
    """
    with _reading(path):
        if not path.exists():
            raise DataError(f"There is no {path}; {_REMEDY}.")
        if not path.is_dir():
            return _read_npz(path)
        files = {name: _idx_file(path, IDX_FILES[name]) for name in ARRAYS}
    return {name: _read_idx_file(file, name) for name, file in files.items()}


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        # A broken file can raise a dozen types (zlib.error, BadZipFile, EOFError, TokenError...).
        # Some messages have several lines.
        what = " ".join(str(error).split()) or type(error).__name__
        raise unfit(path, f"cannot be read and may be truncated: {what}") from error


def unfit(path: Path, what: str) -> DataError:
    """Return the error for a file or folder that is not MNIST; `what` continues its name."""
    return DataError(f"{path} {what}; {_REMEDY}.")


def _read_npz(path: Path) -> Arrays:
    if not zipfile.is_zipfile(path):
        raise unfit(path, "is not an npz file, or a truncated one")
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: info for info in archive.infolist()}
        for name in ARRAYS:
            if f"{name}.npy" not in members:
                found = ", ".join(sorted(members)[:6]) or "nothing"
                raise unfit(path, f"has no array {name} (found: {found})")
            with archive.open(f"{name}.npy") as file:
                _check_shape(path, name, *npy_header(file))
        return {
            name: read_member(archive, members[f"{name}.npy"]).astype(np.uint8, copy=False)
            for name in ARRAYS
        }


def npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Read the shape and type of a `.npy` from its start; ValueError where it is not one."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[np.generic]:
    """Read an array of an npz file; Python objects are refused."""
    with archive.open(member) as file:
        array = npy.read_array(file, allow_pickle=False)
        file.read(1)  # the end of the member, where zipfile compares its checksum
    return np.ascontiguousarray(array)


def _check_shape(
    path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> None:
    if shape != SHAPES[name] or str(dtype) != "uint8":
        raise unfit(path, f"has {name} {shape} {dtype} where MNIST has {SHAPES[name]} uint8")


def _idx_file(folder: Path, name: str) -> Path:
    # Some programs unpack train-images-idx3-ubyte.gz to train-images.idx3-ubyte.
    for stem in (name, name.replace("-idx", ".idx")):
        for candidate in (folder / stem, folder / f"{stem}.gz"):
            if candidate.is_file():
                return candidate
    raise unfit(folder, f"has no file {name} or {name}.gz")


def _read_idx_file(path: Path, name: str) -> NDArray[np.uint8]:
    with _reading(path), path.open("rb") as file:
        # Some copies end in .gz and are not compressed, or the other way round.
        is_packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        content = (gzip.GzipFile(fileobj=file) if is_packed else file).read(_MAX_BYTES)
        array = read_idx(content, str(path), kinds=(8,))
        _check_shape(path, name, array.shape, array.dtype)
    return array.astype(np.uint8, copy=False)


def read_idx(
    content: bytes | memoryview, name: str, kinds: Collection[int] = tuple(_IDX_TYPES)
) -> NDArray[np.generic]:
    """Return the array of an IDX file, unpacked; it shares the memory of `content`.

    `kinds` are the types to accept, by their numbers in the format. Raises DataError, beginning
    with the file's `name`, and struct.error where the start is truncated.
    """
    zeros, kind, dimensions = struct.unpack(">HBB", content[:4])
    if zeros or kind not in kinds or not 1 <= dimensions <= 4:
        what = "an IDX file of unsigned bytes" if len(kinds) == 1 else "an IDX file"
        raise DataError(f"{name} cannot be read: it is not {what}; download it again.")
    start = 4 + 4 * dimensions
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    dtype = np.dtype(_IDX_TYPES[kind])
    announced, size = math.prod(shape) * dtype.itemsize, len(content) - start
    if size != announced:
        what = f"is truncated: {size:,} bytes where {announced:,} should follow"
        what = what if size < announced else "goes on after its last image or label"
        raise DataError(f"{name} {what}; download it again.")
    return np.frombuffer(content, dtype, offset=start).reshape(shape)
