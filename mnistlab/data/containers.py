"""Reading MNIST's four arrays from an npz file or a folder of IDX files.

Shapes and types are checked from the headers, before any array is read.
"""

from __future__ import annotations

import gzip
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

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

Arrays = dict[str, NDArray[np.uint8]]


def read_container(path: Path) -> Arrays:
    """MNIST's arrays from an npz file or a folder with the four IDX files, `.gz` or not.

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
        return _read_idx_folder(path) if path.is_dir() else _read_npz(path)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        # A broken file can raise a dozen types (zlib.error, BadZipFile, EOFError, TokenError...);
        # they all mean the same to the person who gave it. Some speak in several lines.
        what = " ".join(str(error).split()) or type(error).__name__
        raise unfit(path, f"cannot be read and may be truncated: {what}") from error


def unfit(path: Path, what: str) -> DataError:
    """The error for a file or folder that is not MNIST; `what` continues its name."""
    return DataError(f"{path} {what}; {_REMEDY}.")


def _read_npz(path: Path) -> Arrays:
    if not zipfile.is_zipfile(path):
        raise unfit(path, "is not an npz file, or a truncated one")
    with zipfile.ZipFile(path) as archive:
        members = set(archive.namelist())
        for name in ARRAYS:
            if f"{name}.npy" not in members:
                found = ", ".join(sorted(members)[:6]) or "nothing"
                raise unfit(path, f"has no array {name} (found: {found})")
            with archive.open(f"{name}.npy") as file:
                _check_shape(path, name, *npy_header(file))
        return {name: _read_member(archive, f"{name}.npy") for name in ARRAYS}


def npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Shape and type that a `.npy` announces; raises ValueError where its start is none."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _read_member(archive: zipfile.ZipFile, member: str) -> NDArray[np.uint8]:
    with archive.open(member) as file:
        array = npy.read_array(file, allow_pickle=False)
        file.read(1)  # the end of the member, where zipfile compares its checksum
    return np.ascontiguousarray(array)


def _check_shape(
    path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[np.generic] | str
) -> None:
    if shape != SHAPES[name] or str(dtype) != "uint8":
        raise unfit(path, f"has {name} {shape} {dtype} where MNIST has {SHAPES[name]} uint8")


def _read_idx_folder(folder: Path) -> Arrays:
    return {name: _read_idx(_idx_file(folder, IDX_FILES[name]), name) for name in ARRAYS}


def _idx_file(folder: Path, name: str) -> Path:
    # Some copies are called train-images.idx3-ubyte: unpackers rename them so.
    for stem in (name, name.replace("-idx", ".idx")):
        for candidate in (folder / stem, folder / f"{stem}.gz"):
            if candidate.is_file():
                return candidate
    raise unfit(folder, f"has no file {name} or {name}.gz")


def _read_idx(path: Path, name: str) -> NDArray[np.uint8]:
    with _reading(path), _unpacked(path) as file:
        zeros, kind, dimensions = struct.unpack(">HBB", _exactly(path, file, 4))
        if zeros != 0 or kind != 8:
            raise unfit(path, "is not an IDX file of unsigned bytes")
        shape = struct.unpack(f">{dimensions}I", _exactly(path, file, 4 * dimensions))
        _check_shape(path, name, shape, "uint8")
        data = _exactly(path, file, int(np.prod(shape)))
        if file.read(1):
            raise unfit(path, "goes on after its last image or label")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _unpacked(path: Path) -> IO[bytes]:
    # Told by its first bytes: some copies end in .gz and are not, or the other way round.
    with path.open("rb") as probe:
        packed = probe.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path) if packed else path.open("rb"))


def _exactly(path: Path, file: IO[bytes], count: int) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise unfit(path, f"is truncated: {len(data):,} bytes where {count:,} should follow")
    return data
