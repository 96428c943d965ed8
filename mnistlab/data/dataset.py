"""A dataset in memory and as a folder that many processes map at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.features import features
from mnistlab.data.statistics import FILE, compute
from mnistlab.errors import DataError
from mnistlab.files import write_whole

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
MANIFEST = "manifest.json"
_MORE = "more.npz"
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of digits with their labels. The arrays are read-only."""

    name: str
    """For programs: `"mnist"` or `"digits"`."""
    title: str
    """For people: `"MNIST"` or `"scikit-learn digits"`."""
    x_train: Images
    """`(n, 28, 28)` uint8, bright ink (255) on black (0)."""
    y_train: Labels
    """`(n,)` uint8, 0 to 9."""
    x_test: Images
    y_test: Labels
    digest: str
    """SHA-256, in hexadecimal, over the bytes of the four arrays in this order."""
    source: str
    """Where the data came from, for people."""
    folder: Path | None = None
    """Where the arrays lie; another process reopens the dataset from there (`open_folder`)."""
    notice: str = ""
    """A sentence for a banner: that this dataset stands in for another, why, and what to do."""
    x_more: Images = field(default_factory=lambda: np.zeros((0, 28, 28), np.uint8))
    """Images `(m, 28, 28)` that join the training part and no other: a visitor's own digits."""
    y_more: Labels = field(default_factory=lambda: np.zeros(0, np.uint8))

    def with_more(self, x: Images, y: Labels) -> Dataset:
        """The same with images (m, 28, 28) and labels (m,) that are trained on as well.

        `digest` stays: what is validated and tested on is the same.

        Raises
        ------
        DataError
            When there are none, or shapes or labels do not fit.
        """
        x, y = np.asarray(x), np.asarray(y)
        if not len(x):
            raise DataError("There is nothing to add: keep drawings as My digits in Predict first.")
        if x.shape != (len(y), 28, 28) or x.dtype != np.uint8 or not 0 <= y.min() <= y.max() <= 9:
            raise DataError(
                f"Images {x.shape} {x.dtype} with {len(y)} labels cannot be added; give "
                "(n, 28, 28) uint8 and digits from 0 to 9."
            )
        return replace(self, x_more=x, y_more=y.astype(np.uint8), folder=None)

    @property
    def fingerprint(self) -> str:
        """What tells this data from any other, the additional images included."""
        if not len(self.x_more):
            return self.digest
        return f"{self.digest}-{digest_of((self.x_more, self.y_more))}"

    def __repr__(self) -> str:
        return f"Dataset({self.title}: {len(self.x_train):,} train, {len(self.x_test):,} test)"


def digest_of(arrays: Iterable[NDArray[np.uint8]]) -> str:
    """SHA-256, in hexadecimal, over the C-ordered bytes of the arrays, one after the other."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


def save_folder(dataset: Dataset, path: Path, origin: dict[str, Any] | None = None) -> None:
    """Write a dataset's arrays, statistics and manifest into a new or empty folder.

    Not atomic: a cache writes to a temporary name and renames.

    Parameters
    ----------
    dataset : Dataset
    path : Path
        Created, with its parents, where it is missing.
    origin : dict, optional
        What the data was read from, for a cache to know its source again.

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    path.mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        np.save(path / f"{name}.npy", np.ascontiguousarray(getattr(dataset, name)))
    if len(dataset.x_more):
        np.savez(path / _MORE, x=dataset.x_more, y=dataset.y_more)
    # Here, where all pixels are in memory: a page that reads them counts them in its own.
    features(replace(dataset, folder=path))
    figures = json.dumps(compute(dataset).to_dict(), indent=1)
    (path / FILE).write_text(figures, encoding="utf-8")
    write_manifest(
        path,
        {
            "format": _FORMAT,
            "name": dataset.name,
            "title": dataset.title,
            "digest": dataset.digest,
            "source": dataset.source,
            "origin": origin,
            "files": _file_marks(path),
        },
    )


def open_folder(path: Path, *, verify: bool = False) -> Dataset:
    """A dataset from a folder that `save_folder` wrote, memory-mapped and read-only.

    Sizes and times of the files are compared with the manifest at each opening. The contents are
    digested only where a time differs or `verify` asks for it, because that touches every byte.

    Raises
    ------
    DataError
        When the folder is missing or damaged.
    """
    path = Path(path).absolute()
    manifest = read_manifest(path)
    try:
        _check_sizes(path, manifest["files"])
        arrays = [np.load(path / f"{name}.npy", "r", allow_pickle=False) for name in ARRAYS]
        marks = _file_marks(path)
        if verify or marks != manifest["files"]:
            if digest_of(arrays) != manifest["digest"]:
                raise _damaged(path, "the contents have changed")
            manifest["files"] = marks
            with suppress(OSError):  # a read-only cache is checked again next time, no harm
                write_manifest(path, manifest)
        x_train, y_train, x_test, y_test = arrays
        dataset = Dataset(
            manifest["name"],
            manifest["title"],
            x_train,
            y_train,
            x_test,
            y_test,
            digest=manifest["digest"],
            source=manifest["source"],
        )
        if (path / _MORE).is_file():
            with np.load(path / _MORE, allow_pickle=False) as more:
                dataset = dataset.with_more(more["x"], more["y"])
        return replace(dataset, folder=path)
    except (OSError, ValueError, EOFError, KeyError, TypeError) as error:
        raise _damaged(path, str(error)) from error


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a dataset's folder, or DataError where it is missing or unreadable."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != _FORMAT:
            raise ValueError(f"its format is {manifest['format']}, not {_FORMAT}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"{MANIFEST} cannot be read: {error}") from error
    return dict(manifest)


def write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Write or replace a folder's manifest in one step; raises OSError where that fails."""
    write_whole(path / MANIFEST, json.dumps(manifest, indent=1).encode())


def _file_marks(path: Path) -> dict[str, dict[str, int]]:
    stats = {f"{name}.npy": (path / f"{name}.npy").stat() for name in ARRAYS}
    return {n: {"size": s.st_size, "mtime_ns": s.st_mtime_ns} for n, s in stats.items()}


def _check_sizes(path: Path, files: dict[str, dict[str, int]]) -> None:
    for name in (f"{name}.npy" for name in ARRAYS):
        size = (path / name).stat().st_size
        if size != files[name]["size"]:
            raise ValueError(f"{name} has {size:,} bytes instead of {files[name]['size']:,}")


def _damaged(path: Path, what: str) -> DataError:
    return DataError(f"The data in {path} is damaged ({what}); delete that folder and load again.")
