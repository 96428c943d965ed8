"""How long the configured training takes on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mnistlab.data.dataset import Dataset
from mnistlab.jobs.cost import Cost, duration_text, load_cost, start_calibration
from mnistlab.models.config import TrainingConfig
from mnistlab.ui.compare.state import JobState


class CostEstimate:
    """An estimate from a calibration and from the runs since then.

    Parameters
    ----------
    is_wanted : whether to calibrate if this machine was never calibrated
    on_change : called, in the thread of the calibration, when there is an estimate
    """

    def __init__(self, dataset: Dataset, is_wanted: bool, on_change: Callable[[], None]) -> None:
        self._dataset, self._on_change = dataset, on_change
        self._cost = load_cost()
        self._is_wanted = is_wanted and self._cost is None
        self._why_not = "Measuring how fast this machine trains …" * self._is_wanted

    def start(self) -> None:
        """Calibrate, if that is wanted and not done yet."""
        if self._is_wanted:
            self._is_wanted = False
            start_calibration(self._dataset, self._on_cost)

    def text(self, configs: Sequence[TrainingConfig]) -> str:
        """Return the estimate for some runs as a sentence, or why there is none."""
        if self._cost is None:
            return self._why_not
        n = len(self._dataset.x_train)
        seconds = sum(self._cost.seconds(config, n) for config in configs)
        runs = f" for {len(configs)} runs" if len(configs) > 1 else ""
        return f"Training time on this machine: {duration_text(seconds)}{runs}."

    def learn(self, jobs: Iterable[JobState]) -> None:
        """Correct the estimate by the time that finished jobs took."""
        for job in jobs:
            if self._cost is not None and job.run_id:
                n = len(self._dataset.x_train)
                self._cost = self._cost.learned(job.config, n, job.seconds)
                self._cost.save()

    def _on_cost(self, cost: Cost | None, problem: str) -> None:
        self._cost, self._why_not = cost, problem
        self._on_change()
