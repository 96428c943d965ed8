"""MNIST's four arrays from an npz file or a folder of IDX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.own.files import Piece, read_file
from mnistlab.data.own.source import Source
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
_HINT = "MNISTLAB_MNIST names it; unset that to use the cache or a download."
_WANTED = "give the mnist.npz that Keras publishes, or a folder with MNIST's four IDX files"

Arrays = dict[str, NDArray[np.uint8]]


def read_container(path: Path) -> Arrays:
    """Read MNIST's arrays from an npz file or a folder with the four IDX files, `.gz` or not.

    Their names and shapes are those of `SHAPES`, all uint8. Their contents are not checked here.

    Raises
    ------
    DataError
        Naming the file, what was found, and what to give instead.
    """
    try:
        pieces = [piece for file in _files_of(path) for piece in _read(file)]
    except OSError as error:
        where = Path(error.filename or path)
        raise unfit(where, f"cannot be read ({error.strerror})") from error
    found = {f"{piece.kind}_{piece.split}": piece.values for piece in pieces}
    for name, shape in SHAPES.items():
        if name not in found:
            raise unfit(path, f"has no array {name} (found: {', '.join(sorted(found)[:6])})")
        array = found[name]
        if array.shape != shape or array.dtype != np.uint8:
            what = f"{array.shape} {array.dtype} where MNIST has {shape} uint8"
            raise unfit(path, f"has {name} {what}")
    return {name: found[name].astype(np.uint8, copy=False) for name in SHAPES}


def unfit(path: Path, what: str) -> DataError:
    """Return the error for a file or folder that is not MNIST; `what` continues its name."""
    return DataError(f"{path} {what}; {_WANTED}. {_HINT}")


def _files_of(path: Path) -> list[Path]:
    if not path.exists():
        raise DataError(f"There is no {path}; {_WANTED}. {_HINT}")
    return [_idx_file(path, name) for name in IDX_FILES.values()] if path.is_dir() else [path]


def _idx_file(folder: Path, name: str) -> Path:
    # Some programs unpack train-images-idx3-ubyte.gz to train-images.idx3-ubyte.
    for stem in (name, name.replace("-idx", ".idx")):
        for candidate in (folder / stem, folder / f"{stem}.gz"):
            if candidate.is_file():
                return candidate
    raise unfit(folder, f"has no file {name} or {name}.gz")


def _read(file: Path) -> list[Piece]:
    try:
        with file.open("rb") as opened:
            return read_file(opened, Source(str(file)))
    except DataError as error:
        raise DataError(f"{error} {_HINT}") from error
