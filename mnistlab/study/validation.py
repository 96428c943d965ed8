"""A model's answers on the images that were put aside when it was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.metrics.calibration import Calibration, calibrate
from mnistlab.metrics.evaluation import Evaluation
from mnistlab.models import Classifier, TrainingConfig, list_runs
from mnistlab.models.store import PRETRAINED, read_predictions
from mnistlab.training.loop import split_training


def validation_answers(
    classifier: Classifier, dataset: Dataset, runs: Path | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]] | None:
    """Labels and probabilities of the validation part, which no weight was fitted to.

    A run has them in its folder. A pretrained model reads them again, where `dataset` is the one
    that it was trained on.

    Parameters
    ----------
    runs : the folder of the runs, by default the one under `MNISTLAB_HOME`

    Returns
    -------
    `(y_val (n,) uint8, val_proba (n, 10) float32)`, or None where the validation part is not known

    Raises
    ------
    ModelError
        When the run is damaged.
    """
    card: dict[str, Any] = classifier.card
    if classifier.name not in PRETRAINED:
        run = next((run for run in list_runs(runs) if run.id == classifier.name), None)
        kept = None if run is None else read_predictions(run)
        return None if kept is None else (kept["y_val"], kept["val_proba"])
    if card["data"]["digest"] != dataset.digest:
        return None
    config = TrainingConfig.from_dict(card["config"])
    _, rows = split_training(len(dataset.x_train), config)
    return dataset.y_train[rows], classifier.predict_proba(dataset.x_train[rows])


def calibrate_model(
    classifier: Classifier, evaluation: Evaluation, dataset: Dataset, runs: Path | None = None
) -> Calibration | None:
    """Fit a temperature on the validation part and try it on the test set's answers.

    None where the validation part is not known; raises `ModelError` when the run is damaged.
    """
    answers = validation_answers(classifier, dataset, runs)
    return None if answers is None else calibrate(*answers, dataset.y_test, evaluation.y_proba)
