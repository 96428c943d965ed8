"""Train the pretrained pair on MNIST and write it into the package: `make pretrained`.

The recipes were chosen on the validation part and on `drawings-dev.jsonl`; MNIST's test set is
read once, for the card. The same machine and thread count give the same weights again.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from mnistlab.data import load_mnist
from mnistlab.metrics.scores import evaluate_probabilities
from mnistlab.models import TrainedModel, TrainingConfig, train
from mnistlab.models.events import EpochEnd, Event
from mnistlab.models.store import PRETRAINED_FOLDER, save_pretrained

RECIPES = (
    TrainingConfig(
        "cnn", epochs=15, dropout=0.3, augmentation="full", filters=24, seed=1, threads=2
    ),
    TrainingConfig(
        "mlp",
        epochs=40,
        learning_rate=2e-3,
        dropout=0.1,
        augmentation="full",
        seed=1,
        threads=2,
    ),
)


def main(names: list[str]) -> None:
    """Train the named models, or both."""
    dataset = load_mnist()
    for config in RECIPES:
        if names and config.model not in names:
            continue
        trained = train(config, dataset, _print)
        save_pretrained(trained, _scores(trained), PRETRAINED_FOLDER)
        print(
            f"{config.title}: {trained.test_accuracy:.2%} of the test set, {trained.seconds:.0f} s"
        )


def _print(event: Event) -> None:
    if isinstance(event, EpochEnd):
        print(f"epoch {event.epoch}/{event.epochs}  val_accuracy {event.val_accuracy:.4f}")


def _scores(trained: TrainedModel) -> dict[str, Any]:
    test = evaluate_probabilities(trained.y_test, trained.test_proba)
    return {
        "scores": test.to_dict(),
        "validation_accuracy": float(np.mean(trained.val_proba.argmax(1) == trained.y_val)),
        "created": time.strftime("%Y-%m-%d"),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
