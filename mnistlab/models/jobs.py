"""Training elsewhere, so that the caller stays light and answers meanwhile."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from mnistlab.data import Dataset, save_folder
from mnistlab.errors import MnistLabError, TrainingError
from mnistlab.models import events
from mnistlab.models.config import TrainingConfig
from mnistlab.models.process import TrainingProcess
from mnistlab.models.scratch import clean_up, scratch_folder
from mnistlab.models.store import new_run_id
from mnistlab.models.turns import Turns
from mnistlab.settings import is_shared, queue_folder, runs_folder, workers
from mnistlab.settings import scheduler as named_scheduler

_log = logging.getLogger(__name__)


class JobStatus(Enum):
    """Where a job stands; the value is what the design calls it."""

    PENDING = "pending"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (JobStatus.PENDING, JobStatus.RUNNING)


_STATUS_AFTER: dict[type[events.Event], JobStatus] = {
    events.Finished: JobStatus.FINISHED,
    events.Cancelled: JobStatus.CANCELLED,
    events.Failed: JobStatus.FAILED,
}


class Job(ABC):
    """A training somewhere else. Made by `submit`."""

    def __init__(
        self,
        config: TrainingConfig,
        dataset: Dataset,
        on_event: Callable[[events.Event], None] | None,
        runs: Path,
    ) -> None:
        self.id = new_run_id(config)
        self.config = config
        self.status = JobStatus.PENDING
        self.failure: events.Failed | None = None
        self._dataset = dataset
        self._on_event = on_event
        self._runs = runs
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._over = threading.Event()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r}, {self.status.value})"

    @property
    def pid(self) -> int | None:
        """The training process's id while it runs on this machine."""
        return None

    def start(self) -> None:
        """Begin, in a thread of the job's own.

        Raises
        ------
        TrainingError
            When the system allows no further thread.
        """
        try:
            threading.Thread(target=self._run, name=self.id, daemon=True).start()
        except (RuntimeError, MemoryError) as error:
            raise TrainingError(
                f"The training could not be started ({error}); end other programs or trainings "
                "and try again."
            ) from error

    def cancel(self) -> None:
        """Ask the training to stop, and end it shortly after if it has not. Returns at once."""
        with self._lock:
            self._cancelled.set()
        if not self.status.is_over:
            self._stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the job is over; false when `timeout` seconds passed first."""
        return self._over.wait(timeout)

    def result(self, timeout: float | None = None) -> str:
        """The run's id, once it is finished.

        Raises
        ------
        TrainingError
            When the job failed or was cancelled, or is not over after `timeout` seconds.
        """
        if not self.wait(timeout):
            raise TrainingError(f"{self.config.title} is still training; wait longer or cancel.")
        if self.status is JobStatus.CANCELLED:
            raise TrainingError("Training was cancelled.")
        if self.failure is not None:
            raise TrainingError(self.failure.message)
        return self.id

    @abstractmethod
    def _work(self) -> events.Event:
        """Train; return the last event. Called in the job's thread."""

    @abstractmethod
    def _stop(self) -> None:
        """Make `_work` return soon; `_cancelled` is set already."""

    def _run(self) -> None:
        try:
            last = self._work()
        except MnistLabError as error:
            last = events.Failed(str(error))
        except Exception as error:  # a job never vanishes without a word
            _log.exception("job %s", self.id)
            last = events.Failed(f"The training process could not be run ({error}); try again.")
        self.status = _STATUS_AFTER[type(last)]
        if isinstance(last, events.Failed):
            self.failure = last
        self._tell(last)
        self._over.set()

    def _tell(self, event: events.Event) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception:  # a listener's mistake must not end the training
            _log.exception("listener of job %s", self.id)


class _Queue:
    """Lets `MNISTLAB_WORKERS` jobs of this process train at once, in the order in which they came.

    A visitor among others trains one at a time, and queues again for the next: so ten seeds of
    one do not keep the others waiting for all of them.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: list[LocalJob] = []

    def join(self, job: LocalJob) -> None:
        with self._changed:
            self._jobs.append(job)

    def wait_for_turn(self, job: LocalJob, is_cancelled: Callable[[], bool]) -> bool:
        """Block until it is the job's turn; false when it was cancelled first."""
        with self._changed:
            self._changed.wait_for(lambda: is_cancelled() or self._jobs.index(job) < self._places())
        return not is_cancelled()

    def _places(self) -> int:
        return 1 if is_shared() else workers()

    def look_again(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def leave(self, job: LocalJob) -> None:
        with self._changed:
            self._jobs.remove(job)
            self._changed.notify_all()


_queue = _Queue()


class LocalJob(Job):
    """A training in a process of its own on this machine, which ends with this one."""

    _process: TrainingProcess | None = None

    @property
    def pid(self) -> int | None:
        """The training process's id, once it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Take a place in the queue, and begin when it is this job's turn."""
        _queue.join(self)  # here, not in the thread: threads start in any order
        try:
            super().start()
        except TrainingError:
            _queue.leave(self)  # no thread will: the jobs behind it would wait for ever
            raise

    def _work(self) -> events.Event:
        try:
            if not _queue.wait_for_turn(self, self._cancelled.is_set):
                return events.Cancelled()
            return self._train_in_turn()
        finally:
            _queue.leave(self)

    def _stop(self) -> None:
        _queue.look_again()
        if self._process is not None:
            self._process.stop()

    def _train_in_turn(self) -> events.Event:
        """Wait for the trainings of other processes too, where a server makes them queue."""
        folder = queue_folder()
        if folder is None:
            return self._train()
        with Turns(folder, workers()).queued() as ticket:
            if not ticket.wait(self._cancelled, lambda ahead: self._tell(events.Waiting(ahead))):
                return events.Cancelled()
            return self._train()

    def _train(self) -> events.Event:
        clean_up(self._runs)
        with scratch_folder() as scratch:
            folder = self._dataset.folder
            if folder is None:
                folder = scratch / "data"
                save_folder(self._dataset, folder)
            with self._lock:
                if self._cancelled.is_set():
                    return events.Cancelled()
                self._process = TrainingProcess(self.config, folder, self.id, self._runs, scratch)
                self.status = JobStatus.RUNNING
            return self._process.listen(self._tell)


def submit(
    config: TrainingConfig,
    dataset: Dataset,
    on_event: Callable[[events.Event], None] | None = None,
    runs: Path | None = None,
    scheduler: str | None = None,
) -> Job:
    """Train in a process of its own, or on a Dask cluster; returns at once.

    On this machine one job trains at a time, or as many as `MNISTLAB_WORKERS` says; further ones
    wait. A training ends with the process that asked for it.

    Parameters
    ----------
    on_event : called in the job's thread with every event, the last being `Finished`,
        `Cancelled` or `Failed`
    runs : the folder for the run, by default the one under `MNISTLAB_HOME`
    scheduler : address of a Dask scheduler, such as `"tcp://10.0.0.5:8786"`, by default that of
        `MNISTLAB_SCHEDULER`; without either the training runs here

    Raises
    ------
    ConfigError
        When a scheduler is named and `distributed` is not installed.
    TrainingError
        When the system allows no further thread.
    """
    runs = runs or runs_folder()
    address = scheduler or named_scheduler()
    job: Job
    if address is None:
        job = LocalJob(config, dataset, on_event, runs)
    else:
        # Imported here: most trainings need no cluster, and the page's kernel stays light.
        from mnistlab.models.cluster import ClusterJob

        job = ClusterJob(config, dataset, on_event, runs, address)
    job.start()
    return job
