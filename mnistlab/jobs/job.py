"""A training in the background: what all jobs share, and jobs on this machine."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from mnistlab.data import Dataset
from mnistlab.errors import MnistLabError, TrainingError
from mnistlab.jobs.leftovers import PREFIX, clean_up, folder_of
from mnistlab.jobs.process import LostProcessError, TrainingProcess
from mnistlab.jobs.queue import JobQueue
from mnistlab.markup import note, table
from mnistlab.models.config import TrainingConfig
from mnistlab.scratch import scratch_folder
from mnistlab.settings import is_shared, owner, queue_folder, workers
from mnistlab.training import events
from mnistlab.training.save import new_run_id

_log = logging.getLogger(__name__)


class JobStatus(Enum):
    """The state of a job."""

    PENDING = "pending"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether the state is final."""
        return self not in (JobStatus.PENDING, JobStatus.RUNNING)


class Job(ABC):
    """A training in the background, made by `mnistlab.submit`."""

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
        self.pid: int | None = None
        """Id of the training process, once it runs on this machine."""
        self._dataset, self._on_event, self._runs = dataset, on_event, runs
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._over = threading.Event()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r}, {self.status.value})"

    def _repr_html_(self) -> str:
        config = self.config
        row = [self.id, self.status.value, config.network_title, str(config.epochs)]
        head = ["Job", "Status", "Network", "Epochs", "Seed"]
        text = table(head, [[*row, str(config.seed)]], "Training job")
        return text + (note(self.failure.message) if self.failure else "")

    def start(self) -> None:
        """Begin, in a thread; raise `TrainingError` when the system allows none."""
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
        """Block until the job is over; return False after `timeout` seconds."""
        return self._over.wait(timeout)

    def result(self, timeout: float | None = None) -> str:
        """Wait for the job, and return the run's id.

        Raises `TrainingError` when the job failed or was cancelled, or is not over after `timeout`
        seconds.
        """
        if not self.wait(timeout):
            raise TrainingError(f"{self.config.title} is still training; wait longer or cancel.")
        if self.status is JobStatus.CANCELLED:
            raise TrainingError("Training was cancelled.")
        if self.failure is not None:
            raise TrainingError(self.failure.message)
        return self.id

    @abstractmethod
    def _work(self) -> events.LastEvent:
        """Train, in the job's thread."""

    @abstractmethod
    def _stop(self) -> None:
        """Make `_work` return soon; `_cancelled` is set already."""

    def _run(self) -> None:
        try:
            last = self._work()
        except LostProcessError as error:
            last = events.Failed(*error.args)
        except MnistLabError as error:
            last = events.Failed(str(error))
        except Exception as error:  # whatever it is, the job ends with an event
            _log.exception("job %s", self.id)
            last = events.Failed(f"The training process could not be run ({error}); try again.")
        if self._cancelled.is_set() and isinstance(last, events.Failed):
            last = events.Cancelled()  # it failed because it was stopped
        self.status = JobStatus(type(last).__name__.lower())
        if isinstance(last, events.Failed):
            self.failure = last
        self._emit(last)
        self._over.set()

    def _emit(self, event: events.Event) -> None:
        try:
            if self._on_event is not None:
                self._on_event(event)
        except Exception:  # a listener's mistake must not end the training
            _log.exception("listener of job %s", self.id)


_jobs: list[LocalJob] = []  # of this process, in the order of submission; guarded by `_changed`
_changed = threading.Condition()


class LocalJob(Job):
    """A training in a separate process, which ends with this one.

    At most `MNISTLAB_WORKERS` jobs of this process train at once. A visitor of a shared server
    trains one at a time and joins the server's queue again for the next one, so that ten seeds of
    one visitor do not block all others.
    """

    _process: TrainingProcess | None = None

    def start(self) -> None:
        """Join the queue, and begin when the earlier jobs have ended."""
        with _changed:  # here and not in the thread, because threads start in any order
            _jobs.append(self)
        try:
            super().start()
        except TrainingError:
            self._leave()  # otherwise it would block the jobs behind it
            raise

    def _leave(self) -> None:
        with _changed:
            _jobs.remove(self)
            _changed.notify_all()

    def _work(self) -> events.LastEvent:
        try:
            with _changed:
                _changed.wait_for(self._is_next)
            folder = queue_folder()
            if folder is None:
                return self._train()
            queue = JobQueue(folder, workers())
            with queue.joined(owner()) as entry:
                queue.wait(entry, self._cancelled, lambda ahead: self._emit(events.Queued(ahead)))
                return self._train()
        finally:
            self._leave()

    def _is_next(self) -> bool:
        places = 1 if is_shared() else workers()
        return self._cancelled.is_set() or _jobs.index(self) < places

    def _stop(self) -> None:
        with _changed:
            _changed.notify_all()
        if self._process is not None:
            self._process.stop()

    def _train(self) -> events.LastEvent:
        if self._cancelled.is_set():
            return events.Cancelled()
        clean_up(self._runs)
        with scratch_folder(PREFIX) as scratch:
            folder = folder_of(self._dataset, scratch)
            with self._lock:
                if self._cancelled.is_set():
                    return events.Cancelled()
                self._process = TrainingProcess(self.config, folder, self.id, self._runs, scratch)
                self.pid, self.status = self._process.pid, JobStatus.RUNNING
            return self._process.listen(self._emit)
