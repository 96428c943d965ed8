"""Training on a Dask cluster: the same jobs, on other machines.

`distributed` is imported inside the functions: it takes most of a second, and only jobs on a
cluster need it.
"""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mnistlab.data import Dataset
from mnistlab.errors import ConfigError, TrainingError
from mnistlab.jobs.job import Job, JobStatus
from mnistlab.jobs.leftovers import clean_up
from mnistlab.jobs.process import LostProcessError
from mnistlab.jobs.remote import Answer, Task, pack, run_task
from mnistlab.models.config import TrainingConfig
from mnistlab.training import events
from mnistlab.training.save import check_writable, new_run

CONNECT_TIMEOUT = 6  # seconds
RETRIES = 1  # after a training process was lost; Dask itself replaces lost workers
LOOK_INTERVAL = 5  # seconds between two checks of the scheduler
SILENCE = 30  # seconds without an answer, after which the user is told
_log = logging.getLogger(__name__)

Inbox = queue.SimpleQueue[dict[str, str] | None]
"""Messages for a job; None when there will be no more."""


class ClusterJob(Job):
    """A training on a Dask cluster.

    Where `config` leaves the number of threads open, it is the number of CPUs here: a seed gives
    the same weights only for one number of threads.
    """

    def __init__(
        self,
        config: TrainingConfig,
        dataset: Dataset,
        on_event: Callable[[events.Event], None] | None,
        runs: Path,
        address: str,
    ) -> None:
        if find_spec("distributed") is None:
            raise ConfigError(
                "Training on a cluster needs the package distributed, which is not installed "
                'here; install it with: pip install "mnistlab[cluster]"'
            )
        config = replace(config, threads=config.threads or os.cpu_count() or 1)
        super().__init__(config, dataset, on_event, runs)
        self._address = address
        self._inbox: Inbox = queue.SimpleQueue()
        self._future: Any = None

    def _stop(self) -> None:
        self._inbox.put(None)
        if self._future is not None:
            self._future.cancel()

    def _work(self) -> events.LastEvent:
        clean_up(self._runs)
        check_writable(self.id, self._runs)
        self._emit(events.Preparing(f"connecting to {self._address}"))
        connection = connect(self._address)
        if self._cancelled.is_set():
            return events.Cancelled()
        topic = f"mnistlab-{self.id}"
        with connection.subscribed(topic, self._inbox):
            self._submit(connection, Task(self.config, self.id, topic))
            self._listen()
            if self._cancelled.is_set():
                return events.Cancelled()
            try:
                answer: Answer = self._future.result()
            except Exception as error:  # whatever Dask raises
                return _failure(error, self._address)
        if isinstance(answer.last, events.Finished):
            keep_run(answer, self.id, self._runs)
        return answer.last

    def _submit(self, connection: Connection, task: Task) -> None:
        self._emit(events.Preparing("waiting for a worker of the cluster"))
        data = connection.send(self._dataset)
        with self._lock:
            if self._cancelled.is_set():
                return
            # The keys make all runs one group of tasks: from a large group Dask gives a worker
            # the next task when it is free, instead of assigning all of them at once.
            self._future = connection.client.submit(
                run_task, task, data, key=("mnistlab-run", task.run), pure=False, retries=RETRIES
            )
        self._future.add_done_callback(lambda _: self._inbox.put(None))

    def _listen(self) -> None:
        attempts: list[str] = []
        for message in iter(self._inbox.get, None):
            if self._cancelled.is_set():
                continue
            if "notice" in message:
                self._emit(events.Preparing(message["notice"]))
                continue
            if message["attempt"] not in attempts:
                if attempts:
                    self._emit(events.Preparing("a worker was lost; starting again on another"))
                attempts.append(message["attempt"])
            if message["attempt"] == attempts[-1]:
                self.status = JobStatus.RUNNING
                self._emit(events.from_json(message["event"]))


