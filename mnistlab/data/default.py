"""The default dataset, and its description."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from mnistlab import settings
from mnistlab.data.dataset import Dataset
from mnistlab.data.digits import load_digits
from mnistlab.data.mnist import load_mnist
from mnistlab.errors import DataError

_RETRY_SECONDS = 300  # without a network, only one of many visitors waits for the timeout


def load_default() -> Dataset:
    """Load MNIST where it is available, else scikit-learn's digits with a `notice` that says so.

    Without a network and a cache it returns within about 5 s. After a failed download the next
    attempt is made 5 minutes later. Raises DataError when not even the digits can be read.
    """
    allowed = not _failed_lately()
    try:
        return load_mnist(progress=False, allow_download=allowed)
    except DataError as error:
        if allowed and settings.local_mnist() is None and not settings.offline():
            _remember_failure()
        return _stand_in(error)


def info() -> dict[str, Any]:
    """Describe the default data as `describe` does; downloads nothing."""
    try:
        dataset = load_mnist(progress=False, allow_download=False)
    except DataError as error:
        dataset = _stand_in(error)
    return describe(dataset)


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


def _stand_in(error: DataError) -> Dataset:
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
