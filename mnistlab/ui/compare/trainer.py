"""Starts, follows and cancels training jobs; no widgets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from mnistlab.data.dataset import Dataset
from mnistlab.errors import ConfigError, MnistLabError
from mnistlab.images.collection import Collection
from mnistlab.jobs import Job
from mnistlab.models import TrainingConfig
from mnistlab.models.config import MODELS
from mnistlab.settings import my_digits_file
from mnistlab.texts import counted
from mnistlab.training import events
from mnistlab.training.presets import PRESETS
from mnistlab.ui.common.widgets import guard, log
from mnistlab.ui.compare.cost import CostEstimate
from mnistlab.ui.compare.state import CompareState, JobState, Key
from mnistlab.ui.state import AppState

MAX_SEEDS = 10
# Twenty jobs on a cluster send a hundred events a second, more than a page can show.
_SECONDS_BETWEEN = 0.15


class Trainer:
    """The verbs of Train. Jobs call back in threads of their own.

    Parameters
    ----------
    submit_job : `mnistlab.jobs.submit`, or a test's replacement
    on_done : called, under the app's lock, with the ids of the finished runs when all jobs are over
    measure_cost : whether to measure how fast this machine trains, in `cost.calibrate`
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
        check = guard(app, lambda *_: self.check())
        self.cost = CostEstimate(state.dataset, measure_cost, check)
        state.observe(check, ["models", "preset", "settings", "seed", "seeds"])

    def configs(self) -> list[TrainingConfig]:
        """Return one configuration for each model and seed; raise `ConfigError` if there is none.

        Seed by seed, so that the first pair to compare is ready early.
        """
        state = self._state
        if not state.models:
            raise ConfigError("No model is chosen; tick MLP, CNN, or both.")
        first, count = state.seed, state.seeds
        if not isinstance(count, int) or not 1 <= count <= MAX_SEEDS:
            raise ConfigError(f"seeds is {count!r}; give a whole number from 1 to {MAX_SEEDS}.")
        chosen = [model for model in MODELS if model in state.models]
        if state.preset:
            base = [PRESETS[state.preset].configs[model] for model in chosen]
        else:
            base = [TrainingConfig(model=model, **state.settings) for model in chosen]
        return [
            replace(config, seed=first + i if i else first) for i in range(count) for config in base
        ]

    def check(self) -> None:
        """Set `problem` and `cost` of the state for the settings as they are."""
        try:
            cost, problem = self.cost.text(self.configs()), ""
        except ConfigError as error:
            cost, problem = "", str(error)
        self._state.cost, self._state.problem = cost, problem

    def start(self) -> None:
        """Train the chosen models with each seed."""
        if self._state.is_training:
            return
        configs, dataset = self.configs(), self._state.dataset
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

    def wait(self, timeout: float = 60.0) -> None:
        """Block until all jobs are over."""
        for job in self._started:
            job.wait(timeout)

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
        jobs = self._latest.values()
        self._state.is_training = False
        self.cost.learn(jobs)
        self.check()
        done = [job.run_id for job in jobs if job.run_id]
        if done and not any(job.failure for job in jobs):
            self._app.say(f"Trained {counted(len(done), 'run')}. Evaluating …", "busy")
        elif not any(job.failure for job in jobs):
            self._app.say("Training cancelled; nothing was kept.")
        self._on_done(done)
