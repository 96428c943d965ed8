"""`submit`: a training here, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mnistlab import settings
from mnistlab.data import Dataset
from mnistlab.errors import TrainingError
from mnistlab.jobs.job import Job, LocalJob
from mnistlab.models.config import TrainingConfig
from mnistlab.training import events
from mnistlab.training.loop import has_tensorflow, no_tensorflow


def obstacle(scheduler: str | None = None) -> str:
    """Return why `submit` cannot train, in a sentence with the remedy, or an empty string.

    On a cluster only the workers need TensorFlow.
    """
    if scheduler or settings.scheduler() or has_tensorflow():
        return ""
    return no_tensorflow()


def submit(
    config: TrainingConfig,
    dataset: Dataset,
    on_event: Callable[[events.Event], None] | None = None,
    runs: Path | None = None,
    scheduler: str | None = None,
) -> Job:
    """Train in a separate process, or on a Dask cluster; returns at once.

    On this machine one job trains at a time, or as many as `MNISTLAB_WORKERS` says; further ones
    queue. A training ends with the process that submitted it.

    Parameters
    ----------
    config : TrainingConfig
        What to train.
    dataset : Dataset
        What to train on.
    on_event : function
        Called in the job's thread with every event, the last being `Finished`, `Cancelled` or
        `Failed`.
    runs : Path
        The folder for the run, by default the one under `MNISTLAB_HOME`.
    scheduler : str
        Address of a Dask scheduler, such as `"tcp://10.0.0.5:8786"`, by default that of
        `MNISTLAB_SCHEDULER`. Without either the training runs here.

    Raises
    ------
    ConfigError
        When a scheduler is named and `distributed` is not installed.
    TrainingError
        When TensorFlow is missing here, or the system allows no further thread.
    """
    if reason := obstacle(scheduler):
        raise TrainingError(reason)
    runs = runs or settings.runs_folder()
    address = scheduler or settings.scheduler()
    job: Job
    if address is None:
        job = LocalJob(config, dataset, on_event, runs)
    else:
        # Imported here: most trainings need no cluster, and the page's kernel stays light.
        from mnistlab.jobs.cluster import ClusterJob

        job = ClusterJob(config, dataset, on_event, runs, address)
    job.start()
    return job
