"""Training on a Dask cluster: the same jobs, on other machines.

`distributed` is imported inside the functions: it takes most of a second, and this process may
never get so far as to need it.
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
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mnistlab.data import Dataset
from mnistlab.errors import ConfigError, TrainingError
from mnistlab.jobs.job import Job, JobStatus
from mnistlab.jobs.remote import Answer, LostProcessError, Task, pack, run_task
from mnistlab.jobs.scratch import clean_up, discard_partial
from mnistlab.models.config import TrainingConfig
from mnistlab.training import events
from mnistlab.training.save import check_writable, partial_folder

CONNECT_TIMEOUT = 6  # seconds
RETRIES = 1  # after a training process was lost; Dask itself makes good lost workers
LOOK_INTERVAL = 5  # seconds between two questions whether the scheduler is there
SILENCE = 30  # seconds without an answer, after which that is said
_log = logging.getLogger(__name__)
_NEEDS = "pip install 'mnistlab[train,cluster]'"


class ClusterJob(Job):
    """A training on a Dask cluster.

    Its `config` names the number of threads: where that was left open it is the number of CPUs
    here, for a seed gives the same weights only for one number of threads.
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
                "here; install it with: pip install 'mnistlab[cluster]'"
            )
        config = replace(config, threads=config.threads or os.cpu_count() or 1)
        super().__init__(config, dataset, on_event, runs)
        self._address = address
        self._inbox: queue.SimpleQueue[dict[str, str] | None] = queue.SimpleQueue()
        self._future: Any = None

    def _stop(self) -> None:
        self._inbox.put(None)
        if self._future is not None:
            self._future.cancel()

    def _work(self) -> events.Event:
        clean_up(self._runs)
        check_writable(self.id, self._runs)
        self._tell(events.Preparing(f"connecting to {self._address}"))
        connection = connect(self._address)
        if self._cancelled.is_set():
            return events.Cancelled()
        topic = f"mnistlab-{self.id}"
        with _subscribed(connection, topic, self._inbox):
            self._submit(connection, Task(self.config, self.id, topic))
            self._listen()
            answer = self._answer()
        if isinstance(answer, events.Event):
            return answer
        if isinstance(answer.last, events.Finished):
            if self._cancelled.is_set():
                return events.Cancelled()
            keep_run(answer, self.id, self._runs)
        return answer.last

    def _submit(self, connection: Connection, task: Task) -> None:
        self._tell(events.Preparing("waiting for a worker of the cluster"))
        data = connection.send(self._dataset)
        with self._lock:
            if self._cancelled.is_set():
                return
            # All runs in one group of tasks: of a large group Dask gives a worker the next one when
            # it is free, and does not deal them out beforehand.
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
                self._tell(events.Preparing(message["notice"]))
                continue
            if message["attempt"] not in attempts:
                if attempts:
                    self._tell(events.Preparing("a worker was lost; starting again on another"))
                attempts.append(message["attempt"])
            if message["attempt"] == attempts[-1]:
                self.status = JobStatus.RUNNING
                self._tell(events.from_json(message["event"]))

    def _answer(self) -> Answer | events.Event:
        if self._cancelled.is_set():
            return events.Cancelled()
        try:
            answer: Answer = self._future.result()
            return answer
        except LostProcessError as error:
            return events.Failed(*error.args)
        except _distributed().KilledWorker as error:
            return events.Failed(
                "Several workers of the cluster were lost over this training, perhaps because "
                "memory ran out; give them more or try a smaller batch size.",
                str(error),
            )
        except Exception as error:
            if self._cancelled.is_set():
                return events.Cancelled()
            return _failure(error, self._address)


