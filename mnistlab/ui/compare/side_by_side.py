"""Two models side by side: the verdict, their confusion matrices, and the images behind them."""

from __future__ import annotations

from functools import partial

import ipywidgets as widgets

from mnistlab.charts.confusion import difference_table
from mnistlab.charts.pair import corrected_table, seeds_verdict, verdict
from mnistlab.data.label_errors import applies_to
from mnistlab.metrics.evaluation import Group
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.images import Images
from mnistlab.ui.compare.matrix import Matrix
from mnistlab.ui.compare.panel import Panel
from mnistlab.ui.compare.results import Results
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.state import AppState

_VERDICT = (
    "The p-value (p) is the probability of a difference at least this large if both models were "
    "equally good; below 0.05 the difference is called significant. The 95 % interval is a "
    "confidence interval: in 95 of 100 such comparisons it contains the true difference."
)
_IMAGES = (
    "Click a cell of a matrix, or choose a group. The most confident errors come first. Check "
    "whether the label or the model is wrong."
)


class SideBySide(Panel):
    """The pair's dropdowns, verdict, matrices and gallery."""

    def __init__(self, app: AppState, state: CompareState, results: Results) -> None:
        super().__init__(app, state)
        self._results = results
        self.images = Images(app, state, results)
        self.pair = [widgets.Dropdown(description=name) for name in ("Model A", "Model B")]
        self.corrected = ui.classed(
            widgets.Checkbox(False, description="Corrected labels", indent=False), "ml-corrected"
        )
        self.corrected.tooltip = "Use the published corrections of MNIST's test labels"
        self.verdict = ui.classed(widgets.HTML(), "ml-verdict")
        self.moved = ui.classed(widgets.HTML(), "ml-moved")
        self.matrices = [Matrix(app, partial(self._open_cell, side)) for side in range(2)]
        self.difference = ui.classed(widgets.HTML(), "ml-difference")
        inputs = [*self.pair, *([self.corrected] if applies_to(state.dataset) else [])]
        grids = [matrix.widget for matrix in self.matrices]
        self.widget = widgets.VBox(
            [
                ui.classed(widgets.Box(inputs), "ml-pair"),
                self.verdict,
                self.moved,
                ui.classed(widgets.Box([*grids, self.difference]), "ml-confusion"),
                widgets.HTML(ui.heading("Where the models differ", _IMAGES)),
                self.images.widget,
            ]
        )
        self._on_input(lambda _: self._on_pair(), *self.pair)
        self._on_input(results.correct, self.corrected)
        self._on_state(self._paint_inputs, "evaluations", "names")
        self._on_state(self._paint, "pair")

    def _open_cell(self, side: int, true: int, predicted: int) -> None:
        self.images.open(Group("cell", side, true, predicted))

    def _on_pair(self) -> None:
        a, b = (dropdown.value for dropdown in self.pair)
        if None not in (a, b):
            self._results.compare(a, b)

    # Painting

    def _paint_inputs(self) -> None:
        options = tuple((each.title, name) for name, each in self._state.evaluations.items())
        with self._painting():
            for dropdown, name in zip(self.pair, self._state.names, strict=True):
                dropdown.options = options
                if name in self._state.evaluations:
                    dropdown.value = name

    def _paint(self) -> None:
        study, pair = self._state.study, self._state.pair
        if study is None or pair is None:
            return
        text = verdict(pair) + ui.note(_VERDICT)
        if study.seeds is not None:
            text += f"<div class='ml-seeds-say'>{seeds_verdict(study.seeds, pair)}</div>"
        self.verdict.value = text
        a, b = (each.scores.confusion for each in pair.evaluations)
        for matrix, confusion, title in zip(self.matrices, (a, b), pair.titles, strict=True):
            matrix.show(confusion, title)
        self.difference.value = difference_table(a, b, *pair.titles)
        self.moved.value = corrected_table(study.pair, pair) if self._state.corrected else ""
