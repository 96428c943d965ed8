"""A page of samples: by split, digit and number, or those that were picked elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets
import numpy as np

from mnistlab.errors import DataError
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.tiles import Tiles
from mnistlab.ui.explore.material import SPLITS
from mnistlab.ui.explore.state import ExploreState, Selection
from mnistlab.ui.state import AppState

COLUMNS = 10
NUMBERS = (20, 50, 100)
ALL_DIGITS = -1
_FILTER = ["digit", "split", "number", "page", "seed", "selection", "zoom", "material"]


class Samples:
    """The samples' verbs and widgets; `widget` is all of it."""

    def __init__(self, app: AppState, state: ExploreState) -> None:
        self._app, self._state = app, state
        self._filling = False
        self._build()
        state.observe(self._guard(lambda _: self._paint()), _FILTER)
        self._paint()

    # Verbs

    def select(
        self, *, digit: int | None = None, split: str | None = None, number: int | None = None
    ) -> None:
        """Filter the samples and go back to the first page; `digit` None means all digits."""
        state = self._state
        with state.hold_trait_notifications():
            state.page, state.selection = 0, None
            state.digit = digit
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
        with self._state.hold_trait_notifications():
            self._state.page, self._state.selection = 0, None
            self._state.seed += 1

    def open(self, split: str, row: int) -> None:
        """Show an image large.

        Raises
        ------
        DataError
            When there is no such image.
        """
        n = len(self._state.material.images(split))
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
    def matching(self) -> np.ndarray:
        """Rows of all images that fit, in the order they are shown in."""
        state = self._state
        if state.selection is not None:
            return state.selection.rows
        labels = state.material.labels(state.split)
        found = np.arange(len(labels))
        if state.digit is not None:
            found = np.flatnonzero(labels == state.digit)
        return found[np.random.default_rng(state.seed).permutation(len(found))]

    @property
    def shown(self) -> np.ndarray:
        """Rows of the samples on the page."""
        start = self._state.page * self._state.number
        return self.matching[start : start + self._state.number]

    @property
    def last_page(self) -> int:
        """The number of the last page, counted from 0."""
        return max(0, -(-len(self.matching) // self._state.number) - 1)

    # View

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return ui.guard(self._app, handler)

    def _build(self) -> None:
        digits = [("All digits", ALL_DIGITS), *((f"Digit {d}", d) for d in range(10))]
        # Not None for all: a Dropdown shows that as nothing chosen.
        digit = widgets.Dropdown(options=digits, value=ALL_DIGITS, description="Show")
        splits = [(text, name) for name, text in SPLITS.items()]
        split = widgets.Dropdown(options=splits, value="train", description="of the")
        number = widgets.Dropdown(
            options=NUMBERS, value=self._state.number, description="at a time"
        )
        self._choices = (digit, split, number)
        for choice in self._choices:
            choice.observe(self._guard(lambda _: self._on_choice()), "value")
        self._zoom = widgets.IntSlider(
            self._state.zoom, min=1, max=6, description="Size", readout=False
        )
        ui.classed(self._zoom, "ml-zoom")
        self._zoom.observe(self._guard(lambda _: self._on_zoom()), "value")
        self._previous = self._button("Previous", "ml-previous", lambda: self.turn(-1))
        self._next = self._button("Next", "ml-next", lambda: self.turn(+1))
        others = self._button("Show others", "ml-others", self.shuffle)
        self._index = widgets.Text(placeholder="image number")
        find = self._button("Open", "ml-open", self._on_find)
        self._tiles = Tiles(self._guard, max(NUMBERS), self._on_tile)
        self._note = widgets.HTML()
        rows = [
            ui.classed(widgets.Box([*self._choices, self._zoom]), "ml-tools", "ml-choices"),
            self._tiles.widget,
            self._note,
            ui.classed(
                widgets.Box(
                    [self._previous, self._next, others,
                     ui.classed(self._index, "ml-index"), find]
                ),
                "ml-tools",
            ),
        ]  # fmt: skip
        head = widgets.HTML(ui.heading("Samples", "The number below each is its label. Click one."))
        self.widget = ui.classed(widgets.VBox([head, *rows]), "ml-samples", "ml-section")

    def _button(self, text: str, name: str, verb: Callable[[], None]) -> widgets.Button:
        made = ui.button(text, name)
        made.on_click(self._guard(lambda _: verb()))
        return made

    def _on_choice(self) -> None:
        if not self._filling:
            digit, split, number = (choice.value for choice in self._choices)
            chosen = None if digit == ALL_DIGITS else digit
            self.select(digit=chosen, split=split, number=number)

    def _on_zoom(self) -> None:
        self._state.zoom = self._zoom.value

    def _on_find(self) -> None:
        text = self._index.value.replace(",", "").strip()
        if not text.isdigit():
            raise DataError(f"{self._index.value!r} is no image number; give one such as 947.")
        self.open(self.split, int(text))

    def _on_tile(self, place: int) -> None:
        self.open(self.split, int(self.shown[place]))

    # Painting

    def _paint(self) -> None:
        state, split, rows = self._state, self.split, self.shown
        labels, images = state.material.labels(split)[rows], state.material.take(split, rows)
        alt = f"{len(rows)} images, labelled {' '.join(map(str, labels))}"
        titles = [
            f"{SPLITS[split]} image {row:,}: {label}"
            for row, label in zip(rows, labels, strict=True)
        ]
        self._tiles.show(images, [str(label) for label in labels], titles, alt, COLUMNS, state.zoom)
        self._note.value = f"<p class='ml-note' role='status'>{ui.escape(self._text(rows))}</p>"
        self._previous.disabled = state.page == 0
        self._next.disabled = state.page >= self.last_page

    def _text(self, rows: np.ndarray) -> str:
        state, total = self._state, len(self.matching)
        if not total:
            of = "" if state.digit is None else f" of the digit {state.digit}"
            return f"The {SPLITS[self.split]} has no images{of}."
        first = state.page * state.number
        place = f"{first + 1:,} to {first + len(rows):,} of {total:,}"
        if state.selection is not None:
            return f"{place}: {state.selection.title}. A choice above shows all again."
        what = "image" if total == 1 else "images"
        of = "" if state.digit is None else f" of the digit {state.digit}"
        return f"{place} {what}{of} in the {SPLITS[state.split]}, in random order."
