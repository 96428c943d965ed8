"""Where data and runs live, and the environment variables that decide it.

The environment is read at each call, not at import, so a notebook can set a variable in its
first cell and a test can point everything at a temporary folder.
"""

from __future__ import annotations

import os
from pathlib import Path

from mnistlab.errors import ConfigError

MOST_WORKERS = 64
_YES = {"1", "true", "yes", "on"}


def home() -> Path:
    """Folder of downloads and runs: `MNISTLAB_HOME`, else the platform's user data folder."""
    named = os.environ.get("MNISTLAB_HOME", "").strip()
    if named:
        return Path(named).expanduser().absolute()
    # Imported here: most processes are given a home and need no knowledge of platforms.
    import platformdirs

    return platformdirs.user_data_path("mnistlab", appauthor=False)


def is_shared() -> bool:
    """Whether the page is served to many, each visit with a folder of its own."""
    return bool(os.environ.get("MNISTLAB_VISIT", "").strip())


def visit_folder() -> Path:
    """Folder of what a visitor makes: `MNISTLAB_VISIT` where a server gives each visit its own."""
    return Path(os.environ["MNISTLAB_VISIT"].strip()) if is_shared() else home()


def cache_folder() -> Path:
    """Folder of the checked datasets that all kernels share."""
    return home() / "data"


def runs_folder() -> Path:
    """Folder of finished training runs."""
    return visit_folder() / "runs"


def my_digits_file() -> Path:
    """File of the drawings that were kept, one JSON object a line."""
    return visit_folder() / "my-digits.jsonl"


def local_mnist() -> Path | None:
    """The user's own MNIST from `MNISTLAB_MNIST`, an npz file or a folder of IDX files, or None."""
    named = os.environ.get("MNISTLAB_MNIST", "").strip()
    return Path(named).expanduser().absolute() if named else None


def offline() -> bool:
    """Whether `MNISTLAB_OFFLINE` forbids every use of the network."""
    return os.environ.get("MNISTLAB_OFFLINE", "").strip().lower() in _YES


def scheduler() -> str | None:
    """Address of the Dask scheduler that trains, from `MNISTLAB_SCHEDULER`, or None."""
    return os.environ.get("MNISTLAB_SCHEDULER", "").strip() or None


def workers() -> int:
    """How many trainings may run at once on this machine: `MNISTLAB_WORKERS`, by default 1.

    Raises
    ------
    ConfigError
        When it is no whole number from 1 to 64.
    """
    named = os.environ.get("MNISTLAB_WORKERS", "").strip() or "1"
    if not named.isdecimal() or not 1 <= int(named) <= MOST_WORKERS:
        raise ConfigError(
            f"MNISTLAB_WORKERS is {named!r}; give a whole number from 1 to {MOST_WORKERS}."
        )
    return int(named)


def queue_folder() -> Path | None:
    """Folder of the queue in which all visitors of a server wait to train, or None."""
    named = os.environ.get("MNISTLAB_QUEUE", "").strip()
    return Path(named) if named else None


def training_memory() -> float | None:
    """Bytes that a training may use, from `MNISTLAB_TRAINING_MEMORY` in megabytes, or None."""
    megabytes = _number("MNISTLAB_TRAINING_MEMORY")
    return megabytes * 2**20 if megabytes else None


def training_seconds() -> float | None:
    """Seconds that a training may take, from `MNISTLAB_TRAINING_MINUTES`, or None."""
    minutes = _number("MNISTLAB_TRAINING_MINUTES")
    return minutes * 60 if minutes else None


def _number(variable: str) -> float:
    named = os.environ.get(variable, "").strip() or "0"
    try:
        value = float(named)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ConfigError(f"{variable} is {named!r}; give a number above 0, or 0 for no limit.")
    return value
