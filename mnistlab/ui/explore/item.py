"""One image, large: its pixels' values, how it is written, what models say, what is like it."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets
import numpy as np

from mnistlab.data.features import NAMES, Features
from mnistlab.data.label_errors import LABEL_ERRORS, applies_to
from mnistlab.errors import DataError
from mnistlab.metrics.projection import nearest
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.answers import ask, sentences
from mnistlab.ui.common.tiles import Tiles
from mnistlab.ui.explore.material import SPLITS, Material
from mnistlab.ui.explore.state import ExploreState
from mnistlab.ui.state import AppState, Sent

NEIGHBOURS = 5

_WORDS = {
    "ink": "ink, share of full brightness",
    "centre_x": "centre of mass, pixels from the left",
    "centre_y": "centre of mass, pixels from the top",
    "width": "width, pixels",
    "height": "height, pixels",
    "slant": "slant, degrees to the right",
    "stroke_width": "stroke width, pixels",
}


class Item:
    """The panel of the image that is shown large; `widget` is all of it."""

    def __init__(
        self, app: AppState, state: ExploreState, open_image: Callable[[str, int], None]
    ) -> None:
        self._app, self._state, self._open = app, state, open_image
        guard = self._guard
        self._picture = ui.classed(widgets.HTML(), "ml-pixels")
        self._facts = ui.classed(widgets.HTML(), "ml-item-facts")
        self._near = Tiles(guard, NEIGHBOURS, self._on_neighbour)
        self._near_note = widgets.HTML()
        self._rows: list[int] = []
        send = ui.button("Send to pad", "ml-send", "Put this image on the pad in Predict")
        send.on_click(guard(lambda _: self.send()))
        close = ui.button("Close", "ml-close", "Close this image")
        close.on_click(guard(lambda _: self.close()))
        tools = ui.classed(widgets.Box([send, close]), "ml-tools")
        right = widgets.VBox([self._facts, self._near_note, self._near.widget, tools])
        self.widget = ui.classed(widgets.Box([self._picture, right]), "ml-item", "ml-section")
        state.observe(guard(lambda _: self.paint()), ["item"])
        state.observe(guard(lambda _: self.close()), ["material"])
        self.paint()

    # Verbs

    def send(self) -> None:
        """Put the image on the pad."""
        if self._state.item is None:
            raise DataError("No image is open; click one first.")
        split, row = self._state.item
        image, label = self._image(split, row)
        self._app.sent = Sent(image, f"{_named(split, row)}: label {label}")

    def close(self) -> None:
        """Show no image large."""
        self._state.item = None

    # View

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return ui.guard(self._app, handler)

    def _on_neighbour(self, place: int) -> None:
        self._open("train", self._rows[place])

    def _image(self, split: str, row: int) -> tuple[np.ndarray, int]:
        material: Material = self._state.material
        return np.array(material.images(split)[row]), int(material.labels(split)[row])

    def paint(self) -> None:
        """Show the open image, or nothing."""
        self.widget.layout.display = "none" if self._state.item is None else ""
        if self._state.item is None:
            return
        split, row = self._state.item
        image, label = self._image(split, row)
        self._picture.value = pixels_html(image, _named(split, row))
        self._facts.value = self._facts_html(split, row, image, label)
        self._paint_neighbours(split, row, image)

    def _facts_html(self, split: str, row: int, image: np.ndarray, label: int) -> str:
        material: Material = self._state.material
        values = material.features[split]
        written = ui.table(
            ["how it is written", ""],
            [[_WORDS[name], _written(values, name, row)] for name in NAMES],
            "How this image is written",
        )
        models = material.classifiers.items()
        said = [sentences(ask(name, model, image[None]))[0] for name, model in models]
        note = self._label_note(split, row)
        return (
            f"<h3 class='ml-subheading'>{_named(split, row)}, label {label}</h3>"
            f"<p>{ui.escape('; '.join(said))}.{note}</p>{written}"
        )

    def _label_note(self, split: str, row: int) -> str:
        if split != "test" or not applies_to(self._state.material.dataset):
            return ""
        found = [error for error in LABEL_ERRORS if error.index == row]
        if not found:
            return ""
        return (
            f" <b>Its label did not stand in the label study (Northcutt et al. 2021), which asked "
            f"five raters: {found[0].finding}.</b>"
        )

    def _paint_neighbours(self, split: str, row: int, image: np.ndarray) -> None:
        rows = self._nearest(split, row, image)
        material: Material = self._state.material
        self._rows = [r for r in rows if not (split == "train" and r == row)][:NEIGHBOURS]
        labels = material.labels("train")[self._rows]
        how = "pixels" if material.neighbours is None else "the CNN"
        note = f"By {how}; click one to open it." if self._rows else "There are no others."
        self._near_note.value = (
            f"<h3 class='ml-subheading'>Nearest training images</h3><p class='ml-note'>{note}</p>"
        )
        self._near.show(
            material.take("train", self._rows),
            [str(label) for label in labels],
            [f"training image {r:,}" for r in self._rows],
            f"The nearest training images, labelled {' '.join(map(str, labels))}",
            NEIGHBOURS,
        )

    def _nearest(self, split: str, row: int, image: np.ndarray) -> list[int]:
        material: Material = self._state.material
        if material.neighbours is not None:
            found = material.neighbours.nearest(material.classifiers["cnn"], image, NEIGHBOURS + 1)
            return [neighbour.index for neighbour in found]
        k = min(NEIGHBOURS + 1, len(material.codes))
        indices, _ = nearest(material.codes, material.projection.transform(image[None]), k)
        return [int(index) for index in indices[0]]


def _written(values: Features, name: str, row: int) -> str:
    return f"{float(values.of(name)[row]):.2f}" if values.measured(name)[row] else "–"


def _named(split: str, row: int) -> str:
    return f"{SPLITS[split].split()[0].capitalize()} image {row:,}"


def pixels_html(image: np.ndarray, name: str) -> str:
    """An image (28, 28) uint8 with each pixel's value written into it."""
    cells = "".join(
        # Black on bright and white on dark; what is blank stays blank, or nothing would be seen.
        f"<i style='background:rgb({v},{v},{v});color:{'#000' if v > 127 else '#fff'}'>"
        f"{v or ''}</i>"
        for v in image.ravel().tolist()
    )
    return (
        f"<div class='ml-pixel-grid' role='img' aria-label='{ui.escape(name)} with the values of "
        f"its pixels, 0 to 255'>{cells}</div>"
    )
