"""MNIST from a local file, the cache or a download; checked once, mapped by all processes.

Where it is not available, scikit-learn's digits are the default data.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mnistlab import settings
from mnistlab.data.containers import Arrays, read_container, unfit
from mnistlab.data.dataset import ARRAYS, Dataset, digest_of
from mnistlab.data.digits import load_digits
from mnistlab.data.folder import (
    open_folder,
    read_manifest,
    replace_folder,
    write_manifest,
    writing,
)
from mnistlab.errors import DataError

MNIST_DIGEST = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"
_RETRY_SECONDS = 300  # without a network, only one of many visitors waits for the timeout
_LOCK_SECONDS = 300  # longer than a slow download of 11 MB by another process
_REMEDY = "set MNISTLAB_MNIST to a local mnist.npz, or run `mnistlab data fetch` with a network"


def load_mnist(
    progress: Any = True, *, verify: bool = False, allow_download: bool = True
) -> Dataset:
    """Load MNIST: 60,000 training and 10,000 test images (LeCun, Cortes, Burges; CC BY-SA 3.0).

    Looks at `MNISTLAB_MNIST` first (an npz file, or a folder with the four IDX files), then at
    the cache under `MNISTLAB_HOME`, then downloads from one of two mirrors. Whatever the
    container, the contents must have MNIST's SHA-256. The arrays are memory-mapped from the
    cache, which all processes share.

    Parameters
    ----------
    progress : bool or object
        Shows a download: True as a bar on a terminal, False not at all, or through an object
        with `total`, `update(n)`, `reset()` and `close()`.
    verify : bool
        Digest the cached contents again, 0.2 s, and build the cache anew where they are damaged.
    allow_download : bool
        False never touches the network, as `MNISTLAB_OFFLINE=1` does.

    Returns
    -------
    Dataset
        Images `(n, 28, 28)` uint8 with ink = 255, labels `(n,)` uint8; read-only.

    Raises
    ------
    DataError
        Naming what was found and the remedy. A good cache stays untouched.
    """
    local = settings.local_mnist()
    cached = _from_cache(local, verify)
    if cached is not None:
        return cached
    with _locked():
        # Another process may have built the cache while this one waited.
        if _from_cache(local, verify) is None:
            if local is not None:
                _build(_read_checked(local), f"local file {local}", _origin(local))
            else:
                arrays, host = _download(progress, allow_download)
                _build(arrays, f"download from {host}", None)
    return open_folder(folder())


def load_default() -> Dataset:
    """Load MNIST where it is available, else scikit-learn's digits with a `notice` that says so.

    Without a network and a cache it returns within about 5 s. After a failed download the next
    attempt is made 5 minutes later. Raises DataError when not even the digits can be read.
    """
    return _load_default(allow_download=not _failed_lately())


def info() -> dict[str, Any]:
    """Describe the default data as `describe` does; downloads nothing."""
    return describe(_load_default(allow_download=False))


def describe(dataset: Dataset) -> dict[str, Any]:
    """Describe a dataset by plain values for JSON; `notice` is empty for MNIST."""
    facts = {name: getattr(dataset, name) for name in ("name", "title", "source")}
    files = [] if dataset.folder is None else list(dataset.folder.iterdir())
    return {
        **facts,
        "folder": None if dataset.folder is None else str(dataset.folder),
        "digest": dataset.digest,
        "images": {"train": len(dataset.x_train), "test": len(dataset.x_test)},
        "cached_bytes": sum(file.stat().st_size for file in files),
        "notice": dataset.notice,
    }


def folder() -> Path:
    """Return the folder of the cache of MNIST, which may not exist yet."""
    return settings.cache_folder() / "mnist"


def _from_cache(local: Path | None, verify: bool) -> Dataset | None:
    """Return the cached dataset, or None without a good one; a bad local file raises."""
    try:
        dataset = open_folder(folder(), verify=verify)
    except DataError:
        return None  # missing or damaged: it is built anew
    if dataset.digest != MNIST_DIGEST:
        return None
    if local is not None:
        _check_local(local)
    return dataset


def _check_local(local: Path) -> None:
    """Check a local file against MNIST's digest, unless the cache remembers this very file."""
    manifest = read_manifest(folder())
    origin = _origin(local)
    if origin is None or manifest.get("origin") != origin:
        _read_checked(local)
        with suppress(OSError):  # a read-only cache only means a check each time
            write_manifest(folder(), {**manifest, "origin": origin})


