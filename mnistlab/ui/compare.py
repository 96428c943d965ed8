"""The Train & Compare tab: settings, live runs, and the table that compares."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from mnistlab.errors import ConfigError, MnistLabError
from mnistlab.metrics.comparison import compare_predictions
from mnistlab.metrics.evaluation import evaluate
from mnistlab.models import Job, TrainingConfig, events, list_runs, load_classifier, submit
from mnistlab.models.config import AUGMENTATIONS, MODELS, TITLES
from mnistlab.models.store import PRETRAINED
from mnistlab.ui import compare_html as html
from mnistlab.ui.components import button, classed, guard, heading, log
from mnistlab.ui.state import AppState, CompareState, RunState


class CompareController:
    """The tab's verbs. Jobs and evaluations run in threads and only set state."""

    def __init__(
        self, app: AppState, state: CompareState, submit_job: Callable[..., Job] = submit
    ) -> None:
        self.app = app
        self.state = state
        self._submit = submit_job
        self._jobs: list[Job] = []
        self._evaluating: threading.Thread | None = None

    def configs(self) -> list[TrainingConfig]:
        """The settings as they stand, one for each chosen model; `ConfigError` if they can't be."""
        if not self.state.models:
            raise ConfigError("No model is chosen; tick MLP, CNN, or both.")
        return [
            TrainingConfig(model=model, **self.state.settings)
            for model in MODELS
            if model in self.state.models
        ]

    def start_training(self) -> None:
        """Train the chosen models, one after the other."""
        if self.state.is_training:
            return
        configs = self.configs()
        # Under the lock, because events may arrive before the last job is submitted.
        with self.app.lock:
            self.state.runs = {config.model: RunState(config) for config in configs}
            self.state.is_training = True
            self.app.say("Training runs in the background; the page stays yours.", "busy")
            self._jobs = [
                self._submit(config, self.app.dataset, self._listener(config.model))
                for config in configs
            ]

    def cancel(self) -> None:
        """Stop all running and waiting jobs; what is trained already stays."""
        self.app.say("Cancelling …", "busy")
        for job in self._jobs:
            job.cancel()

    def evaluate_models(self, names: tuple[str, ...]) -> None:
        """Score and time models that have no figures yet, in a thread; the last two are paired."""
        thread = threading.Thread(target=self._evaluate, args=(names,), daemon=True)
        thread.start()
        self._evaluating = thread

    def model_names(self) -> tuple[str, ...]:
        """The runs on this dataset, oldest first, and the pretrained pair."""
        digest = self.app.dataset.digest
        runs = [run.id for run in list_runs() if run.card.get("data", {}).get("digest") == digest]
        return (*runs, *PRETRAINED)

    def wait(self, timeout: float = 60.0) -> None:
        """Block until jobs and evaluations are over."""
        for job in self._jobs:
            job.wait(timeout)
        if self._evaluating is not None:
            self._evaluating.join(timeout)

    def _listener(self, model: str) -> Callable[[events.Event], None]:
        def listen(event: events.Event) -> None:
            with self.app.lock:
                run = self.state.runs[model].after(event)
                self.state.runs = {**self.state.runs, model: run}
                if run.failure:
                    self.app.say(f"{TITLES[model]}: {run.failure}", "error")
                if all(run.is_over for run in self.state.runs.values()):
                    self._finish()

        return listen

    def _finish(self) -> None:
        self.state.is_training = False
        runs = self.state.runs.values()
        done = [run for run in runs if run.run_id]
        if done:
            titles = " and ".join(run.config.title for run in done)
            self.app.say(f"{titles} trained; measuring …", "busy")
            self.evaluate_models(tuple(run.run_id for run in done))
        elif not any(run.failure for run in runs):
            self.app.say("Training cancelled; nothing was kept.")

    def _evaluate(self, names: tuple[str, ...]) -> None:
        data = self.app.dataset
        for name in names:
            try:
                evaluation = evaluate(load_classifier(name), data.x_test, data.y_test)
            except MnistLabError as error:
                self.app.say(str(error), "error")
                continue
            except Exception as error:  # a thread's failure must reach the status line as well
                log.exception("evaluation of %s failed", name)
                self.app.say(f"{name} could not be measured ({error}); see the log.", "error")
                continue
            with self.app.lock:
                self.state.evaluations = {**self.state.evaluations, name: evaluation}
        with self.app.lock:
            self._pair_up(names)
            if self.app.status_kind == "busy" and not self.state.is_training:
                self.app.say("Ready.")

    def _pair_up(self, names: tuple[str, ...]) -> None:
        """Put the newest models side by side: an MLP as A and a CNN as B where there are both."""
        pair = dict(zip(MODELS, self.state.pair, strict=True))
        for name in names:
            if name in self.state.evaluations:
                pair[self.state.evaluations[name].card["architecture"]] = name
        self.state.pair = tuple(pair.values())


