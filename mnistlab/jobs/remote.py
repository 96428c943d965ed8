"""The part of a cluster job that runs on a Dask worker.

One task trains in a separate process and returns the run's files as bytes. In the Dask worker
itself TensorFlow would keep the state and the number of threads of the first training, and a seed
would no longer give the same weights.
"""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from secrets import token_hex
from shutil import make_archive
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

from mnistlab.data import Dataset, open_folder
from mnistlab.errors import DataError, MnistLabError
from mnistlab.jobs.leftovers import PREFIX, folder_of
from mnistlab.jobs.process import TrainingProcess
from mnistlab.models.config import TrainingConfig
from mnistlab.scratch import scratch_folder
from mnistlab.training import events

WATCH_INTERVAL = 0.1  # seconds between two checks whether a training is still wanted
# A nanny sets these to 1 for Dask's own threads; a training must run as it does elsewhere.
_NANNYS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_unpacking = threading.Lock()


@dataclass(frozen=True)
class Task:
    """The input of `run_task`."""

    config: TrainingConfig
    run: str
    """The run's id."""
    topic: str
    """The Dask topic for events."""
    versions: dict[str, str] = field(default_factory=lambda: versions())
    """The packages of the submitting machine."""


@dataclass(frozen=True)
class Answer:
    """The result of `run_task`."""

    last: events.LastEvent
    files: dict[str, bytes] = field(default_factory=dict)
    """The run's files by name, when it is finished."""
    digests: dict[str, str] = field(default_factory=dict)
    """Their SHA-256, in hexadecimal, from the machine that wrote them."""


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide a run's weights; `"none"` if missing."""
    found = dict.fromkeys(("mnistlab", "tensorflow", "keras"), "none")
    for name in ("mnistlab", "tensorflow", "tensorflow-cpu", "keras"):
        with suppress(PackageNotFoundError):
            found[name.removesuffix("-cpu")] = version(name)
    return found


def pack(dataset: Dataset) -> bytes:
    """Return a dataset's folder as a ZIP archive, about a fifth of its size."""
    with TemporaryDirectory(prefix="mnistlab-pack-") as scratch:
        folder = folder_of(dataset, Path(scratch))
        return Path(make_archive(f"{scratch}/packed", "zip", folder)).read_bytes()


def unpack(data: bytes, parent: Path) -> Path:
    """Return the folder of a packed dataset within `parent`, written if it is missing.

    Raises `DataError` when the contents do not have the dataset's digest.
    """
    folder = parent / f"mnistlab-data-{hashlib.sha256(data).hexdigest()}"
    with _unpacking:
        if not folder.is_dir():
            partial = parent / f".{token_hex(4)}.partial"
            with ZipFile(io.BytesIO(data)) as archive:
                archive.extractall(partial)
            try:
                open_folder(partial, verify=True)
            except DataError as error:
                raise DataError(
                    f"The data was damaged on the way to the cluster ({error}); train again."
                ) from error
            partial.replace(folder)
    open_folder(folder)  # raises DataError if it was damaged since
    return folder


def run_task(task: Task, data: bytes) -> Answer:
    """Train on the data that `pack` made; called by a Dask worker.

    Raises `LostProcessError` when the training process was lost; Dask then tries it again.
    """
    from distributed import get_worker

    worker = get_worker()
    attempt = token_hex(4)  # tells the listener when a second attempt starts over

    def emit(event: events.Event) -> None:
        worker.log_event(task.topic, {"attempt": attempt, "event": events.to_json(event)})

    place = worker.name if isinstance(worker.name, str) else worker.address
    emit(events.Preparing(f"starting on {place}"))
    if problem := mismatch(task.versions, versions(), place):
        return Answer(events.Failed(problem))
    try:
        return _train(task, data, worker, emit)
    except MnistLabError as error:
        return Answer(events.Failed(str(error)))


def mismatch(here: Mapping[str, str], there: Mapping[str, str], place: str) -> str:
    """Return a sentence that names a worker's differing versions, or an empty string.

    A package that is missing here asks for no version: a web server needs no TensorFlow.
    """
    differing = [name for name in here if here[name] not in ("none", there.get(name, "none"))]
    if not differing:
        return ""
    wanted = " ".join(f"{name}=={here[name]}" for name in differing)
    found = ", ".join(f"{name} {there.get(name, 'none')}" for name in differing)
    return (
        f"The Dask worker {place} has {found}, and weights would differ; "
        f"install there what is here: {wanted}."
    )


def _train(task: Task, data: bytes, worker: Any, emit: Callable[[events.Event], None]) -> Answer:
    home = Path(worker.local_directory)
    dataset = unpack(data, home)
    with scratch_folder(PREFIX, home) as scratch:
        runs = scratch / "runs"
        process = TrainingProcess(task.config, dataset, task.run, runs, scratch, _NANNYS)
        watched = (process, worker, worker.get_current_task())
        threading.Thread(target=_stop_when_unwanted, args=watched, daemon=True).start()
        last = process.listen(emit)
        if not isinstance(last, events.Finished):
            return Answer(last)
        files = {path.name: path.read_bytes() for path in (runs / task.run).iterdir()}
    return Answer(last, files, {n: hashlib.sha256(b).hexdigest() for n, b in files.items()})


def _stop_when_unwanted(process: TrainingProcess, worker: Any, key: object) -> None:
    while process.is_running:
        if not _is_wanted(worker, key):
            return process.stop()
        time.sleep(WATCH_INTERVAL)


def _is_wanted(worker: Any, key: object) -> bool:
    # Dask has no call for this. A task is no longer executing on its worker when its job was
    # cancelled, or when the submitting process or the scheduler is gone.
    if worker.status.name in ("closing", "closed", "failed"):
        return False
    state = worker.state.tasks.get(key)
    return state is not None and state.state in ("executing", "long-running")
