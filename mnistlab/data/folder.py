"""A dataset as a folder that many processes map at once."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mnistlab.data.dataset import ARRAYS, Dataset, digest_of
from mnistlab.data.features import features
from mnistlab.data.pixel_statistics import FILE, compute
from mnistlab.errors import DataError
from mnistlab.files import atomic_write

MANIFEST = "manifest.json"
_EXTRA = "extra.npz"
_FORMAT = 1
_FACTS = ("name", "title", "digest", "source")


def save_folder(dataset: Dataset, path: Path, origin: dict[str, Any] | None = None) -> None:
    """Write a dataset's arrays, statistics and manifest into a new or empty folder.

    It is not atomic; `replace_folder` is. Raises OSError when the folder cannot be written. From
    `origin`, which says what the data was read from, a cache recognises its source.
    """
    path.mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        np.save(path / f"{name}.npy", np.ascontiguousarray(getattr(dataset, name)))
    if len(dataset.extra_images):
        np.savez(path / _EXTRA, x=dataset.extra_images, y=dataset.extra_labels)
    # Computed here, where all pixels are in memory anyway.
    features(replace(dataset, folder=path))
    figures = json.dumps(compute(dataset).to_dict(), indent=1)
    (path / FILE).write_text(figures, encoding="utf-8")
    facts = {key: getattr(dataset, key) for key in _FACTS}
    files = _file_marks(path)
    write_manifest(path, {"format": _FORMAT, **facts, "origin": origin, "files": files})


def replace_folder(dataset: Dataset, target: Path, origin: dict[str, Any] | None = None) -> None:
    """Save a dataset as `target` in one step, replacing what was there.

    Raises DataError when the cache cannot be written.
    """
    unique = uuid.uuid4().hex
    building = target.with_name(f"{target.name}.building-{unique}")
    old = target.with_name(f"{target.name}.old-{unique}")
    with writing(target.parent):
        try:
            save_folder(dataset, building, origin)
            if target.exists():
                target.rename(old)  # a folder with files in it cannot be replaced in place
            building.rename(target)
        finally:
            shutil.rmtree(building, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


@contextmanager
def writing(cache: Path) -> Iterator[None]:
    """Turn errors of writing a cache into a DataError that names the remedy."""
    try:
        yield
    except (OSError, NotImplementedError) as error:  # the latter from a disk that cannot lock
        raise DataError(
            f"The cache {cache} cannot be written ({getattr(error, 'strerror', None) or error}); "
            "set MNISTLAB_HOME to a writable folder with 60 MB free."
        ) from error


def open_folder(path: Path, *, verify: bool = False) -> Dataset:
    """Open a folder that `save_folder` wrote: a dataset, memory-mapped and read-only.

    Sizes and times of the files are compared with the manifest at each opening. The contents are
    digested only where one differs or `verify` asks for it, because that touches every byte.

    Raises
    ------
    DataError
        When the folder is missing or damaged.
    """
    path = Path(path).absolute()
    manifest = read_manifest(path)
    try:
        arrays: dict[str, Any] = {
            name: np.load(path / f"{name}.npy", "r", allow_pickle=False) for name in ARRAYS
        }
        marks = _file_marks(path)
        if verify or marks != manifest["files"]:
            if digest_of(arrays.values()) != manifest["digest"]:
                raise _damaged(path, "the contents have changed")
            manifest["files"] = marks
            with suppress(OSError):  # a read-only cache is checked again each time
                write_manifest(path, manifest)
        facts = {key: manifest[key] for key in _FACTS}
        dataset = Dataset(**facts, **arrays, folder=path)
        if (path / _EXTRA).is_file():
            with np.load(path / _EXTRA, allow_pickle=False) as extra:
                dataset = replace(dataset.with_extra(extra["x"], extra["y"]), folder=path)
        return dataset
    except (OSError, ValueError, EOFError, KeyError, TypeError) as error:
        raise _damaged(path, str(error)) from error


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a dataset's folder; DataError where it is missing or unreadable."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != _FORMAT:
            raise ValueError(f"its format is {manifest['format']}, not {_FORMAT}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"{MANIFEST} cannot be read: {error}") from error
    return dict(manifest)


def write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Write or replace a folder's manifest in one step; raises OSError where that fails."""
    atomic_write(path / MANIFEST, json.dumps(manifest, indent=1).encode())


def _file_marks(path: Path) -> dict[str, dict[str, int]]:
    stats = {f"{name}.npy": (path / f"{name}.npy").stat() for name in ARRAYS}
    return {n: {"size": s.st_size, "mtime_ns": s.st_mtime_ns} for n, s in stats.items()}


def _damaged(path: Path, what: str) -> DataError:
    return DataError(f"The data in {path} is damaged ({what}); delete that folder and load again.")
