"""A page of samples: by split, digit and number, or those that were picked elsewhere."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import DataError
from mnistlab.texts import counted
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.tiles import Tiles
from mnistlab.ui.explore.material import SPLITS
from mnistlab.ui.explore.section import Section
from mnistlab.ui.explore.state import ExploreState, Selection
from mnistlab.ui.state import AppState

COLUMNS = 10
NUMBERS = (20, 50, 100)
ALL_DIGITS = -1  # not None: a Dropdown shows that as nothing chosen
_FILTER = ("digit", "split", "number", "page", "seed", "selection", "zoom", "material")


class Samples(Section):
    """The samples' verbs and widgets."""

    def __init__(self, app: AppState, state: ExploreState) -> None:
        super().__init__(app, state)
        self._build()
        self._watch(state, lambda _: self.paint(), *_FILTER)
        self.paint()

    # Verbs

    def select(
        self, *, digit: int | None = None, split: str | None = None, number: int | None = None
    ) -> None:
        """Filter the samples and go back to the first page; `digit` None means all digits."""
        state = self._state
        with state.hold_trait_notifications():
            state.page, state.selection, state.digit = 0, None, digit
            state.split = split or state.split
            state.number = number or state.number

    def show(self, selection: Selection) -> None:
        """Show images picked elsewhere."""
        with self._state.hold_trait_notifications():
            self._state.page, self._state.selection = 0, selection

    def turn(self, pages: int) -> None:
        """Turn forward (positive) or back; the first and last page stay where they are."""
        self._state.page = min(max(self._state.page + pages, 0), self.last_page)

    def shuffle(self) -> None:
        """Show other samples of the same kind."""
        state = self._state
        with state.hold_trait_notifications():
            state.page, state.selection, state.seed = 0, None, state.seed + 1

    def open(self, split: str, row: int) -> None:
        """Show an image large; raises `DataError` when there is no such image."""
        n = len(self._material.images(split))
        if not n:
            raise DataError(f"The {SPLITS[split]} has no images.")
        if not 0 <= row < n:
            raise DataError(f"The {SPLITS[split]} has images 0 to {n - 1:,}; there is no {row:,}.")
        self._state.item = (split, row)

    # What is shown

    @property
    def split(self) -> str:
        """The split of the images on the page."""
        selection = self._state.selection
        return self._state.split if selection is None else selection.split

    @property
    def matching(self) -> NDArray[np.int64]:
        """Rows of all images that fit the filter, in the order they are shown in."""
        state = self._state
        if state.selection is not None:
            return state.selection.rows
        labels = self._material.labels(state.split)
        is_match = np.ones(len(labels), bool) if state.digit is None else labels == state.digit
        found = np.flatnonzero(is_match)
        return found[np.random.default_rng(state.seed).permutation(len(found))]

    @property
    def shown(self) -> NDArray[np.int64]:
        """Rows of the samples on the page."""
        start = self._state.page * self._state.number
        return self.matching[start : start + self._state.number]

    @property
    def last_page(self) -> int:
        """The number of the last page, counted from 0."""
        return max(0, -(-len(self.matching) // self._state.number) - 1)

    # View

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
                (NUMBERS, state.number, "at a time"),
            )
        ]
        zoom = widgets.IntSlider(state.zoom, min=1, max=6, description="Size", readout=False)
        self._watch(zoom, lambda value: state.set_trait("zoom", value))
        self._previous = button("Previous", "ml-previous", lambda: self.turn(-1))
        self._next = button("Next", "ml-next", lambda: self.turn(+1))
        self._index = widgets.Text(placeholder="image number")
        self._tiles = Tiles(self._app, max(NUMBERS), self._on_tile)
        self._note = widgets.HTML()
        head = ui.heading(
            "Samples", "Each image has its label below it. Click an image to open it."
        )
        below = ui.tools(
            self._previous,
            self._next,
            button("Show others", "ml-others", self.shuffle),
            ui.classed(self._index, "ml-index"),
            button("Open", "ml-open", self._on_find),
        )
        choices = ui.tools(*self._choices, ui.classed(zoom, "ml-zoom"))
        choices.add_class("ml-choices")
        parts = [widgets.HTML(head), choices, self._tiles.widget, self._note, below]
        self.widget = ui.classed(widgets.VBox(parts), "ml-samples", "ml-section")

    def _on_choice(self) -> None:
        digit, split, number = (choice.value for choice in self._choices)
        self.select(digit=None if digit == ALL_DIGITS else digit, split=split, number=number)

    def _on_find(self) -> None:
        text = self._index.value.replace(",", "").strip()
        if not text.isdigit():
            raise DataError(f"{self._index.value!r} is not an image number; enter one such as 947.")
        self.open(self.split, int(text))

    def _on_tile(self, place: int) -> None:
        self.open(self.split, int(self.shown[place]))

    def paint(self) -> None:
        """Show the page of samples."""
        state, split, rows = self._state, self.split, self.shown
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
        self._next.disabled = state.page >= self.last_page

    def _text(self, shown: int) -> str:
        state, total = self._state, len(self.matching)
        of = "" if state.digit is None else f" of the digit {state.digit}"
        if not total:
            return f"The {SPLITS[self.split]} has no images{of}."
        first = state.page * state.number
        place = f"{first + 1:,} to {first + shown:,} of"
        if state.selection is not None:
            return f"{place} {total:,}: {state.selection.title}. Choose above to show all again."
        images = counted(total, "image")
        return f"{place} {images}{of} in the {SPLITS[state.split]}, in random order."