def _origin(local: Path) -> dict[str, Any] | None:
    """Return path, sizes and times, which show whether a local file or folder has changed."""
    try:
        files = sorted(local.iterdir()) if local.is_dir() else [local]
        marks = [[f.name, f.stat().st_size, f.stat().st_mtime_ns] for f in files]
    except OSError:
        return None
    return {"path": str(local), "files": marks}


def _read_checked(path: Path) -> Arrays:
    arrays = read_container(path)
    found = digest_of(arrays[name] for name in ARRAYS)
    if found != MNIST_DIGEST:
        raise unfit(
            path,
            f"does not hold MNIST: the SHA-256 of its contents begins with {found[:12]}, "
            f"MNIST's with {MNIST_DIGEST[:12]}",
        )
    return arrays


def _download(progress: Any, allow_download: bool) -> tuple[Arrays, str]:
    state = "damaged" if folder().exists() else "not cached"
    if settings.offline():
        raise DataError(
            f"MNIST is {state} in {folder()} and MNISTLAB_OFFLINE forbids a download; {_REMEDY}."
        )
    if not allow_download:
        raise DataError(f"MNIST is {state} in {folder()}; {_REMEDY}.")
    # Imported here: most processes find the cache and need no networking.
    from mnistlab.data.download import MIRRORS, download

    failures = []
    for mirror in MIRRORS:
        host = urlsplit(mirror[0]).hostname or mirror[0]
        try:
            arrays = download(mirror, progress)
        except DataError as error:
            failures.append(str(error).split(";")[0])
            continue
        if digest_of(arrays[name] for name in ARRAYS) == MNIST_DIGEST:
            return arrays, host
        failures.append(f"{host} sent something that is not MNIST")
    raise DataError(f"MNIST cannot be downloaded ({', '.join(failures)}); {_REMEDY}.")


def _build(arrays: Arrays, source: str, origin: dict[str, Any] | None) -> None:
    """Write the cache under a temporary name and rename it; call with the lock held."""
    for leftover in folder().parent.glob("mnist.*-*"):
        # Of a process that was killed; no other one builds while the lock is held.
        shutil.rmtree(leftover, ignore_errors=True)
    fields: dict[str, Any] = {**arrays, "digest": MNIST_DIGEST, "source": source}
    replace_folder(Dataset("mnist", "MNIST", **fields), folder(), origin)


@contextmanager
def _locked() -> Iterator[None]:
    """Hold the cache's lock, so that of several processes one builds and the others wait."""
    import filelock  # imported here: a process that finds the cache needs no lock

    cache = settings.cache_folder()
    with writing(cache):
        cache.mkdir(parents=True, exist_ok=True)
        try:
            lock = filelock.FileLock(cache / "mnist.lock").acquire(timeout=_LOCK_SECONDS)
        except filelock.Timeout as error:
            raise DataError(
                f"Another process has been building MNIST's cache in {cache} for "
                f"{_LOCK_SECONDS} s; end it, or set MNISTLAB_HOME to another folder."
            ) from error
    with lock:
        yield


# The digits instead


def _load_default(allow_download: bool) -> Dataset:
    try:
        return load_mnist(progress=False, allow_download=allow_download)
    except DataError as error:
        if allow_download and settings.local_mnist() is None and not settings.offline():
            _remember_failure()
        notice = f"These are scikit-learn's 1,797 small digits, not MNIST. {error}"
        return replace(load_digits(), notice=notice)


def _mark() -> Path:
    return settings.cache_folder() / "mnist.download-failed"


def _failed_lately() -> bool:
    try:
        return 0 <= time.time() - _mark().stat().st_mtime < _RETRY_SECONDS
    except OSError:
        return False


def _remember_failure() -> None:
    with suppress(OSError):  # where nothing can be written, the next visitor waits again
        _mark().parent.mkdir(parents=True, exist_ok=True)
        _mark().touch()
