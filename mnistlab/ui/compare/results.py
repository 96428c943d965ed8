"""Figures of the chosen models and of the pair, computed in threads; no widgets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from mnistlab.data.label_errors import applies_to, corrected_test_labels
from mnistlab.errors import MnistLabError, ModelError
from mnistlab.metrics.evaluation import Evaluation
from mnistlab.metrics.stopping import MeasurementStopped
from mnistlab.models import Classifier, Run, list_runs, load_classifier, remove_run
from mnistlab.models.config import MODELS
from mnistlab.models.store import PRETRAINED, read_predictions, rename_run
from mnistlab.study.evaluation import score, time_models
from mnistlab.study.study import make_study
from mnistlab.ui.common.widgets import log, start_thread
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.state import AppState, Sent

SHOWN_AT_FIRST = 6  # newest runs in the table, beside the pretrained pair


class Results:
    """The verbs of Results, Side by side and History."""

    def __init__(self, app: AppState, state: CompareState) -> None:
        self._app, self._state = app, state
        self._thread: threading.Thread | None = None
        self._classifiers: dict[str, Classifier] = {}
        self._turn = threading.Lock()  # guards the two below
        self._asked = self._running = False
        self.when_idle: Callable[[], None] = lambda: None
        """Called in the measuring thread when all is measured; the processor is free then."""

    # Verbs

    def refresh(self) -> None:
        """Read the runs on this dataset from disk, newest first; damaged ones are kept apart."""
        digest = self._app.dataset.digest
        self._state.history = tuple(
            run for run in reversed(list_runs())
            if run.damage or run.card["data"]["digest"] == digest
        )  # fmt: skip

    def open(self) -> None:
        """Show the pretrained pair and the newest runs."""
        self.refresh()
        runs = [run.id for run in self._state.history if not run.damage]
        self.choose([*PRETRAINED, *reversed(runs[:SHOWN_AT_FIRST])])

    def add(self, runs: Sequence[str]) -> None:
        """Take freshly trained runs into the table and put the newest pair side by side."""
        self.refresh()
        pair = dict(zip(MODELS, self._state.names, strict=True))
        for name in runs:
            pair[self.card(name)["architecture"]] = name
        self._state.names = tuple(pair.values())
        self.choose([*self._state.chosen, *runs])

    def choose(self, names: Sequence[str]) -> None:
        """Show these models in the table, in this order, and measure what is new."""
        self._state.chosen = tuple(dict.fromkeys(names))
        self.measure()

    def compare(self, a: str, b: str) -> None:
        """Put two models of the table side by side."""
        self._state.names = (a, b)
        self.pair_up()

    def correct(self, on: bool) -> None:
        """Score against the published corrections of the test labels, or the labels as they are."""
        self._state.corrected = on
        self.pair_up()

    def rename(self, name: str, title: str) -> None:
        """Give a run another title."""
        rename_run(name, title)
        self.refresh()
        card = self.card(name)
        self._classifiers.pop(name, None)
        if name in self._state.evaluations:
            known = replace(self._state.evaluations[name], title=card["title"], card=card)
            self._state.evaluations = {**self._state.evaluations, name: known}
        self.pair_up()
        self._app.say(f"The run is called {card['title']} now.")

    def remove(self, name: str) -> None:
        """Delete a run's folder, and the run from whatever shows it."""
        remove_run(name)
        self._classifiers.pop(name, None)
        state = self._state
        state.evaluations = {k: v for k, v in state.evaluations.items() if k != name}
        state.names = tuple(
            PRETRAINED[side] if shown == name else shown for side, shown in enumerate(state.names)
        )
        self.refresh()
        self._app.loaded = {k: v for k, v in self._app.loaded.items() if v != name}
        self.choose([shown for shown in state.chosen if shown != name])
        self._app.say(f"Run {name} is deleted.")

    def load(self, name: str) -> None:
        """Let the Predict tab read with this model from now on."""
        card = self.classifier(name).card
        kept = {k: v for k, v in self._app.loaded.items() if k != card["architecture"]}
        loaded = {} if name in PRETRAINED else {card["architecture"]: name}
        self._app.loaded = {**kept, **loaded}
        self._app.say(f"Predict reads with {card['title']} now.")

    def send_to_pad(self) -> None:
        """Put the image that is shown large on the pad."""
        pair, item = self._state.pair, self._state.item
        if pair is None or item is None:
            raise ModelError("No image is chosen; click one first.")
        row = int(pair.rows[item])
        image = np.array(self._app.dataset.x_test[row])
        self._app.sent = Sent(image, f"Test image {row:,}: true label {int(pair.y_true[item])}")

    # What they rest on

    def card(self, name: str) -> Mapping[str, Any]:
        """What is known about a model."""
        for run in self._state.history:
            if run.id == name:
                card: Mapping[str, Any] = run.card
                return card
        return self.classifier(name).card

    def classifier(self, name: str) -> Classifier:
        """A model, opened once."""
        if name not in self._classifiers:
            self._classifiers[name] = load_classifier(name)
        return self._classifiers[name]

    def measure(self) -> None:
        """Score and time, in a thread, the chosen models that have no figures yet."""
        with self._turn:
            self._asked = True
            if not self._running:
                self._running = True
                self._thread = start_thread(self._measure, lambda: setattr(self, "_running", False))

    def wait(self, timeout: float = 60.0) -> None:
        """Block until all is measured."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _measure(self) -> None:
        while self._next_turn():
            for name in self._state.chosen:
                if name not in self._state.evaluations:
                    self._attempt(name, partial(self._score, name))
            self._attempt("The pair", self._pair_up_from_thread)
            self._attempt("The latency", self._time_models)
        with self._app.lock:
            if self._app.status_kind == "busy" and not self._state.is_training:
                self._app.say("Ready.")
        if not self._state.is_training:
            self.when_idle()

    def _pair_up_from_thread(self) -> None:
        with self._app.lock:
            self.pair_up()

    def _next_turn(self) -> bool:
        """Whether something was asked for since the last turn; if not, this thread is over."""
        with self._turn:
            asked, self._asked = self._asked, False
            self._running = asked
            return asked

    def _attempt(self, what: str, act: Callable[[], None]) -> None:
        """A thread's failure must reach the status line as a handler's does."""
        try:
            act()
        except MnistLabError as error:
            self._app.say(str(error), "error")
        except Exception as error:
            log.exception("measuring %s failed", what)
            self._app.say(f"{what} could not be measured ({error}); see the log.", "error")

    def _score(self, name: str) -> None:
        data = self._app.dataset
        classifier = self.classifier(name)
        run = self._run(name)
        if run is None:
            proba = classifier.predict_proba(data.x_test)
        else:
            proba = read_predictions(run)["test_proba"]
        self._keep(score(classifier, data.y_test, proba))

    def _run(self, name: str) -> Run | None:
        return next((run for run in self._state.history if run.id == name), None)

    def _keep(self, evaluation: Evaluation) -> None:
        with self._app.lock:
            self._state.evaluations = {**self._state.evaluations, evaluation.model: evaluation}

    def _time_models(self) -> None:
        """Time the table's models against each other, unless a training holds the processor."""
        names = [n for n in self._state.chosen if n in self._state.evaluations]
        untimed = [n for n in names if self._state.evaluations[n].latency_ms is None]
        if not untimed:
            return
        try:
            timed = time_models(
                [self._state.evaluations[name] for name in names],
                [self.classifier(name) for name in names],
                self._app.dataset.x_test,
                should_stop=lambda: bool(self._state.is_training),
            )
        except MeasurementStopped:
            return  # when the training is over, it is measured
        for each in timed:
            # As it is called now: it may have been renamed, or deleted, meanwhile.
            known = self._state.evaluations.get(each.model)
            if known is not None:
                speed = {"latency_ms": each.latency_ms, "images_per_second": each.images_per_second}
                self._keep(replace(known, **speed))

    # The pair

    @property
    def can_correct(self) -> bool:
        """Whether there are published corrections for this dataset."""
        return applies_to(self._app.dataset)

    def shown(self) -> dict[str, Evaluation]:
        """The table's evaluations in its order, on the labels that are chosen."""
        known = self._state.evaluations
        found = {name: known[name] for name in self._state.chosen if name in known}
        if not self._state.corrected:
            return found
        labels, keep = corrected_test_labels(self._app.dataset)
        return {name: each.rescored(labels, keep) for name, each in found.items()}

    def pair_up(self) -> None:
        """Compare the two models side by side, once both are scored."""
        known = self._state.evaluations
        if not all(name in known for name in self._state.names):
            return
        a, b = (known[name] for name in self._state.names)
        cards = [run.card for run in reversed(self._state.history) if not run.damage]
        study = make_study(self._app.dataset, a, b, cards)
        pair = study.corrected if self._state.corrected else study.pair
        if pair is None or (self._state.pair is not None and self._state.pair.key == pair.key):
            return
        self._state.item, self._state.page = None, 0
        self._state.study, self._state.pair = study, pair
