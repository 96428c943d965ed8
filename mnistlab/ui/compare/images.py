"""Test images by which model is right: groups, a page of one, and one image enlarged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np

from mnistlab.metrics.pair import ORDERS, Group, Pair
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.results import Results
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.state import AppState

PAGE = 20
_ANY = -1


class Images:
    """The gallery. `widget` is all of it; `open` shows a group of images."""

    def __init__(self, app: AppState, state: CompareState, results: Results) -> None:
        self._app, self._state, self._results = app, state, results
        self._filling = False
        self._build()
        # Any of these may come together with the others; one repaint each is cheap enough.
        for trait, paint in (
            ("pair", self._paint),
            ("group", self._paint),
            ("order", self._paint),
            ("page", self._paint),
            ("item", self._paint_item),
        ):
            state.observe(self._guard(lambda _, paint=paint: paint()), [trait])
        self._paint()

    # Verbs

    def open(self, group: Group) -> None:
        """Show the images of a group."""
        with self._state.hold_trait_notifications():
            self._state.page, self._state.item = 0, None
            self._state.group = group

    def turn(self, pages: int) -> None:
        """Turn forward (positive) or back."""
        self._state.page = max(0, self._state.page + pages)

    @property
    def shown(self) -> np.ndarray:
        """Positions in the pair of the images on the page."""
        if self._state.pair is None:
            return np.zeros(0, np.int64)
        found = self._state.pair.select(self._state.group, self._state.order)
        return found[self._state.page * PAGE :][:PAGE]

    # View

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return ui.guard(self._app, handler)

    def _build(self) -> None:
        self._groups = widgets.ToggleButtons(options=[("", "only A")])
        self._side = widgets.Dropdown(options=[("A", 0), ("B", 1)], description="or where")
        digits = [(str(digit), digit) for digit in range(10)]
        self._read_as = widgets.Dropdown(
            options=[("…", _ANY), *digits], value=_ANY, description="reads"
        )
        self._true = widgets.Dropdown(
            options=[("…", _ANY), *digits], value=_ANY, description="in a"
        )
        self._order = widgets.Dropdown(options=ORDERS, description="Order")
        self._sheet, self._note = widgets.HTML(), widgets.HTML()
        self.items = [self._make_item(place) for place in range(PAGE)]
        self.gallery = ui.classed(widgets.Box([self._sheet, *self.items]), "ml-gallery")
        self._previous = self._button("Previous", "ml-gallery-previous", lambda: self.turn(-1))
        self._next = self._button("Next", "ml-gallery-next", lambda: self.turn(+1))
        self._large = ui.classed(widgets.HTML(), "ml-gallery-large")
        self._send = self._button("Send to pad", "ml-send", self._results.send_to_pad)
        choosers = [self._side, self._read_as, self._true, self._order]
        rows = [
            ui.classed(self._groups, "ml-groups"),
            ui.classed(widgets.Box(choosers), "ml-tools", "ml-cell-choice"),
        ]
        turn = ui.classed(widgets.Box([self._previous, self._next, self._note]), "ml-tools")
        self._detail = ui.classed(widgets.Box([self._large, self._send]), "ml-gallery-detail")
        self.widget = widgets.VBox([*rows, self.gallery, turn, self._detail])
        self._groups.observe(self._guard(lambda _: self._on_group()), "value")
        self._order.observe(self._guard(lambda _: self._on_order()), "value")
        for chooser in choosers[:3]:
            chooser.observe(self._guard(lambda _: self._on_cell()), "value")

    def _button(self, text: str, name: str, verb: Callable[[], None]) -> widgets.Button:
        made = ui.button(text, name)
        made.on_click(self._guard(lambda _: verb()))
        return made

    def _make_item(self, place: int) -> widgets.Button:
        item = ui.classed(widgets.Button(), "ml-gallery-item", f"ml-tile-{place}")
        item.on_click(self._guard(lambda _: self._choose(place)))
        return item

    def _choose(self, place: int) -> None:
        self._state.item = int(self.shown[place])

    def _on_group(self) -> None:
        if not self._filling and self._groups.value is not None:
            self.open(Group(self._groups.value))

    def _on_order(self) -> None:
        self._state.page, self._state.order = 0, self._order.value

    def _on_cell(self) -> None:
        true, predicted = self._true.value, self._read_as.value
        if not self._filling and _ANY not in (true, predicted):
            self.open(Group("cell", self._side.value, true, predicted))

    # Painting

    def _paint(self) -> None:
        pair, state = self._state.pair, self._state
        if pair is None:
            self._note.value = "<p class='ml-note'>Measuring …</p>"
            return
        self._paint_groups(pair)
        found = len(pair.select(state.group, state.order))
        last = max(0, -(-found // PAGE) - 1)
        if state.page > last:
            state.page = last
            return
        shown = self.shown
        self._sheet.value = _sheet(self._app.dataset.x_test, pair.rows[shown])
        guesses = pair.predicted
        for place, item in enumerate(self.items):
            _fill_item(item, pair, int(shown[place]) if place < len(shown) else None, guesses)
        self._previous.disabled, self._next.disabled = state.page == 0, state.page >= last
        self._note.value = _place(found, state.page, last)
        self._paint_item()

    def _paint_groups(self, pair: Pair) -> None:
        a, b = pair.titles
        group = self._state.group
        self._filling = True
        try:
            options = []
            for name, text in (
                ("only A", f"only {a} is right"),
                ("only B", f"only {b} is right"),
                ("neither", "neither is right"),
            ):
                number = len(pair.select(Group(name), "by index"))
                options.append((f"{text} ({number:,})", name))
            if tuple(options) != tuple(self._groups.options):
                self._groups.options = options
            self._side.options = [(a, 0), (b, 1)] if a != b else [(f"A {a}", 0), (f"B {b}", 1)]
            is_cell = group.kind == "cell"
            self._groups.value = None if is_cell else group.kind
            self._side.value = group.side
            self._true.value = group.true if is_cell else _ANY
            self._read_as.value = group.predicted if is_cell else _ANY
            self._order.value = self._state.order
        finally:
            self._filling = False

    def _paint_item(self) -> None:
        pair, item = self._state.pair, self._state.item
        known = pair is not None and item is not None
        self._detail.layout.display = "" if known else "none"
        if pair is not None and item is not None:
            self._large.value = large_html(pair, item, self._app.dataset.x_test)


def _sheet(images: np.ndarray, rows: np.ndarray) -> str:
    """The page's images as one picture in the style sheet: a message, not twenty."""
    sheet = np.zeros((28, 28 * PAGE), np.uint8)
    for place, row in enumerate(rows):
        sheet[:, 28 * place : 28 * (place + 1)] = images[row]
    return f"<style>.ml-app .ml-gallery{{--sheet:url({ui.data_uri(sheet)})}}</style>"


