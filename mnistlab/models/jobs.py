"""Training in a process of its own, so that the caller stays light and answers meanwhile."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from mnistlab.data import Dataset, save_folder
from mnistlab.errors import TrainingError
from mnistlab.models import events
from mnistlab.models.config import TrainingConfig
from mnistlab.models.store import new_run_id, partial_folder
from mnistlab.settings import runs_folder

CANCEL_GRACE = 0.7  # seconds between asking a worker to stop and killing it
_log = logging.getLogger(__name__)
_slot = threading.Semaphore(1)  # two trainings at once would only take turns on the same cores


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


class Job:
    """A training in a worker process. Made by `submit`."""

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
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.id, daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"Job({self.id!r}, {self.status.value})"

    @property
    def pid(self) -> int | None:
        """The worker's process id while it runs."""
        return self._process.pid if self._process else None

    def cancel(self) -> None:
        """Ask the worker to stop, and kill it shortly after if it has not. Returns at once."""
        with self._lock:
            self._cancelled.set()
            process = self._process
        if process is None or self.status.is_over:
            return
        with contextlib.suppress(OSError, ValueError):  # the worker may be gone already
            assert process.stdin is not None
            process.stdin.write("stop\n")
            process.stdin.flush()
        killer = threading.Timer(CANCEL_GRACE, process.kill)
        killer.daemon = True
        killer.start()

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

    def _run(self) -> None:
        last: events.Event
        try:
            while not _slot.acquire(timeout=0.05):
                if self._cancelled.is_set():
                    return self._end(events.Cancelled())
            try:
                last = self._train()
            finally:
                _slot.release()
        except Exception as error:  # a job never vanishes without a word
            _log.exception("job %s", self.id)
            last = events.Failed(f"The training process could not be run ({error}); try again.")
        self._end(last)

    def _train(self) -> events.Event:
        with tempfile.TemporaryDirectory(prefix="mnistlab-job-") as scratch:
            request = json.dumps(
                {
                    "config": self.config.to_dict(),
                    "dataset": str(self._dataset_folder(Path(scratch))),
                    "run": self.id,
                    "runs": str(self._runs),
                }
            )
            log = Path(scratch) / "worker.log"
            try:
                with log.open("w") as stderr:
                    if not self._start(stderr.fileno(), request):
                        return events.Cancelled()
                    return self._listen(log)
            finally:
                shutil.rmtree(partial_folder(self.id, self._runs), ignore_errors=True)

    def _dataset_folder(self, scratch: Path) -> Path:
        if self._dataset.folder is not None:
            return self._dataset.folder
        save_folder(self._dataset, scratch / "data")
        return scratch / "data"

    def _start(self, stderr: int, request: str) -> bool:
        with self._lock:
            if self._cancelled.is_set():
                return False
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mnistlab.models.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                encoding="utf-8",
                env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"},
            )
            self.status = JobStatus.RUNNING
            assert self._process.stdin is not None
            self._process.stdin.write(request + "\n")
            self._process.stdin.flush()
        return True

    def _listen(self, log: Path) -> events.Event:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        last: events.Event | None = None
        with process:
            for line in process.stdout:
                event = events.from_json(line)
                if isinstance(event, (events.Finished, events.Cancelled, events.Failed)):
                    last = event
                elif not self._cancelled.is_set():
                    self._tell(event)
        if last is not None:
            return last
        if self._cancelled.is_set():
            # Killed between the folder's renaming and the word of it: still cancelled.
            shutil.rmtree(self._runs / self.id, ignore_errors=True)
            return events.Cancelled()
        return events.Failed(
            f"The training process ended without a result ({_reason(process.returncode)}); "
            "the next training starts a new one.",
            log.read_text(errors="replace")[-4000:],
        )

    def _end(self, last: events.Event) -> None:
        ends = {
            events.Finished: JobStatus.FINISHED,
            events.Cancelled: JobStatus.CANCELLED,
            events.Failed: JobStatus.FAILED,
        }
        self.status = ends[type(last)]
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


def submit(
    config: TrainingConfig,
    dataset: Dataset,
    on_event: Callable[[events.Event], None] | None = None,
    runs: Path | None = None,
) -> Job:
    """Train in a worker process; returns at once.

    One job trains at a time, further ones wait. The worker ends with its parent.

    Parameters
    ----------
    on_event : called in the job's thread with every event, the last being `Finished`,
        `Cancelled` or `Failed`
    runs : the folder for the run, by default the one under `MNISTLAB_HOME`
    """
    return Job(config, dataset, on_event, runs or runs_folder())


def _reason(returncode: int) -> str:
    if returncode == -9:
        return "killed, perhaps for want of memory: try a smaller batch size"
    return f"exit status {returncode}"
