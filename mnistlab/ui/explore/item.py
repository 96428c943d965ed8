"""One image, large: its pixels' values, how it is written, what models read, what is like it."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.data.label_errors import LABEL_ERRORS, applies_to
from mnistlab.markup import number
from mnistlab.metrics.projection import nearest
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.answers import ask, sentences
from mnistlab.ui.common.widgets import Tiles
from mnistlab.ui.explore.controller import image_name
from mnistlab.ui.explore.material import FEATURES
from mnistlab.ui.explore.section import Section

NEIGHBOURS = 5


class Item(Section):
    """The panel of the image that is shown large."""

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
        self._watch(self._state, lambda _: self.paint(), "item")
        self._watch(self._state, lambda _: tab.close(), "material")
        self.paint()

    def paint(self) -> None:
        """Show the open image, or nothing."""
        self.widget.layout.display = "none" if self._state.item is None else ""
        if self._state.item is None:
            return
        split, row = self._state.item
        image, name = np.array(self._material.images(split)[row]), image_name(split, row)
        models = self._material.classifiers.items()
        read = [sentences(ask(key, model, image[None]))[0] for key, model in models]
        title = f"{name}, label {self._material.labels(split)[row]}"
        note = self._label_note(split, row)
        self._picture.value = pixels_html(image, name)
        self._facts.value = (
            f"{ui.subheading(title)}<p>{ui.escape('; '.join(read))}.{note}</p>"
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
        findings = [error.finding for error in LABEL_ERRORS if error.index == row]
        return "".join(
            " <b>Its label is doubtful. Five raters judged it for a study (Northcutt et al. 2021): "
            f"{finding}.</b>"
            for finding in findings
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


def pixels_html(image: NDArray[np.uint8], name: str) -> str:
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
