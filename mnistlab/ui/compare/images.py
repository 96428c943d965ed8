"""Test images by which model is right: groups, one page of a group, and one image enlarged."""

from __future__ import annotations

from functools import partial

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.metrics.evaluation import ORDERS, Group, Pair
from mnistlab.texts import counted, percent
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.state import AppState, Sent

_PAGE = 20
_ANY = -1
_DIGITS = [("…", _ANY), *((str(digit), digit) for digit in range(10))]
_GROUPS = {
    "only A": "only {0} is right",
    "only B": "only {1} is right",
    "neither": "both are wrong",
}


class Images(ui.View):
    """The gallery; `open` shows a group of images."""

    def __init__(self, app: AppState, state: CompareState) -> None:
        super().__init__(app)
        self._state = state
        self._groups = ui.classed(widgets.ToggleButtons(), "ml-groups")
        self._side = widgets.Dropdown(options=[("A", 0), ("B", 1)], description="or images that")
        self._read_as = widgets.Dropdown(options=_DIGITS, description="reads as")
        self._true = widgets.Dropdown(options=_DIGITS, description="with true digit")
        self._order = widgets.Dropdown(options=ORDERS, description="Order")
        self._sheet, self._note = widgets.HTML(), widgets.HTML()
        self.items = [
            self._button("", "ml-gallery-item", partial(self._choose, place))
            for place in range(_PAGE)
        ]
        for place, item in enumerate(self.items):
            item._dom_classes = ("ml-gallery-item", f"ml-tile-{place}")
        gallery = ui.classed(widgets.Box([self._sheet, *self.items]), "ml-gallery")
        self._previous = self._button("Previous", "ml-gallery-previous", partial(self._turn, -1))
        self._next = self._button("Next", "ml-gallery-next", partial(self._turn, +1))
        self._large = ui.classed(widgets.HTML(), "ml-gallery-large")
        self._send = self._button(
            "Send to pad", "ml-send", self._send_to_pad, "Open this image in Predict"
        )
        self._detail = ui.classed(widgets.Box([self._large, self._send]), "ml-gallery-detail")
        cell = [self._side, self._read_as, self._true]
        choices = ui.classed(ui.tools(*cell, self._order), "ml-cell-choice")
        turn = ui.tools(self._previous, self._next, self._note)
        self.widget = widgets.VBox([self._groups, choices, gallery, turn, self._detail])
        self._on_input(lambda kind: self.open(Group(kind)), self._groups)
        self._on_input(lambda _: self._on_cell(), *cell)
        self._on_input(self._sort, self._order)
        self._follow(state, self._paint, "pair", "group", "order", "page")
        self._follow(state, self._paint_item, "pair", "item")

    def open(self, group: Group) -> None:
        """Show the images of a group."""
        with self._state.hold_trait_notifications():
            self._state.page, self._state.item = 0, None
            self._state.group = group

    @property
    def shown(self) -> NDArray[np.int64]:
        """Positions in the pair of the images on the page."""
        if self._state.pair is None:
            return np.zeros(0, np.int64)
        found = self._state.pair.select(self._state.group, self._state.order)
        return found[self._state.page * _PAGE :][:_PAGE]

    # Handlers

    def _on_cell(self) -> None:
        true, predicted = self._true.value, self._read_as.value
        if _ANY not in (true, predicted):
            self.open(Group("cell", self._side.value, true, predicted))

    def _sort(self, order: str) -> None:
        self._state.page, self._state.order = 0, order

    def _turn(self, pages: int) -> None:
        self._state.page = max(0, self._state.page + pages)

    def _choose(self, place: int) -> None:
        self._state.item = int(self.shown[place])

    def _send_to_pad(self) -> None:
        pair, item = self._state.pair, self._state.item
        if pair is not None and item is not None:
            row = int(pair.rows[item])
            image = np.array(self._state.dataset.x_test[row])
            self._app.sent = Sent(image, f"Test image {row:,}: true label {int(pair.y_true[item])}")

    # Painting

    def _paint(self) -> None:
        pair, state = self._state.pair, self._state
        if pair is None:
            self._note.value = ui.note("Evaluating the models …")
            return
        with self._painting():
            self._paint_choices(pair)
        found = len(pair.select(state.group, state.order))
        last = max(0, -(-found // _PAGE) - 1)
        if state.page > last:
            state.page = last
            return
        shown = self.shown
        self._sheet.value = _sheet(state.dataset.x_test[pair.rows[shown]])
        for place, item in enumerate(self.items):
            item.layout.display = "" if place < len(shown) else "none"
            if place < len(shown):
                item.description, item.tooltip = _texts(pair, int(shown[place]))
        self._previous.disabled, self._next.disabled = state.page == 0, state.page >= last
        text = (
            f"{counted(found, 'image')}, page {state.page + 1} of {last + 1}. Below each: the "
            "true digit, then the answers of A and B. Click an image to enlarge it."
        )
        self._note.value = ui.status(text if found else "There are no such images.")

    def _paint_choices(self, pair: Pair) -> None:
        (a, b), group = pair.titles, self._state.group
        counts = {kind: len(pair.select(Group(kind), "by index")) for kind in _GROUPS}
        self._groups.options = [
            (f"{text.format(a, b)} ({counts[kind]:,})", kind) for kind, text in _GROUPS.items()
        ]
        self._side.options = [(a, 0), (b, 1)] if a != b else [(f"A {a}", 0), (f"B {b}", 1)]
        is_cell = group.kind == "cell"
        self._groups.value = None if is_cell else group.kind
        self._side.value = group.side
        self._true.value = group.true if is_cell else _ANY
        self._read_as.value = group.predicted if is_cell else _ANY
        self._order.value = self._state.order

    def _paint_item(self) -> None:
        pair, item = self._state.pair, self._state.item
        self._detail.layout.display = "none" if item is None else ""
        if pair is not None and item is not None:
            self._large.value = _large_html(pair, item, self._state.dataset.x_test[pair.rows[item]])


def _sheet(images: NDArray[np.uint8]) -> str:
    """Images (n, 28, 28) as one picture in the style sheet: one message instead of twenty."""
    sheet = np.zeros((28, 28 * _PAGE), np.uint8)
    sheet[:, : 28 * len(images)] = np.hstack([*images, sheet[:, :0]])
    return f"<style>.ml-app .ml-gallery{{--sheet:url({ui.data_uri(sheet)})}}</style>"


def _texts(pair: Pair, at: int) -> tuple[str, str]:
    """What stands below an image, and its tooltip."""
    true = int(pair.y_true[at])
    guesses = [int(predicted[at]) for predicted in pair.predicted]
    answers = ", ".join(
        f"{each.title} reads {guess} ({percent(float(each.y_proba[at].max()), 1)})"
        for each, guess in zip(pair.evaluations, guesses, strict=True)
    )
    tooltip = f"Test image {int(pair.rows[at]):,}, true digit {true}. {answers}"
    return f"{true}: {guesses[0]} {guesses[1]}", tooltip


def _large_html(pair: Pair, at: int, image: NDArray[np.uint8]) -> str:
    """One image (28, 28) with both models' probabilities."""
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
