"""Train the pretrained pair and write it into the package: `make pretrained`.

The recipes are the preset "best". They were chosen on the validation part and on tuning data, the
drawings of `drawings-dev.jsonl` and letters of Hershey's fonts; no accuracy on those is published.
MNIST's test set is read once, for the card. The same machine and number of threads give the same
weights again. A recipe with `pens` needs the drawings that `mnistlab/data/pens.py` describes.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from typing import Any

import numpy as np

from mnistlab.data import Dataset, load_mnist
from mnistlab.data.pens import training_files
from mnistlab.metrics.scores import evaluate_probabilities
from mnistlab.models import load_classifier
from mnistlab.models.neighbours import make_neighbours, save_neighbours
from mnistlab.models.store import PRETRAINED_FOLDER
from mnistlab.settings import pens_folder
from mnistlab.training import TrainedModel, train
from mnistlab.training.events import EpochEnd, Event
from mnistlab.training.presets import PRESETS
from mnistlab.training.save import describe


def main(names: list[str]) -> None:
    """Train the named models, or both."""
    dataset = load_mnist()
    for name, config in PRESETS["best"].configs.items():
        if not names or name in names:
            if config.pens and not training_files():
                sys.exit(
                    f"There are no pen drawings in {pens_folder()}; see mnistlab/data/pens.py."
                )
            write(train(config, dataset, _print), dataset)


def write(trained: TrainedModel, dataset: Dataset) -> None:
    """Write a trained model into the package, with its card and, for the CNN, its vectors."""
    name = trained.config.model
    (PRETRAINED_FOLDER / f"{name}.tflite").write_bytes(trained.tflite)
    card = describe(trained, name) | _scores(trained)
    (PRETRAINED_FOLDER / f"{name}.json").write_text(json.dumps(card, indent=2) + "\n")
    if name == "cnn":
        cnn = load_classifier(name)
        save_neighbours(make_neighbours(cnn, dataset.x_train, dataset.y_train))
    print(f"{name}: {trained.test_accuracy:.2%} of the test set, {trained.seconds:.0f} s")


def _print(event: Event) -> None:
    if isinstance(event, EpochEnd):
        print(
            f"epoch {event.epoch}/{event.epochs}  val_accuracy {event.val_accuracy:.4f}  "
            f"{event.seconds:.0f} s",
            flush=True,
        )


def _scores(trained: TrainedModel) -> dict[str, Any]:
    test = evaluate_probabilities(trained.y_test, trained.test_proba)
    return {
        "scores": test.to_dict(),
        "validation_accuracy": float(np.mean(trained.val_proba.argmax(1) == trained.y_val)),
        "created": time.strftime("%Y-%m-%d"),
        "sha256": hashlib.sha256(trained.tflite).hexdigest(),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
