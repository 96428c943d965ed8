"""Two models side by side: the verdict, their confusion matrices, and the images behind them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ipywidgets as widgets

from mnistlab.charts.confusion import difference_table
from mnistlab.charts.pair import corrected_table, seeds_verdict, verdict
from mnistlab.metrics.pair import Group
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.images import Images
from mnistlab.ui.compare.matrix import Matrix
from mnistlab.ui.compare.results import Results
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.state import AppState


class SideBySide:
    """The pair's choosers, verdict, matrices and gallery; `widget` is all of it."""

    def __init__(self, app: AppState, state: CompareState, results: Results) -> None:
        self._app, self._state, self._results = app, state, results
        self._filling = False
        self.images = Images(app, state, results)
        self.pair = [widgets.Dropdown(description=name) for name in ("Model A", "Model B")]
        self.corrected = ui.classed(
            widgets.Checkbox(False, description="Corrected labels", indent=False), "ml-corrected"
        )
        self.corrected.tooltip = "Score against the published corrections of MNIST's test labels"
        self.verdict = ui.classed(widgets.HTML(), "ml-verdict")
        self.moved = ui.classed(widgets.HTML(), "ml-moved")
        self.matrices = [Matrix(self._guard, partial(self._open, side)) for side in range(2)]
        self.difference = ui.classed(widgets.HTML(), "ml-difference")
        self.widget = self._build()
        self._link()
        self._paint_choosers()
        self._paint()

    # View

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return ui.guard(self._app, handler)

    def _build(self) -> widgets.Widget:
        chooser = [*self.pair, *([self.corrected] if self._results.can_correct else [])]
        grids = [matrix.widget for matrix in self.matrices]
        confusion = ui.classed(widgets.Box([*grids, self.difference]), "ml-confusion")
        return widgets.VBox(
            [
                ui.classed(widgets.Box(chooser), "ml-pair"),
                self.verdict,
                self.moved,
                confusion,
                widgets.HTML(ui.heading("The images that decide", _IMAGES)),
                self.images.widget,
            ]
        )

    def _link(self) -> None:
        for dropdown in self.pair:
            dropdown.observe(self._guard(lambda _: self._on_pair()), "value")
        self.corrected.observe(
            self._guard(lambda change: self._results.correct(change["new"])), "value"
        )
        state = self._state
        state.observe(self._guard(lambda _: self._paint_choosers()), ["evaluations", "names"])
        state.observe(self._guard(lambda _: self._paint()), ["pair"])

    def _open(self, side: int, true: int, predicted: int) -> None:
        self.images.open(Group("cell", side, true, predicted))

    def _on_pair(self) -> None:
        chosen = tuple(dropdown.value for dropdown in self.pair)
        if not self._filling and None not in chosen:
            self._results.compare(*chosen)

    # Painting

    def _paint_choosers(self) -> None:
        options = [(each.title, name) for name, each in self._state.evaluations.items()]
        self._filling = True
        try:
            for dropdown, name in zip(self.pair, self._state.names, strict=True):
                if tuple(options) != tuple(dropdown.options):
                    dropdown.options = options
                if name in self._state.evaluations:
                    dropdown.value = name
        finally:
            self._filling = False

    def _paint(self) -> None:
        study, pair = self._state.study, self._state.pair
        if study is None or pair is None:
            return
        sentence = verdict(pair)
        if study.seeds is not None:
            sentence += f"<div class='ml-seeds-say'>{seeds_verdict(study.seeds, pair)}</div>"
        self.verdict.value = sentence
        a, b = (each.scores.confusion for each in pair.evaluations)
        for matrix, confusion, title in zip(self.matrices, (a, b), pair.titles, strict=True):
            matrix.show(confusion, title)
        self.difference.value = difference_table(a, b, *pair.titles)
        self.moved.value = corrected_table(study.pair, pair) if self._state.corrected else ""


_IMAGES = (
    "Click a cell of a matrix, or choose a group. The most confident mistakes come first: look "
    "whether the label or the model is wrong."
)