class CompareTab:
    """Widgets over `CompareState`; built when the tab is first opened."""

    def __init__(self, app: AppState, submit_job: Callable[..., Job] = submit) -> None:
        self.app = app
        self.state = CompareState()
        self.controller = CompareController(app, self.state, submit_job)
        settings, live = self._build_settings(), self._build_live()
        top = classed(widgets.HBox([settings, live]), "ml-train-row")
        results = classed(widgets.VBox(self._build_results()), "ml-section")
        self.widget = widgets.VBox([widgets.HTML(_TRAIN), top, results])
        self._link()
        self._read_settings()
        self.controller.evaluate_models(self.controller.model_names())

    def _build_settings(self) -> widgets.Widget:
        self.choices = {
            model: widgets.Checkbox(True, description=TITLES[model], indent=False)
            for model in MODELS
        }
        self.models = classed(widgets.HBox(list(self.choices.values())), "ml-models")
        self.fields: dict[str, Any] = {
            "epochs": widgets.FloatText(3),
            "batch_size": widgets.FloatText(128),
            "learning_rate": widgets.FloatText(0.003, step=0.001),
            "share": widgets.FloatText(1.0, step=0.1),
            "seed": widgets.FloatText(0),
            "augmentation": widgets.Dropdown(options=AUGMENTATIONS),
        }
        fields = widgets.VBox([_labelled(name, item) for name, item in self.fields.items()])
        self.problem = classed(widgets.HTML(), "ml-problem")
        self.train = button("Train", "ml-train", "Train the chosen models", primary=True)
        self.cancel = button("Cancel", "ml-cancel", "Stop the training")
        buttons = classed(widgets.HBox([self.train, self.cancel]), "ml-buttons-row")
        parts = [self.models, classed(fields, "ml-fields"), self.problem, buttons]
        return classed(widgets.VBox(parts), "ml-section", "ml-settings")

    def _build_live(self) -> widgets.Widget:
        self.progress = {model: classed(widgets.HTML(), f"ml-progress-{model}") for model in MODELS}
        self.curves = classed(widgets.HTML(), "ml-curves")
        self._show_runs()
        return classed(
            widgets.VBox([*self.progress.values(), self.curves]), "ml-section", "ml-live"
        )

    def _build_results(self) -> list[widgets.Widget]:
        self.results = classed(widgets.HTML(html.results({})), "ml-results")
        self.pair = [widgets.Dropdown(description=name) for name in ("Model A", "Model B")]
        chooser = classed(widgets.HBox(self.pair), "ml-pair")
        self.verdict = classed(widgets.HTML(), "ml-verdict")
        self.matrices = classed(widgets.HTML(), "ml-confusion")
        return [
            widgets.HTML(_RESULTS), self.results,
            widgets.HTML(_PAIR), chooser, self.verdict, self.matrices,
        ]  # fmt: skip

    def _link(self) -> None:
        self.train.on_click(self._guard(lambda _: self.controller.start_training()))
        self.cancel.on_click(self._guard(lambda _: self.controller.cancel()))
        for item in (*self.choices.values(), *self.fields.values()):
            item.observe(self._guard(lambda _: self._read_settings()), "value")
        for dropdown in self.pair:
            dropdown.observe(self._guard(lambda _: self._read_pair()), "value")
        for shown, names in (
            (self._show_buttons, ["problem", "is_training"]),
            (self._show_runs, ["runs"]),
            (self._show_results, ["evaluations"]),
            (self._show_pair, ["pair"]),
        ):
            self.state.observe(self._guard(lambda _, show=shown: show()), names)

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return guard(self.app, handler)

    def _read_settings(self) -> None:
        self.state.models = tuple(model for model in MODELS if self.choices[model].value)
        self.state.settings = {name: _read(item.value) for name, item in self.fields.items()}
        try:
            self.controller.configs()
            self.state.problem = ""
        except ConfigError as error:
            self.state.problem = str(error)
        self._show_buttons()

    def _show_buttons(self) -> None:
        self.train.disabled = bool(self.state.problem) or self.state.is_training
        self.cancel.disabled = not self.state.is_training
        self.problem.value = html.problem(self.state.problem)

    def _show_runs(self) -> None:
        for model, bar in self.progress.items():
            bar.value = html.progress(model, self.state.runs.get(model))
        self.curves.value = html.curves(self.state.runs)

    def _show_results(self) -> None:
        self.results.value = html.results(self.state.evaluations)
        options = [(e.title, name) for name, e in self.state.evaluations.items()]
        for dropdown in self.pair:
            dropdown.options, dropdown.value = options, dropdown.value
        self._show_pair()

    def _read_pair(self) -> None:
        chosen = tuple(dropdown.value for dropdown in self.pair)
        if None not in chosen:
            self.state.pair = chosen

    def _show_pair(self) -> None:
        known = self.state.evaluations
        if not all(name in known for name in self.state.pair):
            return
        for dropdown, name in zip(self.pair, self.state.pair, strict=True):
            dropdown.value = name
        a, b = (known[name] for name in self.state.pair)
        result = compare_predictions(self.app.dataset.y_test, a.y_proba, b.y_proba)
        self.verdict.value = html.verdict(result, a, b)
        self.matrices.value = html.confusion(a) + html.confusion(b)


