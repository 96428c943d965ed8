"""More about the pair: figures by digit, calibration, robustness, and the report."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

import ipywidgets as widgets

from mnistlab.charts.curves import calibration_figures
from mnistlab.charts.pair import per_class_table, robustness_table
from mnistlab.charts.pair_figures import (
    calibration_figure,
    curves_figure,
    robustness_figure,
    robustness_sentence,
)
from mnistlab.errors import MnistLabError
from mnistlab.metrics.calibration import Calibration
from mnistlab.metrics.evaluation import Evaluation, Pair
from mnistlab.metrics.latency import MeasurementStopped
from mnistlab.models.store import PRETRAINED
from mnistlab.report.export import read_history
from mnistlab.study.evaluation import IMAGES, calibrate_model, measure_robustness, sample
from mnistlab.study.study import compare
from mnistlab.texts import percent
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.results import Results
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.state import AppState

_ROBUSTNESS = (
    f"Accuracy on {IMAGES:,} test images that are noisy, blurred, bent or covered, in five "
    "severities. Similar to MNIST-C (Mu and Gilmer 2019), but made here, so the figures cannot be "
    "compared with those published for MNIST-C."
)
_NO_VALIDATION = "Its validation images are not in this dataset, so no temperature can be fitted."


class Details(ui.View):
    """Four folds, each computed when it is opened."""

    def __init__(self, app: AppState, state: CompareState, results: Results) -> None:
        super().__init__(app)
        self._state, self._results = state, results
        self._calibrations: dict[str, Calibration] = {}
        self._stop = threading.Event()
        self.by_digit = ui.classed(widgets.HTML(), "ml-per-class")
        self.calibration = ui.classed(widgets.HTML(), "ml-calibration")
        self.robustness = ui.classed(widgets.HTML(), "ml-robustness")
        self.curves = ui.classed(widgets.HTML(), "ml-pair-curves")
        self.charts = {
            name: ui.classed(widgets.Output(), "ml-chart")
            for name in ("curves", "calibration", "robustness")
        }
        self.progress = ui.classed(widgets.HTML(), "ml-robustness-progress")
        self.start = self._button(
            "Measure", "ml-robustness-start", self.measure_robustness, "Takes about a minute"
        )
        self.stop = self._button("Cancel", "ml-robustness-stop", self.cancel, "Stop measuring")
        tools = ui.tools(self.start, self.stop, self.progress)
        note = widgets.HTML(ui.note(_ROBUSTNESS))
        charts = self.charts
        pages = {
            "By digit": self.by_digit,
            "Training curves": widgets.VBox([charts["curves"], self.curves]),
            "Calibration": widgets.VBox([charts["calibration"], self.calibration]),
            "Robustness": widgets.VBox([note, tools, charts["robustness"], self.robustness]),
        }
        self.folds = widgets.Tab(list(pages.values()), titles=tuple(pages), selected_index=0)
        self.widget = ui.classed(self.folds, "ml-details")
        self._watch(self.folds, lambda _: self._paint(), "selected_index")
        self._follow(state, self._on_pair, "pair")
        self._follow(state, self._paint_robustness, "robustness", "robustness_progress")

    def measure_robustness(self) -> None:
        """Measure both models on corrupted test images, in a thread."""
        if self._state.robustness_progress is not None:
            return
        if self._state.pair is None:
            raise MnistLabError("The models are not evaluated yet; try again in a moment.")
        self._stop.clear()
        self._state.robustness_progress = 0.0
        work = partial(self._measure, self._state.pair)
        self._start_thread(work, lambda: self._show_progress(None))

    def cancel(self) -> None:
        """Stop measuring."""
        self._stop.set()

    def _measure(self, pair: Pair) -> None:
        names = dict.fromkeys(each.model for each in pair.evaluations)
        classifiers = [self._results.classifier(name) for name in names]
        data = sample(self._state.dataset)
        try:
            found = measure_robustness(classifiers, *data, self._show_progress, self._stop.is_set)
        except MeasurementStopped:
            self._app.say("Measuring robustness was cancelled.")
            return
        with self._app.lock:
            if self._state.pair is pair:
                self._state.robustness = tuple(found)

    def _show_progress(self, fraction: float | None) -> None:
        with self._app.lock:
            # In whole percent, because this is called 25 times a second.
            self._state.robustness_progress = None if fraction is None else round(fraction, 2)

    # Painting

    def _on_pair(self) -> None:
        self._stop.set()
        self._state.robustness = ()
        self._paint()

    def _paint(self) -> None:
        """Compute and show the open fold."""
        pair, opened = self._state.pair, self.folds.selected_index
        if pair is not None and opened == 0:
            self.by_digit.value = per_class_table(pair)
        elif pair is not None and opened == 1:
            self._paint_curves(pair)
        elif pair is not None and opened == 2:
            self.calibration.value = "".join(map(self._calibration, pair.evaluations))
            known = {e.title: self._calibrations.get(e.model) for e in pair.evaluations}
            found = {title: each for title, each in known.items() if each is not None}
            self._show("calibration", calibration_figure(found) if found else None)

    def _paint_curves(self, pair: Pair) -> None:
        """Show the curves of those of the pair that were trained here."""
        series, without = {}, []
        for each in pair.evaluations:
            if each.model in PRETRAINED:
                without.append(each.title)
            else:
                series[each.title] = read_history(each.model)
        self._show("curves", curves_figure(series) if series else None)
        text = f"No training curves are kept of {' and '.join(without)}, which came trained."
        self.curves.value = ui.note(text) if without else ""

    def _show(self, name: str, figure: Mapping[str, Any] | None) -> None:
        """Show a figure, or nothing, which takes no room."""
        chart = self.charts[name]
        chart.layout.display = "none" if figure is None else ""
        if figure is not None:
            ui.show_chart(chart, figure, name)

    def _calibration(self, each: Evaluation) -> str:
        if each.model not in self._calibrations:
            classifier = self._results.classifier(each.model)
            known = self._state.evaluations[each.model]  # on the labels as published
            result = calibrate_model(classifier, known, self._state.dataset)
            if result is None:
                return ui.note(f"{each.title}: {_NO_VALIDATION}")
            self._calibrations[each.model] = result
        figures = calibration_figures(self._calibrations[each.model], each.title)
        return f"<figure class='ml-reliability'>{figures}</figure>"

    def _paint_robustness(self) -> None:
        fraction, found = self._state.robustness_progress, self._state.robustness
        self.start.disabled, self.stop.disabled = fraction is not None, fraction is None
        text = "" if fraction is None else f"{percent(fraction, 0)} measured"
        self.progress.value = f"<span class='ml-note' role='status'>{text}</span>"
        self._show("robustness", robustness_figure(found) if found else None)
        if found:
            sentence = f"<p class='ml-sentence'>{ui.escape(robustness_sentence(found))}</p>"
            numbers = f"<details><summary>In numbers</summary>{robustness_table(found)}</details>"
            self.robustness.value = sentence + numbers
        else:
            self.robustness.value = ""


class ReportButton(ui.View):
    """Writes the HTML report of the pair."""

    def __init__(self, app: AppState, state: CompareState) -> None:
        super().__init__(app)
        self._state = state
        self.button = self._button(
            "HTML report of this pair", "ml-report", self.write, "All figures in one file"
        )
        self.link = ui.classed(widgets.HTML(), "ml-save-link")
        self.widget = ui.tools(self.button, self.link)
        self._watch(state, lambda _: setattr(self.link, "value", ""), "pair", "robustness")

    def write(self) -> None:
        """Write the report in a thread, and offer it as a file."""
        self.button.disabled = True
        self._app.say("Writing the report …", "busy")
        self._start_thread(self._write, lambda: setattr(self.button, "disabled", False))

    def _write(self) -> None:
        state, (a, b) = self._state, self._state.names
        known = [state.evaluations[name] for name in dict.fromkeys((a, b))]
        study = compare(a, b, state.dataset, known=known, robustness=state.robustness)
        page = study.to_html().encode()
        with self._app.lock:
            self.link.value = ui.download_link(page, "mnistlab-report.html", "text/html")
            self._app.say("The report is ready. Use the link beside the button.")
