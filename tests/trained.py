"""An MLP and a CNN, trained once for all tests that look at a finished training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mnistlab.data import Dataset
from mnistlab.jobs import Job, submit
from mnistlab.models import TrainingConfig, find_run
from mnistlab.models.store import Run
from mnistlab.training import events

# The MLP has features of 10 beside logits of 10: they are told apart by their names alone.
QUICK: dict[str, Any] = {
    "epochs": 2,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "filters": 4,
    "units": 20,
}
CONFIGS = {
    "mlp": TrainingConfig("mlp", augmentation="light", noise=0.2, seed=4, **QUICK),
    "cnn": TrainingConfig(
        "cnn", augmentation="light", seed=5, label_smoothing=0.05, plain_epochs=1, **QUICK
    ),
}
SECONDS = 240  # generous, for a loaded machine


@dataclass(frozen=True)
class Trained:
    """A finished training, and all that it reported."""

    job: Job
    seen: list[events.Event]
    runs: Path

    @property
    def run(self) -> Run:
        return find_run(self.job.id, self.runs)


@pytest.fixture(scope="session")
def trained(blocks: Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    """By the model's name."""
    runs, found = tmp_path_factory.mktemp("trained"), {}
    for model, config in CONFIGS.items():
        seen: list[events.Event] = []
        found[model] = Trained(submit(config, blocks, seen.append, runs), seen, runs)
    for each in found.values():
        each.job.result(SECONDS)
    return found
