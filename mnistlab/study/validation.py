"""A model's answers on the images that were put aside when it was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.models import Classifier, TrainingConfig, find_run
from mnistlab.models.store import PRETRAINED, read_predictions
from mnistlab.training.loop import split_training


def validation_answers(
    name: str, classifier: Classifier, dataset: Dataset, runs: Path | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]] | None:
    """Labels and probabilities of the validation part, which no weight was fitted to.

    A run has them in its folder. A pretrained model reads them again, where `dataset` is the one
    that it was trained on.

    Parameters
    ----------
    name : `"mlp"`, `"cnn"` or a run's id
    classifier : the model of that name
    runs : the folder of the runs, by default the one under `MNISTLAB_HOME`

    Returns
    -------
    `(y_val (n,) uint8, val_proba (n, 10) float32)`, or None where the validation part is not known

    Raises
    ------
    ModelError
        When the run is damaged or there is none of that name.
    """
    if name not in PRETRAINED:
        kept = read_predictions(find_run(name, runs))
        return kept["y_val"], kept["val_proba"]
    card: dict[str, Any] = classifier.card
    if card["data"]["digest"] != dataset.digest:
        return None
    config = TrainingConfig.from_dict(card["config"])
    _, rows = split_training(len(dataset.x_train), config)
    return dataset.y_train[rows], classifier.predict_proba(dataset.x_train[rows])
