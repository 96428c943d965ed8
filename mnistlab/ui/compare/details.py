"""More about the pair, in folds that are computed when they are first seen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import ipywidgets as widgets

from mnistlab.charts.pair import per_class_table
from mnistlab.charts.reliability import reliability_diagram
from mnistlab.charts.robustness import robustness_table
from mnistlab.errors import MnistLabError
from mnistlab.metrics.evaluation import Evaluation
from mnistlab.metrics.pair import Pair
from mnistlab.metrics.stopping import MeasurementStopped
from mnistlab.study.robustness import IMAGES, measure_robustness, sample
from mnistlab.study.validation import calibrate_model
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.results import Results
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.state import AppState

_FOLDS = ("By digit", "Calibration", "Robustness")


class Details:
    """Per class, calibration and robustness of the pair; `widget` is all of it."""

    def __init__(self, app: AppState, state: CompareState, results: Results) -> None:
        self._app, self._state, self._results = app, state, results
        self._calibrations: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.by_digit = ui.classed(widgets.HTML(), "ml-per-class")
        self.calibration = ui.classed(widgets.HTML(), "ml-calibration")
        self.robustness = ui.classed(widgets.HTML(), "ml-robustness")
        self.progress = ui.classed(widgets.HTML(), "ml-robustness-progress")
        self.start = ui.button("Measure", "ml-robustness-start", "Corrupt images and read them")
        self.stop = ui.button("Cancel", "ml-robustness-stop", "Stop measuring")
        self.start.on_click(self._guard(lambda _: self.measure_robustness()))
        self.stop.on_click(self._guard(lambda _: self.cancel()))
        buttons = ui.classed(widgets.Box([self.start, self.stop, self.progress]), "ml-tools")
        note = widgets.HTML(f"<p class='ml-note'>{ui.escape(_ROBUSTNESS)}</p>")
        self.folds = widgets.Tab(
            [self.by_digit, self.calibration, widgets.VBox([note, buttons, self.robustness])],
            titles=_FOLDS,
            selected_index=0,
        )
        self.widget = ui.classed(self.folds, "ml-details")
        self.folds.observe(self._guard(lambda _: self.paint()), "selected_index")
        state.observe(self._guard(lambda _: self._on_pair()), ["pair"])
        state.observe(
            self._guard(lambda _: self._paint_robustness()), ["robustness", "robustness_progress"]
        )
        self._paint_robustness()

    # Verbs

    def measure_robustness(self) -> None:
        """Measure both models on corrupted test images, in a thread."""
        if self._state.robustness_progress is not None:
            return
        pair = self._pair()
        self._stop.clear()
        self._state.robustness_progress = 0.0
        self._thread = ui.start_thread(
            partial(self._measure, pair),
            lambda: setattr(self._state, "robustness_progress", None),
        )

    def cancel(self) -> None:
        """Stop measuring."""
        self._stop.set()

    def wait(self, timeout: float = 60.0) -> None:
        """Block until robustness is measured."""
        if self._thread is not None:
            self._thread.join(timeout)

    # Work

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return ui.guard(self._app, handler)

    def _pair(self) -> Pair:
        if self._state.pair is None:
            raise MnistLabError("The models are still being measured; try again in a moment.")
        return self._state.pair

    def _measure(self, pair: Pair) -> None:
        images, labels = sample(self._app.dataset)
        names = dict.fromkeys(each.model for each in pair.evaluations)

        def tell(share: float) -> None:
            with self._app.lock:
                # In whole percent: it is told 25 times a second.
                self._state.robustness_progress = round(share, 2)

        try:
            found = measure_robustness(
                [self._results.classifier(name) for name in names],
                images,
                labels,
                tell,
                self._stop.is_set,
            )
            with self._app.lock:
                if self._state.pair is pair:
                    self._state.robustness = tuple(found)
        except MeasurementStopped:
            self._app.say("Measuring robustness was cancelled.")
        except Exception as error:  # a thread's failure must reach the status line as well
            ui.log.exception("robustness")
            self._app.say(f"Robustness could not be measured ({error}); see the log.", "error")
        finally:
            with self._app.lock:
                self._state.robustness_progress = None

    def _on_pair(self) -> None:
        self._stop.set()
        self._state.robustness = ()
        self.paint()

    # Painting

    def paint(self) -> None:
        """Compute and show the fold that is open."""
        pair = self._state.pair
        if pair is None:
            return
        a, b = pair.evaluations
        if self.folds.selected_index == 0:
            self.by_digit.value = per_class_table(pair)
        elif self.folds.selected_index == 1:
            self.calibration.value = "".join(self._calibration(each) for each in (a, b))

    def _calibration(self, each: Evaluation) -> str:
        if each.model not in self._calibrations:
            classifier = self._results.classifier(each.model)
            known = self._state.evaluations[each.model]  # on the labels as published
            result = calibrate_model(classifier, known, self._app.dataset)
            if result is None:
                return f"<p class='ml-note'>{ui.escape(each.title)}: {_NO_VALIDATION}</p>"
            self._calibrations[each.model] = reliability_diagram(
                result, each.title, str(each.card.get("architecture", "mlp"))
            )
        return self._calibrations[each.model]

    def _paint_robustness(self) -> None:
        share = self._state.robustness_progress
        self.start.disabled, self.stop.disabled = share is not None, share is None
        text = "" if share is None else f"{100 * share:.0f} % measured"
        self.progress.value = f"<span class='ml-note' role='status'>{text}</span>"
        found = self._state.robustness
        self.robustness.value = robustness_table(found) if found else ""


_ROBUSTNESS = (
    f"{IMAGES:,} of the test images, changed as a camera, a scanner or a hurried "
    "hand would, in five strengths. In the manner of MNIST-C (Mu and Gilmer 2019), but with images "
    "of our own: figures do not compare with those published for MNIST-C."
)
_NO_VALIDATION = "its validation images are not in this data set, so no temperature can be fitted."
