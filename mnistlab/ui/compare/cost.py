"""What the training that is set up will take on this machine, from a short calibration."""

from __future__ import annotations

from collections.abc import Sequence

from mnistlab.errors import ConfigError
from mnistlab.jobs.cost import Cost, duration_text, load_cost, start_calibration
from mnistlab.models.config import TrainingConfig
from mnistlab.ui.common.widgets import guard
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.compare.training import Training
from mnistlab.ui.state import AppState

_TRAITS = ["models", "preset", "settings", "seed", "seeds", "is_training"]


class CostNote:
    """Keeps `state.cost` true to the settings."""

    def __init__(
        self, app: AppState, state: CompareState, training: Training, measure: bool
    ) -> None:
        self._app, self._state, self._training = app, state, training
        self._cost: Cost | None = load_cost()
        self._wanted = measure and self._cost is None
        self._why_not = "Measuring how fast this machine trains …" if self._wanted else ""
        state.observe(guard(app, lambda _: self.refresh()), _TRAITS)
        state.observe(guard(app, lambda _: self._learn()), ["is_training"])
        self.refresh()

    def start(self) -> None:
        """Calibrate, if that is wanted and nothing is known of this machine yet."""
        if self._wanted:
            self._wanted = False
            start_calibration(self._app.dataset, self._on_cost)

    def refresh(self) -> None:
        """Say what the settings as they stand will take."""
        try:
            configs = self._training.configs()
        except ConfigError:
            self._state.cost = ""  # the reason stands beside the button already
            return
        if self._cost is None:
            self._state.cost = self._why_not
            return
        n = len(self._app.dataset.x_train)
        seconds = sum(self._cost.seconds(config, n) for config in configs)
        self._state.cost = f"On this machine: {duration_text(seconds)}{_for(configs)}."

    def _on_cost(self, cost: Cost | None, problem: str) -> None:
        with self._app.lock:
            self._cost, self._why_not = cost, problem
            self.refresh()

    def _learn(self) -> None:
        """Correct the estimate by what the finished runs really took."""
        if self._state.is_training or self._cost is None:
            return
        for run in self._state.runs.values():
            if run.run_id:
                n = len(self._app.dataset.x_train)
                self._cost = self._cost.learned(run.config, n, run.seconds)
                self._cost.save()


def _for(configs: Sequence[TrainingConfig]) -> str:
    return f" for {len(configs)} trainings" if len(configs) > 1 else ""
