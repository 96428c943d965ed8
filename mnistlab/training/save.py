"""A trained model's folder: written under a temporary name, then renamed.

`mnistlab.models.store` reads what is written here.
"""

from __future__ import annotations

import csv
import hashlib
import json
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from mnistlab.errors import TrainingError
from mnistlab.models.config import TITLES, TrainingConfig
from mnistlab.training.loop import DIGITS_KEPT, TrainedModel

_ROOM = 16 * 2**20  # bytes; a run has 9 MB, and Keras writes some of it twice


def new_run_id(config: TrainingConfig) -> str:
    """A name that sorts by time and does not repeat, such as `cnn-20261122-210833-5f3a`."""
    return f"{config.model}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def partial_folder(run: str, runs: Path) -> Path:
    """Where a run is written before it is complete."""
    return runs / f".{run}.partial"


def save_run(trained: TrainedModel, run: str, runs: Path) -> Path:
    """Write a run folder; it appears under its name only when it is complete.

    Raises
    ------
    TrainingError
        When the disk is full or the folder cannot be written.
    """
    partial = partial_folder(run, runs)
    try:
        partial.mkdir(parents=True, exist_ok=True)
        _write_files(trained, run, partial)
        partial.replace(runs / run)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise _not_saved(runs, error) from error
    return runs / run


def check_writable(run: str, runs: Path) -> None:
    """Raise `TrainingError` now, not after an hour of training, where a run cannot be saved.

    It tries in the run's own partial folder, which is removed for a process that was killed.
    """
    partial = partial_folder(run, runs)
    try:
        partial.mkdir(parents=True, exist_ok=True)
        (partial / "room").write_bytes(bytes(_ROOM))
        shutil.rmtree(partial)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise _not_saved(runs, error) from error


def _not_saved(runs: Path, error: OSError) -> TrainingError:
    return TrainingError(
        f"A trained model could not be saved in {runs} ({error.strerror or error}); "
        "free some space there or point MNISTLAB_HOME at another folder, and train again."
    )


def _write_files(trained: TrainedModel, run: str, folder: Path) -> None:
    trained.model.save(folder / "model.keras")
    (folder / "model.tflite").write_bytes(trained.tflite)
    with (folder / "history.csv").open("w", newline="") as file:
        columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(vars(event) for event in trained.history)
    np.savez_compressed(
        folder / "predictions.npz",
        y_val=trained.y_val,
        val_proba=trained.val_proba,
        y_test=trained.y_test,
        test_proba=trained.test_proba,
    )
    files = sorted(path for path in folder.iterdir() if path.name != "run.json")
    card = describe(trained, run) | {"files": {path.name: _sha256(path) for path in files}}
    (folder / "run.json").write_text(json.dumps(card, indent=2) + "\n")


def describe(trained: TrainedModel, name: str) -> dict[str, Any]:
    """A model's card: all that is known about it, without the scores that `metrics` computes."""
    refusal = {}
    if trained.digit_threshold is not None:
        kept = DIGITS_KEPT[trained.config.model]
        refusal = {"digit_threshold": trained.digit_threshold, "digits_kept": kept}
    return {
        "name": name,
        "title": f"{trained.config.title} {name[-4:]}" if name not in TITLES else TITLES[name],
        "architecture": trained.config.model,
        "config": trained.config.to_dict(),
        "seed": trained.config.seed,
        "data": trained.data,
        "layers": [_describe_layer(layer) for layer in trained.model.layers],
        "parameters": trained.parameters,
        "best_epoch": trained.best_epoch,
        "training_seconds": round(trained.seconds, 2),
        "weights_digest": trained.weights_digest,
        "test_accuracy": trained.test_accuracy,
        "file_size": len(trained.tflite),
        "created": time.strftime("%Y-%m-%dT%H:%M:%S"),
        **refusal,
    }


def _describe_layer(layer: Any) -> str:
    size = getattr(layer, "units", None) or getattr(layer, "filters", None) or ""
    rate = getattr(layer, "rate", None)
    return f"{type(layer).__name__} {size if rate is None else rate}".strip()


def save_pretrained(trained: TrainedModel, card: dict[str, Any], folder: Path) -> None:
    """Write `NAME.tflite` and its card `NAME.json` as `load_classifier` reads them."""
    name = trained.config.model
    (folder / f"{name}.tflite").write_bytes(trained.tflite)
    full = describe(trained, name) | card | {"sha256": hashlib.sha256(trained.tflite).hexdigest()}
    (folder / f"{name}.json").write_text(json.dumps(full, indent=2) + "\n")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
