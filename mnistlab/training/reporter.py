"""Progress of a training, its best epoch, and its early stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import TrainingError
from mnistlab.models.config import TrainingConfig
from mnistlab.training.compiling import CROSS_ENTROPY
from mnistlab.training.events import EpochEnd, Event, Progress

_EVENT_INTERVAL = 0.2  # seconds; with more than a few updates a second a page falls behind

Logs = Mapping[str, float]


@dataclass
class Reporter:
    """Turns Keras's callbacks into events, stops when asked and keeps the best weights."""

    model: Any
    """The `keras.Model` in training."""
    config: TrainingConfig
    steps: int
    """Steps per epoch."""
    validated: int
    """Number of images in the validation part."""
    emit: Callable[[Event], None]
    """Called with `Progress` and `EpochEnd`."""
    stop: Callable[[], bool]
    """Asked after every step."""
    stopped: bool = False
    history: list[EpochEnd] = field(default_factory=list)
    best_weights: list[NDArray[np.float32]] = field(default_factory=list)
    best_epoch: int = 0
    _best_accuracy: float = 0.0
    _started: float = field(default_factory=time.perf_counter)
    _emitted: float = 0.0

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """Return the arguments of a `keras.callbacks.LambdaCallback`."""
        return {
            "on_train_batch_end": self._after_step,
            "on_test_batch_end": lambda batch, logs: self._stop_if_asked(),
            "on_epoch_end": self._after_epoch,
        }

    def _stop_if_asked(self) -> None:
        if self.stop():
            # Keras would still validate after `stop_training`.
            self.stopped = self.model.stop_training = self.model.stop_evaluating = True

    def _after_step(self, batch: int, logs: Logs) -> None:
        self._stop_if_asked()
        now = time.perf_counter()
        if now - self._emitted >= _EVENT_INTERVAL or batch + 1 == self.steps:
            self._emitted = now
            self.emit(self._progress(batch + 1, now - self._started, logs))

    def _progress(self, step: int, seconds: float, logs: Logs) -> Progress:
        if not np.isfinite(logs["loss"]):
            raise TrainingError(
                "The loss is no longer a number; try a smaller learning rate "
                f"than {self.config.learning_rate:g}."
            )
        done = (len(self.history) + step / self.steps) / self.config.epochs
        return Progress(
            epoch=len(self.history) + 1,
            epochs=self.config.epochs,
            step=step,
            steps=self.steps,
            loss=_loss(logs),
            accuracy=float(logs["accuracy"]),
            seconds=seconds,
            seconds_left=seconds * (1 - done) / done,
        )

    def _after_epoch(self, epoch: int, logs: Logs) -> None:
        if self.stopped:
            return
        means = {"loss": _loss(logs), "val_loss": _loss(logs, "val_")}
        means |= {name: float(logs[name]) for name in ("accuracy", "val_accuracy")}
        seconds = time.perf_counter() - self._started
        event = EpochEnd(epoch + 1, self.config.epochs, **means, seconds=seconds)
        self.history.append(event)
        # Within one standard error, accuracies differ by chance only; then the later epoch is
        # preferred, because its learning rate is lower.
        p = self._best_accuracy = max(self._best_accuracy, event.val_accuracy)
        if event.val_accuracy >= p - float(np.sqrt(p * (1 - p) / self.validated)):
            self.best_epoch, self.best_weights = event.epoch, self.model.get_weights()
        self.emit(event)


def _loss(logs: Logs, prefix: str = "") -> float:
    """Return the loss without label smoothing."""
    return float(logs.get(prefix + CROSS_ENTROPY, logs[f"{prefix}loss"]))
