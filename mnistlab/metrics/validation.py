"""A model's answers on the images that were kept aside while it was trained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.errors import ConfigError
from mnistlab.models import Classifier, TrainingConfig
from mnistlab.models.store import PRETRAINED, find_run, read_predictions
from mnistlab.models.training import split_training


def validation_answers(
    classifier: Classifier, dataset: Dataset
) -> tuple[NDArray[np.uint8], NDArray[np.float32]] | None:
    """Labels (n,) and probabilities (n, 10) on the validation part of a model's own training.

    A run has stored them; a pretrained model answers again. None where the model was trained on
    other data than `dataset`, whose images would tell something else.
    """
    card = classifier.card
    if card.get("data", {}).get("digest") != dataset.digest:
        return None
    if classifier.name not in PRETRAINED:
        stored = read_predictions(find_run(classifier.name))
        return stored["y_val"], stored["val_proba"]
    try:
        config = TrainingConfig.from_dict(card["config"])
    except (ConfigError, KeyError):
        return None
    rows = np.sort(split_training(len(dataset.x_train), config)[1])
    return np.asarray(dataset.y_train[rows]), classifier.predict_proba(dataset.x_train[rows])