@dataclass(eq=False)
class Connection:
    """A client of one scheduler, shared by this process's jobs."""

    client: Any
    data: tuple[str, Any] = ("", None)
    """Fingerprint and future of the dataset that was sent last."""
    inboxes: set[queue.SimpleQueue[Any]] = field(default_factory=set)
    """Of the jobs that wait for the scheduler."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, name="watch the scheduler", daemon=True).start()

    def _watch(self) -> None:
        """Say when the scheduler falls silent while jobs wait for it, and when it answers again.

        One that was stopped, or is out of reach, breaks no connection: Dask waits for ever.
        """
        answered, is_silent = time.monotonic(), False
        while self.client.status not in ("closing", "closed"):
            time.sleep(LOOK_INTERVAL)
            scheduler = self.client.scheduler
            if scheduler is None:  # the client was closed meanwhile
                return
            address = scheduler.address
            if not self.inboxes or self._answers():
                answered = time.monotonic()
                if is_silent:
                    self._notify(f"The Dask scheduler at {address} answers again.")
                is_silent = False
            elif not is_silent and time.monotonic() - answered > SILENCE:
                is_silent = True
                self._notify(
                    f"The Dask scheduler at {address} has not answered for {SILENCE:.0f} s. "
                    "Still trying; check it, or cancel."
                )

    def _answers(self) -> bool:
        try:
            self.client.sync(self.client.scheduler.identity, callback_timeout=LOOK_INTERVAL)
        except Exception:  # too late, or whatever a lost connection brings about
            return False
        return True

    def _notify(self, text: str) -> None:
        _log.warning(text)
        for inbox in tuple(self.inboxes):
            inbox.put({"notice": text})

    def send(self, dataset: Dataset) -> Any:
        """The future of a packed dataset; each worker that needs it gets it once."""
        import dask

        with self._lock:
            if self.data[0] != dataset.fingerprint or self.data[1].status in ("cancelled", "error"):
                # As a task's argument, not scattered: should all workers that have it be lost,
                # the scheduler still knows how to make it again.
                with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
                    key = f"mnistlab-data-{dataset.fingerprint}"
                    future = self.client.submit(bytes, pack(dataset), key=key)
                self.data = (dataset.fingerprint, future)
            return self.data[1]

    def close(self) -> None:
        """Leave the cluster; what it does for this process ends."""
        with suppress(Exception):  # the scheduler may be gone, and this process ends anyway
            self.client.close(timeout=2)


_connections: dict[str, Connection] = {}
_refusals: dict[str, tuple[float, str]] = {}
_connecting = threading.Lock()


def connect(address: str) -> Connection:
    """This process's connection to a scheduler, made at the first call.

    Raises
    ------
    TrainingError
        When the scheduler does not answer within seconds.
    """
    with _connecting:
        known = _connections.get(address)
        if known is not None and known.client.status == "running":
            return known
        when, message = _refusals.get(address, (0.0, ""))
        if message and time.monotonic() - when < CONNECT_TIMEOUT:
            raise TrainingError(message)  # jobs that waited for the same attempt need no other
        if known is not None:
            known.close()
        try:
            _connections[address] = Connection(_new_client(address))
        except Exception as error:  # whatever a wrong address or another server brings about
            message = _unreachable(address, error)
            _refusals[address] = (time.monotonic(), message)
            raise TrainingError(message) from error
        return _connections[address]


def _new_client(address: str) -> Any:
    _distributed()  # its import takes seconds on a busy machine, which are none of the scheduler's
    # Asked first: a client of a server that takes the call and says nothing, which is none of
    # Dask's, waits for ever, whatever its timeout.
    asyncio.run(asyncio.wait_for(_check_scheduler(address), CONNECT_TIMEOUT))
    return _distributed().Client(
        address, timeout=CONNECT_TIMEOUT, name="mnistlab", set_as_default=False
    )


async def _check_scheduler(address: str) -> None:
    dask = _distributed()
    arguments = dask.Security().get_connection_args("client")
    async with dask.rpc(address, timeout=CONNECT_TIMEOUT, connection_args=arguments) as server:
        kind = (await server.identity()).get("type")
    if kind != "Scheduler":
        raise ValueError(f"there is a {kind}")


def _distributed() -> Any:
    return import_module("distributed")  # without its types, which it has only in parts


def _unreachable(address: str, error: Exception) -> str:
    reason = " ".join(str(error).split()) or f"no answer within {CONNECT_TIMEOUT} s"
    return (
        f"The Dask scheduler at {address} does not answer ({reason[:200]}); start it, or correct "
        "--scheduler or MNISTLAB_SCHEDULER, such as tcp://10.0.0.5:8786."
    )


@atexit.register
def _close_all() -> None:
    for connection in _connections.values():
        connection.close()


@contextmanager
def _subscribed(
    connection: Connection, topic: str, inbox: queue.SimpleQueue[Any]
) -> Iterator[None]:
    connection.inboxes.add(inbox)
    connection.client.subscribe_topic(topic, lambda event: inbox.put(event[1]))  # (time, message)
    try:
        yield
    finally:
        connection.inboxes.discard(inbox)
        with suppress(Exception):  # a lost connection has no topics left
            connection.client.unsubscribe_topic(topic)


def _failure(error: Exception, address: str) -> events.Failed:
    """What a task that could not run, or was lost, is called for the user."""
    from concurrent.futures import CancelledError

    details = f"{type(error).__name__}: {error}"
    if isinstance(error, CancelledError):
        return events.Failed(
            f"The connection to the Dask scheduler at {address} was lost; check it and try again.",
            details,
        )
    if isinstance(error, ImportError) or "deserializ" in str(error):
        return events.Failed(
            "The cluster could not read the task, for its packages are not those of this machine; "
            f"on the scheduler and all workers: {_NEEDS}, in the versions installed here.",
            details,
        )
    return events.Failed(
        f"The cluster could not train ({type(error).__name__}); look into its logs.", details
    )


def keep_run(answer: Answer, run: str, runs: Path) -> None:
    """Write a run that came from a cluster; it appears under its name only when it is complete.

    Raises
    ------
    TrainingError
        When a file differs from what the worker wrote, or cannot be written here.
    """
    for name, data in answer.files.items():
        if Path(name).name != name or hashlib.sha256(data).hexdigest() != answer.digests.get(name):
            raise TrainingError(f"{name} of the run was damaged on the way here; train again.")
    partial = partial_folder(run, runs)
    try:
        partial.mkdir(parents=True)
        for name, data in answer.files.items():
            (partial / name).write_bytes(data)
        partial.replace(runs / run)
    except OSError as error:
        raise TrainingError(
            f"A trained model could not be saved in {runs} ({error.strerror or error}); "
            "free some space there or point MNISTLAB_HOME at another folder, and train again."
        ) from error
    finally:
        discard_partial(run, runs)
