"""A confusion matrix with clickable cells."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.ui.common import widgets as ui
from mnistlab.ui.state import AppState

_HEATS = 5  # steps of colour beside none


class Matrix(ui.View):
    """10 x 10 buttons, rows true digits, columns predicted ones.

    The cells share one layout and one style, so that a matrix costs the page a hundred small
    models and not three hundred. They are left out of the order of Tab: the dropdowns above the
    gallery lead to the same images in three steps.

    Parameters
    ----------
    on_cell : called with the true and the predicted digit of a clicked cell
    """

    def __init__(self, app: AppState, on_cell: Callable[[int, int], None]) -> None:
        super().__init__(app)
        layout, style = widgets.Layout(), widgets.ButtonStyle()
        self._caption = ui.classed(widgets.HTML(), "ml-matrix-caption")
        children = [_label(""), *(_label(str(digit)) for digit in range(10))]
        self.cells: list[list[widgets.Button]] = []
        for true in range(10):
            row = [widgets.Button(layout=layout, style=style, tabbable=False) for _ in range(10)]
            for predicted, cell in enumerate(row):
                verb = partial(on_cell, true, predicted)
                cell.on_click(self._guard(lambda _, verb=verb: verb()))
            self.cells.append(row)
            children += [_label(str(true)), *row]
        grid = ui.classed(widgets.GridBox(children), "ml-matrix-grid")
        self.widget = ui.classed(widgets.VBox([self._caption, grid]), "ml-matrix-box")

    def show(self, matrix: NDArray[np.int64], title: str) -> None:
        """Show numbers of images (10, 10)."""
        text = f"{title}: true digit by row, predicted by column"
        self._caption.value = f"<p class='ml-matrix-title'>{ui.escape(text)}</p>"
        most_errors = max(1, int((matrix * (1 - np.eye(10, dtype=matrix.dtype))).max()))
        for true, row in enumerate(self.cells):
            for predicted, cell in enumerate(row):
                count, is_right = int(matrix[true, predicted]), true == predicted
                heat = -(-_HEATS * count // most_errors)
                cell.description = str(count) if count or is_right else ""
                cell.disabled = not count
                cell.tooltip = f"{count} of digit {true} predicted as {predicted}" if count else ""
                cell._dom_classes = ("ml-cell", "ml-right" if is_right else f"ml-heat-{heat}")


def _label(text: str) -> widgets.Widget:
    return ui.classed(widgets.HTML(f"<b>{text}</b>"), "ml-matrix-label")
