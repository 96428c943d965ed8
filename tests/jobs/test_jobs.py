"""Jobs on this machine: several at once, workers that are killed, and what they leave behind."""

from __future__ import annotations

import errno
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from filelock import FileLock

from drivers.waiting import until
from mnistlab.data import Dataset
from mnistlab.errors import ConfigError, TrainingError
from mnistlab.jobs import Job, JobStatus, submit, worker
from mnistlab.jobs.leftovers import PREFIX, clean_up, discard
from mnistlab.models import TrainingConfig, find_run, list_runs
from mnistlab.models.store import read_run_file
from mnistlab.scratch import scratch_folder
from mnistlab.settings import workers
from mnistlab.training import events
from mnistlab.training.loop import no_tensorflow

QUICK: dict[str, Any] = {"epochs": 2, "batch_size": 64, "units": 32, "seed": 4}
LONG: dict[str, Any] = {"epochs": 200, "batch_size": 8, "filters": 64}
MINUTES = 180  # seconds; generous, for a loaded machine

# Where in its life a worker is killed: after this event, and so many seconds later at most.
MOMENTS: dict[str, tuple[type[events.Event] | None, float]] = {
    "started": (None, 0.5),
    "importing": (events.Preparing, 3.0),
    "compiling": (events.Started, 1.0),
    "training": (events.Progress, 0.3),
    "validating": (events.EpochEnd, 0.1),
    "testing": (events.Testing, 0.3),
    "saving": (events.Testing, 1.0),
}
NORMAL = [("started", 1), ("training", 2), ("saving", 3)]
SOAK = [
    ("started", 4),
    ("importing", 5),
    ("importing", 6),
    ("compiling", 7),
    ("validating", 8),
    ("testing", 9),
    ("saving", 10),
]


def test_without_tensorflow_no_job_starts(
    blocks: Dataset, tmp_path: Path, without_tensorflow: None
) -> None:
    with pytest.raises(TrainingError, match=r'Training needs TensorFlow, .*mnistlab\[train\]"$'):
        submit(TrainingConfig("mlp", **QUICK), blocks, runs=tmp_path)


@pytest.mark.parametrize(
    ("system", "machine", "libc", "version", "where"),
    [
        ("linux", "x86_64", "glibc", (3, 14), "Python 3.14 yet; train with Python 3.11, 3.12 or"),
        ("darwin", "x86_64", "", (3, 12), "Macs with Intel processors yet; train on another"),
        ("linux", "x86_64", "", (3, 13), "Linux without glibc yet; train on another machine."),
    ],
)
def test_where_tensorflow_has_no_release_that_is_said(
    system: str, machine: str, libc: str, version: tuple[int, int], where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: (libc, ""))
    sentence = no_tensorflow()
    assert where in sentence
    assert "pip install" not in sentence


@pytest.fixture(autouse=True)
def any_machine(request: pytest.FixtureRequest) -> None:
    """Lets jobs with fake workers start on machines without TensorFlow, too."""
    if "without_tensorflow" not in request.fixturenames:
        request.getfixturevalue("with_tensorflow")


def own_children() -> set[int]:
    """Process ids of this process's living children."""
    found = psutil.Process().children(recursive=True)
    return {child.pid for child in found if child.status() != psutil.STATUS_ZOMBIE}


def kill_at(job: Job, seen: list[events.Event], moment: str, seed: int) -> None:
    """SIGKILL the job's worker a random while after the moment's event; it may be over by then."""
    kind, longest = MOMENTS[moment]
    until(lambda: job.pid is not None or job.status.is_over, "the worker")
    if kind is not None:
        until(lambda: job.status.is_over or any(isinstance(e, kind) for e in seen), moment)
    job.wait(random.Random(seed).uniform(0, longest))
    assert job.pid is not None
    try:
        os.kill(job.pid, signal.SIGKILL)
    except ProcessLookupError:
        assert job.wait(MINUTES)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "kills", [NORMAL, *(pytest.param([kill], marks=pytest.mark.soak) for kill in SOAK)]
)
def test_workers_killed_at_random_moments(
    kills: list[tuple[str, int]], blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))  # so that only this test's are seen
    before = own_children()
    for moment, seed in kills:
        runs = tmp_path / moment
        runs.mkdir()
        seen: list[events.Event] = []
        job = submit(TrainingConfig("mlp", **QUICK), blocks, seen.append, runs)
        kill_at(job, seen, moment, seed)
        assert job.wait(MINUTES)
        if job.status is JobStatus.FINISHED:  # it was faster; then the run is whole
            assert [run.id for run in list_runs(runs)] == [job.id]
            for name in find_run(job.id, runs).card["files"]:
                read_run_file(find_run(job.id, runs), name)
        else:
            assert job.status is JobStatus.FAILED
            assert job.failure is not None
            assert "ended without a result (killed" in job.failure.message
            assert seen[-1] == job.failure
            with pytest.raises(TrainingError, match="next training starts a new one"):
                job.result()
            assert list(runs.iterdir()) == []
        assert own_children() <= before
        assert list(temporary.iterdir()) == []
    following = submit(TrainingConfig("mlp", **QUICK), blocks, runs=runs)
    assert not find_run(following.result(MINUTES), runs).damage


