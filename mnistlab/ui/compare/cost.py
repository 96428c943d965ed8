"""How long the configured training takes on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mnistlab.data.dataset import Dataset
from mnistlab.errors import MnistLabError
from mnistlab.jobs.cost import calibrate, duration_text, load_cost
from mnistlab.models.config import TrainingConfig
from mnistlab.ui.common.widgets import log
from mnistlab.ui.compare.state import JobState


class CostEstimate:
    """An estimate from a calibration and from the runs since then.

    Parameters
    ----------
    is_wanted : whether to calibrate if this machine was never calibrated
    on_change : called when the calibration is over
    """

    def __init__(self, dataset: Dataset, is_wanted: bool, on_change: Callable[[], None]) -> None:
        self._dataset, self._on_change = dataset, on_change
        self._cost = load_cost()
        self._is_wanted = is_wanted and self._cost is None
        self._why_not = "Measuring how fast this machine trains …" * self._is_wanted

    def calibrate(self) -> None:
        """Calibrate, if that is wanted and not done yet; blocks for half a minute."""
        if not self._is_wanted:
            return
        self._is_wanted = False
        try:
            self._cost = calibrate(self._dataset)
        except MnistLabError as error:
            self._why_not = str(error)
        except Exception as error:  # a missing estimate must not disturb the page
            log.warning("calibration failed", exc_info=True)
            self._why_not = f"The training time could not be estimated ({error})."
        self._on_change()

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
