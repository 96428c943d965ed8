"""Training on this machine, in a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mnistlab.data import save_folder
from mnistlab.errors import TrainingError
from mnistlab.jobs.job import Job, JobStatus
from mnistlab.jobs.process import TrainingProcess
from mnistlab.jobs.queue import Turns
from mnistlab.jobs.scratch import clean_up, scratch_folder
from mnistlab.settings import is_shared, queue_folder, workers
from mnistlab.training import events


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