_LABELS = {
    "epochs": ("Epochs", "ml-epochs", "Passes over the training images."),
    "batch_size": ("Batch size", "ml-batch", "Images per training step."),
    "learning_rate": (
        "Learning rate",
        "ml-rate",
        "Its peak: it rises over the first third of the steps, then falls to nearly zero.",
    ),
    "share": (
        "Share of the data",
        "ml-share",
        "Of the training set: 1 is all of it; a tenth trains ten times as fast and reads worse.",
    ),
    "seed": ("Seed", "ml-seed", "The same seed gives the same model again."),
    "augmentation": (
        "Augmentation",
        "ml-augmentation",
        "light: images are turned, scaled, shifted and thickened a little, at random.",
    ),
}


def _read(value: float | str) -> float | int | str:
    # The fields for whole numbers take fractions too, so that 1.5 is refused with its reason:
    # IntText would drop the point and train for 15 epochs.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _labelled(name: str, item: widgets.DOMWidget) -> widgets.Widget:
    text, css_class, help_text = _LABELS[name]
    item.description, item.tooltip = text, help_text
    return classed(item, css_class, "ml-field")


_TRAIN = heading(
    "Train",
    "Training runs in a process of its own. A twelfth of the training images is kept aside to "
    "choose the best epoch; the test set is read once, at the end.",
)
_RESULTS = heading(
    "Results", "All models on the same test set; latency is measured on this machine, now."
)
_PAIR = heading("Side by side")
