"""Odd images: outsiders of their class, doubtful ones, duplicates, wrong labels."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary

import ipywidgets as widgets
import numpy as np

from mnistlab.data.label_errors import LABEL_ERRORS, applies_to
from mnistlab.metrics.outliers import (
    exact_duplicates,
    far_from_class,
    least_confident,
    near_duplicates,
)
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.tiles import Tiles
from mnistlab.ui.explore.material import Material
from mnistlab.ui.explore.state import ExploreState
from mnistlab.ui.state import AppState

SHOWN = 20
KINDS = {
    "far": "Farthest from their class",
    "unsure": "Least confident",
    "labels": "Published label errors",
    "twins": "Duplicates across train and test",
}


@dataclass(frozen=True, eq=False)
class Found:
    """Images of a kind: where each is, its caption, and a sentence about all."""

    places: list[tuple[str, int]]
    captions: list[str]
    text: str


class Odd:
    """`widget` is all of it; `paint` fills it when it is first seen."""

    def __init__(
        self, app: AppState, state: ExploreState, open_image: Callable[[str, int], None]
    ) -> None:
        self._app, self._state, self._open = app, state, open_image
        self._known: WeakKeyDictionary[Material, dict[str, Found]] = WeakKeyDictionary()
        self._thread: threading.Thread | None = None
        self.kind = widgets.Dropdown(
            options=[(text, kind) for kind, text in KINDS.items()], description="Show"
        )
        self.kind.observe(self._guard(lambda _: self.paint()), "value")
        self._text = widgets.HTML()
        self._tiles = Tiles(self._guard, 2 * SHOWN, self._on_tile)
        tools = ui.classed(widgets.Box([self.kind]), "ml-tools")
        self.widget = ui.classed(widgets.VBox([tools, self._text, self._tiles.widget]), "ml-odd")

    @property
    def found(self) -> Found | None:
        """What is shown, None while it is being sought."""
        return self._known.get(self._state.material, {}).get(self.kind.value)

    def paint(self) -> None:
        """Show the chosen kind; what takes seconds is sought in a thread."""
        if self.found is not None:
            self._show(self.found)
            return
        self._text.value = "<p class='ml-note' role='status'>Looking …</p>"
        material, kind = self._state.material, self.kind.value
        self._thread = ui.start_thread(
            partial(self._seek, material, kind), lambda: setattr(self._text, "value", "")
        )

    def wait(self, timeout: float = 60.0) -> None:
        """Block until what is sought is found."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return ui.guard(self._app, handler)

    def _seek(self, material: Material, kind: str) -> None:
        try:
            found = _FINDERS[kind](material)
        except Exception as error:  # a thread's failure must reach the status line as well
            ui.log.exception("odd images")
            self._app.say(f"{KINDS[kind]}: could not be found ({error}); see the log.", "error")
            return
        with self._app.lock:
            self._known.setdefault(material, {})[kind] = found
            if self._state.material is material and self.kind.value == kind:
                self._show(found)

    def _show(self, found: Found) -> None:
        material: Material = self._state.material
        images = [material.take(split, [row])[0] for split, row in found.places]
        self._text.value = f"<p class='ml-note' role='status'>{ui.escape(found.text)}</p>"
        self._tiles.show(
            np.stack(images) if images else np.zeros((0, 28, 28), np.uint8),
            found.captions,
            [f"{split} image {row:,}" for split, row in found.places],
            f"{found.text} {', '.join(found.captions)}",
        )

    def _on_tile(self, place: int) -> None:
        if self.found is not None:
            self._open(*self.found.places[place])


def _far(material: Material) -> Found:
    labels = material.labels("train")
    rows = far_from_class(material.codes, labels, SHOWN // 10)
    how = "pixels" if material.neighbours is None else "the CNN's penultimate layer"
    return Found(
        [("train", int(row)) for row in rows],
        [str(labels[row]) for row in rows],
        f"Of each digit, up to two training images farthest from the mean of all its images, by "
        f"{how}. Below each its label: look whether it is right."
        if len(rows)
        else "No digit has training images that differ.",
    )


def _unsure(material: Material) -> Found:
    if not len(material.labels("test")):
        return Found([], [], "There are no test images.")
    rows = least_confident(material.test_proba, SHOWN)
    labels, read = material.labels("test"), material.test_proba.argmax(1)
    wrong = int((read[rows] != labels[rows]).sum())
    return Found(
        [("test", int(row)) for row in rows],
        [f"{labels[row]}→{read[row]}" for row in rows],
        "Test images of which the pretrained CNN is least sure: label → what it reads. "
        f"It misreads {wrong} of these {len(rows)}.",
    )


def _labels(material: Material) -> Found:
    if not applies_to(material.dataset):
        return Found([], [], "Label errors are published for MNIST only.")
    captions = [
        f"{error.given}→{'?' if error.corrected is None else error.corrected}"
        for error in LABEL_ERRORS
    ]
    return Found(
        [("test", error.index) for error in LABEL_ERRORS],
        captions,
        "The 15 test labels that most of five raters did not confirm (Northcutt et al. 2021): "
        "given → what most raters read, ? where they did not agree or saw no digit. A model that "
        "reads all 10,000 test images “right” has learned these by heart.",
    )


def _twins(material: Material) -> Found:
    x_train, x_test = (material.images(split) for split in ("train", "test"))
    if not len(x_test):
        return Found([], [], "There are no test images that could be duplicates.")
    exact = exact_duplicates(x_train, x_test)
    near = near_duplicates(x_train, x_test, SHOWN)
    places = [place for twins in near for place in (("test", twins.test), ("train", twins.train))]
    captions = [caption for twins in near for caption in (f"{twins.distance:.1f}", "train")]
    number = "1 test image is" if len(exact) == 1 else f"{len(exact):,} test images are"
    number = number if exact else "No test image is"
    return Found(
        places,
        captions,
        f"{number} in the training set pixel by pixel. The nearest pairs, each test image before "
        "its training image, with the root mean square difference of their pixels (of 255).",
    )


_FINDERS: dict[str, Callable[[Material], Found]] = {
    "far": _far,
    "unsure": _unsure,
    "labels": _labels,
    "twins": _twins,
}
