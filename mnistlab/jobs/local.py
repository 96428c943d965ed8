"""Training in a separate process on this machine."""

from __future__ import annotations

import threading

from mnistlab.data import save_folder
from mnistlab.errors import TrainingError
from mnistlab.jobs.job import Job, JobStatus
from mnistlab.jobs.process import TrainingProcess
from mnistlab.jobs.queue import JobQueue
from mnistlab.jobs.scratch import clean_up, scratch_folder
from mnistlab.settings import is_shared, queue_folder, workers
from mnistlab.training import events

_jobs: list[LocalJob] = []  # of this process, in the order of submission; guarded by `_changed`
_changed = threading.Condition()


class LocalJob(Job):
    """A training in a separate process, which ends with this one.

    At most `MNISTLAB_WORKERS` jobs of this process train at once. A visitor of a shared server
    trains one at a time and joins the server's queue again for the next one, so that ten seeds of
    one visitor do not block all others.
    """

    _process: TrainingProcess | None = None

    @property
    def pid(self) -> int | None:
        """Id of the training process, once it runs."""
        return self._process.pid if self._process else None

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
            return events.Cancelled() if self._cancelled.is_set() else self._train_when_free()
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

    def _train_when_free(self) -> events.LastEvent:
        folder = queue_folder()
        if folder is None:
            return self._train()
        queue = JobQueue(folder, workers())
        with queue.joined() as entry:
            if queue.wait(entry, self._cancelled, lambda n: self._emit(events.Queued(n))):
                return self._train()
            return events.Cancelled()

    def _train(self) -> events.LastEvent:
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
            return self._process.listen(self._emit)
