"""Networks, trained models on disk, and fast predictions."""

from mnistlab.models.classifier import Classifier
from mnistlab.models.config import TrainingConfig
from mnistlab.models.store import Run, find_run, list_runs, load_classifier, remove_run

__all__ = [
    "Classifier",
    "Run",
    "TrainingConfig",
    "find_run",
    "list_runs",
    "load_classifier",
    "remove_run",
]
