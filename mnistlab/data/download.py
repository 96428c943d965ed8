"""Downloading MNIST from the mirrors of Keras and torchvision."""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mnistlab.data.containers import IDX_FILES, Arrays, read_container
from mnistlab.errors import DataError

# Each mirror is a folder and its files. Both have the same contents in different containers.
MIRRORS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("https://storage.googleapis.com/tensorflow/tf-keras-datasets/", ("mnist.npz",)),
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        tuple(f"{name}.gz" for name in IDX_FILES.values()),
    ),
)
_CONNECT_SECONDS = 2.5  # for each mirror: a page without a network must not wait long
_SILENCE_SECONDS = 20.0  # without a byte, after which a download counts as broken


def download(mirror: tuple[str, tuple[str, ...]], progress: Any) -> Arrays:
    """Download MNIST's arrays from one of `MIRRORS`; their contents are not checked here.

    `progress` is that of `load_mnist`. Raises DataError when the mirror cannot be reached, breaks
    off, or sends something else.
    """
    base, files = mirror
    host = urlsplit(base).hostname or base
    if not reachable(base):
        raise DataError(f"{host} cannot be reached")
    with tempfile.TemporaryDirectory(prefix="mnistlab-") as folder:
        try:
            for name in files:
                retrieve(base + name, Path(folder), name, progress)
        except Exception as error:
            # requests and urllib3 raise many types; the next mirror is tried after any.
            raise DataError(f"{host} failed ({type(error).__name__})") from error
        return read_container(Path(folder) / files[0] if len(files) == 1 else Path(folder))


def retrieve(url: str, folder: Path, name: str, progress: Any) -> None:
    """Download one file into a folder, under a name; `progress` is that of `load_mnist`.

    It appears there when it is complete. pooch and requests raise many types of exceptions.
    """
    import pooch  # imported here: most processes find the cache and download nothing

    pooch.get_logger().setLevel("WARNING")
    pooch.retrieve(
        url,
        known_hash=None,  # the contents digest is checked, whatever the container
        fname=name,
        path=folder,
        downloader=pooch.HTTPDownloader(
            progressbar=progress if sys.stderr is not None else False,  # where a bar goes
            chunk_size=65536,
            timeout=(_CONNECT_SECONDS, _SILENCE_SECONDS),
        ),
    )


def reachable(url: str) -> bool:
    """Return whether a connection to the URL's host opens soon.

    Resolving a name has no timeout and can take half a minute without a network, so it happens in
    a thread that is abandoned.
    """
    parts = urlsplit(url)
    if parts.scheme in urllib.request.getproxies():
        return True  # the proxy connects for us; only the request itself can tell
    address = (parts.hostname or "", parts.port or {"http": 80}.get(parts.scheme, 443))
    connected = threading.Event()

    def connect() -> None:
        with suppress(OSError):
            socket.create_connection(address, timeout=_CONNECT_SECONDS).close()
            connected.set()

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_CONNECT_SECONDS)
    return connected.is_set()
