"""Where data and runs live, and the environment variables that decide it.

The environment is read at each call, not at import, so a notebook can set a variable in its
first cell and a test can point everything at a temporary folder.
"""

from __future__ import annotations

import os
from pathlib import Path

_YES = {"1", "true", "yes", "on"}


def home() -> Path:
    """Folder of downloads and runs: `MNISTLAB_HOME`, else the platform's user data folder."""
    named = os.environ.get("MNISTLAB_HOME", "").strip()
    if named:
        return Path(named).expanduser().absolute()
    # Imported here: most processes are given a home and need no knowledge of platforms.
    import platformdirs

    return platformdirs.user_data_path("mnistlab", appauthor=False)


def cache_folder() -> Path:
    """Folder of the checked datasets that all kernels share."""
    return home() / "data"


def runs_folder() -> Path:
    """Folder of finished training runs."""
    return home() / "runs"


def my_digits_file() -> Path:
    """File of the drawings that were kept, one JSON object a line."""
    return home() / "my-digits.jsonl"


def local_mnist() -> Path | None:
    """The user's own MNIST from `MNISTLAB_MNIST`, an npz file or a folder of IDX files, or None."""
    named = os.environ.get("MNISTLAB_MNIST", "").strip()
    return Path(named).expanduser().absolute() if named else None


def offline() -> bool:
    """Whether `MNISTLAB_OFFLINE` forbids every use of the network."""
    return os.environ.get("MNISTLAB_OFFLINE", "").strip().lower() in _YES
