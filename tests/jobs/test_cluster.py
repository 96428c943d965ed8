"""Training on a real Dask cluster: a scheduler and two workers on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from drivers.dask_processes import DaskProcesses, dask_cluster
from drivers.waiting import until
from mnistlab.data import Dataset, open_folder
from mnistlab.errors import ConfigError, DataError, TrainingError
from mnistlab.jobs import JobStatus, submit
from mnistlab.jobs import cluster as cluster_module
from mnistlab.jobs.cluster import keep_run
from mnistlab.jobs.remote import Answer, Task, mismatch, pack, unpack, versions
from mnistlab.models import TrainingConfig, find_run, list_runs
from mnistlab.models.store import read_run_file
from mnistlab.training import events
from tests.trained import CONFIGS, Trained

LONG: dict[str, Any] = {"epochs": 200, "batch_size": 8, "filters": 64}
MINUTES = 240  # seconds; generous, for a loaded machine

pytestmark = pytest.mark.tensorflow


def digest(name: str, runs: Path) -> str:
    return str(find_run(name, runs).card["weights_digest"])


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), "alpha", "beta") as processes:
        yield processes


@pytest.fixture
def local_digests(trained: dict[str, Trained]) -> list[str]:
    """Of the same trainings on this machine."""
    return [str(each.run.card["weights_digest"]) for each in trained.values()]


class KillTheFirst:
    """Kills the Dask worker on which a training first begins, at its first step."""

    def __init__(self, dask: DaskProcesses) -> None:
        self.dask = dask
        self.killed = ""
        self.orphans: list[psutil.Process] = []
        self.places: dict[int, list[str]] = {}
        self.kinds: dict[int, list[type[events.Event]]] = {}
        self._lock = threading.Lock()

    def listener(self, number: int) -> Callable[[events.Event], None]:
        places, kinds = self.places.setdefault(number, []), self.kinds.setdefault(number, [])

        def listen(event: events.Event) -> None:
            kinds.append(type(event))
            if isinstance(event, events.Preparing) and event.message.startswith("starting on "):
                places.append(event.message.removeprefix("starting on "))
            with self._lock:
                if isinstance(event, events.Started) and not self.killed:
                    self.killed = places[-1]
                    self.orphans = self.dask.kill(self.killed)

        return listen


def test_the_digests_of_local_runs_though_a_worker_is_killed_in_mid_run(
    blocks: Dataset, local_digests: list[str], tmp_path: Path
) -> None:
    with dask_cluster(tmp_path / "dask", "alpha", "beta") as dask:
        killer = KillTheFirst(dask)
        jobs = [
            submit(config, blocks, killer.listener(n), tmp_path / "runs", dask.address)
            for n, config in enumerate(CONFIGS.values())
        ]
        names = [job.result(MINUTES) for job in jobs]
        assert [digest(name, tmp_path / "runs") for name in names] == local_digests
        again = next(n for n, places in killer.places.items() if len(places) == 2)
        assert killer.places[again][0] == killer.killed
        assert {place for places in killer.places.values() for place in places} == {"alpha", "beta"}
        assert killer.kinds[again].count(events.Started) == 2
        assert all(kinds[-1] is events.Finished for kinds in killer.kinds.values())
        assert all(events.Progress in kinds for kinds in killer.kinds.values())
        until(lambda: not any(o.is_running() for o in killer.orphans), "the orphans' end")
        until(lambda: not dask.trainings(), "the last training's end")
    runs = list_runs(tmp_path / "runs")
    assert {run.id for run in runs} == set(names) == {p.name for p in (tmp_path / "runs").iterdir()}
    for run in runs:
        assert run.card["config"]["threads"] > 0
        for file in run.card["files"]:
            read_run_file(run, file)


def test_cancel_ends_a_running_and_a_waiting_training(
    dask: DaskProcesses, blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_SCHEDULER", dask.address)
    seen: list[events.Event] = []
    config = TrainingConfig("cnn", **LONG)
    first = submit(config, blocks, seen.append, tmp_path)
    until(lambda: any(isinstance(e, events.Progress) for e in seen), "the first step", job=first)
    assert (first.status, first.pid) == (JobStatus.RUNNING, None)
    others = [submit(config, blocks, runs=tmp_path) for _ in range(3)]
    for job in (first, *others):
        job.cancel()
    assert all(job.wait(30) for job in (first, *others))
    assert {job.status for job in (first, *others)} == {JobStatus.CANCELLED}
    with pytest.raises(TrainingError, match="cancelled"):
        first.result()
    until(lambda: not dask.trainings(), "the trainings' end")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_training_process_is_tried_again(
    dask: DaskProcesses, blocks: Dataset, local_digests: list[str], tmp_path: Path
) -> None:
    seen: list[events.Event] = []

    def listen(event: events.Event) -> None:
        seen.append(event)
        if [type(e) for e in seen].count(events.Started) == 1 and isinstance(event, events.Started):
            dask.trainings()[0].kill()

    job = submit(CONFIGS["mlp"], blocks, listen, tmp_path, dask.address)
    assert digest(job.result(MINUTES), tmp_path) == local_digests[0]
    assert [type(e) for e in seen].count(events.Started) == 2
    assert any("starting again" in e.message for e in seen if isinstance(e, events.Preparing))


def test_a_training_process_that_is_always_killed_is_reported(
    dask: DaskProcesses, blocks: Dataset, tmp_path: Path
) -> None:
    def listen(event: events.Event) -> None:
        if event == events.Preparing("loading TensorFlow"):  # its first words
            dask.trainings()[0].kill()

    job = submit(TrainingConfig("cnn", **LONG), blocks, listen, tmp_path, dask.address)
    with pytest.raises(TrainingError, match="killed, perhaps because memory ran out"):
        job.result(MINUTES)
    assert list(tmp_path.iterdir()) == []


def test_a_lost_scheduler_is_reported_and_its_trainings_end(
    blocks: Dataset, tmp_path: Path
) -> None:
    with dask_cluster(tmp_path / "dask", "alpha") as dask:
        seen: list[events.Event] = []
        config = TrainingConfig("cnn", **LONG)
        job = submit(config, blocks, seen.append, tmp_path / "runs", dask.address)
        until(lambda: any(isinstance(e, events.Started) for e in seen), "the start", job=job)
        trainings = dask.trainings()
        dask.kill_scheduler()
        with pytest.raises(TrainingError, match=r"connection to the Dask scheduler .* was lost"):
            job.result(MINUTES)
        until(lambda: not any(t.is_running() for t in trainings), "the training's end")
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_scheduler_that_was_stopped_is_reported_and_waited_for(
    dask: DaskProcesses,
    blocks: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(cluster_module, "SILENCE", 2)
    monkeypatch.setattr(cluster_module, "LOOK_INTERVAL", 1)
    seen: list[events.Event] = []

    def notices(text: str) -> list[int]:
        return [
            number
            for number, event in enumerate(seen)
            if isinstance(event, events.Preparing) and text in event.message
        ]

    job = submit(TrainingConfig("cnn", **LONG), blocks, seen.append, tmp_path, dask.address)
    until(lambda: any(isinstance(e, events.Progress) for e in seen), "the first step", job=job)
    with dask.stopped_scheduler():
        until(lambda: bool(notices("has not answered")), "the notice", job=job)
        assert dask.address in caplog.text, "the command line shows it too"
    until(lambda: bool(notices("answers again")), "the scheduler", job=job)
    until(lambda: isinstance(seen[-1], events.Progress), "more progress", job=job)
    with dask.stopped_scheduler():
        job.cancel()
        assert job.wait(30)
    assert job.status is JobStatus.CANCELLED
    until(lambda: not dask.trainings(), "the training's end")


def test_other_versions_on_the_workers_are_reported(
    dask: DaskProcesses, blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = versions() | {"tensorflow": "2.0"}
    monkeypatch.setattr(
        cluster_module, "Task", lambda config, run, topic: Task(config, run, topic, other)
    )
    job = submit(CONFIGS["mlp"], blocks, None, tmp_path, dask.address)
    with pytest.raises(TrainingError, match=r"has tensorflow .*; install .*: tensorflow==2\.0\."):
        job.result(MINUTES)


def test_a_server_without_tensorflow_can_use_workers_that_have_it() -> None:
    here = {"mnistlab": "1", "tensorflow": "none", "keras": "none"}
    assert mismatch(here, {"mnistlab": "1", "tensorflow": "2.21", "keras": "3.13"}, "w") == ""
    assert "mnistlab==1" in mismatch(here, {"mnistlab": "2", "keras": "3.13"}, "w")


def test_a_mismatch_names_what_differs() -> None:
    assert mismatch(versions(), versions(), "w") == ""
    assert "none" not in versions().values()
    text = mismatch({"mnistlab": "1", "keras": "3"}, {"keras": "3"}, "tcp://w:1")
    assert "tcp://w:1 has mnistlab none" in text
    assert "mnistlab==1" in text


def test_no_scheduler_there_is_reported_soon(
    blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT_TIMEOUT", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        for address in ("tcp://127.0.0.1:9", silent_address, "nonsense", "foo://x:1"):
            jobs = [submit(CONFIGS["mlp"], blocks, None, tmp_path, address) for _ in range(3)]
            for job in jobs:
                remedy = f"scheduler at {address} does not answer .*MNISTLAB_SCHEDULER"
                with pytest.raises(TrainingError, match=remedy):
                    job.result(30)


def test_without_distributed_the_remedy_is_named(
    blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r'pip install "mnistlab\[cluster\]"'):
        submit(CONFIGS["mlp"], blocks, None, tmp_path, "tcp://127.0.0.1:9")


def test_packed_data_is_unpacked_once_and_checked(blocks: Dataset, tmp_path: Path) -> None:
    data = pack(blocks)
    folder = unpack(data, tmp_path)
    marks = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert unpack(data, tmp_path) == folder
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == marks
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    there = open_folder(folder, verify=True)
    assert there.digest == blocks.digest
    np.testing.assert_array_equal(there.x_test, blocks.x_test)
    wrong = replace(blocks, digest="0" * 64)
    with pytest.raises(DataError, match="damaged on the way"):
        unpack(pack(wrong), tmp_path)


def test_a_file_damaged_on_the_way_back_is_refused(tmp_path: Path) -> None:
    last = events.Finished("mlp-1", 1.0, 1.0)
    for name in ("run.json", "../run.json"):
        with pytest.raises(TrainingError, match=r"run\.json of the run was damaged"):
            keep_run(Answer(last, {name: b"{}"}, {name: "0" * 64}), "mlp-1", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_visitors_own_images_travel_along(blocks: Dataset, tmp_path: Path) -> None:
    extra = blocks.with_extra(blocks.x_test[:4], blocks.y_test[:4])
    folder = unpack(pack(extra), tmp_path)
    assert folder != unpack(pack(blocks), tmp_path)
    np.testing.assert_array_equal(open_folder(folder).extra_images, blocks.x_test[:4])
