"""Downloads the files of public test sets from where they were published."""

from __future__ import annotations

import shutil
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mnistlab import settings
from mnistlab.data.benchmark_sets.place import SetsFolder
from mnistlab.data.benchmark_sets.read import load_set
from mnistlab.data.benchmark_sets.table import Download, SetInfo
from mnistlab.data.download import reachable, retrieve
from mnistlab.errors import DataError

_ASK_SECONDS = 5.0
_ROOM = 64 * 2**20  # bytes that stay free on the disk


def fetch_set(
    info: SetInfo,
    folder: Path,
    progress: Any = False,
    tell: Callable[[str], None] | None = None,
) -> None:
    """Download a test set's files into a folder, as they were published.

    They are downloaded under a temporary name, read and checked as `load_set` does, and only then
    renamed, so that what is in the folder is complete.

    Parameters
    ----------
    progress : as of `load_mnist`
    tell : called with a sentence on the name, size and host of each file before it is downloaded

    Raises
    ------
    DataError
        When `MNISTLAB_OFFLINE` forbids it, the set has no public file to fetch, no mirror can be
        reached, the disk is full, or something else arrived.
    """
    if settings.offline():
        raise DataError("MNISTLAB_OFFLINE forbids a download; unset it, or copy the files there.")
    if not info.downloads:
        raise DataError(f"{info.title} cannot be fetched by this command; {info.by_hand}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as name:
            _fetch_all(info, Path(name), progress, tell)
            for download in info.downloads:
                (Path(name) / download.name).replace(folder / download.name)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written ({error.strerror or error}); free some space, or name "
            "another folder."
        ) from error


def _fetch_all(
    info: SetInfo, folder: Path, progress: Any, tell: Callable[[str], None] | None
) -> None:
    """Download into an empty folder, and check what arrived."""
    for download in info.downloads:
        _fetch(download, folder, progress, tell)
    try:
        load_set(info, SetsFolder(folder))
    except FileNotFoundError as error:
        raise DataError(f"What was downloaded for {info.title} is incomplete: {error}.") from error


def _fetch(
    download: Download, folder: Path, progress: Any, tell: Callable[[str], None] | None
) -> None:
    failures = []
    for address in download.addresses:
        host = urlsplit(address).hostname or address
        if not reachable(address):
            failures.append(f"{host} cannot be reached")
            continue
        size = _size_of(address) or download.size
        _check_room(folder, size)
        if tell is not None:
            amount = "of unknown size" if size is None else f"{size / 1e6:,.0f} MB"
            tell(f"Downloading {download.name}, {amount}, from {host}.")
        try:
            retrieve(address, folder, download.name, progress)
        except Exception as error:
            # requests and urllib3 raise many types; the next mirror is tried after any.
            failures.append(f"{host} failed ({type(error).__name__})")
            continue
        return
    raise DataError(
        f"{download.name} cannot be downloaded ({', '.join(failures)}); try again later, or "
        "download it in a browser into the folder of the test sets."
    )


def _size_of(address: str) -> int | None:
    """Ask the server for a file's size; None where it does not say."""
    try:
        request = urllib.request.Request(address, method="HEAD")
        with urllib.request.urlopen(request, timeout=_ASK_SECONDS) as answer:
            length = answer.headers.get("Content-Length")
    except (OSError, ValueError):
        return None
    return int(length) if length and length.isdecimal() else None


def _check_room(folder: Path, size: int | None) -> None:
    free = shutil.disk_usage(folder).free
    if size is not None and free < size + _ROOM:
        raise DataError(
            f"The disk of {folder.parent} has {free / 1e6:,.0f} MB free and the download needs "
            f"{size / 1e6:,.0f} MB; free some space, or name another folder."
        )
