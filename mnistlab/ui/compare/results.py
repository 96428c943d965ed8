"""Evaluates the chosen models and compares two of them; no widgets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from mnistlab.data.label_errors import corrected_test_labels
from mnistlab.metrics.evaluation import Evaluation
from mnistlab.metrics.latency import MeasurementStopped
from mnistlab.models import Classifier, find_run, list_runs, load_classifier, remove_run
from mnistlab.models.config import MODELS
from mnistlab.models.store import PRETRAINED, read_predictions, rename_run
from mnistlab.study.evaluation import score, time_models
from mnistlab.study.study import make_study
from mnistlab.ui.common.widgets import reported, start_thread
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.state import AppState

SHOWN_AT_FIRST = 6  # newest runs in the table, below the pretrained pair


class Results:
    """The verbs of Results and Side by side.

    Attributes
    ----------
    when_idle : called in the measuring thread when nothing is left to measure
    """

    def __init__(self, app: AppState, state: CompareState) -> None:
        self._app, self._state = app, state
        self.when_idle: Callable[[], object] = lambda: None
        self._thread: threading.Thread | None = None
        self._classifiers: dict[str, Classifier] = {}
        self._measuring = threading.Lock()
        self.refresh()

    # Verbs

    def refresh(self) -> None:
        """Read the runs on this dataset from disk, newest first, damaged ones too."""
        digest, found = self._state.dataset.digest, reversed(list_runs())
        self._state.runs = tuple(
            run for run in found if run.damage or run.card["data"]["digest"] == digest
        )

    def open(self) -> None:
        """Show the pretrained pair and the newest runs."""
        self.refresh()
        runs = [run.id for run in self._state.runs if not run.damage]
        self.choose([*PRETRAINED, *reversed(runs[:SHOWN_AT_FIRST])])

    def add(self, runs: Sequence[str]) -> None:
        """Add new runs to the table and compare the newest pair."""
        self.refresh()
        pair = dict(zip(MODELS, self._state.names, strict=True))
        for name in runs:
            pair[find_run(name).card["architecture"]] = name
        self._state.names = tuple(pair.values())
        self.choose([*self._state.chosen, *runs])

    def choose(self, names: Sequence[str]) -> None:
        """Show these models in the table, in this order, and measure what is new."""
        self._state.chosen = tuple(dict.fromkeys(names))
        self.measure()

    def compare(self, a: str, b: str) -> None:
        """Compare two models of the table."""
        self._state.names = (a, b)
        self._pair_up()

    def correct(self, on: bool) -> None:
        """Use the published corrections of the test labels, or the labels as published."""
        self._state.corrected = on
        self._pair_up()

    def rename(self, name: str, title: str) -> None:
        """Give a run another title."""
        rename_run(name, title)
        self.refresh()
        card = find_run(name).card
        self._classifiers.pop(name, None)
        if name in self._state.evaluations:
            self._keep(replace(self._state.evaluations[name], title=card["title"], card=card))
        self._pair_up()
        self._app.say(f"The run is now called {card['title']}.")

    def remove(self, name: str) -> None:
        """Delete a run's folder, and remove the run from the page."""
        remove_run(name)
        self._classifiers.pop(name, None)
        state, app = self._state, self._app
        state.evaluations = {k: v for k, v in state.evaluations.items() if k != name}
        pairs = zip(state.names, PRETRAINED, strict=True)
        state.names = tuple(instead if shown == name else shown for shown, instead in pairs)
        self.refresh()
        app.loaded = {k: v for k, v in app.loaded.items() if v != name}
        self.choose([shown for shown in state.chosen if shown != name])
        self._app.say(f"Run {name} was deleted.")

    def load(self, name: str) -> None:
        """Use this model in the Predict tab from now on."""
        card = self.classifier(name).card
        kept = {k: v for k, v in self._app.loaded.items() if k != card["architecture"]}
        loaded = {} if name in PRETRAINED else {card["architecture"]: name}
        self._app.loaded = {**kept, **loaded}
        titles = [
            self.classifier(self._app.loaded[each]).card["title"]
            if each in self._app.loaded
            else f"the pretrained {each.upper()}"
            for each in PRETRAINED
        ]
        self._app.say(f"Predict now uses {' and '.join(titles)}.")

    def classifier(self, name: str) -> Classifier:
        """Return a model, loaded once."""
        if name not in self._classifiers:
            self._classifiers[name] = load_classifier(name)
        return self._classifiers[name]

    # Measuring

    def measure(self) -> None:
        """Evaluate and time, in a thread, the chosen models that have no figures yet."""
        self._thread = start_thread(self._measure)

    def wait(self, timeout: float = 60.0) -> None:
        """Block until everything is measured."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _measure(self) -> None:
        with self._measuring:  # a later thread waits here, and finds what this one has measured
            self._say_measuring(True)
            for name in self._state.chosen:
                if name not in self._state.evaluations:
                    with reported(self._app):
                        self._evaluate(name)
            with self._app.lock, reported(self._app):
                self._pair_up()
            with reported(self._app):
                self._time_models()
            self._say_measuring(False)
        with self._app.lock:
            if self._app.status_kind == "busy" and not self._state.is_training:
                self._app.say("Ready.")
        if not self._state.is_training:
            self.when_idle()

    def _say_measuring(self, is_measuring: bool) -> None:
        with self._app.lock:
            self._state.is_measuring = is_measuring

    def _evaluate(self, name: str) -> None:
        data, classifier = self._state.dataset, self.classifier(name)
        if name in PRETRAINED:
            proba = classifier.predict_proba(data.x_test)
        else:
            proba = read_predictions(find_run(name))["test_proba"]
        self._keep(score(classifier, data.y_test, proba))

    def _time_models(self) -> None:
        """Time the table's models against each other, unless a training uses the processor."""
        names = [name for name in self._state.chosen if name in self._state.evaluations]
        known = [self._state.evaluations[name] for name in names]
        if all(each.latency_ms is not None for each in known):
            return
        try:
            classifiers = [self.classifier(name) for name in names]
            x, should_stop = self._state.dataset.x_test, lambda: bool(self._state.is_training)
            timed = time_models(known, classifiers, x, should_stop=should_stop)
        except MeasurementStopped:
            return  # `measure` is called again when the training is over
        for new in timed:
            # The run may have been renamed or deleted meanwhile.
            old = self._state.evaluations.get(new.model)
            if old is not None:
                speed = {"latency_ms": new.latency_ms, "images_per_second": new.images_per_second}
                self._keep(replace(old, **speed))

    def _keep(self, evaluation: Evaluation) -> None:
        with self._app.lock:
            self._state.evaluations = {**self._state.evaluations, evaluation.model: evaluation}

    # The pair

    def shown(self) -> list[Evaluation]:
        """Return the table's evaluations in its order, on the labels that are chosen."""
        known = self._state.evaluations
        found = [known[name] for name in self._state.chosen if name in known]
        if not self._state.corrected:
            return found
        labels, keep = corrected_test_labels(self._state.dataset)
        return [each.rescored(labels, keep) for each in found]

    def _pair_up(self) -> None:
        """Compare the two chosen models, once both are evaluated."""
        state, known = self._state, self._state.evaluations
        if not all(name in known for name in state.names):
            return
        a, b = (known[name] for name in state.names)
        cards = [run.card for run in reversed(state.runs) if not run.damage]
        study = make_study(state.dataset, a, b, cards)
        pair = study.corrected if state.corrected else study.pair
        if pair is not None and (state.pair is None or state.pair.key != pair.key):
            state.item, state.page = None, 0
            state.study, state.pair = study, pair
