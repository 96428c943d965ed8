"""Train & Compare without a browser or a worker: the test says what a job reports."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from mnistlab.data import Dataset
from mnistlab.jobs import Job
from mnistlab.models import TrainingConfig
from mnistlab.models.store import PRETRAINED_FOLDER
from mnistlab.study.evaluation import time_models
from mnistlab.training import events
from mnistlab.ui.compare import CompareTab, results
from mnistlab.ui.state import AppState

SaveRun = Callable[..., str]  # the name of a run, how it is made, and the run's id


class FakeJob:
    """Stands where a worker would."""

    dataset: Dataset

    def __init__(self, config: TrainingConfig, tell: Callable[[events.Event], None]) -> None:
        self.config, self.tell, self.is_over = config, tell, False

    def cancel(self) -> None:
        if not self.is_over:
            self.end(events.Cancelled())

    def end(self, event: events.Event) -> None:
        self.is_over = True
        self.tell(event)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, with no runs in it."""
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def jobs() -> list[FakeJob]:
    return []


@pytest.fixture
def tab(
    home: Path,
    digits: Dataset,
    jobs: list[FakeJob],
    with_tensorflow: None,
    monkeypatch: pytest.MonkeyPatch,
) -> CompareTab:
    # Each tab times its models when it opens; a few predictions are enough here.
    monkeypatch.setattr(results, "time_models", partial(time_models, latency_runs=5))

    def submit(config: TrainingConfig, dataset: Dataset, tell: Callable[..., None]) -> Job:
        jobs.append(FakeJob(config, tell))
        jobs[-1].dataset = dataset
        return cast(Job, jobs[-1])

    tab = CompareTab(AppState(dataset=digits), submit, measure_cost=False)
    tab.wait()
    return tab


@pytest.fixture
def save_run(home: Path, digits: Dataset) -> SaveRun:
    """Makes a run folder as a finished training leaves it; some answers are made wrong."""

    def save(name: str, model: str = "mlp", wrong: int = 0, **config: Any) -> str:
        import hashlib

        folder = home / "runs" / name
        folder.mkdir(parents=True)
        (folder / "model.tflite").write_bytes((PRETRAINED_FOLDER / f"{model}.tflite").read_bytes())
        (folder / "model.keras").write_bytes(b"a Keras archive")
        (folder / "history.csv").write_text(
            "epoch,loss,accuracy,val_loss,val_accuracy,seconds\n1,0.5,0.8,0.4,0.85,1\n"
        )
        y = np.array(digits.y_test)
        answers = np.where(np.arange(len(y)) < wrong, (y + 1) % 10, y)
        proba = np.full((len(y), 10), 0.01, np.float32)
        proba[np.arange(len(y)), answers] = 0.91
        np.savez(
            folder / "predictions.npz", y_val=y[:50], val_proba=proba[:50], y_test=y,
            test_proba=proba,
        )  # fmt: skip
        settings = TrainingConfig(model, **config)
        files = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
        }
        card = {
            "name": name,
            "title": f"{settings.title} {name[-4:]}",
            "architecture": model,
            "config": settings.to_dict(),
            "seed": settings.seed,
            "data": {"name": digits.name, "digest": digits.digest},
            "parameters": 1234,
            "training_seconds": 12.5,
            "test_accuracy": float((answers == y).mean()),
            "file_size": 1000,
            "created": f"2026-11-22T10:00:{len(list((home / 'runs').iterdir())):02d}",
            "files": files,
        }
        (folder / "run.json").write_text(json.dumps(card))
        return name

    return save
