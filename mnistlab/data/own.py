"""Data of one's own as a `Dataset`: an npz file, IDX files, or a CSV file like Kaggle's."""

from __future__ import annotations

import gzip
import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import ARRAYS, Dataset, digest_of
from mnistlab.data.kaggle import read_train
from mnistlab.errors import DataError, MnistLabError

MAX_BYTES = 200 * 2**20  # of all arrays together, unpacked
_LEAST = 12  # images: two for testing
_FORMS = (
    "an .npz file with x_train, y_train, x_test and y_test (or x and y), IDX files of images and "
    "labels, or a .csv file with label and pixel0 to pixel783"
)

Arrays = Mapping[str, NDArray[np.generic]]


def read_own(files: Mapping[str, bytes]) -> Dataset:
    """A dataset from files by their names.

    Images have 28x28 pixels from 0 to 255, bright ink on black; labels are digits. Where there is
    no test set, every sixth image is taken for it.

    Parameters
    ----------
    files : what each file is called -> its contents: one `.npz`, one `.csv`, or IDX files, of
        which names with `images` and `labels` are told apart, `.gz` or not

    Raises
    ------
    DataError
        Naming what was found and what belongs there.
    """
    if not files:
        raise DataError(f"There is no file; give {_FORMS}.")
    title = ", ".join(sorted(files))
    try:
        arrays = _read(files)
    except MnistLabError:
        raise
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{title} cannot be read ({what}); give {_FORMS}.") from error
    return from_arrays(arrays, title)


def read_own_path(path: Path) -> Dataset:
    """A dataset from a file, or a folder with IDX files, on this machine; see `read_own`.

    Only for a page that is served to oneself: a visitor's path would read the server's disk.
    """
    try:
        if path.suffix.lower() == ".csv":  # Kaggle's has 73 MB and is read in parts
            x, y = read_train(path)
            return from_arrays({"x": x, "y": y}, path.name)
        files = [path]
        if path.is_dir():  # what else lies there is left alone
            words = ("image", "label")
            files = [f for f in sorted(path.iterdir()) if any(w in f.name.lower() for w in words)]
        for file in files:
            if file.stat().st_size > MAX_BYTES:
                raise DataError(f"{file} has over {MAX_BYTES >> 20} MB; give a part of it.")
        return read_own({file.name: file.read_bytes() for file in files})
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); give {_FORMS}.") from error


def from_arrays(arrays: Arrays, title: str) -> Dataset:
    """A dataset from `x_train, y_train, x_test, y_test`, or `x, y`; see `read_own`."""
    if "x_train" in arrays and "x_test" not in arrays:
        arrays = {"x": arrays["x_train"], "y": arrays["y_train"]}
    if "x" in arrays:
        arrays = _split(_checked(arrays["x"], arrays["y"], title))
    x_train, y_train = _checked(arrays["x_train"], arrays["y_train"], title)
    x_test, y_test = _checked(arrays["x_test"], arrays["y_test"], title)
    if len(x_train) + len(x_test) < _LEAST:
        raise DataError(f"{title} has too few images; give at least {_LEAST}.")
    parts = (x_train, y_train, x_test, y_test)
    for part in parts:
        part.flags.writeable = False
    return Dataset(
        name="own",
        title=title,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        digest=digest_of(parts),
        source="your own files",
    )


