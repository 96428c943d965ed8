"""What training tells and remembers while Keras is busy: progress, the best epoch, a stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import TrainingError
from mnistlab.models.config import TrainingConfig
from mnistlab.training.events import EpochEnd, Event, Progress

EVENT_INTERVAL = 0.2  # seconds; above a few updates a second a page only falls behind

Logs = Mapping[str, float]


class Reporter:
    """Turns Keras's callbacks into events, stops when asked and keeps the best weights.

    Parameters
    ----------
    model : the `keras.Model` in training
    steps : steps per epoch
    validated : images in the validation part
    tell : takes `Progress` and `EpochEnd`
    stop : asked after every step
    """

    def __init__(
        self,
        model: Any,
        config: TrainingConfig,
        steps: int,
        validated: int,
        tell: Callable[[Event], None],
        stop: Callable[[], bool],
    ) -> None:
        self.stopped = False
        self.history: list[EpochEnd] = []
        self.best_weights: list[NDArray[np.float32]] = []
        self.best_epoch = 0
        self._best_accuracy = 0.0
        self._validated = validated
        self._model = model
        self._config = config
        self._steps = steps
        self._tell = tell
        self._stop = stop
        self._started = time.perf_counter()
        self._told = 0.0

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """The arguments of a `keras.callbacks.LambdaCallback`."""
        return {
            "on_train_batch_end": self._after_step,
            "on_test_batch_end": lambda batch, logs: self._stop_if_asked(),
            "on_epoch_end": self._after_epoch,
        }

    def _stop_if_asked(self) -> None:
        if self._stop():
            # Keras still validates after a stop unless told otherwise.
            self.stopped = self._model.stop_training = self._model.stop_evaluating = True

    def _after_step(self, batch: int, logs: Logs) -> None:
        self._stop_if_asked()
        now = time.perf_counter()
        if now - self._told >= EVENT_INTERVAL or batch + 1 == self._steps:
            self._told = now
            self._tell(self._progress(batch + 1, now - self._started, logs))

    def _progress(self, step: int, seconds: float, logs: Logs) -> Progress:
        if not np.isfinite(logs["loss"]):
            raise TrainingError(
                "The loss is no longer a number; try a smaller learning rate "
                f"than {self._config.learning_rate:g}."
            )
        done = (len(self.history) + step / self._steps) / self._config.epochs
        return Progress(
            epoch=len(self.history) + 1,
            epochs=self._config.epochs,
            step=step,
            steps=self._steps,
            loss=float(logs["loss"]),
            accuracy=float(logs["accuracy"]),
            seconds=seconds,
            seconds_left=seconds * (1 - done) / done,
        )

    def _after_epoch(self, epoch: int, logs: Logs) -> None:
        if self.stopped:
            return
        event = EpochEnd(
            epoch=epoch + 1,
            epochs=self._config.epochs,
            loss=float(logs["loss"]),
            accuracy=float(logs["accuracy"]),
            val_loss=float(logs["val_loss"]),
            val_accuracy=float(logs["val_accuracy"]),
            seconds=time.perf_counter() - self._started,
        )
        self.history.append(event)
        self._best_accuracy = max(self._best_accuracy, event.val_accuracy)
        if event.val_accuracy >= self._best_accuracy - self._standard_error():
            self.best_epoch, self.best_weights = event.epoch, self._model.get_weights()
        self._tell(event)

    def _standard_error(self) -> float:
        # Within it, accuracies are the same but for chance; then the later epoch is the better
        # bet, for its learning rate is lower.
        p = self._best_accuracy
        return float(np.sqrt(p * (1 - p) / self._validated))
