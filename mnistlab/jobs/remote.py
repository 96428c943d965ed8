"""What runs on a Dask worker: one training, in a process of its own, and its files as bytes.

TensorFlow does not run in the Dask worker itself. There its number of threads and its state
would be those of the first training, and a seed would no longer give its weights.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np

from mnistlab.data import Dataset, open_folder, save_folder
from mnistlab.data.dataset import ARRAYS, digest_of
from mnistlab.errors import DataError, MnistLabError
from mnistlab.jobs.process import TrainingProcess
from mnistlab.jobs.scratch import scratch_folder
from mnistlab.models.config import TrainingConfig
from mnistlab.training import events

_EXTRA = ("extra_images", "extra_labels")  # a visitor's own images, mostly none
WATCH_INTERVAL = 0.1  # seconds between two looks whether a training is still wanted
# A nanny sets these to 1 for Dask's own threads; a training is to run as it does elsewhere.
_NANNYS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_unpacking = threading.Lock()


class LostProcessError(Exception):
    """A training process ended without a result; Dask then tries the task again."""


@dataclass(frozen=True)
class Task:
    """What a Dask worker is asked to do."""

    config: TrainingConfig
    run: str
    """The run's id."""
    topic: str
    """Where events go."""
    versions: dict[str, str] = field(default_factory=lambda: versions())
    """What is installed on the submitting machine."""


@dataclass(frozen=True)
class Answer:
    """What comes back."""

    last: events.Event
    files: dict[str, bytes] = field(default_factory=dict)
    """The run's files by name, when it is finished."""
    digests: dict[str, str] = field(default_factory=dict)
    """Their SHA-256, in hexadecimal, as of the machine that wrote them."""


def versions() -> dict[str, str]:
    """The versions on which a run's weights depend; of what is not installed, `"none"`."""
    return {
        "mnistlab": _version("mnistlab"),
        "tensorflow": _version("tensorflow-cpu", "tensorflow"),
        "keras": _version("keras"),
    }


def _version(*names: str) -> str:
    for name in names:
        with suppress(PackageNotFoundError):
            return version(name)
    return "none"


def pack(dataset: Dataset) -> bytes:
    """A dataset for the way to the workers, about a fifth of its size."""
    arrays = {name: getattr(dataset, name) for name in (*ARRAYS, *_EXTRA)}
    words = [dataset.name, dataset.title, dataset.digest, dataset.source, dataset.fingerprint]
    file = io.BytesIO()
    np.savez_compressed(file, words=np.array(words), **arrays)
    return file.getvalue()


def unpack(data: bytes, parent: Path) -> Path:
    """The folder of a packed dataset within `parent`; written and checked where it is not there.

    Raises
    ------
    DataError
        When the contents do not have the dataset's digest.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as packed, _unpacking:
        name, title, digest, source, fingerprint = (str(word) for word in packed["words"])
        folder = parent / f"mnistlab-data-{fingerprint}"
        if not folder.is_dir():
            arrays = {array: packed[array] for array in ARRAYS}
            dataset = Dataset(name, title, **arrays, digest=digest, source=source)
            if len(packed[_EXTRA[0]]):
                dataset = dataset.with_extra(*(packed[array] for array in _EXTRA))
            if digest_of(arrays.values()) != digest or dataset.fingerprint != fingerprint:
                raise DataError(f"{title} was damaged on the way to the cluster; train again.")
            partial = parent / f".{token_hex(4)}.partial"
            save_folder(dataset, partial)
            partial.replace(folder)
    open_folder(folder)  # a damaged one is told here, in the terms of the data
    return folder


def run_task(task: Task, data: bytes) -> Answer:
    """Train as `task` says, on the data that `pack` made; called by a Dask worker.

    Raises
    ------
    LostProcessError
        When the training process was killed or crashed; its arguments are a sentence for the user
        and the process's last words.
    """
    from distributed import get_worker

    worker = get_worker()
    attempt = token_hex(4)  # a second one starts from the beginning, and its listener must know

    def tell(event: events.Event) -> None:
        worker.log_event(task.topic, {"attempt": attempt, "event": events.to_json(event)})

    place = worker.name if isinstance(worker.name, str) else worker.address
    tell(events.Preparing(f"starting on {place}"))
    problem = mismatch(task.versions, versions(), place)
    if problem:
        return Answer(events.Failed(problem))
    try:
        return _train(task, data, worker, tell)
    except MnistLabError as error:
        return Answer(events.Failed(str(error)))


def mismatch(here: Mapping[str, str], there: Mapping[str, str], place: str) -> str:
    """What is wrong with a worker's versions, as a sentence, or an empty string."""
    differing = [name for name in here if here[name] != there.get(name, "none")]
    if not differing:
        return ""
    wanted = " ".join(f"{name}=={here[name]}" for name in differing)
    found = ", ".join(f"{name} {there.get(name, 'none')}" for name in differing)
    return (
        f"The Dask worker {place} has {found}, and weights would differ; "
        f"install there what is here: {wanted}."
    )


def _train(task: Task, data: bytes, worker: Any, tell: Callable[[events.Event], None]) -> Answer:
    home = Path(worker.local_directory)
    dataset = unpack(data, home)
    with scratch_folder(home) as scratch:
        runs = scratch / "runs"
        process = TrainingProcess(task.config, dataset, task.run, runs, scratch, _NANNYS)
        with _stopped_when_unwanted(process, worker, worker.get_current_task()):
            last = process.listen(tell)
        if process.ended_silently and isinstance(last, events.Failed):
            raise LostProcessError(last.message, last.details)
        if not isinstance(last, events.Finished):
            return Answer(last)
        files = {path.name: path.read_bytes() for path in (runs / task.run).iterdir()}
    return Answer(last, files, {n: hashlib.sha256(b).hexdigest() for n, b in files.items()})


@contextmanager
def _stopped_when_unwanted(process: TrainingProcess, worker: Any, key: object) -> Iterator[None]:
    over = threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_INTERVAL):
            if not _is_wanted(worker, key):
                return process.stop()

    threading.Thread(target=watch, name=f"watch {key}", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _is_wanted(worker: Any, key: object) -> bool:
    # Dask has no call for this. A task is no longer executing, as its worker sees it, when its
    # job was cancelled, when the submitting process is gone, and when the scheduler is.
    if worker.status.name in ("closing", "closed", "failed"):
        return False
    state = worker.state.tasks.get(key)
    return state is not None and state.state in ("executing", "long-running")