@pytest.mark.tensorflow
def test_the_output_of_a_worker_that_crashes(
    blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keras.py").write_text("import os; os.write(2, b'out of luck'); os.abort()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    job = submit(TrainingConfig("mlp", **QUICK), blocks, runs=tmp_path / "runs")
    assert job.wait(MINUTES)
    assert job.failure is not None
    assert "SIGABRT" in job.failure.message
    assert "out of luck" in job.failure.details


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("class ResourceExhaustedError(Exception): ...\nraise ResourceExhaustedError", "smaller"),
        ("raise MemoryError", "out of memory; try a smaller batch size"),
        ("raise RuntimeError('what happened')", r"failed \(RuntimeError\); try other"),
    ],
)
def test_errors_in_a_worker_become_a_sentence(
    error: str, message: str, blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keras.py").write_text(error)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    job = submit(TrainingConfig("mlp", **QUICK), blocks, runs=tmp_path / "runs")
    with pytest.raises(TrainingError, match=message):
        job.result(MINUTES)
    assert job.failure is not None
    assert "Traceback" in job.failure.details
    assert error.split()[-1].partition("(")[0] in job.failure.details


@pytest.mark.tensorflow
def test_one_at_a_time_in_order_or_as_many_as_the_setting_says(
    blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_WORKERS", "2")
    begun: list[int] = []
    lock = threading.Lock()

    def listener(number: int) -> Callable[[events.Event], None]:
        def listen(event: events.Event) -> None:
            with lock:
                if isinstance(event, events.Preparing) and number not in begun:
                    begun.append(number)

        return listen

    jobs = [
        submit(TrainingConfig("cnn", **LONG), blocks, listener(number), tmp_path)
        for number in range(4)
    ]
    try:
        until(lambda: len(begun) == 2, "two at once")
        assert sorted(begun) == [0, 1]
        assert [job.status for job in jobs[2:]] == [JobStatus.PENDING] * 2
        jobs[1].cancel()
        until(lambda: len(begun) == 3, "the third")
        assert begun[2] == 2
        assert jobs[3].status is JobStatus.PENDING
    finally:
        for job in reversed(jobs):
            job.cancel()
        assert all(job.wait(30) for job in jobs)
    assert {job.status for job in jobs} == {JobStatus.CANCELLED}


@pytest.mark.parametrize("value", ["0", "two", "-1", "1.5", "65"])
def test_a_wrong_number_of_workers_is_refused(
    value: str, blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_WORKERS", value)
    with pytest.raises(ConfigError, match=f"MNISTLAB_WORKERS is '{value}'.* from 1 to 64"):
        workers()
    job = submit(TrainingConfig("mlp", **QUICK), blocks, runs=tmp_path)
    with pytest.raises(TrainingError, match="MNISTLAB_WORKERS"):
        job.result(MINUTES)


def age(*paths: Path, days: float = 2) -> None:
    for path in paths:
        os.utime(path, (time.time() - 86400 * days,) * 2)


def test_what_killed_processes_left_is_cleaned_up_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    runs = tmp_path / "runs"
    names = [".mlp-1.partial", ".mlp-2.partial", "mlp-3"]
    for name in names:
        (runs / name).mkdir(parents=True)
        (runs / name / "model.keras").write_bytes(b"half")
    age(*(runs / name / "model.keras" for name in names))
    age(*(runs / name for name in names if name != ".mlp-2.partial"))
    code = (
        "import os, sys, pathlib\nfrom mnistlab.scratch import scratch_folder\n"
        f"with scratch_folder({PREFIX!r}) as folder: print(folder, flush=True); "
        "os.kill(os.getpid(), 9)"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
    orphan = Path(done.stdout.decode().strip())
    assert orphan.parent == tmp_path
    with scratch_folder(PREFIX) as living, scratch_folder(PREFIX) as young:
        age(orphan, living, *orphan.iterdir(), *living.iterdir())
        clean_up(runs)
        assert {path.name for path in runs.iterdir()} == {".mlp-2.partial", "mlp-3"}
        assert living.is_dir()
        assert young.is_dir()
        assert not orphan.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_scratch_folder_is_locked_while_it_is_used() -> None:
    with scratch_folder(PREFIX) as folder:
        lock = FileLock(folder / ".lock", timeout=0)
        with pytest.raises(TimeoutError):
            lock.acquire()
    assert not folder.exists()


def test_a_scratch_folder_goes_although_another_process_still_writes_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remove = shutil.rmtree
    written: list[Path] = []

    def remove_and_write(path: Path, *arguments: Any, **options: Any) -> None:
        remove(path, *arguments, **options)
        if len(written) < 3:
            path.mkdir()
            (path / "kernel.json").write_text("{}")
            written.append(path)

    with scratch_folder(PREFIX) as folder:
        monkeypatch.setattr(shutil, "rmtree", remove_and_write)
    assert written == [folder] * 3
    assert not folder.exists()


def test_discarding_a_run_takes_its_halves_too(tmp_path: Path) -> None:
    for name in ("mlp-1", ".mlp-1.partial", "mlp-2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
    discard("mlp-1", tmp_path)
    discard("mlp-1", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mlp-2"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "disk is full"),
        (type("ResourceExhaustedError", (Exception,), {})("x; No space left on device"), "disk"),
        (type("ResourceExhaustedError", (Exception,), {})("OOM when allocating"), "memory"),
        (MemoryError(), "memory"),
        (ValueError("x"), "ValueError"),
    ],
)
def test_what_went_wrong_is_said_with_its_remedy(error: Exception, said: str) -> None:
    assert said in worker._explain(error)


def test_a_job_that_cannot_start_leaves_the_queue(
    blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    config = TrainingConfig("mlp", **QUICK)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(TrainingError, match=r"can't start new thread.* try again"):
            submit(config, blocks, runs=tmp_path)
    # With one place, the next job's turn comes at once, or never.
    monkeypatch.setenv("MNISTLAB_WORKERS", "1")
    seen: list[events.Event] = []
    job = submit(config, blocks, seen.append, tmp_path)
    try:
        until(lambda: job.pid is not None or job.status.is_over, "its turn", 60)
    finally:
        job.cancel()
    assert job.wait(30)
