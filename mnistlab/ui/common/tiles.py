"""A grid of digits that can be clicked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np

from mnistlab.ui.common import widgets as ui

_HIDDEN = ("ml-tile", "ml-none")


class Tiles:
    """One picture of many digits, with a clear button over each.

    One picture for the whole grid, because a message each would cost a round trip each. The
    buttons share one layout and one style and never change but for their titles and number. They
    are left out of the order of Tab: what lists the digits gives their numbers another way.

    Parameters
    ----------
    guard : wraps a handler (`components.guard` with its state)
    most : digits at a time
    on_click : called with the place of a clicked digit, from 0
    """

    def __init__(
        self, guard: Callable[..., Any], most: int, on_click: Callable[[int], None]
    ) -> None:
        layout, style = widgets.Layout(), widgets.ButtonStyle()
        self._picture = widgets.HTML()
        self.buttons = [
            widgets.Button(layout=layout, style=style, tabbable=False) for _ in range(most)
        ]
        for place, item in enumerate(self.buttons):
            item.on_click(guard(lambda _, place=place: on_click(place)))
        self._over = ui.classed(widgets.Box(self.buttons), "ml-tiles-over")
        self.widget = ui.classed(widgets.Box([self._picture, self._over]), "ml-tiles")
        self._columns = 0

    @property
    def value(self) -> str:
        """The picture's HTML."""
        return str(self._picture.value)

    def show(
        self,
        images: np.ndarray,
        captions: Sequence[str],
        titles: Sequence[str],
        description: str,
        columns: int = 10,
        zoom: int = 3,
    ) -> None:
        """Show images (n, 28, 28) uint8, each with a caption below and a title for the pointer."""
        if columns != self._columns:
            self._over.remove_class(f"ml-columns-{self._columns}")
            self._over.add_class(f"ml-columns-{columns}")
            self._columns = columns
        self.widget.layout.max_width = f"{columns * zoom * (ui.TILE + ui.TILE_GAP)}px"
        self._picture.value = ui.digit_grid(images, captions, description, columns, zoom)
        for place, item in enumerate(self.buttons):
            shown = place < len(images)
            item._dom_classes = ("ml-tile",) if shown else _HIDDEN
            item.tooltip = titles[place] if shown else ""
