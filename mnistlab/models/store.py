"""Models on disk: the pretrained pair inside the package, and one folder per finished run.

A run folder holds `run.json`, `model.keras`, `model.tflite`, `history.csv` and `predictions.npz`.
It is written under a temporary name and renamed. When read, `run.json` is checked value by value
(`mnistlab.models.card`) and the other files by SHA-256.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shlex
import shutil
import zipfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import ModelError
from mnistlab.files import atomic_write
from mnistlab.markup import note, table
from mnistlab.models.backends import choose_backend
from mnistlab.models.card import MAX_BYTES, MAX_TITLE, Card, CardError, is_title, read_card
from mnistlab.models.classifier import Classifier
from mnistlab.models.config import network_title, upgrade_settings
from mnistlab.settings import runs_folder

PRETRAINED = ("mlp", "cnn")
PRETRAINED_FOLDER = Path(__file__).parent / "pretrained"
PREDICTIONS = ("y_val", "val_proba", "y_test", "test_proba")


@dataclass(frozen=True)
class Run:
    """A finished run as `list_runs` finds it."""

    id: str
    folder: Path
    card: Card = field(default_factory=Card)
    """The contents of `run.json`, checked; empty for a damaged run."""
    damage: str = ""
    """What is wrong with the folder, or an empty string."""

    def _repr_html_(self) -> str:
        if self.damage:
            return note(f"Run {self.id} is damaged: {self.damage}.")
        accuracy, config = self.card["test_accuracy"], self.card["config"]
        epochs, seed = (str(config.get(name, "–")) for name in ("epochs", "seed"))
        row = [self.id, self.card["title"], network_title(self.card), epochs, seed]
        head = ["Run", "Title", "Network", "Epochs", "Seed", "Test accuracy"]
        return table(head, [[*row, f"{accuracy:.2%}"]], "Training run")


def list_runs(runs: Path | None = None) -> list[Run]:
    """Return the finished runs, newest last; a damaged one is listed as damaged."""
    found = [_read_run(path) for path in _run_folders(runs)]
    return sorted(found, key=lambda run: (run.card.get("created", ""), run.id))


def _run_folders(runs: Path | None) -> list[Path]:
    """Folders and links to folders, even to one that is gone."""
    folder = runs or runs_folder()
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if not path.name.startswith("."))
    return [path for path in found if path.is_dir() or _is_broken_link(path)]


def _is_broken_link(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _read_run(folder: Path) -> Run:
    """Read and check a run's card; whatever is wrong is its damage."""

    def damaged(reason: str) -> Run:
        return Run(folder.name, folder, damage=reason)

    if not folder.name.isprintable():  # such a name could not be sent to a page
        return damaged("the name of its folder is not printable")
    if _is_broken_link(folder):
        return damaged("it is a link to a folder that is not there")
    try:
        card = read_card(_read_start(folder / "run.json", MAX_BYTES + 1))
        missing = [name for name in card["files"] if not (folder / name).is_file()]
    except (OSError, CardError) as error:
        return damaged(f"run.json cannot be read: {getattr(error, 'strerror', error)}")
    return damaged(f"{', '.join(missing)} missing") if missing else Run(folder.name, folder, card)


def _read_start(path: Path, size: int) -> bytes:
    """Return the first bytes of a regular file; reading a pipe would block forever."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is not a regular file")
    with path.open("rb") as file:
        return file.read(size)


def read_run_file(run: Run, name: str) -> bytes:
    """Return a file of a run, checked by its SHA-256; raises `ModelError` if it differs."""
    try:
        data = (run.folder / name).read_bytes()
        intact = not run.damage and hashlib.sha256(data).hexdigest() == run.card["files"][name]
    except (OSError, KeyError):
        intact = False
    if not intact:
        raise _damaged(run, run.damage or f"{name} is not what was saved")
    return data


def _damaged(run: Run, what: str) -> ModelError:
    return ModelError(
        f"Run {run.id} is damaged ({what}); remove it with: {removal_command(run.id)}"
    )


def removal_command(run: str) -> str:
    """Return the command that removes a run, ready to be pasted into a shell for any id."""
    if run.isprintable() and "  " not in run:
        quoted = shlex.quote(run)
    else:  # control characters and repeated spaces would change in a line of text
        quoted = "$'" + "".join(f"\\x{byte:02x}" for byte in os.fsencode(run)) + "'"
    return f"mnistlab models remove {'-- ' if run.startswith('-') else ''}{quoted}"


def read_predictions(run: Run) -> dict[str, NDArray[Any]]:
    """Return the predictions of a run's model at the end of its training.

    They are `y_val` (n,) uint8 and `val_proba` (n, 10) float32 of the validation part, `y_test` and
    `test_proba` of the test set. Raises `ModelError` when the run is damaged.
    """
    data = read_run_file(run, "predictions.npz")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in PREDICTIONS}
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(run, "predictions.npz holds no answers") from error


def rename_run(name: str, title: str, runs: Path | None = None) -> None:
    """Give a run another title; its id stays.

    Raises `ModelError` when there is no such run, it is damaged, or the title does not fit.
    """
    run, title = find_run(name, runs), " ".join(title.split())
    if run.damage:
        raise ModelError(f"Run {name} is damaged ({run.damage}) and cannot be renamed.")
    if not is_title(title):
        raise ModelError(f"The title {title[:80]!r} is not 1 to {MAX_TITLE} characters long.")
    card = json.dumps({**run.card, "title": title}, indent=2) + "\n"
    try:
        atomic_write(run.folder / "run.json", card.encode())
    except OSError as error:
        raise ModelError(
            f"Run {name} could not be renamed ({error.strerror}); check the disk."
        ) from error


def load_classifier(name: str, runs: Path | None = None) -> Classifier:
    """Load a model by name: the pretrained `"mlp"` or `"cnn"`, or a run's id.

    Raises `ModelError` when there is no such model or its files are damaged.
    """
    if name in PRETRAINED:
        return _load_pretrained(name, choose_backend())
    run = find_run(name, runs)
    return Classifier(name, read_run_file(run, "model.tflite"), run.card)


def find_run(name: str, runs: Path | None = None) -> Run:
    """Return a run by its id; raises `ModelError` when there is none."""
    # Looked up among the folders and never joined to a path, so that a name cannot lead elsewhere.
    for folder in _run_folders(runs):
        if folder.name == name:
            return _read_run(folder)
    raise ModelError(
        f"There is no model {name!r}; use {', '.join(PRETRAINED)} "
        "or a run's id as listed by: mnistlab models list"
    )


def remove_run(name: str, runs: Path | None = None) -> None:
    """Delete a run's folder; raises `ModelError` when there is no such run or it is in use.

    If the folder is a symbolic link, only the link is deleted.
    """
    folder = find_run(name, runs).folder
    try:
        folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
    except OSError as error:
        raise ModelError(
            f"{folder} could not be removed ({error.strerror or error}); check it."
        ) from error


@cache
def _load_pretrained(name: str, backend: str) -> Classifier:
    """Once for each backend: processes that are forked from this one share the models."""
    try:
        card = json.loads((PRETRAINED_FOLDER / f"{name}.json").read_text())
        data = (PRETRAINED_FOLDER / f"{name}.tflite").read_bytes()
        card["config"] = upgrade_settings(card["config"])
        intact = hashlib.sha256(data).hexdigest() == card["sha256"]
    except (OSError, ValueError, KeyError):
        intact = False
    if not intact:
        raise ModelError(
            f"The pretrained model {name!r} is missing or damaged; reinstall mnistlab, "
            "or make it again with: make pretrained"
        )
    return Classifier(name, data, card)
