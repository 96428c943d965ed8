"""A confusion matrix whose cells can be clicked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np

from mnistlab.ui.common import widgets as ui

_HEATS = 5  # steps of colour beside none


class Matrix:
    """10 x 10 buttons, rows true digits, columns predicted ones.

    The cells share one layout and one style, so that a matrix costs the page a hundred small
    models and not three hundred. They are left out of the order of Tab: the gallery's own choosers
    lead to the same images in three steps.

    Parameters
    ----------
    on_cell : called with the true and the predicted digit of a clicked cell
    """

    def __init__(self, guard: Callable[..., Any], on_cell: Callable[[int, int], None]) -> None:
        layout, style = widgets.Layout(), widgets.ButtonStyle()
        self._caption = ui.classed(widgets.HTML(), "ml-matrix-caption")
        self.cells = [
            [
                widgets.Button(layout=layout, style=style, tabbable=False, description="")
                for _ in range(10)
            ]
            for _ in range(10)
        ]
        for true, row in enumerate(self.cells):
            for predicted, cell in enumerate(row):
                cell.on_click(guard(lambda _, t=true, p=predicted: on_cell(t, p)))
        head = [_label(""), *(_label(str(digit)) for digit in range(10))]
        rows = [[_label(str(true)), *row] for true, row in enumerate(self.cells)]
        grid = widgets.GridBox([*head, *(item for row in rows for item in row)])
        self.widget = ui.classed(
            widgets.VBox([self._caption, ui.classed(grid, "ml-matrix-grid")]), "ml-matrix-box"
        )

    def show(self, matrix: np.ndarray, title: str) -> None:
        """Show counts (10, 10)."""
        self._caption.value = (
            f"<p class='ml-matrix-title'>{ui.escape(title)}: true digit by row, read as by "
            "column</p>"
        )
        errors = matrix * (1 - np.eye(10, dtype=matrix.dtype))
        worst = max(1, int(errors.max()))
        for true, row in enumerate(self.cells):
            for predicted, cell in enumerate(row):
                _fill(cell, int(matrix[true, predicted]), true, predicted, worst)


def _fill(cell: widgets.Button, count: int, true: int, predicted: int, worst: int) -> None:
    right = true == predicted
    heat = 0 if right else -(-_HEATS * count // worst)
    cell.description = str(count) if count or right else ""
    cell.disabled = not count
    cell.tooltip = f"{count} of digit {true} read as {predicted}" if count else ""
    cell._dom_classes = ("ml-cell", "ml-right" if right else f"ml-heat-{heat}")


def _label(text: str) -> widgets.Widget:
    return ui.classed(widgets.HTML(f"<b>{text}</b>"), "ml-matrix-label")