class Connection:
    """A client of one scheduler, shared by this process's jobs."""

    def __init__(self, address: str) -> None:
        self.client = _new_client(address)
        self._address = address
        self._data: Any = None  # the future of the dataset that was sent last
        self._inboxes: set[Inbox] = set()  # of the jobs that wait for the scheduler
        self._lock = threading.Lock()
        atexit.register(self.close)
        threading.Thread(target=self._watch, name="watch the scheduler", daemon=True).start()

    def _watch(self) -> None:
        """Notify waiting jobs when the scheduler stops answering, and when it answers again.

        A scheduler that is suspended or unreachable breaks no connection: Dask waits forever.
        """
        answered, is_silent = time.monotonic(), False
        while self.client.status not in ("closing", "closed"):
            time.sleep(LOOK_INTERVAL)
            if not self._inboxes or self._answers():
                answered = time.monotonic()
                if is_silent:
                    self._notify("answers again.")
                is_silent = False
            elif not is_silent and time.monotonic() - answered > SILENCE:
                is_silent = True
                self._notify(
                    f"has not answered for {SILENCE:.0f} s. Still trying; check it, or cancel."
                )

    def _answers(self) -> bool:
        try:
            self.client.sync(self.client.scheduler.identity, callback_timeout=LOOK_INTERVAL)
        except Exception:  # a timeout, or any effect of a lost or closed connection
            return False
        return True

    def _notify(self, news: str) -> None:
        text = f"The Dask scheduler at {self._address} {news}"
        _log.warning(text)
        for inbox in tuple(self._inboxes):
            inbox.put({"notice": text})

    @contextmanager
    def subscribed(self, topic: str, inbox: Inbox) -> Iterator[None]:
        """Put the messages of a topic, and notices about the scheduler, into an inbox."""
        self._inboxes.add(inbox)
        self.client.subscribe_topic(topic, lambda event: inbox.put(event[1]))  # (time, message)
        try:
            yield
        finally:
            self._inboxes.discard(inbox)
            with suppress(Exception):  # a lost connection has no topics left
                self.client.unsubscribe_topic(topic)

    def send(self, dataset: Dataset) -> Any:
        """Return the future of a packed dataset; it is sent once to each worker that needs it."""
        import dask

        key = f"mnistlab-data-{dataset.fingerprint}"
        with self._lock:
            known = self._data
            if known is None or known.key != key or known.status in ("cancelled", "error"):
                # As a task's argument, not scattered: if all workers that have it are lost, the
                # scheduler can still make it again.
                with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
                    self._data = self.client.submit(bytes, pack(dataset), key=key)
            return self._data

    def close(self) -> None:
        """Leave the cluster; this process's tasks there end."""
        with suppress(Exception):  # the scheduler may be gone, and this process ends anyway
            self.client.close(timeout=2)


_connections: dict[str, Connection] = {}
_refusals: dict[str, tuple[float, str]] = {}
_connecting = threading.Lock()


def connect(address: str) -> Connection:
    """Return this process's connection to a scheduler, made at the first call.

    Raises `TrainingError` when the scheduler does not answer within seconds.
    """
    with _connecting:
        known = _connections.get(address)
        if known is not None and known.client.status == "running":
            return known
        when, message = _refusals.get(address, (0.0, ""))
        if message and time.monotonic() - when < CONNECT_TIMEOUT:
            raise TrainingError(message)  # for the jobs that waited for the same attempt
        if known is not None:
            known.close()
        try:
            _connections[address] = Connection(address)
        except Exception as error:  # any effect of a wrong address or another kind of server
            reason = " ".join(str(error).split()) or f"no answer within {CONNECT_TIMEOUT} s"
            message = (
                f"The Dask scheduler at {address} does not answer ({reason[:200]}); start it, or "
                "correct --scheduler or MNISTLAB_SCHEDULER, such as tcp://10.0.0.5:8786."
            )
            _refusals[address] = (time.monotonic(), message)
            raise TrainingError(message) from error
        return _connections[address]


def _new_client(address: str) -> Any:
    dask = _distributed()

    async def find_kind() -> str:
        arguments = dask.Security().get_connection_args("client")
        async with dask.rpc(address, timeout=CONNECT_TIMEOUT, connection_args=arguments) as server:
            return str((await server.identity()).get("type"))

    # Checked first: if another kind of server accepts the connection and does not answer, a
    # client waits forever, whatever its timeout.
    kind = asyncio.run(asyncio.wait_for(find_kind(), CONNECT_TIMEOUT))
    if kind != "Scheduler":
        raise ValueError(f"there is a {kind}")
    return dask.Client(address, timeout=CONNECT_TIMEOUT, name="mnistlab", set_as_default=False)


def _distributed() -> Any:
    return import_module("distributed")  # `Any`, because it is typed only in parts


def _failure(error: Exception, address: str) -> events.Failed:
    """Explain to the user why a task could not run, or was lost."""
    if isinstance(error, LostProcessError):
        return events.Failed(*error.args)
    if isinstance(error, _distributed().KilledWorker):
        message = (
            "Several workers of the cluster were lost during this training, perhaps because "
            "memory ran out; give them more or try a smaller batch size."
        )
    elif isinstance(error, CancelledError):
        message = (
            f"The connection to the Dask scheduler at {address} was lost; check it and try again."
        )
    elif isinstance(error, ImportError) or "deserializ" in str(error):
        message = (
            "The cluster could not read the task, because its packages differ from those here; "
            'on the scheduler pip install "mnistlab[cluster]" and on all workers '
            'pip install "mnistlab[train,cluster]", in the '
            "versions installed here."
        )
    else:
        message = f"The cluster could not train ({type(error).__name__}); look into its logs."
    return events.Failed(message, f"{type(error).__name__}: {error}")


def keep_run(answer: Answer, run: str, runs: Path) -> None:
    """Write a run that came from a cluster; it appears under its name only when it is complete.

    Raises `TrainingError` when a file differs from what the worker wrote, or cannot be written.
    """
    for name, data in answer.files.items():
        if Path(name).name != name or hashlib.sha256(data).hexdigest() != answer.digests.get(name):
            raise TrainingError(f"{name} of the run was damaged on the way here; train again.")
    with new_run(run, runs) as folder:
        for name, data in answer.files.items():
            (folder / name).write_bytes(data)
