"""A page of samples, and the image that is opened from it: pixels, answers, what is like it."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.data.label_errors import LABEL_ERRORS, applies_to
from mnistlab.errors import DataError
from mnistlab.markup import number
from mnistlab.metrics.projection import nearest
from mnistlab.texts import counted
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.answers import ask, sentences
from mnistlab.ui.common.widgets import Tiles
from mnistlab.ui.explore.controller import image_name
from mnistlab.ui.explore.material import FEATURES, SPLITS
from mnistlab.ui.explore.section import Section

NEIGHBOURS = 5
_NUMBERS = (20, 50, 100)
_ALL_DIGITS = -1  # not None: a Dropdown shows that as nothing chosen
_FILTER = ("digit", "split", "number", "page", "seed", "selection", "zoom", "material")


class Samples(Section):
    """A grid of samples, by split, digit and number, or those that were picked elsewhere."""

    def _build(self) -> None:
        state, tab, button = self._state, self._tab, self._button
        digits = [("All digits", _ALL_DIGITS), *((f"Digit {d}", d) for d in range(10))]
        splits = [(text, name) for name, text in SPLITS.items()]
        self._choices = [
            self._watch(
                widgets.Dropdown(options=options, value=value, description=text),
                lambda _: self._on_choice(),
            )
            for options, value, text in (
                (digits, _ALL_DIGITS, "Show"),
                (splits, state.split, "of the"),
                (_NUMBERS, state.number, "Images per page"),
            )
        ]
        zoom = widgets.IntSlider(state.zoom, min=1, max=6, description="Size", readout=False)
        self._watch(zoom, lambda value: state.set_trait("zoom", value))
        self._previous = button("Previous", "ml-previous", lambda: tab.turn(-1))
        self._next = button("Next", "ml-next", lambda: tab.turn(+1))
        self._index = ui.classed(widgets.Text(placeholder="image number"), "ml-index")
        self._tiles = Tiles(self._app, max(_NUMBERS), lambda place: self._open(tab.shown[place]))
        self._note = widgets.HTML()
        others = button("Show others", "ml-others", tab.shuffle)
        find = button("Open", "ml-open", self._on_find)
        text = "Each image has its label below it. Click an image to open it."
        parts = [
            widgets.HTML(ui.heading("Samples", text)),
            ui.classed(ui.tools(*self._choices, ui.classed(zoom, "ml-zoom")), "ml-choices"),
            self._tiles.widget,
            self._note,
            ui.tools(self._previous, self._next, others, self._index, find),
        ]
        self.widget = ui.classed(widgets.VBox(parts), "ml-samples", "ml-section")
        self._follow(state, self.paint, *_FILTER)
        self._follow(state, self._mark, "item")

    def _on_choice(self) -> None:
        digit, split, number = (choice.value for choice in self._choices)
        self._tab.select(digit=None if digit == _ALL_DIGITS else digit, split=split, number=number)

    def _on_find(self) -> None:
        text = self._index.value.replace(",", "").strip()
        if not text.isdigit():
            raise DataError(f"{self._index.value!r} is not an image number; enter one such as 947.")
        self._open(int(text))

    def _open(self, row: int) -> None:
        self._tab.open(self._tab.split, int(row))

    def paint(self) -> None:
        """Show the page of samples."""
        state, split, rows = self._state, self._tab.split, self._tab.shown
        captions = [str(label) for label in self._material.labels(split)[rows]]
        titles = [
            f"{SPLITS[split]} image {row:,}: {label}"
            for row, label in zip(rows, captions, strict=True)
        ]
        alt = f"{len(rows)} images, labelled {' '.join(captions)}"
        images = self._material.take(split, rows)
        self._tiles.show(images, captions, titles, alt, zoom=state.zoom)
        self._note.value = ui.status(self._text(len(rows)))
        self._previous.disabled = state.page == 0
        self._next.disabled = state.page >= self._tab.last_page
        self._mark()

    def _mark(self) -> None:
        """Mark the image that is open, where it is on the page."""
        split, row = self._state.item or ("", -1)
        is_here = (self._tab.shown == row) & (split == self._tab.split)
        places = np.flatnonzero(is_here)
        self._tiles.mark(int(places[0]) if len(places) else None)

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


class Item(Section):
    """The image that is shown large: how it is written, what models read, what is like it."""

    def _build(self) -> None:
        tab, button = self._tab, self._button
        self._picture = ui.classed(widgets.HTML(), "ml-pixels")
        self._facts = ui.classed(widgets.HTML(), "ml-item-facts")
        self._near_note = widgets.HTML()
        self._rows: list[int] = []
        self._near = Tiles(
            self._app, NEIGHBOURS, lambda place: tab.open("train", self._rows[place])
        )
        tools = ui.tools(
            button("Send to pad", "ml-send", tab.send, "Let the models read it in Predict"),
            button("Close", "ml-close", tab.close, "Close this image"),
        )
        right = widgets.VBox([self._facts, self._near_note, self._near.widget, tools])
        self.widget = ui.classed(widgets.Box([self._picture, right]), "ml-item", "ml-section")
        self._watch(self._state, lambda _: tab.close(), "material")
        self._follow(self._state, self.paint, "item")

    def paint(self) -> None:
        """Show the open image, or nothing."""
        self.widget.layout.display = "none" if self._state.item is None else ""
        if self._state.item is None:
            return
        split, row = self._state.item
        image, name = np.array(self._material.images(split)[row]), image_name(split, row)
        models = self._material.classifiers.items()
        read = "; ".join(sentences(ask(key, model, image[None]))[0] for key, model in models)
        title = ui.subheading(f"{name}, label {self._material.labels(split)[row]}")
        self._picture.value = _pixels_html(image, name)
        self._facts.value = (
            f"{ui.note('The numbers are brightness, from 0 to 255.')}{title}"
            f"<p>{ui.escape(read)}.{self._label_note(split, row)}</p>"
            f"{self._written(split, row)}"
        )
        self._paint_neighbours(image)

    def _written(self, split: str, row: int) -> str:
        values = self._material.features[split]
        rows = []
        for name, words in FEATURES.items():
            value = float(values.of(name)[row]) if values.measured(name)[row] else None
            rows.append([", ".join(words), number(value, ".2f")])
        return ui.table(["how it is written", ""], rows, "How this image is written")

    def _label_note(self, split: str, row: int) -> str:
        if split != "test" or not applies_to(self._material.dataset):
            return ""
        return "".join(
            " <b>Its label is doubtful. Five raters judged it for a study (Northcutt et al. 2021): "
            f"{error.finding}.</b>"
            for error in LABEL_ERRORS
            if error.index == row
        )

    def _paint_neighbours(self, image: NDArray[np.uint8]) -> None:
        rows = [row for row in self._nearest(image) if self._state.item != ("train", row)]
        self._rows = rows[:NEIGHBOURS]
        labels = [str(label) for label in self._material.labels("train")[self._rows]]
        note = f"Measured in {self._material.how}. Click one to open it."
        note = note if self._rows else "There are no others."
        self._near_note.value = ui.subheading("Nearest training images") + ui.note(note)
        self._near.show(
            self._material.take("train", self._rows),
            labels,
            [f"training image {row:,}" for row in self._rows],
            f"The nearest training images, labelled {' '.join(labels)}",
            NEIGHBOURS,
        )

    def _nearest(self, image: NDArray[np.uint8]) -> list[int]:
        """Rows of the training images nearest to an image, the image itself included."""
        material = self._material
        if material.neighbours is not None:
            found = material.neighbours.nearest(material.classifiers["cnn"], image, NEIGHBOURS + 1)
            return [neighbour.index for neighbour in found]
        k = min(NEIGHBOURS + 1, len(material.codes))
        indices, _ = nearest(material.codes, material.projection.transform(image[None]), k)
        return [int(index) for index in indices[0]]


def _pixels_html(image: NDArray[np.uint8], name: str) -> str:
    """An image (28, 28) with each pixel's value written into it."""
    cells = "".join(
        # Black on bright and white on dark. Blank pixels have no number, or the ink would be lost.
        f"<i style='background:rgb({v},{v},{v});color:{'#000' if v > 127 else '#fff'}'>"
        f"{v or ''}</i>"
        for v in image.ravel().tolist()
    )
    return (
        f"<div class='ml-pixel-grid' role='img' aria-label='{ui.escape(name)} with the values of "
        f"its pixels, 0 to 255'>{cells}</div>"
    )
