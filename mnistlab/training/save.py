"""Writes a trained model's folder, which `mnistlab.models.store` reads."""

from __future__ import annotations

import csv
import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mnistlab.errors import TrainingError
from mnistlab.models.config import TITLES, TrainingConfig
from mnistlab.models.store import PREDICTIONS
from mnistlab.training.loop import DIGITS_KEPT, TrainedModel

_ROOM = 16 * 2**20  # bytes; a run has 9 MB, and Keras writes some of it twice


def new_run_id(config: TrainingConfig) -> str:
    """Return a unique name that sorts by time, such as `cnn-20261122-210833-5f3a`."""
    return f"{config.model}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def partial_folder(run: str, runs: Path) -> Path:
    """Return the folder in which a run is written until it is complete."""
    return runs / f".{run}.partial"


def save_run(trained: TrainedModel, run: str, runs: Path) -> None:
    """Write a trained model as a run folder; raises `TrainingError` as `new_run` does."""
    with new_run(run, runs) as folder:
        trained.model.save(folder / "model.keras")
        (folder / "model.tflite").write_bytes(trained.tflite)
        with (folder / "history.csv").open("w", newline="") as file:
            columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(vars(event) for event in trained.history)
        answers = {name: getattr(trained, name) for name in PREDICTIONS}
        np.savez_compressed(folder / "predictions.npz", **answers)
        files = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.iterdir())
        }
        card = describe(trained, run) | {"files": files}
        (folder / "run.json").write_text(json.dumps(card, indent=2) + "\n")


@contextmanager
def new_run(run: str, runs: Path) -> Iterator[Path]:
    """Give a folder to fill; it appears under the run's name on exit, when it is complete.

    Raises `TrainingError` when the disk is full or the folder cannot be written.
    """
    with _partial(run, runs) as folder:
        yield folder
        folder.replace(runs / run)


def check_writable(run: str, runs: Path) -> None:
    """Raise `TrainingError` before the training if its run could not be saved.

    It tries in the run's own partial folder, which is removed for a process that was killed.
    """
    with _partial(run, runs) as folder:
        (folder / "room").write_bytes(bytes(_ROOM))


@contextmanager
def _partial(run: str, runs: Path) -> Iterator[Path]:
    folder = partial_folder(run, runs)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        raise TrainingError(
            f"A trained model could not be saved in {runs} ({error.strerror or error}); "
            "free some space there or point MNISTLAB_HOME at another folder, and train again."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def describe(trained: TrainedModel, name: str) -> dict[str, Any]:
    """Return a model's card, without the scores that `metrics` computes."""
    config = trained.config
    card = {
        "name": name,
        "title": TITLES.get(name, f"{config.title} {name[-4:]}"),
        "architecture": config.model,
        "config": config.to_dict(),
        "seed": config.seed,
        "data": trained.data,
        "layers": describe_layers(trained.model),
        "parameters": trained.parameters,
        "best_epoch": trained.best_epoch,
        "training_seconds": round(trained.seconds, 2),
        "weights_digest": trained.weights_digest,
        "test_accuracy": trained.test_accuracy,
        "file_size": len(trained.tflite),
        "created": time.strftime("%Y-%m-%dT%H:%M:%S"),
    }
    if trained.digit_threshold is not None:
        card["digit_threshold"] = trained.digit_threshold
        card["digits_kept"] = DIGITS_KEPT[config.model]
    return card


def describe_layers(model: Any) -> list[str]:
    """Return the layers of a `keras.Model` with their size or rate, such as `"Dense 512"`."""

    def describe(layer: Any) -> str:
        sizes = (getattr(layer, name, None) for name in ("units", "filters", "rate"))
        size = next((size for size in sizes if size is not None), "")
        return f"{type(layer).__name__} {size}".strip()

    return [describe(layer) for layer in model.layers]
