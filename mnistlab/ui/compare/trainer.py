"""Starts, follows and cancels training jobs, and says how long they take; no widgets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from mnistlab.data.dataset import Dataset
from mnistlab.errors import ConfigError, MnistLabError
from mnistlab.images.collection import Collection
from mnistlab.jobs import Job
from mnistlab.jobs.cost import calibrate, duration_text, load_cost
from mnistlab.models.config import TrainingConfig
from mnistlab.settings import my_digits_file
from mnistlab.texts import counted
from mnistlab.training import events
from mnistlab.training.loop import has_tensorflow
from mnistlab.training.presets import PRESETS
from mnistlab.ui.common.widgets import guard, log
from mnistlab.ui.compare.state import CompareState, JobState, Key
from mnistlab.ui.state import AppState

# Twenty jobs on a cluster send a hundred events a second, more than a page can show.
_SECONDS_BETWEEN = 0.15
_MEASURING = (
    "Measuring how fast this machine trains, to say how long a training takes. This needs about "
    "half a minute, longer on a busy machine. You can train meanwhile."
)
_MEASURED_LATER = "How fast this machine trains is measured after this training."


class Trainer:
    """The verbs of Train. Jobs call back in threads of their own.

    Parameters
    ----------
    submit_job : as `mnistlab.jobs.submit`
    on_done : called, under the app's lock, with the ids of the finished runs when all jobs are over
    measure_cost : whether `calibrate` may measure how fast this machine trains
    """

    def __init__(
        self,
        app: AppState,
        state: CompareState,
        submit_job: Callable[..., Job],
        on_done: Callable[[Sequence[str]], None],
        measure_cost: bool,
    ) -> None:
        self._app, self._state = app, state
        self._submit, self._on_done = submit_job, on_done
        self._started: list[Job] = []
        self._latest: dict[Key, JobState] = {}
        self._shown_at = 0.0
        self._cost = load_cost()
        self._may_calibrate = measure_cost and self._cost is None and has_tensorflow()
        self._why_no_cost = _MEASURING if self._may_calibrate else ""
        state.observe(guard(app, lambda _: self._show_cost()), ["configs", "is_training"])
        self._show_cost()

    def start(self) -> None:
        """Train the chosen models with each seed."""
        if self._state.is_training:
            return
        if self._state.problem:  # a click may overtake the news that the button is disabled
            raise ConfigError(self._state.problem)
        configs, dataset = self._state.configs, self._state.dataset
        if self._state.my_digits:
            dataset = dataset.with_extra(*Collection(my_digits_file()).as_dataset())
        # Under the lock, because events may arrive before the last job is submitted.
        with self._app.lock:
            self._latest = {(c.model, c.seed): JobState(c) for c in configs}
            self._state.jobs = dict(self._latest)
            self._state.is_training = True
            self._app.say("Training runs in the background. You can keep using the page.", "busy")
            started = [self._start_one(config, dataset) for config in configs]
            self._started = [job for job in started if job is not None]

    def cancel(self) -> None:
        """Stop all running and waiting jobs. Finished runs are kept."""
        self._app.say("Cancelling …", "busy")
        for job in self._started:
            guard(self._app, job.cancel)()  # if one fails, the others are cancelled all the same

    # Jobs

    def _start_one(self, config: TrainingConfig, dataset: Dataset) -> Job | None:
        """Return the job, or None if it could not be started and has failed like any other."""
        listen = guard(self._app, partial(self._on_event, (config.model, config.seed)))
        try:
            return self._submit(config, dataset, listen)
        except MnistLabError as error:
            listen(events.Failed(str(error)))
        except Exception as error:
            log.exception("a training job could not be started")
            listen(events.Failed(f"Training could not be started ({error}); see the log."))
        return None

    def _on_event(self, key: Key, event: events.Event) -> None:
        job = self._latest[key] = self._latest[key].after(event)
        now = time.monotonic()
        if not isinstance(event, events.Progress) or now - self._shown_at >= _SECONDS_BETWEEN:
            self._shown_at = now
            self._state.jobs = dict(self._latest)
        if isinstance(event, events.Failed):
            self._app.say(f"{job.config.title}: {job.failure}", "error")
        if job.is_over and all(job.is_over for job in self._latest.values()):
            self._finish()

    def _finish(self) -> None:
        self._state.is_training = False
        done = [job for job in self._latest.values() if job.run_id]
        self._learn(done)
        if not any(job.failure for job in self._latest.values()):
            if done:
                self._app.say(f"Trained {counted(len(done), 'run')}. Evaluating …", "busy")
            else:
                self._app.say("Training cancelled; nothing was kept.")
        self._on_done([job.run_id for job in done])

    # The time that training takes

    def calibrate(self) -> None:
        """Measure how fast this machine trains, if that may be done and was never done.

        Blocks for half a minute.
        """
        if not self._may_calibrate:
            return
        self._may_calibrate = False
        try:
            self._cost = calibrate(self._state.dataset)
        except MnistLabError as error:
            self._why_no_cost = str(error)
        except Exception as error:  # a missing estimate must not disturb the page
            log.warning("calibration failed", exc_info=True)
            self._why_no_cost = f"The training time could not be estimated ({error})."
        guard(self._app, self._show_cost)()

    def _show_cost(self) -> None:
        if self._cost is not None:
            self._state.preset_costs = {
                name: duration_text(self._seconds(list(preset.configs.values())))
                for name, preset in PRESETS.items()
            }
        configs = self._state.configs
        if self._cost is None or not configs:
            # A training that begins before the measuring keeps it waiting.
            waits = self._may_calibrate and self._state.is_training
            reason = _MEASURED_LATER if waits else self._why_no_cost
            self._state.cost = reason if configs else ""
            return
        seconds = self._seconds(configs)
        runs = f" for {len(configs)} runs" if len(configs) > 1 else ""
        self._state.cost = f"Training time on this machine: {duration_text(seconds)}{runs}."

    def _seconds(self, configs: Sequence[TrainingConfig]) -> float:
        """How long these trainings take, one after the other."""
        assert self._cost is not None
        n = len(self._state.dataset.x_train)
        return sum(self._cost.seconds(config, n) for config in configs)

    def _learn(self, finished: Sequence[JobState]) -> None:
        """Correct the estimate by the time that jobs took."""
        for job in finished:
            if self._cost is not None:
                n = len(self._state.dataset.x_train)
                self._cost = self._cost.learned(job.config, n, job.seconds)
                self._cost.save()
        self._show_cost()
