"""Networks, their training in worker processes, and fast predictions."""

from mnistlab.models.classifier import Classifier
from mnistlab.models.config import TrainingConfig
from mnistlab.models.jobs import Job, JobStatus, submit
from mnistlab.models.store import Run, find_run, list_runs, load_classifier, remove_run
from mnistlab.models.training import TrainedModel, TrainingCancelledError, train

__all__ = [
    "Classifier",
    "Job",
    "JobStatus",
    "Run",
    "TrainedModel",
    "TrainingCancelledError",
    "TrainingConfig",
    "find_run",
    "list_runs",
    "load_classifier",
    "remove_run",
    "submit",
    "train",
]
