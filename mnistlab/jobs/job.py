"""A training in the background, wherever it runs."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from mnistlab.data import Dataset
from mnistlab.errors import MnistLabError, TrainingError
from mnistlab.markup import note, table
from mnistlab.models.config import TrainingConfig
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

    @property
    def pid(self) -> int | None:
        """Id of the training process while it runs on this machine."""
        return None

    def start(self) -> None:
        """Begin, in a thread.

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
        """Block until the job is over; return False after `timeout` seconds."""
        return self._over.wait(timeout)

    def result(self, timeout: float | None = None) -> str:
        """Wait for the job, and return the run's id.

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
    def _work(self) -> events.LastEvent:
        """Train, in the job's thread."""

    @abstractmethod
    def _stop(self) -> None:
        """Make `_work` return soon; `_cancelled` is set already."""

    def _run(self) -> None:
        try:
            last = self._work()
        except MnistLabError as error:
            last = events.Failed(str(error))
        except Exception as error:  # whatever it is, the job ends with an event
            _log.exception("job %s", self.id)
            last = events.Failed(f"The training process could not be run ({error}); try again.")
        self.status = JobStatus(type(last).__name__.lower())
        if isinstance(last, events.Failed):
            self.failure = last
        self._emit(last)
        self._over.set()

    def _emit(self, event: events.Event) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception:  # a listener's mistake must not end the training
            _log.exception("listener of job %s", self.id)
