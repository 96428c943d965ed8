"""Training in this process and in workers."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from drivers.waiting import until
from mnistlab.data import Dataset, save_folder
from mnistlab.errors import ModelError, TrainingError
from mnistlab.jobs import JobStatus, submit
from mnistlab.models import TrainingConfig, find_run, list_runs, load_classifier, remove_run
from mnistlab.models.store import read_run_file
from mnistlab.training import events
from tests.trained import CONFIGS, Trained

pytestmark = pytest.mark.tensorflow

LONG: dict[str, Any] = {"epochs": 200, "batch_size": 8, "filters": 64}
MINUTES = 180  # seconds; generous, for a loaded machine


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended, reaped by its parent or not."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.fixture(params=list(CONFIGS))
def finished(request: pytest.FixtureRequest, trained: dict[str, Trained]) -> Trained:
    """Each of the two trainings."""
    return trained[request.param]


def test_a_job_sends_events_from_start_to_end(finished: Trained) -> None:
    job, seen = finished.job, finished.seen
    assert job.status is JobStatus.FINISHED
    kinds = [type(event) for event in seen]
    assert kinds[0] is events.Preparing
    assert kinds.count(events.EpochEnd) == 2
    assert kinds[-1] is events.Finished
    progress = [event for event in seen if isinstance(event, events.Progress)]
    assert [p.fraction for p in progress] == sorted(p.fraction for p in progress)
    assert progress[-1].fraction == 1


def test_the_run_folder_holds_the_model_and_its_story(finished: Trained, blocks: Dataset) -> None:
    run = finished.run
    names = {path.name for path in run.folder.iterdir()}
    assert names == {"run.json", "model.keras", "model.tflite", "history.csv", "predictions.npz"}
    assert all(read_run_file(run, name) for name in run.card["files"])
    assert run.card["config"] == finished.job.config.to_dict()
    assert run.card["data"]["digest"] == blocks.digest
    with (run.folder / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    # What the run remembers of the test set is what its model answers.
    with np.load(run.folder / "predictions.npz") as stored:
        answers = load_classifier(run.id, finished.runs).predict_proba(blocks.x_test)
        np.testing.assert_allclose(stored["test_proba"], answers, atol=1e-5)
        accuracy = float((answers.argmax(1) == stored["y_test"]).mean())
    last = finished.seen[-1]
    assert isinstance(last, events.Finished)
    assert last.test_accuracy == pytest.approx(accuracy)


def test_losses_leave_label_smoothing_out(finished: Trained) -> None:
    best = finished.run.card["best_epoch"]
    ends = [event for event in finished.seen if isinstance(event, events.EpochEnd)]
    with np.load(finished.run.folder / "predictions.npz") as stored:
        given = stored["val_proba"][np.arange(len(stored["y_val"])), stored["y_val"]]
    assert ends[best - 1].val_loss == pytest.approx(-np.log(given).mean(), rel=1e-3)


def test_the_blocks_are_learned(finished: Trained) -> None:
    losses = [event.loss for event in finished.seen if isinstance(event, events.EpochEnd)]
    assert losses[1] < losses[0]


def test_keras_and_litert_agree(
    trained: dict[str, Trained], blocks: Dataset, tmp_path: Path
) -> None:
    """In a process of its own: TensorFlow must not load in the one that runs the tests."""
    np.save(tmp_path / "images.npy", blocks.x_test)
    code = (
        "import sys, keras, numpy as np\n"
        "images = np.load('images.npy')\n"
        "for number, file in enumerate(sys.argv[1:]):\n"
        "    model = keras.models.load_model(file)\n"
        "    np.save(f'{number}.npy', model.predict(images, verbose=0))"
    )
    files = [str(each.run.folder / "model.keras") for each in trained.values()]
    subprocess.run([sys.executable, "-c", code, *files], check=True, cwd=tmp_path)
    for number, each in enumerate(trained.values()):
        logits = np.load(tmp_path / f"{number}.npy")
        powers = np.exp(logits - logits.max(1, keepdims=True))
        expected = powers / powers.sum(1, keepdims=True)
        answers = load_classifier(each.run.id, each.runs).predict_proba(blocks.x_test)
        np.testing.assert_allclose(answers, expected, atol=1e-4)


def test_a_damaged_run_is_listed_as_damaged_and_not_used(finished: Trained, tmp_path: Path) -> None:
    for name in ("flipped", "half"):
        shutil.copytree(finished.run.folder, tmp_path / name)
    model = tmp_path / "flipped" / "model.tflite"
    model.write_bytes(model.read_bytes()[:-1] + b"!")
    (tmp_path / "half" / "model.tflite").unlink()
    (tmp_path / "empty").mkdir()
    damage = {run.id: run.damage for run in list_runs(tmp_path)}
    assert damage["half"] == "model.tflite missing"
    assert "run.json cannot be read" in damage["empty"]
    for name in damage:
        with pytest.raises(ModelError, match=f"Run {name} is damaged .*models remove {name}"):
            read_run_file(find_run(name, tmp_path), "model.tflite")
    remove_run("half", tmp_path)
    assert {run.id for run in list_runs(tmp_path)} == {"flipped", "empty"}


def test_cancel_while_training(blocks: Dataset, tmp_path: Path) -> None:
    seen: list[events.Event] = []
    job = submit(TrainingConfig("cnn", **LONG), blocks, seen.append, tmp_path)
    until(lambda: any(isinstance(e, events.Progress) for e in seen), "the first step", job=job)
    assert job.pid is not None
    worker = psutil.Process(job.pid)
    job.cancel()
    assert job.wait(10)  # the two seconds are a benchmark's business
    assert job.status is JobStatus.CANCELLED
    assert gone(worker)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TrainingError, match="cancelled"):
        job.result()


def test_a_waiting_job_is_cancelled_without_ever_starting(blocks: Dataset, tmp_path: Path) -> None:
    first = submit(TrainingConfig("cnn", **LONG), blocks, runs=tmp_path)
    second = submit(TrainingConfig("mlp", **LONG), blocks, runs=tmp_path)
    second.cancel()
    assert second.wait(10)
    assert (second.status, second.pid) == (JobStatus.CANCELLED, None)
    first.cancel()
    assert first.wait(10)


def test_a_run_that_cannot_be_saved_is_told(blocks: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    job = submit(TrainingConfig("mlp"), blocks, runs=tmp_path / "file")
    with pytest.raises(TrainingError, match=r"could not be saved .* MNISTLAB_HOME"):
        job.result(MINUTES)


def test_no_worker_outlives_its_killed_parent(blocks: Dataset, tmp_path: Path) -> None:
    data = tmp_path / "data"
    save_folder(blocks, data)
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from mnistlab.data import open_folder\n"
        "from mnistlab.jobs import submit\nfrom mnistlab.models import TrainingConfig\n"
        "from mnistlab.training import events\n"
        "def emit(e):\n    if isinstance(e, events.Started): print(job.pid, flush=True)\n"
        "job = submit(TrainingConfig('cnn', epochs=200, batch_size=8, filters=64), "
        "open_folder(Path(sys.argv[1])), emit, Path(sys.argv[2]))\n"
        "time.sleep(600)"
    )
    arguments = [sys.executable, "-c", code, str(data), str(tmp_path / "runs")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        until(lambda: gone(worker), "the worker's end", 15)
    partial = tmp_path / "runs"
    assert not partial.exists() or list(partial.iterdir()) == []