def _split(pair: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> Arrays:
    x, y = pair
    test = np.arange(len(x)) % 6 == 5
    return {"x_train": x[~test], "y_train": y[~test], "x_test": x[test], "y_test": y[test]}


def _checked(
    x: NDArray[np.generic], y: NDArray[np.generic], title: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images and labels as they have to be, or what was found instead."""
    if x.ndim == 2 and x.shape[1] == 784:
        x = x.reshape(-1, 28, 28)
    if x.ndim == 4 and x.shape[-1] == 1:
        x = x[..., 0]
    if x.ndim != 3 or x.shape[1:] != (28, 28):
        size = " x ".join(map(str, x.shape))
        raise DataError(f"{title} has images {size}; give n x 28 x 28, one channel.")
    if y.shape != (len(x),):
        raise DataError(
            f"{title} has {len(x):,} images but labels of shape {y.shape}; give one each."
        )
    return _whole(x, 255, "pixels", title), _whole(y, 9, "labels", title)


def _whole(values: NDArray[np.generic], most: int, what: str, title: str) -> NDArray[np.uint8]:
    if values.dtype.kind not in "iuf" or not values.size:
        raise DataError(
            f"{title} has {what} of type {values.dtype}; give whole numbers, 0 to {most}."
        )
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= most):
        raise DataError(f"{title} has {what} from {low:g} to {high:g}; give 0 to {most}.")
    whole = values.astype(np.uint8)
    if values.dtype.kind == "f" and not np.array_equal(whole, values):
        hint = "; multiply by 255 and round" if high <= 1 else ""
        raise DataError(f"{title} has {what} that are no whole numbers{hint}; give 0 to {most}.")
    return whole


# Reading


def _read(files: Mapping[str, bytes]) -> Arrays:
    name, content = next(iter(files.items()))
    if len(files) == 1 and name.lower().endswith(".npz"):
        return _read_npz(content, name)
    if len(files) == 1 and name.lower().endswith(".csv"):
        return _read_csv(content, name)
    return _read_idx_files(files)


def _read_npz(content: bytes, name: str) -> Arrays:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
            raise DataError(f"{name} unpacks to over {MAX_BYTES >> 20} MB; give a part of it.")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        found = set(stored.files)
        if set(ARRAYS) <= found:
            wanted = list(ARRAYS)
        elif {"x_train", "y_train"} <= found:
            wanted = ["x_train", "y_train"]
        elif {"x", "y"} <= found:
            wanted = ["x", "y"]
        else:
            names = ", ".join(sorted(found)[:6]) or "nothing"
            raise DataError(f"{name} holds {names}; give {_FORMS}.")
        return {key: stored[key] for key in wanted}


def _read_csv(content: bytes, name: str) -> Arrays:
    with tempfile.TemporaryDirectory(prefix="mnistlab-own-") as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(content)
        x, y = read_train(path)
    return {"x": x, "y": y}


def _read_idx_files(files: Mapping[str, bytes]) -> Arrays:
    found: dict[str, NDArray[np.generic]] = {}
    for name, content in files.items():
        low = name.lower()
        kind = "x" if "image" in low else "y" if "label" in low else ""
        if not kind:
            raise DataError(f"{name} is not known; give {_FORMS}.")
        split = "test" if "t10k" in low or "test" in low else "train"
        found[f"{kind}_{split}"] = _read_idx(content, name)
    missing = [n for n in ("x_train", "y_train") if n not in found]
    if missing:
        raise DataError(f"{', '.join(files)}: {' and '.join(missing)} missing; give {_FORMS}.")
    if ("x_test" in found) != ("y_test" in found):
        raise DataError(f"{', '.join(files)}: test images and test labels belong together.")
    return found


def _read_idx(content: bytes, name: str) -> NDArray[np.uint8]:
    if content[:2] == b"\x1f\x8b":
        with gzip.open(io.BytesIO(content)) as file:
            content = file.read(MAX_BYTES + 1)
    if len(content) < 8 or len(content) > MAX_BYTES:
        raise DataError(f"{name} is no IDX file, or unpacks to over {MAX_BYTES >> 20} MB.")
    zeros, kind, dimensions = struct.unpack(">HBB", content[:4])
    if zeros or kind != 8 or not 1 <= dimensions <= 4:
        raise DataError(f"{name} is no IDX file of unsigned bytes; give {_FORMS}.")
    shape = struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])
    data = content[4 + 4 * dimensions :]
    if len(data) != int(np.prod(shape)):
        raise DataError(
            f"{name} has {len(data):,} bytes of data where its head announces "
            f"{int(np.prod(shape)):,}; it may be truncated."
        )
    return np.frombuffer(data, np.uint8).reshape(shape).copy()
