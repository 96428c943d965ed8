"""A grid of digits that can be clicked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.ui.common import widgets as ui
from mnistlab.ui.state import AppState


class Tiles(ui.View):
    """One picture of many digits, with a clear button over each.

    One picture for the whole grid: each message costs a round trip. The buttons are left out of
    the order of Tab: the page lists the digits' numbers in another way as well.

    Parameters
    ----------
    most : digits at a time
    on_click : called with the place of a clicked digit, from 0
    """

    def __init__(self, app: AppState, most: int, on_click: Callable[[int], None]) -> None:
        super().__init__(app)
        layout, style = widgets.Layout(), widgets.ButtonStyle()  # shared by all buttons
        self._picture = widgets.HTML()
        self.buttons = [
            widgets.Button(layout=layout, style=style, tabbable=False) for _ in range(most)
        ]
        for place, item in enumerate(self.buttons):
            item.on_click(self._guard(lambda _, place=place: on_click(place)))
        self._over = ui.classed(widgets.Box(self.buttons), "ml-tiles-over")
        self.widget = ui.classed(widgets.Box([self._picture, self._over]), "ml-tiles")

    def show(
        self,
        images: NDArray[np.uint8],
        captions: Sequence[str],
        titles: Sequence[str],
        description: str,
        columns: int = 10,
        zoom: int = 3,
    ) -> None:
        """Show images (n, 28, 28), each with a caption below and a title for the pointer."""
        self._over._dom_classes = ("ml-tiles-over", f"ml-columns-{columns}")
        self.widget.layout.max_width = f"{columns * zoom * (ui.TILE + ui.TILE_GAP)}px"
        self._picture.value = ui.digit_grid(images, captions, description, columns, zoom)
        for place, item in enumerate(self.buttons):
            is_shown = place < len(images)
            item._dom_classes = ("ml-tile",) if is_shown else ("ml-tile", "ml-none")
            item.tooltip = titles[place] if is_shown else ""
