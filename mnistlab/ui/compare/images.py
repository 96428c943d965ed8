"""Test images by which model is right: groups, one page of a group, and one image enlarged."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.metrics.evaluation import ORDERS, Group, Pair
from mnistlab.texts import counted
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.panel import Panel
from mnistlab.ui.compare.results import Results
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.state import AppState

PAGE = 20
_ANY = -1
_DIGITS = [("…", _ANY), *((str(digit), digit) for digit in range(10))]


class Images(Panel):
    """The gallery; `open` shows a group of images."""

    def __init__(self, app: AppState, state: CompareState, results: Results) -> None:
        super().__init__(app, state)
        self._groups = ui.classed(widgets.ToggleButtons(), "ml-groups")
        self._side = widgets.Dropdown(options=[("A", 0), ("B", 1)], description="or images that")
        self._read_as = widgets.Dropdown(options=_DIGITS, description="reads as")
        self._true = widgets.Dropdown(options=_DIGITS, description="with true digit")
        self._order = widgets.Dropdown(options=ORDERS, description="Order")
        self._sheet, self._note = widgets.HTML(), widgets.HTML()
        self.items = [self._make_item(place) for place in range(PAGE)]
        self.gallery = ui.classed(widgets.Box([self._sheet, *self.items]), "ml-gallery")
        self._previous = self._button("Previous", "ml-gallery-previous", lambda: self.turn(-1))
        self._next = self._button("Next", "ml-gallery-next", lambda: self.turn(+1))
        self._large = ui.classed(widgets.HTML(), "ml-gallery-large")
        self._send = self._button(
            "Send to pad", "ml-send", results.send_to_pad, "Open this image in Predict"
        )
        self._detail = ui.classed(widgets.Box([self._large, self._send]), "ml-gallery-detail")
        cell = [self._side, self._read_as, self._true]
        choices = ui.classed(ui.tools(*cell, self._order), "ml-cell-choice")
        turn = ui.tools(self._previous, self._next, self._note)
        self.widget = widgets.VBox([self._groups, choices, self.gallery, turn, self._detail])
        self._on_input(lambda kind: self.open(Group(kind)), self._groups)
        self._on_input(lambda _: self._on_cell(), *cell)
        self._on_input(self.sort, self._order)
        self._on_state(self._paint, "pair", "group", "order", "page")
        self._on_state(self._paint_item, "pair", "item")

    # Verbs

    def open(self, group: Group) -> None:
        """Show the images of a group."""
        with self._state.hold_trait_notifications():
            self._state.page, self._state.item = 0, None
            self._state.group = group

    def sort(self, order: str) -> None:
        """Show the images in one of `ORDERS`."""
        self._state.page, self._state.order = 0, order

    def turn(self, pages: int) -> None:
        """Turn forward (positive) or back."""
        self._state.page = max(0, self._state.page + pages)

    @property
    def shown(self) -> NDArray[np.int64]:
        """Positions in the pair of the images on the page."""
        if self._state.pair is None:
            return np.zeros(0, np.int64)
        found = self._state.pair.select(self._state.group, self._state.order)
        return found[self._state.page * PAGE :][:PAGE]

    # View

    def _make_item(self, place: int) -> widgets.Button:
        item = self._button("", "ml-gallery-item", lambda: self._choose(place))
        item._dom_classes = ("ml-gallery-item", f"ml-tile-{place}")
        return item

    def _choose(self, place: int) -> None:
        self._state.item = int(self.shown[place])

    def _on_cell(self) -> None:
        true, predicted = self._true.value, self._read_as.value
        if _ANY not in (true, predicted):
            self.open(Group("cell", self._side.value, true, predicted))

    # Painting

    def _paint(self) -> None:
        pair, state = self._state.pair, self._state
        if pair is None:
            self._note.value = ui.note("Evaluating the models …")
            return
        with self._painting():
            self._paint_choices(pair)
        found = len(pair.select(state.group, state.order))
        last = max(0, -(-found // PAGE) - 1)
        if state.page > last:
            state.page = last
            return
        shown = self.shown
        self._sheet.value = _sheet(state.dataset.x_test[pair.rows[shown]])
        for place, item in enumerate(self.items):
            _fill(item, pair, int(shown[place]) if place < len(shown) else None)
        self._previous.disabled, self._next.disabled = state.page == 0, state.page >= last
        self._note.value = _page_note(found, state.page, last)

    def _paint_choices(self, pair: Pair) -> None:
        (a, b), group = pair.titles, self._state.group
        texts = {
            "only A": f"only {a} is right",
            "only B": f"only {b} is right",
            "neither": "both are wrong",
        }
        counts = {kind: len(pair.select(Group(kind), "by index")) for kind in texts}
        options = tuple((f"{text} ({counts[kind]:,})", kind) for kind, text in texts.items())
        self._groups.options = options
        self._side.options = [(a, 0), (b, 1)] if a != b else [(f"A {a}", 0), (f"B {b}", 1)]
        is_cell = group.kind == "cell"
        self._groups.value = None if is_cell else group.kind
        self._side.value = group.side
        self._true.value = group.true if is_cell else _ANY
        self._read_as.value = group.predicted if is_cell else _ANY
        self._order.value = self._state.order

    def _paint_item(self) -> None:
        pair, item = self._state.pair, self._state.item
        if pair is None or item is None:
            self._detail.layout.display = "none"
        else:
            self._detail.layout.display = ""
            image = self._state.dataset.x_test[pair.rows[item]]
            self._large.value = large_html(pair, item, image)


def _sheet(images: NDArray[np.uint8]) -> str:
    """Images (n, 28, 28) as one picture in the style sheet: one message instead of twenty."""
    sheet = np.zeros((28, 28 * PAGE), np.uint8)
    sheet[:, : 28 * len(images)] = np.hstack([*images, sheet[:, :0]])
    return f"<style>.ml-app .ml-gallery{{--sheet:url({ui.data_uri(sheet)})}}</style>"


def _fill(item: widgets.Button, pair: Pair, at: int | None) -> None:
    item.layout.display = "none" if at is None else ""
    if at is None:
        return
    true = int(pair.y_true[at])
    guesses = [int(predicted[at]) for predicted in pair.predicted]
    answers = [
        f"{each.title} reads {guess} ({ui.percent(float(each.y_proba[at].max()))})"
        for each, guess in zip(pair.evaluations, guesses, strict=True)
    ]
    item.description = f"{true}: {guesses[0]} {guesses[1]}"
    item.tooltip = f"Test image {int(pair.rows[at]):,}, true digit {true}. {', '.join(answers)}"


def _page_note(found: int, page: int, last: int) -> str:
    text = "There are no such images."
    if found:
        text = (
            f"{counted(found, 'image')}, page {page + 1} of {last + 1}. Below each: the true "
            "digit, then the answers of A and B. Click an image to enlarge it."
        )
    return f"<p class='ml-note' role='status'>{text}</p>"


def large_html(pair: Pair, at: int, image: NDArray[np.uint8]) -> str:
    """Return one image (28, 28) with both models' probabilities."""
    row, true = int(pair.rows[at]), int(pair.y_true[at])
    cards = []
    for side, each in zip("ab", pair.evaluations, strict=True):
        proba = each.y_proba[at]
        best = int(proba.argmax())
        verdict = "right" if best == true else "wrong"
        cards.append(
            f"<div class='ml-side-{side}'><h4>{ui.escape(each.title)} reads {best}: {verdict}</h4>"
            f"{ui.probability_bars(proba.tolist(), best)}</div>"
        )
    return (
        f"<div class='ml-large'><figure><img src='{ui.data_uri(image)}' "
        f"alt='Test image {row}, {ui.with_article(true)}'><figcaption>Test image {row:,}, true "
        f"digit {true}</figcaption></figure>{''.join(cards)}</div>"
    )
