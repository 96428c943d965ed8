"""A page of samples: by split, digit and number, or those that were picked elsewhere."""

from __future__ import annotations

import ipywidgets as widgets

from mnistlab.errors import DataError
from mnistlab.texts import counted
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.widgets import Tiles
from mnistlab.ui.explore.material import SPLITS
from mnistlab.ui.explore.section import Section

COLUMNS = 10
NUMBERS = (20, 50, 100)
ALL_DIGITS = -1  # not None: a Dropdown shows that as nothing chosen
_FILTER = ("digit", "split", "number", "page", "seed", "selection", "zoom", "material")


class Samples(Section):
    """A grid of samples, and how they are chosen."""

    def _build(self) -> None:
        state, button = self._state, self._button
        digits = [("All digits", ALL_DIGITS), *((f"Digit {d}", d) for d in range(10))]
        splits = [(text, name) for name, text in SPLITS.items()]
        self._choices = [
            self._watch(
                widgets.Dropdown(options=options, value=value, description=text),
                lambda _: self._on_choice(),
            )
            for options, value, text in (
                (digits, ALL_DIGITS, "Show"),
                (splits, state.split, "of the"),
                (NUMBERS, state.number, "Images per page"),
            )
        ]
        zoom = widgets.IntSlider(state.zoom, min=1, max=6, description="Size", readout=False)
        self._watch(zoom, lambda value: state.set_trait("zoom", value))
        self._previous = button("Previous", "ml-previous", lambda: self._tab.turn(-1))
        self._next = button("Next", "ml-next", lambda: self._tab.turn(+1))
        self._index = widgets.Text(placeholder="image number")
        self._tiles = Tiles(self._app, max(NUMBERS), self._on_tile)
        self._note = widgets.HTML()
        head = ui.heading(
            "Samples", "Each image has its label below it. Click an image to open it."
        )
        below = ui.tools(
            self._previous,
            self._next,
            button("Show others", "ml-others", self._tab.shuffle),
            ui.classed(self._index, "ml-index"),
            button("Open", "ml-open", self._on_find),
        )
        choices = ui.tools(*self._choices, ui.classed(zoom, "ml-zoom"))
        choices.add_class("ml-choices")
        parts = [widgets.HTML(head), choices, self._tiles.widget, self._note, below]
        self.widget = ui.classed(widgets.VBox(parts), "ml-samples", "ml-section")
        self._watch(state, lambda _: self.paint(), *_FILTER)
        self.paint()

    def _on_choice(self) -> None:
        digit, split, number = (choice.value for choice in self._choices)
        self._tab.select(digit=None if digit == ALL_DIGITS else digit, split=split, number=number)

    def _on_find(self) -> None:
        text = self._index.value.replace(",", "").strip()
        if not text.isdigit():
            raise DataError(f"{self._index.value!r} is not an image number; enter one such as 947.")
        self._tab.open(self._tab.split, int(text))

    def _on_tile(self, place: int) -> None:
        self._tab.open(self._tab.split, int(self._tab.shown[place]))

    def paint(self) -> None:
        """Show the page of samples."""
        state, split, rows = self._state, self._tab.split, self._tab.shown
        labels = self._material.labels(split)[rows].tolist()
        captions = [str(label) for label in labels]
        titles = [
            f"{SPLITS[split]} image {row:,}: {label}"
            for row, label in zip(rows, labels, strict=True)
        ]
        alt = f"{len(rows)} images, labelled {' '.join(captions)}"
        images = self._material.take(split, rows)
        self._tiles.show(images, captions, titles, alt, COLUMNS, state.zoom)
        self._note.value = (
            f"<p class='ml-note' role='status'>{ui.escape(self._text(len(rows)))}</p>"
        )
        self._previous.disabled = state.page == 0
        self._next.disabled = state.page >= self._tab.last_page

    def _text(self, shown: int) -> str:
        state, total = self._state, len(self._tab.matching)
        of = "" if state.digit is None else f" of the digit {state.digit}"
        if not total:
            return f"The {SPLITS[self._tab.split]} has no images{of}."
        first = state.page * state.number
        place = f"{first + 1:,} to {first + shown:,} of"
        if state.selection is not None:
            return f"{place} {total:,}: {state.selection.title}. Choose above to show all again."
        images = counted(total, "image")
        return f"{place} {images}{of} in the {SPLITS[state.split]}, in random order."
