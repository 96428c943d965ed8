"""Two models side by side: the verdict, their confusion matrices, and the images behind them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.charts.pair import corrected_table, difference_table, seeds_verdict, verdict
from mnistlab.data.label_errors import applies_to
from mnistlab.glossary import info
from mnistlab.metrics.evaluation import Group
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.images import Images
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
_HEATS = 5  # steps of colour beside none


class SideBySide(ui.View):
    """The pair's dropdowns, verdict, matrices and gallery."""

    def __init__(self, app: AppState, state: CompareState, results: Results) -> None:
        super().__init__(app)
        self._state, self._results = state, results
        self.images = Images(app, state)
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
                widgets.HTML(ui.heading("Where the models differ", _IMAGES, "Confidence")),
                self.images.widget,
            ]
        )
        self._on_input(lambda _: self._on_pair(), *self.pair)
        self._on_input(results.correct, self.corrected)
        self._follow(state, self._paint_inputs, "evaluations", "names")
        self._follow(state, self._paint, "pair")

    def _open_cell(self, side: int, true: int, predicted: int) -> None:
        self.images.open(Group("cell", side, true, predicted))

    def _on_pair(self) -> None:
        a, b = (dropdown.value for dropdown in self.pair)
        if None not in (a, b):
            self._results.compare(a, b)

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
        text = verdict(pair) + ui.note(_VERDICT, "p-value", "McNemar's test", "95 % interval")
        if study.seeds is not None:
            text += f"<div class='ml-seeds-say'>{seeds_verdict(study.seeds, pair)}</div>"
        self.verdict.value = text
        a, b = (each.scores.confusion for each in pair.evaluations)
        for matrix, confusion, title in zip(self.matrices, (a, b), pair.titles, strict=True):
            matrix.show(confusion, title)
        self.difference.value = difference_table(a, b, *pair.titles)
        self.moved.value = corrected_table(study.pair, pair) if self._state.corrected else ""


class Matrix(ui.View):
    """A confusion matrix of 10 x 10 buttons: rows are true digits, columns predicted ones.

    The cells share one layout and one style, so that a matrix costs the page a hundred small
    models and not three hundred. In the web app they are one stop of Tab with arrow keys (page.js);
    in JupyterLab the dropdowns above the gallery lead to the same images.

    Parameters
    ----------
    on_cell : called with the true and the predicted digit of a clicked cell
    """

    def __init__(self, app: AppState, on_cell: Callable[[int, int], None]) -> None:
        super().__init__(app)
        layout, style = widgets.Layout(), widgets.ButtonStyle()
        self._caption = ui.classed(widgets.HTML(), "ml-matrix-caption")
        children = [_label(text) for text in ("", *"0123456789")]
        self.cells: list[list[widgets.Button]] = []
        for true in range(10):
            row = [widgets.Button(layout=layout, style=style, tabbable=False) for _ in range(10)]
            for predicted, cell in enumerate(row):
                cell.on_click(self._guard(lambda _, at=(true, predicted): on_cell(*at)))
            self.cells.append(row)
            children += [_label(str(true)), *row]
        grid = ui.classed(widgets.GridBox(children), "ml-matrix-grid")
        self.widget = ui.classed(widgets.VBox([self._caption, grid]), "ml-matrix-box")
        self.widget.layout.visibility = "hidden"  # keeps its place until there are numbers

    def show(self, matrix: NDArray[np.int64], title: str) -> None:
        """Show numbers of images (10, 10)."""
        text = ui.escape(f"{title}: true digit by row, predicted by column")
        self._caption.value = f"<p class='ml-matrix-title'>{text}{info('Confusion matrix')}</p>"
        most_errors = max(1, int((matrix * (1 - np.eye(10, dtype=matrix.dtype))).max()))
        for (true, predicted), count in np.ndenumerate(matrix):
            cell, is_right = self.cells[true][predicted], true == predicted
            heat = -(-_HEATS * count // most_errors)
            cell.description = str(count)
            cell.disabled = not count
            cell.tooltip = f"{count} of digit {true} predicted as {predicted}" if count else ""
            kind = "ml-right" if is_right else f"ml-heat-{heat}"
            cell._dom_classes = ("ml-cell", kind, *(["ml-zero"] if not count else []))
        self.widget.layout.visibility = None  # last, when all cells have names


def _label(text: str) -> widgets.Widget:
    return ui.classed(widgets.HTML(f"<b>{text}</b>"), "ml-matrix-label")
