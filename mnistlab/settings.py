"""Folders of data and runs, and the environment variables that set them.

The environment is read at each call, not at import, so a notebook can set a variable in its
first cell and a test can point everything at a temporary folder.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from mnistlab.errors import ConfigError

MOST_WORKERS = 64
BACKENDS = ("litert", "numpy")


def _value(variable: str) -> str:
    return os.environ.get(variable, "").strip()


def _path(variable: str) -> Path | None:
    named = _value(variable)
    return Path(named).expanduser().absolute() if named else None


def home() -> Path:
    """Return the folder of all data: `MNISTLAB_HOME`, else the platform's user data folder."""
    if named := _path("MNISTLAB_HOME"):
        return named
    # Imported here: most processes are given a home.
    import platformdirs

    return platformdirs.user_data_path("mnistlab", appauthor=False)


def is_shared() -> bool:
    """Return whether the page is served to many, each visit with its own folder."""
    return bool(_value("MNISTLAB_VISIT"))


def visit_folder() -> Path:
    """Return the folder of a visitor's work: `MNISTLAB_VISIT` on a shared server, else home."""
    return _path("MNISTLAB_VISIT") or home()


def cache_folder() -> Path:
    """Return the folder of the checked datasets that all kernels share."""
    return home() / "data"


def runs_folder() -> Path:
    """Return the folder of finished training runs."""
    return visit_folder() / "runs"


def my_digits_file() -> Path:
    """Return the file of My digits, one JSON object a line."""
    return visit_folder() / "my-digits.jsonl"


def local_mnist() -> Path | None:
    """Return `MNISTLAB_MNIST`, an npz file or a folder of IDX files, or None."""
    return _path("MNISTLAB_MNIST")


def pens_folder() -> Path:
    """Return the folder of pen drawings to train on: `MNISTLAB_PENS`, else `pens` in home."""
    return _path("MNISTLAB_PENS") or home() / "pens"


def benchmark_sets_folder() -> Path:
    """Return the folder of public test sets: `MNISTLAB_BENCHMARK_SETS`, else one in home."""
    return _path("MNISTLAB_BENCHMARK_SETS") or home() / "benchmark-sets"


def offline() -> bool:
    """Return whether `MNISTLAB_OFFLINE` forbids the network."""
    return _value("MNISTLAB_OFFLINE").lower() in ("1", "true", "yes", "on")


def backend() -> str | None:
    """Return what is to compute predictions, from `MNISTLAB_BACKEND`, or None.

    Raises `ConfigError` unless it is `"litert"` or `"numpy"`.
    """
    named = _value("MNISTLAB_BACKEND").lower()
    if named and named not in BACKENDS:
        raise ConfigError(f"MNISTLAB_BACKEND is {named!r}; give {' or '.join(BACKENDS)}.")
    return named or None


def scheduler() -> str | None:
    """Return the address of the Dask scheduler, from `MNISTLAB_SCHEDULER`, or None."""
    return _value("MNISTLAB_SCHEDULER") or None


def workers() -> int:
    """Return how many jobs may train at once on this machine: `MNISTLAB_WORKERS`, default 1.

    Raises `ConfigError` unless it is a whole number from 1 to 64.
    """
    named = _value("MNISTLAB_WORKERS") or "1"
    if not named.isdecimal() or not 1 <= int(named) <= MOST_WORKERS:
        raise ConfigError(
            f"MNISTLAB_WORKERS is {named!r}; give a whole number from 1 to {MOST_WORKERS}."
        )
    return int(named)


def queue_folder() -> Path | None:
    """Return the folder of the training queue of a server, or None."""
    return _path("MNISTLAB_QUEUE")


def owner() -> str:
    """Return whom a training counts for in the queue of a server; "" is nobody in particular."""
    file = _path("MNISTLAB_OWNER")
    with suppress(OSError):  # not served, or served to this machine only
        return file.read_text(encoding="utf-8").strip() if file else ""
    return ""


def training_memory() -> float | None:
    """Return the memory limit of a training in bytes (`MNISTLAB_TRAINING_MEMORY`), or None."""
    megabytes = _number("MNISTLAB_TRAINING_MEMORY")
    return megabytes * 2**20 if megabytes else None


def training_seconds() -> float | None:
    """Return the time limit of a training in seconds (`MNISTLAB_TRAINING_MINUTES`), or None."""
    minutes = _number("MNISTLAB_TRAINING_MINUTES")
    return minutes * 60 if minutes else None


def _number(variable: str) -> float:
    named = _value(variable) or "0"
    try:
        value = float(named)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ConfigError(f"{variable} is {named!r}; give a number above 0, or 0 for no limit.")
    return value
