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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import ModelError
from mnistlab.files import atomic_write
from mnistlab.models.card import MAX_BYTES, MAX_TITLE, Card, CardError, is_title, read_card
from mnistlab.models.classifier import Classifier
from mnistlab.models.config import upgrade_settings
from mnistlab.settings import runs_folder

PRETRAINED = ("mlp", "cnn")
PRETRAINED_FOLDER = Path(__file__).parent / "pretrained"
_ROOM = 16 * 2**20  # bytes; a run has 9 MB, and Keras writes some of it twice
_ANSWERS = ("y_val", "val_proba", "y_test", "test_proba")


@dataclass(frozen=True)
class Run:
    """A finished run as `list_runs` finds it."""

    id: str
    folder: Path
    card: Card
    """The contents of `run.json`, checked; empty for a damaged run."""
    damage: str = ""
    """What is wrong with the folder, or an empty string."""


def list_runs(runs: Path | None = None) -> list[Run]:
    """The finished runs, newest last; a damaged one is listed as damaged."""
    return sorted((_read_run(path) for path in _run_folders(runs)), key=_age)


def _run_folders(runs: Path | None) -> list[Path]:
    folder = runs or runs_folder()
    if not folder.is_dir():
        return []
    return [p for p in folder.iterdir() if _is_run(p) and not p.name.startswith(".")]


def _is_run(path: Path) -> bool:
    """Whether a path is a folder or a link to one, even to one that is gone."""
    return path.is_dir() or _leads_nowhere(path)


def _leads_nowhere(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _age(run: Run) -> tuple[str, str]:
    return run.card.get("created", ""), run.id


def _read_run(folder: Path) -> Run:
    """The one place where a run's card is read and checked; whatever is wrong is its damage."""
    if not folder.name.isprintable():  # nor could it be sent to a page, where it is not UTF-8
        return Run(folder.name, folder, {}, "the name of its folder is not printable")
    if _leads_nowhere(folder):
        return Run(folder.name, folder, {}, "it is a link to a folder that is not there")
    try:
        card = read_card(_read_start(folder / "run.json", MAX_BYTES + 1))
        missing = [name for name in card["files"] if not (folder / name).is_file()]
    except OSError as error:
        return Run(folder.name, folder, {}, f"run.json cannot be read: {error.strerror}")
    except CardError as error:
        return Run(folder.name, folder, {}, f"run.json cannot be read: {error}")
    if missing:
        return Run(folder.name, folder, {}, f"{', '.join(missing)} missing")
    return Run(folder.name, folder, card)


def _read_start(path: Path, size: int) -> bytes:
    """The first bytes of a regular file; of a pipe none would ever come."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is not a regular file")
    with path.open("rb") as file:
        return file.read(size)


def read_run_file(run: Run, name: str) -> bytes:
    """A file of a run, checked against its SHA-256; raises `ModelError` where it differs."""
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
    """The command that removes a run, ready to be pasted into a shell whatever its id is."""
    if run.isprintable() and "  " not in run:
        quoted = shlex.quote(run)
    else:  # neither control characters nor several spaces arrive as they are in a line of text
        quoted = "$'" + "".join(f"\\x{byte:02x}" for byte in os.fsencode(run)) + "'"
    return f"mnistlab models remove {'-- ' if run.startswith('-') else ''}{quoted}"


def read_predictions(run: Run) -> dict[str, NDArray[Any]]:
    """What a run's model answered once its training was over.

    Returns
    -------
    dict
        `y_val` (n,) uint8 and `val_proba` (n, 10) float32 of the validation part, `y_test` and
        `test_proba` of the test set.

    Raises
    ------
    ModelError
        When the run is damaged.
    """
    data = read_run_file(run, "predictions.npz")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            answers = {name: stored[name] for name in _ANSWERS}
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(run, "predictions.npz holds no answers") from error
    return answers


def rename_run(name: str, title: str, runs: Path | None = None) -> None:
    """Give a run another title; its id stays.

    Raises
    ------
    ModelError
        When there is no such run, it is damaged, or the title is empty or over 60 characters.
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
    """A model by name: the pretrained `"mlp"` or `"cnn"`, or a run's id.

    Raises
    ------
    ModelError
        When there is no such model or its files are damaged.
    """
    if name in PRETRAINED:
        return _load_pretrained(name)
    run = find_run(name, runs)
    return Classifier(name, read_run_file(run, "model.tflite"), run.card)


def find_run(name: str, runs: Path | None = None) -> Run:
    """A run by its id; raises `ModelError` when there is none."""
    # Looked up among the folders, never joined to a path: so a name cannot lead elsewhere.
    for folder in _run_folders(runs):
        if folder.name == name:
            return _read_run(folder)
    raise ModelError(
        f"There is no model {name!r}; use {', '.join(PRETRAINED)} "
        "or a run's id as listed by: mnistlab models list"
    )


def remove_run(name: str, runs: Path | None = None) -> None:
    """Delete a run's folder; raises `ModelError` when there is no such run or it is in use.

    Of a run that is a symbolic link to a folder elsewhere only the link is deleted.
    """
    folder = find_run(name, runs).folder
    try:
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder)
    except OSError as error:
        raise ModelError(
            f"{folder} could not be removed ({error.strerror or error}); check it."
        ) from error


def _load_pretrained(name: str) -> Classifier:
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