def _fill_item(
    item: widgets.Button, pair: Pair, at: int | None, guesses: tuple[np.ndarray, np.ndarray]
) -> None:
    item.layout.display = "none" if at is None else ""
    if at is None:
        return
    a, b = (int(guess[at]) for guess in guesses)
    title_a, title_b = pair.titles
    item.description = f"{int(pair.y_true[at])}: {a} {b}"
    sure = [float(each.y_proba[at].max()) for each in pair.evaluations]
    item.tooltip = (
        f"Test image {int(pair.rows[at]):,}, true digit {int(pair.y_true[at])}; {title_a} reads "
        f"{a} ({ui.percent(sure[0])}), {title_b} {b} ({ui.percent(sure[1])})"
    )


def _place(found: int, page: int, last: int) -> str:
    if not found:
        return "<p class='ml-note' role='status'>There is no such image.</p>"
    text = f"{found:,} {'image' if found == 1 else 'images'}, page {page + 1} of {last + 1}"
    return (
        f"<p class='ml-note' role='status'>{text}. Below each: the true digit, then what A and B "
        "read. Click one to see it large.</p>"
    )


def large_html(pair: Pair, at: int, images: np.ndarray) -> str:
    """One image with both models' probabilities."""
    row, true = int(pair.rows[at]), int(pair.y_true[at])
    cards = []
    for side, each in zip(("a", "b"), pair.evaluations, strict=True):
        proba: Any = each.y_proba[at]
        best = int(proba.argmax())
        verdict = "right" if best == true else "wrong"
        cards.append(
            f"<div class='ml-side-{side}'><h4>{ui.escape(each.title)} reads {best}: {verdict}</h4>"
            f"{ui.probability_bars(proba.tolist(), best)}</div>"
        )
    return (
        f"<div class='ml-large'><figure><img src='{ui.data_uri(images[row])}' "
        f"alt='Test image {row}, {ui.with_article(true)}'><figcaption>Test image {row:,}, true "
        f"digit {true}</figcaption></figure>{''.join(cards)}</div>"
    )
