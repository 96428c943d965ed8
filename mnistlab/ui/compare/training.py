"""Starts trainings, follows them, and cancels them; no widgets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from mnistlab.data.dataset import Dataset
from mnistlab.errors import ConfigError, MnistLabError
from mnistlab.jobs import Job
from mnistlab.models import TrainingConfig
from mnistlab.models.config import MODELS
from mnistlab.training import events
from mnistlab.training.presets import PRESETS
from mnistlab.ui.common.widgets import guard, log
from mnistlab.ui.compare.state import CompareState, Key, RunState
from mnistlab.ui.state import AppState

MAX_SEEDS = 10
# Twenty trainings on a cluster speak a hundred times a second; a page that shows each word falls
# behind.
_SECONDS_BETWEEN = 0.15


class Training:
    """The verbs of Configure and Run. Jobs call back in threads of their own.

    Parameters
    ----------
    submit_job : `mnistlab.models.submit`, or a test's stand-in
    dataset : gives what is trained on when a training starts
    on_done : called, under the app's lock, with the ids of the finished runs when all are over
    """

    def __init__(
        self,
        app: AppState,
        state: CompareState,
        submit_job: Callable[..., Job],
        dataset: Callable[[], Dataset],
        on_done: Callable[[Sequence[str]], None],
    ) -> None:
        self._app, self._state = app, state
        self._submit, self._dataset, self._on_done = submit_job, dataset, on_done
        self._jobs: list[Job] = []
        self._latest: dict[Key, RunState] = {}
        self._shown_at = 0.0

    def configs(self) -> list[TrainingConfig]:
        """The settings as they stand, one for each model and seed; `ConfigError` if they can't be.

        Seed by seed, so that the first pair to compare is there early.
        """
        state = self._state
        if not state.models:
            raise ConfigError("No model is chosen; tick MLP, CNN, or both.")
        first, count = state.seed, state.seeds
        if not isinstance(count, int) or not 1 <= count <= MAX_SEEDS:
            raise ConfigError(f"seeds is {count!r}; give a whole number from 1 to {MAX_SEEDS}.")
        base = [self._config(model) for model in MODELS if model in state.models]
        return [
            replace(config, seed=first + i if i else first) for i in range(count) for config in base
        ]

    def _config(self, model: str) -> TrainingConfig:
        if self._state.preset:
            return PRESETS[self._state.preset].configs[model]
        return TrainingConfig(model=model, **self._state.settings)

    def start(self) -> None:
        """Train the chosen models with each seed."""
        if self._state.is_training:
            return
        configs, dataset = self.configs(), self._dataset()
        # Under the lock, because events may arrive before the last job is submitted.
        with self._app.lock:
            self._latest = {(c.model, c.seed): RunState(c) for c in configs}
            self._state.runs = dict(self._latest)
            self._state.is_training = True
            self._app.say("Training runs in the background. You can keep using the page.", "busy")
            started = [self._start_one(config, dataset) for config in configs]
            self._jobs = [job for job in started if job is not None]

    def cancel(self) -> None:
        """Stop all running and waiting jobs; what is trained already stays."""
        self._app.say("Cancelling …", "busy")
        for job in self._jobs:
            guard(self._app, job.cancel)()  # one that fails must not keep the others going

    def wait(self, timeout: float = 60.0) -> None:
        """Block until all jobs are over."""
        for job in self._jobs:
            job.wait(timeout)

    def _start_one(self, config: TrainingConfig, dataset: Dataset) -> Job | None:
        """The job, or None where it could not be started; its run has then failed like any other.

        The others go on, and the training as a whole ends with the last of them.
        """
        listen = self._listener((config.model, config.seed))
        try:
            return self._submit(config, dataset, listen)
        except MnistLabError as error:
            failed = events.Failed(str(error))
        except Exception as error:
            log.exception("a training could not be started")
            failed = events.Failed(f"The training could not be started ({error}); see the log.")
        listen(failed)
        return None

    def _listener(self, key: Key) -> Callable[[events.Event], None]:
        def listen(event: events.Event) -> None:
            run = self._latest[key] = self._latest[key].after(event)
            now = time.monotonic()
            if not isinstance(event, events.Progress) or now - self._shown_at >= _SECONDS_BETWEEN:
                self._shown_at = now
                self._state.runs = dict(self._latest)
            if run.failure and isinstance(event, events.Failed):
                self._app.say(f"{run.config.title}: {run.failure}", "error")
            if run.is_over and all(run.is_over for run in self._latest.values()):
                self._finish()

        # Guarded like a widget's handler: what fails here must reach the status line as well.
        return guard(self._app, listen)

    def _finish(self) -> None:
        self._state.is_training = False
        runs = self._latest.values()
        done = [run.run_id for run in runs if run.run_id]
        failed = [run for run in runs if run.failure]
        if done and not failed:
            what = "1 run is" if len(done) == 1 else f"{len(done)} runs are"
            self._app.say(f"{what} trained; measuring …", "busy")
        elif not failed:
            self._app.say("Training cancelled; nothing was kept.")
        self._on_done(done)
